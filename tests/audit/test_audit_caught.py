"""What a stranger who runs it again must catch: in the record itself, or only by asking the models once more."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import structs
from tests.audit import test_audit_forged_charters as charters
from tests.audit import test_audit_forged_gates as gates
from tests.audit import test_audit_forged_people as people
from tests.audit import test_audit_forged_record as record
from tests.audit import test_audit_forged_teaching as teaching
from tests.audit import test_audit_forged_watches as watches
from tests.audit.forging import Forgery, assert_found, forge, forge_rows, places
from tests.audit.replaying import faults, fit, otherwise_wrong, replayed
from tests.audit.scripted_run import ScriptedRun
from tests.engine.test_engine_adapters import adapter, whole

from detent.audit import verify
from detent.engine import ModelStore
from detent.testing.models import write_model
from detent.values import (
    CandidateTrained,
    Decided,
    IntentWritten,
    Profiled,
    Score,
)

LAST = 3
"""The generation after which nothing was drawn from the ledger's root: its record can be edited and fits again."""


@dataclass(frozen=True)
class Caught:
    """What is done, which phrase of the requirement it tries, and who must find it.

    base: which run. generation: replayed, where only that can find it. fires: wires that fire when they are read
    again.
    """

    phrase: str
    forgery: Forgery
    by: str = "verify"
    base: str = "run"
    generation: int = LAST
    fires: tuple[tuple[str, int], ...] = ()


def by_replay(phrase: str, forgery: Forgery, generation: int = LAST, base: str = "run") -> Caught:
    """What the record does not show by itself."""
    return Caught(phrase, forgery, "replay", base, generation)


def freeze_later(run: ScriptedRun) -> None:
    """The seal is opened for a candidate that is trained when its problems are known."""
    entries = run.record()
    intent, trained = places(run, IntentWritten)[0], places(run, CandidateTrained)[0]
    entries.insert(trained, entries.pop(intent))
    run.rewrite(entries)


def leave_generation_out(run: ScriptedRun) -> None:
    """The second generation never was; the third is the second."""
    kept = (entry for entry in run.entries() if entry.generation != 2)
    run.rewrite([structs.replace(entry, generation=min(entry.generation, 2)) for entry in kept])


def edit_and_fit(run: ScriptedRun) -> None:
    """The same in an opening that was passed: the streams of what was measured afterwards are computed again."""
    forge_rows(run, otherwise_wrong)
    fit(run, run.record())


def swap_weights(run: ScriptedRun) -> None:
    """Other weights in a candidate's place, its new digest wherever the old one stood: all hashes are right."""
    swap_model(run, write_model(run.folder / "staging" / "swapped", b'[999, 1.1, ""]'.ljust(64)))


def swap_kind(run: ScriptedRun) -> None:
    """The same by a model of another architecture, which no training makes of the parent."""
    staged = write_model(run.folder / "staging" / "swapped", b'[999, 1.1, ""]'.ljust(64))
    (staged / "config.json").write_text('{"model_type": "another"}\n', "utf-8")
    swap_model(run, staged)


def swap_base(run: ScriptedRun) -> None:
    """The same by an adapter of a base that the run never had."""
    models, staging = ModelStore(run.folder / "models"), run.folder / "staging"
    swap_model(run, adapter(staging / "swapped", models.admit(whole(staging / "base"))))


def swap_model(run: ScriptedRun, staged: Path) -> None:
    """Put it in the newest candidate's place, and its digest wherever that one's stood."""
    old = next(e for e in reversed(run.entries()) if isinstance(e, CandidateTrained)).digest
    new = ModelStore(run.folder / "models").admit(staged)
    shutil.rmtree(run.folder / "models" / old)
    run.rewrite([data.replace(old.encode(), new.encode()) for data in run.record()])


def flatter_a_profile(run: ScriptedRun) -> None:
    """A screened-out candidate is said to have had one answer more right in the open."""
    nth = max(n for n, e in enumerate(profiled(run)) if e.purpose == "visible")
    profile = profiled(run)[nth].profile
    task, scores = next(iter(profile.scores.items()))
    top = Score(scores[-1].right + 1, scores[-1].asked)
    changed = structs.replace(profile, scores=profile.scores | {task: (*scores[:-1], top)})
    forge(run, Profiled, nth, profile=changed)


def profiled(run: ScriptedRun) -> list[Profiled]:
    return [entry for entry in run.entries() if isinstance(entry, Profiled)]


def go_on_from_the_worse(run: ScriptedRun) -> None:
    """Training goes on from a candidate that did not look better than its member."""
    made = [e.digest for e in run.entries() if isinstance(e, CandidateTrained)][-2:]
    decided = [e for e in run.entries() if isinstance(e, Decided)][-1]
    assert decided.decision == "discard"
    forge(run, Decided, LAST, decision="carry", team=(made[0], decided.team[1]))


CAUGHT: dict[str, Caught] = {
    "an undecided verdict is called better": Caught(
        "a verdict edited", gates.OUTCOMES["better is claimed of an undecided opening"]
    ),
    "an easier problem is put among the items": Caught(
        "problems swapped", gates.ANSWERS["an easier problem is put among the items"]
    ),
    "the intent is written again later, to try another seed": Caught(
        "the seal opened early", gates.ANSWERS["the intent is written again later, to try another seed"]
    ),
    "the seal is opened for a candidate that was trained when its problems were known": Caught(
        "the seal opened early",
        Forgery(freeze_later, "intents", "a candidate that this generation trained before the intent"),
    ),
    "an outcome stands before its intent": Caught(
        "the seal opened early", record.RECORD["an outcome stands before its intent"]
    ),
    "the incumbent changes without a promotion": Caught(
        "an incumbent exchanged", record.DECISIONS["the incumbent changes without a promotion"]
    ),
    "the candidate is tested against an older model": Caught(
        "an incumbent exchanged", gates.INTENTS["the candidate is tested against an older model"]
    ),
    "labels are by somebody else": Caught(
        "labels of unknown origin", teaching.DATA["labels are by somebody else"]
    ),
    "labels are said to be the team's, and are the true answers": by_replay(
        "labels of unknown origin", Forgery(lambda _: None, "labels", "recorded, "), 1, "flattered"
    ),
    "a candidate is promoted before anybody answered": Caught(
        "a decision without an approval it needed",
        people.ANSWERS["a candidate is promoted before anybody answered"],
        base="peopled",
    ),
    "one generation too many is turned": Caught(
        "a lease overdrawn", record.WHO_DECIDES["one generation too many is turned"]
    ),
    "a generation is left out, and the others are counted anew": Caught(
        "a generation left out", Forgery(leave_generation_out, "lineage", "expected, got")
    ),
    "a wire was not read": Caught(
        "alarms suppressed", watches.WATCHES["a wire was not read"], base="peopled"
    ),
    "a wire that fired was written down as quiet, and all that followed fits": Caught(
        "alarms suppressed",
        Forgery(lambda _: None, "alarms", "drift fired expected"),
        "replay",
        "watched",
        1,
        (("drift", 1),),
    ),
    "an amendment is signed by the new stewards alone": Caught(
        "a charter amended without quorum",
        charters.AMENDMENTS["an amendment is signed by the new stewards alone"],
        base="peopled",
    ),
    "one recorded answer is another one, and no count changes": by_replay(
        "recorded answers edited consistently",
        Forgery(lambda run: forge_rows(run, otherwise_wrong, 1), "opening", "the candidate answered"),
        2,
        "leased_once",
    ),
    "one is, and what is drawn from the ledger's root is said to come from the new one": by_replay(
        "recorded answers edited consistently",
        Forgery(edit_and_fit, "opening", "the candidate answered"),
        1,
        "promoted_last",
    ),
    "the answers of the gate are better than the model, and all counts follow": by_replay(
        "recorded answers edited consistently",
        Forgery(lambda _: None, "opening", "the candidate answered"),
        1,
        "flattered",
    ),
    "a fresh profile is better than its model": by_replay(
        "recorded answers edited consistently",
        Forgery(lambda _: None, "fresh", "right of 64 recorded"),
        1,
        "flattered",
    ),
    "a visible profile is better than its model": by_replay(
        "recorded answers edited consistently", Forgery(flatter_a_profile, "visible", "recorded, ")
    ),
    "a model's weights are swapped, and its digest is computed again": by_replay(
        "weights swapped and their digest recomputed", Forgery(swap_weights, "visible", "member 1, ")
    ),
    "a model of another kind is put in a candidate's place, and its digest is computed again": Caught(
        "weights swapped and their digest recomputed",
        Forgery(swap_kind, "models", "with its parent's architecture expected, with model_type 'none', got"),
    ),
    "an adapter of another base is put in a candidate's place, and its digest is computed again": Caught(
        "weights swapped and their digest recomputed",
        Forgery(swap_base, "models", "a whole model expected"),
    ),
    "training goes on from a candidate that looked worse": Caught(
        "a decision that does not follow", Forgery(go_on_from_the_worse, "decisions", "the team ")
    ),
}

PHRASES = (
    "a verdict edited",
    "problems swapped",
    "the seal opened early",
    "an incumbent exchanged",
    "labels of unknown origin",
    "a decision without an approval it needed",
    "a lease overdrawn",
    "a generation left out",
    "alarms suppressed",
    "a charter amended without quorum",
    "recorded answers edited consistently",
    "weights swapped and their digest recomputed",
    "a decision that does not follow",
)


def test_every_phrase_of_the_requirement_is_tried() -> None:
    assert {caught.phrase for caught in CAUGHT.values()} == set(PHRASES)


@pytest.mark.parametrize("done", [done for done, caught in CAUGHT.items() if caught.by == "verify"])
def test_the_record_shows_it_and_no_model_need_be_asked(done: str, request: pytest.FixtureRequest) -> None:
    caught = CAUGHT[done]
    assert_found(request.getfixturevalue(caught.base), caught.forgery)


@pytest.mark.parametrize("done", [done for done, caught in CAUGHT.items() if caught.by == "replay"])
def test_the_record_holds_by_itself_and_asking_again_shows_it(
    done: str, request: pytest.FixtureRequest
) -> None:
    caught = CAUGHT[done]
    run: ScriptedRun = request.getfixturevalue(caught.base)
    caught.forgery.tamper(run)
    assert not verify(run.evidence()).faults
    rerun = replayed(run, caught.generation, fires=caught.fires)
    assert caught.forgery.says in faults(rerun, caught.forgery.check)


def test_the_page_says_by_which_command_each_is_found() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verifying.md").read_text("utf-8")
    section = page.split("## What must be caught")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-z ]+) \| (.*) \|$", section, re.MULTILINE)
    said = {phrase: set(re.findall(r"`(\w+)`", cell)) for phrase, cell in rows if cell != "found by"}
    assert said == {
        phrase: {caught.by for caught in CAUGHT.values() if caught.phrase == phrase} for phrase in PHRASES
    }
