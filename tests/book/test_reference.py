"""The API reference lists its pages, and its references find names where Python would."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

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


def test_every_page_is_listed_in_the_introduction_of_the_reference():
    folder = ROOT / "book" / "api"
    text = (folder / "index.md").read_text(encoding="utf-8")
    pages = [path.stem for path in folder.glob("*.md") if path.stem != "index"]
    assert len(pages) > 10 and [name for name in pages if f"<{name}>`" not in text] == []


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
