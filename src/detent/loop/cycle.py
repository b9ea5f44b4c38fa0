"""The cycle, to be read aloud. Everything else in Detent exists so that these lines can be trusted.

    diagnose -> explore -> propose -> label -> audit -> train -> screen -> open -> explain -> watch -> ask -> decide

A *team* of models that differ in their seed learns together: what they label, they must agree on. The best of
them in the open is the generation's candidate; only the gate makes it the incumbent. Where the charter wants it,
changes to the model's shape and to the loop's own settings are tried first, and one may be part of the proposal.

`book.once` takes what the ledger already holds of a turn and does only what is missing, so a turn that was
killed goes on where it stood. Undecided means no, and so does a question that nobody answers.
"""

from detent.evaluate import best
from detent.loop import asking, explain, exploring, judge, judges, learn, measure, revising, tuning, watch
from detent.loop.judge import Judged
from detent.loop.measure import Ask
from detent.loop.parts import Parts
from detent.propose import judge_of
from detent.values import Decided, Profile


def beginning(parts: Parts) -> Decided:
    """Generation 0: the first team, taught the seed levels with the last true answers it will ever see."""
    book = parts.book
    data = book.once("data/v1", lambda: learn.seed_data(parts))
    team = learn.first_team(parts, data)
    judges.given(parts)
    profiles = measure.visible(parts, team)
    leader = best(profiles)
    with parts.opening() as ask:
        _report_and_master(parts, leader.subject, ask)
    return book.once("decision/v1", lambda: judge.begin_with(leader, team))


def turn(parts: Parts) -> Decided | None:
    """One generation: incumbent -> candidate -> decision. None when a person is asked first."""
    book = parts.book
    before = book.state.visible[book.state.incumbent]
    weak = book.once("diagnosis/v1", lambda: learn.diagnose(parts, before)).diagnosis
    if weak.nothing_to_do:
        return book.once("decision/v1", lambda: judge.rest(parts))
    judge.see_sealed_rows(parts, before)
    change = exploring.changed(parts, weak)
    plan = book.once("proposal/v1", lambda: learn.propose(parts, weak, change)).proposal

    labels = book.once("data/v1", lambda: learn.label(parts, plan))
    book.once("audit/v1", lambda: measure.audit(parts, plan, labels))
    revising.revise(parts, plan)
    if judge_of(parts.charter.feedback, book.state):
        book.once("health/v1", lambda: judges.tested(parts))
    candidates = tuning.tuned(parts, plan, learn.train(parts, plan, labels))
    profiles = measure.visible(parts, candidates)
    judged = _opened(parts, before, profiles)

    book.once("explained/v1", lambda: explain.always(parts, profiles))
    watched = book.once("watch/v1", lambda: watch.watched(parts, profiles))
    permission = asking.permission(parts, watched, judged)
    if permission == "waiting":
        return None
    return book.once("decision/v1", lambda: judge.decide(parts, judged, permission, before, profiles))


def _opened(parts: Parts, before: Profile, profiles: list[Profile]) -> Judged:
    """The gate's verdict on the best of the candidates, where the open promises anything."""
    after = best(profiles)
    if not judge.worth_opening(parts, before, after):
        return judge.not_opened(before, after)
    intent = parts.book.once("intent/v1", lambda: judge.intend(parts, before, after.subject)).intent
    with parts.opening() as asked:
        outcome = parts.book.once("outcome/v1", lambda: judge.open_seal(parts, intent, asked)).outcome
        if outcome.verdict == "better":
            _report_and_master(parts, intent.candidate, asked)
    return judge.judged(intent, outcome)


def _report_and_master(parts: Parts, model: str, ask: Ask) -> None:
    """Measure the model that becomes the incumbent where nothing trained: what it can do, what it must keep."""
    fresh = parts.book.once("profile/v1/fresh", lambda: measure.fresh(parts, model, ask))
    parts.book.once("mastery/v1", lambda: measure.mastery(parts, fresh.profile, ask))
