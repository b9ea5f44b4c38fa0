"""A model card's evidence: what the model was asked, what the gate found, and what nobody looked at."""

from collections.abc import Iterator

from detent.report import _words as words
from detent.report import rows
from detent.report._card_told import Told
from detent.report._markdown import table, text
from detent.report.figures import Table
from detent.report.telling import ladder_interval
from detent.report.wilson import wilson
from detent.values import Profile, Watched

NOBODY = (
    "what the model says to prompts that are no problem of the tasks above; they are the whole of what was measured",
    "whether it is safe, fair or fit for any use by people: nothing here was made to show that",
    "languages, subjects and formats other than those of the tasks",
    "that the models gave the answers that are recorded as theirs, unless somebody ran `detent replay` on the run",
)


def evaluations(told: Told) -> Iterator[str]:
    yield "## Evaluations"
    yield ""
    if told.measured is None:
        yield "None: this model was never asked anything that is on record."
        return
    profile, fresh = told.measured.profile, told.measured.purpose == "fresh"
    if fresh:
        yield "On problems that nothing else used, drawn after the model's digest was on the ledger; exact match."
    else:
        yield "On problems in the open, **the only ones it was asked**: candidates were chosen by them, so that these"
        yield "figures are too high on average."
    yield "Share right with Wilson's 95 % interval, each level by itself."
    yield ""
    yield from table(
        Table(("task", "level", "right", "asked", "share", "95 % interval"), tuple(_scores(profile)), 1)
    )
    low, high = ladder_interval(profile)
    yield ""
    yield (
        f"Mean over tasks of the mean over levels: {words.rate(profile.ladder())}, 95 % interval {words.rate(low)} to "
        f"{words.rate(high)} (normal approximation)."
    )


def _scores(profile: Profile) -> Iterator[tuple[str, ...]]:
    for task, scores in profile.scores.items():
        for level, score in enumerate(scores, start=1):
            low, high = wilson(score)
            shares = words.rate(score.rate), f"{words.rate(low)} to {words.rate(high)}"
            yield task, str(level), str(score.right), str(score.asked), *shares


def gate(told: Told) -> Iterator[str]:
    yield "## The gate"
    yield ""
    opening = told.opening
    if told.about.generation == 0:
        yield "Not asked: generation 0 is the first model, and there was none before it to be better than."
        return
    if opening is None:
        yield "Never opened for this model: **nothing shows that it is better than the one before it**."
        return
    candidate, incumbent = words.short(opening.candidate), words.short(opening.incumbent)
    because = f" ({text(opening.because)})" if opening.because else ""
    yield f"Opening {opening.k}: `{candidate}` against `{incumbent}`, the model in force, on problems that did not"
    yield f"exist before this model was frozen. Verdict: **{opening.said}**{because}."
    if opening.smaller:
        yield "It has fewer parameters, and was asked to be as good, not to be better."
    if opening.anchor:
        anchor = words.short(opening.anchor)
        yield f"It was held against `{anchor}` too, the last model that was promoted as better."
    if opening.gain:
        where = "on the first task's ladder" if opening.smaller else "where the model in force was weak"
        yield f"Gain {where}: {words.interval(opening.gain)} points, a 95 % confidence"
        yield f"sequence over {words.count(opening.gain.items)} items."
    yield f"A test passes when ln e reaches ln 1/{words.ALPHA} = {opening.threshold:.2f}; the counts are all it takes"
    yield "to compute it again."
    yield ""
    yield from table(rows.tests(opening))
    principles = rows.principles(opening)
    if principles is not None:
        yield ""
        yield from table(principles)


def limits(told: Told) -> Iterator[str]:
    yield "## Limits, and what nobody checked"
    yield ""
    asked = told.asked
    for one in (*NOBODY, *(asked.unchecked if asked else ())):
        yield f"- not checked: {text(one)}"
    yield from _fired(told)
    for reason in sorted({one.unconfined_because for one in told.story.unconfined}):
        yield f"- workers of some sessions were not confined ({text(reason)}): they could read more than their job"
    if told.charter.witnesses is None:
        yield (
            "- no witness looked on: whoever ran this run could have thrown whole runs away and shown the best, or "
            "looked at problems early"
        )


def _fired(told: Told) -> Iterator[str]:
    """Tripwires of the model's own generation that fired, and what was made of them."""
    watched = told.story.written.get(told.about.generation, {}).get("watch/v1")
    if isinstance(watched, Watched):
        for reading in watched.readings:
            if reading.fired:
                yield f"- tripwire {text(reading.wire)} fired: {text(reading.said)}"
