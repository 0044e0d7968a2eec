"""SFAMNet's rule: intervals grown from peaks, then sieved by length, height and shape.

Source: the SFAMNet paper (see :mod:`melib.models.sfamnet`) and its released code, whose constants are the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.signal, which takes a second to load, comes when it is used

from melib.errors import InputError
from melib.spotting.smoothing import box_smooth

FILTER_HALF_WIDTH = 7  # the mean filters look at the score as smoothed for micro-expressions


@dataclass(frozen=True)
class SFAMNetRule:
    """The constants of the rule, in sampled frames (every second one in the release) and units of the score."""

    half_width: int = 7  # the score is smoothed over twice as many samples, and no peak is sought nearer to an end
    peak_shift: int = -1  # added to the place of a peak; the release adds one less than it had cut off
    threshold: float = 0.576  # least height of a peak, and of the frames up to which an interval may grow
    distance: int = 11  # least distance of two peaks
    reach_left: int = 7  # how far an interval may grow from its peak
    reach_right: int = 16
    widen_below: int = 0  # an interval shorter than this
    widen_by: int = 0  # is widened by this at each end
    min_length: int = 7  # of offset - onset
    max_length: int = 16
    max_mean: float = 0.725  # the mean of the smoothed score over the interval must lie below it
    min_drop: float = 0.017  # the score must sink by more than this from the peak to each end
    max_video_mean: float = 0.41  # a video whose mean smoothed score reaches it is passed over whole


#: The released constants for micro-expressions.
MICRO = SFAMNetRule()
#: The released constants for macro-expressions, found in the same score.
MACRO = SFAMNetRule(
    half_width=10,
    peak_shift=0,
    distance=25,
    reach_left=25,
    reach_right=25,
    widen_below=12,
    widen_by=8,
    min_length=12,
    max_length=45,
    max_mean=np.inf,
    min_drop=0.0,
)


def sfamnet_intervals(score: np.ndarray, rule: SFAMNetRule = MICRO) -> np.ndarray:
    """Intervals by SFAMNet's rule. Where nothing passes there are none: the rule may stay silent.

    Parameters
    ----------
    score : numpy.ndarray
        Of the sampled frames, ``(n,)``, between 0 and 1, all finite (else InputError, a ValueError).
    rule : SFAMNetRule
        Its constants, those of the release unless others are given.

    Returns
    -------
    numpy.ndarray
        Onset, apex (peak) and offset, ``(m, 3)`` int64: inclusive positions in the score (frames: x the frame skip).
    """
    score, nothing = np.asarray(score), np.empty((0, 3), np.int64)
    if score.ndim != 1 or not np.isfinite(score).all():
        raise InputError(f"the score must be a finite sequence (n,), got shape {score.shape}")
    if len(score) <= 2 * max(rule.half_width, FILTER_HALF_WIDTH):
        return nothing
    level = box_smooth(score, 2 * FILTER_HALF_WIDTH)
    if level.mean() >= rule.max_video_mean:
        return nothing
    smooth = box_smooth(score, 2 * rule.half_width)
    inner = smooth[rule.half_width : -rule.half_width]
    peaks = (
        scipy.signal.find_peaks(inner, height=rule.threshold, distance=rule.distance)[0]
        + rule.half_width
        + rule.peak_shift
    )
    kept = []
    for peak in peaks:
        onset = _furthest_level(smooth, peak, np.arange(max(peak - rule.reach_left, 0), peak), rule.threshold)
        stop = min(peak + rule.reach_right + 1, len(score))
        offset = _furthest_level(smooth, peak, np.arange(peak + 1, stop), rule.threshold)
        if offset - onset < rule.widen_below:
            onset, offset = max(onset - rule.widen_by, 0), min(offset + rule.widen_by, len(score) - 1)
        if (
            rule.min_length <= offset - onset <= rule.max_length
            and level[onset : offset + 1].mean() < rule.max_mean
            and smooth[peak] - max(smooth[onset], smooth[offset]) > rule.min_drop
        ):
            kept.append((onset, peak, offset))
    return np.array(kept, np.int64).reshape(-1, 3)


def _furthest_level(smooth: np.ndarray, peak: int, candidates: np.ndarray, threshold: float) -> int:
    """The first candidate whose score, still above the threshold, differs most from that of the peak.

    It may be higher than the peak (a shoulder of a larger one): such intervals fall to the drop filter.
    """
    candidates = candidates[smooth[candidates] > threshold]
    if len(candidates) == 0:
        return peak
    return candidates[np.abs(smooth[candidates] - smooth[peak]).argmax()]
