"""What is read of clips: variants of a pair's planes, all of them in one pass, since rendering is half of the cost.

A *sheet* is a list of variants that are computed together, from the same frames of the same clips. A clip has two
pairs: from annotated onset to apex (*moving*), and as far apart elsewhere in the clip (*still*). Sheets whose rows
train networks keep whole planes, those of the sweeps the means in a grid of 6 by 6 cells. A file holds what was read of
one subject, so that a pass that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed

from melib import provenance
from melib.errors import InputError
from melib.features import FeatureSettings, planes
from melib.files import whole
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
class Variant:
    """One way to read the planes of a pair.

    Parameters
    ----------
    settings : FeatureSettings
    sensor : DepthSensor
        Of no effect where the input reads no depth.
    generic : bool
        A generic face that stands still in place of the sensor's depth.
    delay : int
        Frames by which depth lags behind colour.
    averaged : bool
        Depth averaged over the frames before the first, and about the second frame of the pair.
    still : bool
        Whether still pairs are read too.
    """

    settings: FeatureSettings
    sensor: DepthSensor = DEPTH_LEVELS["mid"]
    generic: bool = False
    delay: int = 0
    averaged: bool = False
    still: bool = True

    def view(self, clip: SyntheticVideo, pairs: Sequence[tuple[int, int]]) -> Video:
        """The clip as this variant sees it."""
        if self.generic:
            return GenericShapeView(clip)
        windows = {}
        if self.averaged:
            for start, end in pairs:
                windows[start] = (max(0, start - BEFORE), start + 1)
                windows[end] = (end - ABOUT, min(end + ABOUT + 1, clip.n_frames))
        return SensorView(clip, self.sensor, delay=self.delay, windows=windows)


@dataclass(frozen=True)
class Sheet:
    """Variants that are read in one pass.

    Parameters
    ----------
    name : str
    variants : mapping of str to Variant
    sources : mapping of str to (str or None)
        Name -> table of expressions (:func:`melib.synthetic.dataset.open_clips`); each clip is read in every source.
    whole : bool
        Keep planes of 42 by 42 pixels instead of means in cells.
    """

    name: str
    variants: Mapping[str, Variant]
    sources: Mapping[str, str | None] = field(default_factory=lambda: {"default": None})
    whole: bool = False


@dataclass(frozen=True)
class People:
    """Whose clips are read: the first subjects of a population, and clips of each."""

    population: str
    subjects: int
    clips: int
    suite: str = "default"

    def open(self, classes: str | None = None) -> Dataset:
        """The clips, filmed with the ideal depth sensor; nothing is rendered yet."""
        return open_clips(
            self.suite,
            subjects=self.subjects,
            clips=self.clips,
            population=self.population,
            classes=classes,
            depth="none",
        )


def clip_pairs(clip: SyntheticVideo) -> tuple[tuple[int, int], tuple[int, int]]:
    """The moving and the still pair of a clip, equally far apart.

    The still pair lies anywhere else in the clip, wholly before or wholly after the annotated expression. It holds no
    expression, but blinks, glances and head motion as they come.
    """
    (expression,) = clip.expressions
    gap = expression.apex - expression.onset
    first = np.arange(clip.n_frames - gap)
    clear = (first + gap < expression.onset - _CLEAR) | (first > expression.offset + _CLEAR)
    start = int(np.random.default_rng([clip.seed, _STILL]).choice(first[clear]))
    return (expression.onset, expression.apex), (start, start + gap)


def grid_means(whole: np.ndarray) -> np.ndarray:
    """Means ``(..., 6, 6)`` of planes ``(..., 42, 42)`` in the cells of a grid."""
    side = whole.shape[-1] // CELLS
    return whole.reshape(*whole.shape[:-2], CELLS, side, CELLS, side).mean((-3, -1))


def read_subject(clips: Sequence[SyntheticVideo], sheet: Sheet) -> dict[str, np.ndarray]:
    """Every variant of a sheet for the clips of one subject.

    Returns
    -------
    dict of str to numpy.ndarray
        Variant -> ``(clips, pairs, 3, 42, 42)``, or ``(clips, pairs, 3, 6, 6)``; moving pairs first, float32.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in sheet.variants}
    for clip in clips:
        pairs = clip_pairs(clip)
        for name, variant in sheet.variants.items():
            asked = pairs if variant.still else pairs[:1]
            columns = tuple(np.array(side) for side in zip(*asked, strict=True))
            read = np.concatenate(list(planes(variant.view(clip, asked), columns, variant.settings)))
            found[name].append(read if sheet.whole else grid_means(read))
    return {name: np.stack(each).astype(np.float32) for name, each in found.items()}


def fill_sheet(sheet: Sheet, everyone: Sequence[People], *, store: Path | str, jobs: int = 1) -> None:
    """Read what the store lacks of a sheet, subjects in parallel; the result does not depend on the number of jobs."""
    folder = Path(store)
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for people in everyone:
        for classes in sheet.sources.values():
            dataset = people.open(classes)
            for subject in dataset.subjects:
                path = folder / _file_name(dataset, subject, people, sheet)
                if not path.exists():
                    missing.append((path, dataset.of([subject]), sheet))
    Parallel(n_jobs=jobs)(delayed(_write_subject)(*each) for each in missing)


def read_sheet(
    sheet: Sheet, people: People, variant: str, *, source: str = "default", store: Path | str
) -> tuple[tuple[SyntheticVideo, ...], np.ndarray]:
    """The clips of some people and what the store holds of them.

    Returns
    -------
    clips : tuple of SyntheticVideo
        In order of subject and clip.
    read : numpy.ndarray
        ``(clips, pairs, 3, side, side)`` float32, as :func:`read_subject` gives it.

    Raises
    ------
    FileNotFoundError
        If the sheet was not filled.
    LookupError
        If the sheet has no such variant or source.
    """
    for name, known in ((variant, sheet.variants), (source, sheet.sources)):
        if name not in known:
            raise InputError(f"sheet {sheet.name} has no {name!r}: it has {', '.join(known)}")
    dataset = people.open(sheet.sources[source])
    parts = []
    for subject in dataset.subjects:
        path = Path(store) / _file_name(dataset, subject, people, sheet)
        if not path.exists():
            raise FileNotFoundError(f"sheet {sheet.name} of subject {subject} was not read: fill the sheet first")
        with np.load(path, allow_pickle=False) as file:
            parts.append(file[variant])
    return dataset.videos, np.concatenate(parts)


def _write_subject(path: Path, clips: Sequence[SyntheticVideo], sheet: Sheet) -> None:
    cv2.setNumThreads(1)
    if any(variant.settings.uses_torch for variant in sheet.variants.values()):
        import torch

        torch.set_num_threads(1)
    found = read_subject(clips, sheet)
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, **found)


def _file_name(dataset: Dataset, subject: str, people: People, sheet: Sheet) -> str:
    described = {
        "dataset": [dataset.name, dataset.version, subject, people.clips],
        "variants": {name: asdict(variant) for name, variant in sheet.variants.items()},
        "whole": sheet.whole,
        "code": provenance.code_hash("video", "flow", "face", "synthetic", "features"),
        "reader": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }
    text = json.dumps(described, sort_keys=True)
    return f"clips-{hashlib.sha256(text.encode()).hexdigest()[:40]}.npz"
