"""Forecasts and thresholds in the charts: the early warning's own numbers, or nothing where there are too few."""

from msgspec import structs
from tests.audit.scripted_run import DRAFT, sign
from tests.report.report_reader import read
from tests.report.synthetic_run import EVENTFUL, TOP, ledger

from detent.charter import Charter
from detent.report import Story, foreseen, tell
from detent.report.figures import horizons, ladder
from detent.report.forecast import MOST_AHEAD, horizon_ahead, ladder_ahead
from detent.report.gate_figures import budget
from detent.tripwires.threshold_early_warning import upper

THRESHOLD = '[[direction.threshold]]\ntask = "copy"\nhorizon = 3.5\nquorum = 1\n[constraints]'


def charter(draft: str = DRAFT) -> Charter:
    return sign(draft).charter


def story(generations: int = 8) -> Story:
    return tell(ledger(generations, EVENTFUL), "digits", "", TOP)


def test_the_forecast_is_the_early_warnings() -> None:
    told = foreseen(story(), charter())
    history = {s.measured: s.horizons["copy"] for s in told.standings}
    (last, now), *ahead = horizon_ahead(told, "copy")
    assert (last, now) == (max(history), history[max(history)].level)
    assert ahead
    assert ahead == [(last + step, upper(history, step)) for step in range(1, len(ahead) + 1)]


def test_it_reaches_to_the_leases_end_and_no_further_than_can_be_said() -> None:
    told = story(6)
    state = told.state
    for left, ahead in ((0, 1), (5, 5), (10_000, MOST_AHEAD)):
        grants = tuple(structs.replace(one, generations=one.spent + left) for one in state.grants)
        granted = structs.replace(told, state=structs.replace(state, grants=grants))
        assert foreseen(granted, charter()).ahead == ahead


def test_the_ladders_forecast_ends_at_one() -> None:
    told = structs.replace(foreseen(story(), charter()), ahead=MOST_AHEAD)
    found = ladder_ahead(told)
    assert found
    assert max(value for _, value in found) <= 1.0


def test_too_few_measurements_make_no_forecast() -> None:
    told = foreseen(story(2), charter())
    assert horizon_ahead(told, "copy") == ()
    assert "forecast" not in str(horizons(told).table.rows)


def test_without_a_charters_word_nothing_is_forecast() -> None:
    assert "ahead" not in str(ladder(story()).drawing)


def test_every_forecast_that_is_drawn_stands_in_the_table() -> None:
    told = foreseen(story(), charter())
    rows = [row for row in horizons(told).table.rows if "forecast" in row[0]]
    drawn = {generation for task in told.top for generation, _ in horizon_ahead(told, task)[1:]}
    assert [int(row[0].partition(",")[0]) for row in rows] == sorted(drawn)


def test_a_threshold_is_a_line_that_says_who_is_asked() -> None:
    told = foreseen(story(), charter(DRAFT.replace("[constraints]", THRESHOLD)))
    texts = read(str(horizons(told).drawing)).named("text")
    assert "copy 3.5: 1 approver asked" in [text.text for text in texts]


def test_a_budget_of_many_openings_is_thinned_and_still_ends_at_what_is_spent() -> None:
    told = story()
    whole, thin = budget(told), budget(told, 3)
    assert whole is not None
    assert thin is not None
    assert len(thin.table.rows) < len(whole.table.rows)
    assert thin.table.rows[-1] == whole.table.rows[-1]
    assert set(thin.table.rows) <= set(whole.table.rows)
