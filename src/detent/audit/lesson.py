"""A data file under check: with its entry, what audited it, and what it was made with.

>>> read_lesson(case, signed, step, entry, drawing).checked
400
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from detent.audit.constitutions import believed_principles, constitution_of
from detent.audit.drawing import Drawing
from detent.audit.evidence import Case
from detent.audit.files import named_file
from detent.audit.material import believed_tasks
from detent.audit.steps import Step
from detent.charter import Constitution, SignedCharter
from detent.errors import TrustError
from detent.propose import REVISING
from detent.tasks import Proxy, TaskSource
from detent.values import Audited, DataMade, Example, Flipped, Slice

T = TypeVar("T")

_examples: msgspec.json.Decoder[Example] = msgspec.json.Decoder(Example)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A data file with its entry, the audit of it if there was one, and the tasks it was made with.

    examples: None where the file is rightly not at hand: what the entry alone says is checked all the same.
    source: of lessons and corrections, the answers that they were made from; None where those are not at hand.
    constitution, principles: of corrections and revisions the charter's, and what asks its principles.
    flips: of revisions, the audit of what they made right and wrong.
    sizes: parameters of every model on record. proxies: those that labels had to please, as far as they are at hand.
    """

    signed: SignedCharter
    step: Step
    entry: DataMade
    audit: Audited | None
    examples: Sequence[Example] | None
    tasks: Mapping[str, TaskSource]
    sizes: Mapping[str, int]
    proxies: Sequence[Proxy]
    drawing: Drawing
    source: Sequence[Example] | None = None
    constitution: Constitution | None = None
    principles: Mapping[str, TaskSource] = field(default_factory=dict)
    flips: Flipped | None = None

    @property
    def whole(self) -> bool:
        """Whether all that is in the file can be checked: of true answers without it too, which are the tasks' own."""
        return self.examples is not None or self.entry.origin.source == "seed"

    @property
    def checked(self) -> int:
        """Examples that are looked at, one by one or all at once by their digest."""
        if self.examples is not None:
            return len(self.examples)
        return sum(rungs_of(self.entry.counts).values()) if self.whole else 0

    def stream(self, label: str) -> bytes:
        """The public stream of that name in the file's generation."""
        return self.step.stream(self.signed, label)


def data_path(digest: str) -> str:
    """Where a run folder has it."""
    return f"data/{digest}.jsonl"


def examples_of(case: Case, digest: str) -> list[Example] | None:
    """What a file of examples holds; as `lines_of`."""
    return lines_of(case, digest, _examples, "examples")


def lines_of(case: Case, digest: str, decoder: msgspec.json.Decoder[T], what: str) -> list[T] | None:
    """What a data file holds; None where it is rightly not at hand. what: its rows, for people.

    Raises:
        TrustError: it is missing, it was changed, or something else is in it.
    """
    if case.without(data_path(digest)) and not (case.evidence.data / f"{digest}.jsonl").exists():
        return None
    content = named_file(case.evidence.data, digest, ".jsonl")
    try:
        rows = decoder.decode_lines(content)
    except msgspec.DecodeError as error:
        raise TrustError(f"{what} expected in {digest}.jsonl, got: {error}") from error
    if msgspec.json.Encoder().encode_lines(rows) != content:
        raise TrustError(f"{what} and nothing else expected in {digest}.jsonl, got more")
    return rows


def read_lesson(case: Case, signed: SignedCharter, step: Step, entry: DataMade, drawing: Drawing) -> Lesson:
    """A data file as it stands on the record, with what there is to check it by.

    Raises:
        TrustError: the file, or code that it was made by, is missing or is another; it holds something else.
    """
    made_in, origin = step.before.generation, entry.origin.source
    answers = step.before.slots.get("data/v1") if origin in {"lessons", "corrections"} else None
    revises = origin in {"corrections", "revised", "principled"}
    return Lesson(
        signed,
        step,
        entry,
        audit=next(
            (one for at, one in case.all(Audited) if at.before.generation == made_in and not step.trial), None
        ),
        examples=examples_of(case, entry.digest),
        tasks=believed_tasks(case, signed),
        sizes={model.digest: model.parameters for _, model in case.trained()},
        proxies=_proxies(case, signed),
        drawing=drawing,
        source=examples_of(case, answers.digest) if isinstance(answers, DataMade) else None,
        constitution=constitution_of(case, signed) if revises else None,
        principles=believed_principles(case, signed) if revises else {},
        # By its generation: files in which nothing was kept are all one file.
        flips=next(
            (
                one
                for at, one in case.all(Flipped)
                if at.before.generation == made_in
                and at.trial == step.trial
                and REVISING.get(one.method) == origin
            ),
            None,
        ),
    )


def _proxies(case: Case, signed: SignedCharter) -> list[Proxy]:
    named = signed.charter.proxies
    return [
        proxy
        for proxy in case.evidence.proxies.values()
        if proxy.name in named and proxy.digest == named[proxy.name].sha256
    ]


def numbered(rungs: Mapping[Slice, int]) -> dict[str, dict[int, int]]:
    """[task][level]."""
    found: dict[str, dict[int, int]] = {}
    for one, prompts in rungs.items():
        found.setdefault(one.task, {})[one.level] = prompts
    return found


def rungs_of(counts: Mapping[str, Mapping[str, int]]) -> Counter[Slice]:
    """What an entry says of its file, as rungs; a level that is none is none of the charter's."""
    return Counter(
        {
            Slice(task, int(level) if level.isdecimal() else 0): count
            for task, levels in counts.items()
            for level, count in levels.items()
        }
    )


def by_task(counts: Mapping[Slice, int]) -> dict[str, dict[str, int]]:
    """As entries have them: [task][level as text]."""
    return {
        task: {str(level): count for level, count in levels.items()}
        for task, levels in numbered(counts).items()
    }
