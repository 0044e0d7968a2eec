"""How the two networks are built, as block diagrams."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.plots.style import COLOURS, figure

#: The stages of each network: what stands in the stream of every plane, what in each of the two heads, and their names.
STAGES = {
    "MEAN": (
        ("conv 5×5\nReLU", "batch norm", "max-pool 3\ndropout .3"),
        ("conv 5×5 → 8\nReLU", "max-pool 2\ndropout .2", "392 → "),
        ("1. spotting head", "2. recognition head,\non the frozen streams"),
    ),
    "SFAMNet": (
        ("conv 5×5, ReLU\nconv 5×5", "CBAM\n+ shortcut, ReLU", "max-pool 3"),
        ("conv 5×5 → 8", "max-pool 3\nstride 2", "392 → "),
        ("spotting head", "recognition head,\ntrained together"),
    ),
}
_EDGE = {"edgecolor": COLOURS["score"], "linewidth": 0.8}
_LINE = {"arrowstyle": "-", "color": COLOURS["score"], "linewidth": 0.9}


def architecture(name: str, planes: Sequence[str], outputs: tuple[str, str], channels: int) -> Figure:
    """The stages of MEAN or SFAMNet from left to right: three streams, joined to ``channels`` maps, and two heads."""
    stream, head, titles = STAGES[name]
    fig, axis = figure(height=3.2)
    axis.set(xlim=(-0.5, 8.0), ylim=(-0.6, 2.6), title=name)
    axis.axis("off")
    for row, words in zip((2, 1, 0), planes, strict=True):
        _boxes(axis, row, (f"{words}\n42×42", *stream), ("white", *[COLOURS["fourth"]] * 3), start=0, step=1)
        _line(axis, (3, row), (4, 1))
    _boxes(axis, 1, (f"joined\n{channels}×14×14",), ("white",), start=4, step=1)
    rows = zip((1.7, 0.3), (2.2, -0.25), outputs, titles, ("second", "third"), strict=True)
    for row, above, words, title, colour in rows:
        axis.text(6.05, above, title, ha="center", va="center", fontsize=8)
        _line(axis, (4, 1), (5, row))
        _boxes(axis, row, (*head[:2], head[2] + words), [COLOURS[colour]] * 3, start=5, step=1.05)
    return fig


def _boxes(axis: Axes, y: float, texts: Sequence[str], colours: Sequence[str], *, start: float, step: float) -> None:
    """Boxes in a row, joined by lines."""
    for number, (text, colour) in enumerate(zip(texts, colours, strict=True)):
        x, box = start + number * step, {"boxstyle": "round,pad=0.35", "facecolor": colour, **_EDGE}
        axis.text(x, y, text, ha="center", va="center", fontsize=6.6, bbox=box, zorder=2)
        if number:
            _line(axis, (x - step, y), (x, y))


def _line(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate("", end, start, arrowprops=_LINE, zorder=1)
