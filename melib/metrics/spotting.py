"""Spotting: are the right stretches of a video found, whatever emotion they are given?

Tables as in :mod:`melib.metrics.intervals`, without emotions; rows whose ``kind`` is macro leave both. Counts are
pooled over all videos; 0/0 is 0. The rules of matching and counting are the protocols of :mod:`melib.metrics.strs`.

* ``tp_micro, fp_micro, fn_micro, precision_micro, recall_micro, f1_micro``: of intervals;
* ``ap_50_micro, ap_50_95_micro``: average precision at IoU 0.5, and its mean over IoU 0.5, 0.55, ..., 0.95: all-point
  interpolation; predictions in falling order of score claim the truth they overlap most among those still free, and
  those of equal score enter together; NaN without scores. Under the protocols ``mean`` and ``sfamnet`` the order is
  that of the rows, as in the released evaluators, where all confidences are equal;
* ``roc_auc_frames, average_precision_frames`` (:func:`tally_frames`): frames' scores against true micro-expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from melib.errors import InputError
from melib.metrics import _tables, intervals
from melib.metrics._tables import Source
from melib.metrics._tally import Metric, Tally, per_subject, ratio

#: Protocol -> matching (see :mod:`melib.metrics.intervals`).
PROTOCOLS = {"strict": "one-to-one", "strs-metric": "first-come", "mean": "best-iou", "sfamnet": "every-pair"}

_COUNTS = ("tp_micro", "fp_micro", "fn_micro")

#: The thresholds of ``ap_50_95_micro``.
AP_THRESHOLDS = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2).tolist())


def count(
    truth: pd.DataFrame, predictions: pd.DataFrame, n: int, protocol: str, by: str = "who"
) -> tuple[intervals.Matches, np.ndarray, np.ndarray, np.ndarray]:
    """What a protocol makes of numbered tables: pairs; tp, fp and fn of each of ``n`` subjects (videos by "where")."""
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol {protocol!r}: choose one of {', '.join(PROTOCOLS)}")
    found = intervals.match_arrays(intervals.arrays(truth), intervals.arrays(predictions), how=PROTOCOLS[protocol])
    true_of, predicted_of = truth[by].to_numpy(), predictions[by].to_numpy()
    missed = np.ones(len(truth), dtype=bool)
    false = ~np.isin(np.arange(len(predictions)), found.prediction)
    if protocol == "strs-metric":
        missed = np.isin(truth["who"], predictions["who"])
        false &= np.isin(predictions["where"], truth["where"])
    tp = per_subject(true_of[found.truth], n)
    return found, tp, per_subject(predicted_of[false], n), per_subject(true_of[missed], n) - tp


def tally(truth: Source, predictions: Source, *, videos: Source | None = None, protocol: str = "strict") -> Tally:
    """Counts per subject of all tables, from which the metrics of :func:`evaluate` follow; the input of a bootstrap."""
    truth, predictions = (_tables.micro(table) for table in intervals.validate(truth, predictions))
    listed = None if videos is None else _tables.videos(videos)
    truth, predictions, subjects, _ = _tables.numbered(truth, predictions, listed)
    _, tp, fp, fn = count(truth, predictions, len(subjects), protocol)
    ranked, precision_of = _ranked(truth, predictions, len(subjects), by_row=protocol in ("mean", "sfamnet"))

    def formula(totals: np.ndarray) -> dict[str, Metric]:
        tp, fp, fn = np.moveaxis(totals[..., :3], -1, 0)
        scores = {"tp": lambda: tp, "fp": lambda: fp, "fn": lambda: fn}
        scores |= {"precision": lambda: ratio(tp, tp + fp), "recall": lambda: ratio(tp, tp + fn)}
        scores["f1"] = lambda: ratio(2 * tp, 2 * tp + fp + fn)
        return {f"{key}_micro": value for key, value in (scores | precision_of(totals[..., 3:])).items()}

    counts = hstack([csr_array(np.stack([tp, fp, fn], axis=1)), ranked], format="csr")
    return Tally(subjects, counts, range(counts.shape[1]), formula, frozenset(_COUNTS))


def _ranked(
    truth: pd.DataFrame, predictions: pd.DataFrame, n: int, *, by_row: bool
) -> tuple[csr_array, Callable[[np.ndarray], dict[str, Metric]]]:
    """Counts behind average precision, and its formula: a column per prediction, so that a resample weighs them."""
    if by_row:
        order = block = np.arange(len(predictions))
    elif "score" in predictions:
        order = np.argsort(-predictions["score"].to_numpy(), kind="stable")
        block = np.cumsum(np.diff(predictions["score"].to_numpy()[order], prepend=np.nan) != 0) - 1
    else:
        nothing = ("ap_50", "ap_50_95")
        return csr_array((n, 0)), lambda totals: {key: partial(np.full, totals.shape[:-1], np.nan) for key in nothing}
    predictions = predictions.iloc[order]
    sides = intervals.arrays(truth), intervals.arrays(predictions)
    found = (intervals.match_arrays(*sides, how="next-best", threshold=threshold) for threshold in AP_THRESHOLDS)
    hits = [np.sort(pairs.prediction) for pairs in found]
    rows = np.concatenate([truth["who"], predictions["who"]])
    columns = np.concatenate([np.zeros(len(truth), dtype=np.int64), 1 + np.arange(len(predictions))])
    counts = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, 1 + len(predictions)))
    ends = np.searchsorted(block, block, "right") - 1  # where the predictions of equal score end

    def formula(totals: np.ndarray) -> dict[str, Metric]:
        weights = totals[..., 1:]
        at = partial(_average_precision, weights, np.cumsum(weights, axis=-1), ends, totals[..., 0])
        return {"ap_50": lambda: at(hits[0]), "ap_50_95": lambda: np.mean([at(hit) for hit in hits], axis=0)}

    return counts, formula


def _average_precision(
    weights: np.ndarray, claimed: np.ndarray, ends: np.ndarray, n_truth: np.ndarray, hits: np.ndarray
) -> np.ndarray:
    """Area under the interpolated precision-recall curve of ordered, weighted predictions ``(..., P)``.

    Precision can only peak, and recall only grow, at a hit: nothing else is looked at.
    """
    gained = weights[..., hits]
    last = np.searchsorted(ends[hits], ends[hits], "right") - 1
    precision = ratio(np.cumsum(gained, axis=-1)[..., last], claimed[..., ends[hits]])
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    return ratio((gained * envelope).sum(axis=-1), n_truth)


def evaluate(
    truth: Source, predictions: Source, *, videos: Source | None = None, protocol: str = "strict"
) -> dict[str, float]:
    """The metrics of intervals in this module's docstring; tp, fp, fn as int, the rest as float.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame or path
        Columns ``subject, video, onset, offset``; ``kind`` and (predictions) ``score`` optional. InputError: a bad row.
    videos : pandas.DataFrame or path, optional
        All videos; silent subjects become part of a bootstrap by it, the metrics here do not change.
    protocol : {"strict", "strs-metric", "mean", "sfamnet"}
    """
    counted = tally(truth, predictions, videos=videos, protocol=protocol)
    scores = {key: float(value) for key, value in counted.scores().items()}
    return scores | {key: round(scores[key]) for key in _COUNTS}


def average_precision(truth: Source, predictions: Source, *, protocol: str = "strict") -> dict[str, float]:
    """``ap_50`` and ``ap_50_95``; an error where the protocol ranks by score and the predictions have none."""
    scores = evaluate(truth, predictions, protocol=protocol)
    if np.isnan(scores["ap_50_micro"]):
        raise InputError("average precision ranks predictions by their score: add a column 'score'")
    return {key: scores[f"{key}_micro"] for key in ("ap_50", "ap_50_95")}


def frame_labels(truth: Source, scores: pd.DataFrame) -> np.ndarray:
    """Whether each frame of a table ``subject, video, frame, score`` lies in a true micro-expression, ``(N,)`` bool."""
    return _labelled(truth, scores)[0]


def _labelled(truth: Source, scores: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame, tuple[str, ...]]:
    """The labels, the checked and numbered scores, and the subjects."""
    truth = _tables.micro(_tables.intervals(truth, "truth"))
    truth, scores, subjects, _ = _tables.numbered(truth, _tables.frame_scores(scores))
    # Larger than any frame number that a table may hold: video * stride + frame orders by video, then frame.
    stride = 4.0 * _tables.LAST_FRAME
    keys = scores["where"].to_numpy() * stride + scores["frame"].to_numpy()
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.searchsorted(keys, truth["where"].to_numpy() * stride + truth["onset"].to_numpy(), "left")
    last = np.searchsorted(keys, truth["where"].to_numpy() * stride + truth["offset"].to_numpy(), "right")
    steps = np.bincount(first, minlength=len(keys) + 1) - np.bincount(last, minlength=len(keys) + 1)
    labels = np.empty(len(keys), dtype=bool)
    labels[order] = np.cumsum(steps)[:-1] > 0
    return labels, scores, subjects


def tally_frames(truth: Source, scores: pd.DataFrame) -> Tally:
    """``roc_auc_frames`` and ``average_precision_frames`` as a tally per subject; the input of a bootstrap.

    The first is the chance that a frame inside outranks one outside (ties half), the second a sum over thresholds, not
    interpolated. ``truth`` is a table of intervals, ``scores`` one of ``subject, video, frame, score``.
    """
    labels, scores, subjects = _labelled(truth, scores)
    if labels.all() or not labels.any():
        which = "no" if not labels.any() else "every"
        raise InputError(f"{which} scored frame lies in a true micro-expression: a ranking of frames says nothing")
    level, levels = pd.factorize(scores["score"].to_numpy(), sort=True)
    n_levels = len(levels)
    # Columns 0..L-1: frames outside, from the highest score down; L..2L-1: frames inside.
    column = (n_levels - 1 - level) + n_levels * labels
    places = (scores["who"].to_numpy(), column)
    counts = csr_array((np.ones(len(column)), places), shape=(len(subjects), 2 * n_levels))

    def formula(totals: np.ndarray) -> dict[str, Metric]:
        outside, inside = totals[..., :n_levels], totals[..., n_levels:]
        below, found = np.cumsum(outside, axis=-1), np.cumsum(inside, axis=-1)
        n_outside, n_inside = below[..., -1], found[..., -1]
        ranked = partial(np.sum, outside * (found - inside / 2), axis=-1)
        return {
            "roc_auc_frames": lambda: ratio(ranked(), n_outside * n_inside, np.nan),
            "average_precision_frames": lambda: ratio(
                (inside * ratio(found, found + below)).sum(axis=-1), n_inside, np.nan
            ),
        }

    return Tally(subjects, counts, range(2 * n_levels), formula)


def roc_auc_frames(truth: Source, scores: pd.DataFrame) -> float:
    """Area under the ROC curve of the frame scores, see :func:`tally_frames`."""
    return float(tally_frames(truth, scores).scores()["roc_auc_frames"])
