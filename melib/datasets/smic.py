"""SMIC-E: long clips with one micro-expression each, filmed by three sensors (HS, VIS, NIR).

Frames lie in ``HS/s01/s01_ne_01/image012345.jpg``; their numbers run on from clip to clip, and the label file tells
the first of each clip (FirstF), so an expression begins OnsetF - FirstF frames into its clip. The cropped clips
(``HS/s1/micro/negative/s1_ne_01/reg_image000123.bmp``) hold the frames from onset to offset under the same numbers;
where both lie below the root, the long ones are read.

There is no apex, so it is unknown; the ``_2019`` label files have one (ApexF), which is read and preferred. The class
is that of the clip's name (ne, po, sur); where the column Emotion names another one, the change is noted. Where the
first file has another number than FirstF, frames are counted from the first file, unless the file numbers still cover
the expression as the labels count it: then only the beginning of the clip is missing.

Sources: the release; MEAN (https://github.com/genbing99/MEAN_Spot-then-recognize) for the conversion of frames.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from melib.datasets.folders import FolderDataset, Footage, build_dataset
from melib.datasets.images import fullest, list_images
from melib.datasets.paths import find_file, folders_named
from melib.datasets.sheets import LabelRows, LabelTable, frames_of, read_table, text
from melib.errors import find

FPS = {"hs": 100.0, "vis": 25.0, "nir": 25.0}
EMOTIONS = ("negative", "positive", "surprise")
CLASSES = {3: EMOTIONS}
MERGE: dict[int, Mapping[str, str | None]] = {3: {name: name for name in EMOTIONS}}
_CLIP = re.compile(r"s0*([0-9]{1,3})_(ne|po|sur)_0*([0-9]{1,3})", re.IGNORECASE)
_SUBJECT = re.compile(r"s?0*([0-9]{1,3})", re.IGNORECASE)
_CLASS = {"ne": "negative", "po": "positive", "sur": "surprise"}


def open_dataset(root: str | Path, *, sensor: str) -> FolderDataset:
    """The clips of a sensor; others' clips may lie below the root, too."""
    path, out = _label_file(root, sensor), LabelRows()
    clips = _read_rows(path, out)
    found: dict[tuple[str, str], list[Path]] = {}
    for name, folder in _folders(root, sensor):
        found.setdefault(_names(_CLIP.fullmatch(name)), []).append(folder)
    footage = [_film(root, clip, fullest(folders), clips, out) for clip, folders in found.items()]
    version = "2019" if "_2019" in path.name else "1"
    return build_dataset(f"smic_{sensor}", version, root, footage, out.table(), fps=FPS[sensor], emotions=EMOTIONS)


def read_labels(path: str | Path, *, sensor: str) -> LabelTable:
    """The labels of a file, or of the folder that holds it; frames as in the file: they run on from clip to clip."""
    out = LabelRows()
    _read_rows(_label_file(path, sensor), out)
    return out.table()


def _label_file(path: str | Path, sensor: str) -> Path:
    find(sensor, FPS, "sensor")
    name = f"SMIC-{sensor.upper()}-E_annotation"
    return find_file(Path(path), rf"{name}_2019\.xlsx?", rf"{name}\.xlsx?", depth=3)


def _read_rows(path: Path, out: LabelRows) -> dict[str, dict]:
    """Rows of the label file, each added or skipped; clip -> its first label, with ``FirstF``."""
    clips: dict[str, dict] = {}
    sheet = read_table(path, ("Subject", "Filename", "OnsetF", "OffsetF", "FirstF"), optional=("ApexF", "Emotion"))
    columns = {"onset": "OnsetF", "offset": "OffsetF", "first": "FirstF"}
    columns |= {"apex": "ApexF"} if "ApexF" in sheet else {}
    for row in sheet.to_dict("records"):
        match, whose = _CLIP.fullmatch(text(row["Filename"])), text(row["Subject"])
        if match is None:
            shown = " ".join(text(cell) for name, cell in row.items() if name != "row" and cell is not None)
            out.skip(row["row"], whose[:40], "", f"no clip such as s01_ne_01 is named: {shown[:80]!r}")
            continue
        subject, clip = _names(match)
        frames, number, reason = frames_of(row, columns), _SUBJECT.fullmatch(whose), None
        if whose and (number is None or int(number[1]) != int(match[1])):
            reason = f"subject {whose[:40]!r}, but the name says {subject}"
        elif isinstance(frames, str):
            reason = frames
        elif frames["onset"] < frames["first"]:
            reason = f"onset {frames['onset']} lies before {frames['first']}, the first frame of its clip"
        elif clip in clips and clips[clip]["FirstF"] != frames["first"]:
            reason = f"first frame {frames['first']}, but row {clips[clip]['row']} says {clips[clip]['FirstF']}"
        if reason is not None:
            out.skip(row["row"], subject, clip, reason)
            continue
        first, emotion = frames.pop("first"), _CLASS[match[2].lower()]
        label = {"row": row["row"], "subject": subject, "video": clip, **frames, "emotion": emotion}
        if not out.add(once=True, **label, kind="micro", action_units=()):
            continue
        clips.setdefault(clip, {**label, "FirstF": first})
        told = {**label, "emotion": text(row.get("Emotion"))}
        if told["emotion"][:2].lower() in {name[:2] for name in EMOTIONS if name != emotion}:
            out.change(told, "emotion", emotion, "the class is that of the clip's name", "the clip's name")
    return clips


def _folders(root: Path, sensor: str) -> list[tuple[str, Path]]:
    """The clips of a sensor: the long ones, or the cropped ones where there are no long ones."""
    own = [each for each in folders_named(root, _CLIP, levels=6) if _sensor(root, each[1]) in (sensor, None)]
    cropped = re.compile(r"(.*/)?(micro|[^/]*crop[^/]*)(/.*)?", re.IGNORECASE)
    return [each for each in own if not cropped.fullmatch(each[1].relative_to(root).as_posix())] or own


def _sensor(root: Path, folder: Path) -> str | None:
    """The sensor that the nearest of the folders above a clip is named for, the root included."""
    for part in reversed((root.name, *folder.relative_to(root).parts[:-1])):
        named = set(re.split(r"[^a-z]+", part.lower())) & set(FPS)
        if len(named) == 1:
            return named.pop()
    return None


def _film(root: Path, clip: tuple[str, str], folders: list[Path], clips: Mapping[str, dict], out: LabelRows) -> Footage:
    """Where a clip lies, and how its files are numbered."""
    folder, *others = folders
    film = Footage(*clip, folder, first=None, left_out=tuple(others))
    try:
        images = list_images(root, folder)
    except (OSError, ValueError):
        return film  # build_dataset meets the same error and reports it
    start, last, label = int(images.numbers[0]), int(images.numbers[-1]), clips.get(film.video)
    if label is None or label["FirstF"] == start or images.names[0].lower().startswith("reg_"):
        return film
    if label["FirstF"] < start <= label["onset"] <= label["offset"] <= last:
        return replace(film, first=label["FirstF"])
    reason = f"the clip's first file has the number {start}: frames are counted from there"
    out.change(label, "FirstF", start, reason, "the folder")
    return replace(film, label_first=label["FirstF"])


def _names(match: re.Match) -> tuple[str, str]:
    """Subject and clip as published: ``("s01", "s01_ne_01")``."""
    subject = f"s{int(match[1]):02d}"
    return subject, f"{subject}_{match[2].lower()}_{int(match[3]):02d}"
