"""From scores at sampled frames to smooth scores at every frame."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d


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
        raise ValueError(f"{len(values)} values for {len(frames)} frames: the numbers must agree and not be 0")
    if np.any(np.diff(frames) <= 0):
        raise ValueError("the sampled frames must ascend")
    wanted = np.arange(n_frames)
    columns = [np.interp(wanted, frames, column) for column in values.reshape(len(values), -1).T]
    return np.stack(columns, axis=1).reshape(n_frames, *values.shape[1:]).astype(values.dtype)


def box_smooth(score: np.ndarray, width: int) -> np.ndarray:
    """The released codes' smoothing: ``numpy.convolve(score, box, "same")``.

    Kept with its two quirks. Beyond the ends the score counts as 0, so it sinks there; and a box of even width lies
    half a frame early: sample i is the mean of ``i - width/2 .. i + width/2 - 1``. A score shorter than the box comes
    back as long as the box.
    """
    return np.convolve(np.asarray(score, np.float64), np.ones(width) / width, "same")


def centred_smooth(score: np.ndarray, half_width: int) -> np.ndarray:
    """Mean of the ``2 half_width + 1`` frames around each frame, of fewer at the ends; as long as the score."""
    score = np.asarray(score, np.float64)
    box = np.ones(2 * half_width + 1)
    counts = convolve1d(np.ones(len(score)), box, mode="constant")
    return convolve1d(score, box, mode="constant") / counts
