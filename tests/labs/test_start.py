"""The first cell of a lab: from any folder of a clone, from nowhere, and where all is installed."""

import re
import subprocess
import sys
from pathlib import Path

import make_labs
import nbformat
from lab_tool import LABS, ROOT

CELL = (ROOT / "labs" / "start.py").read_text(encoding="utf-8")

#: Notes which programs the cell would run, in place of running them; ``git clone`` leaves a project.
NOTED = """
import subprocess
from pathlib import Path


def noted(command, **_):
    print("RUN", *command)
    if "clone" in command:
        (Path(command[-1]) / "melib").mkdir(parents=True)
        (Path(command[-1]) / "melib" / "__init__.py").write_text("")


subprocess.run = noted
"""


def start(cell: str, folder: Path, *, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    """Run the cell in a Python that has the standard library and nothing else."""
    program = "\n".join([NOTED, before, cell, after])
    return subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=folder, capture_output=True, text=True)


def test_without_the_project_the_reader_is_told_what_to_write_where(tmp_path):
    result = start(CELL, tmp_path)
    assert result.returncode != 0 and result.stdout == ""
    said = result.stderr.splitlines()[-1]
    assert "git clone" in said and "repository" in said
    assert list(tmp_path.iterdir()) == []


def test_in_a_folder_of_a_clone_or_where_it_is_installed_the_project_is_found(tmp_path):
    (tmp_path / "melib").mkdir()
    (tmp_path / "melib" / "__init__.py").touch()
    below = tmp_path / "labs" / "student"
    below.mkdir(parents=True)
    result = start(CELL, below, after="import melib; print(melib.__file__)")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / "melib" / "__init__.py")
    result = start(CELL, Path("/"), before=f"import sys; sys.path.insert(0, {str(ROOT)!r})", after="import melib")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def test_with_an_address_it_is_cloned_once_with_its_pinned_packages(tmp_path):
    assert CELL.count('repository = ""') == 1
    given = CELL.replace('repository = ""', 'repository = "some/where"')
    result = start(given, tmp_path, after="import melib")
    assert result.returncode == 0, result.stderr
    cloned, installed = result.stdout.splitlines()
    assert cloned.startswith("RUN git clone") and "some/where" in cloned
    assert " -m pip install " in installed and installed.endswith("requirements.lock")
    again = start(given, tmp_path, after="import melib")
    assert (again.returncode, again.stdout) == (0, ""), "a second run finds the clone"


def test_every_lab_begins_with_it_and_it_holds_no_address():
    assert not re.search(r"\w+://|git@|\w\.(com|org|io)\b", CELL)
    for lab in LABS:
        cells = nbformat.reads(make_labs.student_text(lab), as_version=4).cells
        assert next(cell.source for cell in cells if cell.cell_type == "code") == CELL.strip(), lab.name
