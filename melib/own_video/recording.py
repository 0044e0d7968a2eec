"""A video file as a :class:`melib.video.Video`: decoded from front to back, however long it is.

What the header of a file says is not believed: frames are counted by decoding them once, and their rate comes from
their timestamps. Whatever was found odd stands in ``notes`` of :class:`Recording`.
"""

from __future__ import annotations

import os
from array import array
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np

from melib.datasets.images import image_size, list_images, read_depth
from melib.errors import InputError
from melib.video import Camera, Video

#: Rates beyond these come from a damaged header or clock.
_SLOWEST, _FASTEST = 1.0, 2000.0
#: Where no camera is given, depth is taken to be filmed with this horizontal field of view, the usual one of cameras
#: that measure depth.
_USUAL_VIEW_DEGREES = 65.0


class Recording(Video):
    """A video file that OpenCV opens; an address or a pattern of names is refused.

    Frames are decoded in order and the newest alone stays in memory: going back starts again at the front, so a reader
    that steps back by a little wants a :class:`Recent` between. Rotation that the file asks for is applied. Where the
    frame rate varies, frame i is the decoded frame whose timestamp lies nearest to ``i / fps``, with the mean rate as
    ``fps``; some frames then stand twice and others are left out, which ``notes`` counts, a sentence for whatever
    was found odd.

    ``fps`` is the rate at which the frames were *filmed*, where the file is wrong about it (a high-speed camera's file
    often plays in slow motion); timestamps are then not looked at. ``depth`` is a folder with one image (16-bit PNG,
    ``depth_scale`` metres a unit) for each of the ``decoded`` frames, of the same size, in the order of the numbers
    at the end of their names. With depth and without a camera, a horizontal view of 65 degrees is assumed.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        subject: str = "own",
        name: str | None = None,
        fps: float | None = None,
        depth: str | os.PathLike | None = None,
        depth_scale: float = 1e-3,
        camera: Camera | None = None,
    ) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"no video file {path}")
        if fps is not None and not _SLOWEST <= fps <= _FASTEST:
            raise InputError(f"a frame rate lies between {_SLOWEST:g} and {_FASTEST:g} per second, got {fps}")
        self.subject, self.name = subject, self.path.stem if name is None else name
        self.expressions = ()
        times, promised, header_fps, (self._height, self._width) = _scan(self.path)
        self.decoded = len(times)
        self.fps, self._source, notes = _clock(times, header_fps, fps, self.path)
        self.n_frames = len(self._source)
        # Some containers only know how long they are, from which the count follows to within a frame.
        if promised > 0 and abs(promised - self.decoded) > 1:
            notes.append(f"The header promises {promised} frames, {self.decoded} could be decoded.")
        self.notes = tuple(notes)
        self._depth_scale = depth_scale
        self._depth_files = None if depth is None else self._depth_images(Path(depth))
        self.camera = camera or (None if depth is None else usual_camera(self._width, self._height))
        self._capture: cv2.VideoCapture | None = None
        self._newest, self._image = -1, np.empty(0, np.uint8)

    def __repr__(self) -> str:
        return (
            f"Recording({self.path.name!r}, {self.n_frames} frames of {self._width}x{self._height}, {self.fps:g} fps)"
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames in pixels."""
        return self._width, self._height

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB frames ``start <= i < stop``: ``(n, H, W, 3)`` uint8."""
        self.check_range(start, stop)
        return np.stack([self._frame(int(i)) for i in self._source[start:stop]])

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """A file brings none; the error says where to get them."""
        raise InputError(f"video {self.subject}/{self.name} has no landmarks: find its face first (melib.face.crop)")

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the frames: ``(n, H, W)`` float32 metres, 0 = no reading."""
        if self._depth_files is None:
            return super().depth(start, stop)
        self.check_range(start, stop)
        files = [self._depth_files[i] for i in self._source[start:stop]]
        readings = [read_depth(file, self._depth_scale) for file in files]
        for file, reading in zip(files, readings, strict=True):
            self._check_depth(file, reading.shape[::-1])
        return np.stack(readings)

    def close(self) -> None:
        """Let go of the file."""
        if self._capture is not None:
            self._capture.release()
        self._capture, self._newest = None, -1

    def _frame(self, index: int) -> np.ndarray:
        if index == self._newest:
            return self._image
        if self._capture is None or index < self._newest:
            self.close()
            self._capture = _open(self.path)
        while self._newest < index:
            if not self._capture.grab():
                lost = self._newest + 1
                self.close()
                raise InputError(f"{self.path}: frame {lost} could be decoded before and now cannot")
            self._newest += 1
        # Frames that are passed over are decoded but never turned into pictures.
        found, image = self._capture.retrieve()
        if not found or image.shape[:2] != (self._height, self._width):
            self.close()
            raise InputError(f"{self.path}: frame {index} is not a picture of {self._width}x{self._height} pixels")
        self._image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return self._image

    def _depth_images(self, folder: Path) -> list[Path]:
        images = list_images(folder, folder)
        if len(images.numbers) != self.decoded:
            raise InputError(
                f"depth folder {folder} holds {len(images.numbers)} images for a video of {self.decoded} frames: "
                "one for each frame is needed"
            )
        files = [images.path(index) for index in range(self.decoded)]
        self._check_depth(files[0], image_size(files[0]))
        return files

    def _check_depth(self, path: Path, size: tuple[int, int]) -> None:
        if size != self.size:
            raise InputError(
                f"depth image {path} has {size[0]}x{size[1]} pixels, the frames of the video {self._width}x"
                f"{self._height}: both must lie on one grid"
            )


class Recent(Video):
    """A video whose latest ``kept`` frames stay in memory, for readers that step back by a little.

    Frames are read one after the other, also those that nobody asks for, so the video below is read from front to
    back whatever the order of the requests within ``kept`` frames. Depth images are files of their own.
    """

    def __init__(self, video: Video, kept: int) -> None:
        self.video, self._most = video, kept
        self.subject, self.name, self.fps = video.subject, video.name, video.fps
        self.n_frames, self.expressions = video.n_frames, video.expressions
        self._frames: OrderedDict[int, np.ndarray] = OrderedDict()

    @property
    def camera(self) -> Camera | None:
        """Intrinsics of the video."""
        return self.video.camera

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Frames as the video gives them."""
        self.check_range(start, stop)
        return np.stack([self._frame(i) for i in range(start, stop)])

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """Landmarks as the video gives them."""
        return self.video.landmarks(start, stop)

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth as the video gives it."""
        return self.video.depth(start, stop)

    def _frame(self, index: int) -> np.ndarray:
        if index not in self._frames:
            newest = next(reversed(self._frames), -1)
            if not newest < index <= newest + self._most:
                # A jump: what lies between is not wanted.
                self._frames.clear()
                newest = index - 1
            for i in range(newest + 1, index + 1):
                self._frames[i] = self.video.frames(i, i + 1)[0]
                if len(self._frames) > self._most:
                    self._frames.popitem(last=False)
        return self._frames[index]


def _open(path: Path) -> cv2.VideoCapture:
    # Named, so that no other backend takes the path for an address, a device or a pattern of file names.
    capture = cv2.VideoCapture(os.fspath(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise InputError(f"{path} cannot be read as a video: convert it, to MP4 or WebM for instance")
    return capture


def _scan(path: Path) -> tuple[np.ndarray, int, float, tuple[int, int]]:
    """Decode a file once: timestamps ``(n,)`` in seconds, and what its header says of frames, rate and size."""
    capture = _open(path)
    try:
        promised, fps = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), float(capture.get(cv2.CAP_PROP_FPS))
        times, shape = array("d"), None
        while capture.grab():
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if shape is None:
                found, image = capture.retrieve()
                shape = image.shape[:2] if found else None
    finally:
        capture.release()
    if shape is None:
        raise InputError(f"{path} holds no frame that can be decoded")
    return np.array(times), promised, fps, shape


def _clock(times: np.ndarray, header: float, given: float | None, path: Path) -> tuple[float, np.ndarray, list[str]]:
    """Frames per second, the decoded frame ``(T,)`` that stands for each frame, and what to say about it."""
    frames = np.arange(len(times))
    if given is not None:
        return float(given), frames, []
    plausible = _SLOWEST <= header <= _FASTEST
    steps = np.diff(times)
    if len(steps) == 0 or not np.isfinite(times).all() or (steps <= 0).any():
        if not plausible:
            raise InputError(f"{path} has neither usable timestamps nor a frame rate: give the rate (--fps)")
        notes = ["The timestamps do not rise: the frame rate is that of the header."] if len(steps) else []
        return header, frames, notes
    passed = times - times[0]
    mean = len(steps) / passed[-1]
    # Timestamps may be rounded to milliseconds; the header's rate is exact where it fits.
    for rate in (header, mean):
        if _SLOWEST <= rate <= _FASTEST and np.abs(passed * rate - frames).max() <= 0.5:
            return float(rate), frames, []
    if not _SLOWEST <= mean <= _FASTEST:
        raise InputError(f"the timestamps of {path} give {mean:g} frames per second: give the rate (--fps)")
    wanted = frames / mean
    after = np.searchsorted(passed, wanted).clip(1, len(passed) - 1)
    nearest = np.where(wanted - passed[after - 1] <= passed[after] - wanted, after - 1, after)
    repeated = len(frames) - len(np.unique(nearest))
    note = (
        f"The frame rate varies (from {1000 * steps.min():.0f} to {1000 * steps.max():.0f} ms between frames): frames "
        f"are taken by nearest timestamp at the mean rate of {mean:.2f} per second; {repeated} of {len(frames)} stand "
        "twice in place of a neighbour."
    )
    return float(mean), nearest, [note]


def usual_camera(width: int, height: int) -> Camera:
    """Intrinsics of a camera of which nothing is known: a horizontal view of 65 degrees, its axis in the middle."""
    focal = width / 2 / np.tan(np.radians(_USUAL_VIEW_DEGREES / 2))
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)
