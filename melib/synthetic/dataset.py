"""Synthetic videos as :class:`melib.video.Video`: rendered frame by frame, only when asked.

A video is a handful of integers, from which subject, timeline and renderer are rebuilt where they are needed.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from melib.errors import InputError, find
from melib.synthetic import everyday
from melib.synthetic.head import load_head
from melib.synthetic.identity import Subject, make_subject
from melib.synthetic.render import Renderer
from melib.synthetic.scene import Scene, draw_scene, paint_background
from melib.synthetic.sensor import DEPTH_LEVELS, compress, encode_colour, measure_depth, to_metres
from melib.synthetic.suites import MOST_VIDEOS, Suite, find_suite, subject_seed, video_seed
from melib.synthetic.texture import skin_colour
from melib.synthetic.timeline import CLASSES, FPS, Event, Timeline, apex_weights, draw_events, draw_timeline
from melib.video import EMOTIONS_7, Camera, Dataset, Video

#: The face crop of 128 x 128 pixels, or the whole 640 x 480 image it would have been cut from.
VIEWS = ("crop", "full")

#: Clips are counted after the long videos, so that no seed serves both.
_FIRST_CLIP = MOST_VIDEOS // 2
#: Room for the longest micro-expression, which may take a third of its video.
_CLIP_FRAMES = 180

#: RGB ``(H, W, 3)`` uint8, and the depth sensor's raw reading ``(H, W)`` uint16 or float32.
Frame = tuple[np.ndarray, np.ndarray]


#: Frames rendered last, oldest first: all of a video of 500. Colour and depth are asked for apart, and rendered once.
_recent: OrderedDict[tuple, Frame] = OrderedDict()
_MOST_BYTES = 48 << 20


@functools.lru_cache(maxsize=4)
def _subject(seed: int) -> Subject:
    return make_subject(seed)


@functools.lru_cache(maxsize=4)
def _timeline(suite: Suite, seed: int, n_frames: int) -> Timeline:
    head = load_head()
    return draw_timeline(seed, n_frames, suite.timeline, head.action_units, head.peak_mm)


@functools.lru_cache(maxsize=4)
def _studio(subject: int, video: int, view: str, everyday: bool) -> tuple[Scene, Renderer, np.ndarray]:
    """Scene, renderer and wall of one video."""
    person, scene = _subject(subject), draw_scene(video, everyday=everyday)
    camera = person.full_camera() if view == "full" else person.crop_camera(jitter=scene.crop_jitter)
    return scene, Renderer(person, camera), paint_background(scene, camera.width, camera.height)


class SyntheticVideo(Video):
    """One video of the benchmark.

    ``expressions`` are as annotated (each end off by a few frames), ``true_expressions`` as they are, ``events`` both,
    with amplitude and intensities. An unknown view, and a video that is too short, raise ValueError.

    Parameters
    ----------
    suite : Suite
    population : {"train", "test"}
    subject_index, video_index : int
        Position in the population, and among the subject's videos.
    n_frames : int
        Number of frames T, at least 30.
    view : {"crop", "full"}
    """

    def __init__(
        self, suite: Suite, population: str, subject_index: int, video_index: int, n_frames: int, *, view: str = "crop"
    ) -> None:
        self.suite, self.view = suite, find(view, VIEWS, "view")
        self.subject_seed = subject_seed(suite, population, subject_index)
        self.seed = video_seed(suite, population, subject_index, video_index)
        self.subject = f"{population}{subject_index:03d}"
        self.name = f"c{video_index - _FIRST_CLIP:02d}" if suite.timeline.single else f"v{video_index:02d}"
        self.fps, self.n_frames = FPS, int(n_frames)
        self.events = draw_events(self.seed, self.n_frames, suite.timeline)
        self.true_expressions = tuple(event.true for event in self.events)
        self.expressions = tuple(sorted((event.annotated for event in self.events), key=lambda note: note.onset))
        self._key = (suite, self.seed, self.n_frames, view)

    def __repr__(self) -> str:
        return f"SyntheticVideo({self.suite.name}, {self.subject}/{self.name}, {self.n_frames} frames, {self.view})"

    @property
    def _film(self) -> tuple[Scene, Renderer, np.ndarray]:
        return _studio(self.subject_seed, self.seed, self.view, self.suite.timeline.everyday)

    @property
    def _plan(self) -> Timeline:
        return _timeline(self.suite, self.seed, self.n_frames)

    @property
    def camera(self) -> Camera:
        """Intrinsics of the frames as delivered."""
        return self._film[1].camera

    @property
    def person(self) -> Subject:
        """The subject who is filmed."""
        return _subject(self.subject_seed)

    @property
    def scene(self) -> Scene:
        """Light, background, crop and colour sensor."""
        return draw_scene(self.seed, everyday=self.suite.timeline.everyday)

    def _points(self, frame: int) -> np.ndarray:
        """Vertices ``(N, 3)`` of the head in a frame, metres, camera axes."""
        plan = self._plan
        return self.person.points(plan.weights[frame], plan.rotation[frame], plan.translation[frame], plan.gaze[frame])

    def _shoot(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Linear RGB and depth in metres, before the sensors."""
        scene, renderer, wall = self._film
        lamp = {"light": scene.light + self._plan.lamp[frame], "ambient": scene.ambient, "specular": scene.specular}
        gain = float(self._plan.gain[frame]) * scene.brightness
        colour, depth = renderer.render(self._points(frame), **lamp, gain=gain, background=wall)
        share, shade = self._cover(frame)
        if share.any():
            skin = skin_colour(self.person.look.melanin) * gain * (scene.ambient + 0.6)
            colour += share[..., None] * (shade[..., None] * np.float32(skin) - colour)
            depth[share > 0.5] = self.person.distance - everyday.COVER_M
        return colour, depth

    def _cover(self, frame: int) -> np.ndarray:
        return everyday.cover(self._plan.covers[frame], self.camera, self.person.distance)

    def _render(self, frame: int) -> Frame:
        colour, depth = self._shoot(frame)
        seen = encode_colour(colour, self._film[0].colour_sensor, self.seed, frame)
        if self.suite.timeline.everyday:
            seen = compress(seen, self.seed, frame)
        return seen, measure_depth(depth, self.suite.depth, self.seed, frame)

    def _frame(self, frame: int) -> Frame:
        key = (*self._key, frame)
        if key not in _recent:
            _recent[key] = self._render(frame)
            size = sum(part.nbytes for part in _recent[key])
            while len(_recent) * size > _MOST_BYTES:
                _recent.popitem(last=False)
        return _recent[key]

    def frames(self, start: int, stop: int) -> np.ndarray:
        """RGB frames ``start <= i < stop``: ``(n, H, W, 3)`` uint8; no other frame is rendered."""
        self.check_range(start, stop)
        return np.stack([self._frame(i)[0] for i in range(start, stop)])

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the frames as the sensor measures it: ``(n, H, W)`` float32 metres, 0 = no reading."""
        self.check_range(start, stop)
        return np.stack([to_metres(self._frame(i)[1], self.suite.depth) for i in range(start, stop)])

    def true_depth(self, frame: int) -> np.ndarray:
        """Depth before the sensor, of head and hand: ``(H, W)`` float32 metres, 0 behind them; rendered each time."""
        self.check_range(frame, frame + 1)
        return self._shoot(frame)[1]

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        """The true 68 landmarks (iBUG order): ``(n, 68, 2)`` float32 pixels (x, y); nothing is rendered."""
        self.check_range(start, stop)
        points = np.stack([self.person.landmarks(self._points(i)) for i in range(start, stop)])
        return self.camera.project(points).astype(np.float32)

    def true_motion(self, a: int, b: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Exact flow (px), scene flow (m) and where both hold, on the grid of `a`: see :meth:`Renderer.true_motion`."""
        for frame in (a, b):
            self.check_range(frame, frame + 1)
        flow, scene, valid = self._film[1].true_motion(self._points(a), self._points(b))
        row, column = np.mgrid[: valid.shape[0], : valid.shape[1]].astype(np.float32)
        covered = cv2.remap(self._cover(b)[0], column + flow[0], row + flow[1], cv2.INTER_NEAREST)
        return flow, scene, valid & (self._cover(a)[0] == 0) & (covered == 0)

    def expression_motion(self, event: Event) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same for one expression alone, from rest to its apex, the head held as it is at the onset."""
        plan, head, onset = self._plan, load_head(), event.true.onset
        strained = plan.weights[onset].copy()
        for component, weight in apex_weights(event, head.action_units, head.peak_mm):
            strained[component] += weight
        pose = plan.rotation[onset], plan.translation[onset], plan.gaze[onset]
        return self._film[1].true_motion(self._points(onset), self.person.points(strained, *pose))

    def action_unit_weights(self, start: int, stop: int) -> np.ndarray:
        """Weights ``(n, K)`` float32 of the head's components, in the order of ``load_head().action_units``."""
        self.check_range(start, stop)
        return self._plan.weights[start:stop].copy()

    @property
    def blinks(self) -> np.ndarray:
        """First and last frame ``(n, 2)`` of each blink: exact knowledge, which no filmed dataset has."""
        return self._plan.blinks.copy()

    def pose(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotation vectors ``(n, 3)``, radians, and translations ``(n, 3)``, millimetres, of the head."""
        self.check_range(start, stop)
        return self._plan.rotation[start:stop].copy(), self._plan.translation[start:stop].copy()

    def head_motion(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotation matrix and translation of the head between two frames, as for :func:`melib.flow.rigid_motion`."""
        rest, ahead = np.zeros(self.action_unit_weights(start, start + 1).shape[1]), np.zeros(2)
        # One rigid shape seen in both poses: what takes one to the other is the head's motion.
        poses = [[side[0] for side in self.pose(frame, frame + 1)] for frame in (start, end)]
        shapes = [self.person.points(rest, *pose, ahead) for pose in poses]
        before, after = (shape.mean(axis=0) for shape in shapes)
        turn = Rotation.align_vectors(shapes[1] - after, shapes[0] - before)[0]
        return turn.as_matrix(), after - turn.apply(before)


def open_benchmark(
    suite: str = "default",
    *,
    subjects: int,
    videos: int,
    frames: int,
    population: str = "train",
    view: str = "crop",
    depth: str | None = None,
) -> Dataset:
    """The first subjects of a population of a suite; nothing is rendered yet.

    A smaller dataset is a prefix of a larger one: the same people in the same order, filmed in the same light. The
    number of frames belongs to a video's plan, so videos of different length are different videos.

    An unknown name, and a number out of range, raise ValueError.

    Parameters
    ----------
    suite : str
        A key of :data:`melib.synthetic.suites.SUITES`.
    subjects, videos, frames : int
        Number of subjects, videos of each, and frames of each video.
    population : {"train", "test"}
        Two sets of people without a common member.
    view : {"crop", "full"}
        The face crop, or the whole image.
    depth : {"none", "low", "mid"}, optional
        Another depth sensor than the suite's own, for a sweep over sensors; the version then names it.
    """
    chosen, version = _with_sensor(find_suite(suite), depth)
    # What is filmed otherwise is another dataset: whoever keeps features by name and version must not mix them up.
    if view != "crop":
        version = f"{version}+view-{view}"
    if subjects < 1 or videos < 1:
        raise InputError(f"a dataset needs at least one subject with one video, got {subjects} and {videos}")
    numbers = [(s, v) for s in range(subjects) for v in range(videos)]
    filmed = (SyntheticVideo(chosen, population, *number, frames, view=view) for number in numbers)
    return Dataset(f"synthetic-{chosen.name}", version, tuple(filmed), _emotions(chosen), synthetic=True)


def open_clips(
    suite: str = "default",
    *,
    subjects: int,
    clips: int,
    population: str = "train",
    classes: str | None = None,
    depth: str | None = None,
) -> Dataset:
    """Clips of one micro-expression each, of the same people as :func:`open_benchmark`'s, for recognition.

    Only the frames that are asked for are rendered, so a clip costs little more than its onset and apex.

    An unknown name, and a number out of range, raise ValueError.

    Parameters
    ----------
    suite : str
        A key of :data:`melib.synthetic.suites.SUITES`.
    subjects, clips : int
        Number of subjects, and of clips of each; at most 500.
    population : {"train", "test"}
    classes : str, optional
        Another table of expressions than the suite's own, a key of :data:`melib.synthetic.timeline.CLASSES`, for a
        mixture; where the emotions are as frequent, each clip keeps its emotion, its timing and all that surrounds it.
    depth : {"none", "low", "mid"}, optional
        Another depth sensor than the suite's own. The version names either.
    """
    most = MOST_VIDEOS - _FIRST_CLIP
    if not (subjects >= 1 and 1 <= clips <= most):
        raise InputError(f"clips need at least one subject with 1 to {most} each, got {subjects} and {clips}")
    chosen, version = _with_sensor(find_suite(suite), depth)
    if classes is not None:
        chosen = replace(chosen, timeline=replace(chosen.timeline, classes=classes))
        version = f"{version}+classes-{classes}"
    single = replace(chosen, timeline=replace(chosen.timeline, single=True))
    numbers = [(s, _FIRST_CLIP + c) for s in range(subjects) for c in range(clips)]
    filmed = (SyntheticVideo(single, population, *number, _CLIP_FRAMES) for number in numbers)
    return Dataset(f"synthetic-{chosen.name}-clips", version, tuple(filmed), _emotions(chosen), synthetic=True)


def _with_sensor(suite: Suite, depth: str | None) -> tuple[Suite, str]:
    """A suite with another depth sensor, if one is named, and the version that says so."""
    if depth is None:
        return suite, suite.version
    return replace(suite, depth=find(depth, DEPTH_LEVELS, "depth sensor")), f"{suite.version}+depth-{depth}"


def _emotions(suite: Suite) -> tuple[str, ...]:
    """The names of the classes, the seven emotions in their usual order."""
    patterns, _ = CLASSES[suite.timeline.classes]
    return EMOTIONS_7 if set(patterns) == set(EMOTIONS_7) else tuple(patterns)


def true_labels(dataset: Dataset) -> pd.DataFrame:
    """The labels of a synthetic dataset as they are, beside the annotated ones; a row per expression."""
    of_true, marks = ("onset", "apex", "offset", "emotion", "kind"), ("onset", "apex", "offset")
    columns = ("subject", "video", *of_true, *(f"annotated_{key}" for key in marks), "amplitude_mm", "action_units")
    rows = []
    for video in dataset.videos:
        for event in video.events:
            labels = [getattr(event.true, key) for key in of_true] + [getattr(event.annotated, key) for key in marks]
            rows.append((video.subject, video.name, *labels, event.amplitude_mm, "+".join(event.true.action_units)))
    return pd.DataFrame(rows, columns=columns)
