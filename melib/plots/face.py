"""Where the face of a video was found, what was cut out of it, and which parts of that a network takes."""

from __future__ import annotations

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from melib.errors import InputError
from melib.face import INPUT_SIZE, CroppedVideo, stack_strips, strips
from melib.plots.style import COLOURS, figure

_STRIPS = (("brows and eyes", "second", "-"), ("mouth", "fourth", "--"))


def crop_figure(cropped: CroppedVideo, frame: int = 0, *, show_frames: bool = False) -> Figure:
    """A frame with the box and the landmarks, its crop with the two strips, and the strips as a network takes them.

    Only rendered faces are drawn unless ``show_frames`` is set: of a filmed person's it raises a ValueError.
    """
    from melib.synthetic.dataset import SyntheticVideo  # whoever draws filmed faces needs no renderer

    if not (show_frames or isinstance(cropped.source, SyntheticVideo)):
        raise InputError(
            f"video {cropped.subject}/{cropped.name} may show a person: pass show_frames=True where that may be drawn"
        )
    image = cropped.source.frames(frame, frame + 1)[0]
    crop = cropped.frames(frame, frame + 1)[0]
    landmarks = cropped.landmarks(frame, frame + 1)[0]
    # As in the features, the strips are those of the first frame.
    regions = strips(cropped.landmarks(0, 1)[0], cropped.size, cropped.size)
    fig, (whole, cut, seen) = figure(1, 3, height=2.6, width_ratios=(image.shape[1] / image.shape[0], 1, 1))
    for axis in (whole, cut, seen):
        axis.set_axis_off()
    window = cropped.window(frame)
    whole.imshow(image)
    _outline(whole, window.left, window.top, window.width, window.height, COLOURS["missed"], "-")
    # From pixels of the crop to those of the frame, whose centres have whole coordinates.
    _dots(whole, (landmarks + 0.5) * window.width / cropped.size - 0.5 + window[:2], 1.0)
    whole.set_title(f"frame {frame}, box of {window.width} px", fontsize=8)
    cut.imshow(crop)
    _dots(cut, landmarks, 3.0)
    cut.set_title(f"crop, {cropped.size} px", fontsize=8)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    seen.imshow(stack_strips(grey[None], regions)[0], cmap="gray", vmin=0, vmax=255)
    seen.set_title(f"the strips, stacked to {INPUT_SIZE} px", fontsize=8)
    half = INPUT_SIZE // 2
    for row, (region, (name, colour, line)) in enumerate(zip(regions, _STRIPS, strict=True)):
        extent = region.right - region.left, region.bottom - region.top
        _outline(cut, region.left, region.top, *extent, COLOURS[colour], line)
        _outline(seen, 0, row * half, INPUT_SIZE, half, COLOURS[colour], line)
        seen.text(1, row * half + 2.5, name, fontsize=7, color="white", bbox={"facecolor": "black", "linewidth": 0})
    return fig


def _outline(axis: Axes, left: float, top: float, width: float, height: float, colour: str, line: str) -> None:
    look = {"fill": False, "edgecolor": colour, "linestyle": line, "linewidth": 1.5}
    axis.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, **look))


def _dots(axis: Axes, points: np.ndarray, size: float) -> None:
    axis.scatter(*points.T, s=size, color="white", edgecolors="black", linewidths=0.3)
