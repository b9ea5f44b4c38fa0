"""What the folder with an optimizer's state holds: both sides know its files, and only one what is in them."""

TENSORS, NOTE = "state.safetensors", "state.json"

FILES = frozenset({TENSORS, NOTE})
"""Exactly these."""
