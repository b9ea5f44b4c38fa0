"""Whether a training takes the memory that `detent estimate` accounts for it: peak resident bytes against the sum.

    memory.py                         two trainings in processes of their own, a minute each on a core

A model with the proportions of Qwen2.5-0.5B, scaled down, is trained for two steps in float32 on the processor: whole,
and with an adapter. Measured is what the process had resident at its peak, less what it had after a training of a
model a hundredth of that size. The account is `training_memory`'s of a processor, without other models at hand.
"""

import argparse
import resource
import subprocess
import sys

import torch
from bench_place import machine_line, table
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from detent.sizing import Adapter, Batch, Shape, training_memory
from detent.subject.load import Subject
from detent.subject.lora import with_new_adapter
from detent.subject.train import Example, Recipe, Source, train
from detent.testing.language import language_tokenizer
from detent.values import Lora

ROWS, WORDS, STEPS = 4, 120, 2
RANK, LAYERS, HEADS, KV_HEADS = 16, 6, 14, 2
KINDS = ("whole", "adapter")


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--hidden", type=int, default=448, help="a multiple of twice its 14 heads")
    options = parser.parse_args()
    if options.kind:
        print(" ".join(map(str, measured(options.kind, options.hidden))))
        return
    rows = []
    for kind in KINDS:  # each in a process of its own: a peak never falls
        command = [sys.executable, __file__, "--kind", kind, "--hidden", str(options.hidden)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        taken, account = map(float, said.split()[-2:])
        rows.append([kind, f"{account / 1e6:,.0f}", f"{taken / 1e6:,.0f}", f"{taken / account:.2f}"])
    print(f"{machine_line(1)}\n")
    print(table(("what learns", "account, MB", "measured, MB", "measured / account"), rows))


def measured(kind: str, hidden: int) -> tuple[float, float]:
    """Bytes: the peak above what small things need, and the account of it."""
    torch.set_num_threads(1)
    taught(kind, 4 * HEADS, layers=1)  # libraries, kernels and their buffers are there now
    before = peak()
    model, tokens = taught(kind, hidden, layers=LAYERS)
    config, numbers = model.config, sum(p.numel() for p in model.parameters())
    adapter = Adapter(RANK) if kind == "adapter" else None
    widths = (LAYERS, hidden, config.intermediate_size, HEADS, KV_HEADS, hidden // HEADS, config.vocab_size)
    shape = Shape(numbers, *widths)
    if adapter is not None:
        shape = Shape(numbers - adapter.parameters(shape), *widths)
    account = training_memory(shape, Batch(ROWS, tokens), adapter, gpu=False)
    return peak() - before, account.total - account.kept


def taught(kind: str, hidden: int, layers: int) -> tuple[PreTrainedModel, int]:
    """A model after its training, and the tokens of a row."""
    prompt, answer = "one", " ".join(["two three"] * WORDS)
    tokenizer = language_tokenizer("qwen2", chat=False, size=8192)
    config = Qwen2Config(
        vocab_size=16_384,
        hidden_size=hidden,
        intermediate_size=hidden * 4864 // 896,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    subject = Subject(Qwen2ForCausalLM(config), tokenizer)
    if kind == "adapter":
        subject = with_new_adapter(subject, Lora(rank=RANK), "0" * 64, seed=1)
    recipe = Recipe(steps=STEPS, batch=ROWS, parts=1, method="adamw", rest_rate=1e-4, warm_up=0)
    train(*subject, [Source([Example(prompt, answer)], 1.0)], recipe, seed=1)
    return subject.model, len(tokenizer(prompt + answer)["input_ids"]) + 1


def peak() -> float:
    """Bytes resident at the most since the process began."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


if __name__ == "__main__":
    main()
