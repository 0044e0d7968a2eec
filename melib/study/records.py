"""What is kept of a row: a record of numbers with their origin, and the small tables from which differences follow."""

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
        What JSON can hold: metrics with intervals by part, chance, counts, dataset, provenance.
    tables : mapping of str to pandas.DataFrame
        ``predictions``, ``named``, and of long videos ``frames``, ``learning``, ``truth`` and ``videos``.
    """

    values: dict
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
