"""Rows beside each other: values and differences with intervals over subjects and seeds, from records alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import Tally, recognition, spotting, strs, uncertainty
from melib.metrics.verdict import HIGHER, LOWER, UNDECIDED, detectable
from melib.study.record import Record
from melib.study.records import Kept

#: Part of a record -> the method of its intervals (:mod:`melib.metrics.uncertainty`). A tally of frames has a
#: column for each level of the score, for which the studentised interval would take minutes.
METHODS = {"spotting_and_naming": "studentised", "frames": "bca", "recognition": "studentised"}
#: Metrics that tables show, with their names there.
NAMES = {
    "tp": "True positives",
    "fp": "False positives",
    "fn": "Missed",
    "false_positives_per_minute": "False positives per minute",
    "precision_spotting": "Precision of spotting",
    "recall_spotting": "Recall of spotting",
    "f1_spotting": "F1 of spotting",
    "f1_analysis": "F1 of analysis",
    "uf1_analysis": "UF1 of analysis",
    "uar_analysis": "UAR of analysis",
    "strs": "STRS",
    "f1_named": "F1 of named intervals",
    "roc_auc_frames": "ROC-AUC of frames",
    "average_precision_frames": "Average precision of frames",
    "uf1_pooled": "UF1, expressions given",
    "uar_pooled": "UAR, expressions given",
}


def part_of(metric: str) -> str:
    """The part of a record in which a metric stands."""
    if metric.endswith("_frames"):
        return "frames"
    return "recognition" if metric.endswith("_pooled") else "spotting_and_naming"


def has(kept: Kept, metric: str) -> bool:
    """Whether a row has a metric."""
    return part_of(metric) in kept.first


def tallies(kept: Kept, part: str) -> list[Tally]:
    """The counts per subject of a row, one tally a seed: of intervals, smoothed scores of frames, or given names."""
    classes = [tuple(record.values["confusion"]["emotions"]) for record in kept.records]
    if part == "recognition":
        return [_names(*each) for each in zip(kept.tables("named"), classes, strict=True)]
    if part == "frames":
        return [_frames(table) for table in kept.tables("frames")]
    tables = (kept.tables(name) for name in ("truth", "videos", "predictions"))
    return [
        strs.tally(truth[truth["kind"] == "micro"], found, videos=videos, emotions=emotions)
        for truth, videos, found, emotions in zip(*tables, classes, strict=True)
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


def value(kept: Kept, metric: str, *, of: Callable[[str], bool] | None = None) -> dict[str, float | None]:
    """A metric of a row: mean over seeds, with a 95 % interval over subjects and seeds; None where undefined.

    Of a single seed it is what the record says. ``of`` names the subjects that count, by default all.
    """
    part = part_of(metric)
    if of is not None:
        kept = replace(kept, records=tuple(_of_some(record, of) for record in kept.records))
    elif len(kept.records) == 1:
        return dict(kept.first[part][metric])
    how = {"method": METHODS[part], "n_resamples": _resamples(kept), "metrics": [metric]}
    return _plain(uncertainty.bootstrap(tallies(kept, part), **how).table.loc[metric])


def _of_some(record: Record, of: Callable[[str], bool]) -> Record:
    tables = {name: table for name, table in record.tables.items() if "subject" in table}
    return replace(record, tables={name: table[table["subject"].map(of)] for name, table in tables.items()})


def same_people(first: Kept, second: Kept) -> bool:
    """Whether two rows were tested on the same people and videos, without which no difference of theirs means much."""
    return first.first.get("people") == second.first.get("people")


def difference(first: Kept, second: Kept, metric: str) -> dict[str, float | None]:
    """A metric of the first row less that of the second, on the same resampled subjects.

    ``value, low, high`` of the 95 % interval, and ``detectable``, the true difference that such a comparison would
    show, by an interval without zero, four times in five (80 % power). None where undefined.
    """
    if not same_people(first, second):
        names = f"{first.row.name} and {second.row.name}"
        raise InputError(f"rows {names} were tested on other people: compute the older one again")
    part = part_of(metric)
    sides = (tallies(kept, part) for kept in (first, second))
    found = uncertainty.paired(*sides, method=METHODS[part], n_resamples=_resamples(first), metrics=[metric])
    plain = _plain(found.table.loc[metric])
    return plain | {"detectable": detectable(plain["low"], plain["high"])}


def chance(kept: Kept, metric: str) -> dict[str, float] | None:
    """What 95 % of lucky answers reach in a metric, ``low, high``, the widest of a row's seeds; None if not kept."""
    null = "guessed" if part_of(metric) == "recognition" else "shifted"
    found = [record.values.get("chance", {}).get(null, {}).get(metric) for record in kept.records]
    found = [each for each in found if each is not None and each["low"] is not None and each["high"] is not None]
    if not found:
        return None
    return {"low": min(each["low"] for each in found), "high": max(each["high"] for each in found)}


def beside_chance(kept: Kept, metric: str) -> str:
    """Whether the whole interval of a metric lies above, or below, what luck reaches."""
    found = value(kept, metric)
    null = {"low": 0.5, "high": 0.5} if metric == "roc_auc_frames" else chance(kept, metric)
    if null is None or found["low"] in (None, found["high"]):
        return UNDECIDED
    return HIGHER if found["low"] > null["high"] else LOWER if found["high"] < null["low"] else UNDECIDED


def shuffled(kept: Kept) -> list[float]:
    """UF1 after each training on shuffled emotion labels, over all seeds; none where the row has no such control."""
    return [draw["uf1_pooled"] for record in kept.records for draw in record.values.get("shuffled", ())]


def _resamples(kept: Kept) -> int:
    amounts = kept.first["amounts"]
    return amounts.get("resamples", amounts.get("clip_resamples"))


def _plain(row: Sequence[float] | pd.Series) -> dict[str, float | None]:
    return {key: float(row[key]) if np.isfinite(row[key]) else None for key in ("value", "low", "high")}
