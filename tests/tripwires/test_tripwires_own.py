"""A tripwire of the author's own: what it is given, what its answer means, what is found out before it is signed."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from detent.errors import TaskError
from detent.tasks import Limits, Lookout, lookout
from detent.tasks._rules import LONGEST_SENTENCE
from detent.tripwires import CATALOGUE, own
from detent.values import Reading, Score

QUICK = Limits(seconds=1.0)
TOPS = {"copy": 3, "reverse": 2}

NUMBERS = own.Numbers(
    generation=2,
    promoted=True,
    ladder=own.LadderNumbers(0.25, 0.5, ((0, 0.125), (1, 0.25))),
    tasks={"copy": own.TaskNumbers((Score(3, 4), Score(1, 4)), (Score(4, 4), Score(0, 4)), 1.5, None)},
    flops=2.5e12,
    readings=own.reading_numbers([Reading("budget", "quiet", "all is well", 0.5, 1.0, "GB", ("disk",))]),
)

GIVEN = {
    "generation": 2,
    "promoted": True,
    "ladder": {"incumbent": 0.25, "candidate": 0.5, "earlier": [[0, 0.125], [1, 0.25]]},
    "tasks": {
        "copy": {"visible": [[3, 4], [1, 4]], "fresh": [[4, 4], [0, 4]], "horizon": 1.5, "audit": None}
    },
    "flops": 2.5e12,
    "readings": {"budget": {"status": "quiet", "statistic": 0.5, "limit": 1.0}},
}


def made(folder: Path, body: str) -> Lookout:
    (folder / "mine.py").write_text(f"import json\n\ndef watch(numbers):\n    {body}\n")
    return lookout("mine", "mine.py:watch", folder, limits=QUICK)


def test_the_function_is_given_totals_as_json_and_nothing_else(tmp_path: Path) -> None:
    assert msgspec.json.decode(msgspec.json.encode(NUMBERS)) == GIVEN
    said = own.watch(made(tmp_path, "return json.dumps(numbers)"), NUMBERS).said
    assert json.loads(said) == GIVEN


def test_none_is_quiet_and_a_sentence_has_fired(tmp_path: Path) -> None:
    assert own.watch(made(tmp_path, "return None"), NUMBERS) == Reading("mine", "quiet", own.QUIET)
    found = own.watch(made(tmp_path, 'return "too slow"'), NUMBERS)
    assert found == Reading("mine", "fired", "too slow")
    assert found.fired


def test_one_that_answers_for_both_kinds_of_candidate_passes_vetting(tmp_path: Path) -> None:
    body = (
        "return None if numbers['ladder']['candidate'] is None else "
        "f\"{sum(map(len, (t['fresh'] for t in numbers['tasks'].values())))} {sorted(numbers['readings'])[0]}\""
    )
    own.vet(made(tmp_path, body), TOPS, CATALOGUE)


REFUSED = {
    "it takes a fresh profile for granted": (
        "return None if numbers['tasks']['copy']['fresh'][0] else 'none'",
        "TypeError.*of a candidate that did not pass the gate",
    ),
    "it takes a statistic for granted": (
        "return None if all(r['statistic'] < 2 for r in numbers['readings'].values()) else 'high'",
        "TypeError.*did not pass the gate",
    ),
    "it names a task that is not improved": ("return numbers['tasks']['sort']", "KeyError: 'sort'.*example"),
    "it returns whether all is well": ("return True", "a sentence, or None.*bool True.*that passed the gate"),
    "it hangs": ("while True: pass", "no result after 1 seconds"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_unmeasured_later_is_found_before_anyone_signs(case: str, tmp_path: Path) -> None:
    body, said = REFUSED[case]
    with pytest.raises(TaskError, match=f"tripwire mine: mine.py.*{said}"):
        own.vet(made(tmp_path, body), TOPS, CATALOGUE)


EXAMPLE = Path(__file__).parents[2] / "examples" / "watched"

CLIMBS = {
    "three promotions that gained nothing": ([0.5, 0.502, 0.504], 0.505, True),
    "three promotions that gained enough": ([0.5, 0.502, 0.504], 0.515, False),
    "too few promotions to say": ([0.5, 0.502], 0.503, False),
    "nothing is promoted": ([0.5, 0.502, 0.504], None, False),
    "a slow climb after a steep one": ([0.1, 0.5, 0.502, 0.504], 0.505, True),
}


@pytest.mark.parametrize("case", CLIMBS)
def test_the_example_fires_when_promotions_gain_next_to_nothing(case: str) -> None:
    earlier, candidate, fired = CLIMBS[case]
    ladder = own.LadderNumbers(earlier[-1], candidate, tuple(enumerate(earlier)))
    numbers = msgspec.structs.replace(NUMBERS, ladder=ladder)
    assert own.watch(lookout("slow_climb", "slow_climb.py:watch", EXAMPLE), numbers).fired == fired


def test_the_example_passes_vetting() -> None:
    own.vet(lookout("slow_climb", "slow_climb.py:watch", EXAMPLE), TOPS, CATALOGUE)


PAGE = (Path(__file__).parents[2] / "docs" / "tripwires.md").read_text()
SECTION = PAGE.partition("## A tripwire of your own")[2].partition("\n## ")[0]


def test_the_page_shows_the_example() -> None:
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL))
    assert blocks["python"] == (EXAMPLE / "slow_climb.py").read_text()
    assert blocks["toml"] in (EXAMPLE / "charter.toml").read_text()


def test_every_number_is_on_the_page_and_no_other() -> None:
    named = set(re.findall(r"^\| `([\w.]+)` \|", SECTION, re.MULTILINE))
    ladder = {f"ladder.{field}" for field in own.LadderNumbers.__struct_fields__}
    tasks = {f"tasks.NAME.{field}" for field in own.TaskNumbers.__struct_fields__}
    plain = set(own.Numbers.__struct_fields__) - {"ladder", "tasks", "readings"}
    assert named == plain | ladder | tasks | {"readings.WIRE"}
    assert all(f"`{field}`" in SECTION for field in own.ReadingNumbers.__struct_fields__)


def test_the_limits_on_the_page_are_the_codes() -> None:
    limits = Limits()
    assert f"at most {LONGEST_SENTENCE} characters" in SECTION
    assert f"{limits.seconds:g} seconds and {limits.memory >> 30} GiB of memory" in SECTION
