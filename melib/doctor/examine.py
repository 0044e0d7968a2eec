"""One copy of a dataset, examined."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
from tqdm import tqdm

from melib import datasets, face
from melib.datasets.folders import FolderDataset
from melib.datasets.images import ImageVideo
from melib.datasets.sheets import LabelTable, count_labels
from melib.doctor import cost
from melib.doctor.known import KNOWN, Known, published
from melib.errors import InputError

AS_PUBLISHED, DIFFERENT, UNUSABLE = "as published", "usable with differences", "unusable"
#: Damaged files that are named one by one; all are counted.
_NAMED = 20
_CUT = "the frames end there"


def examine(
    name: str,
    root: Path | str,
    *,
    decode: bool = False,
    faces: int = 0,
    detector: face.Detector | None = None,
    store: Path | str = ".",
    progress: bool = False,
) -> dict:
    """Compare a copy of a dataset with what was published, and tell what using it costs; writes nothing.

    Parameters
    ----------
    name : str
        A key of :data:`melib.datasets.DATASETS`.
    root : path
    decode : bool
        Decode every image. Otherwise the header of every image is read: its kind and its size.
    faces : int
        Look for a face in the first frames of so many videos, spread over the dataset.
    detector : Detector, optional
        By default :class:`melib.face.DlibDetector`.
    store : path
        Where the features will be kept; need not exist. The room there is compared with the need.
    progress : bool
        Show a bar on stderr.

    Returns
    -------
    dict
        Plain types: ``dataset, title, root, version, fps``; ``counts`` (dicts of ``labels, count, published,
        found, with_frames``, the last None where not compared) and ``counts_from``; ``videos`` (a dict each),
        ``missing``, ``sizes``, ``depth``, ``files``, ``labels`` (``skipped, without_frames, folders, changes,
        cut, fixes_unused``), ``faces`` (None if not asked), ``features``; ``differences`` (str each) and
        ``verdict``, :data:`AS_PUBLISHED`, :data:`DIFFERENT` or :data:`UNUSABLE`.

    Raises
    ------
    ValueError, FileNotFoundError
        If the dataset cannot be opened at all, as :func:`melib.datasets.open_dataset`.
    """
    if faces < 0:
        raise InputError(f"the number of videos in which a face is looked for cannot be {faces}")
    module, keywords = datasets.reader(name)
    known = KNOWN[name]
    dataset = datasets.open_dataset(name, root)
    tables = _label_tables(module, keywords, dataset.root, published(name))
    result = {
        "dataset": name,
        "title": known.title,
        "root": str(dataset.root),
        "version": dataset.version,
        "fps": float(dataset.videos[0].fps),
        "counts": _counts(tables, dataset),
        "counts_from": "the literature: no label file was at hand" if known.from_literature else "the label files",
        **_frames(dataset.videos),
        "files": _files(dataset.videos, known, decode, progress),
        "labels": _labels(tables[-1][1], dataset.labels),
        "faces": _faces(dataset.videos, faces, detector) if faces else None,
        "features": _features(dataset.videos, Path(store)),
    }
    result["differences"] = _differences(result, known)
    if not any(expression.kind == "micro" for video in dataset.videos for expression in video.expressions):
        result["differences"].insert(0, "no labelled micro-expression has frames: nothing can be learnt or tested")
        result["verdict"] = UNUSABLE
    else:
        result["verdict"] = DIFFERENT if result["differences"] else AS_PUBLISHED
    return result


def _label_tables(
    module: ModuleType, keywords: Mapping[str, str], root: Path, expected: dict[str, int]
) -> list[tuple[str, LabelTable, dict[str, int]]]:
    """Label tables with their title and published counts; the last is the one that the dataset is read with."""
    read = module.read_labels(root, **keywords)
    if not hasattr(module, "PUBLISHED_AFTER_RULE"):
        return [("as read", read, expected)]
    return [
        ("as released", module.read_labels(root, thirty_frame_rule=False, **keywords), expected),
        ("after the rule of 30 frames", read, expected | module.PUBLISHED_AFTER_RULE),
    ]


def _counts(tables: Sequence[tuple[str, LabelTable, dict[str, int]]], dataset: FolderDataset) -> list[dict]:
    rows = []
    for title, table, expected in tables:
        found = count_labels(table.rows)
        framed = count_labels(dataset.labels.rows) if table is tables[-1][1] else None
        for count in dict.fromkeys([*expected, *found]):
            if count == "recorded videos":
                continue
            rows.append(
                {
                    "labels": title,
                    "count": count,
                    "published": expected.get(count),
                    "found": found.get(count, 0),
                    "with_frames": None if framed is None else framed.get(count, 0),
                }
            )
    recorded = tables[-1][2].get("recorded videos")
    rows.append(
        {
            "labels": "folders",
            "count": "recorded videos",
            "published": recorded,
            "found": len(dataset.videos),
            "with_frames": len(dataset.videos),
        }
    )
    return rows


def _frames(videos: Sequence[ImageVideo]) -> dict:
    """What the listings of the folders say."""
    rows = [
        {
            "subject": video.subject,
            "video": video.name,
            "frames": video.n_frames,
            "missing": video.missing,
            "depth": video.depth_images is not None,
            "missing_depth": video.missing_depth,
            "before_first": video.before_first,
            "others": video.colour.others,
            "micro": sum(expression.kind == "micro" for expression in video.expressions),
            "macro": sum(expression.kind == "macro" for expression in video.expressions),
        }
        for video in videos
    ]
    worst = max(rows, key=lambda row: row["missing"])
    sizes = Counter("{}x{}".format(*video.size) for video in videos)
    return {
        "videos": rows,
        "missing": {
            "frames": sum(row["frames"] for row in rows),
            "missing": sum(row["missing"] for row in rows),
            "videos": sum(row["missing"] > 0 for row in rows),
            "worst": f"{worst['subject']}/{worst['video']}" if worst["missing"] else None,
            "worst_missing": worst["missing"],
            "worst_frames": worst["frames"],
        },
        "sizes": dict(sizes.most_common()),
        "depth": {
            "videos": sum(row["depth"] for row in rows),
            "missing": sum(row["missing_depth"] for row in rows if row["depth"]),
        },
    }


def _files(videos: Sequence[ImageVideo], known: Known, decode: bool, progress: bool) -> dict:
    """Read every image, a video at a time, and count those that cannot be shown."""
    counts = [len(video.colour.numbers) + len(getattr(video.depth_images, "numbers", ())) for video in videos]
    result = {"checked": sum(counts), "decoded": decode, "damaged": 0, "in_release": 0, "examples": []}
    with tqdm(total=sum(counts), unit="file", disable=not progress) as bar:
        for video, count in zip(videos, counts, strict=True):
            for path, reason in video.damaged(decode=decode).items():
                result["damaged"] += 1
                if path.parent == video.colour.folder and _in_release(video, path, known):
                    result["in_release"] += 1
                elif len(result["examples"]) < _NAMED:
                    result["examples"].append({"file": str(path), "reason": reason})
            bar.update(count)
    return result


def _in_release(video: ImageVideo, path: Path, known: Known) -> bool:
    """Whether the release itself holds this file damaged."""
    number = int(re.search(r"\d+$", path.stem)[0])
    return any(
        (video.subject, video.name) == (subject, name) and first <= number <= last
        for subject, name, first, last in known.damaged
    )


def _labels(read: LabelTable, joined: LabelTable) -> dict:
    """Rows left out and cells changed, those that the label files decide apart from those that the folders do."""
    # What meets the folders is put behind what the files say.
    later = joined.skipped.iloc[len(read.skipped) :]
    return {
        "skipped": _records(read.skipped),
        "without_frames": _records(later[later["row"] > 0]),
        "folders": _records(later[later["row"] == 0]),
        "changes": _records(joined.changes[joined.changes["reason"] != _CUT]),
        "cut": _records(joined.changes[joined.changes["reason"] == _CUT]),
        "fixes_unused": joined.fixes_unused,
    }


def _records(table: pd.DataFrame) -> list[dict]:
    """Rows as plain types, which JSON can hold."""
    return [
        {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    ]


def _faces(videos: Sequence[ImageVideo], number: int, detector: face.Detector | None) -> dict:
    """Look for faces at the beginning of some videos."""
    result = {"looked": 0, "found": 0, "seconds": 0.0, "notes": [], "not_possible": None}
    if detector is None:
        try:
            detector = face.DlibDetector()
        except InputError as error:
            return result | {"not_possible": str(error.args[0])}
    begun = time.perf_counter()
    for index in np.unique(np.linspace(0, len(videos) - 1, min(number, len(videos))).round().astype(int)):
        video = videos[index]
        result["looked"] += 1
        try:
            report = face.crop(video, detector=detector).report
        except InputError as error:
            result["notes"].append(str(error.args[0]))
            continue
        result["found"] += 1
        result["notes"] += [f"{video.subject}/{video.name}: {note}" for note in report.notes]
    return result | {"seconds": (time.perf_counter() - begun) / max(1, result["looked"])}


def _features(videos: Sequence[ImageVideo], store: Path) -> dict:
    """Pairs, hours and room of the features of a study's default, for all videos and those with a micro-expression."""
    with_micro = [video for video in videos if any(expression.kind == "micro" for expression in video.expressions)]
    result = {"settings": "optical flow by TV-L1, one process", "seconds_per_pair": None, "not_measured": None}
    try:
        result["seconds_per_pair"] = cost.seconds_per_pair(max(with_micro or videos, key=lambda video: video.n_frames))
    except InputError as error:
        result["not_measured"] = str(error.args[0])
    for key, part in (("all", videos), ("with_micro", with_micro)):
        pairs = cost.count_pairs(part)
        each = result["seconds_per_pair"]
        result[key] = {
            "videos": len(part),
            "pairs": pairs,
            "bytes": pairs * cost.BYTES_PER_PAIR,
            "hours": None if each is None else pairs * each / 3600,
        }
    return result | {"free_bytes": cost.free_bytes(store)}


def _differences(result: dict, known: Known) -> list[str]:
    """What a reader of a result should know of this copy, a sentence each."""
    unlike = [row for row in result["counts"] if row["published"] not in (None, row["found"])]
    said = [
        f"{title}: " + ", ".join(f"{row['count']} {row['found']} and not {row['published']}" for row in rows)
        for title in dict.fromkeys(row["labels"] for row in unlike)
        if (rows := [row for row in unlike if row["labels"] == title])
    ]
    labels, files, missing = result["labels"], result["files"], result["missing"]
    said += [row["reason"] for row in labels["skipped"] if row["row"] == 0][:_NAMED]
    said += [_of(row) for row in labels["folders"]][:_NAMED]
    if labels["without_frames"]:
        said.append(f"labels without frames: {len(labels['without_frames'])}")
    if labels["cut"]:
        said.append(f"labels that end behind the last frame of their video: {len(labels['cut'])}")
    if missing["missing"] and not known.lacks_frames:
        said.append(f"missing frames: {missing['missing']}, in {missing['videos']} of {len(result['videos'])} videos")
    if files["damaged"] > files["in_release"]:
        said.append(f"damaged files: {files['damaged'] - files['in_release']}")
    without = len(result["videos"]) - result["depth"]["videos"]
    if known.depth and without:
        said.append(f"videos without depth: {without} of {len(result['videos'])}")
    if len(result["sizes"]) > 1:
        said.append(f"videos differ in the size of their frames: {', '.join(result['sizes'])}")
    if result["faces"] and result["faces"]["found"] < result["faces"]["looked"]:
        looked = result["faces"]["looked"]
        said.append(f"videos without a face found: {looked - result['faces']['found']} of {looked} looked at")
    if result["features"]["all"]["bytes"] > result["features"]["free_bytes"]:
        said.append("the features of all videos do not fit the disk of the store")
    return said


def _of(row: dict) -> str:
    return f"{row['subject']}/{row['video']}: {row['reason']}"
