"""Records on disk: a JSON file, and the found intervals beside it as CSV in the challenge's columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from melib.errors import InputError
from melib.files import whole

#: Keys without which a file is not a record of this study.
_NEEDED = ("experiment", "parameters", "dataset", "provenance")


def write_record(folder: Path | str, name: str, record: dict, predictions: pd.DataFrame) -> Path:
    """Write ``NAME.json`` and ``NAME.csv``; each appears whole or not at all, the record last.

    Parameters
    ----------
    folder : path
        Made if missing.
    name : str
        Name of the run, such as ``spot_then_recognize``.
    record : dict
        What JSON can hold.
    predictions : pandas.DataFrame
        Found intervals.

    Returns
    -------
    Path
        The JSON file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    table = predictions.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_text(folder / f"{name}.csv", table)
    path = folder / f"{name}.json"
    write_text(path, text)
    return path


def read_record(path: Path | str) -> dict:
    """Read a record.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If the file is not a record.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no record {path}: run the experiment first")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}): delete it and run the experiment again") from error
    missing = [key for key in _NEEDED if not isinstance(record, dict) or key not in record]
    if missing:
        raise InputError(f"{path} is not a record of an experiment: it lacks {', '.join(missing)}")
    return record


def write_text(path: Path, text: str) -> None:
    """Write a text file that appears whole or not at all."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


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
