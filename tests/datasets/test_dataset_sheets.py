from __future__ import annotations

import zipfile

import dataset_trees as trees
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melib import datasets
from melib.datasets import sheets


def test_the_header_is_found_below_other_text(tmp_path):
    path = trees.write_book(
        tmp_path / "a.xlsx", codes=[["Dataset"], [], ["Subject =", "who"], ["subject ", "ONSET_frame"], ["006", 4]]
    )
    table = sheets.read_table(path, ["Subject", "Onset Frame"], "Codes")
    assert table.to_dict("records") == [{"row": 5, "Subject": "006", "Onset Frame": 4}]


def test_a_missing_column_is_named_with_the_file_the_sheet_and_what_was_found(tmp_path):
    path = trees.write_book(tmp_path / "a.xlsx", codes=[["Subject", "Start"], ["1", 4]])
    with pytest.raises(ValueError, match=r"a\.xlsx, sheet 'codes'.* Onset; .*Subject, Start"):
        sheets.read_table(path, ["Subject", "Onset"], "codes")
    with pytest.raises(ValueError, match="no sheet 'labels', only 'codes'"):
        sheets.read_table(path, ["Subject"], "labels")
    with pytest.raises(ValueError, match="1 sheets, number 2"):
        sheets.read_cells(path, 1)


def test_a_formula_is_never_evaluated(tmp_path):
    path = trees.write_book(tmp_path / "a.xlsx", x=[["Subject", "Onset"], ["1", "=1+1"], ['=HYPERLINK("x")', 3]])
    assert sheets.read_cells(path) == [("Subject", "Onset"), ("1", None), (None, 3)]


def test_error_cells_are_blank(tmp_path):
    path = trees.write_book(tmp_path / "a.xlsx", x=[["Subject", "Onset", "AU"], ["#REF!", "#N/A", "#12"]])
    assert sheets.read_cells(path)[1] == (None, None, "#12")


def test_what_is_no_spreadsheet_is_said_to_be_none(tmp_path):
    path = tmp_path / "a.xls"
    with pytest.raises(FileNotFoundError, match="no label file"):
        sheets.read_cells(path)
    for content in (b"", b"Subject,Onset\n1,2\n", b"\x80\x04."):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no Excel file"):
            sheets.read_cells(path)
    for content in (b"PK\x03\x04 and nothing more", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged"):
            sheets.read_cells(path)


def test_an_archive_that_expands_without_end_is_refused(tmp_path, monkeypatch):
    path = trees.write_book(tmp_path / "a.xlsx", x=[["Subject"], ["1"]])
    monkeypatch.setattr(sheets, "MOST_BYTES", 2**20)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", bytes(2**21))
    assert path.stat().st_size < 2**15
    with pytest.raises(ValueError, match="expands to more than 1 MiB"):
        sheets.read_cells(path)


@pytest.mark.parametrize(
    ("cell", "number"),
    [(12, 12), ("12", 12), (566.4, 566), (" 7 ", 7), ("/", None), ("", None), (None, None), ("nan", None), (-1, -1),
     ("1e300", None), (float("inf"), None), (True, None), (0, 0)],
)  # fmt: skip
def test_frame_numbers_are_rounded_and_everything_else_is_none(cell, number):
    assert sheets.frame_number(cell) == number


@given(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans()))
def test_no_cell_makes_reading_a_frame_number_fail(cell):
    number = sheets.frame_number(cell)
    assert number is None or abs(number) <= 10**9


def test_action_units_get_their_side_behind_the_number():
    assert sheets.split_action_units("4+L14+r18+T23") == ("4", "14L", "18R", "23T")
    assert sheets.split_action_units(12) == ("12",)
    assert sheets.split_action_units(None) == ()


def label(**changes):
    return {
        **{"row": 2, "subject": "s", "video": "v", "onset": 5, "apex": 7, "offset": 9},
        **{"kind": "micro", "emotion": "fear", "action_units": ("4",)},
        **changes,
    }


def test_odd_rows_are_kept_with_their_reason():
    rows = sheets.LabelRows()
    for each in (label(), label(row=3, apex=None), label(row=4, offset=6), label(row=5, onset=None)):
        rows.add(**each)
    table = rows.table()
    assert table.rows["row"].tolist() == [2, 3] and table.rows["apex"].isna().tolist() == [False, True]
    assert table.skipped["row"].tolist() == [4, 5]
    assert "out of order: onset 5, apex 7, offset 6" in table.skipped["reason"][0]
    assert table.skipped["reason"][1] == "no onset"


def test_a_fix_is_used_where_the_file_still_has_the_error_and_counted_where_not():
    columns = ["subject", "video", "onset", "column", "from", "to", "reason", "source"]
    fixes = pd.DataFrame(
        [
            ["S", "v", "5", "apex", "7", "8", "typed wrong", "x"],
            ["s", "v", "5", "offset", "1", "10", "typed wrong", "x"],
        ],
        columns=columns,
    )
    rows, into = [label()], sheets.LabelRows()
    sheets.apply_fixes(fixes, rows, into)
    assert rows[0]["apex"] == 8 and rows[0]["offset"] == 9
    table = into.table()
    assert table.changes[["row", "column", "from", "to", "reason"]].values.tolist() == [
        [2, "apex", 7, 8, "typed wrong"]
    ]
    assert table.fixes_unused == 1


def test_an_unknown_dataset_gets_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'casme3'"):
        datasets.open_dataset("CASME-3", ".")
    with pytest.raises(ValueError, match="use one of casme3, casme_sq"):
        datasets.class_sets("wombat")
