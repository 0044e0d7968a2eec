"""CAS(ME)^2: long colour videos with micro- and macro-expressions.

Layout, below the root or up to two folders down::

    rawpic/s15/15_0101disgustingteeth/img001.jpg   from 1; digits after "_": stimulus

and one label file, ``CAS(ME)^2code_final(Updated).xlsx``, ``code_final.xlsx`` or ``CASME_sq_gt.xlsx``: a sheet of
labels without header and two sheets that translate its subjects and videos into folders. A video is named here by
its stimulus of four digits, such as ``0101``.

Reference: F. Qu et al., CAS(ME)^2, IEEE Transactions on Affective Computing 9(4), 2018.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.paths import find_file, folders_named, subfolders
from melib.datasets.sheets import LabelRows, LabelTable, frame_number, read_cells, split_action_units, text
from melib.errors import InputError
from melib.video import EMOTIONS_4

FPS = 30.0
EMOTIONS = EMOTIONS_4
CLASSES: dict[int, tuple[str, ...]] = {4: EMOTIONS_4, 3: EMOTIONS_4[:3]}
_FOUR = {name: name for name in EMOTIONS_4}
MERGE: dict[int, Mapping[str, str | None]] = {4: _FOUR, 3: {**_FOUR, "others": None}}
_LABELS = (r"cas\(me\)\^?2code_final\(updated\)\.xlsx?", r"code_final\.xlsx?", r"casme_sq_gt\.xlsx?")
_SUBJECT = re.compile(r"s(\d{1,3})", re.IGNORECASE | re.ASCII)
_VIDEO = re.compile(r"\d{1,3}_(\d{4}).*", re.ASCII | re.DOTALL)
_CODE = re.compile(r"\d{4}", re.ASCII)
_EXPRESSION = re.compile(r"([a-z]+\d+)_\d+", re.IGNORECASE | re.ASCII)
_KINDS = {"micro-expression": "micro", "macro-expression": "macro"}


def open_dataset(root: str | Path) -> FolderDataset:
    """The long videos: every video folder of a subject's folder."""
    labels = read_labels(root)
    footage = [
        Footage(name.lower(), code[1], video)
        for name, folder in folders_named(root, _SUBJECT, levels=2)
        for below, video in subfolders(root, folder).items()
        if (code := _VIDEO.fullmatch(below))
    ]
    if not footage:
        raise FileNotFoundError(f"no folder s<n>/<n>_<code>... in {root} or two folders below it")
    return build_dataset("casme_sq", "1", root, footage, labels, fps=FPS, emotions=EMOTIONS)


def read_labels(path: str | Path) -> LabelTable:
    """The labels of a file, or of the folder that holds it.

    An offset of 0, which 44 macro-expressions have, means that there is none: it becomes the apex. An apex outside the
    interval, as 4 macro-expressions have, becomes unknown. Both are noted as changes.
    """
    path = find_file(Path(path), *_LABELS)
    people = ((text(number).lstrip("0"), text(folder)) for _, folder, number in _columns(path, 1, 3))
    subjects = {number: folder.lower() for number, folder in people if _SUBJECT.fullmatch(folder)}
    codes = ((text(name).lower(), text(code).zfill(4)) for code, name in _columns(path, 2, 2))
    stimuli = {name: code for name, code in codes if _CODE.fullmatch(code)}
    out = LabelRows()
    for number, cells in enumerate(_columns(path, 0, 8), start=1):
        if any(cell is not None for cell in cells):
            _add(out, number, cells, subjects, stimuli)
    return out.table()


def _columns(path: Path, sheet: int, width: int) -> list[tuple]:
    """The first cells of each row of a sheet without header."""
    rows = read_cells(path, sheet)
    if not rows or len(rows[0]) < width:
        raise InputError(f"label file {path}, sheet {sheet + 1}: fewer columns than the {width} that are needed")
    return [row[:width] for row in rows]


def _add(out: LabelRows, number: int, cells: tuple, subjects: Mapping, stimuli: Mapping) -> None:
    person, name, *frames, units, emotion, kind = cells
    stimulus = _EXPRESSION.fullmatch(text(name))
    subject, video = subjects.get(text(person).lstrip("0")), stimuli.get(stimulus[1].lower()) if stimulus else None
    if subject is None or video is None:
        return out.skip(number, person, name, "subject or video is not in the sheets of names")
    label = {"row": number, "subject": subject, "video": video, "action_units": split_action_units(units)}
    onset, apex, offset = label["onset"], label["apex"], label["offset"] = tuple(map(frame_number, frames))
    label |= {"kind": _KINDS.get(text(kind).lower()), "emotion": text(emotion).lower()}
    if label["kind"] is None:
        return out.skip(number, subject, video, f"type {kind!r} is neither micro- nor macro-expression")
    if label["emotion"] not in EMOTIONS:
        return out.skip(number, subject, video, f"emotion {emotion!r} is none of {', '.join(EMOTIONS)}")
    if offset == 0 and apex:
        out.change(label, "offset", apex, "no offset is labelled: the apex is taken", "as in the challenge's baseline")
        label["offset"] = apex
    elif None not in (onset, apex, offset) and not onset <= apex <= offset:
        out.change(label, "apex", None, "the apex lies outside the interval and is taken as unknown", "this reader")
        label["apex"] = None
    out.add(**label)
