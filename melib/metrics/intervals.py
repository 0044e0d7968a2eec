"""Which predicted interval stands for which true one.

Onset and offset are inclusive, so an interval of onset 10 and offset 14 lasts five frames. Only intervals of the same
subject, video and kind (micro, macro) can be paired. Emotions are never looked at. The matchings, by name:

* ``one-to-one``: a truth has at most one prediction and the reverse; as many pairs as possible, and among the largest
  matchings the one of largest total IoU. Counts and total IoU therefore do not depend on the order of rows. Where two
  matchings are equal in both, the earlier rows are paired, so that the answer is always the same;
* ``best-iou``: each prediction, in the order of rows, claims the one truth it overlaps most; it misses if an earlier
  prediction already claimed it (the released evaluator of MEAN, matching policy "greedy");
* ``next-best``: each prediction, in the order of rows, claims the truth it overlaps most among those still free (the
  same evaluator, policy "soft", and COCO's rule);
* ``every-pair``: every pair above the threshold counts, so a prediction can score several truths and a truth can be
  scored several times (the released code of SFAMNet);
* ``first-come``: each prediction, in the order of rows, takes all free truths above the threshold (STRS-Metric).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from melib.errors import InputError
from melib.metrics import _tables
from melib.metrics._tables import Source
from melib.video import iou

MATCHINGS = ("one-to-one", "best-iou", "next-best", "every-pair", "first-come")


@dataclass(frozen=True)
class Matches:
    """Pairs of a truth and a prediction: row positions in the two tables, and the IoU, one entry per pair."""

    truth: np.ndarray
    prediction: np.ndarray
    iou: np.ndarray

    def __len__(self) -> int:
        return len(self.iou)

    def __getitem__(self, chosen: np.ndarray) -> Matches:
        return Matches(self.truth[chosen], self.prediction[chosen], self.iou[chosen])


def validate(truth: Source, predictions: Source) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two checked tables of intervals in canonical types; the column of emotions may be absent."""
    return _tables.intervals(truth, "truth"), _tables.intervals(predictions, "predictions")


def _overlaps(truth: tuple, predictions: tuple, threshold: float) -> Matches:
    """Every pair that reaches the threshold, by prediction, then falling IoU, then the row of the truth."""
    order = np.lexsort((truth[2], truth[1], truth[0]))
    group, onset, offset = (np.asarray(column)[order] for column in truth)
    p_group, p_onset, p_offset = (np.asarray(column) for column in predictions)
    if len(group) == 0 or len(p_group) == 0:
        return Matches(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    # IoU >= t needs union <= length / t, hence onsets at most length (1 - t) / t apart: a range of the sorted truths.
    reach = np.floor((p_offset - p_onset + 1) * (1 - threshold) / threshold + 1e-9).astype(np.int64)
    low, high = onset.min(), onset.max()
    span = high - low + 1
    keys = group * span + (onset - low)
    first = np.searchsorted(keys, p_group * span + (np.clip(p_onset - reach, low, high + 1) - low), "left")
    last = np.searchsorted(keys, p_group * span + (np.clip(p_onset + reach, low - 1, high) - low), "right")
    counts = np.maximum(last - first, 0)
    prediction = np.repeat(np.arange(len(counts)), counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    row = np.repeat(first, counts) + step
    values = iou(onset[row], offset[row], p_onset[prediction], p_offset[prediction])
    keep = values >= threshold
    row, prediction, values = order[row[keep]], prediction[keep], values[keep]
    best_first = np.lexsort((row, -values, prediction))
    return Matches(row[best_first], prediction[best_first], values[best_first])


def _one_to_one(pairs: Matches, truth: tuple, predictions: tuple) -> Matches:
    """The pairs of a matching of maximum cardinality and, among those, of largest total IoU."""
    alone = (np.bincount(pairs.truth)[pairs.truth] == 1) & (np.bincount(pairs.prediction)[pairs.prediction] == 1)
    # Only videos with contested intervals need an assignment problem: one each, on all their rows.
    group = truth[0][pairs.truth]
    problems = np.unique(group[~alone])
    keep = ~np.isin(group, problems)
    members = (_members(groups, problems) for groups in (truth[0], predictions[0], group))
    for rows_t, rows_p, edges in zip(*members, strict=True):
        row = np.searchsorted(rows_t, pairs.truth[edges])
        column = np.searchsorted(rows_p, pairs.prediction[edges])
        # A pair is worth more than all the IoU that could be gained by giving it up.
        worth = np.zeros((len(rows_t), len(rows_p)))
        worth[row, column] = pairs.iou[edges] + min(worth.shape) + 1
        best = np.full(len(rows_t), -1)
        chosen_row, chosen_column = linear_sum_assignment(worth, maximize=True)
        best[chosen_row] = chosen_column
        keep[edges] = best[row] == column
    return pairs[keep]


def _members(groups: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """For each of the sorted group numbers wanted, the ascending positions at which it stands."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts, stops = np.searchsorted(ordered, wanted, "left"), np.searchsorted(ordered, wanted, "right")
    return [order[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _first_of_each(values: np.ndarray) -> np.ndarray:
    """Positions at which a value stands for the first time, ascending."""
    return np.sort(np.unique(values, return_index=True)[1])


def _next_best(pairs: Matches) -> Matches:
    """Claims in the order given; a claimed truth and a served prediction are closed."""
    taken, served, keep = set(), set(), []
    for position, (t, p) in enumerate(zip(pairs.truth.tolist(), pairs.prediction.tolist(), strict=True)):
        if t not in taken and p not in served:
            taken.add(t)
            served.add(p)
            keep.append(position)
    return pairs[np.array(keep, dtype=np.int64)]


def match_arrays(truth: tuple, predictions: tuple, *, how: str = "one-to-one", threshold: float = 0.5) -> Matches:
    """:func:`match` for int64 arrays ``(group, onset, offset)``; ``group`` numbers what may be paired."""
    if how not in MATCHINGS:
        raise InputError(f"unknown matching {how!r}: choose one of {', '.join(MATCHINGS)}")
    if not 0 < threshold <= 1:
        raise InputError(f"an IoU threshold lies in (0, 1], got {threshold}")
    pairs = _overlaps(truth, predictions, threshold)
    if how == "every-pair":
        return pairs
    if how == "one-to-one":
        return _one_to_one(pairs, truth, predictions)
    if how == "next-best":
        return _next_best(pairs)
    if how == "best-iou":
        pairs = pairs[_first_of_each(pairs.prediction)]
    return pairs[_first_of_each(pairs.truth)]


def match(truth: Source, predictions: Source, *, how: str = "one-to-one", threshold: float = 0.5) -> Matches:
    """Pair predictions with true expressions of the same subject, video and kind, in the order of predictions.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame or path
        Tables with the columns ``subject, video, onset, offset`` (``kind`` optional: without it, all rows are micro). A
        bad row raises InputError.
    how : {"one-to-one", "best-iou", "next-best", "every-pair", "first-come"}
        See the docstring of this module.
    threshold : float
        The least IoU of a pair, in (0, 1].
    """
    truth, predictions, *_ = _tables.numbered(*validate(truth, predictions))
    return match_arrays(arrays(truth), arrays(predictions), how=how, threshold=threshold)


def arrays(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A numbered table as the arrays of :func:`match_arrays`; a kind is a group of its own."""
    group = table["where"].to_numpy() * 2 + (table["kind"].to_numpy() == "macro")
    return group, table["onset"].to_numpy(), table["offset"].to_numpy()


def evaluate(
    truth: Source, predictions: Source, *, how: str = "one-to-one", threshold: float = 0.5
) -> dict[str, float]:
    """``tp`` (pairs), ``fp`` and ``fn`` (predictions and truths in no pair), ``mean_iou`` of the pairs (0 without any).

    Under ``every-pair`` and ``first-come`` a pair is not an interval: tp + fp can exceed the number of predictions.
    """
    truth, predictions = validate(truth, predictions)
    found = match(truth, predictions, how=how, threshold=threshold)
    missed, false = len(truth) - len(np.unique(found.truth)), len(predictions) - len(np.unique(found.prediction))
    return {"tp": len(found), "fp": false, "fn": missed, "mean_iou": float(found.iou.mean()) if len(found) else 0.0}
