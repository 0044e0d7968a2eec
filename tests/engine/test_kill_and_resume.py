"""Rows that are killed at any moment come to the records of rows that are left in peace."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Features, a training of two stages, and a row without either.
EXPERIMENT = """\
question: "?"
criterion: "!"
least: 0.1
measures: [roc_auc_frames]
rows:
- {name: mean, label: MEAN, settings: {model: mean, suite: sanity}}
- {name: ceiling, label: Ceiling, settings: {model: labels, suite: sanity}}
"""
#: The command line with a tier of seconds.
PROGRAM = """\
import sys
from dataclasses import replace
from melib.__main__ import main
from melib.study import long_videos, settings
steps = dict(spot_steps=9, recognition_steps=9, joint_steps=9, batch=16)
small = dict(people=(2, 2), videos=1, frames=90, stride=8, clips=3, resamples=20, control_draws=1)
settings.TIERS["smoke"] = replace(settings.TIERS["smoke"], **small, **steps)
long_videos.CHANCE_DRAWS = long_videos.FLOOR_DRAWS = 20
sys.exit(main(["rows", "short", "--tier", "smoke", "--folder", "records", "--store", "store"]))
"""
#: Moments of the kill: as soon as such a file is there.
MOMENTS = ("store/*", "store/networks/*", "records/**/mean.0.zip")


def start(checkout: Path) -> subprocess.Popen[str]:
    """Start the computing of both rows, in a process group of its own."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=checkout,
        env={**os.environ, **threads, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(checkout: Path) -> dict[str, object]:
    """Let it run to its end: what all records hold, times and memory left aside."""
    process = start(checkout)
    _, said = process.communicate(timeout=540)
    assert process.returncode == 0, said
    found: dict[str, object] = {}
    for path in sorted((checkout / "records").rglob("*.*")):
        if path.suffix == ".json":
            values = json.loads(path.read_text())
            del values["seconds"], values["peak_memory_mb"], values["provenance"]["time"]
            found[path.name] = values
        elif not path.name.startswith("."):
            found[path.name] = path.read_bytes()
    return found


@pytest.fixture
def checkouts(tmp_path) -> list[Path]:
    """Two checkouts with one short experiment."""
    made = [tmp_path / name for name in ("peace", "killed")]
    for checkout in made:
        (checkout / "notebooks").mkdir(parents=True)
        (checkout / "results").mkdir()
        (checkout / "notebooks" / "short.yml").write_text(EXPERIMENT)
    return made


@pytest.mark.notebook
def test_killed_and_started_again_it_makes_the_same_records(checkouts):
    peace, killed = checkouts
    for moment in MOMENTS:
        process = start(killed)
        try:
            deadline = time.monotonic() + 300
            while not any(path.is_file() for path in killed.glob(moment)):
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline, f"no {moment}"
                time.sleep(0.01)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    found, wanted = finish(killed), finish(peace)
    assert {"mean.0.json", "mean.0.zip", "ceiling.0.json"} <= wanted.keys()
    assert found == wanted
