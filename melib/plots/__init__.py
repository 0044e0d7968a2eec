"""Figures, drawn from arrays and records; one style for notebooks, README and book."""

from melib.plots.style import COLOURS, figure

__all__ = ["COLOURS", "figure"]
