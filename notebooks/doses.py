"""Figures of values along a dose or one below the other, for the pages that sweep a setting."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.figure
import numpy as np
import pandas as pd

from melib.plots.style import COLOURS, SERIES, cut_beyond_one, figure
from melib.study.figures import interval


def gains_along(
    panels: Mapping[str, Mapping[str, pd.DataFrame]],
    *,
    xlabel: str,
    ylabel: str,
    least: float | None = None,
    tick="{:g}",
) -> matplotlib.figure.Figure:
    """Values with intervals over the steps of a dose, which are evenly spaced, a line for each series.

    ``panels`` leads from title to label to ``value, low, high`` by dose. ``least`` is half of the band about zero that
    is too small to matter; without it neither band nor line is drawn. ``tick``, a format or a function, writes a dose.
    """
    fig, axes = figure(1, len(panels), height=3.8, sharey=True, squeeze=False)
    write = tick if callable(tick) else tick.format
    for ax, (title, series) in zip(axes[0], panels.items(), strict=True):
        doses = sorted({dose for table in series.values() for dose in table.index})
        if least is not None:
            ax.axhspan(-least, least, color=COLOURS["chance"], alpha=0.2, linewidth=0)
            ax.axhline(0, color=COLOURS["score"], linewidth=1)
        for number, (label, table) in enumerate(series.items()):
            table = table.sort_index()
            # Beside each other, so that no interval hides another.
            x = np.array([doses.index(dose) for dose in table.index]) + 0.08 * (number - (len(series) - 1) / 2)
            below, above = table["value"] - table["low"], table["high"] - table["value"]
            ends = [below.clip(lower=0), above.clip(lower=0)]
            style = 1 if label == "this run" else number % 4  # the same beside published numbers and alone
            look = {"marker": "os^D"[style], "color": SERIES[style], "capsize": 2, "linewidth": 1.2}
            ax.errorbar(x, table["value"], yerr=ends, label=label, **look)
            if least is not None:
                cut_beyond_one(ax, x, table["low"], table["high"], along="y")
        ax.set_xticks(range(len(doses)), [write(dose) for dose in doses])
        ax.set(title=title, xlabel=xlabel)
        ax.legend(loc="best", fontsize=8)
    axes[0][0].set_ylabel(ylabel)
    return fig


def values_in_a_row(table: pd.DataFrame, xlabel: str, *, least: float) -> matplotlib.figure.Figure:
    """A dot and an interval for each row of ``value, low, high``, beside zero and what is too small to matter."""
    fig, axes = figure(height=0.9 + 0.24 * len(table))
    axes.axvspan(-least, least, color=COLOURS["chance"], alpha=0.2, linewidth=0)
    axes.axvline(0, color=COLOURS["score"], linewidth=1)
    for height, each in enumerate(table.itertuples()):
        interval(axes, each.value, each.low, each.high, height, COLOURS["found"])
    cut_beyond_one(axes, range(len(table)), table["low"], table["high"])
    axes.set_yticks(range(len(table)), [str(name) for name in table.index])
    axes.invert_yaxis()
    axes.set(xlabel=xlabel)
    axes.grid(axis="x", alpha=0.3)
    return fig
