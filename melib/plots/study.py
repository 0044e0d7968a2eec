"""Figures of an experiment: scores along a video, and who was taken for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.figure
import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.plots.style import COLOURS, figure

if TYPE_CHECKING:
    from melib.study import Outcome


def score_timeline(
    outcome: Outcome, *, subject: str | None = None, video: str | None = None
) -> matplotlib.figure.Figure:
    """The score of each frame of a tested video, with true and found intervals.

    Parameters
    ----------
    outcome : melib.study.Outcome
    subject, video : str, optional
        Which video; by default the one with most micro-expressions (the first of them in order).

    Raises
    ------
    LookupError
        If that video was not tested.
    """
    micro = outcome.truth[outcome.truth["kind"] == "micro"]
    if subject is None and video is None:
        most = micro.groupby(["subject", "video"], sort=True).size()
        subject, video = most.idxmax() if len(most) else next(iter(outcome.scores))
    if (subject, video) not in outcome.scores:
        raise InputError(f"video {subject}/{video} was not tested: choose one of outcome.scores")
    score = outcome.scores[subject, video]
    fig, axes = figure(height=3.4)
    smoothed = outcome.smoothed[subject, video]
    axes.plot(np.arange(len(score)), score, color=COLOURS["chance"], linewidth=0.8, label="score")
    axes.plot(np.arange(len(score)), smoothed, color=COLOURS["score"], linewidth=1.6, label="smoothed")
    low, high = float(score.min()), float(score.max())
    unit = max(high - low, 1e-6)
    lanes = {
        "true micro-expression": (_of(micro, subject, video), high + 0.18 * unit, COLOURS["truth"], ""),
        "macro-expression": (
            _of(outcome.truth[outcome.truth["kind"] == "macro"], subject, video),
            high + 0.08 * unit,
            COLOURS["chance"],
            "//",
        ),
        "found": (_of(outcome.predictions, subject, video), low - 0.18 * unit, COLOURS["found"], ""),
    }
    for label, (rows, bottom, colour, hatch) in lanes.items():
        for number, row in enumerate(rows.itertuples()):
            axes.broken_barh(
                [(row.onset, row.offset - row.onset + 1)],
                (bottom, 0.07 * unit),
                facecolor=colour,
                edgecolor="white",
                hatch=hatch,
                label=label if number == 0 else None,
            )
            if isinstance(row.emotion, str) and label != "macro-expression":
                # Every other name stands higher, so that those of neighbours do not run into each other.
                axes.annotate(row.emotion, (row.onset, bottom + (0.08 + 0.07 * (number % 2)) * unit), fontsize=7)
    # Room for the higher row of names: what lies outside the axes is not drawn.
    axes.set_ylim(top=high + 0.44 * unit)
    axes.set(xlabel="frame", ylabel="spotting score (no unit)", title=f"subject {subject}, video {video}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=4)
    return fig


def confusions(outcome: Outcome) -> matplotlib.figure.Figure:
    """Two confusion matrices: expressions that were given, and those that were spotted."""
    confusion = outcome.record["confusion"]
    names = confusion["emotions"]
    fig, axes = figure(1, 2, height=3.4)
    for ax, key, title in zip(axes, ("given", "spotted"), ("expressions given", "expressions spotted"), strict=True):
        counts = np.array(confusion[key])
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if share[row, column] > 0.6 else "black"
            ax.text(column, row, str(count), ha="center", va="center", color=colour)
        ax.grid(False)
        ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel="named", ylabel="true", title=f"{title} (n = {counts.sum()})")
    return fig


def _of(table: pd.DataFrame, subject: str, video: str) -> pd.DataFrame:
    return table[(table["subject"] == subject) & (table["video"] == video)]
