"""An error avalanche: one model believes whatever it writes, above what it can do, and sees no true answer again.

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
NOTHING_TRUE = (("newest = 0.4, earlier = 0.3, seed = 0.3", "newest = 0.6, earlier = 0.4, seed = 0.0"),)
UNFILTERED = KEPT_ALL + NOTHING_TRUE
LEAST = (0.5, 0.2, 0.02)
"""Labels are made up to the highest level at which the model is right this often."""


def stage(severity: int, harmful: bool) -> Stage:
    daring = (
        (
            "least_accuracy = 0.8",
            f"least_accuracy = {LEAST[severity - 1]}\npurify_accuracy = {LEAST[severity - 1]}",
        ),
    )
    return Stage(UNFILTERED + daring) if harmful else Stage(UNFILTERED + daring, hands=relabelled(corrected))


FAILURE = Failure(
    "avalanche",
    harm="no filter, no second model and no true answer, on levels that the model hardly knows",
    twin="the same, and a teacher corrects every label",
    severities=("levels half right", "levels a fifth right", "levels hardly ever right"),
    wires=("label_avalanche", "forgetting"),
    stage=stage,
)
