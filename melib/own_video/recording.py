"""A video file as a :class:`melib.video.Video`: decoded from front to back, however long it is.

What the header of a file says is not believed: frames are counted by decoding them once, and their rate comes from
their timestamps. Whatever was found odd stands in ``notes`` of :class:`Recording`.
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from pathlib import Path

import cv2
import numpy as np

from melib.datasets.images import assumed_camera, check_size, image_size, list_images, read_depth
from melib.errors import InputError
from melib.video import Video

#: Rates beyond these come from a damaged header or clock.
_SLOWEST, _FASTEST = 1.0, 2000.0
#: Depth is taken to be filmed with this horizontal field of view, the usual one of cameras that measure depth.
USUAL_VIEW = 65.0


class Recording(Video):
    """A video file that OpenCV opens; an address or a pattern of names is refused.

    Frames are decoded in order and the newest alone stays in memory: going back starts again at the front, so a reader
    that steps back by a little wants a :class:`Recent` between. Rotation that the file asks for is applied. Where the
    frame rate varies, frame i is the decoded frame whose timestamp lies nearest to ``i / fps``, with the mean rate as
    ``fps``; some frames then stand twice and others are left out. ``notes`` has a sentence for whatever was found odd.

    ``fps`` is the rate at which the frames were *filmed*, where the file is wrong about it, as that of a high-speed
    camera often is; timestamps are then not looked at. ``depth`` is a folder with one image (16-bit PNG, millimetres)
    for each decoded frame, of its size, in the order of the numbers at the end of their names.
    """

    def __init__(
        self, path: str | os.PathLike, *, name: str | None = None, fps: float | None = None, depth: Path | None = None
    ) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"no video file {path}")
        check_rate(fps)
        self.subject, self.name, self.expressions = "own", self.path.stem if name is None else name, ()
        times, promised, header_fps, self.size = _scan(self.path)
        self.fps, self._source, notes = _clock(times, header_fps, fps, self.path)
        self.n_frames = len(times)
        # Some containers only know how long they are, from which the count follows to within a frame.
        if promised > 0 and abs(promised - self.n_frames) > 1:
            notes.append(f"The header promises {promised} frames, {self.n_frames} could be decoded.")
        self.notes = tuple(notes)
        self._readings = None if depth is None else list_images(depth, depth)
        if depth is not None:
            if (count := len(self._readings.numbers)) != self.n_frames:
                raise InputError(f"depth folder {depth} holds {count} images for a video of {self.n_frames} frames")
            check_size(self._readings.path(0), image_size(self._readings.path(0)), self.size)
            self.camera = assumed_camera(USUAL_VIEW, *self.size)
        self._capture: cv2.VideoCapture | None = None
        self._newest, self._image = -1, np.empty(0, np.uint8)

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB frames ``start <= i < stop``: ``(n, H, W, 3)`` uint8."""
        self.check_range(start, stop)
        return np.stack([self._frame(int(i)) for i in self._source[start:stop]])

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """A file brings none; the error says where to get them."""
        raise InputError(f"video {self.subject}/{self.name} has no landmarks: find its face first (melib.face.crop)")

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the frames: ``(n, H, W)`` float32 metres, 0 = no reading."""
        if self._readings is None:
            return super().depth(start, stop)
        self.check_range(start, stop)
        paths = [self._readings.path(i) for i in self._source[start:stop]]
        readings = [read_depth(path, 1e-3) for path in paths]
        for path, reading in zip(paths, readings, strict=True):
            check_size(path, reading.shape[::-1], self.size)
        return np.stack(readings)

    def _frame(self, index: int) -> np.ndarray:
        if index == self._newest:
            return self._image
        if self._capture is None or index < self._newest:
            self._capture, self._newest = _open(self.path), -1
        while self._newest < index:
            if not self._capture.grab():
                lost, self._capture = self._newest + 1, None
                raise InputError(f"{self.path}: frame {lost} could be decoded before and now cannot")
            self._newest += 1
        # Frames that are passed over are decoded but never turned into pictures.
        found, image = self._capture.retrieve()
        if not found or image.shape[1::-1] != self.size:
            self._capture = None
            raise InputError("{}: frame {} is not a picture of {}x{} pixels".format(self.path, index, *self.size))
        self._image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return self._image


class Recent(Video):
    """A video whose latest ``kept`` frames stay in memory, for readers that step back by a little.

    Frames are read one after the other, also those that nobody asks for, so the video below is read from front to
    back whatever the order of the requests within ``kept`` frames. Depth images are files of their own.
    """

    def __init__(self, video: Video, kept: int) -> None:
        self.video, self._kept, self._next = video, deque(maxlen=kept), 0
        self.subject, self.name, self.fps, self.camera = video.subject, video.name, video.fps, video.camera
        self.n_frames, self.expressions = video.n_frames, video.expressions

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
        if not self._next - len(self._kept) <= index < self._next + self._kept.maxlen:
            # A jump: what lies between is not wanted.
            self._kept.clear()
            self._next = index
        while self._next <= index:
            self._kept.append(self.video.frames(self._next, self._next + 1)[0])
            self._next += 1
        return self._kept[index - self._next]


def check_rate(fps: float | None) -> None:
    """Refuse a frame rate that no camera has."""
    if fps is not None and not _SLOWEST <= fps <= _FASTEST:
        raise InputError(f"a frame rate lies between {_SLOWEST:g} and {_FASTEST:g} per second, got {fps}")


def _open(path: Path) -> cv2.VideoCapture:
    # Named, so that no other backend takes the path for an address, a device or a pattern of file names.
    capture = cv2.VideoCapture(os.fspath(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise InputError(f"{path} cannot be read as a video: convert it, to MP4 or WebM for instance")
    return capture


def _scan(path: Path) -> tuple[np.ndarray, int, float, tuple[int, int]]:
    """Decode a file once: timestamps ``(n,)`` in seconds, frames and rate as its header has them, and its size."""
    capture, times, size = _open(path), array("d"), None
    promised, fps = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), float(capture.get(cv2.CAP_PROP_FPS))
    while capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        if size is None:
            found, image = capture.retrieve()
            size = image.shape[1::-1] if found else None
    if size is None:
        raise InputError(f"{path} holds no frame that can be decoded")
    return np.array(times), promised, fps, size


def _clock(times: np.ndarray, header: float, given: float | None, path: Path) -> tuple[float, np.ndarray, list[str]]:
    """Frames per second, the decoded frame ``(T,)`` that stands for each frame, and what to say about it."""
    frames, steps = np.arange(len(times)), np.diff(times)
    if given is not None:
        return float(given), frames, []
    if len(steps) == 0 or not np.isfinite(times).all() or (steps <= 0).any():
        if not _SLOWEST <= header <= _FASTEST:
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
    varies = f"The frame rate varies (from {1000 * steps.min():.0f} to {1000 * steps.max():.0f} ms between frames)"
    taken = f"frames are taken by nearest timestamp at the mean rate of {mean:.2f} per second"
    twice = f"{repeated} of {len(frames)} stand twice in place of a neighbour."
    return float(mean), nearest, [f"{varies}: {taken}; {twice}"]
