"""The two regions of a face that both papers look at.

A region is a rectangle of pixels around landmarks of the *first* frame, kept for the whole video as in the released
MEAN code (``feature_extraction.py``), so that a moving mouth does not move its own window.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from melib.errors import InputError

#: Side of a network input in pixels; each strip fills one half of it.
INPUT_SIZE = 42
#: Margin around the landmarks, in pixels of the authors' 128-pixel crop.
_MARGIN_128 = 12


class Rectangle(NamedTuple):
    """Rows ``top <= r < bottom`` and columns ``left <= c < right`` of an image."""

    top: int
    bottom: int
    left: int
    right: int


def strips(landmarks: np.ndarray, height: int, width: int) -> tuple[Rectangle, Rectangle]:
    """The brow-and-eye strip and the mouth strip of the released MEAN code, from landmarks ``(68, 2)`` in pixels.

    The upper one holds brows 17 to 26 and lower lids 41, 46, the other lips 50, 57 and inner corners 60, 64; the
    authors' margin of 12 pixels at 128 is scaled to the image.
    """
    points = np.asarray(landmarks, dtype=float)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise InputError(f"68 finite landmarks (x, y) are needed, got an array of shape {points.shape}")
    margin = _MARGIN_128 * height / 128
    x, y = points[:, 0], points[:, 1]
    upper = (min(y[19], y[24]), max(y[41], y[46]), x[17], x[26])
    mouth = (y[50], y[57], x[60], x[64])
    return _rectangle(upper, margin, height, width), _rectangle(mouth, margin, height, width)


def _rectangle(edges: tuple[float, float, float, float], margin: float, height: int, width: int) -> Rectangle:
    outwards, limits = (-margin, margin, -margin, margin), (height, height, width, width)
    places = zip(edges, outwards, limits, strict=True)
    rectangle = Rectangle(*(int(np.clip(round(edge + way), 0, limit)) for edge, way, limit in places))
    if rectangle.bottom - rectangle.top < 2 or rectangle.right - rectangle.left < 2:
        raise InputError(f"the landmarks leave no region inside the {width}x{height} image: {rectangle}")
    return rectangle


def stack_strips(planes, regions: tuple[Rectangle, Rectangle]):
    """Both strips of planes ``(..., C, H, W)``, 42 wide and 21 high each, upper above mouth: ``(..., C, 42, 42)``.

    Float32; of a tensor ``(B, C, H, W)`` a tensor on its device.
    """
    half, windows = INPUT_SIZE // 2, [planes[..., top:bottom, left:right] for top, bottom, left, right in regions]
    if not isinstance(planes, np.ndarray):
        import torch

        shrink = torch.nn.functional.interpolate
        return torch.cat([shrink(each.float(), (half, INPUT_SIZE), mode="bilinear") for each in windows], -2)
    out = np.empty((*planes.shape[:-2], INPUT_SIZE, INPUT_SIZE), dtype=np.float32)
    for number, window in enumerate(windows):
        for plane in np.ndindex(planes.shape[:-2]):
            one = np.ascontiguousarray(window[plane], dtype=np.float32)
            out[plane][number * half : (number + 1) * half] = cv2.resize(one, (INPUT_SIZE, half))
    return out
