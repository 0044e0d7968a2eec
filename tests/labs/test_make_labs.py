"""From the source of a lab to what students and teachers get."""

import json
import re
from pathlib import Path

import make_labs
import pytest

HEAD = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""

BODY = '''\
# Halves & quarters

Between the title and the first slide.

```{code-cell} ipython3
:tags: [start]

import melib
```

```{code-cell} ipython3
---
tags: [parameters]
small: {people: 3}
---
people = 24
```

+++ {"tags": ["slide"]}

## What is a half?

It is $\\frac12$.

```{code-cell} ipython3
:tags: [slide]

print("shown on the slide")
```

+++ {"tags": ["slide"]}

## A second slide

| one | two |
|---|---|
| a | b |

+++ {"tags": ["instructor"]}

**Timing.** Ten minutes, see {doc}`index`.

+++

## Exercise 1: halve

```{code-cell} ipython3
:tags: [solution]

import math


def half(number: float, *, digits: int = 3) -> float:
    """Half of a number.

    Rounded to ``digits``.
    """
    # a hint that gives it away
    halved = number / 2
    return round(halved, digits)


def quarter(number):
    """A quarter, by your own `half`."""
    return half(half(number))
```

```{code-cell} ipython3
:tags: [check]

assert half(3) == 1.5, "half of three is one and a half"
```

Why not a third?

+++ {"tags": ["solution"]}

Because the secret is two.
'''


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A checkout of one lab, which is the working folder."""
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "lab_halves.md").write_text(HEAD + BODY, encoding="utf-8")
    (tmp_path / "labs" / "start.py").write_text("begin = True\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def student(folder: Path) -> list[dict]:
    assert make_labs.main([]) == 0
    return json.loads((folder / "labs" / "student" / "lab_halves.ipynb").read_text(encoding="utf-8"))["cells"]


def sources(cells: list[dict]) -> list[str]:
    return ["".join(cell["source"]) for cell in cells]


def test_a_student_gets_signature_docstring_and_all_but_solutions_in_its_order(folder):
    made = sources(student(folder))
    (emptied,) = [source for source in made if "def half" in source]
    assert emptied == (
        "import math\n\n\n"
        "def half(number: float, *, digits: int=3) -> float:\n"
        '    """Half of a number.\n\n    Rounded to ``digits``.\n    """\n'
        "    raise NotImplementedError('exercise 1: half')\n\n\n"
        "def quarter(number):\n"
        '    """A quarter, by your own `half`."""\n'
        "    raise NotImplementedError('exercise 1: quarter')"
    )
    for secret in ("halved", "gives it away", "secret", "Ten minutes", "small"):
        assert secret not in "".join(made)
    assert [source.partition("\n")[0] for source in made] == [
        *("# Halves & quarters", "begin = True", "people = 24", "## What is a half?", 'print("shown on the slide")'),
        *("## A second slide", "## Exercise 1: halve", "import math"),
        *('assert half(3) == 1.5, "half of three is one and a half"', "Why not a third?", make_labs.ANSWER),
    ]
    text = make_labs.student_text(make_labs.read_lab(Path("labs/lab_halves.md")), solved={1})
    assert "a hint that gives it away" in text and "NotImplementedError" not in text, "a solved exercise stays"


def test_slides_are_those_cells_with_formulas_that_need_no_script_and_teachers_get_their_words(folder):
    student(folder)
    page = (folder / "labs" / "slides" / "lab_halves.html").read_text(encoding="utf-8")
    body = page.partition('<div class="slides">')[2].partition("</div></div>")[0]
    assert body.count("<section>") == 2
    assert "<mfrac>" in body and "shown on the slide" in body and "<td>b</td>" in body
    assert "Exercise" not in body and "halved" not in body
    assert "<title>Halves &amp; quarters</title>" in page
    table = (folder / make_labs.TABLE).read_text(encoding="utf-8")
    assert "tools/make_labs.py" in table and "## Halves & quarters" in table and "**Timing.** Ten minutes" in table
    assert "secret" not in table


def test_the_same_sources_give_the_same_bytes_and_a_check_writes_nothing(folder, capsys):
    before = sorted(folder.rglob("*"))
    assert make_labs.main(["--check"]) == 1
    assert "run python tools/make_labs.py" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
    assert make_labs.main([]) == make_labs.main(["--check"]) == 0
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(first) == 5
    capsys.readouterr()
    assert make_labs.main([]) == 0
    assert capsys.readouterr().out == "", "nothing differed, so nothing is written"
    for path in first:
        if path.parent.name != "labs":
            path.unlink()
    assert make_labs.main([]) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    source = folder / "labs" / "lab_halves.md"
    source.write_text(source.read_text(encoding="utf-8").replace("Ten minutes", "An hour"), encoding="utf-8")
    assert make_labs.main(["--check"]) == 1


#: What is changed in the lab, and the words that say what is wrong.
FAULTS = {
    "unknown tag": ('{"tags": ["instructor"]}', '{"tags": ["teacher"]}', "cell 7 .*unknown tag 'teacher'"),
    "two tags": ("[solution]", "[solution, slide]", "cell 9 .*has one tag, this has solution, slide"),
    "statement": ("import math\n\n\ndef", "secret = 2\n\n\ndef", "cell 9 .*line 1 .*neither a function nor an import"),
    "no Python": ("def quarter(number):", "def quarter(number)", "cell 9 .*not Python"),
    "no docstring": ('    """A quarter, by your own `half`."""\n', "", "cell 9 .*quarter has no docstring"),
    "no heading": ("## Exercise 1: halve", "## Halve", "cell 9 .*no heading 'Exercise N'"),
    "MyST": ("Why not a third?", "Why not {ref}`a-third`?", "cell 11 .*plain Markdown"),
    "no start": (":tags: [start]\n\n", "", "the first code cell.*'start'"),
    "no parameters": ("tags: [parameters]\n", "", "one cell has the tag 'parameters', here 0"),
    "small": ("small: {people: 3}", "small: {peple: 3}", "cell 3 .*'peple', which the cell does not set"),
    "markdown check": ('{"tags": ["instructor"]}', '{"tags": ["check"]}', "cell 7 .*'check' belongs to a code cell"),
    "title": ("# Halves", "Halves", "first line is '# TITLE'"),
    "broken formula": ("\\frac12", "\\left( x", r"cell 4 .*'\\\\left\( x' cannot be drawn"),
    "unknown command": ("\\frac12", "\\halb", "cell 4 .*a command that slides cannot draw"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lab_that_breaks_the_format_is_refused_in_one_line_that_names_the_cell(folder, capsys, fault):
    old, new, words = FAULTS[fault]
    source = folder / "labs" / "lab_halves.md"
    text = source.read_text(encoding="utf-8")
    assert old in text
    source.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert make_labs.main([]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "lab_halves.md" in said[0]
    assert re.search(words, said[0]), said[0]
    assert not (folder / "labs" / "student").exists() and not (folder / "book").exists()


def test_a_folder_without_labs_is_no_empty_success(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert make_labs.main([]) == 1
    assert "from the root of the repository" in capsys.readouterr().err
