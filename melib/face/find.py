"""Where the face of a video is: in its first frame with one, and along the video.

Everything here is in pixels of the video's own frames; the crop is made from it elsewhere. What was found can be kept
on disk: one small JSON file each, named by the hash of all that it depends on.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.signal import savgol_filter

from melib.errors import InputError
from melib.face import detect
from melib.face.detect import Box, Detector, FaceError
from melib.files import whole
from melib.video import Video

#: A face is looked for so often; heads move below 1 Hz, and between two looks the way is a straight line.
_LOOKS_PER_SECOND = 6.0
#: A video whose first seconds show no face is refused.
_SEARCH_SECONDS = 10.0
#: A parabola is laid through so many looks, a second's worth: landmarks get quieter, turns of the head stay.
_SMOOTHED_LOOKS = 7
#: Corners of the eyes and bridge of the nose: no expression moves them far.
_STEADY = (27, 28, 29, 30, 36, 39, 42, 45)


class Start(NamedTuple):
    """The face from which a crop is made; where its box was given by hand, `faces` and `confidence` are 0."""

    frame: int  # the first frame looked at that shows a face
    looks: int  # frames looked at until then
    faces: int  # faces in that frame
    box: Box  # of the largest of them
    confidence: float
    landmarks: np.ndarray  # (68, 2) float32 pixels
    height: int  # of the video's frames
    width: int

    @classmethod
    def of(cls, frame, looks, faces, box, confidence, landmarks, height, width) -> Start:
        """From the values as a detector or a kept file has them."""
        box, landmarks = Box(*(int(value) for value in box)), np.asarray(landmarks, np.float32).reshape(68, 2)
        return cls(frame, looks, faces, box, float(confidence), landmarks, height, width)


class Track(NamedTuple):
    """Landmarks along a video, smoothed, at the frames looked at."""

    frames: np.ndarray  # (K,) int, increasing, from 0
    landmarks: np.ndarray  # (K, 68, 2) float32 pixels
    seen: np.ndarray  # (K,) bool: whether the face was found; where not, its last position was kept

    @classmethod
    def of(cls, frames, landmarks, seen) -> Track:
        """From the values as a kept file has them."""
        landmarks = np.asarray(landmarks, np.float32).reshape(len(frames), 68, 2)
        return cls(np.asarray(frames, int), landmarks, np.asarray(seen, bool))

    def at(self, start: int, stop: int) -> np.ndarray:
        """Landmarks ``(n, 68, 2)`` float32 of frames ``start <= i < stop``, on straight lines between looks."""
        wanted = np.arange(start, stop)
        after = np.clip(np.searchsorted(self.frames, wanted, side="right"), 1, max(1, len(self.frames) - 1))
        before, after = after - 1, np.minimum(after, len(self.frames) - 1)
        span = np.maximum(self.frames[after] - self.frames[before], 1)
        share = np.clip((wanted - self.frames[before]) / span, 0, 1)[:, None, None]
        return ((1 - share) * self.landmarks[before] + share * self.landmarks[after]).astype(np.float32)


def find_start(video: Video, detector: Detector, box: Box | None) -> Start:
    """Look for a face from the first frame on, the largest of several; of a given box only the landmarks."""
    if box is not None:
        rgb = video.frames(0, 1)[0]
        height, width, _ = rgb.shape
        inside = 0 <= box.left + box.width / 2 < width and 0 <= box.top + box.height / 2 < height
        if not inside or min(box.width, box.height) < 1:
            outside = f"outside the {width}x{height} images of video {video.subject}/{video.name}"
            raise InputError(f"{box} is empty or {outside}: give pixels of the first frame")
        return Start.of(0, 0, 0, box, 0.0, detector.landmarks(rgb, box), height, width)
    last = min(video.n_frames, round(_SEARCH_SECONDS * video.fps) + 1)
    for looks, frame in enumerate(_looked_at(video, last), start=1):
        rgb = video.frames(frame, frame + 1)[0]
        faces = detector.detect(rgb)
        if faces:
            face = max(faces, key=lambda face: face.box.width * face.box.height)
            return Start.of(frame, looks, len(faces), face.box, face.confidence, face.landmarks, *rgb.shape[:2])
    looked = f"video {video.subject}/{video.name} ({looks} of its first {last} frames looked at)"
    mend = (
        "film a face that looks into the camera, cut off what comes before it, or pass box= with its place in frame 0"
    )
    raise FaceError(f"no face found in {looked}: {mend}")


def follow(video: Video, detector: Detector, start: Start) -> Track:
    """Look for the face of the start along the whole video and smooth what is found over time.

    Of several faces the one nearest to the last position is taken; one that is farther from it than the width of its
    box is somebody else's. Where the face is not found, and before the start, it is taken to stay where it was. The
    smoothing (Savitzky and Golay 1964, doi:10.1021/ac60214a047) looks at past and future alike, so the track does not
    lag, and it keeps a steady movement as it is, also at either end of the video.
    """
    frames = _looked_at(video, video.n_frames)
    landmarks, last, seen = [], start.landmarks, []
    for frame in frames:
        seen.append(frame == start.frame)
        if frame > start.frame:
            faces = [face.landmarks for face in detector.detect(video.frames(frame, frame + 1)[0])]
            middle = last.mean(axis=0)
            ways = [float(np.linalg.norm(points.mean(axis=0) - middle)) for points in faces]
            seen[-1] = min(ways, default=np.inf) <= start.box.width
            last = faces[int(np.argmin(ways))] if seen[-1] else last
        landmarks.append(last)
    found = np.asarray(landmarks, dtype=np.float32)
    reach = min(_SMOOTHED_LOOKS, len(found) - (len(found) + 1) % 2)
    return Track.of(frames, savgol_filter(found, reach, min(2, reach - 1), axis=0, mode="interp"), seen)


def place(landmarks: np.ndarray) -> np.ndarray:
    """Where a head is: the mean ``(..., 2)`` of the landmarks ``(..., 68, 2)`` that no expression moves far."""
    return landmarks[..., _STEADY, :].mean(axis=-2)


def kept(folder: Path | None, depends_on: dict, kind: type, find: Callable) -> Start | Track:
    """What was found before, or else find it now and keep it; without a folder nothing is kept."""
    if folder is None:
        return find()
    described = json.dumps({**depends_on, "kind": kind.__name__, "code": _code()}, sort_keys=True)
    path = folder / f"{hashlib.sha256(described.encode()).hexdigest()[:40]}.json"
    if path.is_file():
        try:
            return kind.of(*json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(f"kept detection {path} is damaged ({error}): delete the file and run again") from error
    found = find()
    folder.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text(json.dumps(found, default=np.ndarray.tolist), encoding="utf-8")
    return found


@functools.cache
def _code() -> str:
    """The hash of the code that finds faces: what other code found is not taken up."""
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in (detect.__file__, __file__))).hexdigest()


def _looked_at(video: Video, stop: int) -> range:
    return range(0, stop, max(1, round(video.fps / _LOOKS_PER_SECOND)))
