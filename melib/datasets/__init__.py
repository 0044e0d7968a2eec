"""Readers of the licensed datasets: a folder on disk becomes videos, labels and an account of what was found.

    from melib.datasets import open_dataset
    dataset = open_dataset("casme3", "CASME3")

Each dataset has a module, whose docstring says how a copy is laid out and what is odd about it, with ``FPS``;
``EMOTIONS``, the finest names of its labels; ``CLASSES``, class sets by number of classes; ``MERGE``, for each of them
every emotion -> its class, or None where it is spotted but belongs to none; ``read_labels(path)``, which needs no
frames and gives a :class:`~melib.datasets.sheets.LabelTable`; and ``open_dataset(root)``.

Nothing is ever written into a dataset, no link leads out of it, and no formula is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from melib.datasets.folders import FolderDataset
from melib.datasets.paths import existing_root
from melib.errors import find

#: The datasets that can be read, by the name that notebooks and commands take as ``dataset``: the module of each, and
#: what tells it from the others of that module. A reader is added by a line here.
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
    """The module of a dataset, and the keywords that its functions need for it."""
    module, keywords = find(name, DATASETS, "dataset")
    return import_module(f"melib.datasets.{module}"), keywords


def open_dataset(name: str, root: str | Path, **options: object) -> FolderDataset:
    """Read a dataset, a key of :data:`DATASETS`, from the folder into which it was unpacked; frames when asked for.

    The files may lie a few folders deeper; links inside the root are followed. Options are those of the dataset's
    module: ``thirty_frame_rule`` of ``casme3``, ``as_in_mean`` of ``casme2``. Frames are in positions 0 to T-1, offset
    inclusive; the ``version`` names release, options and a fingerprint of labels and of the names and sizes of files.

    An unknown name, a label file that cannot be read and a link out of the root raise ValueError; what is missing,
    FileNotFoundError.
    """
    module, keywords = reader(name)
    return module.open_dataset(existing_root(name, root), **keywords, **options)


def class_sets(name: str) -> dict[int, tuple[tuple[str, ...], Mapping[str, str | None]]]:
    """The class sets of a dataset by number of classes: names in order, and emotion -> class or None."""
    module, _ = reader(name)
    return {number: (classes, module.MERGE[number]) for number, classes in module.CLASSES.items()}
