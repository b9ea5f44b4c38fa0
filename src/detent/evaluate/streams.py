"""Where every public random stream comes from: the run's seed, a label, and the generation.

    >>> public_stream(1, "visible", 3).hex()[:16], public_number(1, "train", 3)
    ('2d5dd3f3c0718305', 189550817942891)

Two runs with the same seed and the same decisions draw the same problems and train the same weights. Sealed
streams do not come from here: they come from the seal.
"""

import hashlib


def public_stream(run_seed: int, label: str, generation: int) -> bytes:
    """Seed of one public problem stream, 32 bytes."""
    text = f"detent/stream/v1\n{run_seed}\n{label}\n{generation}\n"
    return hashlib.sha256(text.encode()).digest()


def label_of(label: str, trial: str) -> str:
    """The label of a stream in a trial of a generation: the same for all trials, and another than the turn's own.

    So changes are compared on the same problems, with the same luck; and what looked best in a trial is measured anew.
    """
    return f"{label} of trials" if trial else label


def public_number(run_seed: int, label: str, generation: int) -> int:
    """Seed of one training or sampling job, below 2^48 so that any JSON reader keeps it exact."""
    return int.from_bytes(public_stream(run_seed, label, generation)[:6], "big")


def fresh_stream(root: bytes, subject: str) -> bytes:
    """Seed of fresh problems for a model: from the ledger's root after the model's digest was on it.

    Whoever trained the model could not know the root yet.
    """
    return hashlib.sha256(b"detent/fresh/v1\n" + root + bytes.fromhex(subject)).digest()
