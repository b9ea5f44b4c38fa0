"""What the dashboard shows of the report's own: the same figures, tables and sentences, each by its name.

A figure that the report has is made here and nowhere else, so that the page in the browser and the file say the same.
"""

from detent.report._svg import element, path, picture
from detent.report._words import (
    VERDICTS,
    clip,
    count,
    decision,
    interval,
    number_of,
    plain,
    points,
    rate,
    short,
    small,
)
from detent.report.charts import WIDTH, Axis, Lines, Point, Rule, Series, axis, line_chart, whole_ticks
from detent.report.explained import explanation_of
from detent.report.figures import Figure, Table, heat, horizons, ladder
from detent.report.gate_figures import budget, evidence, gains
from detent.report.grids import Grid, Square, grid
from detent.report.lineage import Ancestry
from detent.report.looks import InsideRun, inside_run
from detent.report.prose import headline, key_figures
from detent.report.rows import ORIGINS, TurnRow, principles, tests, turn_row
from detent.report.tried_figures import Tried, tried

__all__ = [
    "ORIGINS",
    "VERDICTS",
    "WIDTH",
    "Ancestry",
    "Axis",
    "Figure",
    "Grid",
    "InsideRun",
    "Lines",
    "Point",
    "Rule",
    "Series",
    "Square",
    "Table",
    "Tried",
    "TurnRow",
    "axis",
    "budget",
    "clip",
    "count",
    "decision",
    "element",
    "evidence",
    "explanation_of",
    "gains",
    "grid",
    "headline",
    "heat",
    "horizons",
    "inside_run",
    "interval",
    "key_figures",
    "ladder",
    "line_chart",
    "number_of",
    "path",
    "picture",
    "plain",
    "points",
    "principles",
    "rate",
    "short",
    "small",
    "tests",
    "tried",
    "turn_row",
    "whole_ticks",
]
