"""What is read of clips: planes of pairs of frames, kept a file for each person and reading.

A clip has two pairs: from annotated onset to apex (*moving*), and as far apart elsewhere in the clip (*still*). Clips
for networks keep whole planes, of the sweeps means in 6 by 6 cells. All readings of a clip are made in one pass.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from melib.errors import find
from melib.features import FeatureSettings, planes
from melib.files import source_hash, whole
from melib.synthetic.dataset import SyntheticVideo, open_clips
from melib.synthetic.sensor import DEPTH_LEVELS, DepthSensor
from melib.synthetic.views import GenericShapeView, SensorView
from melib.video import Dataset, Video

#: Cells of the grid, down and across a plane of 42 pixels: the upper three rows show the brows, the lower the mouth.
CELLS = 6
#: Frames that an average takes before the first frame of a pair, and on either side of the second.
BEFORE, ABOUT = 3, 1
#: Frames that a still pair keeps from the annotated expression.
_CLEAR = 3
_STILL = 31  # random stream of a clip's still pair


@dataclass(frozen=True)
class Reading:
    """One way to read the three planes of a pair of frames of a clip.

    Parameters
    ----------
    planes : FeatureSettings
    sensor : DepthSensor
        Of no effect where the input reads no depth.
    generic, averaged : bool
        A generic face that stands still in place of the sensor's depth; depth averaged over frames about the pair's.
    delay : int
        Frames by which depth lags behind colour.
    """

    planes: FeatureSettings = FeatureSettings()
    sensor: DepthSensor = DEPTH_LEVELS["mid"]
    generic: bool = False
    delay: int = 0
    averaged: bool = False

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Reading:
        """From plain values: those of :class:`FeatureSettings` beside the others, ``sensor`` a level or its errors."""
        of_planes = [each.name for each in fields(FeatureSettings)]
        for name in values:
            find(name, (*of_planes, "sensor", "generic", "delay", "averaged"), "setting of a reading")
        own = {name: value for name, value in values.items() if name not in of_planes}
        if "sensor" in own:
            own["sensor"] = _sensor(own["sensor"])
        return cls(FeatureSettings(**{name: value for name, value in values.items() if name in of_planes}), **own)


def _sensor(given: str | Mapping[str, object]) -> DepthSensor:
    if isinstance(given, str):
        return find(given, DEPTH_LEVELS, "sensor")
    for name in given:
        find(name, [each.name for each in fields(DepthSensor)], "error of a sensor")
    return DepthSensor(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


@dataclass(frozen=True)
class People:
    """Whose clips are read: the first subjects of a population, some clips of each, and what expressions they show."""

    population: str
    subjects: int
    clips: int
    classes: str | None = None  # a table of expressions, see :func:`melib.synthetic.dataset.open_clips`

    def open(self) -> Dataset:
        """The clips, filmed with the ideal depth sensor; nothing is rendered yet."""
        how = {"population": self.population, "classes": self.classes, "depth": "none"}
        return open_clips("default", subjects=self.subjects, clips=self.clips, **how)


@dataclass(frozen=True)
class Request:
    """A reading of the clips of some people: of moving pairs alone or still ones too, whole or in cells."""

    people: People
    reading: Reading
    still: bool
    whole: bool


def clip_pairs(clip: SyntheticVideo) -> tuple[tuple[int, int], tuple[int, int]]:
    """The moving pair of a clip, and one as far apart that lies wholly before or after the annotated expression."""
    (expression,) = clip.expressions
    gap = expression.apex - expression.onset
    first = np.arange(clip.n_frames - gap)
    clear = (first + gap < expression.onset - _CLEAR) | (first > expression.offset + _CLEAR)
    start = int(np.random.default_rng([clip.seed, _STILL]).choice(first[clear]))
    return (expression.onset, expression.apex), (start, start + gap)


def view(clip: SyntheticVideo, reading: Reading, pairs: Sequence[tuple[int, int]]) -> Video:
    """The clip as a reading sees it."""
    if reading.generic:
        return GenericShapeView(clip)
    windows = {}
    for start, end in pairs if reading.averaged else ():
        windows[start] = (max(0, start - BEFORE), start + 1)
        windows[end] = (end - ABOUT, min(end + ABOUT + 1, clip.n_frames))
    return SensorView(clip, reading.sensor, delay=reading.delay, windows=windows)


def grid_means(planes: np.ndarray) -> np.ndarray:
    """Means ``(..., 6, 6)`` of planes ``(..., 42, 42)`` in the cells of a grid."""
    side = planes.shape[-1] // CELLS
    return planes.reshape(*planes.shape[:-2], CELLS, side, CELLS, side).mean((-3, -1))


def read_clip(clip: SyntheticVideo, reading: Reading, *, still: bool = True, whole: bool = True) -> np.ndarray:
    """Planes of a clip's pairs: ``(1 or 2, 3, 42, 42)``, or ``(1 or 2, 3, 6, 6)``; the moving pair first, float32."""
    asked = clip_pairs(clip)[: 2 if still else 1]
    columns = tuple(np.array(side) for side in zip(*asked, strict=True))
    # Rendering is half of the cost, and goes over all cores.
    read = np.concatenate(list(planes(view(clip, reading, asked), columns, reading.planes, device="cpu")))
    return (read if whole else grid_means(read)).astype(np.float32)


def fill(requests: Iterable[Request], *, store: Path | str, jobs: int = 1, progress: bool = False) -> None:
    """Read what the store lacks, people in parallel; the result does not depend on the number of jobs."""
    Path(store).mkdir(parents=True, exist_ok=True)
    requests, tasks = dict.fromkeys(requests), {}
    # Where still pairs are asked for too, their file serves both.
    requests = [each for each in requests if each.still or replace(each, still=True) not in requests]
    for people in dict.fromkeys(each.people for each in requests):
        dataset, asked = people.open(), [each for each in requests if each.people == people]
        for subject in dataset.subjects:
            lacking = [each for each in asked if _found(each, dataset, subject, store) is None]
            missing = {_path(each, dataset, subject, store): each for each in lacking}
            if missing:
                tasks.setdefault(subject, []).append((dataset.of([subject]), missing))
    Parallel(n_jobs=jobs)(map(delayed(_write), tqdm(tasks.values(), desc="clips", unit="person", disable=not progress)))


def read(request: Request, *, store: Path | str) -> tuple[tuple[SyntheticVideo, ...], np.ndarray]:
    """The clips of some people and what the store holds of them, ``(clips, pairs, 3, side, side)`` float32."""
    dataset = request.people.open()
    paths = {subject: _found(request, dataset, subject, store) for subject in dataset.subjects}
    if lacking := [subject for subject, path in paths.items() if path is None]:
        raise FileNotFoundError(f"the clips of subject {lacking[0]} were not read: fill the store first")
    return dataset.videos, np.concatenate([np.load(path, allow_pickle=False) for path in paths.values()])


def _write(asked: Sequence[tuple[Sequence[SyntheticVideo], Mapping[Path, Request]]]) -> None:
    """Read clips of one person, who is made once, in every way that is missing; each clip is rendered once."""
    cv2.setNumThreads(1)
    if any(request.reading.planes.uses_torch for _, missing in asked for request in missing.values()):
        import torch

        torch.set_num_threads(1)
    for clips, missing in asked:
        read = [
            [read_clip(clip, each.reading, still=each.still, whole=each.whole) for each in missing.values()]
            for clip in clips
        ]
        for path, parts in zip(missing, zip(*read, strict=True), strict=True):
            with whole(path) as part, part.open("wb") as file:
                np.save(file, np.stack(parts))


def _found(request: Request, dataset: Dataset, subject: str, store: Path | str) -> Path | None:
    """The file that serves a request, if there is one."""
    paths = (_path(each, dataset, subject, store) for each in (request, replace(request, still=True)))
    return next((path for path in paths if path.exists()), None)


def _path(request: Request, dataset: Dataset, subject: str, store: Path | str) -> Path:
    decides = [
        [dataset.name, dataset.version, subject, request.people.clips],
        [asdict(request.reading), request.still, request.whole],
        source_hash("melib.synthetic.readings"),
    ]
    return Path(store) / f"clips-{hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:40]}.npy"
