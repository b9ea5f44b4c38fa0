"""A language subject, so small that a run of it takes a minute: a tiny Llama, made from its configuration on the spot.

Its task is in words, and its judge is asked in words. What a random model of this size says of answers is noise: such a
run shows that everything works, and nothing of what a judge is worth.
"""

from pathlib import Path

import torch
from tests.cli.tiny_run import CHARTER
from tests.subject.language_models import bpe
from transformers import LlamaConfig, LlamaForCausalLM

WORDS = ("red", "blue", "green", "old", "new", "small", "round", "cold")

NAMED = f'''\
"""Named: the first of a few words.

    What is named first: red, old, cold? It is  ->  red
"""

from detent.tasks import Problem, Rng

WORDS = {WORDS}


class Named:
    name = "named"

    def problem(self, level: int, rng: Rng) -> Problem:
        words = [rng.choice(WORDS) for _ in range(level + 1)]
        return Problem(f"What is named first: {{', '.join(words)}}? It is ", words[0])

    def check(self, problem: Problem, completion: str) -> bool:
        return completion == problem.answer
'''

IN_WORDS = (
    CHARTER.replace("improve = { copy = 4, first = 5 }", "improve = { named = 5 }")
    .replace('[tasks.first]\nsource = "first.py:First"', '[tasks.named]\nsource = "named.py:Named"')
    .replace("layers = 2\nhidden = 64\nintermediate = 64\nheads = 2", 'source = "given"')
    .replace("seed_steps = 25", "seed_steps = 30")
    .replace("steps = 40\nbatch", "steps = 10\nbatch")
    + """
[feedback]
methods = ["self_label", "dpo"]
judge_source = "incumbent"
forms = "words"
anchors = 12
pairs = 60
samples = 6
flips = 12
least_odds = 0.0
dpo_steps = 3

[tripwires.label_avalanche]
action = "record"
"""
)


def write_language_subject(folder: Path, seed: int) -> None:
    """A Llama whose random weights are so large that a word more or less changes what it says."""
    torch.manual_seed(seed)
    tokenizer = bpe()
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            initializer_range=0.5,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


BY_ANOTHER = IN_WORDS.replace('judge_source = "incumbent"', 'judge_source = "wise"')
"""By another model, in a folder beside the charter."""


def write_home(home: Path, charter: str = IN_WORDS) -> Path:
    """A charter's draft with its task and its subject beside it; returns its path."""
    home.mkdir(parents=True)
    (home / "named.py").write_text(NAMED)
    write_language_subject(home / "given", seed=3)
    write_language_subject(home / "wise", seed=4)
    (home / "charter.toml").write_text(charter)
    return home / "charter.toml"
