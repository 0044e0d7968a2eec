"""Files that are there whole or not at all."""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from melib.errors import in_one_line
from melib.provenance import computing_hash


@functools.cache
def source_hash(*modules: str) -> str:
    """SHA-256 of the source files that decide what some modules compute, taken once a process."""
    return computing_hash()


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


def check_folder(folder: Path, option: str) -> None:
    """See that files can be written into a folder, or that it can be made, before hours of work are spent.

    Parameters
    ----------
    folder : Path
        Need not exist; nothing is made.
    option : str
        What named it, for the message.

    Raises
    ------
    OSError
        If it, or the nearest folder above it that exists, takes no file.
    """
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OSError(f"{option} {folder} cannot be written into ({error.strerror}): name another folder") from error


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


def refresh_all(wanted: Mapping[Path, str], *, tool: str, check: bool, left_over: Iterable[Path] = ()) -> int:
    """Bring the generated text files of a tool up to date, and say what was done or is to be done.

    Parameters
    ----------
    wanted : mapping of Path to str
        The files, and what they ought to hold.
    tool : str
        The tool as it is called, such as ``tools/make_reference.py``.
    check : bool
        Write nothing; name each file that is missing or stale.
    left_over : iterable of Path
        Files beside them that the tool would not make; each is named, and none deleted.

    Returns
    -------
    int
        The exit code of the tool: 1 if a file is left over, or with ``check`` missing or stale; else 0.
    """
    left_over = list(left_over)
    stale = [path for path, text in wanted.items() if not refresh(path, text, check=check)]
    for path in stale:
        if check:
            print(f"{path} is missing or stale: run python {tool}", file=sys.stderr)
        else:
            print(path)
    for path in left_over:
        print(f"{path} has no source any more: delete it", file=sys.stderr)
    return 1 if left_over or (check and stale) else 0


def refresh_command(
    path: Path, make: Callable[[], str], *, tool: str, doc: str | None, arguments: Sequence[str] | None = None
) -> int:
    """Run the command line of a tool that makes one text file: ``[--check]``.

    Parameters
    ----------
    path : Path
        The file.
    make : callable
        Gives what the file ought to hold.
    tool : str
        The tool as it is called, such as ``tools/make_pipeline.py``.
    doc : str or None
        What ``--help`` says.
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit code: 0 once the file is up to date. With ``--check`` nothing is written, and a file that is missing or
        stale is named and gives 1. Bad input, and a start away from the root of the checkout, give one line and 2.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help=f"write nothing; fail if {path.name} is missing or stale")
    check = parser.parse_args(arguments).check

    def run() -> int:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"no folder {path.parent} for {path.name}: start from the root of the checkout")
        return refresh_all({path: make()}, tool=tool, check=check)

    return in_one_line(tool, run)
