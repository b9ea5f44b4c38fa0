"""A judge's exams, generation by generation, for the report, and the newest one for `status`.

>>> judge_text(judge_document(state))
'generation 3: 289 of 300 known cases right; 8 of 140 wrong answers praised; ...'
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from detent.report import _words as words
from detent.report.figures import Table
from detent.values import Entry, JudgeTested, Praise, State, server_named

UNKNOWN = "-"
TERA = 1e12


def judges(exams: Iterable[JudgeTested]) -> Table | None:
    """One row a generation; None where no judge had a say."""
    sat = list(exams)
    comparing = any(one.compares is not UNSET for one in sat)
    rows = tuple(_row(one) + (_compared(one) if comparing else ()) for one in sat)
    head = (
        "generation",
        "judge",
        "anchors right",
        "wrong ones praised",
        "longer",
        "shorter",
        "as long",
        "both wrong: own praised alone",
        "the other's alone",
        "kappa with the one before",
        "TFLOP",
    )
    more = ("same in both orders", "longer won") if comparing else ()
    return Table(head + more, rows, numbers=2) if rows else None


def judge_document(state: State) -> dict[str, Any] | None:
    """The newest exam in plain values; None where no judge had a say. kappa: None where there is none to agree with."""
    tested = _newest(state)
    if tested is None:
        return None
    right, asked = _anchors(tested)
    false, own = tested.false_praise.total, tested.own
    return {
        "generation": tested.generation,
        "judge": tested.judge,
        "anchors": [right, asked],
        "false_praise": [false.praised, false.asked],
        "own_alone": own.pairs.wins if own else None,
        "other_alone": own.pairs.losses if own else None,
        "both_wrong": own.pairs.items if own else None,
        "kappa": tested.agreement.kappa if tested.agreement else None,
        "petaflop": tested.flops / 1e15,
    } | _comparisons(tested)


def _comparisons(tested: JudgeTested) -> dict[str, list[int]]:
    """Of a judge that compares: [how many, of how many]."""
    if tested.compares is UNSET:
        return {}
    return {
        "same_in_both_orders": [tested.compares.same, tested.compares.asked],
        "longer_won": [tested.compares.longer.praised, tested.compares.longer.asked],
    }


def judge_text(values: Mapping[str, Any]) -> str:
    """The same for a person."""
    (right, asked), (praised, wrong) = values["anchors"], values["false_praise"]
    found = [
        f"generation {values['generation']}: {words.count(right)} of {words.count(asked)} known cases right"
    ]
    if "longer_won" in values:
        (same, asked), (longer, decided) = values["same_in_both_orders"], values["longer_won"]
        found += [
            f"{words.count(same)} of {words.count(asked)} the same in both orders",
            f"of {words.count(decided)} of unequal length the longer answer won {words.count(longer)}",
        ]
    else:
        found.append(f"{words.count(praised)} of {words.count(wrong)} wrong answers praised")
    if values["both_wrong"] is not None:
        found.append(
            f"of {words.count(values['both_wrong'])} that it and a model of the team get wrong its own alone "
            f"{words.count(values['own_alone'])}, the other's alone {words.count(values['other_alone'])}"
        )
    if values["kappa"] is not None:
        found.append(f"kappa {_kappa(values['kappa'])} with the judge before")
    return "; ".join(found)


def _newest(state: State) -> JudgeTested | None:
    turns: list[Mapping[str, Entry]] = [*state.past.values(), state.slots]
    exams = (slots.get("health/v1") for slots in reversed(turns))
    return next((one for one in exams if isinstance(one, JudgeTested)), None)


def _row(tested: JudgeTested) -> tuple[str, ...]:
    right, asked = _anchors(tested)
    false, own = tested.false_praise, tested.own
    kappa = tested.agreement.kappa if tested.agreement else None
    return (
        str(tested.generation),
        tested.judge if server_named(tested.judge) else words.short(tested.judge),
        f"{words.count(right)} of {words.count(asked)}",
        *map(_praise, (false.total, false.longer, false.shorter, false.equal)),
        f"{words.count(own.pairs.wins)} of {words.count(own.pairs.items)}" if own else UNKNOWN,
        f"{words.count(own.pairs.losses)} of {words.count(own.pairs.items)}" if own else UNKNOWN,
        UNKNOWN if kappa is None else _kappa(kappa),
        f"{tested.flops / TERA:.3f}",
    )


def _compared(tested: JudgeTested) -> tuple[str, ...]:
    if tested.compares is UNSET:
        return UNKNOWN, UNKNOWN
    return _praise(Praise(tested.compares.same, tested.compares.asked)), _praise(tested.compares.longer)


def _praise(praise: Praise) -> str:
    return f"{words.count(praise.praised)} of {words.count(praise.asked)}" if praise.asked else UNKNOWN


def _anchors(tested: JudgeTested) -> tuple[int, int]:
    scores = tested.anchors.values()
    return sum(score.right for score in scores), sum(score.asked for score in scores)


def _kappa(value: float) -> str:
    return words.rate(value) if value >= 0 else f"-{words.rate(-value)}"
