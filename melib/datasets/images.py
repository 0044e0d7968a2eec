"""A video that lies on disk as a folder of images, indexed by the number in the file names.

Released folders lack frames: at the start, in between, or because a file is damaged. Counting positions in a sorted
listing would shift every label behind a gap, so a position is always a file's number less a constant of the dataset.
The frame of a missing or damaged file is that of the nearest readable one, and every such case can be counted.
"""

from __future__ import annotations

import functools
import os
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from melib.datasets.paths import inside
from melib.errors import InputError
from melib.video import Camera, Expression, Video

#: Pixels of the largest image that is decoded: eight times a 4K frame. What declares more is a mistake or an attack.
LARGEST_IMAGE = 2**26
#: Least share of a video's frames that must be there. A stray file of a far number would make an endless video.
LEAST_PRESENT = 0.1

_FILE = re.compile(r"(?!\.)(?:.*\D)?(\d{1,9})\.(?:jpe?g|png|bmp)", re.ASCII | re.IGNORECASE)
_FORMATS = ("JPEG", "PNG", "BMP")


@dataclass(frozen=True)
class ImageFolder:
    """The numbered images of a folder, listed once.

    Attributes
    ----------
    folder : Path
    numbers : ndarray, (n,) int64
        In the file names, ascending.
    names : ndarray, (n,) str
    others : int
        Entries that are no files of numbered images.
    """

    folder: Path
    numbers: np.ndarray
    names: np.ndarray
    others: int = 0

    def path(self, index: int) -> Path:
        """Path of the image at a place in the listing."""
        return self.folder / str(self.names[index])

    def nearest(self, number: int) -> np.ndarray:
        """Places in the listing by distance from a file number, the earlier first of two equally far: ``(n,)``."""
        return np.lexsort((self.numbers, np.abs(self.numbers - number)))


def list_images(root: Path, folder: Path) -> ImageFolder:
    """List the images of a folder whose names end in a number (JPEG, PNG, BMP).

    Parameters
    ----------
    root, folder : Path
        The dataset and a folder in it; a link among the images must stay inside the root.

    Raises
    ------
    FileNotFoundError
        If the folder is missing or holds no such image.
    ValueError
        If two images have one number, or a link leads astray.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} of frames")
    above = folder.resolve().relative_to(root.resolve()).parts
    found: dict[int, str] = {}
    others = 0
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            match = _FILE.fullmatch(entry.name)
            if match is None:
                others += 1
                continue
            if entry.is_symlink():
                inside(root, *above, entry.name)
            if not entry.is_file():
                # A folder, a link to nothing, a pipe or a device: opening one of the last two may never end.
                others += 1
                continue
            number = int(match[1])
            if number in found:
                raise InputError(f"{folder} holds two frames {number}, {found[number]} and {entry.name}: remove one")
            found[number] = entry.name
    if not found:
        raise FileNotFoundError(f"{folder} holds no image (JPEG, PNG or BMP) with a number at the end of its name")
    numbers = np.array(sorted(found), dtype=np.int64)
    return ImageFolder(folder, numbers, np.array([found[number] for number in numbers.tolist()]), others)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height that an image's header declares; no pixel is decoded.

    Raises
    ------
    ValueError
        If the file is no JPEG, PNG or BMP, or declares more than `LARGEST_IMAGE` pixels.
    """
    return _read(path, decode=False)[0]


def read_image(path: Path) -> np.ndarray:
    """Decode an image as it is stored: ``(H, W)`` or ``(H, W, C)``, uint8 or uint16.

    Raises
    ------
    ValueError
        As :func:`image_size`, or if the file is cut short or damaged.
    """
    return _read(path, decode=True)[1]


def _read(path: Path, *, decode: bool) -> tuple[tuple[int, int], np.ndarray | None]:
    try:
        with warnings.catch_warnings():
            # Pillow's own limit, which only warns, is above ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                width, height = image.size
                if width * height > LARGEST_IMAGE:
                    raise InputError(f"declares {width}x{height} pixels, more than a camera delivers")
                if not decode:
                    return (width, height), None
                palette = image.mode in ("P", "1", "CMYK", "YCbCr")
                return (width, height), np.asarray(image.convert("RGB") if palette else image)
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise InputError(f"image {path} cannot be read ({error}): unpack it again") from error


def read_colour(path: Path) -> np.ndarray:
    """An image as RGB: ``(H, W, 3)`` uint8; grey is repeated, transparency dropped.

    Raises
    ------
    ValueError
        As :func:`read_image`, or if it holds more than 8 bits a channel.
    """
    pixels = read_image(path)
    if pixels.dtype != np.uint8:
        raise InputError(f"image {path} is no colour frame: it holds {pixels.dtype} numbers, not 8 bits a channel")
    if pixels.ndim == 3 and pixels.shape[2] == 2:
        pixels = pixels[..., 0]
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]


def read_depth(path: Path, depth_scale: float) -> np.ndarray:
    """A depth image in metres: ``(H, W)`` float32, 0 = no reading.

    Parameters
    ----------
    depth_scale : float
        Metres of one unit of the file.

    Raises
    ------
    ValueError
        As :func:`read_image`, or if it has more than one channel.
    """
    units = read_image(path)
    if units.ndim != 2:
        raise InputError(f"image {path} is no depth map: it has {units.shape[2]} channels, one is needed")
    return units.astype(np.float32) * np.float32(depth_scale)


@dataclass(eq=False)
class ImageVideo(Video):
    """A video of numbered images, read by range and only when asked.

    Position ``p`` is the file of number ``first + p``; the last position is the last file. Where that file is missing
    or cannot be decoded, the nearest decodable one stands in, the earlier of two equally near.

    Attributes
    ----------
    subject, name : str
    colour : ImageFolder
    fps : float
    first : int
        File number of position 0: the base of the dataset's numbering, whether or not that file exists.
    expressions : tuple of Expression
        In positions.
    depth_images : ImageFolder or None
        Numbered as the colour images, on their pixel grid.
    depth_scale : float
        Metres of one unit of a depth file.
    camera : Camera or None
        Of the whole image; needed with depth.
    undecodable : dict of Path to str
        Files met so far that could not be decoded, each with the reason. A file is tried once.

    Raises
    ------
    ValueError
        If fewer than a tenth of the frames are there, or depth comes without camera.
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
        if self.depth_images is None:
            return self.n_frames
        numbers = self.depth_images.numbers
        return self.n_frames - int(((numbers >= self.first) & (numbers < self.first + self.n_frames)).sum())

    @property
    def before_first(self) -> int:
        """Colour files numbered below the base, which no position shows."""
        return int((self.colour.numbers < self.first).sum())

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames: those of the first colour image whose header can be read.

        Raises
        ------
        ValueError
            If there is none.
        """
        for path in self._candidates(self.colour, 0):
            try:
                return image_size(path)
            except ValueError as error:
                self.undecodable[path] = str(error)
        raise InputError(f"no image in {self.colour.folder} can be decoded: unpack the folder again")

    def source(self, position: int) -> Path:
        """The file that is shown at a position, as far as is known without decoding."""
        self.check_range(position, position + 1)
        return next(self._candidates(self.colour, position))

    def damaged(self, *, decode: bool = True) -> dict[Path, str]:
        """Read every file, one at a time, and tell which cannot be shown, each with the reason.

        Besides files that cannot be decoded, these are the files of another size than the video's.

        Parameters
        ----------
        decode : bool
            Decode every pixel; False reads headers alone, which is far faster and misses a file cut short.
        """
        found = {}
        for folder, read in ((self.colour, read_colour), (self.depth_images, self._read_depth)):
            for index in range(0 if folder is None else len(folder.numbers)):
                path = folder.path(index)
                try:
                    self._check_size(path, read(path).shape[1::-1] if decode else image_size(path))
                except ValueError as error:
                    found[path] = str(error)
        return found

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB frames ``start <= i < stop``: ``(n, H, W, 3)`` uint8.

        Raises
        ------
        IndexError
            If the range leaves the video.
        ValueError
            If no image of the folder can be decoded, or two have different sizes.
        """
        return self._stack(self.colour, start, stop, read_colour)

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the frames: ``(n, H, W)`` float32 metres, 0 = no reading.

        Raises
        ------
        LookupError
            If the video has no depth.
        IndexError, ValueError
            As :meth:`frames`; also if depth and colour differ in size.
        """
        if self.depth_images is None:
            return super().depth(start, stop)
        return self._stack(self.depth_images, start, stop, self._read_depth)

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """Raise LookupError: what is stored is the whole image, in which no face was looked for yet."""
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

    def _candidates(self, images: ImageFolder, position: int) -> Iterator[Path]:
        """Files by nearness to a position, those known to be damaged left out."""
        for index in images.nearest(self.first + position):
            path = images.path(index)
            if path not in self.undecodable:
                yield path

    def _stack(self, images: ImageFolder, start: int, stop: int, read: Callable[[Path], np.ndarray]) -> np.ndarray:
        self.check_range(start, stop)
        return np.stack([self._nearest_readable(images, position, read) for position in range(start, stop)])

    def _nearest_readable(self, images: ImageFolder, position: int, read: Callable[[Path], np.ndarray]) -> np.ndarray:
        for path in self._candidates(images, position):
            try:
                pixels = read(path)
            except ValueError as error:
                self.undecodable[path] = str(error)
                continue
            self._check_size(path, pixels.shape[1::-1])
            return pixels
        raise InputError(f"no image in {images.folder} can be decoded: unpack the folder again")
