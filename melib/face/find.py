"""Where the face of a video is: in its first frame with one, and along the video.

Everything here is in pixels of the video's own frames; the crop is made from it elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter

from melib.errors import InputError
from melib.face.detect import Box, Detector, Face, FaceError
from melib.video import Video

#: A face is looked for so often; heads move below 1 Hz, and between two looks the way is a straight line.
_LOOKS_PER_SECOND = 6.0
#: A video whose first seconds show no face is refused.
_SEARCH_SECONDS = 10.0
#: A parabola is laid through so many looks, a second's worth: landmarks get quieter, turns of the head stay.
_SMOOTHED_LOOKS = 7
#: Corners of the eyes and bridge of the nose: no expression moves them far.
_STEADY = (27, 28, 29, 30, 36, 39, 42, 45)


@dataclass(frozen=True)
class Start:
    """The face from which a crop is made.

    Attributes
    ----------
    frame : int
        The first frame looked at that shows a face.
    looks : int
        Frames looked at until then.
    faces : int
        Faces in that frame; 0 where the box was given by hand.
    box : Box
        Of the largest of them.
    confidence : float
        0 where the box was given by hand.
    landmarks : numpy.ndarray
        ``(68, 2)`` float32 pixels.
    height, width : int
        Size of the video's frames.
    """

    frame: int
    looks: int
    faces: int
    box: Box
    confidence: float
    landmarks: np.ndarray
    height: int
    width: int

    def to_json(self) -> dict:
        return {**self.__dict__, "box": list(self.box), "landmarks": self.landmarks.tolist()}

    @classmethod
    def from_json(cls, kept: dict) -> Start:
        landmarks = np.array(kept["landmarks"], dtype=np.float32).reshape(68, 2)
        return cls(**{**kept, "box": Box(*kept["box"]), "landmarks": landmarks})


@dataclass(frozen=True)
class Track:
    """Landmarks along a video, smoothed, at the frames looked at.

    Attributes
    ----------
    frames : numpy.ndarray
        ``(K,)`` int, increasing, from 0.
    landmarks : numpy.ndarray
        ``(K, 68, 2)`` float32 pixels.
    lost : int
        How many of the K frames did not show the face; its last position was kept there.
    """

    frames: np.ndarray
    landmarks: np.ndarray
    lost: int

    def at(self, start: int, stop: int) -> np.ndarray:
        """Landmarks ``(n, 68, 2)`` float32 of frames ``start <= i < stop``, on straight lines between looks."""
        wanted = np.arange(start, stop)
        after = np.clip(np.searchsorted(self.frames, wanted, side="right"), 1, max(1, len(self.frames) - 1))
        before = after - 1
        after = np.minimum(after, len(self.frames) - 1)
        span = np.maximum(self.frames[after] - self.frames[before], 1)
        share = np.clip((wanted - self.frames[before]) / span, 0, 1)[:, None, None]
        return ((1 - share) * self.landmarks[before] + share * self.landmarks[after]).astype(np.float32)

    def to_json(self) -> dict:
        return {"frames": self.frames.tolist(), "landmarks": self.landmarks.tolist(), "lost": self.lost}

    @classmethod
    def from_json(cls, kept: dict) -> Track:
        frames = np.array(kept["frames"], dtype=int)
        return cls(frames, np.array(kept["landmarks"], dtype=np.float32).reshape(len(frames), 68, 2), kept["lost"])


def find_start(video: Video, detector: Detector, box: Box | None) -> Start:
    """Look for a face from the first frame on; of several the largest is taken.

    Parameters
    ----------
    video : Video
    detector : Detector
    box : Box, optional
        Where the face is in the first frame; only its landmarks are then looked for.

    Raises
    ------
    FaceError
        If no frame of the first ten seconds that was looked at shows a face.
    ValueError
        If the given box lies outside the image.
    """
    if box is not None:
        rgb = video.frames(0, 1)[0]
        height, width = rgb.shape[:2]
        if not (0 <= box.left + box.width / 2 < width and 0 <= box.top + box.height / 2 < height):
            raise InputError(
                f"{box} lies outside the {width}x{height} images of video {video.subject}/{video.name}: "
                "give left, top, width and height in pixels of the first frame"
            )
        return Start(0, 0, 0, box, 0.0, np.asarray(detector.landmarks(rgb, box), np.float32), height, width)
    last = min(video.n_frames, round(_SEARCH_SECONDS * video.fps) + 1)
    for looks, frame in enumerate(_looked_at(video, last), start=1):
        rgb = video.frames(frame, frame + 1)[0]
        faces = detector.detect(rgb)
        if faces:
            face = max(faces, key=_area)
            box, landmarks = Box(*(int(value) for value in face.box)), np.asarray(face.landmarks, np.float32)
            return Start(frame, looks, len(faces), box, float(face.confidence), landmarks, *rgb.shape[:2])
    raise FaceError(
        f"no face found in video {video.subject}/{video.name} ({looks} of its first {last} frames looked at): "
        "film a face that looks into the camera, cut off what comes before it, or pass box= with its place in frame 0"
    )


def follow(video: Video, detector: Detector, start: Start) -> Track:
    """Look for the face of the start along the whole video and smooth what is found over time.

    Of several faces the one nearest to the last position is taken; one that is farther from it than the width of its
    box is somebody else's. Where the face is not found, and before the start, it is taken to stay where it was. The
    smoothing (Savitzky and Golay 1964, doi:10.1021/ac60214a047) looks at past and future alike, so the track does not
    lag, and it keeps a steady movement as it is, also at either end of the video.
    """
    frames = _looked_at(video, video.n_frames)
    landmarks, last, lost = [], start.landmarks, 0
    for frame in frames:
        if frame > start.frame:
            found = _nearest(detector.detect(video.frames(frame, frame + 1)[0]), last, start.box.width)
            lost += found is None
            last = last if found is None else found
        landmarks.append(last)
    found = np.asarray(landmarks, dtype=np.float32)
    reach = min(_SMOOTHED_LOOKS, len(found) - (len(found) + 1) % 2)
    smooth = savgol_filter(found, reach, min(2, reach - 1), axis=0, mode="interp").astype(np.float32)
    return Track(np.asarray(frames), smooth, lost)


def place(landmarks: np.ndarray) -> np.ndarray:
    """Where a head is: the mean ``(..., 2)`` of the landmarks ``(..., 68, 2)`` that no expression moves far."""
    return landmarks[..., _STEADY, :].mean(axis=-2)


def _looked_at(video: Video, stop: int) -> range:
    return range(0, stop, max(1, round(video.fps / _LOOKS_PER_SECOND)))


def _area(face: Face) -> int:
    return face.box.width * face.box.height


def _nearest(faces: list[Face], last: np.ndarray, reach: float) -> np.ndarray | None:
    def distance(landmarks: np.ndarray) -> float:
        return float(np.linalg.norm(landmarks.mean(axis=0) - last.mean(axis=0)))

    near = [face.landmarks for face in faces if distance(face.landmarks) <= reach]
    return min(near, key=distance, default=None)
