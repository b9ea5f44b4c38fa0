"""What a generation takes: floating point operations and tokens by step, counted as the ledger counts them.

    >>> cost = generation_cost(plan, frontier=6)
    >>> cost.flops, cost.tokens

Read or written tokens take 2 operations a parameter, learnt ones 6; see `evaluate/compute.py`. An adapter's parameters
are counted with its base's, and as if all of them learnt, since a lease pays for that; what is really computed is less
(`machine.stated_speed`). A training is counted by what is computed, padding included: each piece of a batch, sorted by
length, is padded to its longest row. Answers are counted at the most, as long as their room.

What is assumed, since a run decides it as it goes: the level that labels are made around, how many items the gate asks,
that about every level below is kept up, and how many of the prompts that a judge is asked about end as preferences. Of
methods beyond `self_label` a judge that is taught and what it prefers (`dpo`) are in it; `Plan.uncounted` names others.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from detent.charter import Draft
from detent.evaluate import alpha, item_limit, items_to_expect
from detent.evaluate.mastery import PROBLEMS
from detent.propose.preferences import MOST_TIMES, PAIRS_A_STEP
from detent.sizing.memory import Adapter
from detent.sizing.shape import Shape
from detent.tripwires.looks import ELICIT_PROBLEMS, ELICIT_STEPS, PROBES, SCALES, SWEEP_PROBLEMS
from detent.tripwires.sandbagging import SWEEP_EVERY

READ, LEARNT = 2, 6
EXPECTED_GAIN = 0.05
"""Share right that a candidate is taken to be better by where it is weak: it sets how many items the gate asks."""

OTHER_ITEMS = 150
"""Items of a test that nothing was lost, or that a mastered level is kept: some 30 to 450 in runs of `digits`."""

PREFERRED = 0.1
"""Share of prompts with two answers far enough apart for a judge: .11 in generation 1 of `digits`, fewer later."""

_SIGNS = 3  # of a lesson: before its marks, one more than the answer has characters, and the end

PARTS = 2
"""Pieces of a batch, by length, where recipe.micro_batch says nothing else."""

Lengths = Mapping[str, tuple[tuple[float, float], ...]]
"""Mean tokens of prompt and answer, lengths[task][level - 1]."""


class Plan(Struct, frozen=True):
    """What a charter asks for.

    lengths: of its tasks' problems, in tokens. adapter: None where the whole model learns.
    """

    draft: Draft
    shape: Shape
    lengths: dict[str, tuple[tuple[float, float], ...]]
    adapter: Adapter | None = None

    @property
    def parameters(self) -> int:
        """Of a model, an adapter's with its base's, as entries say."""
        own = 0 if self.adapter is None else self.adapter.parameters(self.shape)
        return self.shape.parameters + own

    @property
    def learning(self) -> int:
        """Parameters that are trained."""
        return self.shape.parameters if self.adapter is None else self.adapter.parameters(self.shape)

    @property
    def parts(self) -> int:
        """Pieces of a batch."""
        recipe = self.draft.recipe
        return -(-recipe.batch // recipe.micro_batch) if recipe.micro_batch else PARTS

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Methods whose cost is not in the estimate."""
        counted = {"self_label", "dpo"} if self.judged else {"self_label"}
        return tuple(method for method in self.draft.feedback.methods if method not in counted)

    @property
    def judged(self) -> bool:
        """Whether a judge is taught beside the team, and prefers; by rightness alone, which is what is counted."""
        feedback = self.draft.feedback
        return "dpo" in feedback.methods and feedback.judged and not feedback.prefers_by_principle

    @property
    def first_frontier(self) -> int:
        """The level above the seed levels."""
        return self.draft.recipe.seed_levels + 1

    @property
    def last_frontier(self) -> int:
        """Where labels are made when the ladders are nearly climbed."""
        tops = self.draft.direction.improve.values()
        return max(self.first_frontier, max(tops) - self.draft.recipe.ahead)


class Step(NamedTuple):
    """One step's operations, and the tokens that models read and write or learn from."""

    flops: float
    tokens: float


class Cost(Struct, frozen=True):
    """Steps by name: `labels`, `training`, `profiles`, `gate`, `tripwires`, `judge`; with trials `trials`, `screening`.

    training: of the team, of a judge, and by what it prefers. judge: its exam, what it prefers, and an audit of that.
    trials: the training of what is tried beside the data. screening: its labels and profiles (`sizing/trials.py`).
    """

    steps: dict[str, Step]

    @property
    def flops(self) -> float:
        """Of all steps."""
        return sum(step.flops for step in self.steps.values())

    @property
    def tokens(self) -> float:
        """Of all steps."""
        return sum(step.tokens for step in self.steps.values())

    @property
    def training(self) -> float:
        """Operations of training alone."""
        return sum(self.steps[name].flops for name in ("training", "trials") if name in self.steps)


def first_cost(plan: Plan) -> Cost:
    """Of generation 0: the seed levels are taught, and the first model measured."""
    recipe, team = plan.draft.recipe, plan.draft.recipe.team
    seeds = [(row, 1.0) for row in _rows(plan, 1, recipe.seed_levels)]
    mastery = _answering(plan, _levels(plan, 1, recipe.seed_levels), PROBLEMS)
    return Cost(
        {
            "labels": Step(0.0, 0.0),
            "training": _sum(
                _training(plan, seeds, recipe.seed_steps),
                _taught(plan, (1, recipe.seed_levels), plan.draft.feedback.judge_seed_steps),
            ),
            "profiles": _sum(_profile(plan, recipe.profile_problems, team), _fresh(plan), mastery),
            "gate": Step(0.0, 0.0),
            "tripwires": Step(0.0, 0.0),
            "judge": Step(0.0, 0.0),
        }
    )


def generation_cost(plan: Plan, frontier: int) -> Cost:
    """Of a later generation, whose labels are made at `frontier` and above, and that is promoted."""
    recipe, team = plan.draft.recipe, plan.draft.recipe.team
    new, kept_up = _windows(plan, frontier)
    return Cost(
        {
            "labels": _labels(plan, frontier),
            "training": _sum(
                _training(plan, list(_mixed(plan, new, kept_up)), recipe.steps),
                _taught(plan, new, plan.draft.feedback.judge_steps),
                _preferred(plan, new),
            ),
            "profiles": _sum(
                _profile(plan, recipe.profile_problems, team),
                _fresh(plan),
                _answering(plan, _levels(plan, frontier, frontier), PROBLEMS),
            ),
            "gate": _gate(plan),
            "tripwires": _tripwires(plan),
            "judge": _sum(_preferring(plan, new), _examined(plan)),
        }
    )


def training_of_trial(plan: Plan, frontier: int, steps: int) -> Step:
    """Of one model, on what a generation at `frontier` trains on."""
    return _training(plan, list(_mixed(plan, *_windows(plan, frontier))), steps, members=1)


def answers_of_trial(plan: Plan, frontier: int) -> Step:
    """Labels by the whole team, and the profile of one model."""
    return _sum(_labels(plan, frontier), _profile(plan, plan.draft.recipe.profile_problems, 1))


def _windows(plan: Plan, frontier: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Levels, both included, that are labelled as new, and that are kept up."""
    recipe = plan.draft.recipe
    # In the first one few tasks are already good above the frontier; later the window is whole.
    ahead = (recipe.ahead + 1) // 2 if frontier == plan.first_frontier else recipe.ahead
    return (frontier, frontier + ahead), (plan.first_frontier, frontier - 1)


def _labels(plan: Plan, frontier: int) -> Step:
    recipe, (new, kept_up) = plan.draft.recipe, _windows(plan, frontier)
    voters = recipe.team + recipe.samples
    return _sum(
        _answering(plan, _levels(plan, *new), recipe.label_prompts, voters),
        _answering(plan, _levels(plan, *kept_up), recipe.review_prompts, voters),
    )


def longest_row(plan: Plan) -> float:
    """Tokens of the longest row that is trained on: prompt, answer, end."""
    tops = plan.draft.direction.improve
    return max(sum(plan.lengths[task][top - 1]) + 1 for task, top in tops.items())


def _mixed(plan: Plan, new: tuple[int, int], kept_up: tuple[int, int]) -> Iterator[tuple[float, float]]:
    """(tokens of a row, its share of a batch), as [recipe] mix has it; what there is none of falls to the others."""
    mix = plan.draft.recipe.mix
    pools = (
        (mix.newest, _rows(plan, *new)),
        (mix.earlier, _rows(plan, *kept_up)),
        (mix.seed, _rows(plan, 1, plan.draft.recipe.seed_levels)),
    )
    for share, rows in pools:
        yield from ((row, share / len(rows)) for row in rows)


def _training(plan: Plan, rows: list[tuple[float, float]], steps: int, members: int | None = None) -> Step:
    """So many members of the team, or all. rows: (tokens, weight) of what a batch is drawn from."""
    recipe = plan.draft.recipe
    tokens = (recipe.team if members is None else members) * steps * recipe.batch * _padded(rows, plan.parts)
    return Step(tokens * LEARNT * plan.parameters, tokens)


def _taught(plan: Plan, levels: tuple[int, int], steps: int) -> Step:
    """A judge, by lessons from these levels: a prompt, an answer, and marks for it."""
    if not plan.judged:
        return Step(0.0, 0.0)
    rows = [(prompt + 2 * answer + _SIGNS, 1.0) for prompt, answer in _levels(plan, *levels)]
    tokens = steps * plan.draft.recipe.batch * _padded(rows, plan.parts)
    return Step(tokens * LEARNT * plan.parameters, tokens)


def _preferring(plan: Plan, levels: tuple[int, int]) -> Step:
    """All candidates answer prompts of these levels, a judge marks every answer; and the audit of what that did."""
    if not plan.judged:
        return Step(0.0, 0.0)
    feedback, team = plan.draft.feedback, plan.draft.recipe.team
    asked, tasks = _levels(plan, *levels), len(plan.draft.direction.improve)
    prompts = feedback.pairs * tasks / len(asked)  # on each level
    answered = _answering(plan, asked, prompts, team * feedback.samples)
    read = (
        team
        * feedback.samples
        * prompts
        * sum(prompt + 2 * room_of_answer(plan, prompt) + 2 for prompt, _ in asked)
    )
    audited = _answering(plan, asked, feedback.flips * tasks / len(asked), 2 * team)
    return _sum(answered, Step(READ * plan.parameters * read, read), audited)


def _preferred(plan: Plan, levels: tuple[int, int]) -> Step:
    """All candidates learn from the pairs; each is two rows, which the model learns from and its reference reads."""
    if not plan.judged:
        return Step(0.0, 0.0)
    feedback, asked = plan.draft.feedback, _levels(plan, *levels)
    pairs = PREFERRED * feedback.pairs * len(plan.draft.direction.improve)
    rows = min(feedback.dpo_steps * PAIRS_A_STEP, MOST_TIMES * pairs)
    learnt = 2 * plan.draft.recipe.team * rows * max(prompt + answer + 1 for prompt, answer in asked)
    return Step((LEARNT + READ) * plan.parameters * learnt, learnt)


def _examined(plan: Plan) -> Step:
    """Known answers, read by the judge and the one before it, and answers of the judge's and a member's own."""
    if not plan.judged:
        return Step(0.0, 0.0)
    anchors, asked = plan.draft.feedback.anchors, _levels(plan, 1, plan.draft.recipe.seed_levels)
    each = anchors / len(asked)
    read = 4 * each * sum(prompt + 2 * room_of_answer(plan, prompt) + 2 for prompt, _ in asked)
    return _sum(Step(READ * plan.parameters * read, read), _answering(plan, asked, each, 2))


def room_of_answer(plan: Plan, prompt: float) -> float:
    """Tokens of an answer, at the most."""
    subject = plan.draft.subject
    return subject.answer_tokens or prompt + subject.extra_tokens


def _padded(rows: list[tuple[float, float]], parts: int) -> float:
    """Mean tokens of a row of a batch, when each of so many pieces by length is padded to its longest."""
    ordered = sorted(rows)
    total = sum(weight for _, weight in ordered)
    edges: list[float] = []
    seen = longest = 0.0
    for tokens, weight in ordered:
        longest = tokens
        seen += weight
        while len(edges) < parts and seen >= total * (len(edges) + 1) / parts - 1e-9:
            edges.append(longest)
    return sum(edges) / len(edges) if edges else longest


def _rows(plan: Plan, low: int, high: int) -> list[float]:
    return [prompt + answer + 1 for prompt, answer in _levels(plan, low, high)]


def _levels(plan: Plan, low: int, high: int) -> list[tuple[float, float]]:
    """Lengths on these levels of every task, as far as its ladder goes; above it, its highest."""
    found = []
    for task, top in plan.draft.direction.improve.items():
        levels = {min(level, top) for level in range(low, high + 1)}
        found += [plan.lengths[task][level - 1] for level in sorted(levels)]
    return found


def _answering(plan: Plan, levels: list[tuple[float, float]], each: float, models: int = 1) -> Step:
    """So many answers on each of these levels by so many models, at the most."""
    rooms = ((prompt, room_of_answer(plan, prompt)) for prompt, _ in levels)
    tokens = models * each * sum(map(sum, rooms))
    return Step(READ * plan.parameters * tokens, tokens)


def _profile(plan: Plan, each: int, models: int) -> Step:
    return _answering(plan, _every(plan), each, models)


def _fresh(plan: Plan) -> Step:
    return _answering(plan, _every(plan), plan.draft.recipe.fresh_problems)


def _every(plan: Plan) -> list[tuple[float, float]]:
    return _levels(plan, 1, max(plan.draft.direction.improve.values()))


def _gate(plan: Plan) -> Step:
    """One opening: both models answer what tests of gain and loss ask, the candidate alone what floors do."""
    budget, most = plan.draft.constraints.error_budget, plan.draft.gate.items
    items = min(
        items_to_expect(EXPECTED_GAIN, alpha(1, budget)).median, item_limit(most.superiority, 1, budget)
    )
    tasks = len(plan.draft.direction.improve)
    every = _every(plan)
    both = (items + tasks * OTHER_ITEMS) / len(every)
    alone = tasks * OTHER_ITEMS / len(every)
    return _sum(_answering(plan, every, both, 2), _answering(plan, every, alone))


def _tripwires(plan: Plan) -> Step:
    """Comparisons with two other models, and a share of the noise sweep that comes every few generations."""
    every, low = _every(plan), _levels(plan, 1, plan.draft.recipe.seed_levels)
    comparing = _answering(plan, every, PROBES, 2 * 3)
    taught = (
        plan.draft.recipe.batch
        * ELICIT_STEPS
        * _padded([(row, 1.0) for row in _rows(plan, 1, plan.draft.recipe.seed_levels)], plan.parts)
    )
    sweep = _sum(
        _answering(plan, every, SWEEP_PROBLEMS, 1 + len(SCALES)),
        _answering(plan, low, ELICIT_PROBLEMS, 2),
        Step(LEARNT * plan.parameters * taught, taught),
    )
    return _sum(comparing, Step(sweep.flops / SWEEP_EVERY, sweep.tokens / SWEEP_EVERY))


def _sum(*steps: Step) -> Step:
    return Step(sum(step.flops for step in steps), sum(step.tokens for step in steps))
