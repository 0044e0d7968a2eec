"""The API reference names every public module, and its references find names where Python would."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import make_reference
import pytest

ROOT = Path(__file__).parents[2]


def program(path: str) -> ModuleType:
    """A file that is no part of the package, as a module."""
    specification = importlib.util.spec_from_file_location(f"program_{Path(path).stem}", ROOT / path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


EXTENSION = program("book/extensions/docstrings.py")

# A module has been imported before Sphinx reads its text.
for name in ("study", "synthetic.suites", "training.mean", "video"):
    importlib.import_module(f"melib.{name}")


def test_the_pages_name_the_modules_that_there_are():
    options = ["--package", str(ROOT / "melib"), "--folder", str(ROOT / "book" / "api")]
    assert make_reference.main([*options, "--check"]) == 0, "run python tools/make_reference.py"


def test_a_new_module_and_a_left_over_page_are_found(tmp_path):
    (tmp_path / "package" / "flow").mkdir(parents=True)
    (tmp_path / "package" / "flow" / "new.py").touch()
    (tmp_path / "package" / "flow" / "_private.py").touch()
    assert make_reference.modules(tmp_path / "package", "flow") == ["melib.flow", "melib.flow.new"]
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "gone.md").touch()
    (pages / "index.md").touch()
    options = ["--package", str(tmp_path / "package"), "--folder", str(pages)]
    assert make_reference.main([*options, "--check"]) == 1
    assert not (pages / "flow.md").exists()
    assert make_reference.main(options) == 1, "a page about no package stays an error"
    (pages / "gone.md").unlink()
    assert make_reference.main(options) == 0
    assert "automodule:: melib.flow.new" in (pages / "flow.md").read_text(encoding="utf-8")


def test_without_a_package_no_page_is_written(tmp_path, capsys):
    options = ["--package", str(tmp_path / "package"), "--folder", str(tmp_path / "pages")]
    assert make_reference.main(options) == 2
    assert "no package" in capsys.readouterr().err
    assert not (tmp_path / "pages").exists()


def test_every_page_is_listed_in_the_introduction_of_the_reference():
    text = (ROOT / "book" / "api" / "index.md").read_text(encoding="utf-8")
    assert [name for name in make_reference.PACKAGES if f"<{name}>`" not in text] == []


@pytest.mark.parametrize(
    ("target", "module", "expected"),
    [
        ("melib.training.loso", None, ("", "melib.training.folds.loso")),
        ("loso", "melib.training.mean", ("", "melib.training.folds.loso")),
        ("melib.synthetic.suites.SUITES", "melib.study", ("mod", "melib.synthetic.suites")),
        ("Video.frames", "melib.video", ("", "melib.video.Video.frames")),
        ("Video.fps", "melib.video", ("class", "melib.video.Video")),
    ],
)
def test_a_name_leads_to_where_it_is_defined(target, module, expected):
    assert EXTENSION.documented_names(target, module) == [expected]


@pytest.mark.parametrize("target", ["melib.training.los", "los", "melib.nothing.at.all", "Video.frame"])
def test_a_misspelt_name_leads_nowhere(target):
    assert EXTENSION.documented_names(target, "melib.video") == []


def test_a_constant_with_a_colon_in_its_comment_keeps_all_its_words():
    words = ["Fixed scale of the planes: pixels that become one."]
    EXTENSION.read_docstring(None, "data", "SCALE", 1.0, None, words)
    assert words[0] == "Fixed scale of the planes: pixels that become one."
