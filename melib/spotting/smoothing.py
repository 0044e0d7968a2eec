"""From scores at sampled frames to smooth scores at every frame."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import convolve1d

from melib.errors import InputError


def per_frame(values: np.ndarray, frames: np.ndarray, n_frames: int) -> np.ndarray:
    """Values ``(m,)`` or ``(m, C)`` at ascending frames ``(m,)``, linearly interpolated to all ``n_frames``.

    The published rules count frames; with this they apply unchanged to scores computed at a stride. Frames that were
    sampled keep their value exactly; before the first and after the last of them the nearest value is held.
    """
    values, frames = np.asarray(values), np.asarray(frames)
    if len(values) != len(frames) or len(frames) == 0:
        raise InputError(f"{len(values)} values for {len(frames)} frames: the numbers must agree and not be 0")
    if np.any(np.diff(frames) <= 0):
        raise InputError("the sampled frames must ascend")
    wanted = np.arange(n_frames)
    columns = [np.interp(wanted, frames, column) for column in values.reshape(len(values), -1).T]
    return np.stack(columns, axis=1).reshape(n_frames, *values.shape[1:]).astype(values.dtype)


def box_smooth(score: np.ndarray, width: int) -> np.ndarray:
    """The released codes' smoothing, ``numpy.convolve(score, box, "same")``: ``(max(n, width),)`` float64.

    Kept with its quirks. Beyond the ends the score counts as 0, so it sinks there; a box of even width lies half a
    frame early: sample i is the mean of ``i - width/2 .. i + width/2 - 1``; a score gets at least the box's length.
    """
    # Sums of single-precision scores are exact in double precision. Level scores so give a level top on any processor,
    # where rounding would otherwise decide which frame is the peak.
    score = np.asarray(score, np.float32).astype(np.float64)
    full = sliding_window_view(np.pad(score, width - 1), width).sum(axis=1) / width
    start = (min(len(score), width) - 1) // 2
    return full[start : start + max(len(score), width)]


def centred_smooth(score: np.ndarray, half_width: int) -> np.ndarray:
    """Mean of the ``2 half_width + 1`` frames around each frame, of fewer at the ends; as long as the score."""
    score = np.asarray(score, np.float64)
    box = np.ones(2 * half_width + 1)
    counts = convolve1d(np.ones(len(score)), box, mode="constant")
    return convolve1d(score, box, mode="constant") / counts
