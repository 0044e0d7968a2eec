"""From labels and folders of frames to videos: the one place where frame numbers become positions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from melib.datasets.images import ImageVideo, assumed_camera, fullest, list_images
from melib.datasets.sheets import LabelRows, LabelTable
from melib.video import Dataset, Expression


@dataclass(frozen=True, kw_only=True)
class FolderDataset(Dataset):
    """A dataset read from a folder; its ``labels`` give account of every row of the label files and every folder."""

    root: Path
    labels: LabelTable = field(compare=False, repr=False)

    def one_picture(self) -> list[tuple[ImageVideo, Expression]]:
        """Micro-expressions whose onset and apex are one picture, by their labels or since frames lack: none moves."""
        micro = ((video, each) for video in self.videos for each in video.expressions if each.kind == "micro")
        return [(v, e) for v, e in micro if e.apex is not None and v.picture(e.onset) == v.picture(e.apex)]


@dataclass(frozen=True)
class Footage:
    """Where the frames of one video lie, under the names that it has in the table of labels."""

    subject: str
    video: str
    colour: Path
    depth: Path | None = None
    first: int | None = 1  # file number of position 0; None: that of the first file
    label_first: int | None = None  # its number in the labels, where they count otherwise
    left_out: tuple[Path, ...] = ()  # other folders of the same video


def build_dataset(
    name: str,
    version: str,
    root: Path,
    footage: Iterable[Footage],
    labels: LabelTable,
    *,
    fps: float,
    emotions: tuple[str, ...],
    view: float | None = None,
) -> FolderDataset:
    """Join folders, in the order of the videos, and labels; ``view``: degrees seen across by a camera of depth.

    Of the folders of one video the fullest is read; one that cannot be (as row 0) and a label without frames are
    skipped, a label that ends behind the last frame is cut there, and the account says so. A folder without labels is a
    video without expressions. To the version of release and options a fingerprint of the data is added.
    """
    account = LabelRows([], *(table.to_dict("records") for table in (labels.skipped, labels.changes)))
    of_video = {key: rows.to_dict("records") for key, rows in labels.rows.groupby(["subject", "video"], sort=False)}
    videos, films = [], {}
    for film in footage:
        films.setdefault((film.subject, film.video), {})[film.colour] = film
    for key, found in films.items():
        colour, *others = fullest(found)
        film = found[colour]
        for other in (*others, *film.left_out):
            account.skip(0, *key, f"{other} is left out: this video is read from {colour}")
        rows = of_video.pop(key, [])
        try:
            images = list_images(root, film.colour)
            first = int(images.numbers[0]) if film.first is None else film.first
            video = ImageVideo(*key, images, fps, first)
            size = video.size
        except (OSError, ValueError) as error:
            account.skip(0, *key, str(error))
            for row in rows:
                account.skip(row["row"], *key, "its frames cannot be read")
            continue
        if film.depth is not None:
            try:
                depth = list_images(root, film.depth)
                video = replace(video, depth_images=depth, camera=assumed_camera(view, *size))
            except (OSError, ValueError) as error:
                account.skip(0, *key, f"read without depth: {error}")
        base = first if film.label_first is None else film.label_first
        placed = (_placed(row, base, video.n_frames, account) for row in rows)
        video.expressions = tuple(sorted(filter(None, placed), key=lambda each: (each.onset, each.offset)))
        videos.append(video)
    for key, rows in of_video.items():
        for row in rows:
            account.skip(row["row"], *key, "no folder of frames")
    if not videos:
        of_files = len(labels.skipped)
        reasons = [row["reason"] for row in account.skipped[of_files:] + account.skipped[:of_files]]
        raise FileNotFoundError(": ".join([f"no video of {name} could be read in {root}", *reasons[:1]]))
    version, table = f"{version}+data-{_fingerprint(videos)}", account.table(labels.fixes_unused)
    return FolderDataset(name, version, tuple(videos), emotions, root=root, labels=table)


def _fingerprint(videos: Iterable[ImageVideo]) -> str:
    """Eight digits that tell copies apart whose labels, as placed, or whose files' names or sizes differ."""
    digest = hashlib.sha256()
    for video in videos:
        labels = [(each.onset, each.apex, each.offset, each.emotion, each.kind) for each in video.expressions]
        digest.update(repr((video.subject, video.name, video.first, video.size, labels)).encode())
        for images in (video.colour, video.depth_images):
            files = [] if images is None else list(zip(images.names.tolist(), images.bytes.tolist(), strict=True))
            digest.update(repr(files).encode())
    return digest.hexdigest()[:8]


def _placed(row: Mapping, base: int, n_frames: int, account: LabelRows) -> Expression | None:
    """A label in positions, cut at the last frame, or None where it has no frames; the account takes it either way."""
    onset, offset, last = row["onset"] - base, row["offset"] - base, n_frames - 1
    apex = None if pd.isna(row["apex"]) else int(row["apex"]) - base
    where = row["row"], row["subject"], row["video"]
    if onset < 0:
        return account.skip(*where, f"onset {row['onset']} lies before frame {base}, the first of its video")
    if (onset if apex is None else apex) > last:
        return account.skip(*where, f"onset or apex lies behind frame {base + last}, the last of its video")
    if offset > last:
        account.change(row, "offset", base + last, "the frames end there", "folder of frames")
    account.rows.append({**row, "offset": base + min(offset, last)})
    return Expression(onset, min(offset, last), apex, row["kind"], row["emotion"], row["action_units"])
