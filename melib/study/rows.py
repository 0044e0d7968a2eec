"""Rows of tables: what each computes, where its record lies, and which records are still right.

An experiment is a question and some rows (:mod:`melib.study.experiments`); a row is one system, trained once per seed.
Rows belong to the whole study, not to one experiment: a row that two experiments show is computed once. Everything
that a table says comes from the records of its rows, so a record also keeps, subject by subject, what differences
between rows are resampled from (:mod:`melib.study.compare`).
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from melib.errors import InputError
from melib.provenance import computing_hash
from melib.study.record import read_record, write_record

#: Columns of a record's tables that are text, though a name may be all digits.
_TEXT = {"subject": str, "video": str, "emotion": str, "named": str, "kind": str}


@dataclass(frozen=True)
class Computed:
    """What computing a row gives.

    Attributes
    ----------
    record : dict
        As :func:`melib.study.record.write_record` wants it: ``experiment``, ``parameters``, ``dataset``,
        ``provenance``, metrics. What :func:`ensure` adds: ``row``, ``label``, ``seed``, ``sizes`` and ``tables``.
    predictions : pandas.DataFrame
        What the system answered; it becomes the CSV file beside the record.
    tables : mapping of str to pandas.DataFrame
        Small tables per subject, from which :mod:`melib.study.compare` makes tallies.
    """

    record: dict
    predictions: pd.DataFrame
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Chain:
    """A way to compute rows; its functions get a row's values, a tier and a seed.

    Attributes
    ----------
    name : str
        Folder of its records, such as ``videos``.
    describe : callable
        ``(values, tier, seed) -> {"parameters": ..., "sizes": ...}``, all that decides a record beside the code, as
        plain types. Raises on an unknown name or value.
    reads : callable
        ``(values, tier) -> dict``, plain types: equal for two rows that read the same features.
    prepare : callable
        ``(values, tier, store, jobs)``: computes the features that the store lacks.
    compute : callable
        ``(values, tier, seed, store) -> Computed``.
    """

    name: str
    describe: Callable[[Mapping[str, object], str, int], dict]
    reads: Callable[[Mapping[str, object], str], dict]
    prepare: Callable[[Mapping[str, object], str, Path, int], None]
    compute: Callable[[Mapping[str, object], str, int, Path], Computed]


@dataclass(frozen=True)
class Row:
    """One system of a table.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, ``-``, ``_``, ``+`` and ``.``; names the file and is unique in the study.
    label : str
        What the table calls it.
    chain : Chain
    values : mapping
        Parameters of the chain, without tier and seed.
    once : bool
        Trained with the first seed alone, whatever the experiment.

    Raises
    ------
    ValueError
        If the name is not safe in a file name.
    """

    name: str
    label: str
    chain: Chain
    values: Mapping[str, object] = field(default_factory=dict)
    once: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_+.-]*", self.name):
            raise InputError(f"row {self.name!r}: a name has lower-case letters, digits, '-', '_', '+' and '.' alone")

    def seeds(self, seeds: Sequence[int]) -> Sequence[int]:
        """Those of an experiment's seeds that this row is trained with."""
        return seeds[:1] if self.once else seeds

    def feature_key(self, tier: str) -> str:
        """Twelve hexadecimal digits, equal for rows that read the same features."""
        text = json.dumps([self.chain.name, tier, self.chain.reads(self.values, tier)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class RowRecords:
    """A row with its records, one a seed.

    Attributes
    ----------
    row : Row
    records : tuple of dict
    predictions : tuple of pandas.DataFrame
    stale : bool
        Whether a record was made by other code, parameters or sizes than those of today.
    """

    row: Row
    records: tuple[dict, ...]
    predictions: tuple[pd.DataFrame, ...]
    stale: bool = False

    def tables(self, name: str) -> list[pd.DataFrame]:
        """A table that each record keeps, one a seed.

        Raises
        ------
        LookupError
            If the records of this row keep no such table.
        """
        if any(name not in record["tables"] for record in self.records):
            raise InputError(f"row {self.row.name} keeps no table {name!r}: {', '.join(self.records[0]['tables'])}")
        return [pd.read_csv(io.StringIO(record["tables"][name]), dtype=_TEXT) for record in self.records]


def record_path(folder: Path | str, row: Row, tier: str, seed: int) -> Path:
    """Where the record of a row lies: ``FOLDER/TIER/CHAIN/NAME.SEED.json``."""
    return Path(folder, tier, row.chain.name, f"{row.name}.{seed}.json")


def is_current(record: Mapping, row: Row, tier: str, seed: int) -> bool:
    """Whether the code, the parameters and the sizes of today would make this record."""
    wanted = json.loads(json.dumps(row.chain.describe(row.values, tier, seed)))
    same = all(record.get(part) == wanted[part] for part in ("parameters", "sizes"))
    return same and record["provenance"].get("code") == computing_hash()


def is_there(row: Row, tier: str, seed: int, *, folder: Path | str) -> bool:
    """Whether the record of a row lies in the folder, whole and current."""
    path = record_path(folder, row, tier, seed)
    return path.is_file() and path.with_suffix(".csv").is_file() and is_current(read_record(path), row, tier, seed)


def ensure(
    rows: Iterable[Row],
    tier: str,
    *,
    seeds: Sequence[int] = (0,),
    folder: Path | str,
    store: Path | str,
    jobs: int = 1,
) -> dict[str, RowRecords]:
    """The records of rows: read where they are current, computed where they are missing or stale.

    Parameters
    ----------
    rows : iterable of Row
    tier : {"smoke", "quick", "full"}
    seeds : sequence of int
    folder : path
        Of the records, see :func:`record_path`.
    store : path
        Of the features.
    jobs : int
        Processes of one thread each; the records do not depend on their number.

    Returns
    -------
    dict of str to RowRecords
        Row name to its records, in the order of the rows.
    """
    rows = tuple(rows)
    missing = [(row, seed) for row in rows for seed in row.seeds(seeds) if not is_there(row, tier, seed, folder=folder)]
    fill([row for row, _ in missing], tier, store=store, jobs=jobs)
    Parallel(n_jobs=jobs)(delayed(compute)(row, tier, seed, folder=folder, store=store) for row, seed in missing)
    return read(rows, tier, seeds=seeds, folder=folder)


def fill(rows: Iterable[Row], tier: str, *, store: Path | str, jobs: int = 1) -> None:
    """Compute the features that rows read and the store lacks, videos in parallel."""
    for row in {row.feature_key(tier): row for row in rows}.values():
        row.chain.prepare(row.values, tier, Path(store), jobs)


def compute(row: Row, tier: str, seed: int, *, folder: Path | str, store: Path | str) -> Path:
    """Compute a row and write its record (JSON, and CSV beside it), each whole or not at all.

    Returns
    -------
    Path
        The JSON file.
    """
    computed = row.chain.compute(row.values, tier, seed, Path(store))
    path = record_path(folder, row, tier, seed)
    record = {
        **computed.record,
        **row.chain.describe(row.values, tier, seed),
        "row": row.name,
        "label": row.label,
        "tier": tier,
        "seed": seed,
        "tables": {name: table.to_csv(index=False, lineterminator="\n") for name, table in computed.tables.items()},
    }
    return write_record(path.parent, path.stem, record, computed.predictions)


def read(rows: Iterable[Row], tier: str, *, seeds: Sequence[int] = (0,), folder: Path | str) -> dict[str, RowRecords]:
    """The records of rows as they are, stale or not.

    Raises
    ------
    FileNotFoundError
        If one is missing.
    """
    kept = {}
    for row in rows:
        used = row.seeds(seeds)
        paths = [record_path(folder, row, tier, seed) for seed in used]
        records = tuple(read_record(path) for path in paths)
        predictions = tuple(pd.read_csv(path.with_suffix(".csv"), dtype=_TEXT) for path in paths)
        current = (is_current(record, row, tier, seed) for record, seed in zip(records, used, strict=True))
        kept[row.name] = RowRecords(row, records, predictions, stale=not all(current))
    return kept


def plain(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """A table of metrics as plain numbers for a record; undefined values become None, which JSON has."""
    return {
        str(metric): {column: None if pd.isna(value) else float(value) for column, value in row.items()}
        for metric, row in table.to_dict(orient="index").items()
    }
