"""The hash covers what computes and nothing else; the commit is the one of this code or none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import melib
from melib import provenance

#: What computes, from the nouns up to the study, and the data that lies with it.
COMPUTING = {
    "assets",
    "data",
    "datasets",
    "face",
    "features",
    "flow",
    "metrics",
    "models",
    "spotting",
    "study",
    "synthetic",
    "training",
    "video",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with one file of each sort."""
    for name in ("video.py", "flow/dis.py", "assets/head.npz", "plots/style.py", "cli/run.py", "tables.py"):
        path = tmp_path / "melib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n")
    return tmp_path / "melib"


@pytest.mark.parametrize("name", ["video.py", "flow/dis.py", "assets/head.npz"])
def test_a_change_of_what_computes_changes_the_hash(package, name):
    before = provenance.computing_hash(package)
    (package / name).write_text("other content\n")
    assert provenance.computing_hash(package) != before


@pytest.mark.parametrize("name", ["plots/style.py", "cli/run.py", "tables.py", "flow/__pycache__/dis.pyc"])
def test_a_change_of_what_only_shows_leaves_the_hash(package, name):
    before = provenance.computing_hash(package)
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text("other content\n")
    assert provenance.computing_hash(package) == before


def test_a_module_that_nobody_listed_counts_as_computing(package):
    before = provenance.computing_hash(package)
    (package / "brand_new.py").write_text("x = 1\n")
    assert provenance.computing_hash(package) != before


@pytest.mark.parametrize("name", ["engine/markup.py", "engine/pages.py", "plots/style.py", "recording.py"])
def test_what_leaves_a_mark_on_a_page_is_in_the_hash_of_what_shows_and_in_no_other(package, name):
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text("one\n")
    shown, computed = provenance.presentation_hash(package), provenance.computing_hash(package)
    (package / "engine").mkdir(exist_ok=True)
    (package / "engine" / "jobs.py").write_text("who runs what when\n")
    assert provenance.presentation_hash(package) == shown, "the rest of the engine leaves none"
    (package / name).write_text("two\n")
    assert provenance.presentation_hash(package) != shown
    assert provenance.computing_hash(package) == computed


def test_the_files_of_the_engine_that_make_a_page_are_there():
    here = Path(melib.__file__).parent
    assert (here / "engine" / "markup.py").is_file() and (here / "engine" / "pages.py").is_file()


def test_moving_a_line_between_files_changes_the_hash(package):
    (package / "flow" / "a.py").write_text("one\ntwo\n")
    (package / "flow" / "b.py").write_text("three\n")
    before = provenance.computing_hash(package)
    (package / "flow" / "a.py").write_text("one\n")
    (package / "flow" / "b.py").write_text("two\nthree\n")
    assert provenance.computing_hash(package) != before


def test_the_hash_does_not_depend_on_where_the_package_lies(package, tmp_path):
    moved = package.rename(tmp_path / "moved")
    assert provenance.computing_hash(moved) == provenance.computing_hash(moved.rename(package))


def test_every_module_of_the_library_is_known_as_computing_or_as_presentation():
    here = Path(melib.__file__).parent
    names = {path.name.removesuffix(".py") for path in here.iterdir() if path.name != "__pycache__"}
    assert names <= COMPUTING | provenance.PRESENTATION
    assert not COMPUTING & provenance.PRESENTATION


def test_the_commit_is_named_and_marked_when_files_differ(tmp_path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "--quiet", "-m", "a")
    commit = git("rev-parse", "HEAD")
    assert provenance.git_commit(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    assert provenance.git_commit(tmp_path) == commit + "+changes"
    (tmp_path / "installed").mkdir()
    assert provenance.git_commit(tmp_path / "installed") == "unknown", "a folder inside somebody's repository"


def test_without_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit(tmp_path) == "unknown"


def test_provenance_can_be_written_as_json_and_names_the_device_only_if_told():
    made = provenance.provenance(device="cpu")
    assert json.loads(json.dumps(made)) == made
    assert made["device"] == "cpu" and "device" not in provenance.provenance()
    assert made["packages"]["melib"] == melib.__version__
    assert {"numpy", "torch"} <= set(made["packages"])
    assert len(made["code"]) == 64
