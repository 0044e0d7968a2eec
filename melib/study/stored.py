"""Small records that are kept with the book under ``results/``: written by a benchmark, shown by a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from melib.provenance import code_hash
from melib.study.record import read_record, write_text

#: Modules that decide what a method finds on the benchmark. A record keeps their hash under ``measured``, beside that
#: of all computing modules, so that a change to a network does not make a measurement of flow look old.
MEASURED = ("flow", "synthetic", "video")


def measured_hash() -> str:
    """SHA-256 over :data:`MEASURED` as they are now."""
    return code_hash(*MEASURED)


def is_current(record: Mapping) -> bool:
    """Whether a record was made by the same :data:`MEASURED` modules as there are now."""
    return record.get("measured") == measured_hash()


def save(record: dict, path: Path | str) -> Path:
    """Write a record as JSON; the file appears whole or not at all.

    Parameters
    ----------
    record : dict
        What JSON can hold, with the keys that :func:`melib.study.read_record` asks for.
    path : path
        Its folder is made if missing.

    Raises
    ------
    ValueError
        If the record holds NaN or infinity.
    """
    path = Path(path)
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def load(name: str, *, start: Path | str = ".") -> dict:
    """The record ``results/NAME.json`` of the checkout in which a page is made.

    Parameters
    ----------
    name : str
    start : path
        Where to look for the folder ``results``: here, or in a folder above.

    Raises
    ------
    FileNotFoundError
        If there is no such record.
    ValueError
        If the file is not a record.
    """
    here = Path(start).resolve()
    for parent in (here, *here.parents):
        path = parent / "results" / f"{name}.json"
        if path.is_file():
            return read_record(path)
    raise FileNotFoundError(f"no results/{name}.json in {here} or above it: run inside a checkout of the study")


def origin(record: Mapping) -> str:
    """A sentence's end on where a record comes from and whether the code it measured is still the same."""
    made = record["provenance"]
    same = "is the same today" if is_current(record) else "has changed since, so the record is **stale**"
    where = f"made on {made['time'][:10]} by `{record['command']}` at commit {made['commit'][:12]}"
    return f"a stored record {where}; the code measured {same}."
