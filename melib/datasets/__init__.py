"""Readers of the licensed datasets: a folder on disk becomes videos, labels and an account of what was found.

    from melib.datasets import open_dataset
    dataset = open_dataset("casme3", "CASME3")

Each dataset has a module with

``FPS``, ``EMOTIONS``
    Frames per second, and the finest emotion names of its labels.
``CLASSES``, ``MERGE``
    Class sets by number of classes, and for each a mapping from an emotion to its class, or to None where the emotion
    is spotted but belongs to no class of the set; every one of ``EMOTIONS`` is a key. See :func:`class_sets`.
``PUBLISHED``
    Counts that were published, or counted once in the published label files, to compare a copy with: a dict under the
    keys of :func:`~melib.datasets.sheets.count_labels`, and ``recorded videos`` where that number is known.
``read_labels(path)``
    A :class:`~melib.datasets.sheets.LabelTable` from a label file or the dataset's root; needs no frames.
``open_dataset(root, **options)``
    A :class:`~melib.datasets.folders.FolderDataset`: a :class:`melib.video.Dataset` that carries ``root`` and
    ``labels``. There is no second function that inspects: ``labels.rows`` are the labels with frames,
    ``labels.skipped`` every row and folder left out with its reason, ``labels.changes`` every value that differs from
    the file's, and each video counts its ``missing`` frames.

Frames are numbered by file name and labels are converted to positions in one place
(:func:`melib.datasets.folders.build_dataset`). Nothing is ever written into a dataset, no path of a label file leads
out of it, no formula is evaluated and no pickle opened.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType

from melib.datasets.folders import FolderDataset
from melib.datasets.paths import existing_root
from melib.errors import InputError

#: Dataset -> its module, and what tells it from the others of that module.
DATASETS: dict[str, tuple[str, dict[str, str]]] = {
    "casme3": ("casme3", {}),
    "casme_sq": ("casme_sq", {}),
    "samm_lv": ("samm_lv", {}),
    "casme2": ("casme2", {}),
    "smic_hs": ("smic", {"sensor": "hs"}),
    "smic_vis": ("smic", {"sensor": "vis"}),
    "smic_nir": ("smic", {"sensor": "nir"}),
}


def reader(name: str) -> tuple[ModuleType, dict[str, str]]:
    """The module of a dataset, and the keywords that its functions need for it.

    Raises
    ------
    ValueError
        If no dataset has this name; the message offers the nearest.
    """
    if name not in DATASETS:
        near = difflib.get_close_matches(str(name).lower(), DATASETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(DATASETS)}"
        raise InputError(f"unknown dataset {name!r}: {hint}")
    module, keywords = DATASETS[name]
    return import_module(f"melib.datasets.{module}"), keywords


def open_dataset(name: str, root: str | Path, **options: object) -> FolderDataset:
    """Read a dataset from the folder into which it was unpacked; frames are read later, when asked.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    root : path
    options
        Of the dataset's module, such as ``depth_scale`` and ``camera`` of :mod:`melib.datasets.casme3`.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or a label file cannot be read.
    FileNotFoundError
        If the root, the label file or all frames are missing.
    """
    module, keywords = reader(name)
    known = [option for option in signature(module.open_dataset).parameters if option not in ("root", *keywords)]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise InputError(f"dataset {name} has no option {unknown[0]!r}: it takes {', '.join(known) or 'none'}")
    return module.open_dataset(existing_root(name, root), **keywords, **options)


def class_sets(name: str) -> dict[int, tuple[tuple[str, ...], Mapping[str, str | None]]]:
    """The class sets of a dataset by number of classes: names in order, and emotion -> class or None.

    Raises
    ------
    ValueError
        If the dataset is unknown.
    """
    module, _ = reader(name)
    return {number: (classes, module.MERGE[number]) for number, classes in module.CLASSES.items()}
