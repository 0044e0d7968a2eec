"""SAMM Long Videos: grey videos of 200 frames per second with micro- and macro-expressions.

Frames such as ``006_1/006_1_0001.jpg`` (subject 006, video 1; four or five digits) are numbered from 1, as the labels
are, an Excel file of the release with a text above its header.

An apex of -1 was not annotated and is unknown. Fractional frames (macro-expressions) are rounded, a half to the even
number. An onset of 0 (ten macro-expressions) was not annotated either, as the order of the rows tells. The challenge
counts them, so each is read from the first frame, far longer than the movement was, and noted as a change.

Micro-expressions alone have emotions, in the FACS codes of SAMM, a dataset with a licence of its own: joined by name.

Sources: the release ``SAMM_LongVideos_V2_Release.xlsx``; the join and the merged classes as in MEAN
(https://github.com/genbing99/MEAN_Spot-then-recognize, ``load_excel.py``).
"""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path

from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.paths import find_file, folders_named
from melib.datasets.sheets import LabelRows, LabelTable, frames_of, read_table, split_action_units, text
from melib.video import EMOTIONS_4, KINDS

FPS = 200.0
EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise", "other")
_FOUR = dict.fromkeys(EMOTIONS, "negative") | {"happiness": "positive", "surprise": "surprise", "other": "others"}
CLASSES = {3: EMOTIONS_4[:3], 4: EMOTIONS_4, 8: EMOTIONS}
MERGE: dict[int, dict[str, str | None]] = {3: {**_FOUR, "other": None}, 4: _FOUR, 8: {n: n for n in EMOTIONS}}
_CODES = ("Filename", "Micro", "Estimated Emotion")
_FRAMES = {"onset": "Onset", "apex": "Apex", "offset": "Offset"}
_COLUMNS = ("Subject", "Filename", *_FRAMES.values(), "Type", "Action Units")
_LABELS = tuple(rf"SAMM_LongVideos_V{version}_Release\.xlsx?" for version in (3, 2, 1)) + (r"SAMMLV_gt\.xlsx?",)
_FACS = r"SAMM.*FACS.*\.xlsx?"
_VIDEO = re.compile(r"0*([0-9]{1,3})_0*([0-9]{1,3})")
_EXPRESSION = re.compile(_VIDEO.pattern + r"_0*([0-9]{1,3})")


def open_dataset(root: str | Path) -> FolderDataset:
    """The long videos."""
    footage = [Footage(*_names(_VIDEO, name), folder) for name, folder in folders_named(root, _VIDEO, levels=2)]
    labels = read_labels(root)
    version = "1" if labels.rows["emotion"].notna().any() else "1+without-emotions"
    return build_dataset("samm_lv", version, root, footage, labels, fps=FPS, emotions=EMOTIONS)


def read_labels(path: str | Path) -> LabelTable:
    """The labels of a file, or of the folder that holds it (the FACS codes beside it); rows 0 are what they lack."""
    path, out = Path(path), LabelRows()
    try:
        codes = find_file(path.parent if path.is_file() else path, _FACS, depth=1)
    except FileNotFoundError:
        example = "SAMM_20181215_Micro_FACS_Codes_v2.xlsx"
        out.skip(0, "", "", f"no emotions: put the FACS codes of SAMM here, such as {example}")
        _read_rows(find_file(path, *_LABELS, depth=1), {}, out)
        return out.table()
    emotions = _emotions(codes, out)
    present = _read_rows(find_file(path, *_LABELS, depth=1), emotions, out)
    for expression in sorted(present - set(emotions)):
        out.skip(0, *_names(_EXPRESSION, expression)[:2], f"{codes.name} has no emotion of {expression}")
    for expression in sorted(set(emotions) - present):
        reason = f"{codes.name}: {expression} is no micro-expression of the labels"
        out.skip(0, *_names(_EXPRESSION, expression)[:2], reason)
    return out.table()


def _emotions(codes: Path, out: LabelRows) -> dict[str, str]:
    """Emotion by micro-expression, such as ``006_1_2``, out of the FACS codes; rows without one are noted as row 0."""
    emotions: dict[str, str] = {}
    for row in read_table(codes, _CODES).to_dict("records"):
        names = _names(_EXPRESSION, row["Filename"])
        emotion, reason = text(row["Estimated Emotion"]).lower(), None
        emotion = "other" if emotion == "others" else emotion
        if names is None:
            reason = f"{text(row['Filename'])[:40]!r} is no name such as 006_1_2"
        elif not text(row["Micro"]).lower().startswith("micro"):
            reason = f"{text(row['Micro'])[:40]!r} is no micro-expression"
        elif emotion not in EMOTIONS:
            reason = f"unknown emotion {emotion[:40]!r}"
        elif emotions.setdefault(names[2], emotion) != emotion:
            reason = f"{names[2]} was {emotions[names[2]]} in an earlier row and is {emotion} here"
        if reason is not None:
            out.skip(0, *(names or ("", ""))[:2], f"{codes.name}, row {row['row']} gives no emotion: {reason}")
    return emotions


def _read_rows(path: Path, emotions: dict[str, str], out: LabelRows) -> set[str]:
    """Rows of the label file, each added or skipped; the names of the micro-expressions, skipped ones included."""
    present = set()
    for row in read_table(path, _COLUMNS).to_dict("records"):
        names, kind, whose = _names(_EXPRESSION, row["Filename"]), text(row["Type"]).lower()[:5], text(row["Subject"])
        if names is None:
            out.skip(row["row"], whose[:40], "", f"{text(row['Filename'])[:40]!r} is no name such as 006_1_2")
            continue
        subject, video, expression = names
        if kind == "micro":
            present.add(expression)
        frames = frames_of(row, _FRAMES, unknown_apex=(-1,))
        reason = frames if isinstance(frames, str) else None
        if whose.lstrip("0") != subject.lstrip("0"):
            reason = f"subject {whose[:40]!r}, but the name says {subject}"
        elif kind not in KINDS:
            reason = f"type {text(row['Type'])[:40]!r} is neither micro nor macro"
        if reason is not None:
            out.skip(row["row"], subject, video, reason)
            continue
        label = {"row": row["row"], "subject": subject, "video": video, **frames}
        emotion = emotions.get(expression) if kind == "micro" else None
        placed = label | {"onset": frames["onset"] or 1, "kind": kind, "emotion": emotion}
        if out.add(once=True, **placed, action_units=split_action_units(row["Action Units"])) and frames["onset"] == 0:
            out.change(label, "onset", 1, "the onset was not annotated: the first frame is taken", "this reader")
    return present


def _names(pattern: re.Pattern, cell: object) -> tuple[str, ...] | None:
    """Subject, video and expression of a name, padded as published: ``("006", "006_1", "006_1_2")``."""
    match = pattern.fullmatch(text(cell))
    return match and tuple(accumulate([f"{int(match[1]):03d}", *map(int, match.groups()[1:])], "{}_{}".format))
