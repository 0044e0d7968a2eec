"""Where the study finds and keeps its files: the checkout, its cache, and the records that are kept with the book."""

from __future__ import annotations

import os
from pathlib import Path

import melib


def checkout(start: Path | str = ".") -> Path:
    """Top folder of the checkout: the nearest above ``start`` that holds the notebooks, else that of this melib.

    A notebook that is opened in Jupyter runs in its own folder, and must find the same records as the command line.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents, Path(melib.__file__).resolve().parents[1]):
        if (folder / "notebooks").is_dir() and (folder / "results").is_dir():
            return folder
    return here


def cache() -> Path:
    """Folder of features and networks: ``$MELIB_CACHE``, or ``.cache/features`` of the checkout."""
    return Path(os.environ.get("MELIB_CACHE") or checkout() / ".cache" / "features")


def published() -> Path:
    """Folder of the records that are kept with the book."""
    return checkout() / "results"


def computed() -> Path:
    """Folder of the records that are made where they are needed."""
    return checkout() / ".cache" / "records"
