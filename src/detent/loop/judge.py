"""Is the candidate better? Screening in the open, one opening of the seal, and what follows from the verdict."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import UNSET

from detent.charter import entropy_mode, sealing_keys
from detent.errors import EngineError, SubjectError, TaskError
from detent.evaluate import (
    Aim,
    alpha,
    best,
    conduct,
    encode_rows,
    evaluator_digest,
    gating,
    opening_seed,
    targets,
    team_after,
    within_rows,
)
from detent.loop.measure import Ask, completions
from detent.loop.parts import Parts
from detent.loop.witnessing import before_promoting, entropy, known_link, link, round_for, witness_intent
from detent.oversight import Permission, aim_of, promising, rules_of, stays
from detent.values import (
    Decided,
    Intent,
    IntentWritten,
    Outcome,
    OutcomeWritten,
    Profile,
    Target,
)

SESSIONS_BEFORE_VOID = 2
"""Runs that may fail to complete one opening before it is void."""

LONGEST_REASON = 1_000
"""Characters of an error that go onto the ledger: a worker's or a task's words may be of any length."""


class Judged(NamedTuple):
    """What the gate says of a generation. passed: the candidate that passed every test, or ""."""

    passed: str
    because: str


def begin_with(leader: Profile, team: Sequence[str]) -> Decided:
    """Generation 0 has nothing to be compared with: it is where the run starts."""
    return Decided(
        decision="promote",
        incumbent=leader.subject,
        candidate=leader.subject,
        team=tuple(team),
        because="the first model",
    )


def rest(parts: Parts) -> Decided:
    """Nothing was tried: there is nothing left to climb."""
    state = parts.book.state
    return Decided(
        decision="discard",
        incumbent=state.incumbent,
        candidate="",
        team=state.team,
        because="every task is at its top",
    )


def worth_opening(parts: Parts, before: Profile, after: Profile) -> bool:
    """Whether the visible problems promise anything; an opening that began is gone through with."""
    state, rules = parts.book.state, rules_of(parts.charter, parts.constitution)
    return "intent/v1" in state.slots or promising(state, before, after, rules)


def not_opened(before: Profile, after: Profile) -> Judged:
    """No candidate looks better than the incumbent on visible problems, nor smaller and about as good."""
    return Judged(
        "", f"visible ladder {after.ladder():.3f}, the incumbent's is {before.ladder():.3f}: not opened"
    )


def judged(intent: Intent, outcome: Outcome) -> Judged:
    """What an opening came to."""
    return Judged(intent.candidate if outcome.verdict == "better" else "", outcome.because)


def see_sealed_rows(parts: Parts, before: Profile) -> None:
    """Refuse a generation that no opening could promote, since files have too few sealed rows left, before it is made.

    Raises:
        TaskError: so it is.
    """
    if "intent/v1" not in parts.book.state.slots:
        _targets(parts, before, aim_of(parts.book.state, "", rules_of(parts.charter, parts.constitution)))


def _targets(parts: Parts, before: Profile, aim: Aim) -> tuple[Target, ...]:
    """What the next opening tests. Raises TaskError where its rows do not suffice."""
    state, budget = parts.book.state, parts.charter.constraints.error_budget
    k, rules = state.openings + 1, rules_of(parts.charter, parts.constitution)
    wanted = targets(before, state.mastered, k, budget, rules, aim=aim)
    return within_rows(wanted, parts.asked, k, alpha(k, budget))


def intend(parts: Parts, before: Profile, candidate: str) -> IntentWritten:
    """Fix everything about the next opening before anything can be derived from the seal."""
    state, budget = parts.book.state, parts.charter.constraints.error_budget
    k, aim = state.openings + 1, aim_of(state, candidate, rules_of(parts.charter, parts.constitution))
    return IntentWritten(
        intent=Intent(
            k=k,
            alpha=alpha(k, budget),
            candidate=candidate,
            incumbent=before.subject,
            charter_version=parts.charter.version,
            charter=parts.charter_digest,
            targets=_targets(parts, before, aim),
            tasks={name: source.digest for name, source in sorted(parts.asked.items())},
            evaluator=evaluator_digest(),
            entropy=entropy_mode(parts.charter),
            witnesses=sealing_keys(parts.charter),
            round=round_for(parts.charter, parts.book.now),
            objective="smaller" if aim.smaller else UNSET,
            anchor=aim.anchor or UNSET,
        )
    )


def open_seal(parts: Parts, intent: Intent, ask: Ask) -> OutcomeWritten:
    """Derive the problems, let both models answer, count, and reveal the link of the chain.

    Started again after a crash it derives the same problems. An opening whose task fails, whose evaluating code
    was changed meanwhile, or that two sessions could not complete, be it for the worker or the model, is void:
    not accepted, and its error budget is spent.
    """
    if intent.evaluator != evaluator_digest():
        # Another version of this program began it. Its problems must not be judged by rules it did not name.
        return _void(parts, intent, "the evaluating code was changed since the intent; the opening is void")
    if not witness_intent(parts, intent):
        late = "witnesses cosigned after the beacon's round was out; the opening is void"
        return _void(parts, intent, late)
    try:
        return _conducted(parts, intent, ask, link(parts, intent))
    except TaskError as error:
        return _void(parts, intent, str(error))
    except (EngineError, SubjectError) as error:
        if parts.book.state.sessions_since_intent < SESSIONS_BEFORE_VOID:
            raise
        return _void(parts, intent, str(error))


def decide(
    parts: Parts, judged: Judged, permission: Permission, before: Profile, profiles: Sequence[Profile]
) -> Decided:
    """Promote what the gate has passed and, where they had to be asked, people allowed; and nothing else."""
    if permission == "denied":
        return _denied(parts, before, profiles)
    if not judged.passed:
        return _not_promoted(parts, before, profiles, judged.because)
    parts.models.check(
        judged.passed
    )  # days may lie between the gate and an answer: what was judged is deployed
    before_promoting(parts)
    return Decided(
        decision="promote",
        incumbent=judged.passed,
        candidate=judged.passed,
        team=tuple(profile.subject for profile in profiles),
        because=_said(parts, judged),
    )


def _said(parts: Parts, judged: Judged) -> str:
    """Why a candidate is promoted; of a smaller one by how much."""
    state = parts.book.state
    written, sizes = state.slots.get("intent/v1"), state.sizes
    if not isinstance(written, IntentWritten) or not written.intent.smaller:
        return judged.because
    now, before = sizes[judged.passed], sizes[state.incumbent]
    return f"as good with {now:,} parameters in place of {before:,}: {judged.because}"


def _denied(parts: Parts, before: Profile, profiles: Sequence[Profile]) -> Decided:
    """Nobody goes on from what people did not want."""
    state = parts.book.state
    answer, request = state.answer, state.request
    if answer is not None and answer.verdict == "deny":
        because = f"denied by {', '.join(answer.signers)}: {answer.because}"
    else:
        because = f"not approved by {request.expires if request else ''}: no answer means no"
    return Decided(
        decision="discard",
        incumbent=before.subject,
        candidate=best(profiles).subject,
        team=state.team,
        because=because[:LONGEST_REASON],
    )


def _not_promoted(parts: Parts, before: Profile, profiles: Sequence[Profile], because: str) -> Decided:
    """Each member goes on from its candidate where that looks better than itself in the open, else from itself.

    From what a change made that people had to approve of, or in another shape, nobody does.
    """
    state = parts.book.state
    team = team_after(state.team, state.visible, profiles, stays=stays(state, parts.charter))
    return Decided(
        decision="discard" if team == state.team else "carry",
        incumbent=before.subject,
        candidate=best(profiles).subject,
        team=team,
        because=because,
    )


def _conducted(parts: Parts, intent: Intent, ask: Ask, reveal: bytes) -> OutcomeWritten:
    book, index = parts.book, parts.book.state.intent_index
    added = entropy(parts, intent)
    seed = opening_seed(reveal, intent.k, book.record.leaf_hash(index), book.record.root(index + 1), added)
    extra = parts.charter.subject.room
    found = conduct(
        intent,
        seed,
        parts.asked,
        lambda model, prompts: completions(ask, model, prompts, extra),
        lambda name, done, most: parts.note(f"gate {name}: {done} of at most {most} items"),
    )
    return OutcomeWritten(
        outcome=Outcome(
            k=intent.k,
            verdict=found.verdict,
            results=found.results,
            gain=found.gain,
            reveal=reveal.hex(),
            because=found.because,
            answers=parts.data.put_bytes(encode_rows(found.record)),
        ),
        flops=gating(book.state.sizes, intent, found.record, extra),
    )


def _void(parts: Parts, intent: Intent, because: str) -> OutcomeWritten:
    return void(intent, known_link(parts.book.state, parts.chain, intent.k), because)


def void(intent: Intent, reveal: bytes, because: str) -> OutcomeWritten:
    """An opening that was not completed: not accepted, and its error budget is spent.

    reveal: b"" where the seal's auditor had not released the link.
    """
    return OutcomeWritten(
        outcome=Outcome(
            k=intent.k,
            verdict="void",
            results=(),
            gain=None,
            reveal=reveal.hex(),
            because=because[:LONGEST_REASON],
        )
    )
