"""CASME II: short clips of 200 frames per second, each with one micro-expression.

Frames lie in ``sub01/EP02_01f/img1.jpg`` (raw, from 1, not padded) or ``reg_img46.jpg`` (cropped: onset to offset,
numbered as in the raw clip, which is preferred). Labels: an Excel file, ``CASME2-coding-20190701`` the newest known.

An apex ``/`` (sub04 EP12_01f) is unknown: an estimate is no label. A blank emotion is none. The released MEAN leaves
out that clip and one more, and keeps five of the seven emotions; so does this reader, unless ``as_in_mean`` is False.

Sources: the release; MEAN (https://github.com/genbing99/MEAN_Spot-then-recognize, ``load_excel.py``) for its 244
clips; MEGC 2019 (https://github.com/Facial-Micro-ExpressionGC/MEGC2019) for three classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.paths import find_file, folders_named, subfolders
from melib.datasets.sheets import LabelRows, LabelTable, frames_of, read_table, split_action_units, text

FPS = 200.0
EMOTIONS = ("happiness", "disgust", "repression", "surprise", "others", "fear", "sadness")
_FIVE = ("others", "disgust", "happiness", "repression", "surprise")
CLASSES = {3: ("negative", "positive", "surprise"), 5: _FIVE, 7: EMOTIONS}
_THREE = {"disgust": "negative", "repression": "negative", "happiness": "positive", "surprise": "surprise"}
MERGE: dict[int, Mapping[str, str | None]] = {
    3: dict.fromkeys(EMOTIONS) | _THREE,
    5: {name: name if name in _FIVE else None for name in EMOTIONS},
    7: {name: name for name in EMOTIONS},
}
#: Onset, apex and offset of the clip that MEAN drops by its frames, counted from 1 (65, 110, 110 from 0).
_LEFT_OUT = (66, 111, 111)
_FRAMES = {"onset": "OnsetFrame", "apex": "ApexFrame", "offset": "OffsetFrame"}
_COLUMNS = ("Subject", "Filename", *_FRAMES.values(), "Action Units", "Estimated Emotion")
_LABELS = (r"CASME2-coding-20190701\.xlsx?", r"CASME2-coding-.*\.xlsx?", r"CASME2_label_Ver_2\.xlsx?")
_SUBJECT = re.compile(r"(?:sub)?[ _-]?0*([0-9]{1,3})", re.IGNORECASE)
#: Such as EP02_01f; what a video is called goes into tables, where it must stay a name.
_CLIP = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.IGNORECASE | re.ASCII)
_FOLDER = re.compile(r"sub[ _-]?0*[0-9]{1,3}", re.IGNORECASE)


def open_dataset(root: str | Path, *, as_in_mean: bool = True) -> FolderDataset:
    """The clips; those that MEAN leaves out are no videos, unless ``as_in_mean`` is False."""
    labels = read_labels(root, as_in_mean=as_in_mean)
    footage = _footage(root)
    if as_in_mean:
        kept = set(zip(labels.rows["subject"], labels.rows["video"], strict=True))
        footage = (film for film in footage if (film.subject, film.video) in kept)
    version = "1+as-in-mean" if as_in_mean else "1"
    return build_dataset("casme2", version, root, footage, labels, fps=FPS, emotions=EMOTIONS)


def read_labels(path: str | Path, *, as_in_mean: bool = True) -> LabelTable:
    """The labels of a file, or of the folder that holds it; frames as in the file (the first of a raw clip is 1)."""
    out = LabelRows()
    for row in read_table(find_file(Path(path), *_LABELS), _COLUMNS).to_dict("records"):
        called, whose = text(row["Filename"]), text(row["Subject"])
        match, frames = _SUBJECT.fullmatch(whose), frames_of(row, _FRAMES, unknown_apex=("/",))
        subject, clip = _names(match, called) if match else ("", called)
        emotion, reason = text(row["Estimated Emotion"]).lower(), None
        emotion = {"": None, "other": "others"}.get(emotion, emotion)
        if match is None:
            reason = f"subject {whose[:40]!r} is no number"
        elif _CLIP.fullmatch(called) is None:
            reason = f"{called[:40]!r} is no name of a clip, which has letters, digits, - and _"
        elif isinstance(frames, str):
            reason = frames
        elif emotion is not None and emotion not in EMOTIONS:
            reason = f"unknown emotion {emotion[:40]!r}"
        elif as_in_mean and frames["apex"] is None:
            reason = "left out as in MEAN: no apex"
        elif as_in_mean and (frames["onset"], frames["apex"], frames["offset"]) == _LEFT_OUT:
            reason = "left out as in MEAN: the clip of the frames 66, 111, 111"
        elif as_in_mean and emotion not in _FIVE:
            reason = f"left out as in MEAN: {emotion or 'a blank'} is none of its five emotions"
        if reason is not None:
            out.skip(row["row"], subject, clip[:40], reason)
            continue
        label = {"row": row["row"], "subject": subject, "video": clip, **frames, "kind": "micro", "emotion": emotion}
        out.add(once=True, **label, action_units=split_action_units(row["Action Units"]))
    return out.table()


def _footage(root: Path) -> Iterator[Footage]:
    """The clips below the subjects' folders; of the cropped tree only where there is no raw one."""
    subjects = folders_named(root, _FOLDER, levels=2)
    raw = [(name, folder) for name, folder in subjects if "crop" not in folder.relative_to(root).as_posix().lower()]
    for name, folder in raw or subjects:
        for called, path in subfolders(root, folder).items():
            if _CLIP.fullmatch(called):
                cropped = next(path.glob("reg_*"), None) is not None
                yield Footage(*_names(_SUBJECT.fullmatch(name), called), path, first=None if cropped else 1)


def _names(subject: re.Match, clip: str) -> tuple[str, str]:
    """Subject and clip as published, ``("sub01", "EP02_01f")``, whatever the case."""
    return f"sub{int(subject[1]):02d}", clip[:2].upper() + clip[2:].lower()
