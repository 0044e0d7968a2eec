"""Spot, then recognize: how well micro-expressions are found and named in long videos (STRS).

Tables as in :mod:`melib.metrics.intervals`, with ``emotion``. STRS is defined for micro-expressions: rows whose
``kind`` is macro leave both tables. A true emotion may be missing (such a row is spotted, never analysed); a predicted
one may not. A predicted name outside ``emotions`` is an answer that is wrong for every class. The metrics:

* ``tp, fp, fn``: counts pooled over all videos;
* ``precision_spotting, recall_spotting, f1_spotting``: tp / (tp + fp), tp / (tp + fn), and their harmonic mean;
* ``precision_analysis, recall_analysis``: means over the classes of one-vs-rest precision and recall, on the matched
  pairs whose true emotion is among ``emotions``;
* ``f1_analysis``: harmonic mean of the two (it is not the mean of class F1 scores);
* ``uf1_analysis, uar_analysis``: mean class F1; mean class recall;
* ``strs``: f1_spotting x f1_analysis;
* ``false_positives_per_minute``: fp over the length of all videos; NaN unless ``videos`` gives the length of each;
* ``f1_named``: 2 n / (2 tp + fp + fn), n the matched pairs of one emotion: right only if interval and emotion are.

STRS can be raised by withholding hits that are named wrongly, which makes spotting worse. So tp, false positives per
minute and the F1 of named intervals stand beside it. The protocols:

``strict`` (default)
    The universe is every (subject, video) of truth, predictions and ``videos``. One-to-one matching at IoU >= 0.5.
    Means run over all of ``emotions``; 0/0 is 0.
``strs-metric``
    What the released script prints (https://github.com/genbing99/STRS-Metric, ``strs_metric.py``), with its slips:

    1. one prediction can take several truths (no ``break`` after a hit), so tp counts truths and fp predictions;
    2. subjects without any prediction are skipped, so their truths are not missed;
    3. videos without any truth are skipped, so predictions in them are not false;
    4. a class that no pair holds, or that all pairs hold on both sides, counts 0 for precision, recall and F1;
    5. UAR is the mean of the class precisions;
    6. f1_analysis and STRS are NaN where precision and recall are both 0; where nothing is matched the script stops
       with an error, and everything that it would have printed but the counts is NaN here.
``mean``
    The evaluator of MEAN (https://github.com/genbing99/MEAN_Spot-then-recognize): each prediction in the order of rows
    claims the truth it overlaps most. A class absent from the true and the named emotions of the pairs leaves the
    means; an undefined precision or recall of any other class counts 0.
``sfamnet``
    The evaluator of SFAMNet (https://github.com/genbing99/SFAMNet): every pair at IoU >= 0.5 is a true positive, fp are
    predictions in no pair, fn is truths less true positives (fn can be negative, recall above 1); predictions in
    several pairs are not analysed. Means as under ``mean``.

Source: Liong, See, Chan, Signal Processing: Image Communication 110 (2023) 116875, and the three repositories.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import _tables, spotting
from melib.metrics._tables import Source
from melib.metrics._tally import Metric, Tally, per_subject, ratio

PROTOCOLS = tuple(spotting.PROTOCOLS)

#: The keys of :func:`evaluate`, in order.
KEYS = (
    *("tp", "fp", "fn", "precision_spotting", "recall_spotting", "f1_spotting", "precision_analysis"),
    *("recall_analysis", "f1_analysis", "uf1_analysis", "uar_analysis", "strs", "false_positives_per_minute"),
    "f1_named",
)

#: Answers that systems give beside the classes of a challenge: no emotion, or one that is not scored.
NO_CLASS = ("neutral", "others")

_LEADING = ("tp", "fp", "fn", "named", "analysed", "minutes")


def validate(
    truth: Source,
    predictions: Source,
    videos: Source | None = None,
    *,
    emotions: Sequence[str] | None = None,
    refuse_unknown: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """Truth, predictions and videos in canonical types, micro-expressions alone; videos stay None if not given.

    With ``refuse_unknown``, predicted emotions that are neither in the truth nor in ``emotions`` nor in
    :data:`NO_CLASS` are refused: in a file written by hand they are slips of spelling.
    """
    truth = _tables.intervals(truth, "truth", emotion="column")
    refuse_unknown &= bool((truth["emotion"] != "").any())
    known = {*truth["emotion"], *(emotions or ()), *NO_CLASS} if refuse_unknown else None
    predictions = _tables.intervals(predictions, "predictions", emotion="each", known=known)
    return _tables.micro(truth), _tables.micro(predictions), None if videos is None else _tables.videos(videos)


def classes(truth: pd.DataFrame, emotions: Sequence[str] | None) -> tuple[str, ...]:
    """The emotions to score: those given, or those in the truth, sorted."""
    if emotions is None:
        return tuple(sorted(set(truth["emotion"]) - {""}))
    if isinstance(emotions, str):
        raise InputError(f"emotions must be a sequence of names, got the single string {emotions!r}")
    if not all(emotions):
        raise InputError(f"an emotion without a name is asked for: {', '.join(map(repr, emotions))}")
    if len(set(emotions)) != len(emotions):
        raise InputError(f"an emotion is named twice in {', '.join(emotions)}")
    return tuple(emotions)


def tally(
    truth: Source,
    predictions: Source,
    *,
    videos: Source | None = None,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
) -> Tally:
    """Counts per subject of all tables, from which the metrics of :func:`evaluate` follow; the input of a bootstrap."""
    truth, predictions, videos = validate(truth, predictions, videos)
    return tally_checked(truth, predictions, videos, classes(truth, emotions), protocol)


def tally_checked(
    truth: pd.DataFrame, predictions: pd.DataFrame, videos: pd.DataFrame | None, emotions: Sequence[str], protocol: str
) -> Tally:
    """:func:`tally` on tables that :func:`validate` returned and the names that :func:`classes` returned."""
    truth, predictions, subjects, minutes = _tables.numbered(truth, predictions, videos)
    n = len(subjects)
    found, *counted = spotting.count(truth, predictions, n, protocol)
    pair_subject = truth["who"].to_numpy()[found.truth]
    words = np.concatenate([np.array(emotions, dtype=object), truth["emotion"], predictions["emotion"]])
    codes = pd.factorize(words)[0]
    t_code = codes[len(emotions) : len(emotions) + len(truth)][found.truth]
    p_code = codes[len(emotions) + len(truth) :][found.prediction]
    named = per_subject(pair_subject[t_code == p_code], n)
    analysed = t_code < len(emotions)
    if protocol == "sfamnet":
        analysed &= np.bincount(found.prediction, minlength=len(predictions))[found.prediction] == 1
    t_code, p_code, pair_subject = t_code[analysed], p_code[analysed], pair_subject[analysed]
    right, each_class = t_code == p_code, range(len(emotions))
    class_counts = [per_subject(pair_subject[right & (p_code == c)], n) for c in each_class]
    class_counts += [per_subject(pair_subject[~right & (p_code == c)], n) for c in each_class]
    class_counts += [per_subject(pair_subject[~right & (t_code == c)], n) for c in each_class]
    counts = np.stack([*counted, named, per_subject(pair_subject, n), minutes, *class_counts], axis=1)
    columns = (*_LEADING, *((part, emotion) for part in ("tp", "fp", "fn") for emotion in emotions))
    unbounded = frozenset(("tp", "fp", "fn", "false_positives_per_minute"))
    return Tally(subjects, counts, columns, lambda totals: _scores(totals, protocol), unbounded)


def _scores(totals: np.ndarray, protocol: str) -> dict[str, Metric]:
    """All metrics from summed counts ``(..., K)`` in the order of :func:`tally`'s columns."""
    tp, fp, fn, named, analysed, minutes = np.moveaxis(totals[..., : len(_LEADING)], -1, 0)
    by_class = totals[..., len(_LEADING) :].reshape(*totals.shape[:-1], 3, -1)
    released = protocol == "strs-metric"

    @cache
    def analysis() -> dict[str, np.ndarray]:
        class_tp, class_fp, class_fn = np.moveaxis(by_class, -2, 0)  # each (..., C)
        if released:
            class_tp = np.where((class_tp == analysed[..., None]) & (class_fp == 0), 0.0, class_tp)
        counted = (class_tp + class_fp + class_fn > 0) | (protocol in ("strict", "strs-metric"))
        each = ratio(class_tp, class_tp + class_fp), ratio(class_tp, class_tp + class_fn)
        each += (ratio(2 * class_tp, 2 * class_tp + class_fp + class_fn),)
        precision, recall, uf1 = (ratio((values * counted).sum(axis=-1), counted.sum(axis=-1)) for values in each)
        f1 = ratio(2 * precision * recall, precision + recall, np.nan if released else 0.0)
        return {"precision": precision, "recall": recall, "f1": f1, "uf1": uf1}

    def f1_spotting() -> np.ndarray:
        return ratio(2 * tp, 2 * tp + fp + fn)

    scores = {
        "tp": lambda: tp,
        "fp": lambda: fp,
        "fn": lambda: fn,
        "precision_spotting": lambda: ratio(tp, tp + fp),
        "recall_spotting": lambda: ratio(tp, tp + fn),
        "f1_spotting": f1_spotting,
        "precision_analysis": lambda: analysis()["precision"],
        "recall_analysis": lambda: analysis()["recall"],
        "f1_analysis": lambda: analysis()["f1"],
        "uf1_analysis": lambda: analysis()["uf1"],
        "uar_analysis": lambda: analysis()["precision" if released else "recall"],
        "strs": lambda: f1_spotting() * analysis()["f1"],
        "false_positives_per_minute": lambda: ratio(fp, minutes, np.nan),
        "f1_named": lambda: ratio(2 * named, 2 * tp + fp + fn),
    }
    if released:
        for key in KEYS[KEYS.index("precision_spotting") : KEYS.index("strs") + 1]:
            scores[key] = partial(lambda metric: np.where(tp > 0, metric(), np.nan), scores[key])
    return scores


def evaluate(
    truth: Source,
    predictions: Source,
    *,
    videos: Source | None = None,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
) -> dict[str, float]:
    """Score named intervals against labelled ones: the keys of :data:`KEYS`, tp, fp, fn as int, the rest as float.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame or path
        Columns ``subject, video, onset, offset, emotion``; ``kind`` optional. A bad row raises InputError.
    videos : pandas.DataFrame or path, optional
        All videos with ``subject, video, frames, fps``: silent ones lengthen the time over which false positives
        are counted.
    emotions : sequence of str, optional
        The classes of the analysis; by default those of the truth.
    protocol : {"strict", "strs-metric", "mean", "sfamnet"}
        See the docstring of this module.
    """
    scores = tally(truth, predictions, videos=videos, emotions=emotions, protocol=protocol).scores()
    return {key: round(float(scores[key])) if key in ("tp", "fp", "fn") else float(scores[key]) for key in KEYS}


def per_class(truth: Source, predictions: Source) -> pd.DataFrame:
    """One-vs-rest counts of the analysis, a row per emotion: ``tp, fp, fn, precision, recall, f1`` (0/0 is 0)."""
    counted = tally(truth, predictions)
    names = [emotion for part, emotion in counted.columns[len(_LEADING) :] if part == "tp"]
    tp, fp, fn = counted.counts.sum(axis=0)[len(_LEADING) :].reshape(3, -1)
    table = {"tp": tp.astype(int), "fp": fp.astype(int), "fn": fn.astype(int)}
    table |= {"precision": ratio(tp, tp + fp), "recall": ratio(tp, tp + fn), "f1": ratio(2 * tp, 2 * tp + fp + fn)}
    return pd.DataFrame(table, index=pd.Index(names, name="emotion"))
