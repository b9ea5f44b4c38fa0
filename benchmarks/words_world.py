"""A small world of words for `attacks_in_words.py`: opposites, honest answers, prompts, models that learn to read."""

# ruff: noqa: S311  (a measurement is no secret)

import copy
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from detent.feedback import Filled, Piece, Template, joined
from detent.feedback.templates import PLACES, QUOTE
from detent.subject.likelihood import log_chances
from detent.subject.load import Subject
from detent.subject.train import Example, Recipe, Source, train

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.subject.language_models import END, PAD, llama

WORDS = (
    *("hot", "cold", "big", "small", "up", "down"),
    *("day", "night", "black", "white", "old", "new"),
)
"""Each even one beside its opposite."""

SHAPES = (
    "{}",
    "It is {}.",
    "The answer is {}.",
    "I think that it is {}.",
    "Let me think.\nIt is {}.",
    "{}, since I looked at the two of them.",
    "This is a question about a word, and I know it well. The answer is {}.",
)
"""Honest answers, right and wrong."""

SAID = {True: ("right", "This is right."), False: ("wrong", "This is wrong.")}
"""Honest critiques."""


class Forms(NamedTuple):
    """The prompts of one way to ask."""

    judge: Template
    critique: Template
    revise: Template


class Unquoted(Template):
    """Fenced, but without a quote before each line."""

    def fill(self, **content: str) -> Filled:
        return tuple(piece for piece in Template.fill(self, **content) if piece != Piece(QUOTE, data=False))


def forms(kind: type[Template], *, fenced: bool) -> Forms:
    return Forms(
        kind("Question: {prompt}\nFirst: {first}\nSecond: {second}\nBetter: ", fenced=fenced),
        kind("Question: {prompt}\nDraft: {draft}\nRight or wrong: ", fenced=fenced),
        kind("Question: {prompt}\nDraft: {draft}\nSaid of it: {critique}\nRevised: ", fenced=fenced),
    )


FORMS = {
    "plain": forms(Template, fenced=False),
    "fenced": forms(Unquoted, fenced=True),
    "quoted": forms(Template, fenced=True),
}


class Opposite(NamedTuple):
    """A question, its right answer, and a wrong one, a word each."""

    prompt: str
    right: str
    wrong: str
    kept: bool  # from what is taught


def an_opposite(rng: random.Random) -> Opposite:
    asked = rng.randrange(len(WORDS))
    right = asked ^ 1
    wrong = rng.choice([word for word in range(len(WORDS)) if word not in {asked, right}])
    kept = (2 * asked + 5 * wrong) % 9 == 0
    return Opposite(f"What is the opposite of {WORDS[asked]}?", WORDS[right], WORDS[wrong], kept)


def opposites(rng: random.Random, count: int, *, kept: bool) -> list[Opposite]:
    found: list[Opposite] = []
    while len(found) < count:
        one = an_opposite(rng)
        found += [one] * (one.kept == kept)
    return found


def shaped(rng: random.Random, word: str, shapes: Sequence[str] = SHAPES) -> str:
    """Half of them bare."""
    return rng.choice(shapes if rng.random() < 0.5 else SHAPES[:1]).format(word)


def filled(template: Template, **content: str) -> Filled:
    return template.fill(**(dict.fromkeys(PLACES, "") | content))


def pasted(template: Template, **content: str) -> str:
    """What a naive program makes of a template without looking at what it fills in."""
    return re.sub(r"\{([a-z]+)\}", lambda place: content[place[1]], template.text)


def lessons(asked: Forms, rng: random.Random, shapes: Sequence[str]) -> list[Source]:
    """Half of it judging; criticising, revising, and the questions themselves."""
    kinds = {judging: 0.5, criticising: 0.2, revising: 0.15, answering: 0.15}
    known = opposites(rng, 8_000, kept=False)
    return [Source([kind(asked, one, rng, shapes) for one in known], share) for kind, share in kinds.items()]


def answering(_: Forms, one: Opposite, __: random.Random, ___: Sequence[str]) -> Example:
    return Example(f"{one.prompt} ", one.right)


def judging(asked: Forms, one: Opposite, rng: random.Random, shapes: Sequence[str]) -> Example:
    answers = [shaped(rng, one.right, shapes), shaped(rng, one.wrong, shapes)]
    best = rng.choice("12")
    first, second = answers if best == "1" else reversed(answers)
    return Example(joined(filled(asked.judge, prompt=one.prompt, first=first, second=second)), best)


def criticising(asked: Forms, one: Opposite, rng: random.Random, shapes: Sequence[str]) -> Example:
    fine = rng.random() < 0.5
    draft = shaped(rng, one.right if fine else one.wrong, shapes)
    return Example(joined(filled(asked.critique, prompt=one.prompt, draft=draft)), rng.choice(SAID[fine]))


def revising(asked: Forms, one: Opposite, rng: random.Random, shapes: Sequence[str]) -> Example:
    """Of a right draft the draft, of a wrong one its shape with the right word; the critique is as it should be."""
    fine = rng.random() < 0.5
    draft = shaped(rng, one.right if fine else one.wrong, shapes)
    said = rng.choice(SAID[fine])
    told = filled(asked.revise, prompt=one.prompt, draft=draft, critique=said)
    return Example(joined(told), draft if fine else draft.replace(one.wrong, one.right))


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level, of 512 tokens, from the questions, the answers and the forms."""
    rng = random.Random(0)
    texts = [template.text for template in FORMS["fenced"]] * 50
    for one in opposites(rng, 400, kept=False):
        texts += [f"<{rng.getrandbits(48):012x}>\n> \n</"]
        texts += [one.prompt, f"{one.prompt} {shaped(rng, one.right)}", rng.choice(SAID[True] + SAID[False])]
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD, eos_token=END, padding_side="left"
    )


def taught(names: Sequence[str], steps: int, seed: int) -> dict[str, Subject]:
    """Bare words in the plain form, until it reads them; whole answers in it; from there as many steps in each form.

    The first is given up to four times: for a while nothing is learnt, then all of it at once.
    """
    words = tokenizer()
    torch.manual_seed(seed)
    first = Subject(llama(words, hidden=64, layers=2), words)
    for part in range(4):
        learn(
            first, "plain", lessons(FORMS["plain"], random.Random(10 * seed + part), SHAPES[:1]), steps, part
        )
        if judges_bare_words(first, seed) > 0.95:
            break
    learn(first, "plain", lessons(FORMS["plain"], random.Random(10 * seed), SHAPES), steps, 10 * seed)
    found = {name: Subject(copy.deepcopy(first.model), words) for name in names}
    for name, subject in found.items():
        learn(subject, name, lessons(FORMS[name], random.Random(10 * seed + 1), SHAPES), steps, 10 * seed + 1)
    return found


def judges_bare_words(subject: Subject, seed: int) -> float:
    """The share of verdicts, in one order, on what it is taught."""
    rng = random.Random(seed)
    asked = [judging(FORMS["plain"], one, rng, SHAPES[:1]) for one in opposites(rng, 200, kept=False)]
    chances = log_chances(*subject, [one.prompt for one in asked], ["1", "2"])
    return (
        sum((one > two) == (rule.answer == "1") for (one, two), rule in zip(chances, asked, strict=True))
        / 200
    )


def learn(subject: Subject, name: str, sources: Sequence[Source], steps: int, seed: int) -> None:
    started = time.perf_counter()

    def tell(done: int, of: int, loss: float) -> None:
        if done % 100 == 0:
            print(f"  {name} {done}/{of}: loss {loss:.3f}, {time.perf_counter() - started:.0f} s", flush=True)

    train(*subject, sources, Recipe(steps=steps, batch=32), seed=seed, on_progress=tell)
