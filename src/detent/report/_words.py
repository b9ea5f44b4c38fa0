"""Numbers and other people's words, as a reader sees them.

>>> rate(0.4153), points(0.0412), span((4, 7, 8, 9))
('.415', '+4.1', '4+7-9')
"""

from collections.abc import Sequence

from detent.evaluate import Horizon
from detent.values import Gain, LabelRecipe, Rung, Weakness

ALPHA, MINUS, EN_DASH = "\N{GREEK SMALL LETTER ALPHA}", "\N{MINUS SIGN}", "\N{EN DASH}"

VERDICTS = {
    "better": "better",
    "not_better": "not better",
    "undecided": "undecided",
    "void": "void",
    "open": "open",
    "none": "not opened",
}
SMALLER = {**VERDICTS, "better": "smaller, as good", "not_better": "not as good"}
"""The same of a candidate that was only asked to be as good, since it is smaller."""
DECISIONS = {"promote": "promoted", "carry": "carried on", "discard": "discarded", "rollback": "rolled back"}
TESTS = {"superiority": "superiority", "non_inferiority": "non-inferiority", "floor": "floor"}

METHODS = {"dpo": "a judge's preferences (DPO)", "grpo": "a judge's scores (GRPO)"}


def plain(text: str) -> str:
    """The text on one line, with every character that is not seen written as an escape.

    Names, sentences and completions come from models and charters: no terminal control sequence and no change
    of writing direction may reach a reader. (Unicode categories Other and Separator, space excepted.)
    """
    if text.isprintable():
        return text
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def clip(text: str, width: int) -> str:
    """At most `width` characters; what was cut off is shown as an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip(" ,;") + "…"


def rate(value: float) -> str:
    """A share in [0, 1] with three decimals and no leading zero: .415, 1.000."""
    return f"{value:.3f}".removeprefix("0")


def points(value: float) -> str:
    """A difference of shares in percentage points, signed: +4.1."""
    return f"{100 * value:+.1f}"


def interval(gain: Gain) -> str:
    """A gain as its interval's middle and ends, in points: +4.1 [+1.2, +7.0]."""
    return f"{points((gain.low + gain.high) / 2)} [{points(gain.low)}, {points(gain.high)}]"


def level(horizon: Horizon) -> str:
    """A horizon in levels, one decimal; `>=` when the ladder ends before the model does."""
    return f">={horizon.level:.1f}" if horizon.censored else f"{horizon.level:.1f}"


def small(value: float) -> str:
    """An error probability, two significant digits: .0083, 2.0e-05."""
    if value >= 0.0001:  # noqa: PLR2004  below, leading zeros hide the digits
        return f"{value:#.2g}".removeprefix("0")
    return f"{value:.1e}" if value else "0"


def count(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"


def short(digest: str) -> str:
    """A digest's first eight digits: enough to tell a run's models apart."""
    return digest[:8]


def decision(made: str, candidate: str) -> str:
    """A decision in a word or two; "no candidate" when nothing was tried."""
    return DECISIONS[made] if candidate or made == "rollback" else "no candidate"


def number_of(amount: int, noun: str) -> str:
    """`1 opening`, `3 openings`."""
    return f"{count(amount)} {noun}" if amount == 1 else f"{count(amount)} {noun}s"


def span(levels: Sequence[int]) -> str:
    """Levels with neighbours joined: `4+7-9`."""
    runs: list[list[int]] = []
    for number in sorted(set(levels)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return "+".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def verdict(said: str, *, smaller: bool) -> str:
    """A verdict in words. smaller: of a candidate with fewer parameters that was asked to be as good."""
    return (SMALLER if smaller else VERDICTS)[said]


def weak_spot(weakness: Weakness) -> str:
    """One task's weakness in a few words: `reverse 5 (labels .550)`."""
    label = weakness.label_accuracy
    heard = f" (labels {rate(label)})" if weakness.remedy == "purify" and label is not None else ""
    return f"{weakness.task} {weakness.frontier}{heard}"


def recipe_text(task: str, recipe: LabelRecipe) -> str:
    """How one task's labels are made and filtered: `reverse, 2 samples; level 4: 2,000 prompts, ...`."""
    votes = f", {number_of(recipe.samples, 'sample')} beside the greedy answer" if recipe.samples else ""
    return "; ".join([f"{task}{votes}", *map(rung_text, recipe.rungs)])


def rung_text(rung: Rung) -> str:
    """One level's labels: `level 4: 2,000 prompts, confidence .900, agreement .667, at most 1,000 kept`."""
    kept = rung.filter
    most = f", at most {count(kept.keep)} kept" if kept.keep else ""
    wanted = f"confidence {rate(kept.confidence)}, agreement {rate(kept.agreement)}"
    return f"level {rung.level}: {count(rung.prompts)} prompts, {wanted}{most}"
