"""What computing a row gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Record:
    """What computing a row gives.

    Attributes
    ----------
    values : dict
        What JSON can hold: metrics with intervals by part, chance, counts, dataset; once written also row, seed,
        settings, amounts, key and provenance.
    tables : mapping of str to pandas.DataFrame
        ``predictions``, ``named``, and of long videos ``frames``, ``learning``, ``truth`` and ``videos``.
    """

    values: dict
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def plain_table(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """A table of metrics as plain numbers for a record; undefined values become None, which JSON has."""
    return {
        str(metric): {column: None if pd.isna(value) else float(value) for column, value in row.items()}
        for metric, row in table.to_dict(orient="index").items()
    }


def count_names(named: pd.DataFrame) -> pd.DataFrame:
    """Expressions and the names they got, counted: ``subject, emotion, named, count``."""
    return named.groupby(["subject", "emotion", "named"], sort=True).size().rename("count").reset_index()
