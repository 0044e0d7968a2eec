"""A video file as a :class:`melib.video.Video`: decoded by PyAV from front to back, and nothing else is ever opened."""

from __future__ import annotations

import importlib.util
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from melib.errors import InputError
from melib.video import Video

#: Rates beyond these come from a damaged header or clock.
SLOWEST, FASTEST = 1.0, 2000.0
#: A step in time is a pause if it lasts so many seconds and so many times the usual step.
_PAUSE_S, _PAUSE_STEPS = 0.25, 3.0
#: A picture is another scene's if its small grey copy differs from the last one's by so many levels on average, and by
#: so many times the usual difference.
_SMALL, _CUT_LEVELS, _CUT_TIMES = (32, 24), 20.0, 8.0
#: If more of the time stamps than this share do not rise, none is believed.
_UNBELIEVED = 0.05
#: The usual step of a clock in milliseconds may differ from that of the header by this share.
_ROUNDED = 0.03
#: More packets without a picture are not waited for.
_MOST_LOST = 1000
#: A container's flag for formats that keep no time stamps.
_NO_CLOCK = 0x80


class Recording(Video):
    """A video file; an address or a pattern of names is a name like any other.

    Frames are counted and timed by decoding them once. The newest alone stays in memory: going back starts again at the
    front. They are shown as a player would: turned or mirrored as the file asks, with square pixels, deinterlaced.

    Attributes
    ----------
    times : numpy.ndarray
        Seconds of each frame from the first, ``(n_frames,)``, rising; ``fps`` is one over the usual step.
    breaks : numpy.ndarray
        ``(n_frames,)`` bool: whether something lies between a frame and the one before it over which no motion can be
        measured: a pause, a cut to another scene, a damaged picture.

    ``notes`` say what was found odd. ``fps`` is the rate of a file that keeps no clock, refused where there is one.
    """

    landmarks = None  # a file brings none: melib.face.crop finds them

    def __init__(self, path: str | os.PathLike, *, name: str | None = None, fps: float | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"no video file {path}")
        if importlib.util.find_spec("av") is None:
            raise InputError('reading a video needs the package av: pip install ".[faces]" in a clone')
        self.subject, self.name, self.expressions = "own", self.path.stem if name is None else name, ()
        header = _Header()
        stamps, changes, damaged = _scan(self.path, header)
        self.n_frames, self.size, self._aspect = len(stamps), header.size, header.aspect
        self.times, self.fps, notes = _clock(stamps, header, fps, self.path)
        steps = np.diff(self.times, prepend=0)
        pauses = steps > max(_PAUSE_S, _PAUSE_STEPS / self.fps)
        cuts = changes > max(_CUT_LEVELS, _CUT_TIMES * float(np.median(np.maximum(changes, 0))))
        self.breaks = damaged | np.r_[False, damaged[:-1]] | pauses | cuts
        same, lost = int((changes < 0).sum()), int(damaged.sum()) + header.lost
        said = {
            # Some containers only know how long they are, from which the count follows to within a frame.
            f"The header promises {header.promised} frames, {self.n_frames} could be decoded.": header.promised > 0
            and abs(header.promised - self.n_frames) > 1,
            f"Damaged pictures: {lost}. Nothing is compared with them.": lost,
            "The video is interlaced: lacking lines are interpolated.": header.interlaced,
            f"Pauses: {pauses.sum()}, of up to {steps.max():.1f} s. Nothing is compared across them.": pauses.any(),
            f"Cuts to another scene: {cuts.sum()}. Nothing is compared across them, faces neither.": cuts.any(),
            f"{same} of {self.n_frames} frames are the one before again.": same,
        }
        self.notes = (*notes, *(note for note, applies in said.items() if applies))
        self._decoder: Iterator | None = None
        self._newest, self._frame = -1, None

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB frames ``start <= i < stop``: ``(n, H, W, 3)`` uint8."""
        self.check_range(start, stop)
        return np.stack([self._picture(i) for i in range(start, stop)])

    def _picture(self, index: int) -> np.ndarray:
        if self._decoder is None or index < self._newest:
            self._decoder, self._newest = _decoded(self.path, _Header()), -1
        # Frames that are passed over are decoded but never turned into pictures.
        while self._newest < index:
            self._frame = next(self._decoder)
            self._newest += 1
        return _shown(self._frame, self._aspect, f"{self.path}: frame {index}")


def clock(video: Video) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of each frame of a video, and before which frames there is a break; see :class:`Recording`."""
    even = np.arange(video.n_frames) / video.fps
    return getattr(video, "times", even), getattr(video, "breaks", np.zeros(video.n_frames, bool))


def nearest(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The frame whose time lies nearest to each of the wanted ones; of two the earlier."""
    after = np.searchsorted(times, wanted).clip(1, max(1, len(times) - 1)).clip(max=len(times) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(wanted - times[before] <= times[after] - wanted, before, after)


@dataclass
class _Header:
    """What a file says of itself, and what is learnt of it while it is decoded."""

    promised: int = 0  # frames; 0 if it does not say
    rate: float = 0.0  # frames per second
    clock: bool = True  # whether the format keeps time stamps
    aspect: float = 1.0  # width of a pixel over its height
    lost: int = 0  # packets that gave no picture
    interlaced: bool = False
    size: tuple[int, int] | None = None  # as shown


def _scan(path: Path, header: _Header) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each frame its time (NaN if the file has none), how far a small grey copy differs from that of the frame
    before (-1 if it is the same picture again), and whether it is damaged."""
    told, small, content = [], None, None
    for frame in _decoded(path, header):
        shape = _shown_size(frame, header.aspect)
        header.size = header.size or shape
        if shape != header.size:
            sizes = "{}x{} pixels beside others of {}x{}".format(*shape, *header.size)
            raise InputError(f"{path}: frame {len(told)} has {sizes}: bring them to one size")
        copy = frame.reformat(*_SMALL, format="gray", interpolation="AREA").to_ndarray().astype(np.float32)
        now = zlib.crc32(frame.planes[0])
        change = 0.0 if small is None else -1.0 if now == content else float(np.abs(copy - small).mean())
        small, content = copy, now
        told.append((np.nan if frame.time is None else frame.time, change, frame.is_corrupt))
        header.interlaced |= frame.interlaced_frame
    if not told:
        raise InputError(f"{path} holds no frame that can be decoded")
    times, changes, damaged = np.array(told, float).T
    return times, changes, damaged.astype(bool)


def _decoded(path: Path, header: _Header) -> Iterator:
    """The pictures of a file's video, one after the other, as PyAV gives them; the header is filled in."""
    import av

    # An open file has no name that could be an address or a pattern, and a list of other files leads nowhere.
    with open(path, "rb") as file:
        try:
            container = av.open(file, options={"protocol_whitelist": "none"})
            stream = container.streams.best("video")
        except (av.error.FFmpegError, ValueError) as error:
            mend = "convert it, to MP4 or WebM for instance"
            raise InputError(f"{path} cannot be read as a video ({error.strerror}): {mend}") from error
        if stream is None or stream.codec_context is None:
            raise InputError(f"{path} holds no video that can be decoded")
        with container:
            stream.thread_type = "AUTO"
            header.promised, header.rate = stream.frames, float(stream.guessed_rate or stream.average_rate or 0)
            header.clock = not container.format.flags & _NO_CLOCK
            header.aspect = float(stream.sample_aspect_ratio or 1)
            packets = container.demux(stream)
            while header.lost <= _MOST_LOST:
                try:
                    packet = next(packets, None)
                    frames = [] if packet is None else packet.decode()
                except av.error.FFmpegError:  # a file that ends within a packet, or a damaged one
                    header.lost += 1
                    continue
                if packet is None:
                    return
                yield from frames


def _turn(picture) -> np.ndarray:
    """The quarter turn and mirroring ``(2, 2)`` that a file asks for: what right and down become."""
    for each in picture.side_data:
        if each.type.name == "DISPLAYMATRIX":
            turn = np.rint(np.frombuffer(bytes(each), np.int32).reshape(3, 3)[:2, :2] / 65536).astype(int)
            return turn if abs(round(np.linalg.det(turn))) == 1 and (turn == 0).sum() == 2 else np.eye(2, dtype=int)
    return np.eye(2, dtype=int)


def _shown_size(picture, aspect: float) -> tuple[int, int]:
    """Width and height with square pixels, the side that has too few enlarged, and turned as the file asks."""
    width, height = round(picture.width * max(1.0, aspect)), round(picture.height * max(1.0, 1 / aspect))
    return (width, height) if _turn(picture)[0, 0] else (height, width)


def _shown(picture, aspect: float, what: str) -> np.ndarray:
    """RGB ``(H, W, 3)`` uint8 as a player shows it."""
    import av

    turn = _turn(picture)
    width, height = _shown_size(picture, aspect)[:: 1 if turn[0, 0] else -1]
    size = {} if picture.interlaced_frame else {"width": width, "height": height}
    try:
        image = picture.to_ndarray(format="rgb24", **size)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(f"{what} has colours that cannot be turned into RGB ({error}): convert the video") from error
    if picture.interlaced_frame:
        image = cv2.resize(image[::2], (width, height))  # the lines of one moment, and between them their means
    if not turn[0, 0]:
        image = image.swapaxes(0, 1)
    right, down = turn.sum(axis=0)
    return np.ascontiguousarray(image[::down, ::right])


def _clock(times: np.ndarray, header: _Header, given: float | None, path: Path) -> tuple[np.ndarray, float, list[str]]:
    """Seconds of each frame ``(n,)`` from the first, the usual rate, and what to say about them."""
    frames, rated = np.arange(len(times)), SLOWEST <= header.rate <= FASTEST
    stamped = np.nan_to_num(times, nan=-np.inf)
    kept = np.flatnonzero(stamped > np.r_[-np.inf, np.maximum.accumulate(stamped)[:-1]])
    wrong = len(times) - len(kept)
    usable = header.clock and len(kept) > 1 and wrong <= _UNBELIEVED * len(times)
    if given is not None:
        if usable:
            mend = "leave --fps out; if it was filmed faster than it plays, give its images in a folder, with --fps"
            raise InputError(f"{path} keeps its own time: {mend}")
        return frames / given, float(given), []
    if not usable:
        if not header.clock or not rated:
            raise InputError(f"{path} has no usable time stamps: give the rate at which it was filmed (--fps)")
        notes = ["The time stamps do not rise: the frame rate is that of the header."] if len(times) > 1 else []
        return frames / header.rate, header.rate, notes
    notes = [f"Time stamps that do not rise: {wrong}. They lie between their neighbours'."] if wrong else []
    passed = np.interp(frames, kept, times[kept])
    usual = float(np.median(np.diff(passed)))
    passed[: kept[0]] -= usual * np.arange(kept[0], 0, -1)
    passed[kept[-1] + 1 :] += usual * np.arange(1, len(times) - kept[-1])
    passed -= passed[0]
    # Time stamps may be rounded to milliseconds; the header's rate is exact where it fits.
    for rate in (header.rate, frames[-1] / passed[-1], 1 / usual):
        if SLOWEST <= rate <= FASTEST and np.abs(passed * rate - frames).max() <= 0.5:
            return frames / rate, float(rate), notes
    if not SLOWEST <= 1 / usual <= FASTEST:
        raise InputError(f"the time stamps of {path} give {1 / usual:g} frames per second: no camera does")
    steps = 1000 * np.diff(passed)
    varies = f"from {steps.min():.0f} to {steps.max():.0f} ms between frames, usually {1000 * usual:.0f}"
    rate = header.rate if rated and abs(header.rate * usual - 1) < _ROUNDED else 1 / usual
    return passed, rate, [*notes, f"The frame rate varies ({varies}): motion is measured over equal times."]
