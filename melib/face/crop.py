"""Square crops of a face, made from a video as they are asked for.

As in the released MEAN code, one box around the face of the first frame serves the whole video, or the crop follows the
head: its window then moves and with it every pixel, so flow should be stabilised.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from melib.errors import InputError
from melib.face.detect import Box, Detector, DlibDetector, FaceError
from melib.face.find import STEADY, Start, Track, find_start, follow, kept, measurable
from melib.files import source_hash
from melib.video import Camera, Dataset, Video

#: A smaller face is refused: enlarged more than five times, it shows no small movement. Of one below the second size a
#: movement of one pixel at 128 is less than a third of a pixel of the video.
_SMALLEST_FACE, _SMALL_FACE = 24, 40
#: A face is doubtful if the detector is less sure of it, or its eyes are not as usual apart, as shares of the crop.
_SURE, _EYES_SHARE = 0.5, (0.36, 0.48)
#: A crop that follows the head lies about it as the benchmark's: so many distances between the eyes wide, and the eyes
#: at this share of it from above.
_EYES_WIDE, _EYES_DOWN = 2.4, 0.24
#: So many crops are kept, for readers that step back by two seconds or three.
_RECENT = 128


class CroppedVideo(Video):
    """The face of a video as a video, with the subject, name, frame rate, number of frames and labels of that video.

    The face is that of the first frame with one, the largest if there are several; it is looked for when first needed.
    Its box, made square and moved into the image, is cut out of every frame and resized, as in the released MEAN code;
    depth goes with it (nearest reading, holes kept). Frames are read one at a time and only the latest crops kept.

    ValueError: the box lies outside the image, or the extra ``faces`` is not installed; FaceError: no face, or tiny.

    Parameters
    ----------
    size : int
        Side of the crop in pixels. The papers use 128.
    detector : Detector, optional
        By default :class:`DlibDetector`, the predictor of the released MEAN code.
    track : bool
        Let the crop follow the head, six looks a second, smoothed over time; features should then be stabilised.
    box, number : tuple of int and int, optional
        ``(left, top, width, height)`` of the face in the first frame, where no detector finds it; or which face of the
        first frame with faces, from the left, from 1 on.
    span : tuple of int, optional
        First frame, and the one after the last, in which the face is looked for.
    cache : Path, optional
        File in which the detection is kept: delete it when another video takes the place of this one.
    """

    def __init__(
        self,
        video: Video,
        *,
        size: int = 128,
        detector: Detector | None = None,
        track: bool = False,
        box: tuple[int, int, int, int] | None = None,
        number: int | None = None,
        span: tuple[int, int] | None = None,
        cache: Path | None = None,
    ) -> None:
        self.source, self.size, self.track, self.number = video, int(size), track, number
        self.span = (0, video.n_frames) if span is None else span
        self.detector = DlibDetector() if detector is None else detector
        self.subject, self.name, self.fps = video.subject, video.name, video.fps
        self.n_frames, self.expressions = video.n_frames, video.expressions
        self._title = f"video {video.subject}/{video.name}"
        self._given = None if box is None else Box(*(int(value) for value in box))
        self._cache = cache
        self._recent: dict[int, np.ndarray] = {}

    @functools.cached_property
    def start(self) -> Start:
        """The face from which the crop is made; looked for when first asked for."""
        how = self._given, self.number, self.span, measurable if self.track else None
        start = kept(self._cache, lambda: find_start(self.source, self.detector, *how))
        side = max(start.box.width, start.box.height)
        if side < _SMALLEST_FACE:
            found = f"the face in frame {start.frame} of {self._title} is {side} pixels wide"
            raise FaceError(f"{found}, fewer than {_SMALLEST_FACE}: film from nearer, or in the video's full size")
        return start

    @functools.cached_property
    def _track(self) -> Track:
        return follow(self.source, self.detector, self.start, self.span)

    def window(self, frame: int) -> Box:
        """The square that is cut out of a frame of the video; its size never changes, so following adds no zoom."""
        # Whole pixels, also where the crop follows the head: resizing then blurs every frame alike (flow between crops
        # cut between pixels errs more), depth stays under its colour, and a step is a shift of the whole image.
        self.check_range(frame, frame + 1)
        box, height, width, way = self.start.box, self.start.height, self.start.width, np.zeros(2)
        if self.track:
            # A detector's boxes come in steps of a fifth of their size: the eyes tell the face's size better.
            right, left = (self.start.landmarks[each].mean(axis=0) for each in (slice(36, 42), slice(42, 48)))
            side = _EYES_WIDE * np.hypot(*(left - right))
            corner = (right + left) / 2 - (side / 2, _EYES_DOWN * side)
            box = Box(*np.rint([*corner, side, side]).astype(int).tolist())
            way = (self._track.at(frame, frame + 1)[0] - self.start.landmarks)[STEADY, :].mean(axis=0)
        side = min(max(box.width, box.height), height, width)
        right, down = np.rint(way).astype(int).tolist()
        left = min(max(box.left + (box.width - side) // 2, 0), width - side) + right
        top = min(max(box.top + (box.height - side) // 2, 0), height - side) + down
        return Box(min(max(left, 0), width - side), min(max(top, 0), height - side), side, side)

    @functools.cached_property
    def seen(self) -> np.ndarray:
        """Whether the face is there in each frame, ``(n_frames,)`` bool, and its brows, eyes and mouth in the crop.

        If it is followed, it was seen in the looks before and after; else it is taken to be there from the start on.
        """
        frames = np.arange(self.n_frames)
        inside = (frames >= max(self.start.frame, self.span[0])) & (frames < self.span[1])
        if not self.track:
            return inside
        looked = self._track.frames
        landmarks = np.concatenate([self.landmarks(i, i + 1) for i in looked])[:, 17:]
        whole = ((landmarks >= 0) & (landmarks < self.size)).all(axis=(1, 2)) & (self._track.confidence > 0)
        before = np.searchsorted(looked, frames, side="right").clip(min=1) - 1
        after = np.searchsorted(looked, frames).clip(max=len(looked) - 1)
        return inside & whole[before] & whole[after]

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever reads a result should know of the face, empty if all is well; looks along a tracked video."""
        start, side, sure = self.start, self.window(self.start.frame).width, self.start.confidence
        lost, looks, landmarks = 0, self.start.looks, start.landmarks[None]
        if self.track:
            after = self._track.confidence[self._track.frames > start.frame]
            lost, looks = int((after == 0).sum()), looks + len(after)
            sure, landmarks = np.median(after[after > 0]) if after.any() else sure, self._track.landmarks
        eyes = landmarks[:, 36:42].mean(axis=1) - landmarks[:, 42:48].mean(axis=1)
        share = float(np.median(np.hypot(*eyes.T))) / side
        small = side < _SMALL_FACE
        doubtful = not _EYES_SHARE[0] <= share <= _EYES_SHARE[1]
        taken = f"number {self.number} from the left" if self.number else "the largest"
        unusual = {
            f"No face before frame {start.frame}: the crop is made from that frame.": start.frame > self.span[0],
            f"{start.faces} faces in frame {start.frame}: {taken} is taken.": start.faces > 1,
            f"The face is only {side} pixels wide, enlarged to {self.size}: small movements cannot be seen.": small,
            f"The detector is not sure of the face (confidence {sure:.1f}): marks are doubtful.": 0 < sure < _SURE,
            f"The eyes are {share:.2f} of the crop's side apart, usually 0.42: marks are doubtful.": doubtful,
            "The face's box was given, and whether it stays in it was not looked at.": self._given is not None,
            f"The face was not found in {lost} of {looks} frames looked at; who came back is not known.": lost > 0,
        }
        return tuple(note for note, applies in unusual.items() if applies)

    @property
    def camera(self) -> Camera | None:
        """Exact intrinsics of the crop of the start, which stand for all frames; None if the video has none."""
        # Motion in space computed with them lacks the way of the window: a shift, which stabilisation takes away.
        full, start = self.source.camera, self.start
        if full is None:
            return None
        if (full.width, full.height) != (start.width, start.height):
            sizes = f"frames of {start.width}x{start.height} pixels and a camera of {full.width}x{full.height}"
            raise InputError(f"{self._title} has {sizes}: give the intrinsics of its own frames")
        window = self.window(start.frame)
        scale = self.size / window.width
        # The centre of a pixel has whole coordinates, so resizing keeps -0.5, the outer edge of the first pixel.
        centre = ((full.cx - window.left + 0.5) * scale - 0.5, (full.cy - window.top + 0.5) * scale - 0.5)
        return Camera(full.fx * scale, full.fy * scale, *centre, width=self.size, height=self.size)

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB crops of frames ``start <= i < stop``: ``(n, size, size, 3)`` uint8."""
        self.check_range(start, stop)
        return np.stack([self._colour(i) for i in range(start, stop)])

    def _colour(self, frame: int) -> np.ndarray:
        found = self._recent.pop(frame, None)
        if found is None:
            cut = self._cut(self.source.frames, frame)
            # Averages over areas where the crop shrinks the image: flow between such crops errs less.
            way = cv2.INTER_AREA if self.size < len(cut) else cv2.INTER_LINEAR
            found = cv2.resize(cut, (self.size, self.size), interpolation=way)
        self._recent[frame] = found
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
        return found

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the crops: ``(n, size, size)`` float32 metres, 0 = no reading."""
        self.check_range(start, stop)
        cuts = np.stack([self._cut(self.source.depth, i) for i in range(start, stop)])
        # The reading nearest to a pixel's centre: an average would mix readings with holes, and face with background.
        nearest = ((np.arange(self.size) + 0.5) * cuts.shape[1] / self.size).astype(int)
        return cuts[:, nearest[:, None], nearest]

    def _cut(self, read: Callable, frame: int) -> np.ndarray:
        window, image, start = self.window(frame), read(frame, frame + 1)[0], self.start
        if image.shape[:2] != (start.height, start.width):
            sizes = f"{image.shape[1]}x{image.shape[0]} pixels beside others of {start.width}x{start.height}"
            raise InputError(f"{self._title} has images of {sizes}: bring them to one size")
        return image[window.top : window.top + window.height, window.left : window.left + window.width]

    @functools.cached_property
    def _still(self) -> np.ndarray:
        """Landmarks of the crop of the start, found on the crop."""
        rgb = self._colour(self.start.frame)
        return np.asarray(self.detector.landmarks(rgb, Box(0, 0, self.size, self.size)), dtype=np.float32)

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """The 68 landmarks (iBUG order) in pixels of the crop: ``(n, 68, 2)`` float32.

        As in the released MEAN code they are found once, on the crop of the first frame with a face, the whole crop
        being the face's box, and repeated. If the crop follows the head they are those of the track.
        """
        self.check_range(start, stop)
        if not self.track:
            return np.repeat(self._still[None], stop - start, axis=0)
        corners = np.array([self.window(i)[:2] for i in range(start, stop)], dtype=np.float32)[:, None]
        scale = np.float32(self.size / self.window(start).width)
        return (self._track.at(start, stop) - corners + np.float32(0.5)) * scale - np.float32(0.5)


def crop(video: Video, **options) -> CroppedVideo:
    """The face of a video, found now and cut out when asked for; the options are those of :class:`CroppedVideo`."""
    cropped = CroppedVideo(video, **options)
    _ = cropped.start
    return cropped


def crop_dataset(
    whole: Dataset, *, size: int = 128, detector: Detector | None = None, cache: Path | None = None
) -> Dataset:
    """A dataset of faces from one of whole images; a face is looked for when its video is first used.

    Its version names size and detector, so that features of different crops are kept apart.
    """
    detector = DlibDetector() if detector is None else detector
    version = f"{whole.version}+crop-{size}-{detector.name}"

    def cropped(video: Video) -> CroppedVideo:
        # What other code found is not taken up.
        rests_on = source_hash("melib.face.find"), whole.name, version, video.subject, video.name, video.n_frames
        name = hashlib.sha256(json.dumps(rests_on).encode()).hexdigest()[:40]
        where = None if cache is None else cache / f"{name}.json"
        return CroppedVideo(video, size=size, detector=detector, cache=where)

    return replace(whole, version=version, videos=tuple(map(cropped, whole.videos)))
