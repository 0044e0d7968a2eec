"""The people, videos and samples of an experiment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from melib import features
from melib.study.parameters import Parameters, tier_sizes
from melib.synthetic.dataset import open_benchmark, open_clips
from melib.training import class_index, half_length, loso, sfamnet_labels, spotting_targets
from melib.video import Dataset, Expression, Video


@dataclass(frozen=True)
class Fold:
    """Who is learnt from and who is tested: long videos, and clips of one expression each."""

    train: tuple[Video, ...]
    train_clips: tuple[Video, ...]
    test: tuple[Video, ...]
    test_clips: tuple[Video, ...]


@dataclass(frozen=True)
class SpottingSamples:
    """Planes ``(N, 3, 42, 42)`` of frame pairs, and what is learnt of them.

    Attributes
    ----------
    planes, targets : ndarray
        Targets ``(N,)`` by the pseudo-labels of the network's paper.
    frame_labels : ndarray or None
        For SFAMNet, class indices ``(N,)``; the number of emotions is neutral.
    k_p : int
        MEAN's half-length, from the same videos.
    """

    planes: np.ndarray
    targets: np.ndarray
    frame_labels: np.ndarray | None
    k_p: int

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


def default_store() -> Path:
    """Folder of the feature store: ``$MELIB_CACHE``, or ``.cache/features`` where the program was started."""
    return Path(os.environ.get("MELIB_CACHE") or Path(".cache", "features"))


def open_data(parameters: Parameters) -> tuple[Dataset, tuple[Fold, ...]]:
    """The dataset of an experiment and its folds; nothing is rendered yet."""
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
    if parameters.split == "fresh":
        folds = (Fold(dataset.videos, clips["train"].videos, videos["test"].videos, clips["test"].videos),)
    else:
        folds = tuple(
            Fold(dataset.of(train), clips["train"].of(train), dataset.of(test), clips["train"].of(test))
            for train, test in loso(dataset.subjects)
        )
    return dataset, folds


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
    dataset, folds = open_data(parameters)
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
    gap_s, stride = parameters.resolved().gap_s, tier_sizes(parameters.tier).stride
    return features.spotting_pairs(video, gap_s=gap_s, stride=stride)


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
            planes=np.concatenate([self.planes(*each) for each in zip(videos, pairs, strict=True)]),
            targets=np.concatenate(targets),
            frame_labels=None if self.parameters.labels_by == "mean" else np.concatenate(labels),
            k_p=k_p,
        )

    def _labels(self, video: Video, frames: np.ndarray, k_p: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Targets and, for SFAMNet, class indices of frames, by the pseudo-labels of a paper."""
        if self.parameters.labels_by == "mean":
            return spotting_targets(frames, video.expressions, k_p=k_p), None
        return sfamnet_labels(frames, video.expressions, self.parameters.emotions, merge=self.parameters.merge)

    def emotion_samples(self, videos: Sequence[Video]) -> EmotionSamples:
        """Every micro-expression of some videos, from onset to apex, with its class."""
        labelled = [(video, expression) for video in videos for expression in micro(video)]
        return EmotionSamples(
            planes=np.concatenate([self.planes(v, features.expression_pairs(micro(v))) for v in videos]),
            labels=np.array(
                [class_index(e.emotion, self.parameters.emotions, self.parameters.merge) for _, e in labelled], int
            ),
            subjects=tuple(video.subject for video, _ in labelled),
        )
