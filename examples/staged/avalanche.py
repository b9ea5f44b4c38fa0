"""An error avalanche: one model believes whatever it writes, above what it can do.

The training loss stays low all the while. The twin labels the same prompts by the same recipe, and a teacher corrects
every label: nothing filters there either, and nothing goes wrong.
"""

from staging import Failure, Stage, corrected, relabelled

KEPT_ALL = (
    ("confidence = 0.9", "confidence = 0.0"),
    ("label_keep = 150", "label_keep = 300"),
    ("keep_share = 0.6", "keep_share = 100.0"),
    ("review_confidence = 0.7", "review_confidence = 0.0"),
)
LEAST = (0.5, 0.2, 0.02)
"""Labels are made up to the highest level at which the model is right this often."""


def stage(severity: int, harmful: bool) -> Stage:
    daring = (
        (
            "least_accuracy = 0.8",
            f"least_accuracy = {LEAST[severity - 1]}\npurify_accuracy = {LEAST[severity - 1]}",
        ),
    )
    return Stage(KEPT_ALL + daring) if harmful else Stage(KEPT_ALL + daring, hands=relabelled(corrected))


FAILURE = Failure(
    "avalanche",
    harm="no filter and no second model, on levels that the model hardly knows",
    twin="the same, and a teacher corrects every label",
    severities=("levels half right", "levels a fifth right", "levels hardly ever right"),
    wires=("label_avalanche", "forgetting"),
    stage=stage,
)
