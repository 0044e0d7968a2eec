"""A video that lies on disk as a folder of images, indexed by the number in the file names.

Released folders lack frames, and counting positions in a sorted listing would shift every label behind a gap: a
position is always a file's number less a constant of the dataset.
"""

from __future__ import annotations

import functools
import math
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from melib.datasets.paths import inside
from melib.errors import InputError
from melib.video import Camera, Expression, Video

#: Least share of a video's frames that must be there. A stray file of a far number would make an endless video.
LEAST_PRESENT = 0.1
_FILE = re.compile(r"(?!\.)(?:.*\D)?(\d+)\.(?:jpe?g|png|bmp)", re.ASCII | re.IGNORECASE)
#: What Pillow raises over a file that is cut short or damaged.
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class ImageFolder:
    """The numbered images of a folder, listed once, with file names and sizes in bytes; numbers ascend."""

    folder: Path
    numbers: np.ndarray
    names: np.ndarray
    bytes: np.ndarray

    def path(self, index: int) -> Path:
        """Path of the image at a place in the listing."""
        return self.folder / str(self.names[index])


def list_images(root: Path, folder: Path) -> ImageFolder:
    """List the images (JPEG, PNG, BMP) of a folder whose names end in a number; a link must stay inside the root."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} of frames")
    found: dict[int, tuple[str, int]] = {}
    words = "with a number at the end of its name"
    with os.scandir(folder.resolve()) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            match = _FILE.fullmatch(entry.name)
            if match and entry.is_symlink():
                inside(root, Path(entry.path))
            # A folder, a link to nothing or a pipe is no image, whatever it is called.
            if match is None or not entry.is_file():
                continue
            if (number := int(match[1])) >= 10**9:
                words = f"whose number is below 10^9, as that of {entry.name} is not: number them from 1"
                continue
            if number in found:
                raise InputError(f"{folder} holds two frames {number}, {found[number][0]} and {entry.name}: remove one")
            found[number] = entry.name, entry.stat().st_size
    if not found:
        raise FileNotFoundError(f"{folder} holds no image (JPEG, PNG or BMP) {words}")
    names, sizes = zip(*(found[number] for number in sorted(found)), strict=True)
    return ImageFolder(folder, np.array(sorted(found), dtype=np.int64), np.array(names), np.array(sizes))


def fullest(folders: Iterable[Path]) -> list[Path]:
    """Folders of the same images, that with the most of them first; an empty file is none."""

    def held(folder: Path) -> int:
        files = os.scandir(folder) if folder.is_dir() else ()
        return sum(bool(_FILE.fullmatch(e.name)) and e.stat(follow_symlinks=False).st_size > 0 for e in files)

    return sorted(folders, key=held, reverse=True) if len(folders := list(folders)) > 1 else folders


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image as it is shown; no pixel is decoded."""
    with _opened(path) as image:
        return image.size[::-1] if _turn(image) > 4 else image.size


def _turn(image: Image.Image) -> int:
    """The orientation that a camera noted in a JPEG: 1 upright, above 4 on its side."""
    return image.getexif().get(ExifTags.Base.Orientation, 1) if image.format == "JPEG" else 1


def read_colour(path: Path) -> np.ndarray:
    """An image as RGB: ``(H, W, 3)`` uint8; grey is repeated, transparency dropped."""
    with _opened(path) as image:
        if image.mode.startswith("I"):
            raise ValueError("it has 16 bits a channel, and a colour frame has 8")
        return np.asarray((ImageOps.exif_transpose(image) if _turn(image) > 1 else image).convert("RGB"))


def read_depth(path: Path, depth_scale: float) -> np.ndarray:
    """A depth image in metres, ``(H, W)`` float32, 0 = no reading; the scale is the metres of one unit of the file."""
    with _opened(path) as image:
        if image.mode[0] not in "LI" or len(image.getbands()) > 1:
            raise ValueError("it is in colour, and a depth map has one channel")
        return np.asarray(image).astype(np.float32) * np.float32(depth_scale)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image to read from; one that is cut short, damaged or far too large is named."""
    try:
        with Image.open(path, formats=("JPEG", "PNG", "BMP")) as image:
            yield image
    except _DAMAGED as error:
        raise InputError(f"image {path} cannot be read ({error}): unpack it again, or convert it") from error


def check_size(path: Path, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Refuse an image whose width and height are not those of the video."""
    if size != wanted:
        found = "has {}x{} pixels, but the video begins with {}x{}".format(*size, *wanted)
        raise InputError(f"image {path} {found}: all frames, depth included, must have one size")


def assumed_camera(view: float, width: int, height: int) -> Camera:
    """The camera assumed for images of a size in pixels: a view of so many degrees across, its axis in the middle."""
    focal = width / 2 / math.tan(math.radians(view / 2))
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


@dataclass(eq=False)
class ImageVideo(Video):
    """A video of numbered images, read by range and only when asked.

    Position ``p`` is the file of number ``first + p``, whether or not it exists; the last position is the last file.
    Where a file is missing or cannot be decoded, the nearest decodable one stands in, the earlier of two equally near.
    Depth is numbered as colour and on its pixel grid. ``undecodable``: files met so far that could not be decoded.
    """

    subject: str
    name: str
    colour: ImageFolder
    fps: float
    first: int
    expressions: tuple[Expression, ...] = ()
    depth_images: ImageFolder | None = None
    depth_scale: float = 0.001  # metres of one unit of a depth file
    camera: Camera | None = None  # of the whole image; depth needs one
    undecodable: dict[Path, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.n_frames = int(self.colour.numbers[-1]) - self.first + 1
        present = self.n_frames - self.missing
        if present < max(1, LEAST_PRESENT * self.n_frames):
            held = f"holds {present} of the frames {self.first} to {self.colour.numbers[-1]}"
            raise InputError(f"{self.colour.folder} {held}: remove stray files, or unpack the folder again")

    @property
    def missing(self) -> int:
        """Positions without a colour file of their own."""
        return self.n_frames - int((self.colour.numbers >= self.first).sum())

    @property
    def missing_depth(self) -> int:
        """Positions without a depth file of their own; all of them where no depth exists."""
        own = range(self.first, self.first + self.n_frames)
        return self.n_frames - (0 if self.depth_images is None else int(np.isin(self.depth_images.numbers, own).sum()))

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames: those of the first colour image whose header can be read."""
        return self._nearest_readable(self.colour, 0, image_size)[1]

    def picture(self, position: int) -> int:
        """The number of the colour file that stands at a position: its own, or the nearest there is."""
        numbers = self.colour.numbers
        return int(numbers[np.abs(numbers - self.first - position).argmin()])  # the earlier of two equally near

    def damaged(self, *, decode: bool = True) -> dict[Path, str]:
        """Files that cannot be decoded or have another size, each with the reason; or only by headers: faster."""
        found = {}
        for folder, read in ((self.colour, read_colour), (self.depth_images, self._read_depth)):
            for path in [] if folder is None else map(folder.path, range(len(folder.numbers))):
                try:
                    check_size(path, read(path).shape[1::-1] if decode else image_size(path), self.size)
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
        raise InputError(f"video {self.subject}/{self.name} has no landmarks: find its face first (melib.face.crop)")

    def _read_depth(self, path: Path) -> np.ndarray:
        return read_depth(path, self.depth_scale)

    def _stack(self, images: ImageFolder, start: int, stop: int, read: Callable) -> np.ndarray:
        self.check_range(start, stop)
        stack = []
        for position in range(start, stop):
            path, pixels = self._nearest_readable(images, position, read)
            check_size(path, pixels.shape[1::-1], self.size)
            stack.append(pixels)
        return np.stack(stack)

    def _nearest_readable(self, images: ImageFolder, position: int, read: Callable) -> tuple[Path, object]:
        """The file nearest to a position that can be read, and what was read; a file that cannot be is tried once."""
        # The earlier of two equally near comes first.
        for path in map(images.path, np.lexsort((images.numbers, np.abs(images.numbers - self.first - position)))):
            if path not in self.undecodable:
                try:
                    return path, read(path)
                except ValueError as error:
                    self.undecodable[path] = str(error)
        raise InputError(f"no image in {images.folder} can be decoded: unpack the folder again")
