"""Rows beside each other: values and differences with intervals over subjects and seeds, from records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

import numpy as np
import pandas as pd
from scipy.stats import norm

from melib.errors import InputError
from melib.metrics import Tally, recognition, spotting, strs, uncertainty
from melib.study.experiments import Contrast, Experiment
from melib.study.rows import RowRecords

#: What can be compared, and the method of its intervals (as :func:`melib.metrics.uncertainty.bootstrap` has them).
PARTS = {"spotting_and_naming": "studentised", "frames": "bca", "recognition": "studentised"}

#: Where a record keeps a part's own intervals, if not under the part's name.
IN_RECORD = {"frames": "frames_smoothed"}

#: Bootstrap resamples where the sizes of a tier name none.
RESAMPLES = 1000


def tallies(kept: RowRecords, part: str) -> list[Tally]:
    """The counts per subject of a row, one tally a seed.

    Parameters
    ----------
    kept : RowRecords
    part : {"spotting_and_naming", "frames", "recognition"}
        Found intervals (F1 of spotting, STRS, ...), smoothed scores of frames (ROC-AUC, average precision), names of
        given expressions (UF1, UAR, ...).

    Raises
    ------
    ValueError
        If there is no such part.
    LookupError
        If the row's records do not keep it.
    """
    if part not in PARTS:
        raise InputError(f"unknown part {part!r}: use one of {', '.join(PARTS)}")
    emotions = [tuple(record["confusion"]["emotions"]) for record in kept.records]
    if part == "recognition":
        return [_names(*each) for each in zip(kept.tables("named"), emotions, strict=True)]
    if part == "frames":
        return [_frames(table) for table in kept.tables("frames")]
    parts = zip(kept.tables("truth"), kept.tables("videos"), kept.predictions, emotions, strict=True)
    return [
        strs.tally(truth[truth["kind"] == "micro"], found, videos=videos, emotions=names)
        for truth, videos, found, names in parts
    ]


def _names(counted: pd.DataFrame, emotions: tuple[str, ...]) -> Tally:
    each = counted.loc[counted.index.repeat(counted["count"])]
    return recognition.tally(each["emotion"], each["named"], each["subject"], classes=emotions)


def _frames(counted: pd.DataFrame) -> Tally:
    """The tally of one video a subject, in which the frames inside come first: it ranks as the counted frames do."""
    truth, scores = [], []
    for subject, table in counted.groupby("subject", sort=True):
        n_inside = int(table["inside"].sum())
        score = np.concatenate([np.repeat(table["level"], table[side]) for side in ("inside", "outside")])
        where = {"subject": subject, "video": "counted"}
        scores.append(pd.DataFrame({**where, "frame": np.arange(len(score)), "score": score.astype(float)}))
        if n_inside:
            truth.append({**where, "onset": 0, "offset": n_inside - 1, "emotion": "any"})
    labels = pd.DataFrame(truth, columns=["subject", "video", "onset", "offset", "emotion"])
    return spotting.tally_frames(labels, pd.concat(scores, ignore_index=True))


def value(kept: RowRecords, part: str, metric: str) -> dict[str, float | None]:
    """A metric of a row: mean over seeds, with a 95 % interval over subjects and seeds.

    Returns
    -------
    dict
        ``value, low, high``; None where undefined. Of a single seed it is what the record says.
    """
    if len(kept.records) == 1:
        return dict(kept.records[0][IN_RECORD.get(part, part)][metric])
    found = uncertainty.bootstrap(tallies(kept, part), method=PARTS[part], n_resamples=_resamples(kept))
    return _plain(found.table.loc[metric])


def differences(experiment: Experiment, kept: Mapping[str, RowRecords]) -> pd.DataFrame:
    """All comparisons of an experiment.

    Returns
    -------
    pandas.DataFrame
        A row per contrast: those of :class:`melib.study.experiments.Contrast`, then ``value, low, high, detectable``
        as from :func:`difference` (NaN where undefined).
    """
    rows = [
        asdict(each) | difference(kept[each.first], kept[each.second], each.part, each.metric)
        for each in experiment.contrasts
    ]
    numbers = ["value", "low", "high", "detectable"]
    table = pd.DataFrame(rows, columns=[*(each.name for each in fields(Contrast)), *numbers])
    return table.astype(dict.fromkeys(numbers, float))


def difference(first: RowRecords, second: RowRecords, part: str, metric: str) -> dict[str, float | None]:
    """A metric of the first row less that of the second, on the same resampled subjects.

    Returns
    -------
    dict
        ``value, low, high`` of the 95 % interval, and ``detectable``: the true difference that such a comparison
        would show, by an interval without zero, four times in five (80 % power).
    """
    sides = (tallies(kept, part) for kept in (first, second))
    found = uncertainty.paired(*sides, method=PARTS[part], n_resamples=_resamples(first))
    plain = _plain(found.table.loc[metric])
    return plain | {"detectable": detectable(plain)}


def detectable(interval: dict[str, float | None], *, power: float = 0.8, level: float = 0.95) -> float | None:
    """The difference that would be seen with some power, given an interval of the same width around it.

    The half-width of the interval is (near enough) z(level) standard errors, and the difference has to lie
    z(level) + z(power) of them from zero.
    """
    if interval["low"] is None or interval["high"] is None:
        return None
    z = norm.ppf((1 + level) / 2)
    return float((interval["high"] - interval["low"]) / (2 * z) * (z + norm.ppf(power)))


def _resamples(kept: RowRecords) -> int:
    return kept.records[0]["sizes"].get("resamples", RESAMPLES)


def _plain(row: Sequence[float] | pd.Series) -> dict[str, float | None]:
    return {key: float(row[key]) if np.isfinite(row[key]) else None for key in ("value", "low", "high")}
