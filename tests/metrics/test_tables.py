"""What a table may hold, how names compare, and how a bad row is named."""

import numpy as np
import pandas as pd
import pytest

from melib.errors import InputError
from melib.metrics import _tables, intervals, strs

HEADER = "subject,video,onset,offset,emotion\n"


def read(tmp_path, text):
    path = tmp_path / "pred.csv"
    path.write_text(text, encoding="utf-8")
    return _tables.videos(path) if "frames" in text else _tables.intervals(path, "predictions", emotion="each")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,video,onset,offset\n1,a,0,9\n", "pred.csv, line 1: no column emotion; the columns are"),
        (HEADER + "1,a,0,9,x\n\n1,a,20,12,x\n", "pred.csv, line 4: offset 12 lies before onset 20"),
        (HEADER + "1,a,ten,19,x\n", "pred.csv, line 2: onset 'ten' is not a number"),
        (HEADER + "1,a,1.5,19,x\n", "pred.csv, line 2: onset 1.5 is not a whole frame number"),
        (HEADER + "01,a,0,9,x\n1,a,0,9,x\n", "pred.csv, line 3: .* is a duplicate of an earlier row"),
        (HEADER + "1,a,0,9,\n", "pred.csv, line 2: no emotion is named"),
        ("subject,video,onset,onset,emotion\n1,a,0,9,x\n", "pred.csv, line 1: column 'onset' is named twice"),
        ("\n\n", "pred.csv, line 1: the file is empty"),
        (HEADER.replace("\n", ",note\n") + '1,a,0,9,x,"a\nb"\n1,a,9,0,x,\n', "line 4: offset 0 lies before onset 9"),
        (HEADER + '1,"a\nb",0,9,x\n', r"line 3: video 'a\\nb' runs over lines: is there a quote too many"),
        (HEADER + '1,a,0,9,"x\n1,a,20,29,x\n', "line 3: unexpected end of data: is there a quote too many"),
        (HEADER + "nan,a,0,9,x\n", "line 2: subject 'nan' reads as a missing value: write another name"),
        (HEADER + "1,2.02E+13,0,9,x\n", "line 2: video '2.02E.13' is a name that a spreadsheet shortened"),
        (HEADER + "1,2-Jan,0,9,x\n", "line 2: video '2-Jan' is a date that a spreadsheet made of a name"),
        (HEADER + "1,a,0,9,NA\n", "line 2: no emotion is named, but 'NA'"),
        (HEADER + "1,a,0,9,x\n1,a,20,29,X\n", "line 3: emotion 'X' was 'x' before: spell alike"),
        (HEADER.replace(",", ";") + "1;a;0;1.000;x\n", "line 2: offset '1.000' can be one or a thousand"),
        (HEADER + "1,a,0,9,x\n1,a,0,9,x,7\n", "pred.csv, line 3: 6 fields, but line 1 names 5 columns"),
        ("subject,video,onset,offset,emotion,kind\n1,a,0,9,x,mini\n", "line 2: kind 'mini' is neither micro nor macro"),
        ("subject,video,onset,offset,emotion,score\n1,a,0,9,x,\n", "line 2: score '' is not a number"),
        (HEADER + "1,a,9,0,x\n1,a,8,0,x\n", r"line 2: .*\(and 1 more such rows\)"),
        ("subject,video,frames,fps\n1,a,100,0\n", "line 2: fps must be above 0"),
        ("subject,video,frames,fps\n1,a,10,30\n1,a,10,30\n", "line 3: video 1/a is listed twice"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_a_bad_row_of_a_frame_is_named_by_its_index():
    columns = {"subject": 1, "video": "a", "onset": [0, 9], "offset": [5, 2], "emotion": "x"}
    frame = pd.DataFrame(columns, index=["p", "q"])
    with pytest.raises(InputError, match="predictions, row q: offset 2 lies before onset 9"):
        strs.evaluate(frame[:1], frame)


def test_a_file_that_is_not_text_or_not_there_is_named(tmp_path):
    path = tmp_path / "pred.csv"
    path.write_bytes(b"subject\n\xffbad")
    with pytest.raises(InputError, match="pred.csv, line 2: not text in UTF-8 or UTF-16: save it as CSV in UTF-8"):
        _tables.intervals(path, "predictions")
    with pytest.raises(FileNotFoundError, match="nowhere.csv"):
        _tables.intervals(tmp_path / "nowhere.csv", "predictions")


def test_rows_that_look_odd_but_mean_something_are_kept(tmp_path):
    assert len(read(tmp_path, HEADER)) == 0, "a header alone is a silent system"
    assert read(tmp_path, HEADER + "1,a,-3,65,x\n")["onset"].tolist() == [-3], "released systems begin before the video"
    assert len(read(tmp_path, HEADER + "1,a,0,9,x\n1,a,0,9,y\n")) == 2, "two emotions on one interval"


def test_blanks_a_byte_order_mark_and_blank_lines_do_not_matter(tmp_path):
    table = read(tmp_path, "\ufeffsubject, video ,onset,offset,emotion\n 1 , a , 0,9, happy \n\n,,,,\n2,b,3,4,sad\n\n")
    assert table[["subject", "video", "emotion"]].to_numpy().tolist() == [["1", "a", "happy"], ["2", "b", "sad"]]
    assert table["onset"].tolist() == [0, 3]


@pytest.mark.parametrize(
    ("spellings", "same"),
    [(["6", 6, 6.0, "006", "6.0", " 06 ", np.int8(6)], True), (["60", "s6", "6_1", "0", "-6"], False)],
)
def test_names_of_digits_are_compared_as_numbers_and_others_as_they_stand(spellings, same):
    truth = pd.DataFrame({"subject": ["6"], "video": ["a"], "onset": [0.0], "offset": [9.0]})
    assert _tables.intervals(truth, "truth")["offset"].dtype == np.int64, "floats are frames where each is whole"
    for spelling in spellings:
        assert len(intervals.match(truth, truth.assign(subject=pd.Series([spelling], dtype=object)))) == same, spelling
    assert len(intervals.match(truth, truth.assign(video="A"))) == 0
