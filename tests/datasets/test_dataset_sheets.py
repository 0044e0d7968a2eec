import zipfile

import dataset_trees as trees
import pytest

from melib import datasets
from melib.datasets import sheets


def test_the_header_is_found_below_other_text(tmp_path):
    rows = [["Dataset"], [], ["Subject =", "who"], ["subject ", "ONSET_frame", "more", "Apex F"], ["006", 4, 5, 6]]
    path = trees.write_book(tmp_path / "a.xlsx", codes=[*rows, [None, None, None], [7]])
    table = sheets.read_table(path, ["Subject", "Onset Frame"], "Codes", optional=["ApexF", "Emotion"])
    first, second = table.to_dict("records")
    assert first == {"row": 5, "Subject": "006", "Onset Frame": 4, "ApexF": 6}
    assert second == {"row": 7, "Subject": 7, "Onset Frame": None, "ApexF": None}


def test_a_missing_column_or_sheet_is_named_with_the_file_and_what_was_found(tmp_path):
    path = trees.write_book(tmp_path / "a.xlsx", codes=[["Subject", "Start"], ["1", 4]])
    words = r"a\.xlsx, sheet 'codes'.* Onset; .*Subject, Start"
    trees.refused(words, sheets.read_table, path, ["Subject", "Onset"], "codes")
    trees.refused("has the sheets 'codes': sheet 'labels' is needed", sheets.read_table, path, ["Subject"], "labels")


def test_formulas_are_never_evaluated_and_error_cells_are_blank(tmp_path):
    rows = [["Subject", "Onset", "AU"], ["1", "=1+1", "#12"], ['=HYPERLINK("x")', 3, "#REF!"]]
    path = trees.write_book(tmp_path / "a.xlsx", x=rows)
    assert sheets.read_cells(path) == [("Subject", "Onset", "AU"), ("1", None, "#12"), (None, 3, None)]


OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: unpack it again"),
        (b"\x80\x04K\x01.", r"is no Excel file \(.xls or .xlsx\): unpack"),
        (b"Subject,Onset\n1,2\n", r"is no Excel file \(.xls or .xlsx\) but text, such as CSV: open it in"),
        ("Subject;Onset\r\n1;2\r\n".encode("utf-16"), "but text, such as CSV: open it in"),
        (b"\xef\xbb\xbf\n<table><tr><td>Subject", "but a web page or XML: open it in"),
        (b"PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "is an OpenDocument file: open it in"),
        (b"PK\x03\x04 xl/workbook.bin", r"is a binary workbook \(.xlsb\): open it in"),
        (b"PK\x03\x04 and nothing more", "is damaged"),
        (OLD_EXCEL + bytes(600), "is damaged"),
        (OLD_EXCEL + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "is locked with a password"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_said_to_be_what_it_is(tmp_path, content, words):
    (tmp_path / "a.xls").write_bytes(content)
    trees.refused(words, sheets.read_cells, tmp_path / "a.xls")


def test_a_workbook_saved_as_strict_open_xml_is_said_to_be_one(tmp_path):
    plain = trees.write_book(tmp_path / "a.xlsx", x=[["Subject"]])
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for name in old.namelist():
            content = old.read(name).replace(b"schemas.openxmlformats.org/office", b"purl.oclc.org/ooxml/office")
            new.writestr(name, content.replace(b"Document/2006/relationships", b"Document/relationships"))
    trees.refused("b.xlsx is saved as Strict Open XML", sheets.read_cells, tmp_path / "b.xlsx")


def test_a_name_is_the_same_stored_as_a_number_or_as_a_text(tmp_path):
    same = (15, 15.0, "15", " 15.0 ", "15,0", "\uff11\uff15", "\u00a015\u200b")
    assert [sheets.text(cell) for cell in same] == ["15"] * 7
    assert [sheets.text(cell) for cell in ("015", "1.5", "a1.0", None)] == ["015", "1.5", "a1.0", ""]


def test_frame_numbers_are_rounded_and_everything_else_is_none():
    numbers = {12: 12, "12": 12, 566.4: 566, " 7 ": 7, -1: -1, 0: 0}
    assert [sheets.frame_number(cell) for cell in numbers] == list(numbers.values())
    for cell in ("/", "", None, "nan", "1e300", float("inf"), 10**9, "\u00bd", True, "1_2", "1.234", "10\u00b2"):
        assert sheets.frame_number(cell) is None


def test_action_units_get_their_side_behind_the_number():
    assert sheets.split_action_units("4+L14+r18+T23") == ("4", "14L", "18R", "23T")
    assert (sheets.split_action_units(12), sheets.split_action_units(None)) == (("12",), ())


def test_odd_rows_are_kept_with_their_reason():
    rows, label = sheets.LabelRows(), {"subject": "s", "video": "v", "onset": 5, "apex": 7, "offset": 9}
    label |= {"kind": "micro", "emotion": "fear", "action_units": ("4",)}
    for row, changes in enumerate(({}, {"apex": None}, {"offset": 6}, {"onset": None}, {}), start=2):
        rows.add(once=True, row=row, **label | changes)
    table = rows.table()
    assert table.rows["row"].tolist() == [2, 3] and table.rows["apex"].isna().tolist() == [False, True]
    reasons = [[4, "frames out of order: onset 5, apex 7, offset 6"], [5, "no onset"], [6, "repeats row 2"]]
    assert table.skipped[["row", "reason"]].values.tolist() == reasons


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_every_class_set_says_what_becomes_of_every_emotion(name):
    module, _ = datasets.reader(name)
    for number, (classes, merge) in datasets.class_sets(name).items():
        assert len(classes) == number and set(merge) == set(module.EMOTIONS)
        assert {merged for merged in merge.values() if merged} == set(classes)


def test_an_unknown_dataset_gets_the_nearest_name():
    trees.refused("did you mean 'casme3'", datasets.open_dataset, "casme-3", ".")
    trees.refused("use one of casme3, casme_sq", datasets.class_sets, "wombat")
