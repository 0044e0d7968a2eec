"""A pipeline that is killed at random moments comes to the records of one that is left in peace."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
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
EXPERIMENTS = (Experiment("short", "?", "!", ROWS, (("frames", "roc_auc_frames"),)),)
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


def test_what_is_no_checkout_is_said(tmp_path):
    with pytest.raises(ValueError, match="is no git checkout"):
        kill_and_resume.copy_checkout(tmp_path, tmp_path / "copy")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--kills", "0"], "--kills must be at least 1"), (["--runs", "nosuch"], "no run nosuch in runs.yml")],
)
def test_a_wrong_argument_gets_one_line(monkeypatch, capsys, arguments, words):
    monkeypatch.setattr(sys, "argv", ["kill_and_resume.py", *arguments])
    monkeypatch.setattr(kill_and_resume, "start", lambda *_: pytest.fail("started"))
    assert kill_and_resume.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_an_interruption_ends_the_pipeline_too():
    sleeper = subprocess.Popen(
        ["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            kill_and_resume.wait(sleeper)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sleeper.poll() == -signal.SIGKILL
