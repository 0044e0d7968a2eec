"""Square crops of a face, made from a video as they are asked for.

As in the released MEAN code, one box around the face of the first frame serves the whole video, cut out and resized to
128 pixels. A box that stays put adds no motion of its own, which is what flow needs; a head that leaves it is lost.
Following the head is therefore an option: the window then moves and with it every pixel, so flow should be stabilised.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.face.detect import Box, Detector, DlibDetector, FaceError
from melib.face.find import Start, Track, find_start, follow, place
from melib.face.kept import kept
from melib.face.regions import INPUT_SIZE
from melib.face.report import CropReport, notes
from melib.video import Camera, Dataset, Video

#: A smaller face is refused: enlarged more than five times, it shows no small movement.
SMALLEST_FACE = 24


class CroppedVideo(Video):
    """The face of a video as a video; made by :func:`crop`, and like it in parameters, results and errors.

    Subject, name, frame rate, number of frames and labels are those of the video. The face is looked for when first
    needed; frames and depth are read one at a time, so memory does not grow with the length of the video.
    """

    def __init__(
        self,
        video: Video,
        *,
        size: int = 128,
        detector: Detector | None = None,
        track: bool = False,
        box: tuple[int, int, int, int] | None = None,
        cache: Path | str | None = None,
        dataset: str = "",
    ) -> None:
        if size < INPUT_SIZE:
            raise InputError(f"a crop of {size} pixels is smaller than a network's input: use {INPUT_SIZE} or more")
        self.source, self.size, self.track = video, int(size), track
        self.detector = DlibDetector() if detector is None else detector
        self.subject, self.name, self.fps = video.subject, video.name, video.fps
        self.n_frames, self.expressions = video.n_frames, video.expressions
        self._given = None if box is None else _checked_box(box, video)
        self._folder = None if cache is None else Path(cache)
        self._key = {
            "video": [dataset, video.subject, video.name, video.n_frames, float(video.fps)],
            "detector": self.detector.name,
            "box": self._given and list(self._given),
        }

    def __repr__(self) -> str:
        return f"CroppedVideo({self.source!r}, size={self.size}, track={self.track})"

    def find(self) -> None:
        """Look for the face now rather than at first use; does nothing the second time."""
        _ = self._start

    @functools.cached_property
    def _start(self) -> Start:
        start = kept(self._folder, Start, self._key, lambda: find_start(self.source, self.detector, self._given))
        side = max(start.box.width, start.box.height)
        if side < SMALLEST_FACE:
            raise FaceError(
                f"the face in frame {start.frame} of video {self.subject}/{self.name} is {side} pixels wide, fewer "
                f"than {SMALLEST_FACE}: film from nearer, or use the video in its full size"
            )
        return start

    @functools.cached_property
    def _track(self) -> Track:
        start = self._start
        return kept(self._folder, Track, self._key, lambda: follow(self.source, self.detector, start))

    @functools.cached_property
    def _square(self) -> Box:
        """The square that is cut out around the face of the start, inside the image."""
        start = self._start
        side = min(max(start.box.width, start.box.height), start.height, start.width)
        left = start.box.left + (start.box.width - side) // 2
        top = start.box.top + (start.box.height - side) // 2
        return _inside(Box(left, top, side, side), start.height, start.width)

    def window(self, frame: int) -> Box:
        """The square of whole pixels that is cut out of a frame of the video.

        Whole pixels, also where the crop follows the head: each pixel of the crop then keeps its place within a pixel
        of the video, so that resizing blurs every frame alike (flow between windows that lie between pixels errs more),
        depth stays under its colour, and a step of the window is a shift of the whole image. Its size never changes, so
        that following adds no zoom.
        """
        self.check_range(frame, frame + 1)
        if not self.track:
            return self._square
        start = self._start
        right, down = place(self._track.at(frame, frame + 1)[0]) - place(start.landmarks)
        moved = self._square._replace(left=self._square.left + round(right), top=self._square.top + round(down))
        return _inside(moved, start.height, start.width)

    @property
    def report(self) -> CropReport:
        """How the face was found; looks through the whole video if the crop follows the head."""
        start, lost, looks = self._start, 0, self._start.looks
        if self.track:
            lost = self._track.lost
            looks += int((self._track.frames > start.frame).sum())
        return CropReport(
            *(self.subject, self.name, self.detector.name, start.frame, start.faces, start.confidence),
            *(self.window(0), looks, lost, notes(start, self.window(0), self.size, looks, lost)),
        )

    @property
    def camera(self) -> Camera | None:
        """Intrinsics of the crop of the first frame; None if the video has none.

        If the crop follows the head this camera stands for all frames (see :meth:`camera_at` for those of one): motion
        in space computed with it lacks the way of the window, which is a shift that stabilisation takes away anyhow.
        """
        return None if self.source.camera is None else self.camera_at(0)

    def camera_at(self, frame: int) -> Camera:
        """Exact intrinsics of the crop of a frame.

        Raises
        ------
        LookupError
            If the video has no camera.
        ValueError
            If the video's camera belongs to images of another size.
        """
        full = self.source.camera
        if full is None:
            raise InputError(f"video {self.subject}/{self.name} has no camera: give it one, or use colour alone")
        if (full.width, full.height) != (self._start.width, self._start.height):
            raise InputError(
                f"video {self.subject}/{self.name} has frames of {self._start.width}x{self._start.height} pixels and "
                f"a camera of {full.width}x{full.height}: give the intrinsics of its own frames"
            )
        window = self.window(frame)
        scale = self.size / window.width
        # The centre of a pixel has whole coordinates, so resizing keeps -0.5, the outer edge of the first pixel.
        return Camera(
            fx=full.fx * scale,
            fy=full.fy * scale,
            cx=(full.cx - window.left + 0.5) * scale - 0.5,
            cy=(full.cy - window.top + 0.5) * scale - 0.5,
            width=self.size,
            height=self.size,
        )

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB crops of frames ``start <= i < stop``: ``(n, size, size, 3)`` uint8."""
        self.check_range(start, stop)
        return np.stack([self._colour(i) for i in range(start, stop)])

    def _colour(self, frame: int) -> np.ndarray:
        window = self.window(frame)
        cut = _cut(self.source.frames(frame, frame + 1)[0], window, self._start, self)
        # Averages over areas where the crop shrinks the image: flow between such crops errs less (tests/face).
        way = cv2.INTER_AREA if self.size < window.width else cv2.INTER_LINEAR
        return cv2.resize(cut, (self.size, self.size), interpolation=way)

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the crops: ``(n, size, size)`` float32 metres, 0 = no reading.

        Each pixel takes the reading nearest to its centre: an average would mix readings with holes, and face with
        background.

        Raises
        ------
        LookupError
            If the video has no depth.
        ValueError
            If its depth and colour differ in size.
        """
        self.check_range(start, stop)
        return np.stack([self._depth(i) for i in range(start, stop)])

    def _depth(self, frame: int) -> np.ndarray:
        window = self.window(frame)
        cut = _cut(self.source.depth(frame, frame + 1)[0], window, self._start, self)
        nearest = ((np.arange(self.size) + 0.5) * window.width / self.size).astype(int)
        return cut[np.ix_(nearest, nearest)]

    @functools.cached_property
    def _still(self) -> np.ndarray:
        """Landmarks of the crop of the start, found on the crop."""
        rgb = self._colour(self._start.frame)
        return np.asarray(self.detector.landmarks(rgb, Box(0, 0, self.size, self.size)), dtype=np.float32)

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """The 68 landmarks (iBUG order) in pixels of the crop: ``(n, 68, 2)`` float32.

        As in the released MEAN code they are found once, on the crop of the first frame with a face, the whole crop
        being the face's box, and repeated for every frame: they do not move with the face. If the crop follows the
        head they are those of the track, smoothed over time.
        """
        self.check_range(start, stop)
        if not self.track:
            return np.repeat(self._still[None], stop - start, axis=0)
        corners = np.array([self.window(i)[:2] for i in range(start, stop)], dtype=np.float32)[:, None]
        scale = np.float32(self.size / self._square.width)
        return (self._track.at(start, stop) - corners + np.float32(0.5)) * scale - np.float32(0.5)


def crop(
    video: Video,
    *,
    size: int = 128,
    detector: Detector | None = None,
    track: bool = False,
    box: tuple[int, int, int, int] | None = None,
    cache: Path | str | None = None,
    dataset: str = "",
) -> CroppedVideo:
    """The face of a video, found now and cut out when asked for.

    The face is that of the first frame with one, the largest if there are several. Its box, made square and moved
    into the image, is cut out of every frame and resized, as in the released MEAN code; depth goes with it (nearest
    reading, holes kept) and the camera is adjusted exactly.

    Parameters
    ----------
    video : Video
    size : int
        Side of the crop in pixels. The papers use 128.
    detector : Detector, optional
        By default :class:`DlibDetector`, the predictor of the released MEAN code.
    track : bool
        Let the crop follow the head, six looks a second, smoothed over time. It keeps a moving head in the crop but
        adds the window's motion to the image: use it with a feature setting that stabilises. A face that leaves is
        taken to stay where it was; :attr:`CroppedVideo.report` counts the looks that missed it.
    box : tuple of int, optional
        ``(left, top, width, height)`` of the face in the first frame, where no detector finds it.
    cache : path, optional
        Folder in which detections are kept, a small file for each video, so that a study looks only once. They go by
        the video's subject and name: delete the folder when another video takes the place of one.
    dataset : str
        Name and version of the video's dataset, which tell apart videos of equal subject and name in one cache.

    Returns
    -------
    CroppedVideo

    Raises
    ------
    FaceError
        If the first ten seconds show no face, or one of fewer than 24 pixels. It is a LookupError.
    LookupError
        If no detector is given and the extra ``faces`` is not installed.
    ValueError
        If the size is too small, the box lies outside the image, or a kept detection is damaged.
    """
    cropped = CroppedVideo(video, size=size, detector=detector, track=track, box=box, cache=cache, dataset=dataset)
    cropped.find()
    return cropped


def crop_dataset(
    dataset: Dataset,
    *,
    size: int = 128,
    detector: Detector | None = None,
    track: bool = False,
    cache: Path | str | None = None,
) -> Dataset:
    """A dataset of faces from one of whole images; a face is looked for when its video is first used.

    Parameters
    ----------
    dataset : Dataset
    size, detector, track, cache
        As in :func:`crop`.

    Returns
    -------
    Dataset
        Its version names size, detector and tracking, so that features of different crops are kept apart.

    See Also
    --------
    crop_table : all faces looked for at once, and how they were found.
    """
    detector = DlibDetector() if detector is None else detector
    whole = f"{dataset.name} {dataset.version}"
    version = f"{dataset.version}+crop-{size}-{detector.name}" + ("-tracked" if track else "")
    videos = tuple(
        CroppedVideo(video, size=size, detector=detector, track=track, cache=cache, dataset=whole)
        for video in dataset.videos
    )
    return replace(dataset, version=version, videos=videos)


def crop_table(dataset: Dataset) -> pd.DataFrame:
    """How the faces of a cropped dataset were found; looks for those that were not needed yet.

    Parameters
    ----------
    dataset : Dataset
        As :func:`crop_dataset` gives it.

    Returns
    -------
    pandas.DataFrame
        Columns ``subject, video, frame, faces, confidence, side, looks, lost, notes``, a row per video. A video
        without a usable face has the reason among its notes and 0 in ``side``, the side of the square in pixels.
    """
    rows = []
    for video in dataset.videos:
        try:
            found = video.report
        except FaceError as error:
            rows.append((video.subject, video.name, -1, 0, 0.0, 0, 0, 0, str(error.args[0])))
            continue
        rows.append(
            (
                *(found.subject, found.video, found.frame, found.faces, found.confidence),
                *(found.box.width, found.looks, found.lost, "; ".join(found.notes)),
            )
        )
    names = ["subject", "video", "frame", "faces", "confidence", "side", "looks", "lost", "notes"]
    return pd.DataFrame(rows, columns=names)


def _checked_box(box: tuple[int, int, int, int], video: Video) -> Box:
    checked = Box(*(int(value) for value in box))
    if checked.width < 1 or checked.height < 1:
        raise InputError(
            f"box {tuple(box)} of video {video.subject}/{video.name}: (left, top, width, height) is needed"
        )
    return checked


def _inside(square: Box, height: int, width: int) -> Box:
    left = min(max(square.left, 0), width - square.width)
    top = min(max(square.top, 0), height - square.height)
    return square._replace(left=left, top=top)


def _cut(image: np.ndarray, window: Box, start: Start, video: Video) -> np.ndarray:
    if image.shape[:2] != (start.height, start.width):
        raise InputError(
            f"video {video.subject}/{video.name} has images of {image.shape[1]}x{image.shape[0]} pixels beside "
            f"others of {start.width}x{start.height}: bring them to one size"
        )
    return image[window.top : window.top + window.height, window.left : window.left + window.width]
