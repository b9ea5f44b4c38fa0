"""`make bench-gpu`: what one GPU does with a model of half a billion parameters, a LoRA adapter and bfloat16.

    gpu.py                            on a GPU
    gpu.py --tiny --device cpu        the same code on a tiny model, without one: its figures mean nothing

The model has the sizes of Qwen2.5-0.5B and random weights; nothing is downloaded. Jobs are those of a run, done by the
bench that a worker does them on: labels and answers of the base with an adapter, a training on labels, a training on
preferences. Tokens are those that went through models, padding included. The share of the card's peak is of 2
operations a parameter and token read, 4 learnt, since only an adapter learns; what is computed twice to save memory is
counted once. Peak memory is the allocator's own, and is held against 16 GB; without a GPU it is the process's.
"""

import argparse
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from bench_place import ASKED, Place, answer_to, machine_line, table, timed, word_prompts
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import Qwen2Config, Qwen2ForCausalLM

from detent.sizing import Gpu, shape_in
from detent.testing.language import language_tokenizer
from detent.values import (
    AnswerJob,
    AtMost,
    Example,
    Job,
    LabelJob,
    Lora,
    Optimizer,
    Preference,
    PreferJob,
    Source,
    TrainJob,
)
from detent.values.proposals import Filter, LabelRecipe, Rung

HALF_BILLION: dict[str, Any] = {
    "vocab_size": 151_936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32_768,
    "tie_word_embeddings": True,
}
"""Qwen2.5-0.5B's, as its config.json has them."""

TINY = HALF_BILLION | {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
CARD = 16e9  # bytes that all has to fit in
LORA = Lora(rank=16, alpha=32.0)
READ, LEARNT = (
    2,
    4,
)  # operations a parameter and token: with an adapter the frozen weights get no gradient of their own


class Load(NamedTuple):
    """How much is asked: prompts, tokens of an answer, steps, rows of a step and at a time."""

    prompts: int
    room: int
    steps: int
    rows: int
    at_once: int


class Measured(NamedTuple):
    """One job. read, learnt: tokens; bytes: the peak."""

    name: str
    seconds: float
    read: int
    learnt: int
    bytes: float


def main() -> int:
    """Measure and print Markdown; 1 where there is no GPU to measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a tiny model and little work")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("a GPU that PyTorch can use expected, got none; nothing was measured", file=sys.stderr)
        return 1
    load = Load(4, 6, 2, 4, 2) if options.tiny else Load(512, 128, 20, 32, 8)
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as root:
        place = Place(Path(root), device=options.device, threads=options.threads)
        print(measured(place, TINY if options.tiny else HALF_BILLION, load, options))
        place.close()
    return 0


def measured(place: Place, config: dict[str, Any], load: Load, options: argparse.Namespace) -> str:
    """Each job in turn, and what came of it."""
    base = place.models.admit(written(place.root / "given" / "base", config))
    prompts = word_prompts(load.prompts, seed=2)
    rows = [Example("words", 1, prompt, answer_to(prompt)) for prompt in prompts]
    train = training(place, base, rows, load)
    found = [one_job(place, "SFT", train)]
    adapter = place.models.admit(next((place.root / "staging").glob("trained-*")))
    for name, job in asking(adapter, prompts, load).items():
        place.do(job)  # warms up
        found.append(one_job(place, name, job))
    found.append(one_job(place, "DPO", preferring(place, adapter, prompts, load)))
    return report(found, config, load, options)


def written(folder: Path, config: dict[str, Any]) -> Path:
    """The base with random weights, in bfloat16 as such models come; its tokenizer's BPE is trained on the spot."""
    tokenizer = language_tokenizer("qwen2", word_prompts(200, seed=1))
    torch.manual_seed(1)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    model = Qwen2ForCausalLM(Qwen2Config(**config, bos_token_id=None, **ends)).to(torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def training(place: Place, base: str, rows: list[Example], load: Load) -> TrainJob:
    """On labels, as a generation trains."""
    how = Optimizer(
        other_rate=1e-4, batch=load.rows, warmup_steps=2, method="adamw", micro_batch=load.at_once, lora=LORA
    )
    sources = (Source(place.data.put(rows), 1.0),)
    return TrainJob(parent=base, sources=sources, steps=load.steps, seed=1, optimizer=how)


def asking(model: str, prompts: list[str], load: Load) -> dict[str, Job]:
    """Labels and answers: random weights end nowhere, and so every answer takes its room."""
    room = AtMost(load.room)
    rung = Rung(1, len(prompts), Filter(0.0, 0.0, 0))
    label = LabelJob(
        models=(model,),
        prompts={"words": {"1": tuple(prompts)}},
        recipes={"words": LabelRecipe(frontier=1, rungs=(rung,))},
        seed=1,
        extra_tokens=room,
    )
    return {
        "labelling": label,
        "evaluation": AnswerJob(model=model, prompts=tuple(prompts), extra_tokens=room),
    }


def preferring(place: Place, model: str, prompts: list[str], load: Load) -> PreferJob:
    """On preferences: right words before the same words backwards."""
    rows = [
        Preference(f"{ASKED} {words} .", words, f"{' '.join(reversed(words.split()))} .")
        for words in map(answer_to, prompts)
    ]
    return PreferJob(
        parent=model,
        data=(place.data.put(rows),),
        steps=load.steps,
        seed=1,
        pairs=load.at_once,
        warmup_steps=1,
    )


def one_job(place: Place, name: str, job: Job) -> Measured:
    """Do it and watch: seconds, tokens through models, peak memory."""
    on_gpu = place.device == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    with counted() as tokens:
        seconds, _ = timed(lambda: place.do(job))
    peak = float(torch.cuda.max_memory_allocated()) if on_gpu else resident()
    return Measured(name, seconds, tokens["read"], tokens["learnt"], peak)


def resident() -> float:
    """Bytes that this process had in memory at the most, since it began."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Tokens through models meanwhile, padding included: with a gradient learnt, else read."""
    tokens: Counter[str] = Counter()

    def count(module: torch.nn.Module, given: tuple[Any, ...]) -> None:
        if isinstance(module, torch.nn.Embedding):
            tokens["learnt" if torch.is_grad_enabled() else "read"] += given[0].numel()

    handle = register_module_forward_pre_hook(count)
    try:
        yield tokens
    finally:
        handle.remove()


def report(found: list[Measured], config: dict[str, Any], load: Load, options: argparse.Namespace) -> str:
    """Markdown."""
    parameters = shape_in(config, None, 2.0).parameters
    on_gpu = options.device == "cuda"
    peak = Gpu(torch.cuda.get_device_name(0)).peak if on_gpu else None
    rows = [
        [
            one.name,
            f"{one.seconds:.2f}",
            f"{one.read:,}",
            f"{one.learnt:,}",
            f"{(one.read + one.learnt) / one.seconds:,.0f}",
            share(one, parameters, peak),
            f"{one.bytes / 1e9:.2f} GB{fits(one.bytes) if on_gpu else ''}",
        ]
        for one in found
    ]
    head = ("job", "seconds", "tokens read", "tokens learnt", "tokens/s", "share of peak", "peak memory")
    said = (
        f"{parameters:,} parameters, LoRA of rank {LORA.rank}; {load.prompts} prompts, answers of {load.room} tokens, "
        f"{load.steps} steps of {load.rows} rows, {load.at_once} at a time; {machine_line(options.threads)}"
    )
    tiny = "\n\nA tiny model: this shows that everything works, and nothing else." if options.tiny else ""
    return f"{said}\n\n{table(head, rows)}{tiny}"


def fits(taken: float) -> str:
    """Whether it fits the card that is promised."""
    return f", {'within' if taken <= CARD else 'OVER'} {CARD / 1e9:.0f}"


def share(one: Measured, parameters: int, peak: float | None) -> str:
    """Of the maker's peak in bfloat16, by the operations that the model needs; what is computed twice counts once."""
    if peak is None:
        return "unknown"
    return f"{parameters * (READ * one.read + LEARNT * one.learnt) / one.seconds / peak:.1%}"


if __name__ == "__main__":
    sys.exit(main())
