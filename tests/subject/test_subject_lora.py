"""The adapter is what is trained and stored; the base stays as it was, once for all."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM

from detent.errors import SubjectError, UsageError
from detent.subject.change import change_of
from detent.subject.generate import Completion, complete
from detent.subject.load import Subject, load
from detent.subject.lora import check_shape, save_adapter, with_adapter, with_new_adapter
from detent.subject.merge import merge
from detent.subject.noise import noisy
from detent.subject.prefer import Preference, prefer
from detent.subject.prefer import Recipe as PreferRecipe
from detent.subject.reinforce import Recipe as ReinforceRecipe
from detent.subject.reinforce import reinforce
from detent.subject.train import Example, Recipe, Source, train
from detent.testing.language import FAMILIES, Family, write_language_model
from detent.values import Lora
from detent.values.adapters import ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapter_in
from detent.values.folder import folder_digest

LORA = Lora(rank=4, alpha=8.0)
EXAMPLES = [Example("What is one plus two?", "three"), Example("What is two plus two?", "four")]
RECIPE = Recipe(steps=3, batch=4, rest_rate=5e-3, warm_up=0, method="adamw")
PROMPTS = [example.prompt for example in EXAMPLES]


def logits(subject: Subject) -> torch.Tensor:
    return said(subject.model, subject)


def said(model: nn.Module, subject: Subject) -> torch.Tensor:
    ids = torch.tensor([subject.tokenizer(PROMPTS[0])["input_ids"]])
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=ids).logits
    return found


def base_in(folder: Path, family: Family) -> Path:
    return write_language_model(folder / "base", family)


def trained(base: Path, seed: int = 7) -> Subject:
    subject = with_new_adapter(load(base), LORA, folder_digest(base), seed=seed)
    train(*subject, [Source(EXAMPLES, 1)], RECIPE, seed=seed)
    return subject


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    found: Family = request.param
    return found


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return base_in(tmp_path, "qwen3")


@pytest.fixture
def adapter(tmp_path: Path, base: Path) -> Path:
    save_adapter(trained(base).model, tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_of_each_family_comes_back_from_disk_and_merges_into_the_same_model(
    family: Family, tmp_path: Path
) -> None:
    base = base_in(tmp_path, family)
    subject = trained(base)
    save_adapter(subject.model, tmp_path / "adapter")
    back = with_adapter(load(base), tmp_path / "adapter")
    assert torch.equal(logits(back), logits(subject))
    assert not torch.allclose(logits(back), logits(load(base)), atol=1e-3)
    asked = complete(*back, PROMPTS, max_new_tokens=4)
    assert asked == complete(*subject, PROMPTS, max_new_tokens=4)
    merge(tmp_path / "adapter", base, tmp_path / "merged")
    assert torch.allclose(logits(load(tmp_path / "merged")), logits(back), atol=1e-5, rtol=0)


@pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)  # of PEFT by transformers
def test_peft_reads_what_is_stored(base: Path, adapter: Path) -> None:
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    ours = with_adapter(load(base), adapter)
    assert torch.allclose(said(theirs, ours), logits(ours), atol=1e-5)


def test_the_base_is_named_by_its_digest_so_that_the_adapters_own_covers_it(
    tmp_path: Path, base: Path, adapter: Path
) -> None:
    found = adapter_in(adapter)
    assert found is not None
    assert found.base == folder_digest(base)
    again = trained(base)
    again.model.peft_config["default"].base_model_name_or_path = "0" * 64
    save_adapter(again.model, tmp_path / "other")
    assert folder_digest(tmp_path / "other") != folder_digest(adapter)


def test_the_same_seed_gives_the_same_adapter_and_another_seed_another(tmp_path: Path, base: Path) -> None:
    for name, seed in {"first": 7, "again": 7, "other": 8}.items():
        save_adapter(trained(base, seed).model, tmp_path / name)
    first, again, other = (folder_digest(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again != other


def test_a_new_adapter_says_what_the_base_says(base: Path) -> None:
    assert torch.equal(logits(with_new_adapter(load(base), LORA, "0" * 64, seed=1)), logits(load(base)))


def test_training_moves_the_adapter_and_nothing_else(base: Path) -> None:
    before, subject = load(base).model.state_dict(), trained(base)
    moved = [name for name, value in subject.model.named_parameters() if value.requires_grad]
    assert moved
    assert all(".lora_" in name for name in moved)
    for name, value in subject.model.named_parameters():
        if not value.requires_grad:
            assert torch.equal(value, before[name.replace(".base_layer.", ".")]), name


def test_adapters_of_one_base_share_its_weights_in_memory(base: Path, adapter: Path) -> None:
    whole = load(base)
    one, other = (with_adapter(whole, adapter).model for _ in range(2))
    shared = [value.data_ptr() for name, value in one.named_parameters() if ".lora_" not in name]
    assert set(shared) == {value.data_ptr() for value in whole.model.parameters()}
    assert set(shared) <= {value.data_ptr() for value in other.parameters()}
    with torch.no_grad():
        dict(one.named_parameters())["model.layers.0.self_attn.q_proj.lora_B.default.weight"].zero_()
    assert not torch.equal(logits(Subject(one, whole.tokenizer)), logits(Subject(other, whole.tokenizer)))


def test_a_change_is_that_of_the_merged_weights(tmp_path: Path, base: Path, adapter: Path) -> None:
    subject = with_adapter(load(base), adapter)
    before = {n: v.detach().clone() for n, v in subject.model.named_parameters() if v.requires_grad}
    train(*subject, [Source(EXAMPLES, 1)], RECIPE, seed=9)
    save_adapter(subject.model, tmp_path / "child")
    merge(adapter, base, tmp_path / "old")
    merge(tmp_path / "child", base, tmp_path / "new")
    old, new = (dict(load(tmp_path / name).model.named_parameters()) for name in ("old", "new"))
    found = change_of(before, subject.model)
    assert len(found) == 2 * 7
    for name, value in found.items():
        was, now = (one[f"{name}.weight"].detach() for one in (old, new))
        assert value == pytest.approx(float((now - was).norm() / was.norm()), rel=1e-3), name
        assert value > 0, name


def test_noise_on_an_adapted_model_is_noise_on_the_merged_one(
    tmp_path: Path, base: Path, adapter: Path
) -> None:
    merge(adapter, base, tmp_path / "merged")
    subject = with_adapter(load(base), adapter)
    quiet = logits(subject)
    noise = [logits(noisy(one, 0.2, seed=3)) for one in (subject, load(tmp_path / "merged"))]
    assert torch.allclose(noise[0], noise[1], atol=1e-4)
    assert not torch.allclose(noise[0], quiet, atol=1e-2)
    assert torch.equal(logits(subject), quiet)


def test_preferences_train_the_adapter_against_its_parent_and_not_against_the_base(
    base: Path, adapter: Path
) -> None:
    """The first loss is ln 2 when, and only when, the reference says what the model in training says."""
    subject = with_adapter(load(base), adapter)
    before = {name: value.detach().clone() for name, value in subject.model.named_parameters()}
    pairs = [Preference(PROMPTS[0], "three", "four"), Preference(PROMPTS[1], "four", "three")]
    lesson = prefer(*subject, pairs, PreferRecipe(steps=2, pairs=2, rate=1e-2, warm_up=0), seed=1)
    assert lesson.losses[0] == pytest.approx(0.693147, abs=1e-5)
    moved = {name for name, value in subject.model.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert all(".lora_" in name for name in moved)


def test_rewards_train_the_adapter_against_its_parent_and_not_against_the_base(
    base: Path, adapter: Path
) -> None:
    """Against the parent the first step's divergence is 0: with rewards all alike its loss is 0, and nothing moves."""
    subject = with_adapter(load(base), adapter)
    before = {name: value.detach().clone() for name, value in subject.model.named_parameters()}
    recipe = ReinforceRecipe(steps=1, prompts=2, group=2, beta=1.0, rate=1e-2, warm_up=0)
    lesson = reinforce(
        *subject, PROMPTS, lambda _, written: [0.0] * len(written), recipe, seed=1, max_new_tokens=4
    )
    assert lesson.losses[0] == pytest.approx(0.0, abs=1e-6)
    again = ReinforceRecipe(steps=2, prompts=2, group=2, rate=1e-2, warm_up=0)

    def lengths(_: object, written: Sequence[Completion]) -> list[float]:
        return [float(len(one.tokens)) for one in written]

    longest = reinforce(*subject, PROMPTS, lengths, again, seed=1, max_new_tokens=4)
    assert len(longest.losses) == 2
    moved = {name for name, value in subject.model.named_parameters() if not torch.equal(value, before[name])}
    assert all(".lora_" in name for name in moved)


def test_an_adapter_of_another_shape_is_not_trained_on(base: Path) -> None:
    subject = with_new_adapter(load(base), LORA, "0" * 64, seed=1)
    check_shape(subject.model, LORA)
    with pytest.raises(UsageError, match="is fixed in a run"):
        check_shape(subject.model, Lora(rank=8, alpha=8.0))
    with pytest.raises(SubjectError, match="train that one on"):
        with_new_adapter(subject, LORA, "0" * 64, seed=1)


def test_layers_can_be_named_and_those_that_a_model_has_not_are_refused(base: Path) -> None:
    subject = with_new_adapter(load(base), Lora(rank=2, targets=("q_proj", "v_proj")), "0" * 64, seed=1)
    adapted = {name.split(".")[-4] for name, v in subject.model.named_parameters() if v.requires_grad}
    assert adapted == {"q_proj", "v_proj"}
    with pytest.raises(SubjectError, match=r"lora\.targets"):
        with_new_adapter(load(base), Lora(targets=("query",)), "0" * 64, seed=1)


def _config(change: dict[str, object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        path = folder / ADAPTER_CONFIG
        path.write_text(json.dumps(json.loads(path.read_text()) | change))

    return changed


def _weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        tensors = load_file(folder / ADAPTER_WEIGHTS)
        change(tensors)
        save_file(tensors, folder / ADAPTER_WEIGHTS)

    return changed


FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a key that makes PEFT import a module by its name": (
        _config({"auto_mapping": {"base_model_class": "X", "parent_library": "os"}}),
        "as Detent writes it",
    ),
    "another method's adapter": (_config({"peft_type": "IA3"}), "as Detent writes it"),
    "a path in the base's place": (
        _config({"base_model_name_or_path": "../base"}),
        "64 lower-case hex digits",
    ),
    "a rank of nothing": (_config({"r": 0}), "a rank of at least 1"),
    "another rank than its tensors have": (_config({"r": 3}), "exactly the weights"),
    "fewer layers than it has tensors for": (_config({"target_modules": ["q_proj"]}), "exactly the weights"),
    "a tensor that is missing": (
        _weights(lambda tensors: tensors.pop(FIRST)),
        "exactly the weights",
    ),
    "a tensor that belongs to no layer": (
        _weights(lambda tensors: tensors.update({"base_model.model.lm_head.weight": torch.zeros(2, 2)})),
        "exactly the weights",
    ),
    "code beside it": (
        lambda folder: (folder / "run.py").write_text(""),
        "without pickles and code",
    ),
    "a file more": (lambda folder: (folder / "notes.json").write_text("{}"), "alone expected"),
    "no safetensors": (
        lambda folder: (folder / ADAPTER_WEIGHTS).write_bytes(b"x" * 99),
        "weights expected",
    ),
}


@pytest.mark.parametrize(("attack", "said"), ATTACKS.values(), ids=ATTACKS.keys())
def test_an_adapter_is_refused_with(
    attack: Callable[[Path], object], said: str, base: Path, adapter: Path
) -> None:
    whole = load(base)
    attack(adapter)
    with pytest.raises(SubjectError, match=said):
        with_adapter(whole, adapter)


def test_merging_wants_the_very_base(tmp_path: Path, adapter: Path) -> None:
    other = write_language_model(tmp_path / "other", "qwen3", seed=2)
    with pytest.raises(SubjectError, match="expected, got"):
        merge(adapter, other, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_what_is_merged_has_the_precision_of_its_base(tmp_path: Path) -> None:
    base = write_language_model(tmp_path / "base", "smollm2")
    half = load(base)
    half.model.to(torch.bfloat16)  # type: ignore[arg-type]
    half.model.save_pretrained(tmp_path / "half")
    half.tokenizer.save_pretrained(tmp_path / "half")
    save_adapter(trained(tmp_path / "half").model, tmp_path / "adapter")
    merge(tmp_path / "adapter", tmp_path / "half", tmp_path / "merged")
    merged = load(tmp_path / "merged", dtype="auto")
    assert merged.model.dtype == torch.bfloat16
    adapted = with_adapter(load(tmp_path / "half"), tmp_path / "adapter")
    assert torch.allclose(logits(load(tmp_path / "merged")), logits(adapted), atol=0.05)
