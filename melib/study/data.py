"""The people, videos and samples of an experiment."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from melib import features
from melib.study.filmed import open_filmed
from melib.study.parameters import Parameters, tier_sizes
from melib.synthetic.dataset import open_benchmark, open_clips
from melib.training import half_length, loso, sfamnet_labels, spotting_targets
from melib.video import Dataset, Expression, Video


@dataclass(frozen=True)
class Fold:
    """Who is learnt from and who is tested: long videos, and clips of one expression each."""

    train: tuple[Video, ...]
    train_clips: tuple[Video, ...]
    test: tuple[Video, ...]
    test_clips: tuple[Video, ...]


class StoredPlanes:
    """Planes of several videos as one array ``(N, 3, 42, 42)`` float32, read when rows of it are asked for.

    A dataset of filmed faces has more planes than memory holds, and more files than a process may keep open.

    Parameters
    ----------
    parts : sequence of (int, callable)
        Number of planes of each video, and what reads them.
    """

    #: Files that are kept open.
    OPEN = 64
    ndim, dtype = 4, np.dtype(np.float32)

    def __init__(self, parts: Sequence[tuple[int, Callable[[], np.ndarray]]]) -> None:
        self.ends = np.cumsum([count for count, _ in parts])
        self.shape = (int(self.ends[-1]), 3, 42, 42)
        self._part = functools.lru_cache(self.OPEN)(lambda number: parts[number][1]())

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """A copy of some rows, given as numbers, as a mask or as a slice."""
        rows = np.arange(len(self))[rows]
        found = np.empty((*rows.shape, *self.shape[1:]), self.dtype)
        parts = np.searchsorted(self.ends, rows, side="right")
        for number in np.unique(parts):
            here = parts == number
            first = self.ends[number - 1] if number else 0
            found[here] = self._part(number)[rows[here] - first]
        return found


@dataclass(frozen=True)
class SpottingSamples:
    """Planes ``(N, 3, 42, 42)`` of frame pairs, and what is learnt of them.

    Attributes
    ----------
    planes : StoredPlanes
    targets : ndarray
        ``(N,)`` by the pseudo-labels of the network's paper.
    frame_labels : ndarray or None
        For SFAMNet, class indices ``(N,)``; the number of emotions is neutral.
    k_p : int
        MEAN's half-length, from the same videos.
    videos : tuple of (str, str, int)
        Subject and name of each video, and the number of its pairs.
    """

    planes: np.ndarray | StoredPlanes
    targets: np.ndarray
    frame_labels: np.ndarray | None
    k_p: int
    videos: tuple[tuple[str, str, int], ...]

    def shuffled(self, generator: np.random.Generator) -> SpottingSamples:
        """The same frames, the emotions of those above neutral dealt out anew among them."""
        labels = self.frame_labels.copy()
        named = self.targets > 0
        labels[named] = generator.permutation(labels[named])
        return replace(self, frame_labels=labels)


@dataclass(frozen=True)
class EmotionSamples:
    """Planes ``(M, 3, 42, 42)`` from onset to apex, class indices ``(M,)``, and whose expressions they are."""

    planes: np.ndarray
    labels: np.ndarray
    subjects: tuple[str, ...]

    def shuffled(self, generator: np.random.Generator) -> EmotionSamples:
        """The same expressions with their labels dealt out anew."""
        return replace(self, labels=generator.permutation(self.labels))


#: Stands for the class of an expression that has none.
NO_CLASS = "no class"


def default_store() -> Path:
    """Folder of the feature store: ``$MELIB_CACHE``, or ``.cache/features`` where the program was started."""
    return Path(os.environ.get("MELIB_CACHE") or Path(".cache", "features"))


def open_data(
    parameters: Parameters, *, store: Path | str | None = None, jobs: int = 1, progress: bool = False
) -> tuple[Dataset, tuple[Fold, ...]]:
    """The dataset of an experiment and its folds.

    Of the benchmark nothing is rendered yet. In filmed videos the face is looked for
    (:func:`melib.study.filmed.open_filmed`), for which the other arguments are those of :func:`prepare`.
    """
    if parameters.filmed:
        store = default_store() if store is None else store
        dataset = open_filmed(parameters, store=store, jobs=jobs, progress=progress)
        return dataset, _loso(dataset, dataset)
    sizes = tier_sizes(parameters.tier)
    suite = parameters.suite
    people = {"train": sizes.train_subjects, "test": sizes.test_subjects}
    videos, clips = (
        {
            population: opened(suite, subjects=number, population=population, **count)
            for population, number in people.items()
        }
        for opened, count in (
            (open_benchmark, {"videos": sizes.videos, "frames": sizes.frames}),
            (open_clips, {"clips": sizes.clips}),
        )
    )
    dataset = videos["train"]
    if parameters.resolved().split == "loso":
        return dataset, _loso(dataset, clips["train"])
    return dataset, (Fold(dataset.videos, clips["train"].videos, videos["test"].videos, clips["test"].videos),)


def _loso(dataset: Dataset, clips: Dataset) -> tuple[Fold, ...]:
    """A fold for each subject; clips only where they are not the videos themselves."""
    extra = clips.of if clips is not dataset else lambda subjects: ()
    return tuple(
        Fold(dataset.of(train), extra(train), dataset.of(test), extra(test)) for train, test in loso(dataset.subjects)
    )


def prepare(parameters: Parameters, *, store: Path | str, jobs: int = 1, progress: bool = False) -> None:
    """Compute the features that an experiment reads and the store lacks.

    Parameters
    ----------
    parameters : Parameters
    store : path
    jobs : int
        Processes; the result does not depend on their number.
    progress : bool
        Show a bar on stderr.
    """
    dataset, folds = open_data(parameters, store=store, jobs=jobs, progress=progress)
    fill(dataset, folds, parameters, store=store, jobs=jobs, progress=progress)


def fill(
    dataset: Dataset,
    folds: Sequence[Fold],
    parameters: Parameters,
    *,
    store: Path | str,
    jobs: int = 1,
    progress: bool = False,
) -> None:
    """Compute the features of opened data that the store lacks; see :func:`prepare`."""
    requests = {}
    for fold in folds:
        for video in fold.train + fold.test:
            requests[video.subject, video.name, "pairs"] = (video, spotting_pairs(video, parameters))
        for video in fold.train + fold.test + fold.train_clips + fold.test_clips:
            requests[video.subject, video.name, "apex"] = (video, features.expression_pairs(micro(video)))
    for part in parameters.parts:
        settings = part.feature_settings()
        features.fill_store(store, dataset, list(requests.values()), settings, jobs=jobs, progress=progress)


def spotting_pairs(video: Video, parameters: Parameters) -> features.Pairs:
    """The pairs of a video at which the spotter looks."""
    return features.spotting_pairs(video, gap_s=parameters.resolved().gap_s, stride=parameters.stride)


def micro(video: Video) -> list[Expression]:
    """The micro-expressions of a video."""
    return [expression for expression in video.expressions if expression.kind == "micro"]


@dataclass(frozen=True)
class Reader:
    """Reads samples of videos from the feature store, for one input."""

    dataset: Dataset
    parameters: Parameters
    store: Path

    def planes(self, video: Video, pairs: features.Pairs) -> np.ndarray:
        """Planes of pairs of one video."""
        return features.stored_planes(self.store, self.dataset, video, pairs, self.parameters.feature_settings())

    def spotting_samples(self, videos: Sequence[Video]) -> SpottingSamples:
        """Every spotting pair of some videos, with pseudo-labels that come from these videos alone."""
        k_p = half_length(expression for video in videos for expression in video.expressions)
        pairs = [spotting_pairs(video, self.parameters) for video in videos]
        labelled = [self._labels(video, starts, k_p) for video, (starts, _) in zip(videos, pairs, strict=True)]
        targets, labels = zip(*labelled, strict=True)
        return SpottingSamples(
            planes=StoredPlanes(
                [
                    (len(each[0]), functools.partial(self.planes, video, each))
                    for video, each in zip(videos, pairs, strict=True)
                ]
            ),
            targets=np.concatenate(targets),
            frame_labels=None if self.parameters.labels_by == "mean" else np.concatenate(labels),
            k_p=k_p,
            videos=tuple((v.subject, v.name, len(each[0])) for v, each in zip(videos, pairs, strict=True)),
        )

    def _labels(self, video: Video, frames: np.ndarray, k_p: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Targets and, for SFAMNet, class indices of frames, by the pseudo-labels of a paper."""
        if self.parameters.labels_by == "mean":
            return spotting_targets(frames, video.expressions, k_p=k_p), None
        emotions = self.parameters.emotions
        # An expression without a class is one to be spotted; its class is neutral, which is not learnt.
        named = [replace(each, emotion=self.parameters.class_of(each.emotion) or NO_CLASS) for each in micro(video)]
        targets, labels = sfamnet_labels(frames, named, (*emotions, NO_CLASS))
        return targets, np.minimum(labels, len(emotions))

    def emotion_samples(self, videos: Sequence[Video]) -> EmotionSamples:
        """The micro-expressions of some videos whose emotion belongs to a class, from onset to apex."""
        emotions = self.parameters.emotions
        planes, labels, subjects = [np.empty((0, 3, 42, 42), np.float32)], [], []
        for video in videos:
            classes = [self.parameters.class_of(each.emotion) for each in micro(video)]
            named = [number for number, name in enumerate(classes) if name is not None]
            if named:
                planes.append(self.planes(video, features.expression_pairs(micro(video)))[named])
            labels += [emotions.index(classes[number]) for number in named]
            subjects += [video.subject] * len(named)
        return EmotionSamples(np.concatenate(planes), np.array(labels, int), tuple(subjects))
