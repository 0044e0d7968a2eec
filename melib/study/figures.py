"""Figures of experiments, from their records: rows with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.axes
import matplotlib.figure
import pandas as pd

from melib.plots.style import COLOURS, figure
from melib.study.compare import NAMES, chance, has, value
from melib.study.experiments import Experiment
from melib.study.records import Kept


def rows_with_intervals(
    experiment: Experiment, kept: Mapping[str, Kept], metric: str, *, coin: float | None = None
) -> matplotlib.figure.Figure:
    """A metric of every row, with its 95 % interval, before the range of lucky answers that records keep.

    ``coin``, in its place, is where a score that knows nothing lies.
    """
    shown = [row for row in kept.values() if has(row, metric)]
    fig, axes = figure(height=0.8 + 0.26 * len(shown))
    for height, row in enumerate(shown):
        if coin is None and (band := chance(row, metric)):
            axes.barh(height, band["high"] - band["low"], 0.8, band["low"], color=COLOURS["chance"], alpha=0.4)
        found = pd.Series(value(row, metric), dtype=float)
        colour = COLOURS["first" if experiment.tier == "full" else "second"]
        interval(axes, found["value"], found["low"], found["high"], height, colour)
    if coin is not None:
        axes.axvline(coin, color=COLOURS["chance"], linestyle="--", linewidth=1)
    axes.set_yticks(range(len(shown)), [row.row.label for row in shown])
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set(xlabel=f"{NAMES[metric]} (no unit)")
    axes.grid(axis="x", alpha=0.3)
    return fig


def interval(axes: matplotlib.axes.Axes, middle: float, low: float, high: float, height: float, colour: str) -> None:
    """A dot on a bar that ends where it says: a line's usual caps would make it longer by its own width."""
    axes.plot([low, high], [height, height], solid_capstyle="butt", color=colour, linewidth=2)
    axes.plot(middle, height, "o", color=COLOURS["score"], markersize=5)
