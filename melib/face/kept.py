"""Detections kept on disk: one small JSON file each, named by the hash of all that it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from melib.errors import InputError
from melib.files import whole
from melib.provenance import code_hash

_Found = TypeVar("_Found")


def kept(folder: Path | None, kind: type[_Found], depends_on: dict, find: Callable[[], _Found]) -> _Found:
    """What was found before, or else find it now and keep it.

    Parameters
    ----------
    folder : Path or None
        Made if missing; None keeps nothing.
    kind : type
        What is found: a class with ``to_json`` and ``from_json``.
    depends_on : dict
        Whatever decides the result, beside the code of this package; JSON.
    find : callable

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    if folder is None:
        return find()
    described = json.dumps({**depends_on, "kind": kind.__name__, "code": code_hash("face")}, sort_keys=True)
    path = folder / f"{hashlib.sha256(described.encode()).hexdigest()[:40]}.json"
    if path.is_file():
        try:
            return kind.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"kept detection {path} is damaged ({error}): delete the file and run again") from error
    found = find()
    folder.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text(json.dumps(found.to_json()), encoding="utf-8")
    return found
