"""Small folder trees named as the released datasets are, with rendered faces for frames.

Frames come from the benchmark's full view, cut to the head; labels say where its expressions are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import openpyxl

from melib.synthetic import dataset as benchmark
from melib.video import Camera, Expression

FRAMES = 40
#: The part of the benchmark's 640x480 image that holds the head, and the camera of that part.
_ROWS, _COLUMNS = slice(80, 400), slice(128, 512)


@dataclass(frozen=True)
class Clip:
    """Frames ``(T, H, W, 3)`` RGB, depth ``(T, H, W)`` uint16 millimetres, their camera, and one expression in them."""

    frames: np.ndarray
    depth: np.ndarray
    camera: Camera
    expression: Expression


def clip(subject: int = 0) -> Clip:
    """A clip of `FRAMES` frames with a micro-expression; every odd subject is the mirror image of the even ones."""
    plain = _rendered()
    if subject % 2 == 0:
        return plain
    camera = replace(plain.camera, cx=plain.camera.width - 1 - plain.camera.cx)
    return replace(plain, frames=plain.frames[:, :, ::-1], depth=plain.depth[:, :, ::-1], camera=camera)


@functools.cache
def _rendered() -> Clip:
    """Rendered once in a session; video 500 is the subject's first clip."""
    suite = benchmark.open_clips(subjects=1, clips=1).videos[0].suite
    full = benchmark.SyntheticVideo(suite, "train", 0, 500, 180, view="full")
    (event,) = full.expressions
    start = event.onset - 8
    frames = full.frames(start, start + FRAMES)[:, _ROWS, _COLUMNS]
    millimetres = np.round(1000 * full.depth(start, start + FRAMES)[:, _ROWS, _COLUMNS])
    height, width = frames.shape[1:3]
    camera = replace(
        full.camera, cx=full.camera.cx - _COLUMNS.start, cy=full.camera.cy - _ROWS.start, width=width, height=height
    )
    shifted = replace(event, onset=8, apex=event.apex - start, offset=min(event.offset - start, FRAMES - 1))
    return Clip(frames, millimetres.astype(np.uint16), camera, shifted)


def write_frames(
    folder: Path,
    numbers: Iterable[int],
    name: Callable[[int], str] = "{}.jpg".format,
    *,
    first: int = 1,
    grey: bool = False,
    subject: int = 0,
) -> None:
    """Write files ``name(number)``, each with the frame ``number - first`` of a clip (its last one beyond its end)."""
    folder.mkdir(parents=True, exist_ok=True)
    images = clip(subject).frames
    for number in numbers:
        image = images[min(max(number - first, 0), FRAMES - 1)]
        pixels = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY if grey else cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(folder / name(number)), pixels)


def write_depth(folder: Path, numbers: Iterable[int], *, first: int = 1, subject: int = 0) -> None:
    """Write 16-bit files ``<number>.png``, each with the depth of frame ``number - first`` of a clip."""
    folder.mkdir(parents=True, exist_ok=True)
    images = clip(subject).depth
    for number in numbers:
        assert cv2.imwrite(str(folder / f"{number}.png"), images[min(max(number - first, 0), FRAMES - 1)])


def write_book(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    """Write an Excel file of sheets of rows; a text that begins with ``=`` becomes a formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        page = book.create_sheet(title.replace("_", " "))
        for row in rows:
            page.append(list(row))
    book.save(path)
    return path
