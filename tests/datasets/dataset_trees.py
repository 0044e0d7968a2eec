"""Small trees with the published names, columns and quirks of the releases; the brightness of a frame is its number."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest

from melib.datasets import doctor
from melib.datasets.sheets import LabelTable, count_labels

#: Frames of a long video.
FRAMES = 40


def write_frames(folder: Path, names: Iterable[str], *, grey: bool = False) -> None:
    """Images of 8x6 pixels whose brightness is twice the number at the end of their name, modulo 200."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        number = int(re.findall("[0-9]+", Path(name).stem)[-1])
        pixels = np.full((6, 8) if grey else (6, 8, 3), 2 * number % 200, np.uint8)
        assert cv2.imwrite(str(folder / name), pixels)


def brightness(frames: np.ndarray) -> list[int]:
    """The number that :func:`write_frames` drew into each frame, modulo 100."""
    return [round(float(frame.mean()) / 2) for frame in frames]


def numbered(numbers: Iterable[int], name: str = "{}.jpg") -> list[str]:
    return [name.format(number) for number in numbers]


def write_depth(folder: Path, numbers: Iterable[int]) -> None:
    """16-bit files ``<number>.png`` of 600 + number millimetres."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        assert cv2.imwrite(str(folder / f"{number}.png"), np.full((6, 8), 600 + number, np.uint16))


def write_book(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    """Write an Excel file of sheets of rows; a text that begins with ``=`` becomes a formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        page = book.create_sheet(title.replace("_", " "))
        for row in rows:
            page.append(list(row))
    book.save(path)
    return path


def released(*parts: str) -> Path:
    """A folder of the authors' released files; the test is skipped where they are not."""
    if "MELIB_REFERENCE" not in os.environ:
        pytest.skip("set MELIB_REFERENCE to the folder of the authors' released files to compare with them")
    return Path(os.environ["MELIB_REFERENCE"], *parts)


def assert_published(name: str, labels: LabelTable) -> None:
    """Labels of a released file hold the counts that were published of it."""
    published, found = doctor.published(name), count_labels(labels.rows)
    assert published.pop("recorded videos") and len(published) >= 6 and doctor.about(name)[1] == "label files"
    assert {count: found[count] for count in published} == published


#: Rows of the file of micro-expressions: a plain one; one in a video named in a capital; too long with a middle apex;
#: too long with apex at the onset (left out); no frame 0; without frames.
CASME3_MICRO = (
    ("spNO.1", "a", 9, 13, 17, "4+L14", "III", "disgust"),
    ("spNO.3", "J", 10, 14, 18, "r18", "VII", "Others"),
    ("spNO.210", "b", 2, 10, 39, "12", "I", "happy"),
    ("spNO.210", "b", 3, 3, 36, "1+2", "II", "surprise"),
    ("spNO.216", "e", 0, 0, 25, "14", "VII", "fear"),
    ("spNO.5", "c", 4, 6, 9, "4", "III", "anger"),
)
CASME3_MACRO = (
    ("spNO.1", "a", 20, 25, 35, "4", "Macro-expression", "III"),
    ("spNO.3", "j", 5, 9, 60, "12", "Macro-expression", "I"),
)


def casme3_labels(folder: Path, micro: Sequence = CASME3_MICRO, macro: Sequence = CASME3_MACRO, *, both=None) -> None:
    """Write both label files; the one of both kinds holds `both` or the same rows."""
    columns = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU")
    header = (*columns, "Objective class", "emotion")
    write_book(folder / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", label=[header, *micro], Sheet1=[])
    if both is None:
        both = [(*row[:6], "Micro-expression", row[6]) for row in micro] + list(macro)
    header = (*columns, "Expression type", "Objective class")
    sheets = {"AU+Emotion": [header, *both], "eye blink": [("Subject", "Filename", "Onset"), ("spNO.1", "a", 4)]}
    # Readers tell the kind of an Excel file by its content, so an old name may hold the new kind.
    write_book(folder / "CAS(ME)3_part_A_v2.xls", **sheets)


def casme3_tree(root: Path, micro: Sequence = CASME3_MICRO) -> Path:
    """A tree of five videos of 40 frames.

    spNO.1/a lacks frames 1 to 8, 20 and 21; spNO.3/J has two damaged images and its depth in ``spNo.3/j`` without
    ``depth/``; spNO.210/b has its depth in ``spNO210``; spNO.216/e and the unlabelled spNO.216/f have none.
    """
    casme3_labels(root / "annotation", micro)
    every = range(1, FRAMES + 1)
    some = [number for number in every if number > 8 and number not in (20, 21)]
    colour = {"1/a": some, "3/J": every, "210/b": every, "216/e": every[:30], "216/f": every[:4]}
    for video, numbers in colour.items():
        write_frames(root / "RGB" / f"spNO.{video}" / "color", numbered(numbers))
    for number in (30, 31):
        (root / "RGB" / "spNO.3" / "J" / "color" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0 damaged")
    for folder, numbers in {"spNO.1/a/depth": some, "spNo.3/j": every, "spNO210/b/depth": every}.items():
        write_depth(root / "Depth" / folder, numbers)
    return root


#: id, name, onset, apex, offset, AU, emotion, type, self-report. A micro-expression; macro-expressions without offset,
#: with an offset before the apex, without apex; one whose name is in no sheet; one without frames.
CASME_SQ = (
    (1, "disgust1_1", 9, 13, 17, 4, "negative", "micro-expression", "disgust"),
    (1, "disgust1_2", 20, 28, 0, "4+7", "negative", "macro-expression", "happyiness"),
    (2, "happy5_1", 5, 20, 18, "12", "positive", "macro-expression", "happiness"),
    (2, "happy5_2", 22, 0, 30, "12", "others", "macro-expression", "happiness"),
    (2, "sad9_1", 5, 8, 10, "15", "negative", "macro-expression", "sadness"),
    (3, "anger1_1", 5, 8, 10, "4", "negative", "micro-expression", "anger"),
)


def casme_sq_labels(path: Path, rows: Sequence[tuple] = CASME_SQ) -> Path:
    people = [(15, "s15", 1), (16, "s16", 2), (19, "s19", 3)]
    names = [("0101", "disgust1"), ("0102", "disgust2"), (401, "anger1"), ("0508", "happy5")]
    return write_book(path, CASFEcode_final=rows, naming_rule1=people, naming_rule2=names)


def casme_sq_tree(root: Path, rows: Sequence[tuple] = CASME_SQ) -> Path:
    """Three videos: s15/0101, s16/0508 without its frames 12 and 13, and the unlabelled s16/0102."""
    casme_sq_labels(root / "CAS(ME)^2code_final(Updated).xlsx", rows)
    every, raw, name = range(1, FRAMES + 1), root / "rawpic", "img{:03d}.jpg"
    write_frames(raw / "s15" / "15_0101disgustingteeth", numbered(every, name))
    write_frames(raw / "s16" / "16_0508funnyinnovations", numbered(sorted({*every} - {12, 13}), name))
    write_frames(raw / "s16" / "16_0102eatingworms", numbered(every[:4], name))
    return root


def samm_lv_row(name: str, onset: object, apex: object, offset: object, kind: str, units: object = 4) -> tuple:
    subject, induced, _ = name.split("_")
    return (subject, name, int(induced), onset, apex, offset, None, kind, units, None)


SAMM_LV = [
    samm_lv_row("006_1_1", 3, 6, 9, "Micro - 1/2", "4+L14"),
    samm_lv_row("006_1_2", 10.4, 12.6, 15.6, "Macro", "12B"),
    samm_lv_row("006_1_3", 17, -1, 19, "Micro - 1/2"),
    samm_lv_row("006_2_1", 0, 8, 12, "Macro"),
    samm_lv_row("011_1_1", 2, 3, 4, "Macro"),
]


def samm_lv_labels(root: Path, rows: Iterable[Sequence[object]]) -> Path:
    header = ("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type", "Action Units")
    preamble = [("SAMM Long Videos Dataset - FACS Codes",), *[(None,)] * 3, ('"/" = or',), *[(None,)] * 4]
    return write_book(root / "SAMM_LongVideos_V2_Release.xlsx", FACS_Movement_Only=[*preamble, header, *rows])


def samm_codes(root: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """The FACS codes of the clips of SAMM: twelve rows of preamble, the header, ``(Filename, emotion)`` rows."""
    header = ("Subject", "Filename", "Onset Frame", "Micro", "Action Units", "Estimated Emotion", "Objective Classes")
    labels = [(name.split("_")[0], name, 100, "Micro - 1/2", "4", emotion, 1) for name, emotion in rows]
    preamble = [("SAMM Dataset FACS Codes and Objective Classes",)] + [(None,)] * 11
    return write_book(root / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx", MICRO_ONLY=[*preamble, header, *labels])


def samm_lv_tree(root: Path, rows=SAMM_LV, *, digits: int = 4) -> Path:
    for video in ("006_1", "006_2", "011_1"):
        names = [f"{video}_{number:0{digits}d}.jpg" for number in range(1, 21)]
        write_frames(root / "SAMM_longvideos" / video, names, grey=True)
    samm_lv_labels(root, rows)
    return root


def casme2_row(subject: object, name: str | None, onset: object, apex: object, offset: object, emotion: str) -> tuple:
    return (subject, name, None, onset, apex, offset, None, "4+L14", emotion)


CASME2 = [
    casme2_row(1, "EP02_01f", 6, 9, 12, "happiness"),
    casme2_row(1, "EP03_02", 3, 5, 8, "others"),
    casme2_row(4, "EP12_01f", 4, "/", 10, "disgust"),
    casme2_row(17, "EP05_04", 2, 4, 9, "sadness"),
]


def casme2_labels(root: Path, rows=CASME2, *, name: str = "CASME2-coding-20190701.xlsx") -> Path:
    header = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None)
    return write_book(root / name, Sheet1=[(*header, "Action Units", "Estimated Emotion"), *rows])


def casme2_tree(root: Path, rows=CASME2) -> Path:
    for subject, name, *_ in CASME2:
        write_frames(root / "CASME2-RAW" / f"sub{subject:02d}" / name, numbered(range(1, 16), "img{}.jpg"))
    casme2_labels(root, rows)
    return root


def smic_row(name: str, first: object, onset: object, offset: object, emotion: str | None = None) -> tuple:
    """One row of a SMIC sheet; the emotion is that of the name unless given."""
    subject, code, _ = name.split("_")
    emotion = emotion or {"ne": "negative", "po": "positive", "sur": "surprise"}.get(code)
    return (int(subject[1:]), name, onset, offset, first, emotion)


SMIC = [smic_row("s01_ne_01", 101, 105, 110), smic_row("s01_po_02", 121, 123, 130), smic_row("s03_sur_01", 7, 7, 26)]


def smic_labels(folder: Path, rows: Iterable[Sequence[object]], sensor: str = "HS") -> Path:
    below = [[], ["Notes:"], [None, "OnsetF: the onset of the micro-expression"]]
    sheet = [("Subject", "Filename", "OnsetF", "OffsetF", "FirstF", "Emotion"), *rows, *below]
    return write_book(folder / f"SMIC-{sensor}-E_annotation.xlsx", Sheet1=sheet)


def smic_tree(root: Path, rows=SMIC, *, sensor: str = "HS") -> Path:
    home = root / "SMIC-E_raw image" / f"{sensor}_long" / f"SMIC-{sensor}-E"
    for _, name, _, _, first, _ in SMIC:
        names = numbered(range(first, first + 20), "image{:06d}.jpg")
        write_frames(home / sensor / name.split("_")[0] / name, names)
    smic_labels(home, rows, sensor)
    return root
