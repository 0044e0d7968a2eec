"""CAS(ME)^3, Part A: long videos in colour and depth with micro- and macro-expressions.

Layout, below the root or up to three folders down, upper or lower case::

    spNO.<n>/<a..m>/color/<frame>.jpg     colour; the file's name is the frame's number, from 1
    spNO.<n>/<a..m>/depth/<frame>.png     16-bit depth, in the same folders or in a tree of its own
    spNO.<n>/<a..m>/<frame>.png           the same without its last folder

Subjects 210 to 215 have depth folders such as ``spNO210``. Two label files, up to two folders down:
``CAS(ME)3_part_A_v2.xls`` (both kinds) and ``cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx`` (micro-expressions with
emotion). Most videos lack their first 7 or 8 frames and many lack others, which :mod:`melib.datasets.images` handles.

What the release does not say, so that it is assumed here and can be set: one unit of depth is 1 mm, and the camera has
a horizontal field of view of `FIELD_OF_VIEW` with its axis through the centre. Neither the scale of depth nor the
intrinsics are published. Scene flow in metres scales with both.

Part C is not read: no copy of its labels was at hand to check a reader against.

Reference: J. Li et al., CAS(ME)^3: A third generation facial spontaneous micro-expression database with depth
information and high ecological validity, IEEE TPAMI 45(3), 2023; notes of the public repository
jingtingEmmaLi/CAS-ME-3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from melib.datasets.finding import folders_named
from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.paths import existing_root, find_file, subfolders
from melib.datasets.sheets import (
    LabelRows,
    LabelTable,
    apply_fixes,
    frame_number,
    read_fixes,
    read_table,
    split_action_units,
    text,
)
from melib.errors import InputError
from melib.video import EMOTIONS_4, EMOTIONS_7, SEVEN_TO_FOUR, Camera

FPS = 30.0
EMOTIONS = EMOTIONS_7
CLASSES: dict[int, tuple[str, ...]] = {7: EMOTIONS_7, 4: EMOTIONS_4}
MERGE: dict[int, Mapping[str, str | None]] = {7: {name: name for name in EMOTIONS_7}, 4: SEVEN_TO_FOUR}

#: In the files as released (version 2), counted without the rule of 30 frames.
PUBLISHED = {
    **{"micro": 860, "macro": 3346, "subjects": 98, "videos": 956, "micro subjects": 94, "micro videos": 463},
    **{"micro disgust": 250, "micro surprise": 187, "micro others": 161, "micro fear": 86, "micro anger": 64},
    **{"micro sad": 57, "micro happy": 55, "recorded videos": 1300},
}
#: The same keys after the rule of 30 frames, where they differ.
PUBLISHED_AFTER_RULE = {
    **{"micro": 818, "micro disgust": 245, "micro surprise": 185, "micro others": 142, "micro fear": 83},
    **{"micro anger": 58, "micro sad": 56, "micro happy": 49, "videos": 947, "micro videos": 438},
}

#: Degrees across the image; colour cameras of common depth sensors lie near it. An assumption, see above.
FIELD_OF_VIEW = 69.0
#: An expression longer than this many frames (offset - onset) gets its offset from its apex.
LONGEST = 30

_SUBJECT = re.compile(r"sp\s*no[\s._-]*0*(\d{1,4})", re.IGNORECASE | re.ASCII)
_VIDEO = re.compile(r"[a-m]", re.IGNORECASE | re.ASCII)
_BOTH_KINDS = r"cas\(me\)\^?3_part_a_v2\.xlsx?"
_MICRO = r"cas\(me\)\^?3_part_a_me_label_jpgindex_v2\.xlsx?"
_FRAMES = ("onset", "apex", "offset")
_KINDS = {"micro-expression": "micro", "macro-expression": "macro"}


def assumed_camera(width: int, height: int) -> Camera:
    """The camera assumed for images of a size in pixels: see the module's text."""
    focal = width / 2 / math.tan(math.radians(FIELD_OF_VIEW / 2))
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def open_dataset(
    root: str | Path,
    *,
    depth_scale: float = 0.001,
    camera: Camera | None = None,
    thirty_frame_rule: bool = True,
) -> FolderDataset:
    """Part A as videos; macro-expressions carry no emotion.

    Parameters
    ----------
    root : path
    depth_scale : float
        Metres of one unit of a depth file. An assumption, not published.
    camera : Camera or None
        Of the whole image; None takes :func:`assumed_camera`. An assumption, not published.
    thirty_frame_rule : bool
        As in :func:`read_labels`.

    Raises
    ------
    FileNotFoundError
        If the root, a label file or all frames are missing.
    ValueError
        If a label file cannot be read, or the depth scale is not positive.
    """
    if not (math.isfinite(depth_scale) and depth_scale > 0):
        raise InputError(f"depth_scale is the metres of one unit of a depth file, such as 0.001; got {depth_scale}")
    root = existing_root("casme3", root)
    version = "part-A-v2"
    if depth_scale != 0.001:
        version += f"+depth-scale-{depth_scale:g}"
    if camera is not None:
        version += f"+camera-{camera.fx:g}-{camera.fy:g}-{camera.cx:g}-{camera.cy:g}"
    return build_dataset(
        "casme3",
        version,
        root,
        _footage(root),
        read_labels(root, thirty_frame_rule=thirty_frame_rule),
        fps=FPS,
        emotions=EMOTIONS,
        depth_scale=depth_scale,
        camera=assumed_camera if camera is None else lambda width, height: _fitting(camera, width, height),
    )


def _fitting(camera: Camera, width: int, height: int) -> Camera:
    if (camera.width, camera.height) != (width, height):
        raise InputError(f"the camera is for {camera.width}x{camera.height} pixels, the frames have {width}x{height}")
    return camera


def read_labels(root: str | Path, *, thirty_frame_rule: bool = True) -> LabelTable:
    """The labels of Part A.

    Micro-expressions come from the file with emotions, macro-expressions from the other one. The two are joined on
    subject, video and frames as the SFAMNet release does; a micro-expression of the second file that the first lacks
    has no emotion and is skipped. ``row`` counts in the file from which a label comes.

    Parameters
    ----------
    root : path
        Folder that holds both label files.
    thirty_frame_rule : bool
        The rule of the SFAMNet release (``train_utils.py``, which quotes the dataset's repository), for
        micro-expressions: if offset - onset > 30, the offset becomes apex + (apex - onset); what then has onset, apex
        and offset in one frame is left out. It leaves 818 of 860.
    """
    root = existing_root("casme3", root)
    out, twins = LabelRows(), LabelRows()
    micro = _read(find_file(root, _MICRO), "label", ("emotion",))
    both = _read(find_file(root, _BOTH_KINDS), "AU+Emotion", ("Expression type",))
    for row in both:
        row["kind"] = _KINDS.get(text(row["Expression type"]).lower())
    fixes = read_fixes("casme3")
    macro = [row for row in both if row["kind"] == "macro"]
    twin = [row for row in both if row["kind"] == "micro"]
    apply_fixes(fixes, micro + macro, out)
    apply_fixes(fixes, twin, twins)
    for row in micro:
        emotion = text(row["emotion"]).lower()
        if emotion not in EMOTIONS:
            out.skip(row["row"], row["subject"], row["video"], f"emotion {row['emotion']!r} is none of the seven")
        else:
            _add(out, row, "micro", emotion, thirty_frame_rule)
    for row in macro:
        _add(out, row, "macro", None, False)
    with_emotion = {_place(row) for row in micro}
    for row in both:
        if row["kind"] is None:
            reason = f"expression type {row['Expression type']!r} is neither micro nor macro"
        elif row["kind"] == "micro" and _place(row) not in with_emotion:
            reason = "a micro-expression that the file with emotions lacks"
        else:
            continue
        out.skip(row["row"], row["subject"], row["video"], reason)
    return out.table()


def _read(path: Path, sheet: str, more: tuple[str, ...]) -> list[dict]:
    """Rows of a label file, subject, video and frames under our names and in our form where they have one."""
    table = read_table(path, ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", *more), sheet)
    rows = []
    for row in table.to_dict("records"):
        subject, video = _SUBJECT.fullmatch(text(row["Subject"])), _VIDEO.fullmatch(text(row["Filename"]))
        row["subject"] = f"spNO.{subject[1]}" if subject else row["Subject"]
        row["video"] = video[0].lower() if video else row["Filename"]
        row["named"] = bool(subject and video)
        rows.append(row | {name: frame_number(row[name.capitalize()]) for name in _FRAMES})
    return rows


def _place(row: Mapping) -> tuple:
    return tuple(row[name] for name in ("subject", "video", *_FRAMES))


def _add(out: LabelRows, row: Mapping, kind: str, emotion: str | None, rule: bool) -> None:
    onset, apex, offset = (row[name] for name in _FRAMES)
    where = row["row"], row["subject"], row["video"]
    if not row["named"]:
        return out.skip(*where, "subject and video are not of the form spNO.1 and a to m")
    if rule and None not in (onset, apex, offset) and offset - onset > LONGEST and onset <= apex:
        reason, source = f"offset - onset > {LONGEST}: offset = 2 apex - onset", "SFAMNet release, train_utils.py"
        offset = 2 * apex - onset
        if onset == offset:
            return out.skip(*where, f"{reason}; onset, apex and offset are one frame ({source})")
        out.change(row, "offset", offset, reason, source)
    return out.add(
        **dict(zip(("row", "subject", "video"), where, strict=True)),
        **{"onset": onset, "apex": apex, "offset": offset, "kind": kind, "emotion": emotion},
        action_units=split_action_units(row["AU"]),
    )


def _footage(root: Path) -> Iterator[Footage]:
    """Every video folder below the root, colour and depth joined by subject and video."""
    colour: dict[tuple[str, str], list[Path]] = {}
    depth: dict[tuple[str, str], list[Path]] = {}
    for person, folder in folders_named(root, _SUBJECT, levels=3):
        subject = int(_SUBJECT.fullmatch(person)[1])
        for name, video in subfolders(root, folder).items():
            if not _VIDEO.fullmatch(name):
                continue
            found = {below.lower(): path for below, path in subfolders(root, video).items()}
            key = (f"spNO.{subject}", name.lower())
            if "color" in found:
                colour.setdefault(key, []).append(found["color"])
            if "depth" in found:
                depth.setdefault(key, []).append(found["depth"])
            elif any(path.suffix.lower() == ".png" for path in video.iterdir()):
                depth.setdefault(key, []).append(video)
            elif "color" not in found:
                colour.setdefault(key, []).append(video / "color")
    if not colour and not depth:
        raise FileNotFoundError(f"no folder spNO.<n>/<a..m> in {root} or three folders below it")
    for key in sorted(colour | depth, key=lambda key: (int(key[0].partition(".")[2]), key[1])):
        # A second folder of the same video is handed on, so that the account of the dataset names it.
        first, *rest = colour.get(key) or [depth[key][0].parent / "color"]
        kept, *spare = depth.get(key) or [None]
        yield Footage(*key, first, kept)
        for other in rest + spare:
            yield Footage(*key, other)
