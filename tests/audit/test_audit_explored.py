"""A run that tries changes is verified clean; whoever holds the log's key and lies about what was tried is found."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs
from tests.audit.exploring_run import LOWER, make_exploring_run
from tests.audit.forging import Forgery, Tamper, assert_found
from tests.audit.scripted_run import ScriptedRun

from detent.audit import verify
from detent.values import (
    Answered,
    CandidateTrained,
    Change,
    Collected,
    DataMade,
    Decided,
    Entry,
    Profiled,
    Proposed,
    Requested,
    Reshape,
    Reshaped,
    Score,
    Suggested,
    Tune,
    Withdrawn,
    decode_entry,
)
from detent.values.folder import folder_digest
from detent.values.shape import Activate, AddBlock, Rotary, WidenMlp

Where = tuple[int, str, str]
"""Generation, trial ("" for the turn itself) and slot."""


def where(entry: Entry) -> Where:
    return entry.generation, "" if entry.trial is UNSET else entry.trial, entry.slot


def at(run: ScriptedRun, generation: int, trial: str, slot: str) -> Any:
    """The entry that stands there."""
    return next(entry for entry in run.entries() if where(entry) == (generation, trial, slot))


def change(run: ScriptedRun, place: Where, **fields: Any) -> None:
    """Change fields of the entry that stands there."""
    edit(run, lambda entry: structs.replace(entry, **fields) if where(entry) == place else entry)


def edit(run: ScriptedRun, made: Callable[[Entry], Entry | None]) -> None:
    """Make something else of every entry, or nothing."""
    found: list[Entry | bytes] = []
    for data in run.record():
        entry = decode_entry(data)
        after = made(entry)
        if after is not None:
            found.append(data if after is entry else after)
    run.rewrite(found)


def drop(run: ScriptedRun, generation: int, trial: str, *slots: str) -> None:
    """Without what stands there; a whole trial where no slot is named."""
    edit(
        run,
        lambda entry: (
            None if where(entry)[:2] == (generation, trial) and (not slots or entry.slot in slots) else entry
        ),
    )


def put(run: ScriptedRun, entry: Entry, before: Where) -> None:
    """One entry more, before that one, at the same time."""
    record = run.entries()
    place = next(number for number, one in enumerate(record) if where(one) == before)
    run.rewrite([*record[:place], structs.replace(entry, at=record[place].at), *record[place:]])


def move(run: ScriptedRun, moved: Where, before: Where) -> None:
    entry = at(run, *moved)
    edit(run, lambda one: None if where(one) == moved else one)
    put(run, entry, before)


def named(run: ScriptedRun, generation: int, trial: str, name: str) -> None:
    """A trial by another name."""
    edit(
        run,
        lambda entry: (
            structs.replace(entry, trial=name) if where(entry)[:2] == (generation, trial) else entry
        ),
    )


def suggest(run: ScriptedRun, *changes: Change) -> None:
    """Other changes in generation 1, and nothing of their trials."""
    change(run, (1, "", "suggested/v1"), changes=changes)


def propose(run: ScriptedRun, generation: int, trial: str = "", **fields: Any) -> None:
    proposal = at(run, generation, trial, "proposal/v1").proposal
    change(
        run,
        (generation, trial, "proposal/v1"),
        proposal=structs.replace(proposal, **fields),
    )


def everywhere(run: ScriptedRun, was: Reshape, now: Reshape) -> None:
    """Another edit wherever generation 1 has that one: suggested, tried, proposed and made."""

    def other(entry: Entry) -> Entry:
        if isinstance(entry, Suggested):
            changes = tuple(now if one == was else one for one in entry.changes)
            return structs.replace(entry, changes=changes)
        if isinstance(entry, Proposed) and entry.proposal.change == was:
            return structs.replace(entry, proposal=structs.replace(entry.proposal, change=now))
        if isinstance(entry, Reshaped) and entry.edit == was.edit:
            return structs.replace(entry, edit=now.edit)
        return entry

    edit(run, other)


def chosen(run: ScriptedRun) -> Reshape:
    """The change of generation 1."""
    found = at(run, 1, "", "proposal/v1").proposal.change
    assert isinstance(found, Reshape)
    return found


def other_model(run: ScriptedRun, place: Where, change_config: Callable[[dict[str, Any]], object]) -> None:
    """Other files of a model, under their own digest wherever the old one stood."""
    old = at(run, *place).digest
    folder = run.folder / "models" / "other"
    shutil.copytree(run.folder / "models" / old, folder)
    config = json.loads((folder / "config.json").read_text())
    change_config(config)
    (folder / "config.json").write_text(json.dumps(config))
    new = folder_digest(folder)
    folder.rename(folder.with_name(new))
    run.rewrite([data.replace(old.encode(), new.encode()) for data in run.record()])


def other_tensors(run: ScriptedRun, place: Where) -> None:
    """As `other_model`, of a tensor more."""
    old = at(run, *place).digest
    folder = run.folder / "models" / "other"
    shutil.copytree(run.folder / "models" / old, folder)
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / "model.safetensors").write_bytes(content)
    new = folder_digest(folder)
    folder.rename(folder.with_name(new))
    run.rewrite([data.replace(old.encode(), new.encode()) for data in run.record()])


def carried_on(run: ScriptedRun) -> None:
    """Generation 1 is not opened, and its team goes on from its candidates all the same."""
    team = tuple(at(run, 1, "", f"candidate/v1/{member}").digest for member in range(2))
    later = ("intent/v1", "outcome/v1", "profile/v1/fresh", "mastery/v1", "request/v1", "answer/v1")
    drop(run, 1, "", *later)
    incumbent = at(run, 0, "", "decision/v1").incumbent
    change(run, (1, "", "decision/v1"), decision="carry", incumbent=incumbent, candidate=team[0], team=team)


def untried(run: ScriptedRun, generation: int) -> None:
    """As if nothing had been suggested."""
    edit(
        run,
        lambda entry: (
            None
            if entry.generation == generation and (entry.trial is not UNSET or isinstance(entry, Suggested))
            else entry
        ),
    )


def taught_on_a_trials_labels(run: ScriptedRun) -> None:
    own, trials = (at(run, 1, trial, "data/v1").digest for trial in ("", "0.0"))
    candidate = at(run, 1, "", "candidate/v1/0")
    data = tuple(
        structs.replace(source, data=trials) if source.data == own else source for source in candidate.data
    )
    change(run, (1, "", "candidate/v1/0"), data=data)


def all_of(*done: Tamper) -> Tamper:
    """One after the other."""

    def tamper(run: ScriptedRun) -> None:
        for one in done:
            one(run)

    return tamper


def withdrawn(trial: str) -> Withdrawn:
    return Withdrawn(generation=1, trial=trial, because="no")


def flattered(run: ScriptedRun, trial: str) -> None:
    """A trial of generation 3 that was right everywhere."""
    profile = at(run, 3, trial, VISIBLE).profile
    scores = {task: (Score(40, 40),) * len(rows) for task, rows in profile.scores.items()}
    change(run, (3, trial, VISIBLE), profile=structs.replace(profile, scores=scores))


def by(change_: Reshape, **fields: Any) -> Reshape:
    return structs.replace(change_, **fields)


FASTER = Tune({"recipe.matrix_rate": 0.05}, "rules")
TURN, SUGGESTED = "", "suggested/v1"
CANDIDATE, VISIBLE, RESHAPED = "candidate/v1/0", "profile/v1/visible/0", "reshaped/v1/0"
DIGEST = "ab" * 32

SUGGESTIONS: dict[str, Forgery] = {
    "an edit that the charter does not let be made": Forgery(
        lambda run: suggest(run, Reshape(AddBlock(1), "rules")), "trials", "an edit among ['rotary'] expected"
    ),
    "a setting that the charter does not let be changed": Forgery(
        lambda run: suggest(run, Tune({"recipe.steps": 60}, "rules")),
        "trials",
        "settings that the charter lets be changed expected",
    ),
    "a setting that no charter lets be changed": Forgery(
        lambda run: suggest(run, Tune({"gate.items.superiority": 1}, "rules")),
        "trials",
        "settings that the charter lets be changed expected",
    ),
    "a setting beyond its bounds": Forgery(
        lambda run: suggest(run, Tune({"recipe.matrix_rate": 5.0}, "rules")), "trials", "from 0.002 to 0.05"
    ),
    "more changes than there are places": Forgery(
        lambda run: suggest(
            run, *at(run, 1, TURN, SUGGESTED).changes, FASTER, Tune({"recipe.matrix_rate": 0.004}, "rules")
        ),
        "trials",
        "at most 3 changes beside the plan as it is expected, got 5",
    ),
    "a change that is tried twice, to be lucky once": Forgery(
        lambda run: suggest(run, *[at(run, 1, TURN, SUGGESTED).changes[0]] * 2), "trials", "got one twice"
    ),
    "a change tried twice under two reasons": Forgery(
        lambda run: suggest(run, FASTER, structs.replace(FASTER, because="again")), "trials", "got one twice"
    ),
    "a proposer whom the charter does not name": Forgery(
        lambda run: suggest(run, structs.replace(FASTER, by="model")), "trials", "proposers rules expected"
    ),
    "changes that are tried before anybody looked at what is weak": Forgery(
        lambda run: drop(run, 1, TURN, "diagnosis/v1"), "trials", "after a diagnosis, expected, got some"
    ),
    "no change is tried although the charter wants it": Forgery(
        lambda run: untried(run, 1), "lineage", "changes tried before the proposal expected, got otherwise"
    ),
    "an edit of a size that nothing has": Forgery(
        lambda run: suggest(run, Reshape(WidenMlp(by=2**50), "rules")), "trials", "an edit among"
    ),
}

TRIALS: dict[str, Forgery] = {
    "a change that was suggested is never tried": Forgery(
        lambda run: drop(run, 1, "3.0"), "lineage", "trial 3.0 to be complete before the proposal expected"
    ),
    "the plan as it is, which all are held against, is never tried": Forgery(
        lambda run: drop(run, 1, "0.0"), "trials", "trial 0.0 to be complete before 0.1 expected"
    ),
    "the last rung is left out": Forgery(
        all_of(*(partial(drop, generation=1, trial=name) for name in ("0.1", "1.1", "2.1"))),
        "lineage",
        "trial 0.1 to be complete before the proposal expected",
    ),
    "a trial of a change that did not stand any more": Forgery(
        lambda run: named(run, 1, "2.1", "3.1"), "trials", "a trial of 0, 1, 2 at rung 1 expected, got 3.1"
    ),
    "a trial of a change that nobody suggested": Forgery(
        lambda run: named(run, 1, "3.0", "4.0"), "trials", "a trial of 0, 1, 2, 3 at rung 0 expected, got 4.0"
    ),
    "a trial of a change of a number beyond all": Forgery(
        lambda run: named(run, 1, "3.0", f"{10**30}.0"), "trials", "a trial of 0, 1, 2, 3 at rung 0 expected"
    ),
    "a rung that the charter does not have": Forgery(
        lambda run: named(run, 1, "0.1", "0.2"), "trials", "at one of 2 rungs, expected, got 0.2"
    ),
    "a rung that is begun before the one below is complete": Forgery(
        lambda run: move(run, (1, "0.1", "proposal/v1"), (1, "2.0", VISIBLE)),
        "trials",
        "trial 2.0 to be complete before 0.1 expected",
    ),
    "the plan as it is is withdrawn": Forgery(
        all_of(
            lambda run: drop(run, 1, "0.1", VISIBLE),
            lambda run: put(run, withdrawn("0.1"), (1, "1.1", CANDIDATE)),
        ),
        "trials",
        "the plan as it is to be tried to its end expected, got it withdrawn",
    ),
    "a change is withdrawn after it did well": Forgery(
        lambda run: put(run, withdrawn("1.1"), (1, TURN, "proposal/v1")),
        "order",
        "a trial withdrawn before it is measured expected",
    ),
    "a change is withdrawn after it was measured, and its measurement taken away": Forgery(
        all_of(
            lambda run: drop(run, 1, "1.1", VISIBLE),
            lambda run: put(run, withdrawn("1.1"), (1, TURN, "proposal/v1")),
        ),
        "lineage",
        "the rule's proposal expected, with steps 20, got 40",
    ),
    "a trial's entry in the turn after its proposal": Forgery(
        lambda run: move(run, (1, "2.1", VISIBLE), (1, TURN, "data/v1")),
        "order",
        "trials between what is suggested and what is proposed expected",
    ),
    "a trial of a turn in which nothing was suggested": Forgery(
        lambda run: drop(run, 1, TURN, SUGGESTED), "order", "trials between what is suggested and what is"
    ),
    "a fresh profile in a trial": Forgery(
        lambda run: change(run, (1, "1.1", VISIBLE), purpose="fresh"), "order", "measures in the open"
    ),
    "an intent in a trial, which would look behind the seal": Forgery(
        lambda run: put(
            run, structs.replace(at(run, 1, TURN, "intent/v1"), trial="1.1"), (1, TURN, "proposal/v1")
        ),
        "order",
        "measures in the open, and nothing else",
    ),
    "a decision in a trial": Forgery(
        lambda run: put(
            run, structs.replace(at(run, 1, TURN, "decision/v1"), trial="1.1"), (1, TURN, "proposal/v1")
        ),
        "order",
        "measures in the open, and nothing else",
    ),
    "a lease in a trial": Forgery(
        lambda run: edit(
            run, lambda one: structs.replace(one, trial="1.1") if one.kind == "lease/v1" else one
        ),
        "order",
        "measures in the open, and nothing else",
    ),
}
for name in (
    "00.0",
    "0.00",
    "1.-1",
    "-1.0",
    "1",
    "",
    ".",
    "1.0.0",
    " 1.0",
    "1_0.0",
    "\u0661.0",
    "9" * 5000 + ".0",
):
    TRIALS[f"a trial that is called {name[:10]!r}"] = Forgery(
        lambda run, name=name: named(run, 1, "3.0", name),  # type: ignore[misc]
        "trials" if name else "order",
        "a trial of a change that was suggested, at one of 2 rungs, expected"
        if name and name[:2] != "99"
        else "",
    )

CHOSEN: dict[str, Forgery] = {
    "the change that did best is not proposed": Forgery(
        lambda run: propose(run, 1, change=UNSET),
        "lineage",
        "the rule's proposal expected, with change Reshape(edit=Rotary(layers=(False, False))",
    ),
    "another change than the best is proposed": Forgery(
        lambda run: propose(run, 1, change=at(run, 1, TURN, SUGGESTED).changes[1]),
        "lineage",
        "the rule's proposal expected, with change",
    ),
    "a change is proposed that did no better than chance": Forgery(
        lambda run: propose(run, 3, change=at(run, 3, TURN, SUGGESTED).changes[0]),
        "lineage",
        "the rule's proposal expected, with change UNSET",
    ),
    "a change is proposed that was never suggested": Forgery(
        lambda run: propose(run, 3, change=FASTER),
        "lineage",
        "the rule's proposal expected, with change UNSET",
    ),
    "a trial is of another change than its number says": Forgery(
        lambda run: propose(run, 1, "3.0", change=FASTER),
        "lineage",
        "the rule's proposal expected, with change",
    ),
    "a trial trains for longer than the others": Forgery(
        lambda run: propose(run, 1, "1.0", steps=400),
        "lineage",
        "the rule's proposal expected, with steps 10",
    ),
    "a trial is said to have come to more than it did, and would have been chosen": Forgery(
        lambda run: flattered(run, "2.1"), "lineage", "the rule's proposal expected, with change Tune("
    ),
}

MADE: dict[str, Forgery] = {
    "a trial is measured on problems of the operator's choice": Forgery(
        lambda run: change(run, (1, "1.0", VISIBLE), stream="00" * 32),
        "profiles",
        "the visible profile from stream",
    ),
    "a trial is measured on the turn's own problems": Forgery(
        lambda run: change(run, (1, "1.0", VISIBLE), stream=at(run, 1, TURN, VISIBLE).stream),
        "profiles",
        "the visible profile from stream",
    ),
    "the turn is measured on the problems of its trials, on which its change was lucky": Forgery(
        lambda run: change(run, (1, TURN, VISIBLE), stream=at(run, 1, "1.0", VISIBLE).stream),
        "profiles",
        "the visible profile from stream",
    ),
    "a trial's profile is of another trial's model": Forgery(
        lambda run: change(run, (1, "0.0", VISIBLE), profile=at(run, 1, "1.0", VISIBLE).profile),
        "profiles",
        "the visible profile of ",
    ),
    "a trial's profile was for nothing": Forgery(
        lambda run: change(run, (1, "0.0", VISIBLE), flops=0.0),
        "compute",
        "for what was asked expected, got 0",
    ),
    "a trial's labels were for nothing": Forgery(
        lambda run: change(run, (1, "0.0", "data/v1"), flops=0.0), "data", "floating point operations"
    ),
    "a trial labels problems of the operator's choice": Forgery(
        lambda run: change(run, (1, "0.0", "data/v1"), stream="00" * 32), "data", "stream"
    ),
    "a trial's training was tried with other seeds": Forgery(
        lambda run: change(run, (1, "1.0", CANDIDATE), seed=4), "lineage", "10 steps from seed"
    ),
    "a trial's training has the turn's own luck": Forgery(
        lambda run: change(run, (1, "1.0", CANDIDATE), seed=at(run, 1, TURN, CANDIDATE).seed),
        "lineage",
        "10 steps from seed",
    ),
    "a trial's training is longer than its plan": Forgery(
        lambda run: change(run, (1, "1.0", CANDIDATE), steps=99), "lineage", "10 steps from seed"
    ),
    "a trial trains another member than the first": Forgery(
        lambda run: change(run, (1, "0.0", CANDIDATE), member=1), "lineage", "as the parent expected"
    ),
    "a trial of a reshaped model trains the model as it was": Forgery(
        lambda run: change(run, (1, "1.0", CANDIDATE), parent=at(run, 1, "1.0", RESHAPED).parent),
        "lineage",
        "of member 0 as the parent expected",
    ),
    "a trial of a setting trains a reshaped model": Forgery(
        lambda run: change(run, (1, "3.0", CANDIDATE), parent=at(run, 1, "1.0", RESHAPED).digest),
        "lineage",
        "of member 0 as the parent expected",
    ),
    "the turn trains another trial's reshaped model": Forgery(
        lambda run: change(run, (1, TURN, CANDIDATE), parent=at(run, 1, "2.0", RESHAPED).digest),
        "lineage",
        "of member 0 as the parent expected",
    ),
    "the turn trains its member as it was, and calls it reshaped": Forgery(
        lambda run: drop(run, 1, TURN, RESHAPED), "lineage", "no model of member 0 as the parent expected"
    ),
    "the turn is taught on a trial's labels": Forgery(taught_on_a_trials_labels, "lineage", "expected"),
    "a trial's settings are not those that it is a trial of": Forgery(
        lambda run: change(
            run,
            (1, "3.0", CANDIDATE),
            optimizer=at(run, 1, "0.0", CANDIDATE).optimizer,
        ),
        "lineage",
        "matrix_rate=0.01",
    ),
}

RESHAPES: dict[str, Forgery] = {
    "a model is reshaped otherwise than was proposed": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), edit=Activate("relu")),
        "lineage",
        "a model in the shape that was proposed expected",
    ),
    "what is new in a model is drawn until it pleases": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), seed=12), "lineage", "expected, got 12"
    ),
    "a model is reshaped from another than the team's": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), parent=DIGEST),
        "lineage",
        "member 0 of the proposal's team",
    ),
    "a member that does not exist is reshaped": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), member=10**9),
        "lineage",
        f"member {10**9} of the proposal",
    ),
    "the second member is reshaped in a trial": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), member=1), "lineage", "member 1 of the proposal's team"
    ),
    "an edit that keeps what a model says did not": Forgery(
        lambda run: everywhere(run, chosen(run), by(chosen(run), edit=AddBlock(1))),
        "lineage",
        "a model within 1e-05 of what it said expected, got one at 0.7",
    ),
    "a distance below none": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), distance=-0.1), "lineage", "a model within 1e-05"
    ),
    "a comparison for nothing": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), flops=0.0),
        "lineage",
        "floating point operations for the comparison expected, got 0",
    ),
    "a comparison that pays something into the lease": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), flops=-1e15), "lineage", "for the comparison expected"
    ),
    "a model that is said to be reshaped and is its parent again": Forgery(
        all_of(
            lambda run: change(run, (1, "1.0", CANDIDATE), parent=at(run, 1, "1.0", RESHAPED).parent),
            lambda run: change(run, (1, "1.0", RESHAPED), digest=at(run, 1, "1.0", RESHAPED).parent),
        ),
        "lineage",
        "another model than its parent",
    ),
    "a model of a size that its files do not have": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), parameters=10**15), "models", "1 parameters expected"
    ),
    "a model that is larger than the charter allows": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), parameters=10**15),
        "lineage",
        "parameters expected, as the",
    ),
    "a model of no size": Forgery(
        lambda run: change(run, (1, "1.0", RESHAPED), parameters=0), "lineage", "parameters expected, as the"
    ),
    "a reshaped model's configuration says more than its edit": Forgery(
        lambda run: other_model(run, (1, "1.0", RESHAPED), lambda c: c.update(hidden_act="relu")),
        "models",
        "a reshaped model with the architecture that follows expected, with hidden_act 'silu'",
    ),
    "a reshaped model's configuration says less than its edit": Forgery(
        lambda run: other_model(run, (1, "1.0", RESHAPED), lambda c: c.update(no_rope_layers=[1, 1])),
        "models",
        "with no_rope_layers [0, 0], got [1, 1]",
    ),
    "a reshaped model's configuration says nothing that can be counted": Forgery(
        lambda run: other_model(
            run, (1, "1.0", RESHAPED), lambda c: c.update(hidden_size="wide", num_attention_heads=[])
        ),
        "models",
        "a reshaped model with the architecture that follows expected",
    ),
    "a reshaped model has other tensors than follow": Forgery(
        lambda run: other_tensors(run, (1, "1.0", RESHAPED)),
        "models",
        "a reshaped model with the tensors that follows expected",
    ),
    "the record says another edit than the files of the model": Forgery(
        lambda run: everywhere(run, chosen(run), by(chosen(run), edit=Rotary((True, False)))),
        "models",
        "with no_rope_layers [1, 0], got [0, 0]",
    ),
    "the record says an edit that the model cannot take": Forgery(
        lambda run: everywhere(run, chosen(run), by(chosen(run), edit=AddBlock(10**12))),
        "models",
        "an edit that changes a model of 2 layers",
    ),
    "the record says an edit that becomes too large": Forgery(
        lambda run: everywhere(run, chosen(run), by(chosen(run), edit=WidenMlp(2**52))),
        "models",
        "sizes up to 1048576 expected",
    ),
}

FORCE: dict[str, Forgery] = {
    "settings that nobody promoted are in force": Forgery(
        lambda run: change(
            run,
            (2, "0.0", CANDIDATE),
            optimizer=structs.replace(at(run, 2, "0.0", CANDIDATE).optimizer, matrix_rate=0.01),
        ),
        "lineage",
        "matrix_rate=0.02",
    ),
    "settings that were promoted are forgotten": Forgery(
        lambda run: change(run, (3, TURN, CANDIDATE), optimizer=at(run, 1, TURN, CANDIDATE).optimizer),
        "lineage",
        "matrix_rate=0.01",
    ),
    "settings are kept after the charter was amended": Forgery(
        lambda run: change(run, (4, TURN, CANDIDATE), optimizer=at(run, 3, TURN, CANDIDATE).optimizer),
        "lineage",
        "matrix_rate=0.02",
    ),
    "a change that breaks what a model says is promoted unasked": Forgery(
        lambda run: drop(run, 1, TURN, "request/v1", "answer/v1"),
        "people",
        "a request before the decision expected, since architecture: rotary positions off in every layer",
    ),
    "people are asked, and not told of the change": Forgery(
        lambda run: change(run, (1, TURN, "request/v1"), reasons=("drift: it moved",)), "people", "reasons ("
    ),
    "people are told of another change": Forgery(
        lambda run: change(
            run,
            (1, TURN, "request/v1"),
            reasons=tuple(r.replace("off", "on") for r in at(run, 1, TURN, "request/v1").reasons),
        ),
        "people",
        "reasons (",
    ),
    "people are asked about a change that nobody has to approve of": Forgery(
        lambda run: put(
            run,
            structs.replace(at(run, 1, TURN, "request/v1"), generation=2, number=2),
            (2, TURN, "decision/v1"),
        ),
        "people",
        "no request without a reason expected",
    ),
    "a team goes on from a change that nobody approved": Forgery(carried_on, "decisions", "the team "),
    "a trial's model is promoted": Forgery(
        lambda run: change(
            run,
            (1, TURN, "intent/v1"),
            intent=structs.replace(
                at(run, 1, TURN, "intent/v1").intent, candidate=at(run, 1, "1.1", CANDIDATE).digest
            ),
        ),
        "intents",
        "a candidate that this generation trained before the intent expected",
    ),
}

EVERY = SUGGESTIONS | TRIALS | CHOSEN | MADE | RESHAPES | FORCE


def test_an_honest_run_that_tries_changes_has_no_fault(honest_exploring: ScriptedRun) -> None:
    findings = verify(honest_exploring.evidence())
    assert findings.faults == []
    (said,) = [finding.detail for finding in findings.made if finding.check == "trials"]
    assert said == "9 changes tried in 22 trials, as the charter lets them"


def test_the_honest_run_is_all_that_the_attacks_need(honest_exploring: ScriptedRun) -> None:
    """It chooses a change that breaks and one that keeps, and none; settings are in force, and end."""
    run = honest_exploring
    assert isinstance(chosen(run), Reshape)
    assert isinstance(at(run, 2, TURN, "proposal/v1").proposal.change, Tune)
    assert at(run, 3, TURN, "proposal/v1").proposal.change is UNSET
    rates = [at(run, generation, TURN, CANDIDATE).optimizer.matrix_rate for generation in (1, 2, 3, 4)]
    assert rates == [0.02, 0.01, 0.01, 0.02]
    assert rates[1] <= LOWER
    kinds = {type(one) for one in run.entries()}
    assert {Requested, Answered, Reshaped, CandidateTrained, DataMade, Profiled, Decided} <= kinds


@pytest.mark.parametrize("done", EVERY)
def test_a_lie_about_what_was_tried_is_found_although_the_ledger_is_sound(
    exploring: ScriptedRun, done: str
) -> None:
    assert_found(exploring, EVERY[done])


def test_a_reshaped_model_may_be_made_again_where_the_same_edit_makes_the_same_of_it(
    exploring: ScriptedRun,
) -> None:
    """Nothing is drawn where positions go off: the turn's model is the trial's, to the bit."""
    trial, own = (at(exploring, 1, place, RESHAPED) for place in ("1.0", TURN))
    assert trial.parent == own.parent
    exploring.rewrite(
        [data.replace(own.digest.encode(), trial.digest.encode()) for data in exploring.record()]
    )
    found = [f for finding in verify(exploring.evidence()).faults for f in finding.faults]
    assert not any("a new model expected" in fault for fault in found), found


def test_evidence_without_the_trials_models_is_no_fault(exploring: ScriptedRun) -> None:
    """Older models may go; what is in force is there."""
    closed = {
        entry.digest
        for entry in exploring.entries()
        if isinstance(entry, CandidateTrained | Reshaped) and entry.trial is not UNSET
    }
    for digest in closed:
        shutil.rmtree(exploring.folder / "models" / digest)
    assert verify(replace(exploring).evidence()).faults == []


def test_what_a_rule_of_retention_lets_go_of_trials_is_deleted_and_no_fault(tmp_path: Path) -> None:
    run = make_exploring_run(tmp_path / "run", let_go=True)
    (collected,) = [entry for entry in run.entries() if isinstance(entry, Collected)]
    tried = {
        entry.digest
        for entry in run.entries()
        if isinstance(entry, CandidateTrained | Reshaped) and entry.trial is not UNSET
    }
    assert tried <= set(collected.models)
    assert not any((run.folder / "models" / digest).exists() for digest in collected.models)
    assert verify(run.evidence()).faults == []
