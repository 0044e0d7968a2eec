"""Compute records through SLURM and on this computer directly, and see that they are the same.

    python tools/try_slurm.py [--tier smoke] [--runs ID ...] [--gpu]

Two fresh copies of the checkout (tracked files alone) compute the records of some declared runs: one with
``profiles/slurm`` on a SLURM of one node (``tools/one_node_slurm.py``), each row a job of its own, the other with the
engine as ``make`` starts it. Records must agree bit for bit, apart from times and memory.
Needed: SLURM and MUNGE, and the executor: ``pip install -c requirements.lock -e ".[cluster]"``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

from kill_and_resume import copy_checkout, finish, records
from one_node_slurm import start, stop

from melib.engine.runs import TIERS
from melib.errors import in_one_line

EXECUTOR = "snakemake-executor-plugin-slurm"


def through_slurm(checkout: Path, tier: str, environment: dict[str, str], *, gpu: bool) -> int:
    """Compute the records of a tier as jobs of SLURM.

    Returns
    -------
    int
        The number of jobs that SLURM ran to their end.

    Raises
    ------
    RuntimeError
        If the engine or a job fails.
    """
    environment = {**os.environ, **environment, "PYTHONPATH": str(checkout), "XDG_CACHE_HOME": str(checkout / ".cache")}
    environment.pop("MELIB_CACHE", None)
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--config", f"tier={tier}", "batch=1"]
    # One node keeps no accounts, which sacct would read, and jobs here are short.
    command += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5"]
    command += ["--latency-wait", "5"]
    command += ["--set-resources", "record:gres=gpu:1"] if gpu else []
    log = checkout / "engine.log"
    with log.open("wb") as said:
        code = subprocess.run(
            [*command, "--", "records"], cwd=checkout, env=environment, stdout=said, stderr=said
        ).returncode
    if code:
        raise RuntimeError(f"the engine failed:\n{log.read_text(errors='replace')[-3000:]}")
    query = ["squeue", "--noheader", "--states=all", "--format=%T %b"]
    answer = subprocess.run(query, env=environment, capture_output=True, text=True, check=True)
    states = [line.split() for line in answer.stdout.splitlines()]
    if gpu and not any("gpu:1" in what for _, what in states):
        raise RuntimeError(f"no job asked for a graphics card: {answer.stdout}")
    return sum(state == "COMPLETED" for state, _ in states)


def try_slurm(source: Path, tier: str, *, runs: list[str] | None, gpu: bool) -> list[str]:
    """Compute the records of some runs both ways.

    Parameters
    ----------
    source : Path
        A checkout.
    tier : str
    runs : list of str, optional
        Declared runs whose records to compute; by default all.
    gpu : bool
        Whether the jobs of records ask for a graphics card, which the one node claims to have.

    Returns
    -------
    list of str
        Files that are missing or differ; empty if all agree.
    """
    with tempfile.TemporaryDirectory(prefix="melib-slurm-") as folder:
        here, there, cluster = Path(folder, "here"), Path(folder, "there"), Path(folder, "slurm")
        for checkout in (here, there):
            copy_checkout(source, checkout, runs)
        environment = start(cluster)
        try:
            started = time.monotonic()
            jobs = through_slurm(there, tier, environment, gpu=gpu)
            print(f"through SLURM: {jobs} jobs, {time.monotonic() - started:.0f} s", flush=True)
        finally:
            stop(cluster)
        seconds = finish(here, tier)
        expected, found = records(here, tier), records(there, tier)
        print(f"directly: {seconds:.0f} s, {len(expected)} files", flush=True)
        if not expected:
            raise RuntimeError("the engine made no record: nothing was compared")
        return sorted(name for name in expected.keys() | found.keys() if found.get(name) != expected.get(name))


def main() -> int:
    """Print what differs; 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", choices=TIERS, default="smoke")
    parser.add_argument("--runs", nargs="*", help="declared runs (default: all)")
    parser.add_argument("--gpu", action="store_true", help="let the jobs of records ask for a graphics card")
    arguments = parser.parse_args()
    try:
        versions = f"Snakemake {metadata.version('snakemake')}, {EXECUTOR} {metadata.version(EXECUTOR)}"
    except metadata.PackageNotFoundError as error:
        print(f'{error}: pip install -c requirements.lock -e ".[cluster]"', file=sys.stderr)
        return 1
    print(versions, flush=True)
    return in_one_line("tools/try_slurm.py", lambda: run(arguments))


def run(arguments: argparse.Namespace) -> int:
    """Compute, compare, print."""
    source = Path(__file__).resolve().parents[1]
    try:
        differing = try_slurm(source, arguments.tier, runs=arguments.runs, gpu=arguments.gpu)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print("the records agree bit for bit, apart from times" if not differing else f"differ: {', '.join(differing)}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
