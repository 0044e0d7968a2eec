"""From scores at sampled frames to smooth scores at every frame."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import convolve1d

from melib.errors import InputError


def per_frame(values: np.ndarray, frames: np.ndarray, n_frames: int) -> np.ndarray:
    """Turn values at sampled frames into one value for every frame, linearly in between.

    The published rules count frames; with this they apply unchanged to scores computed at a stride.

    Parameters
    ----------
    values : ndarray, (m,) or (m, C)
        Scores, or emotion logits column by column.
    frames : ndarray, (m,) int
        Ascending frames that the values belong to.
    n_frames : int
        Length of the result. Before the first and after the last sampled frame the nearest value is held.

    Returns
    -------
    ndarray, (n_frames,) or (n_frames, C)
        In the dtype of the values; frames that were sampled keep their value exactly.
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
    """The released codes' smoothing, ``numpy.convolve(score, box, "same")``, with the same bits on every machine.

    Kept with its quirks. Beyond the ends the score counts as 0, so it sinks there; a box of even width lies half a
    frame early: sample i is the mean of ``i - width/2 .. i + width/2 - 1``; and a score shorter than the box comes
    back as long as the box.

    Where the score is level over more than a box, the smoothed one is level up to rounding, and rounding decides
    which frame is the peak. NumPy leaves the order of additions to the processor. Here it is fixed: single precision
    (the networks' own), in four partial sums of every fourth term, which is what gives the released code's peaks.

    Returns
    -------
    ndarray, (max(n, width),) float64
    """
    score = np.asarray(score, np.float32)
    terms = sliding_window_view(np.pad(score, width - 1), width) * np.float32(1 / width)
    fours = np.pad(terms, ((0, 0), (0, -width % 4))).reshape(len(terms), -1, 4)
    sums = np.zeros((len(terms), 4), np.float32)
    for i in range(fours.shape[1]):
        sums += fours[:, i]
    full = (sums[:, 0] + sums[:, 1]) + (sums[:, 2] + sums[:, 3])
    start = (min(len(score), width) - 1) // 2
    return full[start : start + max(len(score), width)].astype(np.float64)


def centred_smooth(score: np.ndarray, half_width: int) -> np.ndarray:
    """Mean of the ``2 half_width + 1`` frames around each frame, of fewer at the ends; as long as the score."""
    score = np.asarray(score, np.float64)
    box = np.ones(2 * half_width + 1)
    counts = convolve1d(np.ones(len(score)), box, mode="constant")
    return convolve1d(score, box, mode="constant") / counts
