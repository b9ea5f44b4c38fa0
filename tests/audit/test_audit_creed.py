"""A judge that prefers by principle: what it is taught, what it compares, what that changes, what is found of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.audit.creed_run import CREED, CreedWorker, creed_run
from tests.audit.forging import Forgery, assert_found, data_file, forge, rename_data
from tests.audit.replaying import faults, replayed
from tests.audit.scripted_run import SOFTWARE, ScriptedRun

from detent.audit import verify
from detent.tasks.malformed import FORM
from detent.values import (
    PROCESSOR,
    DataMade,
    Flipped,
    Flips,
    JudgeTrained,
    Preference,
    Proposed,
    Source,
    Tuned,
)


@pytest.fixture(scope="module")
def creed(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    return creed_run(tmp_path_factory.mktemp("creed") / "run")


@pytest.fixture
def run(creed: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return creed.copy(tmp_path / "run")


def of(run: ScriptedRun, kind: type[Any]) -> list[Any]:
    return [entry for entry in run.entries() if isinstance(entry, kind)]


def preferred(run: ScriptedRun, generation: int = 1) -> int:
    """Which data file has that generation's preferences."""
    return [(one.origin.source, one.generation) for one in of(run, DataMade)].index(("preferred", generation))


def rows_of(run: ScriptedRun, generation: int = 1) -> list[Preference]:
    content = data_file(run, preferred(run, generation)).read_bytes()
    return msgspec.json.Decoder(Preference).decode_lines(content)


def by(name: str, rows: list[Preference]) -> list[Preference]:
    return [row for row in rows if row.task.startswith(f"P/{name}/")]


def test_a_run_whose_judge_prefers_by_principle_verifies(creed: ScriptedRun) -> None:
    findings = verify(creed.evidence())
    assert not findings.faults, findings.lines


@pytest.mark.parametrize("generation", range(4))
def test_it_is_equal_when_all_of_it_is_made_again(creed: ScriptedRun, generation: int) -> None:
    for here in (SOFTWARE, SOFTWARE | {PROCESSOR: "slide rule"}):
        rerun = replayed(creed, generation, kind=CreedWorker, here=here)
        assert rerun.differing == []
        made = {remade.finding.check for remade in rerun.made}
        assert ({"preferences", "flips"} <= made) == (generation > 0)


def test_the_judge_learns_of_principles_beside_answers_in_every_generation(creed: ScriptedRun) -> None:
    files = {one.origin.source: one for one in of(creed, DataMade)[:3]}
    corrections = files["corrections"]
    for judge in of(creed, JudgeTrained):
        (told,) = [source for source in judge.data if source.data == corrections.digest]
        assert told.weight == 0.2
        assert {rung.task for rung in told.rungs} == {name for name in corrections.counts if name[:2] == "P/"}
        assert sum(source.weight for source in judge.data) == pytest.approx(1.2)


def test_every_principle_has_preferences_of_its_own_and_no_prompt_is_compared_twice(
    creed: ScriptedRun,
) -> None:
    rows = rows_of(creed)
    assert by("alphabet", rows)
    assert by("malformed", rows)
    assert by("unsure", rows)
    asked = Counter(row.prompt for row in rows if row.task.startswith("P/"))
    assert set(asked.values()) == {1}
    assert not asked.keys() & {row.prompt for row in rows if not row.task.startswith("P/")}


def test_a_judge_prefers_what_keeps_to_the_principle_and_never_a_sign_of_the_question(
    creed: ScriptedRun,
) -> None:
    rows = rows_of(creed)
    assert {row.chosen for row in by("malformed", rows)} == {"?"}
    assert not any(FORM.fullmatch(row.prompt) for row in by("malformed", rows))
    assert all(row.rejected.endswith("x") for row in [*by("alphabet", rows), *by("unsure", rows)])
    assert {row.chosen for row in by("unsure", rows)} > {"?"}
    assert not any("?" in row.chosen + row.rejected for row in rows if not row.task.startswith("P/"))
    assert not any("~" in row.chosen + row.rejected for row in rows if row.task.startswith("P/"))


def test_what_is_made_right_by_principle_is_counted_beside_tasks_and_steers_the_next_use(
    creed: ScriptedRun,
) -> None:
    first = next(one for one in of(creed, Flipped) if one.method == "dpo").flips
    assert set(first) == {"copy", "reverse", "P/alphabet", "P/malformed", "P/unsure"}
    assert first["P/malformed"].helped == first["P/malformed"].asked >= 2 * 24
    uses = [one.proposal.uses["dpo"] for one in of(creed, Proposed)]
    assert all(set(one) == set(first) for one in uses)
    assert "made 0 right" not in uses[1]["P/malformed"].because
    assert "right and 0 wrong" in uses[1]["P/malformed"].because


def test_without_the_constitution_among_the_methods_nobody_prefers_by_it(tmp_path: Path) -> None:
    run = creed_run(tmp_path / "run", CREED.replace('"constitution", ', ""))
    assert not verify(run.evidence()).faults
    assert not [row for row in rows_of(run) if row.task.startswith("P/")]
    assert set(of(run, Proposed)[0].proposal.uses["dpo"]) == {"copy", "reverse"}
    lessons, answers = of(run, JudgeTrained)[0].data
    assert (lessons.weight, answers.weight) == (0.5, 0.5)


def forge_rows(
    run: ScriptedRun, change: Callable[[list[Preference]], list[Preference]], generation: int = 1
) -> None:
    """Change a file of preferences, its counts, and every entry that names it."""
    rows, nth = change(rows_of(run, generation)), preferred(run, generation)
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        levels = counts.setdefault(row.task, {})
        levels[str(row.level)] = levels.get(str(row.level), 0) + 1
    forge(run, DataMade, nth, counts=counts)
    rename_data(run, nth, msgspec.json.Encoder().encode_lines(rows))


def the_first(name: str, **fields: Any) -> Callable[[ScriptedRun], None]:
    """Change the first preference by that principle."""

    def change(rows: list[Preference]) -> list[Preference]:
        place = rows.index(by(name, rows)[0])
        return [*rows[:place], structs.replace(rows[place], **fields), *rows[place + 1 :]]

    return lambda run: forge_rows(run, change)


def untold(run: ScriptedRun) -> None:
    """The judge of generation 1 is said to have learnt of answers alone."""
    one = of(run, JudgeTrained)[1]
    forge(run, JudgeTrained, 1, data=tuple(source for source in one.data if source.weight != 0.2))


def told_more(run: ScriptedRun) -> None:
    one = of(run, JudgeTrained)[1]
    data = tuple(Source(s.data, 5.0, s.rungs) if s.weight == 0.2 else s for s in one.data)
    forge(run, JudgeTrained, 1, data=data)


def forge_flips(run: ScriptedRun, name: str, flips: Flips) -> None:
    place = next(n for n, one in enumerate(of(run, Flipped)) if one.method == "dpo")
    forge(run, Flipped, place, flips={**of(run, Flipped)[place].flips, name: flips})


def offered_less(run: ScriptedRun) -> None:
    offered = of(run, DataMade)[preferred(run)].offered
    less = {name: levels for name, levels in offered.items() if not name.startswith("P/unsure/")}
    forge(run, DataMade, preferred(run), offered=less)


DRAWN = "a prompt that was drawn for the candidates"
FORGED = {
    "a preference stands under another principle's name": Forgery(
        the_first("malformed", task="P/alphabet/copy"), "data", DRAWN
    ),
    "a preference by principle is said to be one of rightness": Forgery(
        the_first("unsure", task="copy"), "data", DRAWN
    ),
    "it goes by a principle that the constitution does not have": Forgery(
        the_first("malformed", task="P/cruelty/copy"), "data", DRAWN
    ),
    "saying ? is preferred where nobody drew the prompt": Forgery(
        the_first("unsure", prompt="C123456=", chosen="?"), "data", DRAWN
    ),
    "saying ? is preferred where rightness counts": Forgery(
        lambda run: forge_rows(run, lambda rows: [structs.replace(rows[0], chosen="?"), *rows[1:]]),
        "data",
        "neither with the sign that asks",
    ),
    "an answer answers the judge's question itself": Forgery(
        the_first("malformed", chosen="1~malformed~Y"), "data", "neither with the sign that asks"
    ),
    "another judge preferred": Forgery(
        lambda run: forge(
            run,
            DataMade,
            preferred(run),
            origin=structs.replace(
                of(run, DataMade)[preferred(run)].origin, judge=of(run, JudgeTrained)[1].digest
            ),
        ),
        "data",
        "preferences as",
    ),
    "problems of a principle are said not to have been asked": Forgery(offered_less, "data", "from stream"),
    "asking by principle is said to have cost nothing": Forgery(
        lambda run: forge(run, DataMade, preferred(run), flops=1e6),
        "data",
        "for these prompts and models expected",
    ),
    "the judge is said to have learnt of no principle": Forgery(
        untold, "lineage", "the lessons and answers on record"
    ),
    "the judge is said to have learnt of little else": Forgery(
        told_more, "lineage", "the lessons and answers on record"
    ),
    "a principle is left out of the audit": Forgery(
        lambda run: forge(
            run,
            Flipped,
            next(n for n, one in enumerate(of(run, Flipped)) if one.method == "dpo"),
            flips={"copy": Flips(0, 0, 48), "reverse": Flips(0, 0, 48)},
        ),
        "tuning",
        "pairs of answers expected",
    ),
    "harm to a principle is hidden, so that it goes on being used": Forgery(
        lambda run: forge_flips(run, "P/malformed", Flips(0, 40, 48)),
        "lineage",
        "the rule's proposal expected",
    ),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_whoever_holds_the_logs_key_is_found_out_when(run: ScriptedRun, forgery: Forgery) -> None:
    assert_found(run, forgery)


def test_a_preference_that_the_judge_does_not_have_is_found_by_asking_again(run: ScriptedRun) -> None:
    """A verifier cannot see it: both answers could have been written there."""

    def turned(rows: list[Preference]) -> list[Preference]:
        place = rows.index(by("malformed", rows)[0])
        row = rows[place]
        other = structs.replace(row, chosen=row.rejected, rejected=row.chosen)
        return [*rows[:place], other, *rows[place + 1 :]]

    forge_rows(run, turned, generation=3)
    assert not verify(run.evidence()).faults
    for here in (SOFTWARE, SOFTWARE | {PROCESSOR: "slide rule"}):
        said = faults(replayed(run, 3, kind=CreedWorker, here=here), "preferences")
        assert "before '?' by malformed" in said


@dataclass
class Content(CreedWorker):
    """Its judge finds that everything keeps to every principle, some of it more surely."""

    def _chance(self, question: str) -> float:
        found = super()._chance(question)
        return max(found, -0.5) if question.endswith("~") else found


def test_of_two_answers_that_keep_to_a_principle_none_is_better(creed: ScriptedRun) -> None:
    by_principle = len([row for row in rows_of(creed) if row.task.startswith("P/")])
    said = faults(replayed(creed, 1, kind=Content), "preferences")
    assert said.count("recorded, nothing that was preferred again") == by_principle
    elsewhere = replayed(creed, 1, kind=Content, here=SOFTWARE | {PROCESSOR: "slide rule"})
    assert faults(elsewhere, "preferences").count("not preferred again") == by_principle


def test_members_are_taught_by_one_file_of_both_kinds(creed: ScriptedRun) -> None:
    data = of(creed, DataMade)[preferred(creed)]
    assert {one.data for one in of(creed, Tuned) if one.generation == 1} == {(data.digest,)}
    assert {name.startswith("P/") for name in data.counts} == {True, False}
