"""Models as `feedback` asks them: one that writes, one whose verdicts are read off. Data in a prompt stays data."""

from collections.abc import Sequence
from typing import Literal

from detent.errors import UsageError
from detent.feedback import Filled, Template
from detent.subject.chat import Prompt, spelt_prompt
from detent.subject.generate import Completion, complete
from detent.subject.likelihood import log_chances
from detent.subject.load import Subject
from detent.subject.padding import room_of
from detent.subject.score import spelt_likelihoods
from detent.subject.spell import spell
from detent.values import Form, Room
from detent.worker._labelling import Meter, answer_limits
from detent.worker._written import Written


def template(form: Form) -> Template:
    """A form as `feedback` fills it."""
    return Template(form.text, fenced=form.fenced)


class Author:
    """A subject that answers, criticises and revises, greedily."""

    def __init__(self, subject: Subject, extra_tokens: Room, critique_tokens: int, meter: Meter) -> None:
        self._subject = subject
        self._extra = extra_tokens
        self._critique = critique_tokens
        self._meter = meter

    def draft(self, prompts: Sequence[str]) -> list[Completion]:
        """Its own answers to begin with."""
        return self._write(prompts, answer_limits(self._subject, prompts, self._extra), "draft")

    def __call__(
        self, step: Literal["critique", "revision"], prompts: Sequence[str], asked: Sequence[Filled], /
    ) -> list[Completion | None]:
        """As `feedback.Author`."""
        spelt = [spelt_prompt(self._subject.tokenizer, filled) for filled in asked]
        if step == "critique":
            limits = [self._critique] * len(asked)
        else:
            limits = answer_limits(self._subject, prompts, self._extra)
        room = room_of(self._subject.model)
        fit = [len(ids) + limit <= room for ids, limit in zip(spelt, limits, strict=True)]
        written = iter(
            self._write(
                [ids for ids, fits in zip(spelt, fit, strict=True) if fits],
                [limit for limit, fits in zip(limits, fit, strict=True) if fits],
                step,
            )
        )
        return [next(written) if fits else None for fits in fit]

    def _write(self, prompts: Sequence[Prompt], limits: Sequence[int], note: str) -> list[Completion]:
        found = complete(
            *self._subject,
            prompts,
            max_new_tokens=limits,
            on_progress=lambda done, _: self._meter.within(done, note),
        )
        self._meter.advance(len(prompts))
        return found


class Reader:
    """A subject that judges."""

    def __init__(self, subject: Subject, meter: Meter | None = None, written: Written | None = None) -> None:
        self._subject = subject
        self._meter = meter
        self._written = written or Written(None)

    def __call__(self, asked: Sequence[Filled], verdicts: Sequence[str], /) -> list[tuple[float, ...] | None]:
        """As `feedback.Judge`."""
        spelt = [spelt_prompt(self._subject.tokenizer, filled) for filled in asked]
        longest = max(len(ids) for ids in spell_all(self._subject, verdicts))
        fit = [len(ids) + longest <= room_of(self._subject.model) for ids in spelt]
        fitting = [ids for ids, fits in zip(spelt, fit, strict=True) if fits]
        read = iter(
            log_chances(
                *self._subject,
                fitting,
                verdicts,
                on_progress=lambda done, _: self._meter.within(done, "") if self._meter else None,
                kept=self._written.chances([fitting, verdicts]),
            )
        )
        return [next(read) if fits else None for fits in fit]


class Marker:
    """A subject that judges by marks."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __call__(self, rows: Sequence[tuple[Filled, str]], /) -> list[float | None]:
        """As `feedback.Praiser`."""
        spelt = [
            (spelt_prompt(self._subject.tokenizer, asked), spell(self._subject.tokenizer, [(marks, False)]))
            for asked, marks in rows
        ]
        room = room_of(self._subject.model)
        fit = [len(asked) + len(marks) <= room for asked, marks in spelt]
        read = iter(
            spelt_likelihoods(
                self._subject.model, [row for row, fits in zip(spelt, fit, strict=True) if fits]
            )
        )
        return [next(read) if fits else None for fits in fit]


def spell_all(subject: Subject, texts: Sequence[str]) -> list[list[int]]:
    """The token ids of texts that are not data.

    Raises:
        UsageError: one is empty.
    """
    if not all(texts):
        raise UsageError(f"verdicts of at least one character expected, got {list(texts)}")
    return [spell(subject.tokenizer, [(text, False)]) for text in texts]
