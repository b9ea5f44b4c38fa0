"""How a subject says that it does not answer."""

ABSTAIN = "?"
