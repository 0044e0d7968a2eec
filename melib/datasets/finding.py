"""Finding a dataset's folders and label files below its root, however deep its archives were unpacked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from melib.datasets.paths import natural_key, subfolders

#: Levels below the root that are searched. The longest published way to a folder of frames has six.
DEEPEST = 7


@dataclass(frozen=True)
class Found:
    """What lies below a root: the folders whose name was asked for, and the files on the way to them."""

    folders: tuple[Path, ...]
    files: tuple[Path, ...]


def search(root: Path, name: re.Pattern[str]) -> Found:
    """Folders whose whole name matches a pattern, and the files outside them.

    A folder that matches is not entered, so frames are never listed. Each folder is entered once, whatever links
    lead to it.

    Parameters
    ----------
    root : Path
        As :func:`melib.datasets.paths.existing_root` gives it.
    name : re.Pattern
        Of the folders.

    Returns
    -------
    Found
        Level by level, each in natural order.

    Raises
    ------
    ValueError
        If a link leads out of the root or back to a folder above it.
    """
    folders, files = [], []
    level, seen = [root], {root}
    for _ in range(DEEPEST):
        below = []
        for folder in level:
            files += sorted(
                (entry for entry in folder.iterdir() if entry.is_file() and entry.name[0] not in ".~"),
                key=lambda entry: natural_key(entry.name),
            )
            for called, path in subfolders(root, folder).items():
                if path in seen:
                    continue
                seen.add(path)
                if name.fullmatch(called):
                    # Under the name by which it was found, which may be that of a link.
                    folders.append(folder / called)
                else:
                    below.append(path)
        level = below
    return Found(tuple(folders), tuple(files))


def pick_file(files: Sequence[Path], patterns: Sequence[re.Pattern[str]]) -> Path | None:
    """The file to read where several releases lie side by side.

    Parameters
    ----------
    files : sequence of Path
    patterns : sequence of re.Pattern
        Of whole names; an earlier one is preferred, and within one the last name in natural order, the newest date or
        version.

    Returns
    -------
    Path or None
        None if no name matches.
    """
    for pattern in patterns:
        named = [path for path in files if pattern.fullmatch(path.name)]
        if named:
            return max(named, key=lambda path: natural_key(path.name))
    return None
