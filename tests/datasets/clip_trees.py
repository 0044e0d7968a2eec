"""Small trees with the published names, columns and quirks of SAMM-LV, CASME II and SMIC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from dataset_trees import write_book

SAMM_LV_COLUMNS = ("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type")
SAMM_LV_COLUMNS += ("Action Units", "Notes")
SAMM_COLUMNS = ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration")
SAMM_COLUMNS += ("Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes")
CASME2_COLUMNS = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None)
CASME2_COLUMNS += ("Action Units", "Estimated Emotion")
SMIC_COLUMNS = ("Subject", "Filename", "OnsetF", "OffsetF", "FirstF", "Emotion")
SMIC_2019_COLUMNS = ("Subject", "Filename", "OnsetF", "ApexF", "OffsetF", "FirstF", "Emotion")


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


def samm_lv_sheet(rows: Iterable[Sequence[object]]) -> list[tuple[object, ...]]:
    """Nine rows of preamble, the header, and the labels."""
    preamble = [(text,) for text in ("SAMM Long Videos Dataset - FACS Codes", None, "Symbol Key:", '"/" = or', None)]
    preamble += [("AU Help:",), ("L2 or R2",), ("A2 = Asymmetric AU 2",), (None,)]
    return [*preamble, SAMM_LV_COLUMNS, *rows]


def samm_lv_row(name: str, onset: object, apex: object, offset: object, kind: str, units: object = 4) -> tuple:
    """One row of the SAMM-LV sheet; the duration follows from onset and offset where both are numbers."""
    subject, induced, _ = name.split("_")
    numbers = all(isinstance(value, int | float) for value in (onset, offset))
    duration = offset - onset + 1 if numbers else None
    return (subject, name, int(induced), onset, apex, offset, duration, kind, units, None)


def samm_sheet(rows: Iterable[tuple[str, str]]) -> list[tuple[object, ...]]:
    """The FACS sheet of the clips of SAMM: twelve rows of preamble, the header, ``(Filename, emotion)`` rows."""
    preamble = [("SAMM Dataset FACS Codes and Objective Classes",)] + [(None,)] * 11
    labels = [
        (name.split("_")[0], name, 1, 100, 110, 120, 21, "Micro - 1/2", "4", emotion, 1, None) for name, emotion in rows
    ]
    return [*preamble, SAMM_COLUMNS, *labels]


def casme2_row(subject: int, name: str, onset: object, apex: object, offset: object, emotion: str) -> tuple:
    """One row of the CASME II sheet, its two nameless columns blank."""
    return (subject, name, None, onset, apex, offset, None, "4+L14", emotion)


def casme2_sheet(rows: Iterable[Sequence[object]]) -> list[Sequence[object]]:
    """The header and the labels."""
    return [CASME2_COLUMNS, *rows]


def smic_row(name: str, first: int, onset: object, offset: object, emotion: str | None = None) -> tuple:
    """One row of a SMIC sheet; the emotion is that of the name unless given."""
    subject, code, _ = name.split("_")
    emotion = emotion or {"ne": "negative", "po": "positive", "sur": "surprise"}[code]
    return (int(subject[1:]), name, onset, offset, first, emotion)


def smic_sheet(rows: Iterable[Sequence[object]]) -> list[Sequence[object]]:
    """The header, the labels and the text below them."""
    return [SMIC_COLUMNS, *rows, [], ["Notes:"], [None, "OnsetF: the onset of the micro-expression"]]


SAMM_LV = [
    samm_lv_row("006_1_1", 3, 6, 9, "Micro - 1/2", "4+L14"),
    samm_lv_row("006_1_2", 10.4, 12.6, 15.6, "Macro", "12B"),
    samm_lv_row("006_1_3", 17, -1, 19, "Micro - 1/2"),
    samm_lv_row("006_2_1", 0, 8, 12, "Macro"),
    samm_lv_row("011_1_1", 2, 3, 4, "Macro"),
]
CASME2 = [
    casme2_row(1, "EP02_01f", 6, 9, 12, "happiness"),
    casme2_row(1, "EP03_02", 3, 5, 8, "others"),
    casme2_row(4, "EP12_01f", 4, "/", 10, "disgust"),
    casme2_row(17, "EP05_04", 2, 4, 9, "sadness"),
]
SMIC = [
    smic_row("s01_ne_01", 101, 105, 110),
    smic_row("s01_po_02", 121, 123, 130),
    smic_row("s03_sur_01", 7, 7, 26),
]


def samm_lv_tree(root: Path, rows=SAMM_LV, *, digits: int = 4, labels: str = "SAMM_LongVideos_V2_Release.xlsx") -> Path:
    """Three videos of 20 frames."""
    for video in ("006_1", "006_2", "011_1"):
        names = [f"{video}_{number:0{digits}d}.jpg" for number in range(1, 21)]
        write_frames(root / "SAMM_longvideos" / video, names, grey=True)
    write_book(root / labels, FACS_Movement_Only=samm_lv_sheet(rows))
    return root


def casme2_tree(root: Path, rows=CASME2, *, labels: str = "CASME2-coding-20190701.xlsx") -> Path:
    """Four raw clips of 15 frames."""
    for subject, name, *_ in CASME2:
        folder = root / "CASME2-RAW" / f"sub{subject:02d}" / name
        write_frames(folder, [f"img{number}.jpg" for number in range(1, 16)])
    write_book(root / labels, Sheet1=casme2_sheet(rows))
    return root


def smic_tree(root: Path, rows=SMIC, *, sensor: str = "HS") -> Path:
    """Three long clips of 20 frames."""
    home = root / "SMIC-E_raw image" / f"{sensor}_long" / f"SMIC-{sensor}-E"
    for _, name, _, _, first, _ in SMIC:
        folder = home / sensor / name.split("_")[0] / name
        write_frames(folder, [f"image{number:06d}.jpg" for number in range(first, first + 20)])
    write_book(home / f"SMIC-{sensor}-E_annotation.xlsx", Sheet1=smic_sheet(rows))
    return root
