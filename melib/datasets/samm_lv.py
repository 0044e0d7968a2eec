"""SAMM Long Videos: grey videos of 200 frames per second with micro- and macro-expressions.

Frames lie in folders such as ``006_1/006_1_0001.jpg`` (subject 006, video 1; four or five digits) and are numbered
from 1 by their names, as the labels are. The labels are an Excel file of the release, a text above its header.

What is odd about a row, and what is done:

- apex -1: not annotated, so the apex is unknown;
- onset 0: not annotated. Rows are in the order of time, and those rows follow expressions that begin thousands of
  frames later; they are skipped;
- fractional frames (macro-expressions): rounded to the nearest, a half to the even number;
- emotions are not in this file. They stand in the FACS codes of SAMM, a dataset with a licence of its own, and join
  by name and kind. Without that file every expression is without an emotion; macro-expressions always are.

Sources: the release ``SAMM_LongVideos_V2_Release.xlsx``; the join and the merged classes as in MEAN
(https://github.com/genbing99/MEAN_Spot-then-recognize, ``load_excel.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from melib.datasets.finding import pick_file, search
from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.rows import frames_of, take
from melib.datasets.sheets import LabelRows, LabelTable, read_table, split_action_units, text
from melib.video import KINDS

FPS = 200.0
EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise", "other")
_FOUR = {name: "negative" for name in ("anger", "contempt", "disgust", "fear", "sadness")} | {
    "happiness": "positive",
    "surprise": "surprise",
    "other": "others",
}
CLASSES = {
    3: ("negative", "positive", "surprise"),
    4: ("negative", "positive", "surprise", "others"),
    8: EMOTIONS,
}
MERGE: dict[int, Mapping[str, str | None]] = {
    3: {**_FOUR, "other": None},
    4: _FOUR,
    8: {name: name for name in EMOTIONS},
}
#: Rows of the published label file by kind; ten of the macro-expressions have no onset and are skipped.
PUBLISHED = {"videos": 147, "subjects": 30, "micro": 159, "macro": 343}

_CODES = ("Filename", "Micro", "Estimated Emotion")
_COLUMNS = ("Subject", "Filename", "Onset", "Apex", "Offset", "Type", "Action Units")
_FRAMES = {"onset": "Onset", "apex": "Apex", "offset": "Offset"}
_LABEL_FILES = (
    re.compile(r"SAMM[ _-]?Long[ _-]?Videos.*\.xlsx?", re.IGNORECASE),
    re.compile(r"SAMMLV.*\.xlsx?", re.IGNORECASE),
)
_EMOTION_FILES = (re.compile(r"SAMM.*FACS.*\.xlsx?", re.IGNORECASE),)
_VIDEO = re.compile(r"0*([0-9]{1,3})_0*([0-9]{1,3})")
_EXPRESSION = re.compile(r"(0*[0-9]{1,3}_0*[0-9]{1,3})_0*([0-9]{1,3})")


def read_labels(path: str | Path, *, emotion_file: str | Path | None = None) -> LabelTable:
    """The labels, frames as in the file (the first is 1).

    Parameters
    ----------
    path : path
        The label file, or the root of the dataset.
    emotion_file : path, optional
        The FACS codes of SAMM, such as ``SAMM_20181215_Micro_FACS_Codes_v2.xlsx``; if not given, it is looked for in
        the root, or beside the label file.

    Returns
    -------
    LabelTable
        Entries of ``skipped`` with row 0 tell what the emotions lack.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no label file in the root.
    ValueError
        If a file cannot be read.
    """
    path = Path(path)
    files = search(path.resolve(), _VIDEO).files if path.is_dir() else (path, *sorted(path.parent.glob("SAMM*.xls*")))
    return _read(path, files, emotion_file)


def open_dataset(root: str | Path, *, emotion_file: str | Path | None = None) -> FolderDataset:
    """The videos of a folder.

    Parameters
    ----------
    root : path
    emotion_file : path, optional
        As for :func:`read_labels`; it may lie outside the root.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_labels`; also if no frames are there.
    """
    root = Path(root).resolve()
    found = search(root, _VIDEO)
    labels = _read(root, found.files, emotion_file)
    footage = [Footage(*_names(folder.name), folder) for folder in found.folders]
    return build_dataset("samm_lv", "long videos", root, footage, labels, fps=FPS, emotions=EMOTIONS)


def _read(path: Path, files: Sequence[Path], emotion_file: str | Path | None) -> LabelTable:
    """Labels of one of the files, `path` if that is a file, with the emotions of another one."""
    sheet = path if path.is_file() else pick_file(files, _LABEL_FILES)
    if sheet is None:
        raise FileNotFoundError(
            f"no label file of SAMM Long Videos in {path}: put SAMM_LongVideos_V2_Release.xlsx there"
        )
    into = LabelRows()
    codes = pick_file(files, _EMOTION_FILES) if emotion_file is None else Path(emotion_file)
    if codes is None:
        reason = (
            "no emotions: the FACS codes of SAMM (such as SAMM_20181215_Micro_FACS_Codes_v2.xlsx) are not here; "
            "give them as emotion_file"
        )
        into.skip(0, "", "", reason)
        emotions = {}
    else:
        emotions = emotions_of(read_table(codes, _CODES), codes.name, into)
    present = read_rows(read_table(sheet, _COLUMNS), emotions, into)
    if codes is not None:
        for expression in sorted(present - set(emotions)):
            into.skip(0, *_expression(expression)[:2], f"{codes.name} has no emotion of {expression}")
        for expression in sorted(set(emotions) - present):
            reason = f"{codes.name}: {expression} is no micro-expression of the label file"
            into.skip(0, *_expression(expression)[:2], reason)
    return into.table()


def emotions_of(codes: pd.DataFrame, name: str, into: LabelRows) -> dict[str, str]:
    """Emotion by expression, such as ``006_1_2``, out of the FACS codes of SAMM (all micro-expressions).

    Parameters
    ----------
    codes : pandas.DataFrame
        Columns ``row, Filename, Micro, Estimated Emotion``.
    name : str
        Of the file, for the account.
    into : LabelRows
        Rows that give no emotion are noted here, under row 0: they are not rows of the label file.
    """
    emotions: dict[str, str] = {}
    for row in codes.to_dict("records"):
        names = _expression(row["Filename"])
        emotion = text(row["Estimated Emotion"]).lower()
        emotion = "other" if emotion == "others" else emotion
        reason = None
        if names is None:
            reason = f"{text(row['Filename'])[:40]!r} is no name such as 006_1_2"
        elif not text(row["Micro"]).lower().startswith("micro"):
            reason = f"{text(row['Micro'])[:40]!r} is no micro-expression"
        elif emotion not in EMOTIONS:
            reason = f"unknown emotion {emotion[:40]!r}"
        elif emotions.setdefault(names[2], emotion) != emotion:
            reason = f"{names[2]} was {emotions[names[2]]} in an earlier row and is {emotion} here"
        if reason is not None:
            subject, video = ("", "") if names is None else names[:2]
            into.skip(0, subject, video, f"{name}, row {row['row']} gives no emotion: {reason}")
    return emotions


def read_rows(sheet: pd.DataFrame, emotions: Mapping[str, str], into: LabelRows) -> set[str]:
    """Rows of the label sheet, each added to `into` or skipped.

    Parameters
    ----------
    sheet : pandas.DataFrame
        Columns ``row, Subject, Filename, Onset, Apex, Offset, Type, Action Units``.
    emotions : mapping
        As :func:`emotions_of` gives them.
    into : LabelRows

    Returns
    -------
    set of str
        Names of the micro-expressions, those of skipped rows included.
    """
    seen: dict[tuple, int] = {}
    present = set()
    for row in sheet.to_dict("records"):
        number, names = row["row"], _expression(row["Filename"])
        if names is None:
            reason = f"{text(row['Filename'])[:40]!r} is no name such as 006_1_2 (subject, video, expression)"
            into.skip(number, text(row["Subject"])[:40], "", reason)
            continue
        subject, video, expression = names
        kind = text(row["Type"]).lower()[:5]
        if kind == "micro":
            present.add(expression)
        frames = frames_of(row, _FRAMES, unknown_apex=(-1,))
        reason = None
        if text(row["Subject"]).lstrip("0") != subject.lstrip("0"):
            reason = f"subject {text(row['Subject'])[:40]!r}, but the name says {subject}"
        elif kind not in KINDS:
            reason = f"type {text(row['Type'])[:40]!r} is neither micro nor macro"
        elif isinstance(frames, str):
            reason = frames
        elif frames["onset"] == 0:
            reason = "onset 0: the onset was not annotated"
        if reason is not None:
            into.skip(number, subject, video, reason)
            continue
        take(
            into,
            seen,
            row=number,
            subject=subject,
            video=video,
            **frames,
            kind=kind,
            emotion=emotions.get(expression) if kind == "micro" else None,
            action_units=split_action_units(row["Action Units"]),
        )
    return present


def _expression(cell: object) -> tuple[str, str, str] | None:
    """Subject, video and expression of a name: ``("006", "006_1", "006_1_2")``."""
    match = _EXPRESSION.fullmatch(text(cell))
    if match is None:
        return None
    subject, video = _names(match[1])
    return subject, video, f"{video}_{int(match[2])}"


def _names(video: str) -> tuple[str, str]:
    """Subject and video of a name such as ``006_1``, padded as published."""
    subject, number = map(int, video.split("_"))
    return f"{subject:03d}", f"{subject:03d}_{number}"
