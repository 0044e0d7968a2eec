"""Paths that label files and folders of a dataset name: followed inside the dataset's root, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path


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
            raise ValueError(f"{part!r} is not a plain name of a file or folder: mend the label file or rename it")
    base = root.resolve()
    path = base
    for part in parts:
        above = path
        try:
            path = (above / part).resolve()
            path.is_dir()
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{above / part} cannot be followed ({error}): remove it from the dataset") from error
        if path == above or path in above.parents:
            raise ValueError(f"the link {above / part} leads back to {path}: remove it from the dataset")
        if base not in path.parents:
            raise ValueError(f"the link {above / part} leads out of {base}: put a copy there instead")
    return path


def subfolders(root: Path, folder: Path) -> dict[str, Path]:
    """The folders in a folder of the dataset, by name and in natural order (2 before 10); links as in :func:`inside`.

    Hidden folders are left out.
    """
    names = sorted((entry.name for entry in folder.iterdir() if entry.name[0] != "."), key=natural_key)
    above = folder.resolve().relative_to(root.resolve()).parts
    paths = {name: inside(root, *above, name) for name in names}
    return {name: path for name, path in paths.items() if path.is_dir()}


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Key that sorts numbers in names by value and ignores case."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", name.lower())
    return [(piece.isdecimal(), int(piece) if piece.isdecimal() else 0, piece) for piece in pieces]
