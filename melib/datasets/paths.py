"""Paths that label files and folders of a dataset name: followed inside the dataset's root, and nowhere else."""

from __future__ import annotations

import os
import re
from pathlib import Path

from melib.errors import InputError


def existing_root(name: str, root: str | Path) -> Path:
    """The folder of a dataset, its links followed.

    Raises
    ------
    FileNotFoundError
        If it is not a folder.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no folder {folder} for the dataset {name}: name the folder into which the dataset was unpacked"
        )
    return folder.resolve()


def inside(root: Path, *parts: str) -> Path:
    """A path below a root, each part one plain name.

    Parameters
    ----------
    root : Path
        Existing folder.
    parts : str
        Names of folders and last, perhaps, of a file; from a cell of a label file or a listing, so never trusted.

    Returns
    -------
    Path
        With its links followed; it need not exist.

    Raises
    ------
    ValueError
        If a part is empty, ``.`` or ``..``, holds a separator, a colon or a NUL; if a link leads out of the root, or
        back to a folder on the way to it.
    """
    for part in parts:
        if part.strip() in ("", ".", "..") or re.search(r"[/\\:\0]", part):
            raise InputError(f"{part!r} is not a plain name of a file or folder: mend the label file or rename it")
    base = root.resolve()
    path = base
    for part in parts:
        above = path
        try:
            path = Path(os.path.realpath(above / part, strict=True))
        except FileNotFoundError:
            path = above / part
        except OSError as error:
            raise InputError(f"{above / part} cannot be followed ({error.strerror}): remove it") from error
        if path == above or path in above.parents:
            raise InputError(f"the link {above / part} leads back to {path}: remove it from the dataset")
        if base not in path.parents:
            raise InputError(f"the link {above / part} leads out of {base}: put a copy there instead")
    return path


def subfolders(root: Path, folder: Path) -> dict[str, Path]:
    """The folders in a folder of the dataset, by name and in natural order (2 before 10).

    Hidden folders are left out. A link to a folder, or to nothing, is followed as in :func:`inside`.
    """
    folder = folder.resolve()
    above = folder.relative_to(root.resolve()).parts
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                found[entry.name] = folder / entry.name
            elif entry.is_symlink() and not os.path.isfile(entry.path):
                path = inside(root, *above, entry.name)
                if path.is_dir():
                    found[entry.name] = path
    return {name: found[name] for name in sorted(found, key=natural_key)}


def find_file(root: Path, *patterns: str, depth: int = 2) -> Path:
    """The one file below a root whose name matches a pattern, whatever its case.

    Parameters
    ----------
    root : Path
    patterns : str
        Regular expressions for the whole name; an earlier one is preferred.
    depth : int
        Folders to go down; a file higher up is preferred.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If two are equally good, or a link leads astray.
    """
    levels: list[list[Path]] = [[root.resolve()]]
    seen = {*levels[0]}
    for _ in range(depth):
        below = [path for folder in levels[-1] for path in subfolders(root, folder).values()]
        # Each folder once, or folders that link to one another would make this search endless.
        levels.append([path for path in dict.fromkeys(below) if path not in seen])
        seen.update(levels[-1])
    for pattern in patterns:
        match = re.compile(pattern, re.IGNORECASE).fullmatch
        for folders in levels:
            found = [folder / name for folder in folders for name in sorted(os.listdir(folder)) if match(name)]
            if len(found) > 1:
                raise InputError(f"two label files, {found[0]} and {found[1]}: leave one of them")
            if found:
                return inside(root, *found[0].relative_to(root.resolve()).parts)
    wanted = " or ".join(pattern.replace("\\", "") for pattern in patterns)
    raise FileNotFoundError(f"no label file {wanted} in {root} or {depth} folders below it: put it there")


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Key that sorts numbers in names by value and ignores case."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", name.lower())
    return [(piece.isdecimal(), int(piece) if piece.isdecimal() else 0, piece) for piece in pieces]
