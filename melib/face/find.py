"""Where the face of a video is, in pixels of its own frames: in the first one that shows it, and along the video."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy  # scipy.signal, which takes a second to load, comes when it is used

from melib.errors import InputError
from melib.face.detect import Box, Detector, Face, FaceError
from melib.files import whole
from melib.video import Video

#: A face is looked for so often; heads move below 1 Hz, and between two looks the way is a straight line.
_LOOKS_PER_SECOND = 6
#: If the first seconds show no face, and wherever it was lost, it is looked for once a second.
_SEARCH_SECONDS = 10
#: A parabola is laid through so many looks, a second's worth: landmarks get quieter, turns of the head stay.
_SMOOTHED_LOOKS = 7
#: Corners of the eyes and bridge of the nose: no expression moves them far.
STEADY = (27, 28, 29, 30, 36, 39, 42, 45)
#: Least confidence of a face (dlib gives what is upside down, or none, up to 0.15); the eyes' distance as a share of
#: its box; and how far the tip of the nose may lie from the middle between the eyes, as a share of their distance.
_LEAST_SURE, _EYES_SHARE, _TURNED = 0.2, (0.28, 0.65), 0.38


class Start(NamedTuple):
    """The face from which a crop is made; where its box was given by hand, `faces` and `confidence` are 0."""

    frame: int  # the first frame looked at that shows a face
    looks: int  # frames looked at until then
    faces: int  # faces in that frame
    box: Box  # of the one that is taken
    confidence: float
    landmarks: np.ndarray  # (68, 2) float32 pixels
    height: int  # of the video's frames
    width: int


class Track(NamedTuple):
    """Landmarks along a video, smoothed, at the frames looked at."""

    frames: np.ndarray  # (K,) int, increasing
    landmarks: np.ndarray  # (K, 68, 2) float32 pixels
    confidence: np.ndarray  # (K,); 0 where the face was not found, or not so that it can be measured

    def at(self, start: int, stop: int) -> np.ndarray:
        """Landmarks ``(n, 68, 2)`` float32 of frames ``start <= i < stop``, on straight lines between looks."""
        wanted = np.arange(start, stop)
        after = np.searchsorted(self.frames, wanted, side="right").clip(1, len(self.frames) - 1)
        before = after - 1  # of a single look the same as after
        span = (self.frames[after] - self.frames[before]).clip(1)
        share = np.clip((wanted - self.frames[before]) / span, 0, 1)[:, None, None]
        return ((1 - share) * self.landmarks[before] + share * self.landmarks[after]).astype(np.float32)


def measurable(face: Face) -> bool:
    """Whether a face is surely one, upright, and turned to the camera, so that its motion can be measured."""
    eyes = [face.landmarks[each].mean(axis=0, dtype=float) for each in (slice(36, 42), slice(42, 48))]
    across, middle = eyes[1] - eyes[0], (eyes[0] + eyes[1]) / 2
    down = face.landmarks[48:].mean(axis=0, dtype=float) - middle
    apart = float(across @ across)
    least, most = (apart >= (share * max(face.box[2:])) ** 2 for share in _EYES_SHARE)
    upright = across[0] > 0 and across[0] * down[1] - across[1] * down[0] > apart / 2
    turned = abs((face.landmarks[30] - middle) @ across) > _TURNED * apart
    return bool(face.confidence >= _LEAST_SURE and least and not most and upright and not turned)


def find_start(
    video: Video,
    detector: Detector,
    box: Box | None,
    number: int | None,
    span: tuple[int, int],
    accept: Callable[[Face], bool] | None,
) -> Start:
    """Look for a face in a span of frames, the largest of several, or the one of a number, from 1 on, from the left.

    Of a given box only the landmarks are looked for; otherwise those that are not acceptable are no faces.
    """
    name, (first, stop) = f"video {video.subject}/{video.name}", span
    if box is not None:
        rgb = video.frames(first, first + 1)[0]
        height, width, _ = rgb.shape
        inside = 0 <= box.left + box.width / 2 < width and 0 <= box.top + box.height / 2 < height
        if not inside or min(box.width, box.height) < 1:
            raise InputError(f"{box} is empty or outside the {width}x{height} images of {name}: give pixels")
        return Start(first, 0, 0, box, 0.0, detector.landmarks(rgb, box), height, width)
    step = max(1, round(video.fps / _LOOKS_PER_SECOND))
    soon = min(stop, first + round(_SEARCH_SECONDS * video.fps) + 1)
    frames = [*range(first, soon, step), *range(soon, stop, max(1, round(video.fps)))]
    for looks, frame in enumerate(frames, start=1):
        rgb = video.frames(frame, frame + 1)[0]
        faces = sorted(filter(accept, detector.detect(rgb)), key=lambda face: face.box.left)
        if faces and number is not None and not 1 <= number <= len(faces):
            raise FaceError(f"frame {frame} of {name} shows faces: {len(faces)}; there is no number {number}")
        if faces:
            face = faces[number - 1] if number else max(faces, key=lambda face: face.box.width * face.box.height)
            return Start(frame, looks, len(faces), face.box, face.confidence, face.landmarks, *rgb.shape[:2])
    mend = "film one that looks into the camera, or give its place as a box (--box LEFT,TOP,WIDTH,HEIGHT)"
    raise FaceError(f"no face found in {name} ({len(frames)} of {stop - first} frames looked at): {mend}")


def follow(video: Video, detector: Detector, start: Start, span: tuple[int, int]) -> Track:
    """Look for the face of the start along a span of a video and smooth what is found over time.

    A face farther from its last place than the width of its box is somebody else's; but after a cut, and once it was
    lost for a second, the nearest one in the picture is taken. Where none is, it stays where it was, with confidence 0.

    The smoothing (Savitzky and Golay 1964, doi:10.1021/ac60214a047) looks at past and future alike and does not lag.
    """
    last, missed, found, sure = Face(start.box, start.landmarks, start.confidence), 0, [], []
    breaks = np.flatnonzero(getattr(video, "breaks", ()))
    edges = [span[0], *breaks[(breaks > span[0]) & (breaks < span[1])].tolist(), span[1]]
    # The first and the last frame between two cuts are looked at, too.
    step = max(1, round(video.fps / _LOOKS_PER_SECOND))
    looks = ({*range(first, stop, step), stop - 1} for first, stop in itertools.pairwise(edges))
    frames = np.array(sorted({start.frame}.union(*looks)))
    opens = np.isin(frames, edges[1:])
    for frame, opened in zip(frames.tolist(), opens, strict=True):
        face, missed = None, _LOOKS_PER_SECOND if opened else missed
        if frame == start.frame:
            face = last
        elif frame > start.frame and (missed < _LOOKS_PER_SECOND or missed % _LOOKS_PER_SECOND == 0):
            near = last.box if missed < _LOOKS_PER_SECOND else None
            faces = [*filter(measurable, detector.detect(video.frames(frame, frame + 1)[0], near=near))]
            ways = [float(np.linalg.norm((each.landmarks - last.landmarks).mean(axis=0))) for each in faces]
            if min(ways, default=np.inf) < (near.width if near else np.inf):
                face = faces[int(np.argmin(ways))]
        missed, last = 0 if face else missed + 1, face or last
        found.append(last.landmarks)
        sure.append(face.confidence if face else 0.0)
    landmarks, sure = np.asarray(found, np.float32), np.asarray(sure)
    edges = np.flatnonzero((np.diff(sure > 0, prepend=sure[0] > 0)) | opens)
    for first, stop in itertools.pairwise([0, *edges.tolist(), len(frames)]):
        if sure[first : first + 1].any():
            reach = min(_SMOOTHED_LOOKS, stop - first - (stop - first + 1) % 2)
            part = landmarks[first:stop]
            landmarks[first:stop] = scipy.signal.savgol_filter(part, reach, min(2, reach - 1), axis=0, mode="interp")
    return Track(frames, landmarks, sure)


def kept(path: Path | None, find: Callable[[], Start]) -> Start:
    """The start that was found before and kept in a JSON file, or else find it now and keep it."""
    if path is not None and path.is_file():
        found = Start(*json.loads(path.read_text(encoding="utf-8")))
        return found._replace(box=Box(*found.box), landmarks=np.float32(found.landmarks))
    found = find()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(json.dumps(found, default=np.ndarray.tolist), encoding="utf-8")
    return found
