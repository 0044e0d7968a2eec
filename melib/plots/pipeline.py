"""The chain from a video to a score as one picture, drawn from shapes alone: no face, no result."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from melib.plots.style import COLOURS, figure

_WIDTH, _HEIGHT = 1.7, 1.75
_STEP = 2.05
_ROWS = (2.75, 0.0)


def pipeline() -> matplotlib.figure.Figure:
    """From a long video to STRS in two rows: what the network sees, and what is made of its answers."""
    found, axis = figure(height=3.5)
    axis.set(xlim=(-0.05, 4 * _STEP + _WIDTH + 0.05), ylim=(-0.1, _ROWS[0] + _HEIGHT + 0.1))
    axis.set_aspect("equal")
    axis.axis("off")
    stages = (
        ("long video", "of somebody new", _video),
        ("two frames", "$k$ frames apart", _pair),
        ("motion", "flow or scene flow,\nwithout the head's own", _flow),
        ("three planes", "42 × 42 pixels each", _planes),
        ("network", "two heads", _network),
        ("score", "of every frame", _score),
        ("intervals", "around peaks: spotting", _intervals),
        ("names", "for each: recognition", _names),
        ("truth", "matched by IoU ≥ ½", _matched),
        ("STRS", "F1 of spotting ×\nF1 of analysis", _product),
    )
    for number, (title, note, draw) in enumerate(stages):
        x, y = number % 5 * _STEP, _ROWS[number // 5]
        box = FancyBboxPatch(
            (x, y), _WIDTH, _HEIGHT, boxstyle="round,pad=0,rounding_size=0.08", facecolor="white", edgecolor="#333333"
        )
        axis.add_patch(box)
        axis.text(x + _WIDTH / 2, y + _HEIGHT - 0.08, title, ha="center", va="top", fontsize=8.5, weight="bold")
        axis.text(x + _WIDTH / 2, y + 0.07, note, ha="center", va="bottom", fontsize=6.6)
        draw(axis, x + 0.2, y + 0.5)
        if number % 5 < 4:
            _arrow(axis, (x + _WIDTH, y + _HEIGHT / 2), (x + _STEP, y + _HEIGHT / 2))
    # From the end of the first row to the start of the second.
    turn, middle = (_ROWS[0] + _ROWS[1] + _HEIGHT) / 2, _WIDTH / 2
    axis.plot([4 * _STEP + middle] * 2 + [middle], [_ROWS[0], turn, turn], color=COLOURS["score"], linewidth=1)
    _arrow(axis, (middle, turn), (middle, _ROWS[1] + _HEIGHT))
    return found


# Each picture stands in a field 1.3 wide and 0.9 high, whose lower left corner is given.


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, shrinkA=0, shrinkB=0, linewidth=1)
    arrow.set(color=COLOURS["score"], zorder=3)
    axis.add_patch(arrow)


def _sheet(axis: Axes, x: float, y: float, size: float, colour: str = "white", *, over: int = 0) -> None:
    edge = {"edgecolor": COLOURS["score"], "linewidth": 0.8}
    axis.add_patch(Rectangle((x, y), size, size, facecolor=colour, zorder=2 + over, **edge))


def _face(axis: Axes, x: float, y: float, size: float, *, brows: float = 0.0, over: int = 0) -> None:
    """A frame with two brows and a mouth, the brows raised by a share of its size."""
    _sheet(axis, x, y, size, over=over)
    line = {"color": COLOURS["score"], "linewidth": 1.4, "zorder": 2 + over}
    for side in (0.2, 0.6):
        level = y + (0.62 + brows) * size
        axis.plot([x + side * size, x + (side + 0.2) * size], [level, level], **line)
    axis.plot([x + 0.35 * size, x + 0.65 * size], [y + 0.25 * size] * 2, **line)


def _video(axis: Axes, x: float, y: float) -> None:
    for step in range(6):
        _face(axis, x + 0.13 * step, y + 0.06 * (5 - step), 0.58, over=step)


def _pair(axis: Axes, x: float, y: float) -> None:
    _face(axis, x, y + 0.15, 0.58)
    _face(axis, x + 0.72, y + 0.15, 0.58, brows=0.14)


def _flow(axis: Axes, x: float, y: float) -> None:
    _sheet(axis, x + 0.22, y, 0.86)
    for side in (0.36, 0.52, 0.68, 0.84, 0.98):
        _arrow(axis, (x + side - 0.02, y + 0.44), (x + side - 0.02, y + 0.74))
        axis.plot(x + side - 0.02, y + 0.2, ".", color=COLOURS["chance"], markersize=2)


def _planes(axis: Axes, x: float, y: float) -> None:
    for step, colour in enumerate(("fourth", "second", "third")):
        _sheet(axis, x + 0.14 + 0.22 * step, y + 0.24 - 0.12 * step, 0.58, COLOURS[colour])


def _network(axis: Axes, x: float, y: float) -> None:
    for level, colour in ((0.62, "fourth"), (0.34, "second"), (0.06, "third")):
        axis.add_patch(
            Rectangle((x, y + level), 0.5, 0.2, facecolor=COLOURS[colour], edgecolor="#333333", linewidth=0.8)
        )
    for level, word in ((0.56, "score"), (0.12, "name")):
        axis.add_patch(
            Rectangle((x + 0.75, y + level), 0.58, 0.26, facecolor="white", edgecolor="#333333", linewidth=0.8)
        )
        axis.text(x + 1.04, y + level + 0.13, word, ha="center", va="center", fontsize=6.6)
        axis.plot([x + 0.5, x + 0.75], [y + 0.44, y + level + 0.13], color=COLOURS["score"], linewidth=0.8)


def _curve() -> tuple[np.ndarray, np.ndarray]:
    """A score with two peaks that pass a threshold of 0.5, and one that does not."""
    at = np.linspace(0, 1.3, 120)
    peaks = ((0.25, 0.07, 0.75), (0.62, 0.06, 0.3), (1.02, 0.08, 0.65))
    return at, 0.1 + sum(height * np.exp(-(((at - centre) / width) ** 2)) for centre, width, height in peaks)


def _score(axis: Axes, x: float, y: float) -> None:
    at, score = _curve()
    axis.plot(x + at, y + score, color=COLOURS["score"], linewidth=1.2)
    axis.plot([x, x + 1.3], [y, y], color=COLOURS["score"], linewidth=0.8)


def _intervals(axis: Axes, x: float, y: float) -> None:
    _score(axis, x, y)
    axis.plot([x, x + 1.3], [y + 0.5, y + 0.5], "--", color=COLOURS["chance"], linewidth=0.9)
    for centre in (0.25, 1.02):
        axis.add_patch(
            Rectangle((x + centre - 0.15, y), 0.3, 0.95, facecolor=COLOURS["found"], alpha=0.25, linewidth=0)
        )


def _bar(axis: Axes, x: float, y: float, length: float, kind: str, word: str, hatch: str | None = None) -> None:
    axis.add_patch(Rectangle((x, y), length, 0.16, facecolor=COLOURS[kind], edgecolor="white", hatch=hatch))
    axis.text(x + length / 2, y + 0.19, word, ha="center", va="bottom", fontsize=6.2)


def _names(axis: Axes, x: float, y: float) -> None:
    _bar(axis, x + 0.02, y + 0.35, 0.45, "found", "surprise")
    _bar(axis, x + 0.8, y + 0.35, 0.45, "found", "negative")


def _matched(axis: Axes, x: float, y: float) -> None:
    _bar(axis, x - 0.02, y + 0.58, 0.45, "truth", "surprise")
    _bar(axis, x + 0.06, y + 0.1, 0.45, "found", "")
    _bar(axis, x + 0.82, y + 0.1, 0.45, "missed", "", "//")
    axis.plot([x + 0.2, x + 0.28], [y + 0.57, y + 0.27], color=COLOURS["score"], linewidth=1.2)
    for centre, word in ((0.28, "hit"), (1.04, "false")):
        axis.text(x + centre, y + 0.07, word, ha="center", va="top", fontsize=6.2)


def _product(axis: Axes, x: float, y: float) -> None:
    for left, height, colour in ((0.0, 0.55, "found"), (0.5, 0.7, "third"), (1.0, 0.385, "score")):
        axis.add_patch(Rectangle((x + left, y), 0.3, height, facecolor=COLOURS[colour]))
    for left, sign in ((0.4, "×"), (0.9, "=")):
        axis.text(x + left, y + 0.2, sign, ha="center", va="center", fontsize=9)
