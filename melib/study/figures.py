"""Figures of experiments, from their records: rows and differences with their intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import matplotlib.axes
import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from melib.plots.style import COLOURS, cut_beyond_one, figure
from melib.study.compare import NAMES, chance, differences, has, value
from melib.study.experiments import Comparison, Experiment
from melib.study.records import Kept

#: Metrics that are no shares: they and their differences have no upper end.
_UNBOUNDED = frozenset(("tp", "fp", "fn", "false_positives_per_minute"))
#: Characters in a line of a label beside an axis, and below one, at the width of a page.
_TICK_LABEL, _X_LABEL = 50, 52


def rows_with_intervals(
    experiment: Experiment, kept: Mapping[str, Kept], metric: str, *, coin: float | None = None
) -> matplotlib.figure.Figure:
    """A metric of every row, with its 95 % interval, before the range of lucky answers that records keep.

    ``coin``, in its place, is where a score that knows nothing lies.
    """
    shown = [row for row in kept.values() if has(row, metric)]
    fig, axes = figure(height=0.8 + 0.26 * len(shown))
    for height, row in enumerate(shown):
        band = chance(row, metric) if coin is None else None
        if band is not None:
            width = band["high"] - band["low"]
            axes.barh(height, width, left=band["low"], height=0.8, color=COLOURS["chance"], alpha=0.4)
        found = pd.Series(value(row, metric), dtype=float)
        interval(axes, found["value"], found["low"], found["high"], height)
    if coin is not None:
        axes.axvline(coin, color=COLOURS["chance"], linestyle="--", linewidth=1)
    axes.set_yticks(range(len(shown)), [row.row.label for row in shown])
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set(xlabel=f"{NAMES[metric]} (no unit)")
    axes.grid(axis="x", alpha=0.3)
    return fig


def differences_with_intervals(
    experiment: Experiment, kept: Mapping[str, Kept], found: pd.DataFrame | None = None
) -> matplotlib.figure.Figure:
    """Comparisons with their 95 % intervals, beside zero and a bar as wide as what is too small to matter."""
    table = differences(experiment, kept) if found is None else found
    metrics = [NAMES[each] for each in table["metric"].unique()]
    names = [_comparison(experiment, each, tell_metric=len(metrics) > 1) for each in table.itertuples()]
    # Each comparison takes the height of its words.
    lines = np.array([name.count("\n") + 1.7 for name in names])
    heights = np.cumsum(lines) - lines / 2
    fig, axes = figure(height=0.8 + 0.14 * lines.sum())
    for height, each in zip(heights, table.itertuples(), strict=True):
        axes.plot([-each.least, each.least], [height] * 2, color=COLOURS["chance"], linewidth=8, alpha=0.35)
        interval(axes, each.value, each.low, each.high, height)
    axes.axvline(0, color=COLOURS["score"], linewidth=1)
    if not _UNBOUNDED & set(table["metric"]):
        cut_beyond_one(axes, heights, table["low"], table["high"])
    axes.set_yticks(heights, names, fontsize=8)
    axes.set_ylim(lines.sum() or 1, 0)
    # Signed numbers of three digits are wide: more of them run into each other.
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set(xlabel=f"{textwrap.fill('difference in ' + ' or '.join(metrics), _X_LABEL)}\nfirst less second (no unit)")
    axes.grid(axis="x", alpha=0.3)
    return fig


def interval(axes: matplotlib.axes.Axes, middle: float, low: float, high: float, height: float) -> None:
    """A dot on a bar that ends where it says: a line's usual caps would make it longer by its own width."""
    axes.plot([low, high], [height, height], solid_capstyle="butt", color=COLOURS["found"], linewidth=2)
    axes.plot(middle, height, "o", color=COLOURS["score"], markersize=5)


def _comparison(experiment: Experiment, each: Comparison, *, tell_metric: bool) -> str:
    """The two rows of a comparison in lines that leave room for the plot."""
    words = [experiment.row(each.first).label, f"less {experiment.row(each.second).label}"]
    words += [f"({NAMES[each.metric]})"] * tell_metric
    return "\n".join(textwrap.fill(each, _TICK_LABEL) for each in words)
