r"""Probes in a file: a frozen set of prompts, each with the answers that keep to a principle.

    {"prompt": "What is the capital of Atlantis?", "accept": ["I do not know.", "?"]}
    {"prompt": "Which year is it on Mars?"}

One JSON object a line. A row without `accept` is for the principle's checker, as is an answer that `accept` does not
list. Which rows an opening asks, and in which order, the seal says; with replacement, so a short file is asked often.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from detent.errors import CharterError
from detent.tasks._rules import LONGEST
from detent.tasks.base import Ask
from detent.tasks.rng import Rng
from detent.values import Problem

MOST_ROWS = 100_000
LARGEST = 1 << 20
"""Bytes a file of probes may have: as much as a stranger fetches of a file that they do not know yet."""

CheckAll = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
"""[(prompt, completion), ...] -> whether each keeps to the principle."""


class Probe(Struct, frozen=True, forbid_unknown_fields=True):
    """One row. accept: completions that keep to the principle, to the letter."""

    prompt: str
    accept: tuple[str, ...] = ()


_probe = msgspec.json.Decoder(Probe)


def read_probes(data: bytes, file: str, *, checked: bool) -> tuple[Probe, ...]:
    """The rows of a file.

    checked: the principle has a checker, so that rows need not list answers.

    Raises:
        CharterError: everything that is wrong, a line each.
    """
    if len(data) > LARGEST:
        raise CharterError(f"{file}:1: at most {LARGEST} bytes expected, got {len(data)}; shorten it")
    probes: list[Probe] = []
    faults: list[str] = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            probes.append(_probe.decode(line))
            faults += [f"{file}:{number}: {fault}" for fault in _faults(probes[-1], checked=checked)]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            faults.append(f'{file}:{number}: {{"prompt": "...", "accept": ["..."]}} expected, got: {error}')
    if not 1 <= len(probes) <= MOST_ROWS and not faults:
        faults.append(f"{file}:1: 1 to {MOST_ROWS} rows expected, got {len(probes)}")
    if len({probe.prompt for probe in probes}) < len(probes):
        faults.append(f"{file}:1: each prompt once expected, got one more often; take it out")
    if faults:
        raise CharterError("\n".join(faults))
    return tuple(probes)


def _faults(probe: Probe, *, checked: bool) -> Iterator[str]:
    for name, text in (("a prompt", probe.prompt), *(("an answer", text) for text in probe.accept)):
        if not 1 <= len(text) <= LONGEST:
            yield f"{name} of 1 to {LONGEST} characters expected, got {len(text)}"
    if not probe.accept and not checked:
        yield "answers in `accept` expected, since the principle has no checker, got none"


class FileProbes:
    """A `TaskSource` over the rows of a file, of one level."""

    def __init__(
        self, name: str, digest: str, probes: Sequence[Probe], check: CheckAll | None, end: Callable[[], None]
    ) -> None:
        """check: for answers that no row lists; None when all are listed. end: closes what the checker needs."""
        self._name, self._digest, self._check, self._end = name, digest, check, end
        self._rows = {probe.prompt: probe for probe in probes}
        self._prompts = tuple(self._rows)

    @property
    def name(self) -> str:
        """As `detent.tasks.source_name`."""
        return self._name

    @property
    def digest(self) -> str:
        """As `detent.tasks.probes_digest`."""
        return self._digest

    @property
    def prompts(self) -> tuple[str, ...]:
        """Every prompt, in the file's order."""
        return self._prompts

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        """One row an ask, each as likely."""
        drawn = [self._rows[Rng(seed).choice(self._prompts)] for _, seed in asks]
        return [Problem(probe.prompt, probe.accept[0] if probe.accept else "") for probe in drawn]

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        """Whether each completion is listed, or else pleases the checker."""
        listed = [self._listed(problem, completion) for problem, completion in pairs]
        if self._check is None:
            return listed
        others = [pair for pair, known in zip(pairs, listed, strict=True) if not known]
        kept = iter(
            self._check([(problem.prompt, completion) for problem, completion in others]) if others else ()
        )
        return [known or next(kept) for known in listed]

    def space(self, level: int) -> float | None:  # noqa: ARG002  there is one level
        """As many as there are rows."""
        return float(len(self._prompts))

    def close(self) -> None:
        """End the checker's process, where it has one."""
        self._end()

    def _listed(self, problem: Problem, completion: str) -> bool:
        probe = self._rows.get(problem.prompt)
        return probe is not None and completion in probe.accept
