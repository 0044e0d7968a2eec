"""Constants of a spotting rule chosen on training subjects, and what a rule can reach at best.

Protocol ``strict``: nothing is chosen on the people a result is about. The scores must come from networks that saw
neither the held-out nor the scored subjects, such as those of inner folds (:func:`melib.training.group_folds`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from melib.errors import InputError
from melib.spotting.mean import peak_heights
from melib.spotting.sfamnet import SFAMNetRule
from melib.spotting.window import Spotted

Constants = Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """The constants chosen, as keyword arguments of the rule, and counts on the videos they were chosen on."""

    constants: Constants
    f1: float  # of spotting, pooled over those videos: too good to report as a result
    true_positives: int
    found: int
    truth: int


def choose(
    find: Callable[..., np.ndarray],
    candidates: Iterable[Constants],
    scores: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    count: Callable[[np.ndarray, np.ndarray], int],
) -> Choice:
    """The constants with the highest F1 of spotting, counts pooled over videos.

    Parameters
    ----------
    find : callable
        A rule: ``find(score, **constants)`` gives intervals ``(m, 3)``, onset, apex, offset.
    candidates : iterable of dict
        Constants; of equally good ones the first is taken.
    scores, truths : sequence of numpy.ndarray
        Score, and onsets and offsets ``(g, 2)`` of the micro-expressions, of each video of the training subjects;
        videos without any included.
    count : callable
        ``count(truth, found)``: true positives among intervals ``(g, 2)`` and ``(m, 2)`` of a video, as reported.

    Raises
    ------
    ValueError
        Without a candidate or a micro-expression, or if the numbers of scores and truths differ.
    """
    n_truth, best = sum(len(truth) for truth in truths), None
    if len(scores) != len(truths) or not n_truth:
        given = f"{len(scores)} scores and {len(truths)} truths"
        raise InputError(f"{given}: the numbers must agree, and some truth must not be empty")
    for constants in candidates:
        true_positives = n_found = 0
        for score, truth in zip(scores, truths, strict=True):
            found = find(score, **constants)[:, [0, 2]]
            true_positives += int(count(np.asarray(truth).reshape(-1, 2), found))
            n_found += len(found)
        f1 = 2 * true_positives / (n_truth + n_found)
        if best is None or f1 > best.f1:
            best = Choice(constants, f1, true_positives, n_found, n_truth)
    if best is None:
        raise InputError("there is no candidate to choose from")
    return best


def mean_candidates(scores: Sequence[np.ndarray], k_p: int, *, n_thresholds: int = 30) -> list[Constants]:
    """Constants to try with :func:`melib.spotting.mean_intervals_strict`, most reluctant first.

    Three half-lengths around the k_p of the training subjects (x .75, 1, 1.25); for each, thresholds halfway
    between two peaks that follow each other in height: closest together among the highest, where the choice is made.
    """
    candidates = []
    for width in sorted({max(1, round(k_p * factor)) for factor in (0.75, 1.0, 1.25)}):
        heights = [peak_heights(score, k_p=width) for score in scores]
        candidates += [{"k_p": width, "threshold": each} for each in _thresholds(heights, n_thresholds)]
    return sorted(candidates, key=lambda constants: -constants["threshold"])


def window_candidates(found: Sequence[Spotted], *, n_thresholds: int = 30) -> list[Constants]:
    """Constants to try with :meth:`melib.spotting.Spotted.above`, most reluctant first."""
    return [{"threshold": each} for each in _thresholds([video.scores for video in found], n_thresholds)]


def _thresholds(heights: Sequence[np.ndarray], number: int) -> list[float]:
    heights = np.concatenate(list(heights))
    if len(heights) == 0:
        raise InputError("the scores have no peak to choose a threshold from")
    descending = np.append(np.sort(heights)[::-1], heights.min())
    ranks = np.unique(np.geomspace(1, len(heights), number).astype(int))
    return ((descending[ranks - 1] + descending[ranks]) / 2).tolist()


def sfamnet_candidates(scores: Sequence[np.ndarray], lengths: Sequence[int]) -> list[dict[str, SFAMNetRule]]:
    """Constants to try with :func:`melib.spotting.sfamnet_intervals`, most reluctant first.

    Lengths, reach, distance and smoothing follow from ``lengths``: ``offset - onset`` of the training subjects'
    micro-expressions, in sampled frames. Thresholds are tried at evenly spaced quantiles of the scores. No filter is
    left that rests on another constant of the release: neither the upper limit of the mean nor that of the whole video.
    """
    shortest, longest = (int(length) for length in np.quantile(lengths, [0.05, 0.95], method="nearest"))
    rule = SFAMNetRule(
        half_width=max(1, round(float(np.median(lengths)) / 2)),
        peak_shift=0,
        distance=max(1, (shortest + longest) // 2),
        reach_left=max(1, longest // 2),
        reach_right=max(1, longest),
        min_length=shortest,
        max_length=longest,
        max_mean=np.inf,
        min_drop=0.0,
        max_video_mean=np.inf,
    )
    thresholds = np.unique(np.quantile(np.concatenate(list(scores)), np.linspace(0.5, 0.99, 20)))
    return [{"rule": replace(rule, threshold=float(threshold))} for threshold in thresholds[::-1]]
