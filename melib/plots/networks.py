"""Figures of the two networks: how they are built, and where a trained one looks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np

from melib.plots.style import COLOURS, figure

#: The stages of each network: what stands in the stream of every plane, what in each of the two heads, and their names.
STAGES = {
    "MEAN": (
        ("plane\n42×42", "conv 5×5\nReLU", "batch norm", "max-pool 3\ndropout .3"),
        ("conv 5×5 → 8\nReLU", "max-pool 2\ndropout .2", "392 → "),
        ("1. spotting head", "2. recognition head,\non the frozen streams"),
    ),
    "SFAMNet": (
        ("plane\n42×42", "conv 5×5, ReLU\nconv 5×5", "CBAM\n+ shortcut, ReLU", "max-pool 3"),
        ("conv 5×5 → 8", "max-pool 3\nstride 2", "392 → "),
        ("spotting head", "recognition head,\ntrained together"),
    ),
}


def architecture(name: str, planes: Sequence[str], outputs: tuple[str, str], channels: int) -> matplotlib.figure.Figure:
    """The stages of a network from left to right: three streams, joined, and two heads.

    Parameters
    ----------
    name : {"MEAN", "SFAMNet"}
    planes : sequence of str
        What the three planes hold.
    outputs : (str, str)
        What the heads give.
    channels : int
        Maps after the streams are joined.
    """
    stream, head, titles = STAGES[name]
    found, axis = figure(height=3.2)
    axis.set(xlim=(-0.5, 8.0), ylim=(-0.6, 2.6), title=name)
    axis.axis("off")
    for row, words in zip((2, 1, 0), planes, strict=True):
        for column, stage in enumerate(stream):
            text = f"{words}\n42×42" if column == 0 else stage
            _box(axis, column, row, text, COLOURS["fourth"] if column else "white")
        for column in range(len(stream) - 1):
            _arrow(axis, (column, row), (column + 1, row))
        _arrow(axis, (3, row), (4, 1))
    _box(axis, 4, 1, f"joined\n{channels}×14×14", "white")
    heads = zip((1.7, 0.3), (2.2, -0.25), outputs, titles, ("second", "third"), strict=True)
    for row, above, words, title, colour in heads:
        axis.text(6.05, above, title, ha="center", va="center", fontsize=8)
        _arrow(axis, (4, 1), (5, row))
        for column, stage in enumerate(head):
            _box(axis, 5 + column * 1.05, row, stage + words if stage.endswith("→ ") else stage, COLOURS[colour])
        for column in range(len(head) - 1):
            _arrow(axis, (5 + column * 1.05, row), (6.05 + column * 1.05, row))
    return found


def _box(axis, x: float, y: float, text: str, colour: str) -> None:
    box = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": COLOURS["score"], "linewidth": 0.8}
    axis.text(x, y, text, ha="center", va="center", fontsize=6.6, bbox=box, zorder=2)


def _arrow(axis, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-", "color": COLOURS["score"], "linewidth": 0.9}, zorder=1)


def where_it_looks(
    planes: np.ndarray, lost: np.ndarray, places: np.ndarray, names: Sequence[str]
) -> matplotlib.figure.Figure:
    """Mean planes, what hiding a square costs, and which pixels the attention passes: a row each, a column per plane.

    Parameters
    ----------
    planes, places : ndarray, (N, 3, 42, 42)
    lost : ndarray, (N, 3, n, n)
        From :func:`melib.models.explain.occlusion`.
    names : sequence of str
        Of the three planes.
    """
    found, axes = figure(3, 3, height=6.6)
    rows = (
        ("mean magnitude", np.abs(planes).mean(0), "viridis"),
        ("score lost when hidden", lost.mean(0), "PuOr"),
        ("share passed", places.mean(0), "viridis"),
    )
    for line, (words, maps, colours) in zip(axes, rows, strict=True):
        widest = np.abs(maps).max()
        low, high = (-widest, widest) if colours == "PuOr" else (maps.min(), maps.max())
        for axis, image, name in zip(line, maps, names, strict=True):
            shown = axis.imshow(image, cmap=colours, vmin=low, vmax=high, extent=(0, 42, 42, 0))
            axis.set(title=name, xticks=[], yticks=[])
            axis.grid(visible=False)
        line[0].set_ylabel(words)
        found.colorbar(shown, ax=list(line), shrink=0.9)
    return found
