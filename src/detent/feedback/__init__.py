"""Feedback: from a model's own answers to examples to train on; knows neither models nor true answers."""

from detent.feedback.self_label import Filter, Kept, Written, agreement_rate, ballots, self_label

__all__ = ["Filter", "Kept", "Written", "agreement_rate", "ballots", "self_label"]
