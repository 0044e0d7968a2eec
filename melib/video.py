"""The nouns of the study: an expression, a camera, a video, a dataset.

Everything above this module (features, training, the command line) speaks of videos only through these names, so a
licensed dataset, the synthetic benchmark and a video of one's own are read in the same way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.errors import InputError

KINDS = ("micro", "macro")

#: The seven emotion names of CAS(ME)^3, in the order of the released SFAMNet label encoder.
EMOTIONS_7 = ("disgust", "surprise", "others", "fear", "anger", "sad", "happy")
#: The four merged classes, in the order of the released SFAMNet label encoder.
EMOTIONS_4 = ("negative", "positive", "surprise", "others")
#: How the seven names are merged into four (SFAMNet, ``prepare_data.py`` of the release).
SEVEN_TO_FOUR = {
    "disgust": "negative",
    "fear": "negative",
    "anger": "negative",
    "sad": "negative",
    "happy": "positive",
    "surprise": "surprise",
    "others": "others",
}


@dataclass(frozen=True)
class Expression:
    """One labelled facial expression.

    Parameters
    ----------
    onset, offset : int
        First and last frame, both inclusive, as positions in the video.
    apex : int or None
        Frame of the largest movement, or None where a dataset gives none.
    kind : {"micro", "macro"}
    emotion : str or None
        The dataset's finest emotion name; None where the label has none (macro-expressions of CAS(ME)^3).
    action_units : tuple of str
        FACS action units, with an L or R suffix where one side moves, such as ``("4L", "4R", "14L")``.

    Raises
    ------
    ValueError
        If the kind is unknown or onset <= apex <= offset does not hold.
    """

    onset: int
    offset: int
    apex: int | None = None
    kind: str = "micro"
    emotion: str | None = None
    action_units: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"unknown kind {self.kind!r} of expression: use one of {', '.join(KINDS)}")
        middle = self.onset if self.apex is None else self.apex
        if not 0 <= self.onset <= middle <= self.offset:
            raise InputError(
                f"frames out of order: onset {self.onset}, apex {self.apex}, offset {self.offset} "
                "(0 <= onset <= apex <= offset must hold)"
            )

    @property
    def length(self) -> int:
        """Number of frames, onset and offset included."""
        return self.offset - self.onset + 1


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion; axes x right, y down, z away, in metres.

    Parameters
    ----------
    fx, fy : float
        Focal lengths in pixels of the image the camera belongs to (after crop and resize).
    cx, cy : float
        Principal point in pixels; it may lie outside a crop.
    width, height : int
        Image size in pixels.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        if not (self.fx > 0 and self.fy > 0 and self.width > 0 and self.height > 0):
            raise InputError(f"a camera needs positive focal lengths and sizes, got {self}")

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` of points ``(..., 3)`` in metres, camera axes."""
        x, y, z = np.moveaxis(np.asarray(points), -1, 0)
        return np.stack([self.fx * x / z + self.cx, self.fy * y / z + self.cy], axis=-1)

    def backproject(self, depth: np.ndarray) -> np.ndarray:
        """Points ``(..., H, W, 3)`` in metres of a depth map ``(..., H, W)``; no reading gives the origin."""
        rows = (np.arange(self.height, dtype=np.float32)[:, None] - np.float32(self.cy)) / np.float32(self.fy)
        columns = (np.arange(self.width, dtype=np.float32)[None, :] - np.float32(self.cx)) / np.float32(self.fx)
        return np.stack([depth * columns, depth * rows, depth], axis=-1)


def iou(onset_a, offset_a, onset_b, offset_b) -> np.ndarray:
    """Intersection over union of inclusive intervals of frames, broadcast: in [0, 1], 0 without a common frame.

    >>> float(iou(0, 9, 5, 14))
    0.3333333333333333
    """
    onset_a, offset_a, onset_b, offset_b = np.broadcast_arrays(onset_a, offset_a, onset_b, offset_b)
    if np.any(offset_a < onset_a) or np.any(offset_b < onset_b):
        raise InputError("an interval ends before it begins: onset <= offset must hold")
    common = np.maximum(np.minimum(offset_a, offset_b) - np.maximum(onset_a, onset_b) + 1, 0)
    return common / ((offset_a - onset_a + 1) + (offset_b - onset_b + 1) - common)


class Video(ABC):
    """A face video that is read by frame range.

    Attributes
    ----------
    subject, name : str
        Who is seen, and which of that subject's videos it is; the pair is unique in a dataset.
    fps : float
        Frames per second.
    n_frames : int
        Number of frames T.
    expressions : tuple of Expression
        The labels, in order of onset.
    camera : Camera or None
        Intrinsics of the frames as delivered; None where no depth exists.
    """

    subject: str
    name: str
    fps: float
    n_frames: int
    expressions: tuple[Expression, ...]
    camera: Camera | None = None

    @abstractmethod
    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB frames ``start <= i < stop``: ``(n, H, W, 3)`` uint8."""

    @abstractmethod
    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """The 68 landmarks (iBUG order) of the frames: ``(n, 68, 2)`` float32 pixels (x, y)."""

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the frames: ``(n, H, W)`` float32 metres, 0 = no reading; ValueError if there is none."""
        raise InputError(f"video {self.subject}/{self.name} has no depth: choose an input made of colour alone")

    def check_range(self, start: int, stop: int) -> None:
        """Raise IndexError unless ``0 <= start < stop <= n_frames``."""
        if not 0 <= start < stop <= self.n_frames:
            raise IndexError(
                f"frames {start}..{stop} asked of video {self.subject}/{self.name}, which has {self.n_frames}"
            )


@dataclass(frozen=True)
class Dataset:
    """Videos with a name and a version.

    Attributes
    ----------
    name, version : str
        Stand in every record made from the dataset.
    videos : tuple of Video
    emotions : tuple of str
        The finest emotion names that labels may carry.
    synthetic : bool
        True if no real face was filmed; said beside every number made from it.
    """

    name: str
    version: str
    videos: tuple[Video, ...]
    emotions: tuple[str, ...]
    synthetic: bool = False

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects, in order of first appearance."""
        return tuple(dict.fromkeys(video.subject for video in self.videos))

    def of(self, subjects: Iterable[str]) -> tuple[Video, ...]:
        """The videos of some subjects; ValueError if one does not occur in the dataset."""
        wanted = set(subjects)
        unknown = wanted - set(self.subjects)
        if unknown:
            raise InputError(f"no subject {', '.join(sorted(unknown))} in dataset {self.name}")
        return tuple(video for video in self.videos if video.subject in wanted)


def truth_table(videos: Iterable[Video], kinds: Iterable[str] = KINDS) -> pd.DataFrame:
    """The labels of videos, a row per expression of one of ``kinds``, in the challenge's columns.

    They are ``subject, video, onset, apex, offset, emotion, kind``.
    """
    kinds = tuple(kinds)
    rows = [
        (video.subject, video.name, e.onset, e.apex, e.offset, e.emotion, e.kind)
        for video in videos
        for e in video.expressions
        if e.kind in kinds
    ]
    table = pd.DataFrame(rows, columns=["subject", "video", "onset", "apex", "offset", "emotion", "kind"])
    return table.astype({"onset": "int64", "offset": "int64", "apex": "Int64"})


def video_table(videos: Iterable[Video]) -> pd.DataFrame:
    """All videos, silent ones included, as a table with the columns ``subject, video, frames, fps``."""
    rows = [(video.subject, video.name, video.n_frames, float(video.fps)) for video in videos]
    return pd.DataFrame(rows, columns=["subject", "video", "frames", "fps"])
