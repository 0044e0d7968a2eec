"""Write book/assets/pipeline.svg: the chain from a video to a score, as the introduction shows it.

    python tools/make_pipeline.py [--check]

The same bits with the same version of matplotlib. With ``--check`` nothing is written, and a stale picture is an error.
"""

from __future__ import annotations

import io
import sys
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from melib.files import refresh_command
from melib.plots.style import COLOURS, figure

PICTURE = Path("book", "assets", "pipeline.svg")
_WIDTH, _HEIGHT, _STEP = 1.7, 1.75, 2.05
_ROWS = (2.75, 0.0)
_INK = COLOURS["score"]


# What pictures are made of, each drawn at a point of the axes, from which the rest counts.
def _arrow(axis: Axes, x: float, y: float, right: float, up: float) -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 9, "linewidth": 1, "color": _INK, "zorder": 3}
    axis.add_patch(FancyArrowPatch((x, y), (x + right, y + up), shrinkA=0, shrinkB=0, **look))


def _box(axis: Axes, x: float, y: float, width: float, height: float, colour: str = "white", **look) -> None:
    look = {"edgecolor": _INK, "linewidth": 0.8, **look}
    axis.add_patch(Rectangle((x, y), width, height, facecolor=COLOURS.get(colour, colour), **look))


def _line(axis: Axes, x: float, y: float, right, up, *style: str, color: str = _INK, linewidth: float = 1.2) -> None:
    axis.plot(x + np.asarray(right), y + np.asarray(up), *style, color=color, linewidth=linewidth, markersize=2)


def _word(axis: Axes, x: float, y: float, text: str, size: float, va: str = "center") -> None:
    axis.text(x, y, text, ha="center", va=va, fontsize=size)


def _face(axis: Axes, x: float, y: float, brows: float = 0.0, over: int = 0, size: float = 0.58) -> None:
    """A frame with two brows and a mouth, the brows raised by a share of its size."""
    _box(axis, x, y, size, size, zorder=2 + over)
    line = {"color": _INK, "linewidth": 1.4, "zorder": 2 + over}
    for side in (0.2, 0.6):
        axis.plot([x + side * size, x + (side + 0.2) * size], [y + (0.62 + brows) * size] * 2, **line)
    axis.plot([x + 0.35 * size, x + 0.65 * size], [y + 0.25 * size] * 2, **line)


def _score(axis: Axes, x: float, y: float) -> None:
    """A score with two peaks that pass a threshold of 0.5, and one that does not."""
    at = np.linspace(0, 1.3, 120)
    peaks = ((0.25, 0.07, 0.75), (0.62, 0.06, 0.3), (1.02, 0.08, 0.65))
    _line(axis, x, y, at, 0.1 + sum(high * np.exp(-(((at - centre) / wide) ** 2)) for centre, wide, high in peaks))
    _line(axis, x, y, [0, 1.3], [0, 0], linewidth=0.8)


def _bar(axis: Axes, x: float, y: float, kind: str, word: str = "", hatch: str | None = None) -> None:
    _box(axis, x, y, 0.45, 0.16, kind, edgecolor="white", linewidth=None, hatch=hatch)
    _word(axis, x + 0.225, y + 0.19, word, 6.2, "bottom")


_sheet, _shade = partial(_box, zorder=2), partial(_box, edgecolor=None, alpha=0.25, linewidth=0)
_column, _grey = partial(_box, edgecolor=None, linewidth=None), partial(_line, color=COLOURS["chance"], linewidth=0.9)
_PLANES, _SIDES = ("fourth", "second", "third"), (0.34, 0.5, 0.66, 0.82, 0.96)
#: Title and note of each stage -> the parts of its picture, each with its place in a field 1.3 wide and 0.9 high.
STAGES = {
    ("long video", "of somebody new"): [(_face, 0.13 * k, 0.06 * (5 - k), 0.0, k) for k in range(6)],
    ("two frames", "$k$ frames apart"): [(_face, 0, 0.15), (_face, 0.72, 0.15, 0.14)],
    ("motion", "flow or scene flow,\nwithout the head's own"): [
        (_sheet, 0.22, 0, 0.86, 0.86),
        *((_arrow, side, 0.44, 0, 0.3) for side in _SIDES),
        *((_grey, side, 0.2, 0, 0, ".") for side in _SIDES),
    ],
    ("three planes", "42 × 42 pixels each"): [
        (_sheet, 0.14 + 0.22 * k, 0.24 - 0.12 * k, 0.58, 0.58, plane) for k, plane in enumerate(_PLANES)
    ],
    ("network", "two heads"): [
        *((_box, 0, 0.62 - 0.28 * k, 0.5, 0.2, plane) for k, plane in enumerate(_PLANES)),
        *((_box, 0.75, level, 0.58, 0.26) for level in (0.56, 0.12)),
        *((_word, 1.04, level, word, 6.6) for level, word in ((0.69, "score"), (0.25, "name"))),
        *((partial(_line, linewidth=0.8), 0.5, 0, [0, 0.25], [0.44, level]) for level in (0.69, 0.25)),
    ],
    ("score", "of every frame"): [(_score, 0, 0)],
    ("intervals", "around peaks: spotting"): [
        *((_score, 0, 0), (_grey, 0, 0.5, [0, 1.3], [0, 0], "--")),
        *((_shade, left, 0, 0.3, 0.95, "found") for left in (0.1, 0.87)),
    ],
    ("names", "for each: recognition"): [
        (_bar, left, 0.35, "found", word) for left, word in ((0.02, "surprise"), (0.8, "negative"))
    ],
    ("truth", "matched by IoU ≥ ½"): [
        *((_bar, -0.02, 0.58, "truth", "surprise"), (_bar, 0.06, 0.1, "found"), (_bar, 0.82, 0.1, "missed", "", "//")),
        *((_word, 0.28, 0.07, "hit", 6.2, "top"), (_word, 1.04, 0.07, "false", 6.2, "top")),
        (_line, 0.2, 0.57, [0, 0.08], [0, -0.3]),
    ],
    ("STRS", "F1 of spotting ×\nF1 of analysis"): [
        *((_column, 0, 0, 0.3, 0.55, "found"), (_column, 0.5, 0, 0.3, 0.7, "third"), (_word, 0.4, 0.2, "×", 9)),
        *((_column, 1, 0, 0.3, 0.385, "score"), (_word, 0.9, 0.2, "=", 9)),
    ],
}


def pipeline() -> Figure:
    """From a long video to STRS in two rows: what the network sees, and what is made of its answers."""
    found, axis = figure(height=3.5)
    axis.set(xlim=(-0.05, 4 * _STEP + _WIDTH + 0.05), ylim=(-0.1, _ROWS[0] + _HEIGHT + 0.1))
    axis.set_aspect("equal")
    axis.axis("off")
    look = {"boxstyle": "round,pad=0,rounding_size=0.08", "facecolor": "white", "edgecolor": _INK}
    for number, ((title, note), parts) in enumerate(STAGES.items()):
        x, y = number % 5 * _STEP, _ROWS[number // 5]
        axis.add_patch(FancyBboxPatch((x, y), _WIDTH, _HEIGHT, **look))
        axis.text(x + _WIDTH / 2, y + _HEIGHT - 0.08, title, ha="center", va="top", fontsize=8.5, weight="bold")
        _word(axis, x + _WIDTH / 2, y + 0.07, note, 6.6, "bottom")
        for draw, right, up, *rest in parts:
            draw(axis, x + 0.2 + right, y + 0.5 + up, *rest)
        if number % 5 < 4:
            _arrow(axis, x + _WIDTH, y + _HEIGHT / 2, _STEP - _WIDTH, 0)
    # From the end of the first row to the start of the second.
    turn, middle = (_ROWS[0] + _ROWS[1] + _HEIGHT) / 2, _WIDTH / 2
    _line(axis, middle, 0, [4 * _STEP, 4 * _STEP, 0], [_ROWS[0], turn, turn], linewidth=1)
    _arrow(axis, middle, turn, 0, _ROWS[1] + _HEIGHT - turn)
    return found


def drawn() -> str:
    """The picture as SVG, without the date."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "melib", "svg.fonttype": "path"}):
        pipeline().savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the picture if it differs, or with ``--check`` say so and return 1."""
    return refresh_command(PICTURE, drawn, tool="tools/make_pipeline.py", doc=__doc__, arguments=arguments)


if __name__ == "__main__":
    sys.exit(main())
