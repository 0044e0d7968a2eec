"""The people, videos and samples of a row: rendered, or filmed and then read, cropped and checked."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from melib import datasets, face, features
from melib.datasets.folders import FolderDataset
from melib.errors import InputError
from melib.models import FrameValues, window_targets
from melib.study import places
from melib.study.settings import Settings
from melib.synthetic.dataset import open_benchmark, open_clips
from melib.training import half_length, loso, sfamnet_labels, spotting_targets
from melib.video import Dataset, Expression, Video

#: Pairs a second that WindowNet looks at, about.
WINDOW_ROWS = 30
#: Stands for the class of an expression that has none.
NO_CLASS = "no class"


@dataclass(frozen=True)
class Fold:
    """Who is learnt from and who is tested: long videos, and clips of one expression each."""

    train: tuple[Video, ...]
    train_clips: tuple[Video, ...]
    test: tuple[Video, ...]
    test_clips: tuple[Video, ...]

    @property
    def k_p(self) -> int:
        """MEAN's half-length, of the people who are learnt from."""
        return half_length(expression for video in self.train for expression in video.expressions)


def open_data(
    settings: Settings, *, store: Path | str | None = None, jobs: int = 1, progress: bool = False
) -> tuple[Dataset, tuple[Fold, ...]]:
    """The dataset of a row and its folds: one for each subject who is left out, or one with fresh people.

    Of the benchmark nothing is rendered yet. In filmed videos the face is looked for, once, and kept in the store.
    WindowNet goes without clips: of these nothing but onset and apex is ever rendered.
    """
    if settings.filmed:
        dataset = open_filmed(settings, store=store or places.cache(), jobs=jobs, progress=progress)
        return dataset, tuple(
            Fold(dataset.of(train), (), dataset.of(test), ()) for train, test in loso(dataset.subjects)
        )
    sizes, opened = settings.sizes, []
    for population, number in zip(("train", "test"), settings.people, strict=True):
        if number:
            people = {"subjects": number, "population": population}
            opened.append(open_benchmark(settings.suite, **people, videos=sizes.videos, frames=sizes.frames))
            clips = open_clips(settings.suite, **people, clips=sizes.clips)
            opened.append(replace(clips, videos=()) if settings.model == "window" else clips)
    dataset, clips, *tested = opened
    if tested:
        return dataset, (Fold(dataset.videos, clips.videos, *(each.videos for each in tested)),)
    parts = loso(dataset.subjects)
    return dataset, tuple(Fold(*(each.of(side) for side in sides for each in (dataset, clips))) for sides in parts)


def prepare(rows: Iterable[Settings], *, store: Path | str, jobs: int = 1, progress: bool = False) -> None:
    """Compute the features that rows read and the store lacks: what they ask of one video at once."""
    done, asked, how = set(), {}, {"store": store, "jobs": jobs, "progress": progress}
    for settings in (each for each in rows if each.model not in ("labels", "action units")):
        names = "dataset", "data_root", "suite", "split", "learnt", "gap_s", "stride", "device", "micro_videos_only"
        reads = (*(getattr(settings, name) for name in names), *(settings.planes(part) for part in settings.inputs))
        if reads not in done:
            done.add(reads)
            dataset, folds = open_data(settings, **how)
            _, of_it = asked.setdefault((dataset.name, dataset.version, settings.device), (dataset, []))
            of_it += requests(folds, settings)
    for (*_, device), (dataset, of_it) in asked.items():
        features.fill_store(dataset=dataset, requests=of_it, device=device, **how)


def requests(folds: Iterable[Fold], settings: Settings) -> list[features.Request]:
    """The features that a row reads, each once."""
    asked = {}
    for fold in folds:
        for video in fold.train + fold.test:
            asked[video.subject, video.name, "pairs"] = (video, spotting_pairs(video, settings))
        for video in fold.train + fold.test + fold.train_clips + fold.test_clips:
            asked[video.subject, video.name, "apex"] = (video, features.expression_pairs(micro(video)))
    return [(*each, settings.planes(part)) for part in settings.inputs for each in asked.values()]


def spotting_pairs(video: Video, settings: Settings) -> features.Pairs:
    """The pairs of a video at which the spotter looks."""
    stride = settings.stride or max(1, round(video.fps / WINDOW_ROWS))
    return features.spotting_pairs(video, gap_s=settings.gap_s, stride=stride)


def middles(pairs: features.Pairs) -> np.ndarray:
    """Where in a video each pair lies, halfway between its frames."""
    return (pairs[0] + pairs[1]) / 2


def micro(video: Video) -> list[Expression]:
    """The micro-expressions of a video."""
    return [expression for expression in video.expressions if expression.kind == "micro"]


class StoredPlanes:
    """Planes of several videos as one array ``(N, 3, 42, 42)`` float32, read when rows of it are asked for.

    A dataset of filmed faces has more planes than memory holds, and more files than a process may keep open.
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

    ``targets (N,)`` are the pseudo-labels of the network's paper; ``frame_labels (N,)``, for SFAMNet, class indices, of
    which the number of emotions is neutral. ``videos`` are subject and name of each video, and the number of its pairs;
    ``whole``, for WindowNet, is all that is true of each video's pairs.
    """

    planes: np.ndarray | StoredPlanes
    targets: np.ndarray
    frame_labels: np.ndarray | None
    k_p: int
    videos: tuple[tuple[str, str, int], ...]
    whole: tuple[FrameValues, ...] = ()

    def by_video(self) -> list[np.ndarray]:
        """The planes of each video ``(T, 3, 42, 42)``."""
        ends = np.cumsum([count for *_, count in self.videos])
        return [self.planes[start:stop] for start, stop in zip(np.r_[0, ends[:-1]], ends, strict=True)]

    def shuffled(self, generator: np.random.Generator) -> SpottingSamples:
        """The same frames, the emotions of those above neutral dealt out anew among them."""
        if self.whole:
            labels = np.concatenate([each.emotions for each in self.whole])
            labels[labels >= 0] = generator.permutation(labels[labels >= 0])
            parts = np.split(labels, np.cumsum([len(each.emotions) for each in self.whole])[:-1])
            return replace(self, whole=tuple(a._replace(emotions=b) for a, b in zip(self.whole, parts, strict=True)))
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


@dataclass(frozen=True)
class Reader:
    """Reads samples of videos from the feature store, for settings with one input (:meth:`Settings.alone`)."""

    dataset: Dataset
    settings: Settings
    store: Path

    def planes(self, video: Video, pairs: features.Pairs) -> np.ndarray:
        """Planes of pairs of one video."""
        how = self.settings.planes(self.settings.input)
        return features.stored_planes(self.store, self.dataset, video, pairs, how, device=self.settings.device)

    def spotting_samples(self, videos: Sequence[Video]) -> SpottingSamples:
        """Every spotting pair of some videos, with pseudo-labels that come from these videos alone."""
        k_p = half_length(expression for video in videos for expression in video.expressions)
        pairs = [spotting_pairs(video, self.settings) for video in videos]
        paired = list(zip(videos, pairs, strict=True))
        labelled = [pseudo_labels(self.settings, video, starts, k_p=k_p) for video, (starts, _) in paired]
        targets, labels = zip(*labelled, strict=True)
        parts = [(len(each[0]), functools.partial(self.planes, video, each)) for video, each in paired]
        return SpottingSamples(
            planes=StoredPlanes(parts),
            targets=np.concatenate(targets),
            frame_labels=None if labels[0] is None else np.concatenate(labels),
            k_p=k_p,
            videos=tuple((video.subject, video.name, len(starts)) for video, (starts, _) in paired),
            whole=tuple(self._whole(*each) for each in paired) if self.settings.model == "window" else (),
        )

    def _whole(self, video: Video, pairs: features.Pairs) -> FrameValues:
        """All that is true of a video's pairs: what labels tell, or blinks as well."""
        named = [replace(each, emotion=self.settings.class_of(each.emotion)) for each in video.expressions]
        blinks = None if self.settings.labels else video.blinks
        return window_targets(middles(pairs), named, self.settings.emotions, blinks)

    def emotion_samples(self, videos: Sequence[Video], *, moving: bool = False) -> EmotionSamples:
        """The micro-expressions of some videos whose emotion belongs to a class, from onset to apex.

        What is learnt from is ``moving``: onset and apex are two pictures.
        """
        emotions = self.settings.emotions
        planes, labels, subjects = [np.empty((0, 3, 42, 42), np.float32)], [], []
        for video in videos:
            classes = [self.settings.class_of(each.emotion) for each in micro(video)]
            shown = [not moving or _moves(video, each) for each in micro(video)]
            named = [number for number, name in enumerate(classes) if name is not None and shown[number]]
            if named:
                planes.append(self.planes(video, features.expression_pairs(micro(video)))[named])
            labels += [emotions.index(classes[number]) for number in named]
            subjects += [video.subject] * len(named)
        return EmotionSamples(np.concatenate(planes), np.array(labels, int), tuple(subjects))


def _moves(video: Video, expression: Expression) -> bool:
    """Whether onset and apex are two pictures; filmed, they may be one, by their labels or since frames lack."""
    picture = getattr(getattr(video, "source", None), "picture", None)
    return picture is None or picture(expression.onset) != picture(expression.apex)


def pseudo_labels(
    settings: Settings, video: Video, frames: np.ndarray, *, k_p: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Targets and, for SFAMNet, class indices of frames, by the pseudo-labels of a paper."""
    if settings.labels_by == "mean":
        return spotting_targets(frames, video.expressions, k_p=k_p), None
    # An expression without a class is one to be spotted; its class is neutral, which is not learnt.
    named = [replace(each, emotion=settings.class_of(each.emotion) or NO_CLASS) for each in micro(video)]
    targets, labels = sfamnet_labels(frames, named, (*settings.emotions, NO_CLASS))
    return targets, np.minimum(labels, len(settings.emotions))


def open_filmed(settings: Settings, *, store: Path | str, jobs: int = 1, progress: bool = False) -> FolderDataset:
    """The licensed dataset of a row, as videos of cropped faces; see :func:`open_data`.

    A video in which no face can be used, that is too short to hold two frames a gap apart, or that lacks the depth an
    input needs, is left out, and stands with its labels in ``labels.skipped``. Apexes that are missing are located.
    """
    whole = datasets.open_dataset(settings.dataset, settings.data_root)
    dataset = face.crop_dataset(whole, cache=Path(store) / "faces")
    if settings.micro_videos_only:
        dataset = replace(dataset, videos=tuple(video for video in dataset.videos if micro(video)))
    found = joblib.Parallel(n_jobs=jobs)(joblib.delayed(unusable)(video, settings) for video in dataset.videos)
    asked = ((video.subject, video.name) for video in dataset.videos)
    reasons = {key: reason for key, reason in zip(asked, found, strict=True) if reason is not None}
    return locate_apexes(_without(dataset, reasons), settings, store=store, jobs=jobs, progress=progress)


def unusable(video: face.CroppedVideo, settings: Settings) -> str | None:
    """Why a video cannot be used, or None."""
    gap = features.gap_frames(video.fps, settings.gap_s)
    if video.n_frames <= gap:
        return f"it has {video.n_frames} frames, too few for two that are {gap} apart"
    if video.source.camera is None and set(settings.inputs) & set(features.settings.DEPTH_INPUTS):
        return f"it has no depth, which input {settings.input} needs"
    try:
        _ = video.start
    except face.FaceError as error:
        return str(error)
    return None


def _without(dataset: FolderDataset, reasons: Mapping[tuple[str, str], str]) -> FolderDataset:
    """The dataset without some videos, whose labels move to ``labels.skipped``."""
    videos = tuple(video for video in dataset.videos if (video.subject, video.name) not in reasons)
    if not videos:
        said = next(iter(reasons.values()), "none has a micro-expression")
        raise InputError(f"no video of {dataset.name} can be used: {said}")
    rows, skipped = dataset.labels.rows, dataset.labels.skipped
    lost = pd.Series([key in reasons for key in zip(rows["subject"], rows["video"], strict=True)], rows.index, bool)
    left_out = pd.DataFrame([(0, *key, reason) for key, reason in reasons.items()], columns=skipped.columns)
    of_them = rows.loc[lost, ["row", "subject", "video"]].assign(reason="its video is left out")
    skipped = pd.concat([skipped, left_out, of_them], ignore_index=True)
    return replace(dataset, videos=videos, labels=replace(dataset.labels, rows=rows[~lost], skipped=skipped))


def account(dataset: FolderDataset) -> dict[str, int]:
    """Labels that are used, rows of the label files that are not, videos or folders left out, and values changed."""
    skipped = dataset.labels.skipped
    return {
        "used": len(dataset.labels.rows),
        "skipped": int((skipped["row"] > 0).sum()),
        "videos_left_out": int((skipped["row"] == 0).sum()),
        "values_changed": len(dataset.labels.changes),
    }


def locate_apexes(
    dataset: FolderDataset, settings: Settings, *, store: Path | str, jobs: int = 1, progress: bool = False
) -> FolderDataset:
    """The same dataset, with an apex for every micro-expression.

    Where the labels have none, as in SMIC, it is the frame between onset and offset whose feature is largest in sum:
    of the optical flow from that frame on, over a gap. That is MEAN's way, but for the onset, which is passed over, as
    nothing has moved from onset to onset, and for magnitudes, where features are not scaled to [0, 1].
    """
    how = replace(settings.planes(settings.inputs[0]), input="O")
    searched = {(video.subject, video.name): _searched(video, settings.gap_s) for video in dataset.videos}
    asked = [(video, searched[video.subject, video.name], how) for video in dataset.videos]
    features.fill_store(store, dataset, asked, device=settings.device, jobs=jobs, progress=progress)
    videos = []
    for video in dataset.videos:
        starts, ends = searched[video.subject, video.name]
        planes = features.stored_planes(store, dataset, video, (starts, ends), how, device=settings.device)
        moved = np.abs(planes).sum((1, 2, 3))
        located = copy.copy(video)
        located.expressions = tuple(_with_apex(each, starts, moved) for each in video.expressions)
        videos.append(located)
    return replace(dataset, videos=tuple(videos))


def _lacks_apex(expression: Expression) -> bool:
    return expression.kind == "micro" and expression.apex is None


def _searched(video: Video, gap_s: float) -> features.Pairs:
    """Pairs a gap apart that begin inside a micro-expression without apex."""
    gap = features.gap_frames(video.fps, gap_s)
    frames = {i for each in video.expressions if _lacks_apex(each) for i in range(each.onset + 1, each.offset)}
    starts = np.array(sorted(i for i in frames if i + gap < video.n_frames), int)
    return starts, starts + gap


def _with_apex(expression: Expression, starts: np.ndarray, moved: np.ndarray) -> Expression:
    """An expression with an apex, from the sum of the feature at each start; the offset where no frame was searched."""
    if not _lacks_apex(expression):
        return expression
    inside = (starts > expression.onset) & (starts < expression.offset)
    apex = int(starts[inside][moved[inside].argmax()]) if inside.any() else expression.offset
    return replace(expression, apex=apex)
