"""What two models say is compared as a slow and simple reading of the same text has it."""

import pytest
import torch
from tests.interpret.kinds import PROMPTS, look, made
from tests.interpret.slow import slow_chances

from detent.interpret import reading, words
from detent.interpret.look import Absent
from detent.subject.generate import complete
from detent.subject.load import Subject
from detent.subject.noise import noisy
from detent.values.inside import MOST_FLIPS


def loud(subject: Subject, noise: float) -> Subject:
    """With noise, and sure of itself, so that it matters which divergence it is."""
    found = noisy(subject, noise, seed=4)
    with torch.no_grad():
        dict(found.model.named_parameters())["lm_head.weight"].mul_(20)
    return found


def test_it_is_what_one_text_at_a_time_gives(a: Subject) -> None:
    found = look(a, loud(a, 0.5))
    said = words.section(found)
    mine, theirs, divergence, _ = slow_chances(found)
    assert said.tokens == len(divergence) == 30
    assert said.divergence == pytest.approx(float(divergence.mean()), rel=1e-4)
    reverse = (mine * (mine / theirs).log()).sum(-1).mean()
    assert said.divergence != pytest.approx(float(reverse), rel=0.2)
    assert 0.0 < said.flips < 1.0
    assert said.flips == float((mine.argmax(-1) != theirs.argmax(-1)).double().mean())


def test_examples_are_the_most_divergent_flips_with_the_text_before_them(a: Subject) -> None:
    found = look(a, loud(a, 0.5))
    said = words.section(found)
    mine, theirs, divergence, where = slow_chances(found)
    flips = sorted(
        (
            (-float(divergence[at]), *where[at], int(mine[at].argmax()), int(theirs[at].argmax()))
            for at in range(len(where))
            if mine[at].argmax() != theirs[at].argmax()
        ),
    )
    assert len(said.examples) == min(MOST_FLIPS, len(flips)) > 3
    answers = complete(*a, list(PROMPTS), max_new_tokens=6)
    # Two texts may be the same, and then two flips are as divergent: the first comes first.
    for example, (size, row, place, before, after) in zip(said.examples, flips, strict=False):
        assert example.divergence == pytest.approx(-size, rel=1e-3)
        assert example.prompt == PROMPTS[row]
        assert example.so_far == a.tokenizer.decode(list(answers[row].tokens[:place]))
        assert (example.before, example.after) == tuple(a.tokenizer.decode([one]) for one in (before, after))


def test_of_the_places_of_before_its_own_likeliest_token_is_the_one_it_wrote(a: Subject) -> None:
    found = look(a, loud(a, 0.5))
    for example in words.section(found).examples:
        row = PROMPTS.index(example.prompt)
        (answer,) = complete(*a, [PROMPTS[row]], max_new_tokens=6)
        assert str(a.tokenizer.decode(list(answer.tokens))).startswith(example.so_far + example.before)


def test_the_end_mark_counts_as_a_token(a: Subject) -> None:
    (said,) = complete(*a, ["C12="], max_new_tokens=3)
    assert a.model.generation_config is not None
    a.model.generation_config.eos_token_id = said.tokens[0]
    (said,) = complete(*a, ["C12="], max_new_tokens=3)
    assert (said.text, len(said.tokens)) == ("", 1)
    found = words.section(look(a, loud(a, 3.0), ["C12="] * 4, limit=3))
    assert found.tokens == 4
    assert {example.so_far for example in found.examples} == {""}


def test_more_noise_is_further_away(a: Subject) -> None:
    found = [words.section(look(a, noisy(a, noise, seed=1))).divergence for noise in (0.01, 0.1, 1.0)]
    assert 0.0 < found[0] < found[1] < found[2]


def test_how_texts_are_cut_into_batches_changes_nothing_but_rounding(
    a: Subject, b: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = words.section(look(a, b))
    monkeypatch.setattr(reading, "_LOGITS", 1)
    alone = words.section(look(a, b))
    assert alone.divergence == pytest.approx(together.divergence, rel=1e-4)
    assert (alone.flips, alone.tokens) == (together.flips, together.tokens)


def test_a_single_place_is_enough(a: Subject, b: Subject) -> None:
    assert words.section(look(a, b, ["C1="], limit=1)).tokens == 1


def test_models_that_choose_among_more_tokens_than_they_have_names_for_are_compared_over_all() -> None:
    a = made("llama", vocabulary=128)
    with torch.no_grad():  # the likeliest is none that the tokenizer knows
        loud = noisy(a, 0.0, seed=0)
        loud.model.get_output_embeddings().weight[120:] *= 50  # type: ignore[no-untyped-call]
    found = words.section(look(a, loud))
    assert found.flips > 0
    shown = {text for example in found.examples for text in (example.before, example.after)}
    assert any(text in {f"token {number}" for number in range(97, 128)} for text in shown)
    assert all(shown)


def test_outputs_of_different_sizes_are_not_compared() -> None:
    a, b = made("llama"), made("llama", vocabulary=128)
    with pytest.raises(Absent, match="do not choose among as many tokens, 97 and 128"):
        words.section(look(a, b))


def test_a_token_that_after_cannot_read_is_said() -> None:
    a, b = made("llama", vocabulary=128), made("llama")
    with torch.no_grad():
        a.model.get_output_embeddings().weight[:97] *= 0.01  # type: ignore[no-untyped-call]
    with pytest.raises(Absent, match=r"before wrote token 1\d\d, and after knows 97"):
        words.section(look(a, b))
