"""What methods made right and wrong, and where they are switched off, as people read it; and a taught model's line."""

from collections.abc import Iterable

import pytest
from msgspec import structs
from tests.report.synthetic_run import TOP, ledger

from detent.report import Budget, method_document, method_text, render, status_document, status_text, tell
from detent.report.figures import lineage
from detent.report.rows import batches, methods
from detent.values import (
    CandidateTrained,
    DataMade,
    Decided,
    Entry,
    Flipped,
    Flips,
    IntentWritten,
    Origin,
    Profiled,
    Proposed,
    Tuned,
    Tuning,
    Use,
    fold,
    sha256_hex,
)

BUDGET = Budget(0.05, 0.00056, {"5": 1271})
USES = {"dpo": {"copy": Use(1.0, "little seen of it yet"), "sort": Use(0.0, "switched off: as it happened")}}


def taught(entries: Iterable[Entry], method: Tuning = "dpo") -> list[Entry]:
    """A ledger in whose every generation candidates were taught further, and the last models stand for them."""
    found: list[Entry] = []
    new: dict[str, str] = {}
    for entry in entries:
        match entry:
            case Proposed():
                found.append(structs.replace(entry, proposal=structs.replace(entry.proposal, uses=USES)))
            case CandidateTrained(digest=digest, parent=parent, member=member):
                found.append(structs.replace(entry, parent=new.get(parent, parent)))
                new[digest] = sha256_hex(digest.encode())
                if member == 1:
                    pair = [one for one in found[-2:] if isinstance(one, CandidateTrained)]
                    found += [tuned(one, new[one.digest], method) for one in pair]
                    found.append(flips(entry, method))
            case Profiled(profile=profile):
                subject = new.get(profile.subject, profile.subject)
                found.append(structs.replace(entry, profile=structs.replace(profile, subject=subject)))
            case IntentWritten(intent=intent):
                incumbent = new.get(intent.incumbent, intent.incumbent)
                intent = structs.replace(intent, candidate=new[intent.candidate], incumbent=incumbent)
                found.append(structs.replace(entry, intent=intent))
            case Decided():
                changes = {
                    "incumbent": new.get(entry.incumbent, entry.incumbent),
                    "candidate": new.get(entry.candidate, entry.candidate),
                    "team": tuple(new.get(one, one) for one in entry.team),
                }
                found.append(structs.replace(entry, **changes))
            case _:
                found.append(entry)
    return found


def tuned(parent: CandidateTrained, digest: str, method: Tuning) -> Tuned:
    return Tuned(
        at=parent.at,
        generation=parent.generation,
        member=parent.member,
        method=method,
        digest=digest,
        parent=parent.digest,
        judge="",
        data=("d" * 64,) if method == "dpo" else (),
        stream="",
        steps=30,
        seed=1,
        rate=2e-4,
        beta=0.1,
        parameters=parent.parameters,
        flops=1e9,
        precision="float32",
        losses=(0.7,),
        change={"w": 0.1},
    )


def flips(after: CandidateTrained, method: Tuning) -> Flipped:
    counts = {"copy": Flips(12, 3, 120)}
    return Flipped(at=after.at, generation=after.generation, method=method, data="", flips=counts, stream="")


def test_every_taught_model_comes_from_its_candidate_and_that_from_the_model_before() -> None:
    story = tell(taught(ledger(8)), "digits", "", TOP)
    known = {model.digest: model for model in story.models}
    further = [model for model in story.models if model.method == "dpo"]
    assert len(further) == 16
    for model in further:
        before = known[model.parent]
        assert (before.fate, before.generation, before.member) == (
            "taught further",
            model.generation,
            model.member,
        )
        assert known[before.parent].fate != "taught further"
    assert {m.generation for m in story.models if m.parent not in known} == {0}
    assert [m.digest for m in story.models if m.fate == "in force"] == [story.state.incumbent]


def test_the_picture_has_one_place_a_member_and_the_table_has_every_model() -> None:
    story = tell(taught(ledger(8)), "digits", "", TOP)
    figure = lineage(story)
    assert str(figure.drawing).count('class="dot ') == 2 + 8 * 2
    assert len(figure.table.rows) == len(story.models) == 2 + 8 * 4
    fates = [row[4] for row in figure.table.rows]
    assert fates.count("taught further") == 16
    assert sum("a judge's preferences (DPO)" in row[-1] for row in figure.table.rows) == 16


def test_a_model_that_scores_left_as_it_was_is_told_once() -> None:
    entries = taught(ledger(1), "grpo")
    place = next(i for i, e in enumerate(entries) if isinstance(e, Tuned))
    one = entries[place]
    assert isinstance(one, Tuned)
    same = structs.replace(one, digest=one.parent, change={"w": 0.0})
    story = tell([*entries[:place], same], "digits", "", TOP)
    assert [m.fate for m in story.models if m.generation == 1] == ["not decided", "not decided"]


def test_each_generations_flips_stand_in_a_row_and_what_is_switched_off_once() -> None:
    table = methods(tell(taught(ledger(2)), "digits", "", TOP))
    assert table is not None
    assert table.rows == (
        ("1", "dpo", "copy", "12", "3", "120", "1.000"),
        ("1", "dpo", "sort", "-", "-", "-", "switched off"),
        ("2", "dpo", "copy", "12", "3", "120", "1.000"),
    )
    assert methods(tell(ledger(2), "digits", "", TOP)) is None
    assert "switched off" in render(tell(taught(ledger(2)), "digits", "", TOP))
    assert "What each method made right and wrong" not in render(tell(ledger(2), "digits", "", TOP))


def test_status_adds_up_what_a_method_did_and_says_how_much_it_is_used() -> None:
    state = fold(taught(ledger(2)))
    found = method_document(state, ("self_label", "dpo", "grpo"))
    assert found["dpo"]["copy"] == {"helped": 24, "harmed": 6, "asked": 240, "share": 1.0}
    assert found["dpo"]["sort"] == {"helped": 0, "harmed": 0, "asked": 0, "share": 0.0}
    assert found["grpo"] == {}
    document = status_document(state, "ready", BUDGET, "2026-01-31T12:00:00Z") | {"methods": found}
    text = status_text(document)
    assert "24 made right and 6 wrong of 240 audited; used 1.000" in text
    assert "nothing audited yet; switched off" in text
    assert "methods" not in status_text(status_document(state, "ready", BUDGET, "2026-01-31T12:00:00Z"))


@pytest.mark.parametrize(
    ("share", "said"), [(None, "not proposed yet"), (0.6, "used .600"), (0.0, "switched off")]
)
def test_a_share_is_said_as_what_it_is(share: float | None, said: str) -> None:
    assert method_text({"helped": 1, "harmed": 0, "asked": 9, "share": share}).endswith(said)


def test_a_file_of_preferences_is_not_called_true_answers() -> None:
    entries = ledger(1)
    place = max(i for i, e in enumerate(entries) if isinstance(e, DataMade))
    one = entries[place]
    assert isinstance(one, DataMade)
    preferred = structs.replace(one, origin=Origin("preferred", ("a" * 64,), "by a judge", "b" * 64))
    told = tell([*entries[: place + 1], preferred, *entries[place + 1 :]], "digits", "", TOP)
    assert [row[2] for row in batches(told).rows] == ["true answers", "self-made", "a judge's preferences"]
