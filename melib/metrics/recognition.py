"""Recognition: which emotion does a given clip show?

Labels are text or numbers and are compared as text, one pair per clip. ``classes`` are the emotions to score (by
default those in the truth, sorted); a true label outside them is an error, a predicted one is an answer that is wrong
for every class. 0/0 is 0. The metrics, ``_pooled`` from one confusion matrix over all clips:

* ``accuracy``: share of right labels;
* ``uf1_pooled``: unweighted F1, the mean over the classes of 2 tp / (2 tp + fp + fn), as in the MEGC 2019 challenge;
* ``uar_pooled``: unweighted average recall, the mean over the classes of tp / (tp + fn);
* ``weighted_f1_pooled``: class F1 weighted by how often the class is true;
* ``f1_of_macro_pr_pooled``: harmonic mean of mean precision and mean recall, what STRS calls F1 of analysis;
* ``accuracy_fold_mean, uf1_fold_mean, ...``: the same five in each fold (held-out subject), averaged over the folds; a
  fold's own mean runs over the classes that occur in it, in truth or prediction.

Source: See, Yap, Li, Hong, Wang: MEGC 2019, the second facial micro-expressions grand challenge, FG 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import _tables
from melib.metrics._tally import Metric, Tally, ratio

_AGGREGATED = ("accuracy", "uf1", "uar", "weighted_f1", "f1_of_macro_pr")


def validate(
    truth_labels: Sequence, predicted_labels: Sequence, classes: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Codes of the truth ``(N,)`` in ``0..C-1``, of the predictions in ``0..C`` (C = no class), and the C classes."""
    truth, predicted = (
        _tables.texts(pd.Series(list(labels), dtype=object)) for labels in (truth_labels, predicted_labels)
    )
    if len(truth) != len(predicted):
        raise InputError(f"{len(truth)} true labels but {len(predicted)} predicted ones: give one of each per clip")
    if len(truth) == 0:
        raise InputError("there are no labels to score")
    _refuse_missing("true label", truth)
    _refuse_missing("predicted label", predicted)
    wanted = tuple(sorted(set(truth))) if classes is None else tuple(str(name).strip() for name in classes)
    if len(set(wanted)) != len(wanted):
        raise InputError(f"a class is named twice in {', '.join(wanted)}")
    outside = ~np.isin(truth, wanted)
    if outside.any():
        row = int(np.argmax(outside))
        raise InputError(f"true label {row} is {truth[row]!r}, which is none of the classes {', '.join(wanted)}")
    index = pd.Index(wanted)
    predicted_codes = index.get_indexer(predicted)
    return index.get_indexer(truth), np.where(predicted_codes < 0, len(wanted), predicted_codes), wanted


def _refuse_missing(name: str, labels: np.ndarray) -> None:
    if (labels == "").any():
        raise InputError(f"{name} {int(np.argmax(labels == ''))} is missing")


def confusion_matrix(
    truth_labels: Sequence, predicted_labels: Sequence, *, classes: Sequence[str] | None = None
) -> pd.DataFrame:
    """Counts of clips, a row per true class, a column per predicted one; ``(other)`` last if answers lie outside."""
    truth, predicted, names = validate(truth_labels, predicted_labels, classes)
    flat = np.bincount(truth * (len(names) + 1) + predicted, minlength=len(names) * (len(names) + 1))
    counts = flat.reshape(len(names), len(names) + 1)
    columns = [*names, "(other)"] if counts[:, -1].any() else list(names)
    return pd.DataFrame(
        counts[:, : len(columns)], index=pd.Index(names, name="true"), columns=pd.Index(columns, name="predicted")
    )


def _scores(confusion: np.ndarray, *, present_only: bool) -> dict[str, Metric]:
    """Metrics of confusion matrices ``(..., C, C + 1)``; with ``present_only``, means run over classes that occur."""
    n_classes = confusion.shape[-2]
    square = confusion[..., :n_classes]
    tp = np.diagonal(square, axis1=-2, axis2=-1)
    support, claimed = confusion.sum(axis=-1), square.sum(axis=-2)
    answers = support + claimed

    def mean(values: np.ndarray) -> np.ndarray:
        counted = (answers > 0) | (not present_only)
        return ratio((values * counted).sum(axis=-1), counted.sum(axis=-1))

    def f1_of_macro_pr() -> np.ndarray:
        precision, recall = mean(ratio(tp, claimed)), mean(ratio(tp, support))
        return ratio(2 * precision * recall, precision + recall)

    return {
        "accuracy": lambda: ratio(tp.sum(axis=-1), support.sum(axis=-1)),
        "uf1": lambda: mean(ratio(2 * tp, answers)),
        "uar": lambda: mean(ratio(tp, support)),
        "weighted_f1": lambda: ratio((ratio(2 * tp, answers) * support).sum(axis=-1), support.sum(axis=-1)),
        "f1_of_macro_pr": f1_of_macro_pr,
    }


def tally(
    truth_labels: Sequence, predicted_labels: Sequence, subjects: Sequence, *, classes: Sequence[str] | None = None
) -> Tally:
    """Counts per subject from which every metric follows (subjects are the folds); the input of a bootstrap.

    Labels and subjects have an entry per clip; ``classes`` are the emotions to score, by default those in the truth. No
    labels, one that is missing or outside the classes, and numbers of entries that differ raise InputError.
    """
    truth, predicted, names = validate(truth_labels, predicted_labels, classes)
    who = _tables.names(pd.Series(list(subjects), dtype=object))
    if len(who) != len(truth):
        raise InputError(f"{len(who)} subjects for {len(truth)} clips: give one per clip")
    _refuse_missing("subject", who)
    codes, unique = pd.factorize(who, sort=True)
    n_classes = len(names)
    cells = n_classes * (n_classes + 1)
    flat = np.bincount(codes * cells + truth * (n_classes + 1) + predicted, minlength=len(unique) * cells)
    folds = _scores(flat.reshape(len(unique), n_classes, n_classes + 1), present_only=True)
    fold_scores = np.stack([folds[key]() for key in _AGGREGATED], axis=1)
    counts = np.hstack([flat.reshape(len(unique), cells), fold_scores, np.ones((len(unique), 1))])

    def formula(totals: np.ndarray) -> dict[str, Metric]:
        pooled = _scores(totals[..., :cells].reshape(*totals.shape[:-1], n_classes, n_classes + 1), present_only=False)
        scores = {key if key == "accuracy" else f"{key}_pooled": value for key, value in pooled.items()}
        sums, n_folds = totals[..., cells:-1], totals[..., -1]
        return scores | {f"{key}_fold_mean": partial(ratio, sums[..., i], n_folds) for i, key in enumerate(_AGGREGATED)}

    return Tally(tuple(unique), counts.astype(np.float64), range(counts.shape[1]), formula)


def evaluate(
    truth_labels: Sequence,
    predicted_labels: Sequence,
    *,
    classes: Sequence[str] | None = None,
    folds: Sequence | None = None,
) -> dict[str, float]:
    """All metrics of this module, in [0, 1], under the names in its docstring.

    ``folds`` name the fold (held-out subject) of each clip and add the ``_fold_mean`` metrics; else as :func:`tally`.
    """
    one_fold = folds is None
    subjects = ["all"] * len(truth_labels) if one_fold else folds
    scores = tally(truth_labels, predicted_labels, subjects, classes=classes).scores()
    return {key: float(value) for key, value in scores.items() if not (one_fold and key.endswith("_fold_mean"))}
