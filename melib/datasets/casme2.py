"""CASME II: short clips of 200 frames per second, each with one micro-expression.

Frames lie in ``sub01/EP02_01f/img1.jpg`` (raw, numbered from 1, not padded) or ``reg_img46.jpg`` (cropped and
registered, from the onset to the offset, numbered as in the raw clip); labels count as the names do. Where both trees
lie below the root, the raw one is read. The labels are an Excel file, ``CASME2-coding-20190701`` the newest known.

What is odd about a row, and what is done:

- apex ``/`` (sub04 EP12_01f): unknown. Others have estimated it; an estimate is no label, so none is filled in, and
  the apex is found as for SMIC, from the movement;
- the released MEAN leaves that clip out and one more, and keeps five of the seven emotions:
  ``open_dataset(root, as_in_mean=True)``.

Sources: the release; MEAN (https://github.com/genbing99/MEAN_Spot-then-recognize, ``load_excel.py``) for its 244
clips; MEGC 2019 (https://github.com/Facial-Micro-ExpressionGC/MEGC2019) for three classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from melib.datasets.finding import pick_file, search
from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.images import list_images
from melib.datasets.paths import subfolders
from melib.datasets.rows import frames_of, take
from melib.datasets.sheets import LabelRows, LabelTable, read_table, split_action_units, text

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
#: From the literature, no label file being at hand: 255 or 256 rows are reported for the releases.
PUBLISHED = {"subjects": 26, "micro": 255}
#: Of ``as_in_mean=True``, by emotion; from the literature too.
PUBLISHED_AS_IN_MEAN = {"others": 99, "disgust": 61, "happiness": 32, "repression": 27, "surprise": 25}

#: Onset, apex and offset of the clip that MEAN drops by its frames, counted from 1 (65, 110, 110 from 0).
_LEFT_OUT = (66, 111, 111)
_COLUMNS = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion")
_FRAMES = {"onset": "OnsetFrame", "apex": "ApexFrame", "offset": "OffsetFrame"}
_LABEL_FILES = tuple(
    re.compile(rf"CASME[ _-]?(?:2|II)[ _-]?{word}.*\.xlsx?", re.IGNORECASE) for word in ("coding", "label")
)
_SUBJECT = re.compile(r"(?:sub)?[ _-]?0*([0-9]{1,3})", re.IGNORECASE)
_FOLDER = re.compile(r"sub[ _-]?0*[0-9]{1,3}", re.IGNORECASE)


def read_labels(path: str | Path, *, as_in_mean: bool = False) -> LabelTable:
    """The labels, frames as in the file (the first of a raw clip is 1).

    Parameters
    ----------
    path : path
        The label file, or the root of the dataset.
    as_in_mean : bool
        Keep the clips that the released MEAN keeps, see :func:`outside_mean`; the others are skipped.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or none in the root.
    ValueError
        If it cannot be read.
    """
    path = Path(path)
    return _read(path, search(path.resolve(), _FOLDER).files if path.is_dir() else (), as_in_mean)


def open_dataset(root: str | Path, *, as_in_mean: bool = False) -> FolderDataset:
    """The clips of a folder.

    Parameters
    ----------
    root : path
    as_in_mean : bool
        As for :func:`read_labels`; clips without a label left are left out, too.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_labels`; also if no frames are there.
    """
    root = Path(root).resolve()
    found = search(root, _FOLDER)
    labels = _read(root, found.files, as_in_mean)
    footage = list(_footage(root, found.folders))
    if as_in_mean:
        kept = set(zip(labels.rows["subject"], labels.rows["video"], strict=True))
        footage = [film for film in footage if (film.subject, film.video) in kept]
    return build_dataset("casme2", "clips", root, footage, labels, fps=FPS, emotions=EMOTIONS)


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
        return f"left out as in MEAN: {label['emotion'] or 'no emotion'} is none of its five classes"
    return None


def _read(path: Path, files: Sequence[Path], as_in_mean: bool) -> LabelTable:
    sheet = path if path.is_file() else pick_file(files, _LABEL_FILES)
    if sheet is None:
        raise FileNotFoundError(f"no label file of CASME II in {path}: put CASME2-coding-20190701.xlsx there")
    into = LabelRows()
    read_rows(read_table(sheet, _COLUMNS), into, as_in_mean=as_in_mean)
    return into.table()


def read_rows(sheet: pd.DataFrame, into: LabelRows, *, as_in_mean: bool = False) -> None:
    """Rows of the label sheet, each added to `into` or skipped.

    Parameters
    ----------
    sheet : pandas.DataFrame
        Columns ``row, Subject, Filename, OnsetFrame, ApexFrame, OffsetFrame, Action Units, Estimated Emotion``.
    into : LabelRows
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
        elif isinstance(frames, str):
            reason = frames
        elif emotion is not None and emotion not in EMOTIONS:
            reason = f"unknown emotion {emotion[:40]!r}"
        elif as_in_mean:
            reason = outside_mean({**frames, "emotion": emotion})
        if reason is not None:
            into.skip(number, subject, _clip(called)[:40], reason)
            continue
        take(
            into,
            seen,
            row=number,
            subject=subject,
            video=_clip(called),
            **frames,
            kind="micro",
            emotion=emotion,
            action_units=split_action_units(row["Action Units"]),
        )


def _footage(root: Path, subjects: Iterable[Path]) -> Iterable[Footage]:
    """The clips of the subjects' folders; of the cropped tree only where there is no raw one."""
    subjects = list(subjects)
    raw = [folder for folder in subjects if not _cropped(root, folder)]
    for folder in raw or subjects:
        subject = _subject(_SUBJECT.fullmatch(folder.name))
        for called, path in subfolders(root, folder).items():
            yield Footage(subject, _clip(called), path, first=_first(root, path))


def _cropped(root: Path, folder: Path) -> bool:
    return any("crop" in part.lower() for part in folder.relative_to(root).parts)


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
