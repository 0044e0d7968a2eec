"""Figures, drawn from arrays and records; one style for notebooks, README and book."""

from melib.plots.rows import differences_with_intervals, learning_curves, rows_with_intervals
from melib.plots.study import confusions, score_timeline
from melib.plots.style import COLOURS, figure

__all__ = [
    "COLOURS",
    "confusions",
    "differences_with_intervals",
    "figure",
    "learning_curves",
    "rows_with_intervals",
    "score_timeline",
]
