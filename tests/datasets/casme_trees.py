"""Folder trees of CAS(ME)^3 Part A and CAS(ME)^2 with the quirks of the releases, and rendered faces for frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dataset_trees as trees

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
_MICRO_HEADER = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion")
_BOTH_HEADER = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Expression type", "Objective class")


def casme3_labels(
    folder: Path, micro: Sequence[tuple] = CASME3_MICRO, macro: Sequence[tuple] = CASME3_MACRO, *, both=None
) -> None:
    """Write both label files; the one of both kinds holds `both` or the same rows."""
    trees.write_book(folder / "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", label=[_MICRO_HEADER, *micro], Sheet1=[])
    if both is None:
        both = [(*row[:6], "Micro-expression", row[6]) for row in micro] + list(macro)
    sheets = {"AU+Emotion": [_BOTH_HEADER, *both], "eye blink": [_BOTH_HEADER[:3] + ("Offset",), ("spNO.1", "a", 4, 9)]}
    # Readers tell the kind of an Excel file by its content, so an old name may hold the new kind.
    trees.write_book(folder / "CAS(ME)3_part_A_v2.xls", **sheets)


def casme3_tree(root: Path) -> Path:
    """A tree of five videos of 40 frames.

    spNO.1/a lacks frames 1 to 8, 20 and 21; spNO.3/J has two damaged images and its depth in ``spNo.3/j`` without
    ``depth/``; spNO.210/b has its depth in ``spNO210``; spNO.216/e and the unlabelled spNO.216/f have none.
    """
    casme3_labels(root / "annotation")
    every = range(1, trees.FRAMES + 1)
    some = [number for number in every if number > 8 and number not in (20, 21)]
    for video, numbers, person in (
        ("spNO.1/a", some, 0),
        ("spNO.3/J", every, 1),
        ("spNO.210/b", every, 0),
        ("spNO.216/e", every[:30], 1),
        ("spNO.216/f", every[:4], 1),
    ):
        trees.write_frames(root / "RGB" / video / "color", numbers, subject=person)
    for number in (30, 31):
        (root / "RGB" / "spNO.3" / "J" / "color" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0 damaged")
    for folder, numbers, person in (
        ("spNO.1/a/depth", some, 0),
        ("spNo.3/j", every, 1),
        ("spNO210/b/depth", every, 0),
    ):
        trees.write_depth(root / "Depth" / folder, numbers, subject=person)
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
    """Write the label file with its three sheets."""
    names = [("0101", "disgust1"), ("0102", "disgust2"), (401, "anger1"), ("0508", "happy5")]
    people = {1: (15, "s15", 1), 2: (16, "s16", 2), 3: (19, "s19", 3)}
    return trees.write_book(
        path,
        CASFEcode_final=rows,
        naming_rule1=[people[row[0]] for row in rows if row[0] in people],
        naming_rule2=names,
    )


def casme_sq_tree(root: Path) -> Path:
    """Three videos: s15/0101, s16/0508 without its frames 12 and 13, and the unlabelled s16/0102."""
    casme_sq_labels(root / "CAS(ME)^2code_final(Updated).xlsx")
    every = range(1, trees.FRAMES + 1)
    raw, name = root / "rawpic", "img{:03d}.jpg".format
    trees.write_frames(raw / "s15" / "15_0101disgustingteeth", every, name)
    trees.write_frames(raw / "s16" / "16_0508funnyinnovations", sorted({*every} - {12, 13}), name, subject=1)
    trees.write_frames(raw / "s16" / "16_0102eatingworms", every[:4], name, subject=1)
    return root
