"""What model servers will be asked in a generation, in questions, tokens and money, and how long their budgets last.

    >>> servers_asked(plan)[0].lasts
    6

At the most: every method in full, every pair of answers different, all as long as their room, a token a character. What
a tokenizer makes of words is a quarter of that, as a rule, so that a budget lasts longer than is said here.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from detent.evaluate import ruling
from detent.propose.consulting import MOST_PROMPT
from detent.propose.contests import MOST_PAIRS, VERDICTS
from detent.propose.forms import COMPARED
from detent.sizing.cost import Plan, room_of_answer
from detent.values import Contest, JudgeJob
from detent.values.serving import Budget

FRAME = 64
"""Tokens that a server's template puts around a question, at the most, as its sampler holds them back."""

WRITTEN = {"logprobs": 1, "text": 8, "json": 24}
"""Tokens that a verdict may have, by how it is read."""


class Use(NamedTuple):
    """Questions, and tokens read and written."""

    questions: float = 0.0
    read: float = 0.0
    written: float = 0.0

    def and_also(self, other: "Use") -> "Use":
        """Both."""
        return Use(self.questions + other.questions, self.read + other.read, self.written + other.written)


class Asked(Struct, frozen=True):
    """What one server is asked in a generation after the first, and its budget.

    generations: of a lease. needed: whether the run stops without it; one that proposes changes can be done without.
    """

    name: str
    host: str
    model: str
    use: Use
    budget: Budget
    generations: int
    needed: bool = True

    @property
    def tokens(self) -> float:
        """Read and written."""
        return self.use.read + self.use.written

    @property
    def money(self) -> float:
        """What they cost; 0 where the charter names no prices."""
        return self.budget.cost(round(self.use.read), round(self.use.written))

    @property
    def lasts(self) -> int:
        """Generations that the budget pays for; nothing is asked in generation 0."""
        within = [self.budget.tokens / self.tokens] if self.tokens else []
        if self.budget.money and self.money:
            within.append(self.budget.money / self.money)
        return int(min(within, default=self.generations))

    def document(self) -> dict[str, Any]:
        """In plain values."""
        return {
            "name": self.name,
            "host": self.host,
            "model": self.model,
            "questions": round(self.use.questions),
            "tokens": round(self.tokens),
            "money": self.money,
            "budget_tokens": self.budget.tokens,
            "budget_money": self.budget.money,
            "generations": self.lasts,
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        money = f", {self.money:.3g} of money" if self.money else ""
        yield (
            f"server      {self.name}, {self.model} at {self.host}: at most {self.use.questions:,.0f} questions, "
            f"{self.tokens / 1e6:,.3g} million tokens{money} a generation"
        )
        bound = f" and {self.budget.money:g} of money" if self.budget.money else ""
        wanted = self.generations
        then = "the run stops" if self.needed else "no more changes are proposed by it"
        enough = "enough" if self.lasts >= wanted else f"perhaps NOT enough: {then} where it is spent"
        yield (
            f"            its budget of {self.budget.tokens:,} tokens{bound} pays for "
            f"{min(self.lasts, wanted)} of {wanted} generations at the least, {enough}"
        )


def servers_asked(plan: Plan) -> tuple[Asked, ...]:
    """Every server of the charter that is asked, by name."""
    feedback, found = plan.draft.feedback, []
    for name in sorted(plan.draft.asked_servers & plan.draft.servers.keys()):
        server = plan.draft.servers[name]
        use = Use()
        if name == feedback.judge_server:
            use = use.and_also(_judging(plan, WRITTEN[server.verdicts], server.max_tokens))
        if name == feedback.teacher_server:
            use = use.and_also(_teaching(plan, server.max_tokens))
        if name == plan.draft.explore.model_server:
            use = use.and_also(Use(1, MOST_PROMPT + FRAME, server.max_tokens))
        found.append(
            Asked(
                name=name,
                host=urlsplit(server.url).netloc,
                model=server.model,
                use=use,
                budget=server.limits,
                generations=plan.draft.pace.lease.generations,
                needed=name in {feedback.judge_server, feedback.teacher_server},
            )
        )
    return tuple(found)


def _judging(plan: Plan, verdict: int, most: int) -> Use:
    """Its exam, and the pairs that it prefers among."""
    feedback, recipe, use = plan.draft.feedback, plan.draft.recipe, Use()
    writers = recipe.team + bool(feedback.teacher)
    pairs = min(MOST_PAIRS, feedback.samples * writers - 1) * feedback.pairs
    tops = plan.draft.direction.improve
    own = -(-feedback.anchors // max(tops.values()))  # problems a level that it answers itself
    for task, top in tops.items():
        prompt = max(asked for asked, _ in plan.lengths[task])
        room = 1 + room_of_answer(plan, prompt)
        compared = feedback.anchors + own * top + (pairs if "dpo" in feedback.methods else 0)
        use = use.and_also(_contests(plan, compared, round(prompt), round(room), verdict))
        use = use.and_also(Use(own * top, own * top * (prompt + FRAME), own * top * most))
    return use


def _contests(plan: Plan, many: float, prompt: int, answer: int, verdict: int) -> Use:
    """So many pairs, each in both orders."""
    pair = Contest("x" * prompt, "x" * answer, "x" * answer)
    form = COMPARED[plan.draft.feedback.judge_form].better
    job = JudgeJob(model="", pairs=(pair,), form=form, verdicts=VERDICTS)
    read = ruling(1, job) / 2 + 2 * FRAME  # two operations a token, both orders
    return Use(2 * many, many * read, 2 * many * verdict)


def _teaching(plan: Plan, most: int) -> Use:
    """Its answers to each prompt, as many as a candidate's."""
    feedback, use = plan.draft.feedback, Use()
    for task in plan.draft.direction.improve:
        many = feedback.pairs * feedback.samples
        prompt = max(asked for asked, _ in plan.lengths[task])
        use = use.and_also(Use(many, many * (prompt + FRAME), many * most))
    return use
