"""Figures, drawn from arrays and records; one style for notebooks, README and book."""

from melib.plots.study import confusions, score_timeline
from melib.plots.style import COLOURS, figure

__all__ = ["COLOURS", "confusions", "figure", "score_timeline"]
