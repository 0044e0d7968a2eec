"""Where rendered frames are kept: a bounded share of memory, and a folder of lossless files if one is given."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import tempfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import cv2
import numba
import numpy as np

from melib.synthetic.head import ASSET

#: RGB ``(H, W, 3)`` uint8, and the depth sensor's raw reading ``(H, W)`` uint16 or float32.
Frame = tuple[np.ndarray, np.ndarray]


class RecentFrames:
    """The frames used last, at most `most_bytes` of them."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._frames: OrderedDict[tuple, Frame] = OrderedDict()

    def get(self, key: tuple) -> Frame | None:
        """The frame under a key, or None."""
        if key in self._frames:
            self._frames.move_to_end(key)
        return self._frames.get(key)

    def put(self, key: tuple, frame: Frame) -> None:
        """Keep a frame under a new key and let go of those unused for longest."""
        self._frames[key] = frame
        self._held += sum(part.nbytes for part in frame)
        while self._held > self._most:
            _, old = self._frames.popitem(last=False)
            self._held -= sum(part.nbytes for part in old)


@functools.lru_cache(maxsize=1)
def asset_hash() -> str:
    """SHA-256 of the head asset."""
    return hashlib.sha256(ASSET.read_bytes()).hexdigest()


@functools.lru_cache(maxsize=1)
def code_hash() -> str:
    """SHA-256 of everything that decides a bit: the modules of `melib.synthetic`, the head, the numeric libraries."""
    digest = hashlib.sha256(asset_hash().encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for library in (cv2, numba, np):
        digest.update(f"{library.__name__}={library.__version__};".encode())
    return digest.hexdigest()


def content_key(*parts: object) -> str:
    """Name of a folder for frames that follow from the given values and from the code."""
    return hashlib.sha256(repr((code_hash(), *parts)).encode()).hexdigest()[:24]


def _as_png(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.float32:  # PNG knows no floats: their four bytes go in as four channels
        image = np.ascontiguousarray(image)[..., None].view(np.uint8)
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]


def write_frame(path: Path, frame: Frame) -> None:
    """Write a frame without loss, under a temporary name that is moved when the file is whole.

    The file is a zip archive of two PNGs, because the archive's checksum tells a damaged file from a whole one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    np.savez(content, colour=_as_png(frame[0]), depth=_as_png(frame[1]))
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.getbuffer())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_frame(path: Path) -> Frame | None:
    """Read a frame; None if the file is missing or damaged, so that the caller renders it again."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            colour, depth = (cv2.imdecode(archive[name], cv2.IMREAD_UNCHANGED) for name in ("colour", "depth"))
    except (FileNotFoundError, zipfile.BadZipFile, EOFError, ValueError, KeyError):
        return None
    if depth.ndim == 3:
        depth = depth.view(np.float32)[..., 0]
    return colour, depth
