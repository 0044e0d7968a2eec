"""What a record says of its making is so."""

import json
import subprocess

import melib
from melib import provenance


def test_the_commit_is_named_and_marked_when_files_differ(tmp_path, monkeypatch):
    def git(*arguments: str) -> str:
        command = ["git", "-C", tmp_path, "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

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
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit(tmp_path) == "unknown", "there is no git"


def test_provenance_can_be_written_as_json_and_names_the_device_only_if_told():
    made = provenance.provenance(device="cpu")
    assert json.loads(json.dumps(made)) == made
    assert made["device"] == "cpu" and "device" not in provenance.provenance()
    assert made["packages"]["melib"] == melib.__version__
    assert {"numpy", "torch"} <= set(made["packages"])
