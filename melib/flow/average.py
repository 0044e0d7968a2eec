"""Depth of one frame, averaged over frames about it."""

from __future__ import annotations

import cv2
import numpy as np

from melib.errors import InputError
from melib.flow.images import check_shapes
from melib.flow.robust import robust_fit, sampled


def average_depth(depth: np.ndarray, flow: np.ndarray, face: np.ndarray, *, reference: int) -> np.ndarray:
    """Depth of one frame, averaged over frames in which the face rests, the head's own motion taken out.

    Each frame's depth is fetched along the flow from the reference frame, brought to the reference's pose by removing
    the plane (shift and tilt in depth) that fits its difference over the face best, and averaged with the others,
    pixel by pixel, over the frames that have a reading.

    Parameters
    ----------
    depth : numpy.ndarray
        ``(N, H, W)`` metres, 0 = no reading.
    flow : numpy.ndarray
        ``(N, 2, H, W)`` pixels from the reference frame to each frame; what it holds for the reference is not used.
    face : numpy.ndarray
        ``(H, W)`` bool, the face in the reference frame.
    reference : int
        Which of the N frames the result stands for.

    Returns
    -------
    numpy.ndarray
        ``(H, W)`` float32 metres; 0 where the reference has no reading.

    Raises
    ------
    ValueError
        If shapes do not fit, the reference is not among the frames, or a frame has too few readings to align.
    """
    depth, face = np.asarray(depth, np.float32), np.asarray(face, bool)
    check_shapes(depth=(depth, "N H W"), flow=(flow, "N 2 H W"), face=(face, "H W"))
    count, height, width = depth.shape
    if not 0 <= reference < count:
        raise InputError(f"reference {reference} is none of {count} frames")
    base = depth[reference]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    plane = np.stack([np.ones_like(x), x / width - 0.5, y / height - 0.5]).astype(np.float64)
    total, readings = base.astype(np.float64), (base > 0).astype(np.float64)
    for index in range(count):
        if index == reference:
            continue
        there = x + flow[index, 0].astype(np.float32), y + flow[index, 1].astype(np.float32)
        known = cv2.remap((depth[index] > 0).astype(np.float32), *there, cv2.INTER_LINEAR)
        seen = cv2.remap(depth[index], *there, cv2.INTER_LINEAR)
        usable = (known > 0.999) & (base > 0)
        common = usable & face
        every = sampled(common, f"the depth that frame {index} shares with the reference")
        difference = (seen - base).astype(np.float64)
        coefficients = robust_fit(plane[None, :, common][..., every], difference[None, common][:, every])
        total += np.where(usable, seen - np.tensordot(coefficients, plane, axes=(0, 0)), 0)
        readings += usable
    return np.where(base > 0, total / np.maximum(readings, 1), 0).astype(np.float32)
