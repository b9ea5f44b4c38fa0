"""Where the gain sits: what one head, or one MLP, of after's run adds to the stream, put into before's run.

    >>> section(look).patches[6]
    Patch(block=2, head=2, carries=0.93, places=(0.0, 0.01, ..., 0.9))

Activation patching: Vig et al., "Causal Mediation Analysis for Interpreting Neural NLP" (arXiv 2004.12265); Meng et
al., "Locating and Editing Factual Associations in GPT" (arXiv 2202.05262). From a tuned model into the one it was tuned
from: Prakash et al., "Fine-Tuning Enhances Existing Mechanisms" (arXiv 2402.14811), there called cross-model activation
patching. The wrong run is before's, the right run after's, both on one text: the prompt, and after's answer
as far as both answers go together. There m is

    ln p(after's next token) - ln p(before's next token),

in which p's denominators cancel: the difference of two logits. It is read once a row, at the first place where the two
answers differ, so one run shows both answers; it goes on rising where a probability is at its end; and of several
metrics it is the one that Heimersheim and Nanda, "How to use and interpret activation patching" (arXiv 2404.15255),
recommend for a start. Over the rows, with c the component,

    carries = mean(m(before's run with after's c) - m(before's run)) / gain,     gain = mean(m(after) - m(before)).

A head's component is its part of what goes into the output projection, times that part of the projection, each of its
own model; a bias of the projection belongs to no head, so where it changed, no head carries that. A block's MLP, with
its bias, is head 0. Where a kind of model puts a norm on attention's or the MLP's output before it is added (Gemma 2
and 3), or a factor (Granite), both are before's.

How to read it. It puts what is right into what is wrong, so it says what suffices, not what is needed: of two heads
that do the same either carries much, and one that only works with another carries little. Shares need not add up to 1.
A component carries also what it merely passes on: one after the change shows it too, so look at the first that does.
"""

from collections.abc import Sequence

from detent.interpret.anatomy import Anatomy
from detent.interpret.look import Absent, Look
from detent.interpret.margins import Row, checked, ends_of, rows_of
from detent.interpret.patching import Component, Runs
from detent.interpret.plain import token_text
from detent.values.inside import Patch, Patches

MOST_ROWS = 32
MOST_RUNS = 1500
"""Patched runs of all rows, of all components at once, and again place by place."""

STRONGEST = 8
"""Components that are tried place by place where all would be too many runs."""


def section(look: Look) -> Patches:
    """Of every head of after, and every MLP, in the order of the model.

    Raises:
        Absent: nothing was gained, or too little, the models' depths or widths differ, or they have too many parts.
        SubjectError: a model computes what is not finite.
    """
    before, after = (Anatomy(one.model) for one in (look.before, look.after))
    _check(before, after)
    every = [
        Component(block, head)
        for block in range(len(after.blocks))
        for head in (*range(1, after.attention(block).heads + 1), 0)
    ]
    if len(every) > MOST_RUNS:
        raise Absent(f"{len(every)} parts would be that many runs, and {MOST_RUNS} are the most")
    rows = alike(rows_of(look))
    runs = Runs(before, after, rows, ends_of(look))
    gain = checked(runs.gain)
    carried = {one: effect / gain for one, (effect,) in runs.effects(every, apart=False)}
    tried = _tried(carried, runs.places)
    by_place = {
        one: tuple(effect / gain for effect in found) for one, found in runs.effects(tried, apart=True)
    }
    return Patches(
        gain,
        len(rows),
        tuple(token_text(look.before.tokenizer, token) for token in runs.tokens),
        tuple(Patch(one.block + 1, one.head, carried[one], by_place.get(one, ())) for one in every),
    )


def alike(rows: Sequence[Row]) -> list[Row]:
    """Rows of the most frequent lengths of prompt and after's answer, the first of such that are as frequent."""
    groups: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((len(row.prompt), len(row.after)), []).append(row)
    return max(groups.values(), key=len)[:MOST_ROWS]


def _tried(carried: dict[Component, float], places: int) -> list[Component]:
    """What is tried place by place: all, or the strongest, or as many of them as there may be runs."""
    if len(carried) * places <= MOST_RUNS:
        return list(carried)
    strongest = sorted(carried, key=lambda one: -abs(carried[one]))[: min(STRONGEST, MOST_RUNS // places)]
    return [one for one in carried if one in strongest]


def _check(before: Anatomy, after: Anatomy) -> None:
    sizes = {
        "depths": (len(before.blocks), len(after.blocks)),
        "widths": (before.width, after.width),
    }
    for what, (mine, theirs) in sizes.items():
        if mine != theirs:
            raise Absent(f"their {what} differ, {mine} and {theirs}")
