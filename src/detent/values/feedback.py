"""Jobs by which models teach themselves and each other, and their results: samples, revisions, rulings, training.

Prompts as templates cross as a `Form`, preferences as a file of `Preference` rows named by digest.
"""

from math import isfinite
from typing import Literal

from msgspec import Struct

from detent.errors import UsageError
from detent.values._record import Record
from detent.values.room import Room


class Form(Struct, frozen=True, forbid_unknown_fields=True):
    """A prompt with places in braces ({prompt}, {draft}, {critique}, {principle}, {first}, {second}).

    fenced: what goes into a place stands between lines with a mark, {mark} in the text, that is in none of it. Else
    content that holds any of the form's own text is not asked about.
    """

    text: str
    fenced: bool = False


class SampleJob(Record, frozen=True, tag="sample"):
    """Let `model` (digest) write `samples` answers to each of `prompts` at `temperature` (above 0), drawn by `seed`."""

    model: str
    prompts: tuple[str, ...]
    samples: int
    seed: int
    temperature: float = 1.0
    extra_tokens: Room = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        _positive(samples=self.samples, temperature=self.temperature)


class ReviseJob(Record, frozen=True, tag="revise"):
    """Let `model` (digest) revise its answers to `prompts`, at most `rounds` times each.

    drafts: to begin with, one a prompt, each with its least token probability in `confidences`; () lets the model
    draft greedily. critique: asked before each revision; None for none. principles: one a prompt, or ().
    least_confidence: least token probability of a revision below which the text stays. A critique has at most
    `critique_tokens`, an answer the room of `extra_tokens`.
    """

    model: str
    prompts: tuple[str, ...]
    revise: Form
    critique: Form | None = None
    drafts: tuple[str, ...] = ()
    confidences: tuple[float, ...] = ()
    principles: tuple[str, ...] = ()
    rounds: int = 1
    least_confidence: float = 0.0
    critique_tokens: int = 64
    extra_tokens: Room = 4

    def __post_init__(self) -> None:
        """Refuse lists that do not go together."""
        _positive(rounds=self.rounds, critique_tokens=self.critique_tokens)
        if len(self.drafts) != len(self.confidences):
            raise UsageError(
                f"one confidence a draft expected, got {len(self.confidences)} for {len(self.drafts)}; give both"
            )
        for name in ("drafts", "principles"):
            if getattr(self, name) and len(getattr(self, name)) != len(self.prompts):
                raise UsageError(
                    f"{name} for all prompts or none expected, got {len(getattr(self, name))} for {len(self.prompts)}"
                )


class Contest(Struct, frozen=True, forbid_unknown_fields=True):
    """Two answers to a prompt, to be compared by a principle if one is given. Whose they are is not said."""

    prompt: str
    first: str
    second: str
    principle: str = ""


class JudgeJob(Record, frozen=True, tag="judge"):
    """Let `model` (digest) say of each pair which answer is better, in both orders, by likelihood of `verdicts`.

    verdicts: the texts that mean the first and the second, as the model would go on writing after the form (for many
    tokenizers with a space before: " 1"); neither may begin with the other, in tokens.
    margin: nats of log-odds up to which it is a tie.
    """

    model: str
    pairs: tuple[Contest, ...]
    form: Form
    verdicts: tuple[str, str] = ("1", "2")
    margin: float = 0.0


class PreferJob(Record, frozen=True, tag="prefer"):
    """Train the model `parent` (digest) on the preferences in the files `data` (digests) by DPO.

    pairs: a step. rate: AdamW's, at its highest. beta: how dear it is to leave the parent, above 0.
    """

    parent: str
    data: tuple[str, ...]
    steps: int
    seed: int
    pairs: int = 32
    rate: float = 2e-4
    beta: float = 0.1
    warmup_steps: int = 5
    clip: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what nothing can be learnt by, and what holds the model to nothing."""
        _positive(steps=self.steps, pairs=self.pairs, rate=self.rate, beta=self.beta, clip=self.clip)


class ReinforceJob(Record, frozen=True, tag="reinforce"):
    """Train the model `parent` (digest) by GRPO on its own answers to `prompts`, as the model `judge` scores them.

    form: has {prompt} and {draft}. by: what an answer's reward is, 0 where it did not end or cannot be asked about.
    "verdict": the probability of good, given that the judge says either of `verdicts`, the texts that mean good and not
    good. "praise": that of all the marks that a right answer deserves (`values.praise`), for a judge that writes marks.
    prompts_a_step x group answers a step, written at `temperature`. beta: weight of the divergence, above 0.
    """

    parent: str
    judge: str
    prompts: tuple[str, ...]
    form: Form
    steps: int
    seed: int
    verdicts: tuple[str, str] = ("y", "n")
    by: Literal["verdict", "praise"] = "verdict"
    prompts_a_step: int = 8
    group: int = 8
    rate: float = 2e-4
    beta: float = 0.04
    temperature: float = 1.0
    warmup_steps: int = 5
    clip: float = 1.0
    extra_tokens: Room = 4

    def __post_init__(self) -> None:
        """Refuse what nothing can be learnt by, and what holds the model to nothing."""
        _positive(steps=self.steps, prompts_a_step=self.prompts_a_step, group=self.group, clip=self.clip)
        _positive(rate=self.rate, beta=self.beta, temperature=self.temperature)


def _positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not (isfinite(number) and number > 0):
            raise UsageError(f"a finite {name} above 0 expected, got {number}; give one")


class Sample(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer. ended: by itself, within its limit. confidence: its least token probability, at temperature 1."""

    text: str
    ended: bool
    confidence: float


class Sampled(Record, frozen=True, tag="sampled"):
    """The samples of each prompt, in order."""

    samples: tuple[tuple[Sample, ...], ...]


class RevisionStep(Struct, frozen=True, forbid_unknown_fields=True):
    """One round: the critique ("" where none is asked), the revision, taken or not, its least token probability."""

    critique: str
    text: str
    confidence: float


class Revision(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one draft.

    final: the draft, or the last revision that was taken; confidence is its own. stopped: all rounds were used, the
    revision was the same, it was unsure or did not end (and was not taken), or the model could not be asked.
    """

    draft: str
    steps: tuple[RevisionStep, ...]
    final: str
    confidence: float
    stopped: Literal["rounds", "same", "unsure", "unended", "unfit"]


class Revised(Record, frozen=True, tag="revised"):
    """One revision a prompt, in order."""

    revisions: tuple[Revision, ...]


Ruled = Literal["first", "second", "tie", "dropped", "unfit"]
"""Better in both orders; equally good in both; the orders disagree; the judge could not be asked."""


def verdict_of(odds: tuple[float, ...], margin: float) -> Ruled:
    """What a judge's log-odds for the first answer amount to, asked in both orders; () was not asked."""
    if not odds:
        return "unfit"
    sides: set[Ruled] = {"tie" if abs(one) <= margin else "first" if one > 0 else "second" for one in odds}
    return sides.pop() if len(sides) == 1 else "dropped"


class Ruling(Struct, frozen=True, forbid_unknown_fields=True):
    """A judge's word on one pair.

    odds: ln p(first is better) - ln p(second is), nats,
    in the given order and with the answers exchanged; () when unfit.
    """

    verdict: Ruled
    odds: tuple[float, ...]


class Judged(Record, frozen=True, tag="judged"):
    """One ruling a pair, in order."""

    rulings: tuple[Ruling, ...]
