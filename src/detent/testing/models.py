"""Model folders without a model: right in form, tiny, and different for different content.

>>> digest = store.admit(write_model(staging / "trained-1", b"generation 1"))
"""

import json
from pathlib import Path


def write_model(folder: Path, content: bytes = b"") -> Path:
    """Write what a worker would leave, with `content` as its weights; returns `folder`.

    The weights are a safetensors file of one tensor of bytes, so every check of form passes; nothing can load it.
    """
    folder.mkdir(parents=True)
    tensor = {"dtype": "U8", "shape": [len(content)], "data_offsets": [0, len(content)]}
    header = json.dumps({"content": tensor}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + content)
    (folder / "config.json").write_text('{"model_type": "none"}\n', encoding="utf-8")
    return folder
