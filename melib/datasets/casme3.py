"""CAS(ME)^3, Part A: long videos in colour and depth with micro- and macro-expressions.

Layout, below the root or up to three folders down, upper or lower case::

    spNO.<n>/<a..m>/color/<frame>.jpg     colour; named by the frame's number, from 1
    spNO.<n>/<a..m>/depth/<frame>.png     16-bit depth, there or in a tree of its own
    spNO.<n>/<a..m>/<frame>.png           the same without its last folder

Two label files, up to two folders down: ``CAS(ME)3_part_A_v2.xls`` (both kinds) and
``cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx`` (micro-expressions with emotion). Most videos lack their first 7 or 8
frames and many lack others. Part C is not read: no copy of its labels was at hand to check a reader against.

What the release does not say, so that it is assumed here: one unit of depth is 1 mm, and the camera has a horizontal
field of view of `FIELD_OF_VIEW` with its axis through the centre. Scene flow in metres scales with both.

Reference: J. Li et al., CAS(ME)^3, IEEE TPAMI 45(3), 2023; notes of the repository jingtingEmmaLi/CAS-ME-3.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.images import fullest
from melib.datasets.paths import find_file, folders_named, subfolders
from melib.datasets.sheets import LabelRows, LabelTable, apply_fixes, frame_number, read_table, split_action_units, text
from melib.errors import InputError
from melib.video import EMOTIONS_4, EMOTIONS_7, SEVEN_TO_FOUR

FPS = 30.0
EMOTIONS = EMOTIONS_7
CLASSES: dict[int, tuple[str, ...]] = {7: EMOTIONS_7, 4: EMOTIONS_4}
MERGE: dict[int, Mapping[str, str | None]] = {7: {name: name for name in EMOTIONS_7}, 4: SEVEN_TO_FOUR}
#: Degrees across the image; colour cameras of common depth sensors lie near it. An assumption, see above.
FIELD_OF_VIEW = 69.0
#: An expression longer than this many frames (offset - onset) gets its offset from its apex.
LONGEST = 30
_SUBJECT = re.compile(r"sp\s*no[\s._-]*0*(\d{1,4})", re.IGNORECASE | re.ASCII)
_VIDEO = re.compile(r"[a-m]", re.IGNORECASE | re.ASCII)
_BOTH_KINDS = r"cas\(me\)\^?3_part_a_v2\.xlsx?"
_MICRO = r"cas\(me\)\^?3_part_a_me_label_jpgindex_v2\.xlsx?"
_FRAMES = ("onset", "apex", "offset")
_PLACE = ("subject", "video", *_FRAMES)
_KINDS = {"micro-expression": "micro", "macro-expression": "macro"}


def open_dataset(root: str | Path, *, thirty_frame_rule: bool = True) -> FolderDataset:
    """Part A as videos."""
    labels = read_labels(root, thirty_frame_rule=thirty_frame_rule)
    view, rendered = FIELD_OF_VIEW, False
    with suppress(FileNotFoundError):
        told, rendered = find_file(root, r"render\.json"), True  # written by `melib render`
        if (found := re.search(rb'"field_of_view": ([1-9]\d?\.\d+)', told.read_bytes())) is None:
            raise InputError(f"{told} names no field of view in degrees: write the folder anew with melib render")
        view = float(found[1])
    kind = {"fps": FPS, "emotions": EMOTIONS, "view": view}
    return replace(build_dataset("casme3", "part-A-v2", root, _footage(root), labels, **kind), synthetic=rendered)


def read_labels(root: str | Path, *, thirty_frame_rule: bool = True) -> LabelTable:
    """The labels of Part A, out of the folder that holds both label files.

    Micro-expressions come from the file with emotions, macro-expressions, without emotion, from the other one, joined
    on subject, video and frames as in the SFAMNet release; a micro-expression of the second file that the first lacks
    is skipped. ``row`` counts in the file from which a label comes.

    The rule of 30 frames is that release's (``train_utils.py``), for micro-expressions: if offset - onset > 30, the
    offset becomes apex + (apex - onset), and what then lies in one frame is left out. It leaves 818 of 860.
    """
    out = LabelRows()
    micro = _read(find_file(root, _MICRO), "label", "emotion")
    both = _read(find_file(root, _BOTH_KINDS), "AU+Emotion", "Expression type")
    by_kind = {"micro": [], "macro": [], None: []}
    for row in both:
        by_kind[_KINDS.get(text(row["Expression type"]).lower())].append(row)
    fixes_unused = apply_fixes("casme3", micro + by_kind["macro"], out)
    apply_fixes("casme3", by_kind["micro"], LabelRows())
    for row in micro:
        emotion = text(row["emotion"]).lower()
        if emotion in EMOTIONS:
            _add(out, row, "micro", emotion, thirty_frame_rule)
        else:
            out.skip(row["row"], row["subject"], row["video"], f"emotion {row['emotion']!r} is none of the seven")
    for row in by_kind["macro"]:
        _add(out, row, "macro", None, False)
    with_emotion = {tuple(row[name] for name in _PLACE) for row in micro}
    lacking = [row for row in by_kind["micro"] if tuple(row[name] for name in _PLACE) not in with_emotion]
    for row in sorted(lacking + by_kind[None], key=lambda row: row["row"]):
        reason = f"expression type {row['Expression type']!r} is neither micro nor macro"
        reason = "a micro-expression that the file with emotions lacks" if row in lacking else reason
        out.skip(row["row"], row["subject"], row["video"], reason)
    return out.table(fixes_unused)


def _read(path: Path, sheet: str, more: str) -> list[dict]:
    """Rows of a label file, subject, video and frames under our names and in our form where they have one."""
    rows = read_table(path, ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", more), sheet).to_dict("records")
    for row in rows:
        subject, video = _SUBJECT.fullmatch(text(row["Subject"])), _VIDEO.fullmatch(text(row["Filename"]))
        row["subject"] = f"spNO.{subject[1]}" if subject else row["Subject"]
        row["video"] = video[0].lower() if video else row["Filename"]
        row["named"] = bool(subject and video)
        row |= {name: frame_number(row[name.capitalize()]) for name in _FRAMES}
    return rows


def _add(out: LabelRows, row: Mapping, kind: str, emotion: str | None, rule: bool) -> None:
    label = {name: row[name] for name in ("row", *_PLACE)}
    *where, onset, apex, offset = label.values()
    if not row["named"]:
        return out.skip(*where, "subject and video are not of the form spNO.1 and a to m")
    if rule and None not in (onset, apex, offset) and offset - onset > LONGEST and onset <= apex:
        reason, source = f"offset - onset > {LONGEST}: offset = 2 apex - onset", "SFAMNet release, train_utils.py"
        if apex == onset:
            return out.skip(*where, f"{reason}; onset, apex and offset are one frame ({source})")
        out.change(row, "offset", 2 * apex - onset, reason, source)
        label["offset"] = 2 * apex - onset
    out.add(**label, kind=kind, emotion=emotion, action_units=split_action_units(row["AU"]))


def _footage(root: Path) -> Iterator[Footage]:
    """Every video folder below the root, colour and depth joined by subject and video."""
    colour, depth = defaultdict(list), defaultdict(list)
    for person, folder in folders_named(root, _SUBJECT, levels=3):
        for name, video in subfolders(root, folder).items():
            if not _VIDEO.fullmatch(name):
                continue
            key = int(_SUBJECT.fullmatch(person)[1]), name.lower()
            found = {below.lower(): path for below, path in subfolders(root, video).items()}
            if "depth" in found or any(path.suffix.lower() == ".png" for path in video.glob("[!.]*")):
                depth[key].append(found.get("depth", video))
            else:
                found.setdefault("color", video / "color")
            colour[key] += [found["color"]] if "color" in found else []
    if not colour:
        raise FileNotFoundError(f"no folder spNO.<n>/<a..m> in {root} or three folders below it")
    for person, name in sorted(colour):
        depths = fullest(depth[person, name])
        first, *rest = fullest(colour[person, name]) or [depths[0].parent / "color"]
        yield Footage(f"spNO.{person}", name, first, *depths[:1], left_out=(*rest, *depths[1:]))
