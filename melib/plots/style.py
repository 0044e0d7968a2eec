"""The one plotting style: colour-blind safe, opaque, legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe and Ito's palette, by meaning. Never the only carrier of a meaning: add a marker, hatch or label.
COLOURS = {
    "truth": "#009E73",
    "found": "#0072B2",
    "missed": "#D55E00",
    "score": "#333333",
    "chance": "#999999",
    "first": "#0072B2",
    "second": "#E69F00",
    "third": "#CC79A7",
    "fourth": "#56B4E9",
}

#: Colours of several series, in the order in which they are drawn.
SERIES = tuple(COLOURS[name] for name in ("first", "second", "third", "fourth"))

_STYLE = {
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "font.size": 10,
    "grid.alpha": 0.3,
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "savefig.facecolor": "white",
    "svg.hashsalt": "melib",
}


def figure(
    rows: int = 1, columns: int = 1, *, width: float = 7.2, height: float = 3.2, **options
) -> tuple[Figure, object]:
    """A figure and its grid of axes in the study's style, with constrained layout; the options are those of subplots.

    Width and height are inches; 7.2 fills a page of the book.
    """
    with matplotlib.rc_context(_STYLE):
        made = pyplot.subplots(rows, columns, figsize=(width, height), layout="constrained", **options)
        interactive = matplotlib.is_interactive()
    # In a notebook the first figure switches interactive mode on; left off, it would hide the later figures.
    matplotlib.interactive(interactive)
    return made


def panels(count: int, columns: int, *, height: float | None = None) -> tuple[Figure, np.ndarray]:
    """A figure with axes for ``count`` pictures: squares across the page, or ``columns`` of ``height`` inches each."""
    columns = columns if height else min(count, columns)
    rows = -(-count // columns)
    fig, axes = figure(rows, columns, height=rows * (height or 7.2 / columns) + 0.2, squeeze=False)
    for axis in axes.flat:
        bare(axis)
    for axis in axes.flat[count:]:
        axis.remove()
    return fig, axes.ravel()[:count]


def bare(axes: Axes) -> None:
    """Take ticks, grid and frame from axes that hold a picture."""
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def cut_beyond_one(
    axes: Axes, places: Sequence[float], low: Sequence[float], high: Sequence[float], *, along: str = "x"
) -> None:
    """End an axis of differences at -1 and 1, the most by which shares differ, with an arrow where an interval goes on.

    The intervals ``low`` to ``high`` stand at ``places`` of the other axis; drawn whole, one could hide all others.
    """
    places = np.asarray(places, dtype=float)
    beyond = {-1: np.asarray(low, dtype=float) < -1, 1: np.asarray(high, dtype=float) > 1}
    if not any(which.any() for which in beyond.values()):
        return
    arrows = {"x": "<>", "y": "v^"}[along]
    for (end, which), arrow in zip(beyond.items(), arrows, strict=True):
        ends = np.full(which.sum(), 1.05 * end)
        at = (ends, places[which]) if along == "x" else (places[which], ends)
        axes.plot(*at, arrow, color=COLOURS["missed"], markersize=6, label="_beyond")
    (axes.set_xlim if along == "x" else axes.set_ylim)(-1.08, 1.08)
    axes.figure.supxlabel("Arrow: the interval goes on beyond ±1, where no difference can lie.", fontsize=8)
