"""CASME II: short clips of 200 frames per second, each with one micro-expression.

Frames lie in ``sub01/EP02_01f/img1.jpg`` (raw, numbered from 1, not padded) or ``reg_img46.jpg`` (cropped and
registered, from the onset to the offset, numbered as in the raw clip); labels count as the names do. Where both trees
lie below the root, the raw one is read. The labels are an Excel file, ``CASME2-coding-20190701`` the newest known.

What is odd about a row, and what is done:

- apex ``/`` (sub04 EP12_01f): unknown. Others have estimated it; an estimate is no label, so none is filled in, and
  the apex is left to be found from the movement, as for SMIC;
- a blank emotion is none, an unknown one is skipped;
- the released MEAN leaves that clip out and one more, and keeps five of the seven emotions. So does this reader,
  unless it is told ``as_in_mean=False``.

Sources: the release; MEAN (https://github.com/genbing99/MEAN_Spot-then-recognize, ``load_excel.py``) for its 244
clips; MEGC 2019 (https://github.com/Facial-Micro-ExpressionGC/MEGC2019) for three classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from melib.datasets.finding import folders_named
from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.images import list_images
from melib.datasets.paths import existing_root, find_file, subfolders
from melib.datasets.rows import frames_of, take
from melib.datasets.sheets import LabelRows, LabelTable, read_table, split_action_units, text
from melib.errors import InputError

FPS = 200.0
EMOTIONS = ("happiness", "disgust", "repression", "surprise", "others", "fear", "sadness")
CLASSES = {
    3: ("negative", "positive", "surprise"),
    5: ("others", "disgust", "happiness", "repression", "surprise"),
    7: EMOTIONS,
}
_NONE = dict.fromkeys(EMOTIONS)
MERGE: dict[int, Mapping[str, str | None]] = {
    3: {**_NONE, "disgust": "negative", "repression": "negative", "happiness": "positive", "surprise": "surprise"},
    5: {**_NONE, **{name: name for name in CLASSES[5]}},
    7: {name: name for name in EMOTIONS},
}
#: As in MEAN; from the literature, no label file being at hand. Releases are said to have 255 or 256 rows in all.
PUBLISHED = {
    **{"micro": 244, "micro others": 99, "micro disgust": 61, "micro happiness": 32, "micro repression": 27},
    **{"micro surprise": 25, "subjects": 26},
}

#: Onset, apex and offset of the clip that MEAN drops by its frames, counted from 1 (65, 110, 110 from 0).
_LEFT_OUT = (66, 111, 111)
_COLUMNS = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion")
_FRAMES = {"onset": "OnsetFrame", "apex": "ApexFrame", "offset": "OffsetFrame"}
_LABELS = (r"CASME2-coding-20190701\.xlsx?", r"CASME2-coding-.*\.xlsx?", r"CASME2_label_Ver_2\.xlsx?")
_SUBJECT = re.compile(r"(?:sub)?[ _-]?0*([0-9]{1,3})", re.IGNORECASE)
#: Such as EP02_01f; what a video is called goes into tables, where it must stay a name.
_CLIP = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.IGNORECASE | re.ASCII)
_FOLDER = re.compile(r"sub[ _-]?0*[0-9]{1,3}", re.IGNORECASE)


def open_dataset(root: str | Path, *, as_in_mean: bool = True) -> FolderDataset:
    """The clips.

    Parameters
    ----------
    root : path
    as_in_mean : bool
        As for :func:`read_labels`; the clips that MEAN leaves out are no videos of the dataset then.

    Raises
    ------
    FileNotFoundError
        If the root, the label file or all frames are missing.
    ValueError
        If the label file cannot be read, or no label is left.
    """
    root = existing_root("casme2", root)
    labels = read_labels(root, as_in_mean=as_in_mean)
    footage = _footage(root)
    if as_in_mean:
        if labels.rows.empty:
            first = labels.skipped["reason"].iloc[0] if len(labels.skipped) else "it has no row"
            raise InputError(f"the label file of CASME II in {root} leaves no clip: {first}")
        kept = set(zip(labels.rows["subject"], labels.rows["video"], strict=True))
        footage = (film for film in footage if (film.subject, film.video) in kept)
    version = "1+as-in-mean" if as_in_mean else "1"
    return build_dataset("casme2", version, root, footage, labels, fps=FPS, emotions=EMOTIONS)


def read_labels(path: str | Path, *, as_in_mean: bool = True) -> LabelTable:
    """The labels, frames as in the file (the first of a raw clip is 1).

    Parameters
    ----------
    path : path
        The label file, or a folder that holds it.
    as_in_mean : bool
        Keep the clips that the released MEAN keeps, see :func:`outside_mean`; the others are skipped.
    """
    path = Path(path)
    path = path if path.is_file() else find_file(existing_root("casme2", path), *_LABELS)
    out = LabelRows()
    read_rows(read_table(path, _COLUMNS), out, as_in_mean=as_in_mean)
    return out.table()


def outside_mean(label: Mapping[str, object]) -> str | None:
    """Why the released MEAN leaves a clip out; None if it keeps it.

    Parameters
    ----------
    label : mapping
        With ``onset, apex, offset`` as in the file and ``emotion``.
    """
    if label["apex"] is None:
        return "left out as in MEAN: no apex"
    if (label["onset"], label["apex"], label["offset"]) == _LEFT_OUT:
        return "left out as in MEAN: the clip of the frames 66, 111, 111"
    if label["emotion"] not in CLASSES[5]:
        return f"left out as in MEAN: {label['emotion'] or 'a blank'} is none of its five emotions"
    return None


def read_rows(sheet: pd.DataFrame, out: LabelRows, *, as_in_mean: bool = True) -> None:
    """Rows of the label sheet, each added to `out` or skipped.

    Parameters
    ----------
    sheet : pandas.DataFrame
        Columns ``row, Subject, Filename, OnsetFrame, ApexFrame, OffsetFrame, Action Units, Estimated Emotion``.
    out : LabelRows
    as_in_mean : bool
        As for :func:`read_labels`.
    """
    seen: dict[tuple, int] = {}
    for row in sheet.to_dict("records"):
        number, called = row["row"], text(row["Filename"])
        match = _SUBJECT.fullmatch(text(row["Subject"]))
        subject = "" if match is None else _subject(match)
        frames = frames_of(row, _FRAMES, unknown_apex=("/",))
        emotion = text(row["Estimated Emotion"]).lower() or None
        emotion = {"other": "others"}.get(emotion, emotion)
        reason = None
        if match is None:
            reason = f"subject {text(row['Subject'])[:40]!r} is no number"
        elif not called:
            reason = "no clip is named"
        elif _CLIP.fullmatch(called) is None:
            reason = "the clip's name is not of letters, digits, - and _"
        elif isinstance(frames, str):
            reason = frames
        elif emotion is not None and emotion not in EMOTIONS:
            reason = f"unknown emotion {emotion[:40]!r}"
        elif as_in_mean:
            reason = outside_mean({**frames, "emotion": emotion})
        if reason is not None:
            out.skip(number, subject, _clip(called)[:40], reason)
            continue
        take(
            out,
            seen,
            row=number,
            subject=subject,
            video=_clip(called),
            **frames,
            kind="micro",
            emotion=emotion,
            action_units=split_action_units(row["Action Units"]),
        )


def _footage(root: Path) -> Iterator[Footage]:
    """The clips below the subjects' folders; of the cropped tree only where there is no raw one."""
    subjects = folders_named(root, _FOLDER, levels=2)
    raw = [(name, folder) for name, folder in subjects if "crop" not in folder.relative_to(root).as_posix().lower()]
    for name, folder in raw or subjects:
        subject = _subject(_SUBJECT.fullmatch(name))
        for called, path in subfolders(root, folder).items():
            if _CLIP.fullmatch(called):
                yield Footage(subject, _clip(called), path, first=_first(root, path))


def _first(root: Path, folder: Path) -> int:
    """The file number of position 0: 1, but the first file of a cropped clip, which begins at its onset."""
    try:
        images = list_images(root, folder)
    except (OSError, ValueError):
        return 1  # build_dataset meets the same error and reports it
    return int(images.numbers[0]) if images.names[0].startswith("reg_") else 1


def _subject(match: re.Match) -> str:
    return f"sub{int(match[1]):02d}"


def _clip(name: str) -> str:
    """A clip's name as published, ``EP02_01f``, whatever its case."""
    return name[:2].upper() + name[2:].lower()
