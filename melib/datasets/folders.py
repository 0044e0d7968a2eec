"""From labels and folders of frames to videos: the one place where frame numbers become positions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
    labels: LabelTable


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
    camera: Camera | None = None,
) -> FolderDataset:
    """Join folders and labels.

    A folder that cannot be read, and a label without frames, are noted in ``labels.skipped``. A label that ends behind
    the last frame is cut there and noted in ``labels.changes``. A folder without labels is a video without
    expressions.

    Parameters
    ----------
    name, version, emotions
        As in :class:`melib.video.Dataset`.
    root : Path
        As :func:`melib.datasets.paths.existing_root` gives it.
    footage : iterable of Footage
        In the order of the videos.
    labels : LabelTable
    fps : float
    depth_scale : float
        Metres of one unit of a depth file.
    camera : Camera or None
        Of the whole image.

    Raises
    ------
    FileNotFoundError
        If no folder of frames could be read at all; the message holds the first reason.
    """
    skipped, changes, kept, videos = [], [], [], []
    of_video = {key: rows.to_dict("records") for key, rows in labels.rows.groupby(["subject", "video"], sort=False)}
    taken: dict[tuple[str, str], Path] = {}
    for film in footage:
        key = (film.subject, film.video)
        if key in taken:
            skipped.append((0, *key, f"{film.colour} is left out: {taken[key]} has the same name but for its case"))
            continue
        taken[key] = film.colour
        try:
            depth = None if film.depth is None else list_images(root, film.depth)
        except (OSError, ValueError) as error:
            skipped.append((0, *key, f"read without depth: {error}"))
            depth = None
        try:
            video = ImageVideo(
                *(*key, list_images(root, film.colour), fps, film.first),
                depth_images=depth,
                depth_scale=depth_scale,
                camera=None if depth is None else camera,
            )
        except (OSError, ValueError) as error:
            skipped.append((0, *key, str(error)))
            skipped += [(row["row"], *key, "its frames cannot be read") for row in of_video.pop(key, [])]
            continue
        base = film.first if film.label_first is None else film.label_first
        expressions = []
        for row in of_video.pop(key, []):
            placed = _placed(row, base, video.n_frames)
            if isinstance(placed, str):
                skipped.append((row["row"], *key, placed))
                continue
            expressions.append(placed)
            end = placed.offset + base
            if end < row["offset"]:
                changes.append((row["row"], *key, "offset", row["offset"], end, "its frames end there", "the folder"))
            kept.append({**row, "offset": end})
        video.expressions = tuple(sorted(expressions, key=lambda e: (e.onset, e.offset)))
        videos.append(video)
    for key, rows in of_video.items():
        skipped += [(row["row"], *key, "no folder of frames") for row in rows]
    if not videos:
        first = f": {skipped[0][3]}" if skipped else ""
        raise FileNotFoundError(f"no video of {name} could be read in {root}{first}")
    return FolderDataset(
        name, version, tuple(videos), emotions, root=root, labels=_with_account(labels, kept, skipped, changes)
    )


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


def _with_account(labels: LabelTable, kept: list, skipped: list, changes: list) -> LabelTable:
    rows = pd.DataFrame(kept, columns=labels.rows.columns).astype(labels.rows.dtypes)
    more_skipped, more_changes = pd.DataFrame(skipped, columns=SKIPPED), pd.DataFrame(changes, columns=CHANGES)
    return replace(
        labels,
        rows=rows,
        skipped=_joined(labels.skipped, more_skipped),
        changes=_joined(labels.changes, more_changes),
    )


def _joined(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    return b if a.empty else a if b.empty else pd.concat([a, b], ignore_index=True)
