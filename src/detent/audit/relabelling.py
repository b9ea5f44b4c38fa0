"""Labels asked again of the team that is said to have made them: whose completions a data file holds.

On the machine's own kind the same file must come of the same job, to the byte. Elsewhere the same labels must be kept,
all but a few; how sure their labellers are may differ by SURE, and with it their order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import structs

from detent.audit.differences import Difference, Remade, judged, not_made
from detent.audit.files import named_file
from detent.audit.findings import counted
from detent.audit.turns import Turn
from detent.errors import EngineError, TrustError
from detent.evaluate import profile_items, public_number, public_stream
from detent.propose import as_kept, label_job, label_rungs, split
from detent.tasks import Proxy
from detent.values import DataMade, DataProposal, Example, LabelJob, Labels, Proposed

SURE = 1e-3
"""By how much a confidence may differ on another kind of machine; differences of 2.4e-7 were seen."""

_examples: msgspec.json.Decoder[Example] = msgspec.json.Decoder(Example)


def labels_again(turn: Turn) -> Iterator[Remade]:
    """The generation's labels, when its team made any."""
    made, proposed = turn.entry("data/v1", DataMade), turn.entry("proposal/v1", Proposed)
    if made is None or proposed is None:
        return
    if gone := turn.gone((*proposed.proposal.team, *([made.origin.judge] if made.origin.judge else []))):
        yield not_made("labels", gone)
        return
    try:
        recorded = _examples.decode_lines(named_file(turn.case.evidence.data, made.digest, ".jsonl"))
    except TrustError as error:
        yield not_made("labels", str(error))
        return
    job = _job(turn, proposed.proposal, made.origin.judge)
    proxies = {proxy.name: proxy for proxy in _proxies(turn)}
    again = as_kept(_kept(turn, job), proxies)
    if not turn.rule.exact:
        again = with_recorded_digits(recorded, again)
    differing = differing_examples(recorded, again)
    models = counted(len(job.models), "model")
    detail = f"{counted(len(recorded), 'label')} in data/{made.digest[:8]}..., asked again of {models}"
    steps = [turn.steps["data/v1"].index]
    yield judged("labels", detail, differing, asked=len(recorded), rule=turn.rule, steps=steps)


def _job(turn: Turn, proposal: DataProposal, judge: str) -> LabelJob:
    charter, generation = turn.signed.charter, turn.generation
    stream = public_stream(charter.run.seed, "labels", generation)
    items = profile_items(turn.tasks, label_rungs(proposal), stream)
    seed = public_number(charter.run.seed, "labels", generation)
    return label_job(proposal, items, seed=seed, extra_tokens=charter.subject.room, judge=judge)


def _kept(turn: Turn, job: LabelJob) -> Iterator[Example]:
    for result in turn.engine.run_all(split(job, turn.engine.width), turn.means.watch):
        if not isinstance(result, Labels):
            raise EngineError(f"labels expected from a label job, got {type(result).__name__}; run again")
        yield from result.kept


def _proxies(turn: Turn) -> list[Proxy]:
    """Those that the charter names; without the code of one, labels it refused are left over, and are named."""
    named = turn.signed.charter.proxies
    return [
        proxy
        for proxy in turn.case.evidence.proxies.values()
        if proxy.name in named and proxy.digest == named[proxy.name].sha256
    ]


def with_recorded_digits(recorded: Sequence[Example], again: Sequence[Example]) -> list[Example]:
    """Labels made again as they were recorded, where they differ by last digits and order alone."""
    said = {(one.task, one.prompt): one for one in again}
    near = [
        one
        for one in recorded
        if (other := said.get((one.task, one.prompt))) is not None
        and abs(one.confidence - other.confidence) <= SURE
        and abs(one.judged - other.judged) <= SURE
        and structs.replace(other, confidence=one.confidence, judged=one.judged) == one
    ]
    known = {(one.task, one.prompt) for one in near}
    rest = [one for one in again if (one.task, one.prompt) not in known]
    return [*near, *rest]


def differing_examples(recorded: Sequence[Example], again: Sequence[Example]) -> list[Difference]:
    """Line by line: what was recorded and was not labelled so again, and what was labelled and left out."""
    left, said = Counter(again), {(one.task, one.prompt): one for one in again}
    found: list[Difference] = []
    for line, example in enumerate(recorded, 1):
        if left[example]:
            left[example] -= 1
        else:
            other = said.get((example.task, example.prompt))
            got = _shown(other) if other else "nothing that was kept"
            found.append(
                Difference(f"line {line}: {example.prompt!r} -> {_shown(example)} recorded, {got} again")
            )
    out = [one for one, count in left.items() if count and (one.task, one.prompt) not in _prompts(recorded)]
    found += [Difference(f"{one.prompt!r} -> {_shown(one)} again, left out of the record") for one in out]
    if not found and list(recorded) != list(again):
        found.append(Difference("the order of labels expected in which they are made, got another"))
    return found


def _prompts(examples: Sequence[Example]) -> set[tuple[str, str]]:
    return {(example.task, example.prompt) for example in examples}


def _shown(example: Example) -> str:
    return f"{example.completion!r} ({example.confidence:.9g} sure)"
