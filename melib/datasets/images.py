"""A video that lies on disk as a folder of images, indexed by the number in the file names.

Released folders lack frames, and counting positions in a sorted listing would shift every label behind a gap: a
position is always a file's number less a constant of the dataset.
"""

from __future__ import annotations

import functools
import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from melib.datasets.paths import inside
from melib.errors import InputError
from melib.video import Camera, Expression, Video

#: Least share of a video's frames that must be there. A stray file of a far number would make an endless video.
LEAST_PRESENT = 0.1

_FILE = re.compile(r"(?!\.)(?:.*\D)?(\d{1,9})\.(?:jpe?g|png|bmp)", re.ASCII | re.IGNORECASE)
_TO_RGB = ("P", "1", "CMYK", "YCbCr")
#: What Pillow raises over a file that is cut short or damaged.
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class ImageFolder:
    """The numbered images of a folder, listed once, with file names and sizes in bytes; numbers ascend.

    ``others`` counts the entries that are no such image.
    """

    folder: Path
    numbers: np.ndarray
    names: np.ndarray
    bytes: np.ndarray
    others: int = 0

    def path(self, index: int) -> Path:
        """Path of the image at a place in the listing."""
        return self.folder / str(self.names[index])

    def nearest(self, number: int) -> np.ndarray:
        """Places in the listing by distance from a file number, the earlier first of two equally far: ``(n,)``."""
        return np.lexsort((self.numbers, np.abs(self.numbers - number)))


def list_images(root: Path, folder: Path) -> ImageFolder:
    """List the images (JPEG, PNG, BMP) of a folder whose names end in a number; a link must stay inside the root."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} of frames")
    found: dict[int, tuple[str, int]] = {}
    others = 0
    with os.scandir(folder.resolve()) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            match = _FILE.fullmatch(entry.name)
            if match and entry.is_symlink():
                inside(root, Path(entry.path))
            # A folder, a link to nothing or a pipe is no image, whatever it is called.
            if match is None or not entry.is_file():
                others += 1
                continue
            number = int(match[1])
            if number in found:
                raise InputError(f"{folder} holds two frames {number}, {found[number][0]} and {entry.name}: remove one")
            found[number] = entry.name, entry.stat().st_size
    if not found:
        raise FileNotFoundError(f"{folder} holds no image (JPEG, PNG or BMP) with a number at the end of its name")
    names, sizes = zip(*(found[number] for number in sorted(found)), strict=True)
    return ImageFolder(folder, np.array(sorted(found), dtype=np.int64), np.array(names), np.array(sizes), others)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height that an image's header declares; no pixel is decoded."""
    return _read(path, lambda image: image.size)


def read_image(path: Path) -> np.ndarray:
    """Decode an image as it is stored: ``(H, W)`` or ``(H, W, C)``, uint8 or uint16."""
    return _read(path, lambda image: np.asarray(image.convert("RGB") if image.mode in _TO_RGB else image))


def _read(path: Path, take: Callable) -> object:
    """What is taken from an open image; an InputError names a file that is cut short, damaged or far too large."""
    try:
        with Image.open(path, formats=("JPEG", "PNG", "BMP")) as image:
            return take(image)
    except _DAMAGED as error:
        raise InputError(f"image {path} cannot be read ({error}): unpack it again") from error


def read_colour(path: Path) -> np.ndarray:
    """An image as RGB: ``(H, W, 3)`` uint8; grey is repeated, transparency dropped."""
    pixels = read_image(path)
    if pixels.dtype != np.uint8:
        raise InputError(f"image {path} is no colour frame: it holds {pixels.dtype} numbers, not 8 bits a channel")
    if pixels.ndim == 3 and pixels.shape[2] == 2:
        pixels = pixels[..., 0]
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]


def read_depth(path: Path, depth_scale: float) -> np.ndarray:
    """A depth image in metres, ``(H, W)`` float32, 0 = no reading; the scale is the metres of one unit of the file."""
    units = read_image(path)
    if units.ndim != 2:
        raise InputError(f"image {path} is no depth map: it has {units.shape[2]} channels, one is needed")
    return units.astype(np.float32) * np.float32(depth_scale)


@dataclass(eq=False)
class ImageVideo(Video):
    """A video of numbered images, read by range and only when asked.

    Position ``p`` is the file of number ``first + p``, whether or not it exists; the last position is the last file.
    Where a file is missing or cannot be decoded, the nearest decodable one stands in, the earlier of two equally near.
    Depth is numbered as colour and on its pixel grid, ``depth_scale`` metres a unit, and needs the camera of the whole
    image. ``undecodable`` holds the files met so far that could not be decoded, each with the reason.
    """

    subject: str
    name: str
    colour: ImageFolder
    fps: float
    first: int
    expressions: tuple[Expression, ...] = ()
    depth_images: ImageFolder | None = None
    depth_scale: float = 0.001
    camera: Camera | None = None
    undecodable: dict[Path, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.n_frames = int(self.colour.numbers[-1]) - self.first + 1
        present = self.n_frames - self.missing
        if present < max(1, LEAST_PRESENT * self.n_frames):
            raise InputError(
                f"{self.colour.folder} holds {present} of the frames {self.first} to {self.colour.numbers[-1]}: "
                "remove stray files, or unpack the folder again"
            )
        if self.depth_images is not None and self.camera is None:
            raise InputError(f"video {self.subject}/{self.name} has depth but no camera: give one")

    @property
    def missing(self) -> int:
        """Positions without a colour file of their own."""
        return self.n_frames - int((self.colour.numbers >= self.first).sum())

    @property
    def missing_depth(self) -> int:
        """Positions without a depth file of their own; all of them where no depth exists."""
        numbers = np.empty(0) if self.depth_images is None else self.depth_images.numbers
        return self.n_frames - int(((numbers >= self.first) & (numbers < self.first + self.n_frames)).sum())

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames: those of the first colour image whose header can be read."""
        return self._nearest_readable(self.colour, 0, image_size)[1]

    def damaged(self, *, decode: bool = True) -> dict[Path, str]:
        """Files that cannot be decoded or have another size than the video, each with the reason; all are read.

        Without ``decode`` headers alone are read, which is far faster and misses a file cut short.
        """
        found = {}
        for folder, read in ((self.colour, read_colour), (self.depth_images, self._read_depth)):
            for path in [] if folder is None else map(folder.path, range(len(folder.numbers))):
                try:
                    self._check_size(path, read(path).shape[1::-1] if decode else image_size(path))
                except ValueError as error:
                    found[path] = str(error)
        return found

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB frames ``start <= i < stop``: ``(n, H, W, 3)`` uint8."""
        return self._stack(self.colour, start, stop, read_colour)

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the frames: ``(n, H, W)`` float32 metres, 0 = no reading."""
        if self.depth_images is None:
            return super().depth(start, stop)
        return self._stack(self.depth_images, start, stop, self._read_depth)

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """Refused: what is stored is the whole image, in which no face was looked for yet."""
        raise InputError(
            f"video {self.subject}/{self.name} has whole frames and no landmarks: crop the face with melib.face first"
        )

    def _read_depth(self, path: Path) -> np.ndarray:
        return read_depth(path, self.depth_scale)

    def _check_size(self, path: Path, size: tuple[int, int]) -> None:
        if size != self.size:
            raise InputError(
                f"image {path} has {size[0]}x{size[1]} pixels, but the video begins with "
                f"{self.size[0]}x{self.size[1]}: all frames, depth included, must have one size"
            )

    def _stack(self, images: ImageFolder, start: int, stop: int, read: Callable) -> np.ndarray:
        self.check_range(start, stop)
        stack = []
        for position in range(start, stop):
            path, pixels = self._nearest_readable(images, position, read)
            self._check_size(path, pixels.shape[1::-1])
            stack.append(pixels)
        return np.stack(stack)

    def _nearest_readable(self, images: ImageFolder, position: int, read: Callable) -> tuple[Path, object]:
        """The file nearest to a position that can be read, and what was read; a file that cannot be is tried once."""
        for path in map(images.path, images.nearest(self.first + position)):
            if path not in self.undecodable:
                try:
                    return path, read(path)
                except ValueError as error:
                    self.undecodable[path] = str(error)
        raise InputError(f"no image in {images.folder} can be decoded: unpack the folder again")
