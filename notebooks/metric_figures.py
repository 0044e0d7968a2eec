"""Figures about metrics: intervals on a time axis, printed against recomputed values, floors and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from melib.plots.style import COLOURS, figure

#: How metrics are called in figures.
NAMES = {
    "f1_spotting": "F1 of spotting",
    "ap_50_95": "AP@[.5:.95]",
    "f1_analysis": "F1 of analysis",
    "uf1_analysis": "UF1",
    "uar_analysis": "UAR",
    "strs": "STRS",
    "f1_named": "F1 of named intervals",
}


def timeline(truth: pd.DataFrame, predictions: pd.DataFrame, pairs: Sequence[tuple[int, int]]) -> Figure:
    """Labelled and predicted intervals of each video on a time axis, matched ones joined.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame
        Columns ``video, onset, offset, emotion``; each bar carries its row number in the table and its emotion.
    pairs : sequence of (int, int)
        Row positions (truth, prediction) that are matched.

    Returns
    -------
    matplotlib.figure.Figure
        One axis a video, in frames; truths are green, false predictions orange and hatched.
    """
    videos = sorted({*truth["video"], *predictions["video"]})
    fig, axes = figure(len(videos), 1, height=1.6 * len(videos) + 0.5, sharex=True, squeeze=False)
    hits = {prediction for _, prediction in pairs}
    for axis, video in zip(axes[:, 0], videos, strict=True):
        middle = {}
        # Truths above, predictions below; intervals that overlap stand on lanes of their own.
        for table, letter, level, step in ((truth, "t", 1.0, 0.55), (predictions, "p", 0.0, -0.55)):
            rows = np.flatnonzero(table["video"] == video)
            for row, lane in zip(rows, _lanes(table.iloc[rows]), strict=True):
                onset, offset, emotion = table.iloc[row][["onset", "offset", "emotion"]]
                false = letter == "p" and row not in hits
                kind = "truth" if letter == "t" else "missed" if false else "found"
                y, x = level + step * lane, (onset + offset + 1) / 2
                look = {"color": COLOURS[kind], "edgecolor": "white", "hatch": "//" if false else None}
                axis.barh(y, offset - onset + 1, 0.42, left=onset, **look)
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
                axis.text(x, y, f"{letter}{row} {emotion}", ha="center", va="center", fontsize=7.5, bbox=box)
                middle[letter, row] = (x, y - np.sign(step) * 0.21)
        for t, p in pairs:
            if ("t", t) in middle:
                axis.plot(*zip(middle["t", t], middle["p", p], strict=True), color=COLOURS["score"], linewidth=1.2)
        axis.set_yticks([0, 1], ["predicted", "true"])
        axis.set_ylim(-0.9, 1.9)
        axis.set_title(f"video {video}", loc="left")
        axis.grid(visible=False)
    axes[-1, 0].set_xlabel("frame")
    return fig


def _lanes(table: pd.DataFrame) -> list[int]:
    """For each interval the lowest lane on which no earlier one is in its way."""
    ends: list[int] = []
    lanes = {}
    for row in np.argsort(table["onset"].to_numpy(), kind="stable"):
        onset, offset = table.iloc[row][["onset", "offset"]]
        lane = next((lane for lane, end in enumerate(ends) if end < onset), len(ends))
        ends[lane : lane + 1] = [offset]
        lanes[int(row)] = lane
    return [lanes[row] for row in range(len(table))]


def against_print(comparison: pd.DataFrame) -> Figure:
    """Printed values and recomputed ones with their intervals: a line per metric, ``printed, strict, low, high``."""
    rows = comparison.loc[[key for key in NAMES if key in comparison.index]]
    fig, axis = figure(height=0.4 * len(rows) + 1.2)
    levels = np.arange(len(rows))[::-1]
    axis.hlines(levels, rows["low"], rows["high"], color=COLOURS["found"], linewidth=5, alpha=0.35)
    axis.plot(rows["strict"], levels, "o", color=COLOURS["found"], label="from the released intervals, 95 % interval")
    axis.plot(rows["printed"], levels, "x", color=COLOURS["missed"], markersize=9, markeredgewidth=2, label="printed")
    axis.set_yticks(levels, [NAMES[key] for key in rows.index])
    axis.set(xlabel="score", xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
    axis.grid(axis="x")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def floors(system: tuple[str, float], fixed: Mapping[str, float], null: tuple[str, Mapping[str, float]]) -> Figure:
    """F1 of spotting of a system, beside fixed answers that do not look, and the ``mean, low, high`` of a null."""
    fig, axis = figure(height=0.45 * (len(fixed) + 2) + 0.8)
    mean, low, high = (null[1][key] for key in ("mean", "low", "high"))
    values = [mean, *fixed.values(), system[1]]
    colours = [COLOURS["chance"], *[COLOURS["second"]] * len(fixed), COLOURS["found"]]
    hatches = ["..", *["//"] * len(fixed), None]
    axis.barh([null[0], *fixed, system[0]], values, 0.6, color=colours, hatch=hatches, edgecolor="white")
    axis.errorbar(mean, 0, xerr=[[mean - low], [high - mean]], color=COLOURS["score"], capsize=4)
    axis.text(high + 0.01, 0, f"{mean:.3f}  ({low:.3f} to {high:.3f})", va="center", fontsize=9)
    for level, value in enumerate(values[1:], start=1):
        axis.text(value + 0.01, level, f"{value:.3f}", va="center", fontsize=9)
    axis.set(xlabel="F1 of spotting (IoU ≥ 0.5)", xlim=(0, 1))
    axis.grid(axis="x")
    axis.grid(visible=False, axis="y")
    return fig


def withheld(curves: Mapping[str, Sequence[float]]) -> Figure:
    """STRS after withholding 0, 1, 2, ... predictions, ``named`` or ``misnamed``."""
    fig, axis = figure(height=2.9)
    axis.plot(curves["misnamed"], color=COLOURS["second"], label="misnamed hits withheld")
    axis.plot(curves["named"], "--", color=COLOURS["found"], label="well-named hits withheld, the most useful first")
    axis.set(xlabel="predictions withheld", ylabel="STRS", ylim=(0, None))
    axis.legend()
    return fig
