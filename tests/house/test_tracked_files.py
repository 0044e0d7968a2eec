"""What must not be in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Absolute folders of somebody's machine; spelt in two parts so that this file does not name them itself.
MACHINE_PATH = re.compile(r"(?<![\w.$~-])/(?:" + "|".join(["work", "tmp", "root", "home", "Users"]) + r")/\w")

#: Large enough for the head asset, too small for a dataset or a network's weights.
LARGEST = 2**20


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    answer = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_tracked_file_names_a_path_of_a_machine(tracked):
    texts = {path: content.decode(errors="replace") for path in tracked if b"\0" not in (content := path.read_bytes())}
    assert [f"{path.relative_to(ROOT)}: {hit[0]}" for path in texts for hit in MACHINE_PATH.finditer(texts[path])] == []


def test_nothing_large_and_nothing_generated_is_tracked(tracked):
    assert [path for path in tracked if path.stat().st_size > LARGEST] == []
    names = [path.relative_to(ROOT).as_posix() for path in tracked]
    generated = ("book/runs/", "labs/student/", "labs/slides/", "_build/", ".venv/", ".cache/", ".snakemake/")
    assert not [name for name in names if name.startswith(generated) or "__pycache__" in name]
