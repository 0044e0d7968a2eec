"""The hash of the source files that a result rests on: what changes it, and what does not."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from melib.files import source_hash

MELIB = Path(__file__).parents[2] / "melib"
FILES = {
    "__init__.py": "",
    "flow/__init__.py": "from melib.flow.fast import move",
    "flow/fast.py": "def move():\n    from melib import noise\n    return noise",
    "flow/slow.py": "",
    "noise.py": "TABLE = 'data/table.csv'",
    "plots.py": "import melib.flow.fast as fast",
    "data/table.csv": "1,2",
    "data/other.csv": "1,2",
}


@pytest.fixture
def hashes(tmp_path):
    """A function that writes a small melib, changes some of it, and hashes ``melib.flow.fast`` in a new process."""
    for name in ("files.py", "errors.py"):
        (tmp_path / "melib").mkdir(exist_ok=True)
        shutil.copy(MELIB / name, tmp_path / "melib")

    def run(changes=None, code="print(source_hash('melib.flow.fast'))"):
        for name, text in {**FILES, **(changes or {})}.items():
            path = tmp_path / "melib" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        command = [sys.executable, "-c", f"from melib.files import source_hash\n{code}"]
        return subprocess.run(command, cwd=tmp_path, env={}, check=True, capture_output=True, text=True).stdout.split()

    return run


def test_what_a_module_rests_on_changes_its_hash_and_nothing_else_does(hashes):
    before = hashes()
    assert len(before[0]) == 64 and hashes() == before
    reached = ["flow/fast.py", "flow/__init__.py", "__init__.py", "noise.py", "data/table.csv"]
    for name in reached:
        assert hashes({name: FILES[name] + "\nX = 1"}) != before, name
    for name in set(FILES) - set(reached):
        assert hashes({name: FILES[name] + "\nX = 1"}) == before, name


def test_words_the_version_and_modules_without_a_part_do_not_change_it(hashes):
    told = 'def move():\n    """Move."""\n\n    from melib import noise  # now\n    return noise'
    assert hashes({"flow/fast.py": told, "__init__.py": '__version__ = "2.0.0"'}) == hashes()
    assert hashes({"noise.py": "TABLE = 'data/table.csv#'"}) != hashes({"noise.py": "TABLE = 'data/table.csv'"})
    code = "print(source_hash('melib.flow.fast', without=('melib.noise',)))"
    assert hashes({"noise.py": "X = 1", "data/table.csv": "3"}, code) == hashes(code=code) != hashes()


def test_an_edit_after_the_first_call_does_not_count_and_a_package_stands_for_all_its_modules(hashes):
    edit = "from pathlib import Path\nsource_hash('melib.plots')\nPath('melib/noise.py').write_text('TABLE = 2')\n"
    assert hashes(code=edit + "print(source_hash('melib.flow.fast'))") == hashes()
    code = "print(source_hash('melib.flow'))"
    assert hashes({"flow/slow.py": "SPEED = 1"}, code) != hashes(code=code)
    with pytest.raises(LookupError, match=r"no module melib\.flow\.missing"):
        source_hash("melib.video", "melib.flow.missing")


def test_every_import_of_melib_is_one_that_the_hash_can_follow():
    relative = [path.name for path in MELIB.rglob("*.py") if re.search(r"^\s*from \.", path.read_text(), re.M)]
    assert relative == []
