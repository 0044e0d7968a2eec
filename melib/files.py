"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file under a temporary name that becomes its own when all is written.

    ``with whole(path) as part: part.write_text(...)``

    A reader sees the old file or the new one, never half of one; an error on the way leaves the old file as it was and
    nothing beside it. The file gets the permissions that any new file gets, since whoever writes creates it.

    Parameters
    ----------
    path : path
        In a folder that exists.

    Yields
    ------
    Path
        A name in the same folder that is not taken, where the file is to be written. It ends in ``.part``, begins
        with a dot and is another one each time, so several processes may write one file at once: the last wins.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def refresh(path: Path, text: str, *, check: bool) -> bool:
    """Bring a generated text file up to date; whether it was.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    text : str
        What the file ought to hold.
    check : bool
        Only say whether it does, write nothing.
    """
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return True
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
    return False
