"""MEAN's rule: peaks of the smoothed score, each widened by k_p to both sides.

Source: the MEAN paper (see :mod:`melib.models.mean`) and its released code.
"""

from __future__ import annotations

import numpy as np
import scipy  # scipy.signal, which takes a second to load, comes when it is used

from melib.errors import InputError
from melib.spotting.smoothing import box_smooth, centred_smooth

KEEP = ("all", "max")


def mean_intervals(score: np.ndarray, *, k_p: int, p: float = 0.55, keep: str = "all", dummy=False) -> np.ndarray:
    """Intervals by the released rule.

    The score is smoothed over ``2 k_p`` frames; peaks at least ``mean + p (max - mean)`` high and ``k_p`` frames
    apart become ``[peak - k_p, peak + k_p]``. The threshold follows the video, so the rule can hardly stay silent;
    intervals are not clipped to the video and may begin before frame 0.

    Parameters
    ----------
    score : numpy.ndarray
        One number a frame, ``(n,)``.
    k_p : int
        Half the mean length of a micro-expression in frames (:func:`melib.training.half_length`).
    p : float
        Where the threshold lies between mean (0) and maximum (1) of the smoothed score.
    keep : {"all", "max"}
        Which peaks stay: all (CAS(ME)^2, SAMM-LV), or the highest (CASME II, SMIC: one expression a clip).
    dummy : bool
        Where there is no peak, return the interval [0, 0] as the release does, which counts as a false positive.

    Returns
    -------
    numpy.ndarray
        Onset, apex (the peak) and offset, ``(m, 3)`` int64, inclusive.
    """
    _check(score, k_p, keep)
    smooth = box_smooth(score, 2 * k_p)
    threshold = smooth.mean() + p * (smooth.max() - smooth.mean())
    peaks, found = scipy.signal.find_peaks(smooth, height=threshold, distance=k_p)
    peaks = _kept(peaks, found["peak_heights"], keep)
    if dummy and len(peaks) == 0:
        return np.zeros((1, 3), np.int64)
    return np.stack([peaks - k_p, peaks, peaks + k_p], axis=1).astype(np.int64)


def mean_intervals_strict(score: np.ndarray, *, k_p: int, threshold: float, keep: str = "all") -> np.ndarray:
    """MEAN's rule with an absolute threshold in units of the score, inside the video.

    What differs from :func:`mean_intervals`: the smoothing is centred and a mean at the ends too, a peak may stand at
    the first or last frame, the height of a peak is compared with a threshold chosen on other people, so a video
    without a micro-expression can stay silent, and intervals end where the video ends.

    Parameters
    ----------
    score, k_p, keep
        As for :func:`mean_intervals`.
    threshold : float
        Least height of a peak of the smoothed score.

    Returns
    -------
    numpy.ndarray
        Onset, apex and offset, ``(m, 3)`` int64, inclusive.
    """
    _check(score, k_p, keep)
    peaks, heights = _centred_peaks(score, k_p, threshold)
    peaks = _kept(peaks, heights, keep)
    last = len(score) - 1
    return np.stack([np.maximum(peaks - k_p, 0), peaks, np.minimum(peaks + k_p, last)], axis=1).astype(np.int64)


def peak_heights(score: np.ndarray, *, k_p: int) -> np.ndarray:
    """Heights of all peaks that :func:`mean_intervals_strict` would weigh, from left to right: ``(m,)``."""
    _check(score, k_p, "all")
    return _centred_peaks(score, k_p, None)[1]


def _centred_peaks(score: np.ndarray, k_p: int, threshold: float | None) -> tuple[np.ndarray, np.ndarray]:
    # A frame lower than any other on both sides, so that the ends can be peaks.
    smooth = np.pad(centred_smooth(score, k_p), 1, constant_values=-np.inf)
    peaks, _ = scipy.signal.find_peaks(smooth, height=threshold, distance=k_p)
    return peaks - 1, smooth[peaks]


def _check(score: np.ndarray, k_p: int, keep: str) -> None:
    if np.ndim(score) != 1 or len(score) == 0 or not np.isfinite(score).all():
        raise InputError(f"the score must be a finite sequence (n,) with n > 0, got shape {np.shape(score)}")
    if k_p < 1:
        raise InputError(f"k_p must be at least 1 frame, got {k_p}")
    if keep not in KEEP:
        raise InputError(f"unknown keep={keep!r}: use one of {', '.join(KEEP)}")


def _kept(peaks: np.ndarray, heights: np.ndarray, keep: str) -> np.ndarray:
    return peaks if keep == "all" or len(peaks) == 0 else peaks[[heights.argmax()]]
