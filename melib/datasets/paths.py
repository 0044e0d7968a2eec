"""Folders and files below the root of a dataset: a link is followed inside the root, and nowhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from melib.errors import InputError


def existing_root(name: str, root: str | Path) -> Path:
    """The folder of a dataset, its links followed."""
    if not Path(root).is_dir():
        raise FileNotFoundError(f"no folder {root} for the dataset {name}: name that into which it was unpacked")
    return Path(root).resolve()


def inside(root: Path, link: Path) -> Path:
    """Where a link in a dataset leads; refused if that is outside the root or a folder above the link."""
    target = Path(os.path.realpath(link))
    if target == link.parent or target in link.parents:
        raise InputError(f"the link {link} leads back to {target}: remove it from the dataset")
    if root.resolve() not in target.parents:
        raise InputError(f"the link {link} leads out of {root}: put a copy there instead")
    return target


def subfolders(root: Path, folder: Path) -> dict[str, Path]:
    """The folders in a folder of the dataset by name, in natural order; not hidden ones, nor what a Mac packs."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name != "__MACOSX" and entry.is_dir():
                path = Path(entry.path)
                found[entry.name] = inside(root, path) if entry.is_symlink() else path
    return {name: found[name] for name in sorted(found, key=natural_key)}


def natural_key(name: str) -> list:
    """Key that sorts numbers in names by value and ignores case."""
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in re.findall("[0-9]+|[^0-9]+", name.lower())]


def _levels(root: Path, depth: int, leaf: Callable = lambda name: None) -> Iterator[list[tuple[str, Path]]]:
    """Folders below the root, level by level, each one once whatever links lead to it; a leaf is not entered."""
    level, entered = [root], {root}
    for _ in range(depth):
        below = {path: name for folder in level for name, path in subfolders(root, folder).items()}
        found = [(name, path) for path, name in below.items() if path not in entered]
        entered.update(below)
        yield found
        level = [path for name, path in found if not leaf(name)]


def folders_named(root: Path, name: re.Pattern[str], *, levels: int) -> list[tuple[str, Path]]:
    """Folders whose whole name matches, at most so many folders deep; one that matches is not entered."""
    below = (each for level in _levels(root, levels + 1, name.fullmatch) for each in level)
    return [(called, path) for called, path in below if name.fullmatch(called)]


def find_file(root: Path, *patterns: str, depth: int = 2) -> Path:
    """The file itself, or the one below of such a name: an earlier pattern, then a folder higher up, is preferred."""
    if root.is_file():
        return root
    root = root.resolve()
    levels = [[root], *([path for _, path in level] for level in _levels(root, depth))]
    for pattern in patterns:
        match = re.compile(pattern, re.IGNORECASE).fullmatch
        for folders in levels:
            found = [folder / name for folder in folders for name in sorted(os.listdir(folder)) if match(name)]
            if len(found) > 1:
                raise InputError(f"two label files, {found[0]} and {found[1]}: leave one of them")
            if found:
                return inside(root, found[0]) if found[0].is_symlink() else found[0]
    wanted = " or ".join(pattern.replace("\\", "") for pattern in patterns)
    raise FileNotFoundError(f"no label file {wanted} in {root} or {depth} folders below it: put it there")
