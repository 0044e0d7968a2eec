"""The workflows on GitHub: they parse, call what exists, may do no more than they must, and publish current records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def steps(workflow: str) -> Iterator[dict]:
    for job in WORKFLOWS[workflow]["jobs"].values():
        yield from job["steps"]


def commands(workflow: str) -> str:
    return "\n".join(step["run"] for step in steps(workflow) if "run" in step)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_make_is_asked_for_what_it_has_and_every_script_exists(workflow):
    asked = [word for line in re.findall(r"\bmake ([^\n]+)", commands(workflow)) for word in line.split()]
    assert {word for word in asked if "=" not in word} <= TARGETS
    assert {word for word in asked if "=" in word} <= {"TIER=full", "TIER=quick", "TIER=smoke"}
    scripts = re.findall(r"(?:\.ci/\w+|tools/\w+\.py)", commands(workflow))
    assert all((ROOT / script).is_file() for script in scripts)
    assert asked or scripts


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_uses_no_secret_may_read_and_no_more_and_ends_in_time(workflow):
    (path,) = [path for path in FILES if path.stem == workflow]
    assert not re.search(r"\bsecrets\b|\bgithub\.token\b|(?<!id-)\btoken:", path.read_text(encoding="utf-8"))
    described = WORKFLOWS[workflow]
    assert described["permissions"] == {"contents": "read"} and "group" in described["concurrency"]
    more = {name: job["permissions"] for name, job in described["jobs"].items() if "permissions" in job}
    assert more == ({"publish": {"pages": "write", "id-token": "write"}} if workflow == "publish" else {})
    for job in described["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest" and 0 < job["timeout-minutes"] <= 150
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", action) for action in used)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_the_python_is_the_oldest_that_the_project_supports(workflow):
    oldest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))[1]
    images = [job["container"]["image"] for job in WORKFLOWS[workflow]["jobs"].values() if "container" in job]
    assert images and all(image.startswith(f"python:{oldest}-") for image in images)


def test_a_proposed_change_publishes_nothing_and_the_book_goes_out_with_current_records_alone():
    assert set(WORKFLOWS) == {"tests", "book", "publish"}
    # YAML 1.1 reads the key "on" as true.
    assert set(WORKFLOWS["publish"][True]) == {"push", "workflow_dispatch"}
    assert WORKFLOWS["publish"][True]["push"] == {"branches": ["main"]}
    jobs = WORKFLOWS["publish"]["jobs"]
    assert jobs["publish"]["needs"] == "build"
    assert jobs["publish"]["if"] == "needs.build.outputs.current == 'true'"
    asked = next(step["run"] for step in jobs["build"]["steps"] if step.get("id") == "records")
    assert "-m melib rows all --tier full --missing --folder results; then" in asked
    names = [step.get("id") or step.get("run") or step["uses"] for step in jobs["build"]["steps"]]
    for step in jobs["build"]["steps"][names.index("records") + 1 :]:
        assert step["if"] == "steps.records.outputs.current == 'true'"
    assert "make book TIER=full" in names[names.index("records") + 1 :]
