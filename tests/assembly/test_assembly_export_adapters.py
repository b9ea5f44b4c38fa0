"""`export` of a run of adapters: what PEFT loads beside its base, or one whole model; both say what the run's does."""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml  # type: ignore[import-untyped]
from msgspec import structs
from peft import AutoPeftModelForCausalLM, PeftModel
from tests.attacks.attacks_world import Scene, text_of
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from detent.assembly import export_model
from detent.engine import ModelStore, local
from detent.errors import SubjectError, TrustError, UsageError
from detent.subject.load import load
from detent.subject.lora import save_adapter, with_adapter, with_new_adapter
from detent.testing.language import write_language_model
from detent.values import Decided, Entry, Lora, ModelFetched, SessionStarted, SubjectBuilt, decode_entry
from detent.values.folder import folder_digest

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)  # PEFT's, of transformers' newest name

PROMPT = "What is one plus two?"
COMMIT = "c0ffee" + "0" * 34


class Made(NamedTuple):
    """A scene whose newest model in force is an adapter."""

    scene: Scene
    generation: int
    adapter: str
    base: str

    @property
    def models(self) -> Path:
        return self.scene.folder.models


def adapted(scene: Scene, place: Path) -> Made:
    """The scene's first model, on its ledger and in its folder, becomes an adapter of a chat model."""
    store = ModelStore(scene.folder.models)
    base = store.admit(write_language_model(place / "given", "qwen2"))
    subject = with_new_adapter(load(store.path(base)), Lora(rank=4, alpha=8.0), base, seed=7)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for name, value in subject.model.named_parameters():
            if ".lora_B." in name:  # else the adapter would change nothing
                nn.init.normal_(value, std=0.3)
    save_adapter(subject.model, place / "adapter")
    adapter = store.admit(place / "adapter")
    entries = scene.entries()
    first = next(one for one in entries if isinstance(one, SubjectBuilt))
    said = {first.digest: adapter, first.parent: base}
    scene.rewrite([renamed(one, said) for one in entries])
    return Made(scene, 0, adapter, base)


def renamed(entry: Entry, said: dict[str, str]) -> bytes:
    text = text_of(entry)
    for old, new in said.items():
        text = text.replace(old, new)
    found = text.encode()
    decode_entry(found)
    return json.dumps(json.loads(found), separators=(",", ":"), sort_keys=True).encode()


@pytest.fixture
def made(told: Scene, tmp_path: Path) -> Iterator[Made]:
    scene = told.copy(tmp_path / "machine")
    with scene.here():
        (tmp_path / "work").mkdir()
        yield adapted(scene, tmp_path / "work")


def logits(model: nn.Module, folder: Path) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([tokenizer(PROMPT)["input_ids"]])
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(input_ids=ids).logits
    return found


def wanted(made: Made) -> torch.Tensor:
    """What the run's own model says."""
    subject = with_adapter(load(made.models / made.base), made.models / made.adapter)
    return logits(subject.model, made.models / made.base)


def fetched(made: Made) -> None:
    """As if the base had been fetched from a hub before the run began."""
    entries: Sequence[Entry] = made.scene.entries()
    place = next(n for n, one in enumerate(entries) if isinstance(one, SessionStarted))
    note = ModelFetched(repo="org/model", revision=COMMIT, digest=made.base, at=entries[place - 1].at)
    made.scene.rewrite([*entries[:place], note, *entries[place:]])


def test_the_adapter_and_its_base_lie_together_and_peft_loads_them(made: Made, tmp_path: Path) -> None:
    done = export_model(made.scene.run, made.generation, tmp_path / "out")
    assert (done.form, done.digest) == ("adapter", made.adapter)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "base")
    alone = logits(base, tmp_path / "out")
    found = logits(PeftModel.from_pretrained(base, tmp_path / "out"), tmp_path / "out")
    assert torch.equal(found, wanted(made))
    assert not torch.allclose(found, alone, atol=1e-2)


def test_from_its_own_folder_the_adapter_finds_its_base(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_model(made.scene.run, made.generation, tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = logits(AutoPeftModelForCausalLM.from_pretrained("."), Path())
    assert torch.equal(found, wanted(made))


def test_a_base_that_was_fetched_is_named_by_repository_and_commit(made: Made, tmp_path: Path) -> None:
    fetched(made)
    export_model(made.scene.run, made.generation, tmp_path / "out", form="adapter")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("org/model", COMMIT)
    assert not (tmp_path / "out" / "base").exists()
    base = AutoModelForCausalLM.from_pretrained(made.models / made.base)
    found = logits(PeftModel.from_pretrained(base, tmp_path / "out"), tmp_path / "out")
    assert torch.equal(found, wanted(made))
    card = (tmp_path / "out" / "README.md").read_text()
    metadata = yaml.safe_load(card.split("---\n")[1])
    assert metadata["base_model"] == "org/model"
    assert metadata["base_model_relation"] == "adapter"
    assert f'from_pretrained("org/model", revision="{COMMIT}")' in card


def test_what_the_digest_was_computed_from_lies_in_the_export(made: Made, tmp_path: Path) -> None:
    export_model(made.scene.run, made.generation, tmp_path / "out")
    named = {
        "adapter_config.json": "adapter_config.recorded.json",
        "adapter_model.safetensors": "adapter_model.safetensors",
    }
    files = []
    for name, here in named.items():
        content = (tmp_path / "out" / here).read_bytes()
        files.append([name, len(content), hashlib.sha256(content).hexdigest()])
    text = json.dumps(files, separators=(",", ":"))
    assert hashlib.sha256(b"detent/model/v1\n" + text.encode()).hexdigest() == made.adapter
    assert folder_digest(tmp_path / "out" / "base") == made.base


def test_a_merged_export_is_one_model_that_says_what_the_adapter_says(made: Made, tmp_path: Path) -> None:
    done = export_model(made.scene.run, made.generation, tmp_path / "out", form="merged")
    assert (done.form, done.digest) == ("merged", made.adapter)
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(made.models / made.base).chat_template
    assert torch.allclose(logits(model, tmp_path / "out"), wanted(made), atol=1e-4)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": PROMPT}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    subject = with_adapter(load(made.models / made.base), made.models / made.adapter)
    both: tuple[Any, Any] = model, subject.model
    with torch.inference_mode():
        said = [one.generate(**asked, max_new_tokens=8, do_sample=False) for one in both]
    assert torch.equal(*said)


def test_merging_again_gives_the_same_files(made: Made, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_model(made.scene.run, made.generation, tmp_path / name, form="merged")
    sums = [(tmp_path / name / "SHA256SUMS").read_text() for name in ("one", "two")]
    assert sums[0] == sums[1]


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_sums_hold_and_the_card_names_base_adapter_and_digests(form: str, made: Made, tmp_path: Path) -> None:
    export_model(made.scene.run, made.generation, tmp_path / "out", form=form)  # type: ignore[arg-type]
    checked = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    assert subprocess.run(checked, cwd=tmp_path / "out", check=False, capture_output=True).returncode == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert made.base in card
    assert made.adapter in card
    assert "LoRA of rank 4, alpha 8" in card
    assert "Qwen2ForCausalLM" in card
    assert ("**is on no ledger**" in card) == (form == "merged")
    if form == "merged":
        (listed,) = [line for line in card.splitlines() if "**is on no ledger**" in line]
        assert listed.split("`")[1] not in {made.base, made.adapter}


def test_nothing_is_left_of_a_merge_beside_the_export(made: Made, tmp_path: Path) -> None:
    before = sorted(path.name for path in made.scene.run.rglob("*"))
    export_model(made.scene.run, made.generation, tmp_path / "out", form="merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machine", "out", "work"]
    assert sorted(path.name for path in made.scene.run.rglob("*")) == before


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_a_base_that_was_changed_is_not_exported(form: str, made: Made, tmp_path: Path) -> None:
    (made.models / made.base / "more.json").write_text("{}")
    with pytest.raises(TrustError, match="weights with digest"):
        export_model(made.scene.run, made.generation, tmp_path / "out", form=form)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machine", "work"]


def test_a_whole_model_is_no_adapter_and_is_merged_already(told: Scene, tmp_path: Path) -> None:
    scene = told.copy(tmp_path / "machine")
    with scene.here():
        with pytest.raises(UsageError, match="--adapter"):
            export_model(scene.run, 0, tmp_path / "out", form="adapter")
        done = export_model(scene.run, 0, tmp_path / "out", form="merged")
    assert done.form == "whole"


def test_an_adapter_whose_base_is_gone_is_said_to_be_alone(made: Made, tmp_path: Path) -> None:
    (made.models / made.base).rename(tmp_path / "elsewhere")
    with pytest.raises(SubjectError, match=made.base):
        export_model(made.scene.run, made.generation, tmp_path / "out")


def test_only_merging_needs_what_loads_models(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"detent\[train\] expected"):
        export_model(made.scene.run, made.generation, tmp_path / "out", form="merged")
    assert not (tmp_path / "out").exists()
    assert export_model(made.scene.run, made.generation, tmp_path / "out").form == "adapter"


def test_the_decision_is_about_the_adapter(made: Made, tmp_path: Path) -> None:
    export_model(made.scene.run, made.generation, tmp_path / "out", form="merged")
    decided = decode_entry((tmp_path / "out" / "decision.entry").read_bytes())
    assert isinstance(decided, Decided)
    assert structs.asdict(decided)["candidate"] == made.adapter
