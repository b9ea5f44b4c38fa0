"""Labelling and evaluation against plain `model.generate`, on the same model and prompts, in one run.

    throughput.py                         some minutes on two cores
    throughput.py --rounds 1 --prompts 64 less
    throughput.py --run demo              the shares of a run's time, as its sessions' stopwatch has them

The model is a small Qwen 3 with a BPE trained on the spot, taught for some steps to write words again, so that its
answers end here and there. Each round has the same prompts answered in every way, one way after the other: as a
worker's jobs, by plain `generate` in the order they come, and by `generate` on prompts sorted by length. All must write
the same greedy answers. Counted are tokens up to the end mark; figures are medians of rounds.
"""

import argparse
import importlib.util
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from bench_place import Place, answer_to, machine_line, table, timed, word_prompts
from transformers import PreTrainedTokenizerBase

from detent.subject.chat import asked
from detent.subject.generate import complete, stop_tokens
from detent.subject.load import Subject
from detent.testing.language import write_language_model
from detent.values import AnswerJob, AtMost, Example, LabelJob, Optimizer, Source, TrainJob
from detent.values.proposals import Filter, LabelRecipe, Rung

ROOM = 48  # new tokens an answer may have
PLAIN = "generate"
Way = Callable[[], dict[str, str]]
"""Has all prompts answered; returns answers by prompt."""


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=64, help="rows of a batch of plain generate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--run", type=Path, help="print the shares of this run's time, and nothing else")
    options = parser.parse_args()
    if options.run:
        print(shares_of(options.run / "logs" / "timing.jsonl"))
        return
    with tempfile.TemporaryDirectory(prefix="throughput-") as root:
        place = Place(Path(root), device=options.device, threads=options.threads)
        print(measured(place, options))
        place.close()


def measured(place: Place, options: argparse.Namespace) -> str:
    """Teach the model, ask it in turn, and say what came of it."""
    model = taught(place, options)
    prompts = list(dict.fromkeys(word_prompts(options.prompts, seed=2)))
    subject = place.subject(model)
    written = complete(*subject, prompts, max_new_tokens=ROOM + 1)
    wanted = {prompt: one.text for prompt, one in zip(prompts, written, strict=True)}
    seconds: dict[str, list[float]] = {}
    ways = ways_of(place, model, subject, prompts, options.rows)
    for name, way in [*ways.items()] * (options.rounds + 1):  # the first round warms up
        took, found = timed(way)
        if other := [prompt for prompt, text in found.items() if text != wanted[prompt]]:
            raise SystemExit(f"the same answers expected whoever asks, got {len(other)} others by {name}")
        seconds.setdefault(name, []).append(took)
    rounds = {name: some[1:] for name, some in seconds.items()}
    return report(rounds, len(prompts), sum(len(one.tokens) for one in written), options)


def taught(place: Place, options: argparse.Namespace) -> str:
    """The digest of a model that has learnt when to stop."""
    texts = word_prompts(400, seed=1)
    folder = write_language_model(
        place.root / "given" / "model", "qwen3", texts, hidden=options.hidden, layers=options.layers
    )
    rows = [Example("words", 1, prompt, answer_to(prompt)) for prompt in texts]
    job = TrainJob(
        parent=place.models.admit(folder),
        sources=(Source(place.data.put(rows), 1.0),),
        steps=options.steps,
        seed=1,
        optimizer=Optimizer(other_rate=2e-3, batch=16, warmup_steps=5, method="adamw"),
    )
    return place.models.admit(place.root / "staging" / place.do(job).folder)


def ways_of(place: Place, model: str, subject: Subject, prompts: Sequence[str], rows: int) -> dict[str, Way]:
    """Each way by its name. Labels are returned as far as the filter keeps them; here it refuses none that ended."""
    room = AtMost(ROOM)
    rung = Rung(1, len(prompts), Filter(0.0, 0.0, 0))
    label = LabelJob(
        models=(model,),
        prompts={"words": {"1": tuple(prompts)}},
        recipes={"words": LabelRecipe(frontier=1, rungs=(rung,))},
        seed=1,
        extra_tokens=room,
    )
    answer = AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=room)
    ordered = sorted(prompts, key=lambda prompt: -len(asked(subject.tokenizer, [prompt])[0]))
    found: dict[str, Way] = {
        "labelling": lambda: {one.prompt: one.completion for one in place.do(label).kept},
        "evaluation": lambda: dict(zip(prompts, place.do(answer).completions, strict=True)),
        PLAIN: lambda: plain(subject, prompts, rows),
        f"{PLAIN}, sorted by length": lambda: plain(subject, ordered, rows),
    }
    if torch.cuda.is_available() and importlib.util.find_spec("vllm"):
        found["vLLM"] = with_vllm(place.models.path(model), subject, prompts)
    return found


def plain(subject: Subject, prompts: Sequence[str], rows: int) -> dict[str, str]:
    """What most scripts do: batches as they come, padded on the left, until the last row has ended."""
    model, tokenizer = subject
    stops = list(stop_tokens(model, tokenizer))
    answers: dict[str, str] = {}
    for start in range(0, len(prompts), rows):
        some = prompts[start : start + rows]
        encoded = asked(tokenizer, some)
        longest = max(map(len, encoded))
        ids = [[0] * (longest - len(row)) + row for row in encoded]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in encoded]
        with torch.inference_mode():
            made = model.generate(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                do_sample=False,
                max_new_tokens=ROOM + 1,
                eos_token_id=stops,
                pad_token_id=stops[0],
            )
        for prompt, row in zip(some, made[:, longest:].tolist(), strict=True):
            answers[prompt] = text_of(tokenizer, row, stops)
    return answers


def text_of(tokenizer: PreTrainedTokenizerBase, row: Sequence[int], stops: Sequence[int]) -> str:
    """Up to the end mark, as jobs return it."""
    end = next((at for at, token in enumerate(row) if token in stops), len(row))
    return str(tokenizer.decode(list(row[:end]), skip_special_tokens=False))


def with_vllm(folder: Path, subject: Subject, prompts: Sequence[str]) -> Way:
    """The same by vLLM, loaded before the clock starts."""
    from vllm import LLM, SamplingParams  # noqa: PLC0415

    server = LLM(str(folder), dtype="bfloat16", gpu_memory_utilization=0.4)
    stops = list(stop_tokens(*subject))
    how = SamplingParams(temperature=0.0, max_tokens=ROOM + 1, stop_token_ids=stops)
    encoded = [{"prompt_token_ids": ids} for ids in asked(subject.tokenizer, prompts)]

    def written() -> dict[str, str]:
        made = server.generate(encoded, how, use_tqdm=False)
        rows = [one.outputs[0].token_ids for one in made]
        return {
            prompt: text_of(subject.tokenizer, row, stops) for prompt, row in zip(prompts, rows, strict=True)
        }

    return written


def report(seconds: dict[str, list[float]], prompts: int, tokens: int, options: argparse.Namespace) -> str:
    """Markdown: a row a way, against plain generate."""
    medians = {name: statistics.median(some) for name, some in seconds.items()}
    rows = [
        [
            name,
            f"{medians[name]:.2f} ({min(some):.2f}-{max(some):.2f})",
            f"{tokens / medians[name]:,.0f}",
            f"{prompts / medians[name]:,.1f}",
            f"{medians[PLAIN] / medians[name]:.2f}",
        ]
        for name, some in seconds.items()
    ]
    head = ("way", "seconds, median (range)", "tokens/s", "rows/s", "times plain")
    said = (
        f"{prompts} prompts, {tokens:,} tokens written, {tokens / prompts:.1f} a row of at most {ROOM + 1}; "
        f"{options.hidden} wide, {options.layers} layers, plain batches of {options.rows}; "
        f"{machine_line(options.threads)}"
    )
    return f"{said}\n\n{table(head, rows)}"


def shares_of(timing: Path) -> str:
    """Of each session on record: what part of its time was neither training nor generation."""
    lines = [json.loads(line) for line in timing.read_text("utf-8").splitlines()]
    rows = [
        [f"{one['total']:.0f}", f"{1 - one['overseeing'] / one['total']:.1%}", f"{one['overseeing']:.1f}"]
        for one in lines
    ]
    return table(("session, seconds", "training and generation", "overseeing, seconds"), rows)


if __name__ == "__main__":
    main()
