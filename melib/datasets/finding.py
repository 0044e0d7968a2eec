"""Finding folders by their name below a root, however deep the archives were unpacked."""

from __future__ import annotations

import re
from pathlib import Path

from melib.datasets.paths import subfolders


def folders_named(root: Path, name: re.Pattern[str], *, levels: int) -> list[tuple[str, Path]]:
    """Folders whose whole name matches a pattern; one that matches is not entered, so frames are never listed.

    Parameters
    ----------
    root : Path
        As :func:`melib.datasets.paths.existing_root` gives it.
    name : re.Pattern
    levels : int
        How many folders may lie between root and match.

    Returns
    -------
    list of (str, Path)
        Name and path, the links followed; a folder before its neighbours' contents, neighbours in natural order. Each
        folder is entered once, whatever links lead to it.

    Raises
    ------
    ValueError
        If a link leads out of the root or back to a folder above it.
    """
    found, level, entered = [], [root], {root}
    for _ in range(levels + 1):
        below = []
        for folder in level:
            for called, path in subfolders(root, folder).items():
                if name.fullmatch(called):
                    found.append((called, path))
                elif path not in entered:
                    entered.add(path)
                    below.append(path)
        level = below
    return found
