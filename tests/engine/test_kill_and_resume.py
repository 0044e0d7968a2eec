"""Rows that are killed at any moment come to the records of rows that are left in peace."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from branching import start

from melib.__main__ import main
from melib.study import long_videos, settings

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
#: Moments of the kill: as soon as such a file is there.
MOMENTS = ("store/*", "store/networks/*", "records/**/mean.0.zip")
#: A tier of seconds.
SMALL = {"people": (2, 2), "videos": 1, "frames": 90, "stride": 8, "clips": 3, "resamples": 20, "control_draws": 1}
SMALL |= {"spot_steps": 9, "recognition_steps": 9, "joint_steps": 9, "batch": 16}


def compute() -> int:
    """Compute both rows from the command line, in a process of its own."""
    settings.TIERS["smoke"] = replace(settings.TIERS["smoke"], **SMALL)
    long_videos.FLOOR_DRAWS = 20
    return main(["rows", "short", "--tier", "smoke", "--folder", "records", "--store", "store"])


def made(checkout: Path) -> dict[str, object]:
    """What all records hold, times and memory left aside."""
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
        process = start(killed, compute)
        try:
            deadline = time.monotonic() + 300
            while not any(path.is_file() for path in killed.glob(moment)):
                assert process.is_alive() and time.monotonic() < deadline, f"no {moment}"
                time.sleep(0.01)
        finally:
            process.kill()
            process.join()
    for checkout in checkouts:
        process = start(checkout, compute)
        process.join(timeout=540)
        assert process.exitcode == 0
    wanted = made(peace)
    assert {"mean.0.json", "mean.0.zip", "ceiling.0.json"} <= wanted.keys()
    assert made(killed) == wanted
