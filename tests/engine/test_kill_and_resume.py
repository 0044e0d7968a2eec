"""A pipeline that is killed at random moments comes to the records of one that is left in peace."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import kill_and_resume
import pytest

ROOT = Path(__file__).parents[2]

#: A pipeline of seconds: features, a training of two stages, and a row without either.
EXPERIMENTS = """\
ROWS = (
    Row("mean", "MEAN", VIDEOS, {"suite": "sanity"}),
    Row("ceiling", "Ceiling", CEILINGS, {"suite": "sanity"}),
)
EXPERIMENTS = (Experiment("short", "?", "!", ROWS, (("frames", "roc_auc_frames"),), main=False),)
"""

CATALOGUE_IMPORTS = ("from melib.study import ", "EXPERIMENTS = collect(")

NOTEBOOK = """\
---
kernelspec: {name: python3, display_name: Python 3}
---

# A short experiment

```{code-cell} python
:tags: [parameters]

experiment = "short"
tier = "quick"
```
"""

RUNS = """\
- {id: short, notebook: notebooks/short.md, title: A short experiment, minutes: {smoke: 0.1}}
"""


@pytest.fixture
def source(tmp_path) -> Path:
    """A checkout with one short experiment."""
    checkout = tmp_path / "source"
    kill_and_resume.copy_checkout(ROOT, checkout)
    declared = checkout / "melib" / "study" / "video_experiments.py"
    declared.write_text(declared.read_text() + EXPERIMENTS)
    catalogue = checkout / "melib" / "study" / "catalogue.py"
    lines = catalogue.read_text().splitlines()
    known = {
        CATALOGUE_IMPORTS[0]: "from melib.study import video_experiments",
        CATALOGUE_IMPORTS[1]: "EXPERIMENTS = collect(video_experiments.EXPERIMENTS)",
    }
    for start, line in known.items():
        (where,) = [number for number, text in enumerate(lines) if text.startswith(start)]
        lines[where] = line
    catalogue.write_text("\n".join(lines) + "\n")
    (checkout / "notebooks" / "short.md").write_text(NOTEBOOK)
    (checkout / "runs.yml").write_text(RUNS)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", checkout, *command], check=True)
    return checkout


@pytest.mark.notebook
def test_killed_and_started_again_it_makes_the_same_records(source, capsys):
    assert kill_and_resume.kill_and_resume(source, "smoke", kills=3, seed=7) == []
    said = capsys.readouterr().out
    assert "4 files" in said.splitlines()[0]
    assert "kill 3: after" in said, "three kills hit a running pipeline"


def test_times_are_left_aside_and_nothing_else(tmp_path):
    folder = tmp_path / ".cache" / "records" / "smoke" / "videos"
    folder.mkdir(parents=True)
    record = {"seconds": 1.0, "provenance": {"time": "now", "code": "a"}, "list": [{"value": 1}]}
    (folder / "mean.0.json").write_text(json.dumps(record))
    before = kill_and_resume.records(tmp_path, "smoke")
    (folder / "mean.0.json").write_text(json.dumps({**record, "seconds": 2.0}))
    assert kill_and_resume.records(tmp_path, "smoke") == before
    (folder / "mean.0.json").write_text(json.dumps({**record, "list": [{"value": 2}]}))
    assert kill_and_resume.records(tmp_path, "smoke") != before
