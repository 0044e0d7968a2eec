"""Whatever programs do to a table, a score is the same, or the row is named, or a note says what changed."""

import functools
import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from melib.errors import InputError
from melib.metrics import _report

HEADER = ("subject", "video", "onset", "offset", "emotion")
TRUTH = [
    *(("006", "1", 10, 20, "negative"), ("006", "1", 60, 70, "positive"), ("7", "b", 10, 20, "negative")),
    *(("7", "b", 1100, 1140, "positive"), ("12", "caf\u00e9 2", 30, 40, "negative")),
]
PREDICTED = [
    *(("006", "1", 12, 22, "negative"), ("7", "b", 9, 20, "positive"), ("7", "b", 1100, 1130, "positive")),
    *(("12", "caf\u00e9 2", 30, 41, "negative"), ("12", "caf\u00e9 2", 90, 99, "positive")),
]
FULL_WIDTH = {ord("0") + place: 0xFF10 + place for place in range(10)}
#: What leaves a cell the same: of any column, of numbers, of names that are digits.
BLANKS = [lambda cell, blank=blank: f"{blank}{cell}{blank}" for blank in (" ", "\u00a0", "\u3000", "\u200b", "\ufeff")]
SAME = [*BLANKS, lambda cell: f'"{cell}"', lambda cell: cell.translate(FULL_WIDTH), lambda cell: cell + "\u200e"]
SAME += [lambda cell: cell.replace("\u00e9", "e\u0301"), lambda cell: re.sub(r"^\d+$", r"\g<0>.0", cell)]
SAME += [lambda cell: re.sub(r"^\d+$", r'"\g<0>,0"', cell)]
WORDS = (
    "",
    "nan",
    "None",
    "NA",
    "-",
    "2.02E+13",
    "2-Jan",
    "ten",
    "1.5",
    "1,100",
    '"1,000"',
    '"',
    '"a\nb"',
    "10\x00",
    "1e3",
)
HARM = [lambda cell, word=word: word for word in WORDS]
HARM += [
    str.upper,
    str.title,
    lambda cell: f'"{cell}',
    lambda cell: f"{cell}x",
    lambda cell: f"{cell},9",
    lambda cell: "9,",
]


def written(rows, damage, separator=",", newline="\n", encoding="utf-8", trailing="", first=""):
    """A table as bytes, with damage (row, column, change) done to cells."""
    cells = [list(map(str, row)) for row in (HEADER, *rows)]
    for row, column, change in damage:
        cells[row][column] = change(cells[row][column])
    lines = [separator.join(row) + trailing for row in cells]
    return newline.join([*([first] if first else []), *lines, ""]).encode(encoding)


CLEAN = written(TRUTH, []), written(PREDICTED, [])


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """What is said of two files of these bytes."""
    folder = tmp_path_factory.mktemp("damage")

    @functools.cache
    def scored(truth, predictions):
        for name, content in (("truth", truth), ("pred", predictions)):
            (folder / f"{name}.csv").write_bytes(content)
        return _report.report(str(folder / "truth.csv"), str(folder / "pred.csv"))

    return scored


@st.composite
def files(draw, changes):
    """Both tables, one with cells changed, each as some program writes it."""
    where = st.tuples(st.integers(1, 5), st.integers(0, 4), st.sampled_from(changes))
    damaged, found = draw(st.booleans()), []
    for rows, hurt in ((TRUTH, damaged), (PREDICTED, not damaged)):
        separator, newline = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
        encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]))
        first = f"sep={separator}" if draw(st.booleans()) else ""
        once = {"unique_by": lambda each: each[:2]}
        damage = draw(st.lists(where, min_size=1, max_size=3, **once)) if hurt else []
        found.append(written(rows, damage, separator, newline, encoding, separator * draw(st.integers(0, 2)), first))
    return found


on_files = settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])


@on_files
@given(files(SAME))
def test_spellings_of_one_table_give_one_report(scored, both):
    assert scored(*both) == scored(*CLEAN)


def said(report):
    """The classes, and the notes but for that on few data, whose number of hits moves with the score."""
    return report["emotions"], [note for note in report["notes"] if not note.startswith("Few data")]


@on_files
@given(files(HARM))
def test_damage_is_refused_by_its_line_or_said_beside_the_numbers(scored, both):
    clean = scored(*CLEAN)
    try:
        found = scored(*both)
    except InputError as error:
        assert re.search(r"(truth|pred)\.csv, line \d", str(error))
    else:
        assert found == clean or said(found) != said(clean)
