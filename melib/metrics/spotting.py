"""Spotting: are the right stretches of a video found, whatever emotion they are given?

Goal
    Score predicted intervals, predicted apex frames and scores per frame against labelled expressions.
Conventions
    Tables as in :mod:`melib.metrics.intervals`; emotions are not looked at. Metrics come per kind: ``micro``, ``macro``
    and ``overall``, which pools the counts of both (a micro prediction never matches a macro truth). Counts are pooled
    over all videos; 0/0 is 0. What the input cannot give (AP without scores, apex metrics without apexes) is NaN.
Metrics
    * :func:`evaluate`: ``tp, fp, fn, precision, recall, f1`` and

      ``ap_50``, ``ap_50_95``
          Average precision at IoU 0.5, and its mean over IoU 0.5, 0.55, ..., 0.95: all-point interpolation; predictions
          in falling order of score claim the truth they overlap most among those still free. Predictions of equal score
          enter together. Under the protocols ``mean`` and ``sfamnet`` the order is that of the rows, as in the released
          evaluators, where all confidences are equal: such a value depends on the order of the file.
      ``apex_hit_rate``
          The share of true expressions with at least one predicted apex between onset and offset (ASR).
      ``apex_error``
          Mean distance in frames between the apexes of matched pairs.
    * :func:`roc_auc_frames`, :func:`average_precision_frames` and the curves behind them: each frame's score against
      whether it lies in a true micro-expression, onset to offset.
Protocols
    The rules of matching and counting are those of :mod:`melib.metrics.strs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from melib.errors import InputError
from melib.metrics import _tables, intervals
from melib.metrics._tally import Tally, beside, per_subject, ratio

#: Protocol -> matching (see :mod:`melib.metrics.intervals`).
PROTOCOLS = {"strict": "one-to-one", "strs-metric": "first-come", "mean": "best-iou", "sfamnet": "every-pair"}

#: The thresholds of ``ap_50_95``.
AP_THRESHOLDS = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2).tolist())

KINDS = (*_tables.KINDS, "overall")


@dataclass(frozen=True)
class Counted:
    """What a protocol makes of two tables: the pairs, and per subject the three counts."""

    matches: intervals.Matches
    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray


def validate(
    truth: _tables.Source, predictions: _tables.Source, videos: _tables.Source | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """Check the tables (frames or CSV paths) and give them canonical types.

    Raises
    ------
    ValueError
        Naming the first bad row of a table.
    """
    truth, predictions = intervals.validate(truth, predictions)
    return truth, predictions, None if videos is None else _tables.videos(videos)


def count(truth: pd.DataFrame, predictions: pd.DataFrame, numbering: _tables.Universe, protocol: str) -> Counted:
    """Match checked tables by a protocol and count per subject.

    Raises
    ------
    ValueError
        If the protocol is unknown.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol {protocol!r}: choose one of {', '.join(PROTOCOLS)}")
    found = intervals.match_arrays(*intervals.arrays(truth, predictions, numbering), how=PROTOCOLS[protocol])
    n = len(numbering.subjects)
    t_subject, p_subject = numbering.truth_subject, numbering.prediction_subject
    missed = np.ones(len(truth), dtype=bool)
    false = np.ones(len(predictions), dtype=bool)
    false[found.prediction] = False
    if protocol == "strs-metric":
        missed = np.isin(t_subject, p_subject)
        false &= np.isin(numbering.prediction_video, numbering.truth_video)
    tp = per_subject(t_subject[found.truth], n)
    return Counted(found, tp, per_subject(p_subject[false], n), per_subject(t_subject[missed], n) - tp)


def tally(
    truth: _tables.Source,
    predictions: _tables.Source,
    *,
    videos: _tables.Source | None = None,
    protocol: str = "strict",
) -> Tally:
    """Counts per subject from which every metric of :func:`evaluate` follows; the input of a bootstrap."""
    truth, predictions, videos = validate(truth, predictions, videos)
    numbering = _tables.universe(truth, predictions, videos)
    parts = {}
    for kind in KINDS:
        t_rows, p_rows = (
            np.arange(len(table)) if kind == "overall" else np.flatnonzero(table["kind"] == kind)
            for table in (truth, predictions)
        )
        parts[kind] = _kind_tally(
            truth.iloc[t_rows].reset_index(drop=True),
            predictions.iloc[p_rows].reset_index(drop=True),
            _tables.rows_of(numbering, t_rows, p_rows),
            protocol,
        )
    return beside(parts)


def _kind_tally(truth: pd.DataFrame, predictions: pd.DataFrame, numbering: _tables.Universe, protocol: str) -> Tally:
    """Counts, apex sums and average precision of rows of one kind (or of all)."""
    counted = count(truth, predictions, numbering, protocol)
    sums = [counted.tp, counted.fp, counted.fn, *_apex_sums(truth, predictions, numbering, counted.matches)]
    columns = ["tp", "fp", "fn", "expressions", "apex_hits", "apex_pairs", "apex_distance"]
    precision_tally = _ap_tally(truth, predictions, numbering, by_row=protocol in ("mean", "sfamnet"))

    def formula(totals: np.ndarray) -> dict[str, np.ndarray]:
        tp, fp, fn, expressions, hits, pairs, distance = np.moveaxis(totals[..., : len(columns)], -1, 0)
        return {
            "tp": tp,
            "fp": fp,
            "fn": fn,
            "precision": ratio(tp, tp + fp),
            "recall": ratio(tp, tp + fn),
            "f1": ratio(2 * tp, 2 * tp + fp + fn),
            **precision_tally.formula(totals[..., len(columns) :]),
            "apex_hit_rate": ratio(hits, expressions, np.nan),
            "apex_error": ratio(distance, pairs, np.nan),
        }

    counts = hstack([csr_array(np.stack(sums, axis=1)), precision_tally.counts], format="csr")
    unbounded = frozenset(("tp", "fp", "fn", "apex_error"))
    return Tally(numbering.subjects, counts, (*columns, *precision_tally.columns), formula, unbounded)


def _apex_sums(
    truth: pd.DataFrame, predictions: pd.DataFrame, numbering: _tables.Universe, found: intervals.Matches
) -> list[np.ndarray]:
    """Per subject: expressions, those hit by a predicted apex, pairs with both apexes, sum of their distances."""
    n = len(numbering.subjects)
    expressions = per_subject(numbering.truth_subject, n)
    nothing = np.zeros(n)
    if "apex" not in predictions:
        return [nothing, nothing, nothing, nothing]
    apex = predictions["apex"].to_numpy()
    known = np.isfinite(apex)
    group, onset, offset = intervals.arrays(truth, predictions, numbering)[0]
    p_group = intervals.arrays(truth, predictions, numbering)[1][0][known]
    order = np.lexsort((apex[known], p_group))
    # One rank for (group, frame): how many predicted apexes come before it.
    both = np.stack([p_group, apex[known]], axis=1)[order]
    keys = both[:, 0] * _STRIDE + both[:, 1]
    before = np.searchsorted(keys, group * _STRIDE + onset, "left")
    until = np.searchsorted(keys, group * _STRIDE + offset, "right")
    sums = [expressions, per_subject(numbering.truth_subject[until > before], n)]
    if "apex" not in truth:
        return [*sums, nothing, nothing]
    distance = np.abs(apex[found.prediction] - truth["apex"].to_numpy()[found.truth])
    subject, distance = numbering.truth_subject[found.truth][np.isfinite(distance)], distance[np.isfinite(distance)]
    return [*sums, per_subject(subject, n), per_subject(subject, n, distance)]


# Larger than any frame number that a table may hold, so that group * stride + frame orders by group, then frame.
_STRIDE = 4.0 * _tables.LAST_FRAME


def _ap_tally(truth: pd.DataFrame, predictions: pd.DataFrame, numbering: _tables.Universe, *, by_row: bool) -> Tally:
    """Average precision as a tally: a column per prediction, so that a resample weighs predictions."""
    n = len(numbering.subjects)
    if by_row:
        order, block = np.arange(len(predictions)), np.arange(len(predictions))
    elif "score" in predictions:
        order = np.argsort(-predictions["score"].to_numpy(), kind="stable")
        block = np.cumsum(np.diff(predictions["score"].to_numpy()[order], prepend=np.nan) != 0) - 1
    else:
        undefined = {"ap_50": np.nan, "ap_50_95": np.nan}
        return Tally(
            numbering.subjects,
            csr_array((n, 0)),
            (),
            lambda totals: {key: np.full(totals.shape[:-1], value) for key, value in undefined.items()},
        )
    t_arrays, p_arrays = intervals.arrays(truth, predictions, numbering)
    ordered = tuple(column[order] for column in p_arrays)
    hits = np.zeros((len(AP_THRESHOLDS), len(predictions)), dtype=bool)
    for row, threshold in enumerate(AP_THRESHOLDS):
        hits[row, intervals.match_arrays(t_arrays, ordered, how="next-best", threshold=threshold).prediction] = True
    rows = np.concatenate([numbering.truth_subject, numbering.prediction_subject[order]])
    columns = np.concatenate([np.zeros(len(truth), dtype=np.int64), 1 + np.arange(len(predictions))])
    counts = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, 1 + len(predictions)))
    ends = np.searchsorted(block, block, "right") - 1  # where the predictions of equal score end

    def formula(totals: np.ndarray) -> dict[str, np.ndarray]:
        weights = totals[..., 1:]
        claimed = np.cumsum(weights, axis=-1)
        values = [_average_precision(weights, claimed, np.flatnonzero(hit), ends, totals[..., 0]) for hit in hits]
        return {"ap_50": values[0], "ap_50_95": np.mean(values, axis=0)}

    system = object()  # another system's predictions are other columns, even if there are as many
    return Tally(numbering.subjects, counts, ("truths", *((system, i) for i in range(len(predictions)))), formula)


def _average_precision(
    weights: np.ndarray, claimed: np.ndarray, hits: np.ndarray, ends: np.ndarray, n_truth: np.ndarray
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
    truth: _tables.Source,
    predictions: _tables.Source,
    *,
    videos: _tables.Source | None = None,
    protocol: str = "strict",
) -> dict[str, float]:
    """Score predicted intervals against labelled ones, per kind.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame or path
        Columns ``subject, video, onset, offset``; ``kind``, ``apex`` and (predictions) ``score`` optional.
    videos : pandas.DataFrame or path, optional
        All videos; silent subjects become part of a bootstrap by it, the metrics here do not change.
    protocol : {"strict", "strs-metric", "mean", "sfamnet"}

    Returns
    -------
    dict
        ``tp_micro, fp_micro, ..., apex_error_overall``: each metric of this module's docstring for each kind.

    Raises
    ------
    ValueError
        If a table has a bad row or the protocol is unknown.
    """
    scores = tally(truth, predictions, videos=videos, protocol=protocol).scores()
    return {
        key: round(float(value)) if key.split("_")[0] in ("tp", "fp", "fn") else float(value)
        for key, value in scores.items()
    }


def average_precision(
    truth: _tables.Source, predictions: _tables.Source, *, protocol: str = "strict"
) -> dict[str, float]:
    """``ap_50`` and ``ap_50_95`` of all rows; see the docstring of this module.

    Raises
    ------
    ValueError
        If the protocol ranks by score and the predictions have none.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol {protocol!r}: choose one of {', '.join(PROTOCOLS)}")
    truth, predictions = intervals.validate(truth, predictions)
    by_row = protocol in ("mean", "sfamnet")
    if not by_row and "score" not in predictions:
        raise InputError("average precision ranks predictions by their score: add a column 'score'")
    scores = _ap_tally(truth, predictions, _tables.universe(truth, predictions, None), by_row=by_row).scores()
    return {key: float(value) for key, value in scores.items()}


def frame_labels(truth: _tables.Source, scores: pd.DataFrame) -> np.ndarray:
    """Whether each scored frame lies in a true micro-expression, onset to offset.

    Parameters
    ----------
    truth : pandas.DataFrame or path
        Intervals; rows of kind macro are left aside.
    scores : pandas.DataFrame
        Columns ``subject, video, frame, score``, a row per scored frame.

    Returns
    -------
    numpy.ndarray of bool
        In the order of ``scores``.
    """
    truth = _tables.intervals(truth, "truth")
    return _frame_labels(truth, _tables.frame_scores(scores))[0]


def _frame_labels(truth: pd.DataFrame, scores: pd.DataFrame) -> tuple[np.ndarray, _tables.Universe]:
    truth = truth[truth["kind"] == "micro"]
    numbering = _tables.universe(truth, scores, None)
    keys = numbering.prediction_video * _STRIDE + scores["frame"].to_numpy()
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.searchsorted(keys, numbering.truth_video * _STRIDE + truth["onset"].to_numpy(), "left")
    last = np.searchsorted(keys, numbering.truth_video * _STRIDE + truth["offset"].to_numpy(), "right")
    steps = np.bincount(first, minlength=len(keys) + 1) - np.bincount(last, minlength=len(keys) + 1)
    labels = np.empty(len(keys), dtype=bool)
    labels[order] = np.cumsum(steps)[:-1] > 0
    return labels, numbering


def tally_frames(truth: _tables.Source, scores: pd.DataFrame) -> Tally:
    """``roc_auc_frames`` and ``average_precision_frames`` as a tally per subject; the input of a bootstrap.

    Raises
    ------
    ValueError
        If no scored frame, or every scored frame, lies in a true micro-expression.
    """
    scores = _tables.frame_scores(scores)
    labels, numbering = _frame_labels(_tables.intervals(truth, "truth"), scores)
    if labels.all() or not labels.any():
        which = "no" if not labels.any() else "every"
        raise InputError(f"{which} scored frame lies in a true micro-expression: a ranking of frames says nothing")
    level, levels = pd.factorize(scores["score"].to_numpy(), sort=True)
    n_levels = len(levels)
    # Columns 0..L-1: frames outside, from the highest score down; L..2L-1: frames inside.
    column = (n_levels - 1 - level) + n_levels * labels
    counts = csr_array(
        (np.ones(len(column)), (numbering.prediction_subject, column)), shape=(len(numbering.subjects), 2 * n_levels)
    )

    def formula(totals: np.ndarray) -> dict[str, np.ndarray]:
        outside, inside = totals[..., :n_levels], totals[..., n_levels:]
        below, found = np.cumsum(outside, axis=-1), np.cumsum(inside, axis=-1)
        n_outside, n_inside = below[..., -1], found[..., -1]
        ranked = (outside * (found - inside / 2)).sum(axis=-1)
        precision = ratio(found, found + below)
        return {
            "roc_auc_frames": ratio(ranked, n_outside * n_inside, np.nan),
            "average_precision_frames": ratio((inside * precision).sum(axis=-1), n_inside, np.nan),
        }

    system = object()
    return Tally(numbering.subjects, counts, tuple((system, i) for i in range(2 * n_levels)), formula)


def roc_auc_frames(truth: _tables.Source, scores: pd.DataFrame) -> float:
    """Area under the ROC curve of the frame scores: the chance that a frame inside outranks one outside (ties half).

    Parameters
    ----------
    truth, scores
        As for :func:`frame_labels`.
    """
    return float(tally_frames(truth, scores).scores()["roc_auc_frames"])


def average_precision_frames(truth: _tables.Source, scores: pd.DataFrame) -> float:
    """Average precision of the frame scores (a sum over thresholds, not interpolated)."""
    return float(tally_frames(truth, scores).scores()["average_precision_frames"])


def roc_curve_frames(truth: _tables.Source, scores: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False-positive rate, true-positive rate and thresholds of the frame scores."""
    from sklearn.metrics import roc_curve  # takes a second to import; only curves need it

    return roc_curve(frame_labels(truth, scores), scores["score"].to_numpy())


def pr_curve_frames(truth: _tables.Source, scores: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and thresholds of the frame scores."""
    from sklearn.metrics import precision_recall_curve

    return precision_recall_curve(frame_labels(truth, scores), scores["score"].to_numpy())
