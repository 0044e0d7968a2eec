"""The records that stand as one file each under ``results``, and whether the code that they measured has changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from melib.files import source_hash, whole
from melib.study.places import published


def measured_hash() -> str:
    """Hash of the code that decides what a method finds on the benchmark, kept in a record as ``measured``."""
    return source_hash("melib.flow", "melib.synthetic", "melib.video")


def is_current(record: Mapping) -> bool:
    """Whether a record was made by the same code that measures today."""
    return record.get("measured") == measured_hash()


def load(name: str) -> dict:
    """The record ``results/NAME.json`` of the checkout in which a page is made."""
    path = published() / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(f"no results/{name}.json in {path.parents[1]}: run inside a checkout of the study")
    return json.loads(path.read_text(encoding="utf-8"))


def save(record: Mapping, path: Path) -> Path:
    """Write a record as JSON, whole or not at all."""
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")
    return path
