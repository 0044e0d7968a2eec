"""From labels and folders of frames to videos: the one place where frame numbers become positions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from melib.datasets.images import ImageVideo, list_images
from melib.datasets.sheets import CHANGES, SKIPPED, LabelTable
from melib.video import Camera, Dataset, Expression


@dataclass(frozen=True, kw_only=True)
class FolderDataset(Dataset):
    """A dataset read from a folder, with account of what was found there.

    Attributes
    ----------
    root : Path
    labels : LabelTable
        The labels of ``videos``; ``labels.skipped`` also names the rows whose frames are not there, and the folders
        that could not be read (their row is 0). Every row of the label files is in ``labels.rows`` or there.
    """

    root: Path
    labels: LabelTable = field(compare=False, repr=False)


@dataclass(frozen=True)
class Footage:
    """Where the frames of one video lie.

    Attributes
    ----------
    subject, video : str
        As in the table of labels; the video of the dataset gets these names.
    colour : Path
        Folder of images.
    depth : Path or None
    first : int
        File number of position 0.
    label_first : int or None
        Number of position 0 in the labels; None if they count as the files do.
    """

    subject: str
    video: str
    colour: Path
    depth: Path | None = None
    first: int = 1
    label_first: int | None = None


def build_dataset(
    name: str,
    version: str,
    root: Path,
    footage: Iterable[Footage],
    labels: LabelTable,
    *,
    fps: float,
    emotions: tuple[str, ...],
    depth_scale: float = 0.001,
    camera: Callable[[int, int], Camera] | None = None,
) -> FolderDataset:
    """Join folders and labels.

    A folder that cannot be read, and a label without frames, are noted in ``labels.skipped``. A label that ends behind
    the last frame is cut there and noted in ``labels.changes``. A folder without labels is a video without
    expressions.

    Parameters
    ----------
    name, emotions
        As in :class:`melib.video.Dataset`.
    version : str
        Of the release and the options. The dataset's version adds a fingerprint of the frames that were found, so that
        features kept of another copy are not taken for this one's.
    root : Path
        As :func:`melib.datasets.paths.existing_root` gives it.
    footage : iterable of Footage
        In the order of the videos.
    labels : LabelTable
    fps : float
    depth_scale : float
        Metres of one unit of a depth file.
    camera : callable or None
        Camera of images of a width and a height; needed where footage has depth.

    Raises
    ------
    FileNotFoundError
        If no folder of frames could be read at all; the message holds the first reason.
    ValueError
        If the camera does not fit the frames.
    """
    account = _Account()
    of_video = {key: rows.to_dict("records") for key, rows in labels.rows.groupby(["subject", "video"], sort=False)}
    read_from: dict[tuple[str, str], Path] = {}
    videos = []
    for film in footage:
        key = (film.subject, film.video)
        if key in read_from:
            account.skip(0, key, f"{film.colour} is left out: this video is read from {read_from[key]}")
            continue
        read_from[key] = film.colour
        rows = of_video.pop(key, [])
        try:
            video = ImageVideo(*key, list_images(root, film.colour), fps, film.first)
            size = video.size
        except (OSError, ValueError) as error:
            account.skip(0, key, str(error))
            for row in rows:
                account.skip(row["row"], key, "its frames cannot be read")
            continue
        if film.depth is not None:
            video = _with_depth(video, root, film.depth, depth_scale, camera(*size), account)
        video.expressions = _expressions(video, rows, film, account)
        videos.append(video)
    for key, rows in of_video.items():
        for row in rows:
            account.skip(row["row"], key, "no folder of frames")
    if not videos:
        first = f": {account.skipped[0][3]}" if account.skipped else ""
        raise FileNotFoundError(f"no video of {name} could be read in {root}{first}")
    return FolderDataset(
        *(name, f"{version}+files-{_fingerprint(videos)}", tuple(videos), emotions),
        root=root,
        labels=account.joined(labels),
    )


def _fingerprint(videos: Iterable[ImageVideo]) -> str:
    """Eight digits that tell copies of a dataset apart in which other frames are there, wherever they lie."""
    digest = hashlib.sha256()
    for video in videos:
        digest.update(repr((video.subject, video.name, video.first, video.size)).encode())
        for images in (video.colour, video.depth_images):
            numbers = () if images is None else images.numbers.tolist()
            digest.update(repr(numbers).encode())
    return digest.hexdigest()[:8]


class _Account:
    """What becomes of the labels when they meet the folders."""

    def __init__(self) -> None:
        self.kept: list[dict] = []
        self.skipped: list[tuple] = []
        self.changes: list[tuple] = []

    def skip(self, row: int, key: tuple[str, str], reason: str) -> None:
        self.skipped.append((row, *key, reason))

    def joined(self, labels: LabelTable) -> LabelTable:
        """The table of the label files, with this account added."""
        return replace(
            labels,
            rows=pd.DataFrame(self.kept, columns=labels.rows.columns, dtype=object).astype(labels.rows.dtypes),
            skipped=_joined(labels.skipped, pd.DataFrame(self.skipped, columns=list(SKIPPED))),
            changes=_joined(labels.changes, pd.DataFrame(self.changes, columns=list(CHANGES))),
        )


def _joined(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    return b if a.empty else a if b.empty else pd.concat([a, b], ignore_index=True)


def _with_depth(
    video: ImageVideo, root: Path, folder: Path, depth_scale: float, camera: Camera, account: _Account
) -> ImageVideo:
    try:
        return replace(video, depth_images=list_images(root, folder), depth_scale=depth_scale, camera=camera)
    except (OSError, ValueError) as error:
        account.skip(0, (video.subject, video.name), f"read without depth: {error}")
        return video


def _expressions(video: ImageVideo, rows: list[dict], film: Footage, account: _Account) -> tuple[Expression, ...]:
    """The labels of a video in positions, in order of onset."""
    key = (film.subject, film.video)
    base = film.first if film.label_first is None else film.label_first
    expressions = []
    for row in rows:
        placed = _placed(row, base, video.n_frames)
        if isinstance(placed, str):
            account.skip(row["row"], key, placed)
            continue
        expressions.append(placed)
        end = placed.offset + base
        if end < row["offset"]:
            change = (row["row"], *key, "offset", row["offset"], end, "the frames end there", "folder of frames")
            account.changes.append(change)
        account.kept.append({**row, "offset": end})
    return tuple(sorted(expressions, key=lambda expression: (expression.onset, expression.offset)))


def _placed(row: Mapping, base: int, n_frames: int) -> Expression | str:
    """A label in positions, cut at the last frame, or the reason why it has no frames."""
    onset, offset = row["onset"] - base, row["offset"] - base
    apex = None if pd.isna(row["apex"]) else int(row["apex"]) - base
    last = n_frames - 1
    if onset < 0:
        return f"onset {row['onset']} lies before frame {base}, the first of its video"
    if (onset if apex is None else apex) > last:
        return f"onset or apex lies behind frame {base + last}, the last of its video"
    return Expression(onset, min(offset, last), apex, row["kind"], row["emotion"], row["action_units"])
