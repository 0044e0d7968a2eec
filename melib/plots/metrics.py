"""Figures about metrics: intervals on a time axis, printed against recomputed values, floors and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd

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


def timeline(
    truth: pd.DataFrame, predictions: pd.DataFrame, pairs: Sequence[tuple[int, int]]
) -> matplotlib.figure.Figure:
    """Labelled and predicted intervals of each video on a time axis, matched ones joined.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame
        Columns ``video, onset, offset, emotion``; each bar carries its row number in the table and its emotion.
    pairs : sequence of (int, int)
        Row positions (truth, prediction) that are matched.
    """
    videos = sorted({*truth["video"], *predictions["video"]})
    found, axes = figure(len(videos), 1, height=1.6 * len(videos) + 0.5, sharex=True, squeeze=False)
    hits = {prediction for _, prediction in pairs}
    for axis, video in zip(axes[:, 0], videos, strict=True):
        middle = {}
        # Truths above, predictions below; intervals that overlap stand on lanes of their own.
        for table, letter, level, step in ((truth, "t", 1.0, 0.55), (predictions, "p", 0.0, -0.55)):
            rows = np.flatnonzero(table["video"] == video)
            for row, lane in zip(rows, _lanes(table.iloc[rows]), strict=True):
                onset, offset, emotion = table.iloc[row][["onset", "offset", "emotion"]]
                false = letter == "p" and row not in hits
                colour = COLOURS["truth"] if letter == "t" else COLOURS["missed" if false else "found"]
                y, x = level + step * lane, (onset + offset + 1) / 2
                hatch = "//" if false else None
                axis.barh(y, offset - onset + 1, 0.42, left=onset, color=colour, edgecolor="white", hatch=hatch)
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
    return found


def _lanes(table: pd.DataFrame) -> list[int]:
    """For each interval the lowest lane on which no earlier one is in its way."""
    ends: list[int] = []
    lanes = {}
    for row in np.argsort(table["onset"].to_numpy(), kind="stable"):
        onset, offset = table.iloc[row][["onset", "offset"]]
        free = [lane for lane, end in enumerate(ends) if end < onset]
        lane = free[0] if free else len(ends)
        ends[lane : lane + 1] = [offset]
        lanes[int(row)] = lane
    return [lanes[row] for row in range(len(table))]


def against_print(comparison: pd.DataFrame) -> matplotlib.figure.Figure:
    """Printed values and recomputed ones with their intervals, a line per metric.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Index of metric keys; columns ``printed, strict, low, high``.
    """
    rows = comparison.loc[[key for key in NAMES if key in comparison.index]]
    found, axis = figure(height=0.4 * len(rows) + 1.2)
    levels = np.arange(len(rows))[::-1]
    axis.hlines(levels, rows["low"], rows["high"], color=COLOURS["found"], linewidth=5, alpha=0.35)
    axis.plot(rows["strict"], levels, "o", color=COLOURS["found"], label="from the released intervals, 95 % interval")
    axis.plot(rows["printed"], levels, "x", color=COLOURS["missed"], markersize=9, markeredgewidth=2, label="printed")
    axis.set_yticks(levels, [NAMES[key] for key in rows.index])
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlim(0, 1)
    axis.set_xlabel("score")
    axis.grid(axis="x")
    found.legend(loc="outside upper center", ncols=2)
    return found


def floors(
    system: tuple[str, float], fixed: Mapping[str, float], null: tuple[str, Mapping[str, float]]
) -> matplotlib.figure.Figure:
    """F1 of spotting of a system beside answers that do not look at the video.

    Parameters
    ----------
    system : (str, float)
        Name and score.
    fixed : mapping of str to float
        Name and score of each fixed answer.
    null : (str, mapping)
        Name, and ``mean, low, high`` of the null.
    """
    found, axis = figure(height=0.45 * (len(fixed) + 2) + 0.8)
    names = [null[0], *fixed, system[0]]
    values = [null[1]["mean"], *fixed.values(), system[1]]
    colours = [COLOURS["chance"], *[COLOURS["second"]] * len(fixed), COLOURS["found"]]
    hatches = ["..", *["//"] * len(fixed), None]
    bars = axis.barh(names, values, 0.6, color=colours, hatch=hatches, edgecolor="white")
    axis.errorbar(
        null[1]["mean"], 0,
        xerr=[[null[1]["mean"] - null[1]["low"]], [null[1]["high"] - null[1]["mean"]]],
        color=COLOURS["score"], capsize=4,
    )  # fmt: skip
    labels = [
        f"{null[1]['mean']:.3f}  ({null[1]['low']:.3f} to {null[1]['high']:.3f})",
        *map("{:.3f}".format, values[1:]),
    ]
    for bar, label, end in zip(bars, labels, [null[1]["high"], *values[1:]], strict=True):
        axis.text(end + 0.01, bar.get_y() + bar.get_height() / 2, label, va="center", fontsize=9)
    axis.set_xlim(0, 1)
    axis.set_xlabel("F1 of spotting (IoU ≥ 0.5)")
    axis.grid(axis="x")
    axis.grid(visible=False, axis="y")
    return found


def withheld(curves: Mapping[str, Sequence[float]]) -> matplotlib.figure.Figure:
    """STRS as predictions are withheld, well-named or misnamed.

    Parameters
    ----------
    curves : mapping
        ``named`` and ``misnamed``: STRS after withholding 0, 1, 2, ... of them.
    """
    found, axis = figure(height=2.9)
    axis.plot(curves["misnamed"], color=COLOURS["second"], label="misnamed hits withheld")
    axis.plot(curves["named"], "--", color=COLOURS["found"], label="well-named hits withheld, the most useful first")
    axis.set_xlabel("predictions withheld")
    axis.set_ylabel("STRS")
    axis.set_ylim(0, None)
    axis.legend()
    return found


def small_counts(spread: pd.DataFrame, marks: Mapping[str, int]) -> matplotlib.figure.Figure:
    """How far a score scatters that rests on few expressions.

    Parameters
    ----------
    spread : pandas.DataFrame
        Columns ``system, n, low, middle, high``: in what range the score of a system lies when it is measured on n
        expressions.
    marks : mapping of str to int
        Numbers of expressions to mark, by what they are.
    """
    found, axis = figure(height=3.6)
    looks = zip(("second", "found"), ("--", "-"), ("//", None), strict=True)
    for (name, rows), (colour, line, hatch) in zip(spread.groupby("system", sort=False), looks, strict=True):
        band = {"color": COLOURS[colour], "alpha": 0.25, "linewidth": 0, "hatch": hatch}
        axis.fill_between(rows["n"], rows["low"], rows["high"], **band)
        axis.plot(rows["n"], rows["middle"], line, color=COLOURS[colour], label=name)
    for name, n in marks.items():
        axis.axvline(n, color=COLOURS["score"], linewidth=0.9, linestyle=":")
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}
        axis.text(0.96 * n, 0.02, name, rotation=90, ha="right", va="bottom", fontsize=8, bbox=box)
    axis.set_xscale("log")
    ticks = sorted(set(spread["n"]))
    axis.set_xticks(ticks, [str(n) for n in ticks])
    axis.minorticks_off()
    axis.set(xlabel="expressions that the score rests on", ylabel="F1 of analysis (no unit)", ylim=(0, 1))
    axis.legend(loc="upper right", ncols=2)
    return found
