"""Kill the pipeline at random moments and see that it comes to the same records as one that nobody killed.

    python tools/kill_and_resume.py [--tier smoke] [--kills 10] [--seed 0] [--runs ID ...]

Two fresh copies of the checkout (tracked files alone) compute the records of a tier: one is left in peace, the other is
killed (kill -9, all its processes) and started again. Records must then agree bit for bit, apart from times and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

from melib.engine.runs import TIERS
from melib.errors import InputError, in_one_line

#: What two runs of one computation may differ by.
TIMES = ("seconds", "peak_memory_mb", "time")


def copy_checkout(source: Path, target: Path, runs: list[str] | None = None) -> None:
    """Copy the tracked files of a checkout, with some of its declared runs or all.

    Raises
    ------
    LookupError
        If a run is not declared.
    ValueError
        If the source is no checkout, so that its tracked files cannot be told.
    """
    listed = subprocess.run(["git", "-C", source, "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode:
        raise InputError(f"{source} is no git checkout: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)
    if runs:
        declared = yaml.safe_load((target / "runs.yml").read_text(encoding="utf-8"))
        unknown = set(runs) - {run["id"] for run in declared}
        if unknown:
            raise InputError(f"no run {', '.join(sorted(unknown))} in runs.yml")
        chosen = [run for run in declared if run["id"] in runs]
        (target / "runs.yml").write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")


def start(checkout: Path, tier: str) -> subprocess.Popen[bytes]:
    """Start the records of a tier, in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "XDG_CACHE_HOME": str(checkout / ".cache")}
    environment.pop("MELIB_CACHE", None)
    return subprocess.Popen(
        [sys.executable, "tools/build_book.py", tier, "records"],
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, its group and all its descendants, at once and without warning."""
    descendants = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    for descendant in descendants:
        try:
            descendant.kill()
        except psutil.NoSuchProcess:  # it was in the group
            continue
    psutil.wait_procs(descendants, timeout=10)
    process.communicate()


def finish(checkout: Path, tier: str) -> float:
    """Run the pipeline to its end; seconds that it took. Raises RuntimeError if it fails."""
    started = time.monotonic()
    process = start(checkout, tier)
    refuse_failure(process, wait(process))
    return time.monotonic() - started


def wait(process: subprocess.Popen[bytes], seconds: float | None = None) -> bytes:
    """What a pipeline says until it ends; if it does not within the time, or an interruption comes, it is killed.

    Raises
    ------
    subprocess.TimeoutExpired
        If it was killed because its time was up.
    """
    try:
        return process.communicate(timeout=seconds)[1]
    except BaseException:  # in its own process group it would outlive this program
        kill(process)
        raise


def refuse_failure(process: subprocess.Popen[bytes], said: bytes) -> None:
    """Raise RuntimeError with the last of what it said if a pipeline that has ended failed."""
    if process.returncode:
        raise RuntimeError(f"the pipeline failed:\n{said.decode(errors='replace')[-3000:]}")


def records(checkout: Path, tier: str) -> dict[str, object]:
    """The records that a checkout has made, by file name, without :data:`TIMES`."""
    folder = checkout / ".cache" / "records" / tier
    return {
        path.relative_to(folder).as_posix(): _timeless(json.loads(path.read_text(encoding="utf-8")))
        if path.suffix == ".json"
        else path.read_bytes()
        for path in sorted(folder.rglob("*.*"))
        if path.is_file()
    }


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key not in TIMES}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def kill_and_resume(source: Path, tier: str, *, kills: int, seed: int, runs: list[str] | None = None) -> list[str]:
    """Compute the records of a tier twice, once with kills.

    Parameters
    ----------
    source : Path
        A checkout.
    tier : str
    kills : int
        A run that ends before its moment is none: its records are compared, and the next starts from the beginning.
    seed : int
        Of the moments.
    runs : list of str, optional
        Declared runs whose records to compute; by default all.

    Returns
    -------
    list of str
        Files that are missing or differ; empty if all agree.
    """
    generator = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="melib-kill-") as folder:
        calm, harried = Path(folder, "calm"), Path(folder, "harried")
        for checkout in (calm, harried):
            copy_checkout(source, checkout, runs)
        differing: list[str] = []
        whole = finish(calm, tier)
        print(f"undisturbed: {whole:.0f} s, {len(records(calm, tier))} files", flush=True)
        landed = 0
        while landed < kills:
            process = start(harried, tier)
            moment = generator.uniform(0.05, 1.0) * whole
            try:
                said = wait(process, moment)
            except subprocess.TimeoutExpired:
                landed += 1
                print(f"kill {landed}: after {moment:.1f} s, {len(records(harried, tier))} files", flush=True)
                continue
            refuse_failure(process, said)
            print(f"ended within {moment:.1f} s; from the beginning, for the kills that are left", flush=True)
            differing += _differing(harried, calm, tier)
            shutil.rmtree(harried)
            copy_checkout(source, harried, runs)
        finish(harried, tier)
        return differing + _differing(harried, calm, tier)


def _differing(harried: Path, calm: Path, tier: str) -> list[str]:
    """Records that are missing or differ, and what a kill left half-written."""
    expected, found = records(calm, tier), records(harried, tier)
    if not expected:
        raise RuntimeError("the pipeline made no record: nothing was compared")
    left = [path.name for path in harried.glob(".cache/records/**/*.part") if path.is_file()]
    return [name for name in expected if found.get(name) != expected[name]] + left


def main() -> int:
    """Print what differs; 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tier", choices=TIERS, default="smoke")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", nargs="*", help="declared runs (default: all)")
    arguments = parser.parse_args()
    return in_one_line("tools/kill_and_resume.py", lambda: run(arguments))


def run(arguments: argparse.Namespace) -> int:
    """Kill, compare, print."""
    if arguments.kills < 1:
        raise InputError(f"--kills must be at least 1, got {arguments.kills}")
    source = Path(__file__).resolve().parents[1]
    try:
        differing = kill_and_resume(
            source, arguments.tier, kills=arguments.kills, seed=arguments.seed, runs=arguments.runs
        )
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print("the records agree bit for bit, apart from times" if not differing else f"differ: {', '.join(differing)}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
