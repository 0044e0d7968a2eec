"""Leave-one-subject-out rows beside the rows on fresh people: what stands behind each."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from melib.study.compare import value
from melib.study.rows import RowRecords
from melib.tables.study import number, span

#: Parameters in which a leave-one-subject-out row and its fresh counterpart may differ.
_FREE = ("split", "seed", "shuffled")


def designs(kept: Mapping[str, RowRecords]) -> pd.DataFrame:
    """What a leave-one-subject-out row and the row of the same network and input on fresh people rest on.

    Parameters
    ----------
    kept : mapping of str to RowRecords
        Rows of long videos, from :func:`melib.study.catalogue.obtain`.

    Returns
    -------
    pandas.DataFrame
        A row for each of the two, pair by pair: how many people a network learns from and is tested on, how many seeds,
        the expressions in the tested videos, hits and false alarms (means over seeds), ROC-AUC of frames with its 95 %
        interval, and that of the floor on the same people. Empty where no pair is there, as on a licensed dataset.
    """
    table = {}
    for row in kept.values():
        if row.records[0]["parameters"]["split"] != "loso":
            continue
        for other in kept.values():
            if other.records[0]["parameters"]["split"] == "fresh" and _fixed(other) == _fixed(row):
                table |= {each.row.label: _rests_on(each) for each in (other, row)}
    return pd.DataFrame.from_dict(table, orient="index")


def _fixed(row: RowRecords) -> dict[str, object]:
    return {name: each for name, each in row.records[0]["parameters"].items() if name not in _FREE}


def _rests_on(row: RowRecords) -> dict[str, str]:
    first = row.records[0]
    counts, loso = first["counts"], first["parameters"]["split"] == "loso"
    auc = value(row, "frames", "roc_auc_frames")
    return {
        "Learns from, people": str(counts["subjects"] - 1 if loso else first["sizes"]["train_subjects"]),
        "Tested on, people": str(counts["subjects"]),
        "Seeds": str(len(row.records)),
        "Micro-expressions": str(counts["micro_expressions"]),
        "Macro-expressions": str(counts["macro_expressions"]),
        "Hits": _mean(row, "tp"),
        "False alarms": _mean(row, "fp"),
        "ROC-AUC of frames": f"{number(auc['value'])} ({span(auc)})",
        "The same of the floor": _floor(row),
    }


def _mean(row: RowRecords, count: str) -> str:
    found = [record["spotting_and_naming"][count]["value"] for record in row.records]
    return number(sum(found) / len(found), 0 if len(found) == 1 else 1)


def _floor(row: RowRecords) -> str:
    """ROC-AUC of the floor that each record keeps; an interval of it is there for one seed alone."""
    found = [record["floor"]["frames_smoothed"]["roc_auc_frames"] for record in row.records]
    mean = number(sum(each["value"] for each in found) / len(found))
    return f"{mean} ({span(found[0])})" if len(found) == 1 else f"{mean} (mean over seeds)"
