"""A model card's last parts: how its files are checked against the ledger, and how they are loaded."""

from collections.abc import Iterator

from detent.report import _words as words
from detent.report._card_told import Adapted, Told
from detent.report._markdown import table, text
from detent.report.figures import Table

RECORDED = "adapter_config.recorded.json"
"""An exported adapter's configuration as it was hashed; the one beside it names a base that programs find."""

BASE = "./base"
"""What it names where no hub is known to have the base: a folder in the adapter's. No hub takes it for a name."""


def verifying(told: Told) -> Iterator[str]:
    about, adapted = told.about, told.about.adapted
    yield "## How to verify"
    yield ""
    if adapted is None:
        yield "The files are those that the digest was computed from, and the decision about them is on the ledger:"
    else:
        yield from _differing(adapted)
    yield ""
    yield "```"
    yield "sha256sum -c SHA256SUMS                # each file of the model, in this folder"
    yield "detent verify decision.tlog-proof decision.entry --policy POLICY    # the decision, by the log's key"
    yield "detent verify RUN                      # the whole record; RUN: the run folder, its bundle or its address"
    yield "```"
    yield ""
    yield f"- Model digest: `{about.digest}`, SHA-256 over `detent/model/v1`, a line feed, and the JSON list of (name,"
    yield "  bytes, SHA-256) of the files below in this order, without spaces; this card is not in it"
    yield f"- Log's verify key, to compare with the one you know, and to put into POLICY: {text(about.log_key)}"
    yield f"- Ledger when this was written: {words.count(about.size)} entries, root `{about.root}`"
    yield ""
    files = tuple((name, words.count(size), digest) for name, size, digest in about.files)
    yield from table(Table(("file", "bytes", "SHA-256"), files, numbers=1))


def _differing(adapted: Adapted) -> Iterator[str]:
    """How what lies here differs from what the ledger names."""
    if adapted.merged:
        yield "The ledger names the adapter, by the digest below. What lies here was merged from it and its base by"
        yield "`detent export --merged`, which makes the same files again with the same versions; **their own digest,**"
        yield f"`{adapted.merged}`, **is on no ledger**. The decision about the adapter is:"
        return
    yield "The adapter's files are those that the digest was computed from, but for one: `adapter_config.json` names"
    yield "the base where programs look for it. The one that was hashed names it by its digest, and lies here as"
    yield f"`{RECORDED}`. The decision about the adapter is on the ledger:"


def using(told: Told) -> Iterator[str]:
    adapted = told.about.adapted
    yield "## How to use it"
    yield ""
    if adapted is None or adapted.merged:
        yield from _whole(told)
    else:
        yield from _beside(told, adapted)


def _whole(told: Told) -> Iterator[str]:
    yield "```python"
    yield "from transformers import AutoModelForCausalLM, AutoTokenizer"
    yield ""
    yield 'model = AutoModelForCausalLM.from_pretrained("THIS_FOLDER")'
    yield 'tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")'
    yield "```"
    yield ""
    yield "No code from this folder is run: there is none in it. vLLM serves such a folder (`vllm serve THIS_FOLDER`)"
    yield f"if its version knows the architecture {text(told.about.architecture)}; nobody tried that when this card"
    yield "was written. It needs `--dtype` where the GPU lacks the weights' own, and `--max-model-len` where memory is"
    yield "short."


def _beside(told: Told, adapted: Adapted) -> Iterator[str]:
    hub = told.about.hub
    base = f'"{hub[0]}", revision="{hub[1]}"' if hub else '"THIS_FOLDER/base"'
    served = f"{hub[0]} --revision {hub[1]}" if hub else "THIS_FOLDER/base"
    yield "```python"
    yield "from peft import PeftModel"
    yield "from transformers import AutoModelForCausalLM, AutoTokenizer"
    yield ""
    yield f"base = AutoModelForCausalLM.from_pretrained({base})"
    yield 'model = PeftModel.from_pretrained(base, "THIS_FOLDER")'
    yield 'tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")'
    yield "```"
    yield ""
    yield "No code from this folder is run: there is none in it. vLLM serves base and adapter with"
    yield f"`vllm serve {served} --enable-lora --max-lora-rank {adapted.rank} --lora-modules NAME=THIS_FOLDER`"
    yield f"if its version knows the architecture {text(told.about.architecture)}; nobody tried that when this card"
    yield "was written. `detent export --merged` makes one folder of both, which needs no PEFT."
