"""SAMM Long Videos: grey videos of 200 frames per second with micro- and macro-expressions.

Frames lie in folders such as ``006_1/006_1_0001.jpg`` (subject 006, video 1; four or five digits) and are numbered
from 1 by their names, as the labels are. The labels are an Excel file of the release, a text above its header.

What is odd about a row, and what is done:

- apex -1: not annotated, so the apex is unknown;
- onset 0 (ten macro-expressions): not annotated. Rows are in the order of time, and these follow expressions that
  begin thousands of frames later. The challenge counts them, so each is read from the first frame, and the account
  of changes names it: it is far longer than the movement was;
- fractional frames (macro-expressions): rounded to the nearest, a half to the even number;
- emotions are not in this file. They stand in the FACS codes of SAMM, a dataset with a licence of its own, and join
  by name and kind. Without that file every expression is without an emotion; macro-expressions always are.

Sources: the release ``SAMM_LongVideos_V2_Release.xlsx``; the join and the merged classes as in MEAN
(https://github.com/genbing99/MEAN_Spot-then-recognize, ``load_excel.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from melib.datasets.finding import folders_named
from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.paths import existing_root, find_file
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
#: In the label file as released (version 2).
PUBLISHED = {
    **{"micro": 159, "macro": 343, "subjects": 30, "videos": 147, "micro subjects": 29, "micro videos": 79},
    "recorded videos": 147,
}

_CODES = ("Filename", "Micro", "Estimated Emotion")
_COLUMNS = ("Subject", "Filename", "Onset", "Apex", "Offset", "Type", "Action Units")
_FRAMES = {"onset": "Onset", "apex": "Apex", "offset": "Offset"}
_LABELS = tuple(rf"SAMM_LongVideos_V{version}_Release\.xlsx?" for version in (3, 2, 1)) + (r"SAMMLV_gt\.xlsx?",)
_FACS = r"SAMM.*FACS.*\.xlsx?"
_VIDEO = re.compile(r"0*([0-9]{1,3})_0*([0-9]{1,3})")
_EXPRESSION = re.compile(r"(0*[0-9]{1,3}_0*[0-9]{1,3})_0*([0-9]{1,3})")


def open_dataset(root: str | Path, *, emotion_file: str | Path | None = None) -> FolderDataset:
    """The long videos.

    Parameters
    ----------
    root : path
    emotion_file : path, optional
        As for :func:`read_labels`.

    Raises
    ------
    FileNotFoundError
        If the root, the label file or all frames are missing.
    ValueError
        If a file of labels or emotions cannot be read.
    """
    root = existing_root("samm_lv", root)
    footage = [Footage(*_names(name), folder) for name, folder in folders_named(root, _VIDEO, levels=2)]
    labels = read_labels(root, emotion_file=emotion_file)
    version = "1" if labels.rows["emotion"].notna().any() else "1+without-emotions"
    return build_dataset("samm_lv", version, root, footage, labels, fps=FPS, emotions=EMOTIONS)


def read_labels(path: str | Path, *, emotion_file: str | Path | None = None) -> LabelTable:
    """The labels, frames as in the file (the first is 1).

    Parameters
    ----------
    path : path
        The label file, or a folder that holds it.
    emotion_file : path, optional
        The FACS codes of SAMM, wherever they lie; if not given, they are looked for beside the label file or in the
        folder.

    Returns
    -------
    LabelTable
        Entries of ``skipped`` with row 0 tell what the emotions lack.
    """
    path = Path(path)
    folder = path.parent if path.is_file() else existing_root("samm_lv", path)
    path = path if path.is_file() else find_file(folder, *_LABELS, depth=1)
    out = LabelRows()
    codes = _codes(folder) if emotion_file is None else Path(emotion_file)
    if codes is None:
        reason = (
            "no emotions: the FACS codes of SAMM (such as SAMM_20181215_Micro_FACS_Codes_v2.xlsx) are not here; "
            "give them as emotion_file"
        )
        out.skip(0, "", "", reason)
        read_rows(read_table(path, _COLUMNS), {}, out)
        return out.table()
    emotions = emotions_of(read_table(codes, _CODES), codes.name, out)
    present = read_rows(read_table(path, _COLUMNS), emotions, out)
    for expression in sorted(present - set(emotions)):
        out.skip(0, *_expression(expression)[:2], f"{codes.name} has no emotion of {expression}")
    for expression in sorted(set(emotions) - present):
        reason = f"{codes.name}: {expression} is no micro-expression of the label file"
        out.skip(0, *_expression(expression)[:2], reason)
    return out.table()


def _codes(folder: Path) -> Path | None:
    try:
        return find_file(folder, _FACS, depth=1)
    except FileNotFoundError:
        return None


def emotions_of(codes: pd.DataFrame, name: str, out: LabelRows) -> dict[str, str]:
    """Emotion by expression, such as ``006_1_2``, out of the FACS codes of SAMM (all micro-expressions).

    Parameters
    ----------
    codes : pandas.DataFrame
        Columns ``row, Filename, Micro, Estimated Emotion``.
    name : str
        Of the file, for the account.
    out : LabelRows
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
            out.skip(0, subject, video, f"{name}, row {row['row']} gives no emotion: {reason}")
    return emotions


def read_rows(sheet: pd.DataFrame, emotions: Mapping[str, str], out: LabelRows) -> set[str]:
    """Rows of the label sheet, each added to `out` or skipped.

    Parameters
    ----------
    sheet : pandas.DataFrame
        Columns ``row, Subject, Filename, Onset, Apex, Offset, Type, Action Units``.
    emotions : mapping
        As :func:`emotions_of` gives them.
    out : LabelRows

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
            out.skip(number, text(row["Subject"])[:40], "", reason)
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
        if reason is not None:
            out.skip(number, subject, video, reason)
            continue
        label = {"row": number, "subject": subject, "video": video, **frames}
        if frames["onset"] == 0:
            frames["onset"] = 1
        emotion = emotions.get(expression) if kind == "micro" else None
        units = split_action_units(row["Action Units"])
        if take(out, seen, **label | frames, kind=kind, emotion=emotion, action_units=units) and label["onset"] == 0:
            out.change(label, "onset", 1, "the onset was not annotated: the first frame is taken", "this reader")
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
