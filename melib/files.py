"""Files that are there whole or not at all, and the hash of the source files that a result rests on."""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import re
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

#: Modules that read filmed faces: nothing that is made of the benchmark rests on them.
FILMED_ONLY = ("melib.datasets.folders", "melib.face.crop", "melib.face.detect", "melib.face.find")


# A string, which is kept, or a comment.
_COMMENT = re.compile(r'''("""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|#[^\n]*''')


@contextmanager
def whole(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file under a temporary name that becomes its own when all is written.

    ``with whole(path) as part: part.write_text(...)``

    A reader sees the old file or the new one, never half of one; an error on the way leaves the old file as it was and
    nothing beside it. The temporary name lies in the same folder, ends in ``.part``, begins with a dot and is another
    one each time, so several processes may write one file at once: the last wins. Permissions are those of a new file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@functools.cache
def source_hash(*modules: str, without: tuple[str, ...] = ()) -> str:
    """SHA-256 over the source files that some modules of melib rest on, as 64 hexadecimal digits.

    Those are the modules, all that they import from melib, inside functions too, the ``__init__`` of every package on
    the way, and the data files that one of them names; not docstrings, comments, empty lines and the version. All files
    are read at the first call: what is edited later is not what this process computes with.

    Parameters
    ----------
    *modules : str
        Full names such as ``"melib.features.compute"``; a package stands for all its modules.
    without : tuple of str
        Modules and packages that have no part in the result, and with them what they alone import.

    Raises
    ------
    LookupError
        If melib has no such module.
    """
    sources = _sources()
    unknown = {*modules, *without} - set(sources)
    if unknown:
        raise LookupError(f"melib has no module {', '.join(sorted(unknown))}")
    found, waiting, left_out = set(), _inside(modules), _inside(without)
    while waiting:
        found |= waiting
        waiting = set().union(*map(_reached, waiting)) - found - left_out
    digest = hashlib.sha256()
    for name in sorted(found):
        # Name and length stand before each content, so that moving a line from one file to the next changes the hash.
        code = _code(name)
        digest.update(f"{name}\0{len(code)}\0".encode() + code)
    return digest.hexdigest()


def _inside(modules: Iterable[str]) -> set[str]:
    """The modules, and those of the packages among them."""
    return {name for name in _sources() for module in modules if f"{name}.".startswith(f"{module}.")}


@functools.cache
def _code(name: str) -> bytes:
    """A module without docstrings, comments and empty lines, or a data file as it is."""
    source = _sources()[name]
    if not name.startswith("melib"):
        return source
    code = re.sub(r"^__version__ = .*", "", source.decode(), flags=re.MULTILINE)
    lines = _COMMENT.sub(lambda found: found[1] or "", code).splitlines()
    for node in _statements(name):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip()).encode()


@functools.cache
def _statements(name: str) -> list[ast.AST]:
    """The statements of a module of melib, those inside of others too; expressions, most of its tree, are passed by."""
    found = [ast.parse(_sources()[name])]
    for node in found:
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            found += getattr(node, field, [])
    return found


@functools.cache
def _reached(name: str) -> set[str]:
    """Modules that a module of melib imports, data files that it names, and the packages on the way to all of them."""
    sources, reached, code = _sources(), [name], _code(name)
    if name.startswith("melib"):
        files = (each for each in sources if not each.startswith("melib"))
        reached += [each for each in files if re.search(f"[\"'/]{re.escape(each)}[\"']".encode(), code)]
    for node in _statements(name) if name.startswith("melib") else ():
        if isinstance(node, ast.Import):
            reached += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            reached += [f"{node.module}.{alias.name}" for alias in node.names]
    # Of "melib.a.b" b may be a function of a: what is no module is left out.
    parts = [each.split(".") for each in reached]
    return {".".join(one[:n]) for one in parts for n in range(1, len(one) + 1)} & sources.keys()


@functools.cache
def _sources() -> dict[str, bytes]:
    """Contents of melib's modules under their full names, and of the data files beside them under their file names."""
    package = Path(__file__).parent
    sources = {path.name: path.read_bytes() for folder in ("assets", "data") for path in (package / folder).glob("*.*")}
    for path in package.rglob("*.py"):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        sources[name.removesuffix(".__init__")] = path.read_bytes()
    return sources


def check_folder(folder: Path, option: str) -> None:
    """See that files can be written into a folder, or that it can be made, before hours of work are spent.

    Nothing is made. OSError says, with the option that named the folder, that it takes no file.
    """
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OSError(f"{option} {folder} cannot be written into ({error.strerror}): name another folder") from error


def refresh(path: Path, text: str, *, check: bool) -> bool:
    """Bring a generated text file up to date, or with ``check`` write nothing; whether it was."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return True
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
    return False


def refresh_all(wanted: Mapping[Path, str], *, tool: str, check: bool, left_over: Iterable[Path] = ()) -> int:
    """Bring the generated text files of a tool up to date, and say what was done; the exit code of the tool.

    With ``check`` nothing is written, and each file that is missing or stale is named and gives 1. Files left over,
    which the tool would not make, are named and give 1, never deleted. ``tool``: such as ``tools/pair_notebooks.py``.
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
