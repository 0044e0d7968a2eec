"""The API reference names every public module and every name with a full docstring, and only names that there are."""

import importlib
import inspect
import pkgutil
import re

import pytest
from reading import ROOT, program

import melib

EXTENSION = program("book/extensions/docstrings.py")
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "book" / "api").glob("*.md"))}
MODULES, FUNCTIONS, CLASSES = (
    [name for text in TEXTS.values() for name in re.findall(rf"^\.\. auto{kind}:: (\S+)$", text, re.MULTILINE)]
    for kind in ("module", "function", "class")
)
NAMED = sorted(FUNCTIONS + CLASSES)
#: Sections of which a full docstring has one or more.
SECTION = re.compile(r"^(Parameters|Returns|Raises|Attributes|Yields)\n-+$", re.MULTILINE)


def public_modules() -> set[str]:
    """What the reference covers: not the command line, nor what files and errors every part shares."""
    found = {"melib", *(each.name for each in pkgutil.walk_packages(melib.__path__, "melib."))}
    left_out = re.compile(r"melib\.(cli|errors|files|__main__)\b|.*\._")
    return {name for name in found if not left_out.match(name)}


def full_docstrings(module: str) -> set[str]:
    """Names that a module defines and describes in full."""
    return {
        f"{module}.{name}"
        for name, found in vars(importlib.import_module(module)).items()
        if getattr(found, "__module__", None) == module and not name.startswith("_") and callable(found)
        if SECTION.search(inspect.getdoc(found) or "")
    }


def test_every_module_stands_on_one_page_and_every_page_in_the_contents_and_the_introduction():
    assert sorted(MODULES) == sorted(public_modules())
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for page in set(TEXTS) - {"index"}:
        assert f"book/api/{page}\n" in contents and f"<{page}>`" in TEXTS["index"]


def test_every_name_is_there_once_and_says_what_it_is_and_every_full_docstring_is_shown():
    assert len(NAMED) == len(set(NAMED))
    for name in NAMED:
        module, _, last = name.rpartition(".")
        found = getattr(importlib.import_module(module), last)
        assert found.__doc__ and found.__module__ == module, name
    for text in TEXTS.values():
        for owner, members in re.findall(r"autoclass:: (\S+)\n   :members: ([\w,\s]*?)\n(?:\n|\.|`)", text):
            module, _, last = owner.rpartition(".")
            for member in members.replace("\n", " ").split(","):
                assert inspect.getdoc(getattr(getattr(importlib.import_module(module), last), member.strip())), member
    full = set().union(*map(full_docstrings, public_modules()))
    assert full - set(NAMED) == set()
    assert len(full) >= 42


@pytest.mark.parametrize(
    ("target", "module", "expected"),
    [
        ("melib.training.loso", None, ("", "melib.training.folds.loso")),
        ("loso", "melib.training.mean", ("", "melib.training.folds.loso")),
        ("melib.synthetic.suites.SUITES", "melib.study", ("mod", "melib.synthetic.suites")),
        ("Video.frames", "melib.video", ("", "melib.video.Video.frames")),
        ("Video.fps", "melib.video", ("class", "melib.video.Video")),
        *((target, "melib.video", None) for target in ("melib.training.los", "los", "melib.nothing.at", "Video.frame")),
    ],
)
def test_a_name_leads_to_where_it_is_defined_and_a_misspelt_one_nowhere(target, module, expected):
    # A module has been imported before Sphinx reads its text.
    for name in ("study", "synthetic.suites", "training.mean", "video"):
        importlib.import_module(f"melib.{name}")
    assert EXTENSION.documented_names(target, module) == ([] if expected is None else [expected])


def test_a_constant_with_a_colon_in_its_comment_keeps_all_its_words():
    words = ["Fixed scale of the planes: pixels that become one."]
    EXTENSION.read_docstring(None, "data", "SCALE", 1.0, None, words)
    assert words[0] == "Fixed scale of the planes: pixels that become one."
