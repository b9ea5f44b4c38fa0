"""What trying changes beside the data takes: trials of a screening, and how large a changed model may be.

    >>> screening(plan, frontier=6).trials
    9

A trial labels anew with the whole team, trains one model for its rung's steps and profiles it in the open. Every
alternative is taken to be as large as the model is, and to ask and train as the charter says; one that sets
`recipe.steps` or `recipe.label_prompts` takes more or less. Trials in which a judge's word teaches, which is so only
where a change is about that, take more. So does the turn that proposes another shape, with `explore.retrain_steps` in
place of `recipe.steps`.
"""

from msgspec import Struct, structs

from detent.propose.halving import rung_sizes
from detent.sizing.cost import Cost, Plan, Step, answers_of_trial, training_of_trial
from detent.sizing.shape import Shape, weights_of

MOST_ADDED = 4
"""The rules widen by a fourth of what is there, and the MLP by half."""


class Screening(Struct, frozen=True):
    """One generation's trials. changes: beside the plan as it is, at the first rung. rungs: how many there are.

    every: whether each generation has one; else only those in which nothing else moves. models: that are made, where
    every change is one of shape.
    """

    changes: int
    rungs: int
    trials: int
    every: bool
    patience: int
    models: int
    training: Step
    answers: Step

    @property
    def cost(self) -> Cost:
        """As a generation's, so that it can be timed."""
        return Cost({"training": self.training, "screening": self.answers})


def screening(plan: Plan, frontier: int) -> Screening | None:
    """Of a generation whose labels are made at `frontier` and above; None where the charter has nothing tried."""
    candidates, explore = plan.draft.pace.candidates, plan.draft.explore
    if candidates == 1:
        return None
    sizes = rung_sizes(candidates, len(explore.rungs))
    answers, training = answers_of_trial(plan, frontier), Step(0.0, 0.0)
    for changes, steps in zip(sizes, explore.rungs, strict=True):
        each = training_of_trial(plan, frontier, steps)
        training = Step(
            training.flops + (1 + changes) * each.flops, training.tokens + (1 + changes) * each.tokens
        )
    trials = sum(1 + changes for changes in sizes)
    reshaped = sum(sizes) if "architecture" in plan.draft.constraints.changes else 0
    return Screening(
        changes=candidates - 1,
        rungs=len(sizes),
        trials=trials,
        every=explore.when == "always",
        patience=explore.patience,
        models=trials + reshaped,
        training=training,
        answers=Step(trials * answers.flops, trials * answers.tokens),
    )


def with_trials(cost: Cost, found: Screening | None) -> Cost:
    """A generation's cost with its screening, where every generation has one."""
    if found is None or not found.every:
        return cost
    return Cost({**cost.steps, "trials": found.training, "screening": found.answers})


def largest(plan: Plan) -> Shape:
    """The largest model that one change of shape by the rules makes of this one, within what the charter allows."""
    draft, shape = plan.draft, plan.shape
    if draft.pace.candidates == 1 or "architecture" not in draft.constraints.changes:
        return shape
    grown = [
        _sized(shape, after)
        for name, after in _grown(shape).items()
        if name in (draft.explore.edits or (name,))
    ]
    within = [one for one in grown if one.parameters <= draft.constraints.max_parameters]
    return max([shape, *within], key=lambda one: one.parameters)


def _grown(shape: Shape) -> dict[str, Shape]:
    """By the names of edits, as `propose/rules.py` has them."""
    each = shape.heads // shape.kv_heads
    groups = max(1, shape.kv_heads // MOST_ADDED)
    wider = max(1, shape.hidden // MOST_ADDED // shape.heads) * shape.heads
    return {
        "add_block": structs.replace(shape, layers=shape.layers + 1),
        "widen_mlp": structs.replace(
            shape, intermediate=shape.intermediate + max(1, shape.intermediate // 2)
        ),
        "add_heads": structs.replace(
            shape, heads=shape.heads + groups * each, kv_heads=shape.kv_heads + groups
        ),
        "widen_hidden": structs.replace(shape, hidden=shape.hidden + wider),
    }


def _sized(before: Shape, after: Shape) -> Shape:
    """With its parameters: those that were counted, and by the formula what came to them."""
    return structs.replace(after, parameters=before.parameters + weights_of(after) - weights_of(before))
