"""Rows of long videos: who is learnt from, what is found on people never seen, and how good that is.

:func:`run` is the one way to compute such a row: it goes through the folds, trains, takes or chooses the rule that
makes intervals of scores, spots and names on the tested people, and measures. Every network is kept in
``STORE/networks`` under a hash of all that decides its bits: a killed run goes on there, rows of other rules share it.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from melib import features, training
from melib.files import source_hash
from melib.metrics import Tally, chance, intervals, recognition, spotting, strs, uncertainty
from melib.models import FrameValues, choose_device, late_fusion, load_model, predict, save_model, score_frames
from melib.provenance import package_versions
from melib.spotting import centred_smooth, per_frame, window_intervals
from melib.study import data
from melib.study.data import EmotionSamples, Fold, Reader, SpottingSamples
from melib.study.record import Record, count_names, plain_table
from melib.study.rules import Rule, Scored, choose_rule, inner_folds, released_rule
from melib.study.settings import FLOOR_DRAWS, LEARNING_RATES, NETWORKS, Settings
from melib.training import Floor, MEANSettings, SFAMNetSettings, WindowSettings
from melib.training.stack import FoldSamples, train_stacks
from melib.video import Video, truth_table, video_table

#: Kinds of devices on which one network at a time leaves most of the device idle.
STACKED_ON = ("cuda",)
#: Of at most so many steps of a training, evenly spaced, the mean loss is kept in so many parts of a stage.
LEARNING_STEPS, LEARNING_PARTS = 200, 10
#: Levels to which smoothed scores are rounded before they are counted per subject: quantiles of all tested frames.
#: The ROC-AUC of 64 levels differs from that of the scores themselves in the third decimal at most.
LEVELS = 64
#: Networks, and all models that learn from planes.
LEARNING = (*NETWORKS, "floor")
#: The samples of some people for one input, to learn both tasks from.
Samples = tuple[SpottingSamples, EmotionSamples]
History = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Found:
    """What a model found on all tested people, or on those of a fold.

    ``predictions`` are intervals (``subject, video, onset, apex, offset, emotion, score``), ``named`` given expressions
    and their names (``subject, emotion, named``), ``controls`` the same after training on shuffled labels, by ``draw``;
    ``peaks`` are intervals like ``predictions``, of all peaks of the score, and whether each is ``found``.
    ``scores`` and ``smoothed``, over ``2 k_p + 1`` frames, lead from ``(subject, video)`` to the score of each frame
    ``(T - k,)``, ``networks`` from ``(fold, input)`` to files; ``rules`` are the constants of each fold's rule.
    """

    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)
    peaks: pd.DataFrame = field(default_factory=pd.DataFrame)
    named: pd.DataFrame = field(default_factory=pd.DataFrame)
    controls: pd.DataFrame = field(default_factory=pd.DataFrame)
    scores: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    smoothed: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    rules: Sequence[dict[str, object]] = ()
    networks: Mapping[tuple[int, str], Path] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome(Found):
    """A row that was computed: what its model found, the ``record`` of :func:`run`, and what both rest on.

    ``truth``: labels of the tested people in the row's classes; ``videos``: all of theirs; ``floor``: what it found.
    """

    record: Record
    truth: pd.DataFrame
    videos: pd.DataFrame
    floor: Found | None


def run(settings: Settings, seed: int, *, store: Path | str, jobs: int = 1) -> Record:
    """Compute a row of long videos.

    Parameters
    ----------
    settings : Settings
        Whose ``model`` says what answers: a published network with the floor beside it, WindowNet, the floor, the
        pseudo-labels themselves (the ceiling of a rule, which no network that scores better can lift), or a linear
        classifier that is told the true action units (what it leaves unnamed no reading of motion can be blamed for).
    seed : int
        Of all that is drawn. The same seed gives the same numbers, on the CPU bit for bit.
    store : path
        Folder of features and networks; what it lacks is computed and kept there.
    jobs : int
        Processes of one thread each, for features and, on the CPU, for folds; the result does not depend on it. On a
        GPU the networks of all folds train as one stack, those of inner folds and controls one after the other.

    Returns
    -------
    Record
        Its values have by part (``spotting_and_naming``, ``frames`` smoothed, ``frames_raw``, ``recognition``) metric
        to value, low and high; the same in ``floor`` and ``minus_floor``, paired over resampled subjects, and in
        ``chance``. A part that the model does not answer is absent. Its tables are ``predictions``, ``truth``
        (emotions as labelled), ``videos``, ``named``, ``frames`` (see :func:`_count_frames`) and ``learning``; with the
        first seed of a network, which stands for all, also ``peaks`` (see :class:`Found`).

    InputError, OSError, LookupError: the data cannot be used, or rule ``strict`` has too few people to choose from.
    """
    return study(settings, seed, store=store, jobs=jobs).record


def study(settings: Settings, seed: int, *, store: Path | str, jobs: int = 1) -> Outcome:
    """The same with the score of every frame beside the record: what pages draw."""
    started = time.perf_counter()
    device = choose_device(settings.device if settings.model in NETWORKS else "cpu")
    dataset, folds = data.open_data(settings, store=store, jobs=jobs)
    if settings.model in LEARNING:
        features.fill_store(store, dataset, data.requests(folds, settings), device=settings.device, jobs=jobs)
    readers = tuple(Reader(dataset, settings.alone(each), Path(store)) for each in settings.inputs)
    learner = {"floor": FloorLearner, "window": WindowLearner}.get(settings.model, Learner)(readers, device)
    ready = [()] * len(folds)  # files of networks that are trained before the folds are gone through
    how = asdict(training_settings(settings)) if settings.model in NETWORKS else None
    # Folds that are given a number of epochs, and not of updates, make unequally many and cannot be stacked.
    stacked = settings.model in LEARNING_RATES and None not in how.values()
    if stacked and device.type in STACKED_ON and len(folds) > 1:
        ready = _train_stacks(learner, folds, [_seed(seed, number, 0) for number in range(len(folds))])
    at_once = joblib.Parallel(n_jobs=jobs if device.type == "cpu" else 1)
    by_fold = at_once(
        joblib.delayed(_test_fold)(settings, seed, learner, fold, number, ready[number])
        for number, fold in enumerate(folds)
    )
    found, floor = [*(_joined(parts) for parts in zip(*by_fold, strict=True)), None][:2]
    tested = [video for fold in folds for video in fold.test]
    labels, videos = truth_table(tested), video_table(tested)
    truth = labels.assign(emotion=labels["emotion"].map(settings.class_of))
    said = {"name": dataset.name, "version": dataset.version, "synthetic": dataset.synthetic}
    measured = measure(settings, seed, truth, videos, found, floor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values = {
        "dataset": {**said, **({"labels": data.account(dataset)} if settings.filmed else {})},
        "training": how,
        "device": str(device),
        "k_p": [fold.k_p for fold in folds],
        "rules": list(found.rules),
        **measured,
        "seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1),  # Linux counts in kB
    }
    answers = found.named if settings.model == "action units" else found.predictions
    tables = {"predictions": answers, "truth": labels, "videos": videos, "learning": learning(found.networks)}
    if settings.model != "labels":
        tables["named"] = count_names(found.named)
    if settings.model in LEARNING:
        tables["frames"] = _count_frames(labels, found.smoothed)
    if settings.model in NETWORKS and seed == 0:
        tables["peaks"] = found.peaks.round({"score": 4})
    return Outcome(**vars(found), record=Record(values, tables), truth=truth, videos=videos, floor=floor)


def _joined(parts: Sequence[Found]) -> Found:
    """What was found on all folds."""
    tables = ("predictions", "peaks", "named", "controls")
    joined = {each: pd.concat([getattr(part, each) for part in parts], ignore_index=True) for each in tables}
    for each in ("scores", "smoothed", "networks"):
        joined[each] = {key: value for part in parts for key, value in getattr(part, each).items()}
    return Found(**joined, rules=[rule for part in parts for rule in part.rules])


def _test_fold(
    settings: Settings, seed: int, learner: Learner, fold: Fold, number: int, ready: Sequence[Path]
) -> list[Found]:
    """What the row's model, and the floor beside a network, find on the tested people of a fold, in one thread."""
    if settings.model == "action units":
        return [_told_action_units(settings, seed, fold, number)]
    if settings.model == "labels":
        labels = Labels(settings, fold.k_p)
        return [_spotted(labels, fold, *_rule(settings, seed, fold, number, labels))]
    threads, found = torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        samples = learner.samples(fold.train, fold.train_clips)
        floor = FloorLearner(learner.readers, learner.device)
        # WindowNet does not see the clips from which the floor learns names, so that the two cannot be compared.
        beside = {"floor": [floor], "window": [learner]}
        for who in beside.get(settings.model, [learner, floor]):
            before, given = ready and who is learner, who.asked(fold)
            model = who.read(ready) if before else who.train(samples, seed=_seed(seed, number, 0))
            spotted = _spotted(model, fold, *_rule(settings, seed, fold, number, who))
            named = model.name(given)
            controls = [named.assign(draw=0).head(0)]
            draws = settings.sizes.control_draws if settings.shuffled else 0
            for draw in range(FLOOR_DRAWS if who is floor else draws):
                control = who.train_on_shuffled(model, samples, seed=_seed(seed, number, draw + 1))
                controls.append(control.name(given).assign(draw=draw))
            controls = pd.concat(controls, ignore_index=True)
            networks = {(number, each): file for each, file in zip(settings.inputs, model.files, strict=False)}
            found.append(replace(spotted, named=named, controls=controls, networks=networks))
    finally:
        torch.set_num_threads(threads)
    return found


def _rule(settings: Settings, seed: int, fold: Fold, number: int, who: Learner | Labels) -> tuple[Rule, dict]:
    """The rule for the tested people of a fold, of whom nothing is looked at, and its constants for the record."""
    if settings.rule == "authors":
        rule = released_rule(settings, k_p=fold.k_p)
        return rule, rule.as_record()
    scores, videos = [], []
    # The 0 before the last number tells these seeds from those of the fold's own trainings.
    for inner, (learnt, clips, scored) in enumerate(inner_folds(fold, seed=_seed(seed, number, 0, 1))):
        model = who
        if isinstance(who, Learner):
            model = who.train(who.samples(learnt, clips), seed=_seed(seed, number, 0, inner + 2), spotting_only=True)
        scores += [model.score_frames(video) for video in scored]
        videos += scored
    rule, f1 = choose_rule(settings, scores, videos, k_p=fold.k_p)
    return rule, {**rule.as_record(), "f1_inner": f1}


def _spotted(model: Trained | Labels, fold: Fold, rule: Rule, constants: dict[str, object]) -> Found:
    spotted = {(video.subject, video.name): spot(model, video, rule=rule) for video in fold.test}
    scores = {key: score for key, (score, *_) in spotted.items()}
    tables = zip(*(found for _, *found in spotted.values()), strict=True)
    predictions, peaks = (pd.concat(each, ignore_index=True) for each in tables)
    return Found(
        predictions=predictions,
        peaks=peaks,
        scores=scores,
        smoothed={key: centred_smooth(score, fold.k_p) for key, score in scores.items()},
        rules=[constants],
    )


def spot(model: Trained | Labels, video: Video, *, rule: Rule) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """The score of each frame of a video, the intervals that a rule makes of it, and all peaks that it chose from.

    Intervals are named and clipped to the video; SFAMNet may name one ``neutral``. Of those that are the same once
    clipped, the highest is kept. Of the peaks ``found`` says whether their apex is that of an interval.
    """
    scored, classes = model.score_frames(video), (*model.settings.emotions, "neutral")
    found, named = _intervals(video, *rule.found(scored))
    found.insert(5, "emotion", [classes[index] for index in named])
    highest = found.sort_values("score", ascending=False, kind="stable").drop_duplicates(["onset", "offset"])
    found = found.loc[sorted(highest.index)].reset_index(drop=True)
    peaks, _ = _intervals(video, *rule.without_threshold.found(scored))
    return scored.score, found, peaks.assign(found=peaks["apex"].isin(found["apex"]).astype(int))


def _intervals(
    video: Video, frames: np.ndarray, heights: np.ndarray, named: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """What a rule found as ``subject, video, onset, apex, offset, score``, clipped to the video; and the classes."""
    found = pd.DataFrame(np.clip(frames, 0, video.n_frames - 1), columns=["onset", "apex", "offset"])
    found.insert(0, "subject", video.subject)
    found.insert(1, "video", video.name)
    return found.assign(score=heights), named


@dataclass(frozen=True)
class Labels:
    """Stands where a network stands, and answers with the pseudo-labels of the paper whose rule is asked."""

    settings: Settings
    k_p: int

    def score_frames(self, video: Video) -> Scored:
        """The pseudo-label of each frame ``(T - k,)``, and certainty of its emotion ``(T - k, C)``; neutral is last."""
        names = (*self.settings.emotions, None)
        frames = np.arange(video.n_frames - features.gap_frames(video.fps, self.settings.gap_s))
        score, _ = data.pseudo_labels(self.settings, video, frames, k_p=self.k_p)
        named = np.full(len(frames), len(names) - 1)
        for expression in data.micro(video):
            near = (frames >= expression.onset - self.k_p) & (frames <= expression.offset)
            named[near] = names.index(self.settings.class_of(expression.emotion))
        return Scored(score.astype(np.float32), np.eye(len(names), dtype=np.float32)[named])


def _told_action_units(settings: Settings, seed: int, fold: Fold, number: int) -> Found:
    """The names that the true action units give to a linear classifier, and those after shuffled labels."""
    people = (fold.train + fold.train_clips, fold.test + fold.test_clips)
    learnt, asked = ([(video.subject, each) for video in side for each in data.micro(video)] for side in people)
    known, shown = ([dict.fromkeys(each.action_units, 1) for _, each in side] for side in (learnt, asked))
    labels = np.array([settings.emotions.index(settings.class_of(each.emotion)) for _, each in learnt], int)
    given = pd.DataFrame(
        [(who, settings.class_of(each.emotion)) for who, each in asked], columns=["subject", "emotion"]
    )

    def name(labels: np.ndarray) -> list[str]:
        model = make_pipeline(DictVectorizer(sparse=False), LogisticRegression(class_weight="balanced", max_iter=1000))
        return [settings.emotions[index] for index in model.fit(known, labels).predict(shown)]

    generator, draws = np.random.default_rng([seed, number, 21]), range(chance.FEWEST_DRAWS)
    controls = [given.assign(named=name(generator.permutation(labels)), draw=draw) for draw in draws]
    return Found(named=given.assign(named=name(labels)), controls=pd.concat(controls, ignore_index=True))


@dataclass(frozen=True)
class Trained:
    """Networks of one training (or floors), one for each input, that answer together: the mean of late fusion."""

    models: tuple[nn.Module | Floor, ...]
    readers: tuple[Reader, ...]
    device: torch.device
    files: tuple[Path, ...] = ()  # of the networks

    @property
    def settings(self) -> Settings:
        """Those of the first input; what does not belong to an input is the same in all."""
        return self.readers[0].settings

    def predict(self, planes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Scores ``(n,)`` and probabilities of the classes ``(n, C)``, float32, from the planes of each input."""
        outputs = [
            model.predict(each) if isinstance(model, Floor) else predict(model, each, device=self.device)
            for model, each in zip(self.models, planes, strict=True)
        ]
        score, logits = outputs[0] if len(outputs) == 1 else late_fusion(outputs)
        return score.astype(np.float32), softmax(logits, axis=1).astype(np.float32)

    def score_frames(self, video: Video) -> Scored:
        """Score ``(T - k,)`` and probabilities ``(T - k, C)`` of each frame, interpolated where the stride left any."""
        pairs = data.spotting_pairs(video, self.settings)
        answers = self.predict([reader.planes(video, pairs) for reader in self.readers])
        n_scored = video.n_frames - features.gap_frames(video.fps, self.settings.gap_s)
        return Scored(*(per_frame(answer, pairs[0], n_scored) for answer in answers))

    def name(self, samples: Sequence[EmotionSamples]) -> pd.DataFrame:
        """The names that given expressions get, of which neutral, SFAMNet's last class, is none: a row each."""
        emotions = np.array(self.settings.emotions, object)
        probabilities = self.predict([each.planes for each in samples])[1][:, : len(emotions)]
        true, named = emotions[samples[0].labels], emotions[probabilities.argmax(axis=1)]
        return pd.DataFrame({"subject": samples[0].subjects, "emotion": true, "named": named})


class TrainedWindow(Trained):
    """A WindowNet, which looks at whole videos."""

    def values(self, video: Video) -> tuple[FrameValues, np.ndarray]:
        """What the network says of each pair of a video, and where in the video each pair lies."""
        pairs = data.spotting_pairs(video, self.settings)
        planes = self.readers[0].planes(video, pairs)
        return score_frames(self.models[0], planes, device=self.device), data.middles(pairs)

    def score_frames(self, video: Video) -> Scored:
        """The probability of a micro-expression in each frame, of each class, and the intervals pointed at."""
        values, frames = self.values(video)
        score, names = (per_frame(each, frames, video.n_frames) for each in (values.kinds[:, 0], values.emotions))
        return Scored(score, names, window_intervals(values, frames, video.n_frames))

    def name(self, videos: Sequence[Video]) -> pd.DataFrame:
        """The names of the expressions of long videos: the vote of the pairs inside, each with its probability."""
        rows = []
        for video in videos:
            values, frames = self.values(video)
            for each in data.micro(video):
                inside = (each.onset <= frames) & (frames <= each.offset)
                votes = (values.kinds[inside, :1] * values.emotions[inside]).sum(axis=0)
                emotion = self.settings.class_of(each.emotion)
                if emotion is not None:
                    rows.append((video.subject, emotion, self.settings.emotions[votes.argmax()]))
        return pd.DataFrame(rows, columns=["subject", "emotion", "named"])


@dataclass(frozen=True)
class Learner:
    """Trains the networks of a row, one for each input and each as if alone, and keeps them."""

    readers: tuple[Reader, ...]
    device: torch.device

    def samples(self, videos: Sequence[Video], clips: Sequence[Video]) -> list[Samples]:
        """What there is to learn from long videos and clips of single expressions, for each input."""
        named = (each.emotion_samples((*videos, *clips), moving=True) for each in self.readers)
        return [(each.spotting_samples(videos), given) for each, given in zip(self.readers, named, strict=True)]

    def asked(self, fold: Fold) -> Sequence[object]:
        """The expressions of a fold's tested people that are given to be named, as :meth:`Trained.name` takes them."""
        return [reader.emotion_samples(fold.test + fold.test_clips) for reader in self.readers]

    def train(self, samples: Sequence[Samples], *, seed: int, spotting_only: bool = False) -> Trained:
        """Train on samples of some people; ``spotting_only`` where no names are wanted."""
        files, how = [], {"seed": seed, "device": self.device, "spotting_only": spotting_only}
        for reader, given in zip(self.readers, samples, strict=True):
            files.append(_file(reader.store, _described(reader, *given, **how)))
            if not files[-1].is_file():
                _keep(files[-1], *train(reader.settings, *given, **how))
        return self.read(files)

    def read(self, files: Sequence[Path]) -> Trained:
        """The networks that were kept, one for each input."""
        models = tuple(load_model(file)[0].to(self.device) for file in files)
        kind = TrainedWindow if self.readers[0].settings.model == "window" else Trained
        return kind(models, self.readers, self.device, tuple(files))

    def train_on_shuffled(self, trained: Trained, samples: Sequence[Samples], *, seed: int) -> Trained:
        """The control: emotions learnt from labels that were dealt out anew among the expressions.

        MEAN keeps what it has learnt of spotting, on which its recognition stands; the others are trained anew.
        """
        generators = [np.random.default_rng(seed) for _ in samples]
        dealt = [emotions.shuffled(each) for (_, emotions), each in zip(samples, generators, strict=True)]
        how = training_settings(trained.settings)
        if not isinstance(how, MEANSettings):
            frames = [spot.shuffled(each) for (spot, _), each in zip(samples, generators, strict=True)]
            return self.train(list(zip(frames, dealt, strict=True)), seed=seed)
        files = []
        for model, file, reader, given in zip(trained.models, trained.files, self.readers, dealt, strict=True):
            files.append(_file(reader.store, {"network": file.stem, "on shuffled labels": seed}))
            if not files[-1].is_file():
                anew, losses = training.retrain_recognition(model, given.planes, given.labels, settings=how, seed=seed)
                _keep(files[-1], anew, {"recognition": losses})
        return self.read(files)


class WindowLearner(Learner):
    """Trains WindowNet, which names the expressions of whole videos."""

    def asked(self, fold: Fold) -> tuple[Video, ...]:
        """The long videos."""
        return fold.test


class FloorLearner(Learner):
    """Trains the floor on the same samples, in a moment."""

    def train(self, samples: Sequence[Samples], *, seed: int, spotting_only: bool = False) -> Trained:
        """A floor for each input."""
        classes = len(self.readers[0].settings.emotions)
        arrays = [(spot.planes, spot.targets, given.planes, given.labels) for spot, given in samples]
        floors = [training.train_floor(*each, classes=classes, seed=seed) for each in arrays]
        return Trained(tuple(floors), self.readers, self.device)

    def train_on_shuffled(self, trained: Trained, samples: Sequence[Samples], *, seed: int) -> Trained:
        """The same floor, its emotions learnt from labels that were dealt out anew."""
        floors = []
        for floor, (_, emotions) in zip(trained.models, samples, strict=True):
            given = emotions.shuffled(np.random.default_rng(seed))
            anew = clone(floor.recognition).fit(training.region_means(given.planes), given.labels)
            floors.append(replace(floor, recognition=anew))
        return Trained(tuple(floors), self.readers, self.device)


def train(
    settings: Settings, spot: SpottingSamples, given: EmotionSamples, *, seed: int, device: torch.device | str, **more
) -> tuple[nn.Module, History]:
    """Train the network of a row on samples, with ``spotting_only`` without MEAN's second stage: model and losses."""
    arrays, how = _taught(settings, spot, given, **more)
    trainers = {"window": training.train_window, "sfamnet": training.train_sfamnet, "mean": training.train_mean}
    if settings.model == "window":
        arrays = (spot.by_video(), *arrays[1:])
    return trainers[settings.model](*arrays, **how, seed=seed, device=device)


def _taught(
    settings: Settings, spot: SpottingSamples, given: EmotionSamples, spotting_only: bool = False
) -> tuple[tuple, dict[str, object]]:
    """Arrays and settings for a trainer; SFAMNet also learns the class of each frame, of which neutral is the last."""
    how = {"settings": training_settings(settings), "classes": len(settings.emotions)}
    if settings.model == "window":
        return (spot.planes, spot.whole), how
    if settings.model == "sfamnet":
        how["classes"] += 1
        return (spot.planes, spot.targets, spot.frame_labels, given.planes, given.labels), how
    if spotting_only:
        how["settings"] = replace(how["settings"], recognition_steps=0)
    return (spot.planes, spot.targets, given.planes, given.labels), how


def training_settings(settings: Settings) -> MEANSettings | SFAMNetSettings | WindowSettings:
    """How long and how fast the network of a row is trained; what no setting says is as published.

    Of filmed faces under rule ``authors`` and at tier ``full``, length and rate are published too.
    """
    sizes = settings.sizes
    if settings.model == "window":
        return WindowSettings(steps=sizes.window_steps, context=settings.context)
    rate = LEARNING_RATES[settings.model]
    published = settings.filmed and settings.rule == "authors" and settings.tier == "full"
    if settings.model == "sfamnet":
        how = SFAMNetSettings(attention=settings.attention)
        how = how if settings.augmentation else replace(how, magnitude=0.0)
        return how if published else replace(how, steps=sizes.joint_steps, batch=sizes.batch, rate=rate)
    how = MEANSettings(transfer=settings.transfer)
    steps = {"spot_steps": sizes.spot_steps, "recognition_steps": sizes.recognition_steps}
    return how if published else replace(how, **steps, batch=sizes.batch, rate=rate)


def _train_stacks(learner: Learner, folds: Sequence[Fold], seeds: Sequence[int]) -> list[tuple[Path, ...]]:
    """Train the networks of all folds as one stack for each input: the files of each fold's.

    They agree with networks trained alone, but not to the last bit, so their names name the stack.
    """
    samples = [learner.samples(fold.train, fold.train_clips) for fold in folds]
    by_input = []
    for reader, *of_folds in zip(learner.readers, *samples, strict=True):
        how = {"device": learner.device}
        described = [_described(reader, *each, seed=n, **how) for each, n in zip(of_folds, seeds, strict=True)]
        stack = _file(reader.store, described).stem
        by_input.append([_file(reader.store, {**each, "stack": stack}) for each in described])
        if not all(file.is_file() for file in by_input[-1]):
            taught = [_taught(reader.settings, *each) for each in of_folds]
            given = [FoldSamples(arrays, seed) for (arrays, _), seed in zip(taught, seeds, strict=True)]
            for file, network in zip(by_input[-1], train_stacks(given, **how, **taught[0][1]), strict=True):
                _keep(file, *network)
    return list(zip(*by_input, strict=True))


def _described(
    reader: Reader, spot: SpottingSamples, given: EmotionSamples, *, seed: int, device: object, **more: object
) -> dict[str, object]:
    """What decides every bit of a training, as plain types; not the rule that will read its scores.

    The planes of frame pairs, which are many, stand for themselves by what decides them.
    """
    settings, digest = reader.settings, hashlib.sha256()
    (_, *arrays), how = _taught(settings, spot, given, **more)
    for array in itertools.chain(*spot.whole) if settings.model == "window" else arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    planes = features.key(reader.dataset, settings.planes(settings.input))
    return {
        "training": [settings.model, asdict(how["settings"]), how["classes"], seed, str(device)],
        "planes": [planes, settings.gap_s, settings.stride, spot.videos],
        "samples": digest.hexdigest(),
        "code": source_hash("melib.training", "melib.models"),
        "packages": package_versions(),
    }


def _file(store: Path, described: object) -> Path:
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    return store / "networks" / f"{digest}.safetensors"


def _keep(file: Path, model: nn.Module, history: History) -> None:
    """Write a network with how its total loss fell: ``stage, step, loss``, each part of a stage at its last step."""
    stages = []
    for stage, losses in ((stage, losses) for stage, losses in history.items() if len(losses)):
        steps = np.arange(0, len(losses), -(-len(losses) // LEARNING_STEPS))
        # A loss is taken as it is printed, with the digits that float32 holds.
        curve = pd.DataFrame({"step": steps, "loss": losses[steps, 0].astype(str).astype(float)})
        part = curve.groupby(np.arange(len(steps)) * LEARNING_PARTS // len(steps))
        stages.append(part.agg(step=("step", "max"), loss=("loss", "mean")).round(5).assign(stage=stage))
    file.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, file, learning=pd.concat(stages).to_csv(index=False))


def learning(networks: Mapping[tuple[int, str], Path]) -> pd.DataFrame:
    """How the loss of each fold's network fell: ``fold, input, stage, step, loss``; empty without networks."""
    found = [pd.DataFrame(columns=["fold", "input", "stage", "step", "loss"])]
    for (number, given), file in networks.items():
        curve = pd.read_csv(io.StringIO(load_model(file)[1]["learning"]))
        found.append(curve.assign(fold=f"fold_{number}", input=given)[found[0].columns])
    return pd.concat(found[1:] or found, ignore_index=True)


def tallies(settings: Settings, truth: pd.DataFrame, videos: pd.DataFrame, found: Found) -> dict[str, Tally]:
    """Counts per subject of every part that the row's model answers."""
    counted, expressions, named, emotions = {}, truth[truth["kind"] == "micro"], found.named, settings.emotions
    if settings.model != "action units":
        predictions = found.predictions
        counted["spotting_and_naming"] = strs.tally(expressions, predictions, videos=videos, emotions=emotions)
    if settings.model in LEARNING:
        counted["frames"] = spotting.tally_frames(expressions, _frame_table(found.smoothed))
        counted["frames_raw"] = spotting.tally_frames(expressions, _frame_table(found.scores))
    if settings.model != "labels":
        counted["recognition"] = recognition.tally(named["emotion"], named["named"], named["subject"], classes=emotions)
    return counted


def measure(
    settings: Settings, seed: int, truth: pd.DataFrame, videos: pd.DataFrame, found: Found, floor: Found | None
) -> dict[str, object]:
    """The numbers of a record: metrics with intervals over subjects, what luck would score, and counts."""
    emotions, counted = settings.emotions, tallies(settings, truth, videos, found)
    # A tally of frames has two columns a level, for which the studentised interval would take minutes.
    kinds = {part: "bca" if part.startswith("frames") else "studentised" for part in counted}
    how = {part: {"method": kinds[part], "n_resamples": settings.sizes.resamples, "seed": seed} for part in counted}
    parts = {part: uncertainty.bootstrap(tally, **how[part]) for part, tally in counted.items()}
    cautions = [result.caution for part, result in parts.items() if part == "spotting_and_naming" and result.caution]
    beside = minus = None
    if floor is not None:
        beside, minus = {"shuffled": _shuffled(floor, emotions), "rules": list(floor.rules)}, {}
        for part, tally in tallies(settings, truth, videos, floor).items():
            beside[part] = plain_table(uncertainty.bootstrap(tally, **how[part]).table)
            minus[part] = plain_table(uncertainty.paired(counted[part], tally, **how[part]).table)
    expressions, named = truth[truth["kind"] == "micro"], found.named
    nulls, confusion, drawn = {}, {"emotions": list(emotions)}, {"n_draws": settings.sizes.chance_draws, "seed": seed}
    counts = {
        "subjects": int(videos["subject"].nunique()),
        "videos": len(videos),
        "minutes": float((videos["frames"] / videos["fps"]).sum() / 60),
        "micro_expressions": len(expressions),
        "macro_expressions": int((truth["kind"] == "macro").sum()),
    }
    if "spotting_and_naming" in counted:
        both = (expressions, found.predictions)
        nulls["shifted"] = chance.shifted(*both, videos, emotions=emotions, **drawn)
        nulls["exchanged"] = chance.exchanged(*both, videos=videos, emotions=emotions, **drawn)
        matched = intervals.match(*both)
        true = expressions["emotion"].to_numpy()[matched.truth]
        answered = found.predictions["emotion"].to_numpy()[matched.prediction]
        classed = np.isin(true, emotions)  # an expression may belong to no class
        neutral = classed & (answered == "neutral")
        confusion["spotted"] = _confusion(true[classed & ~neutral], answered[classed & ~neutral], emotions)
        confusion["spotted_as_neutral"] = int(neutral.sum())
    if "recognition" in counted:
        nulls["guessed"] = chance.guessed(named["emotion"], classes=emotions, **drawn)
        drawn["n_draws"] = chance.FEWEST_DRAWS
        nulls["majority"] = chance.guessed(named["emotion"], classes=emotions, guess="majority", **drawn)
        confusion["given"] = _confusion(named["emotion"], named["named"], emotions)
        counts["given_expressions"] = len(named)
    return {
        **{part: plain_table(result.table) for part, result in parts.items()},
        "chance": {name: plain_table(null.table) for name, null in nulls.items()},
        "shuffled": _shuffled(found, emotions),
        **{"floor": beside, "minus_floor": minus, "confusion": confusion, "counts": counts, "cautions": cautions},
    }


def _shuffled(found: Found, emotions: tuple[str, ...]) -> list[dict[str, float]]:
    """Metrics of recognition after training on shuffled labels, for each draw."""
    draws = found.controls.groupby("draw") if len(found.controls) else ()
    return [recognition.evaluate(draw["emotion"], draw["named"], classes=emotions) for _, draw in draws]


def _confusion(true: np.ndarray, named: np.ndarray, emotions: tuple[str, ...]) -> list[list[int]]:
    if len(true) == 0:
        return np.zeros((len(emotions), len(emotions)), int).tolist()
    return recognition.confusion_matrix(true, named, classes=emotions).to_numpy().tolist()


def _frame_table(scores: Mapping[tuple[str, str], np.ndarray], levels: int = 1000) -> pd.DataFrame:
    """Frames as the table of :func:`melib.metrics.spotting.tally_frames`, their scores in levels of as many frames."""
    tables = []
    for (subject, video), score in scores.items():
        columns = {"frame": np.arange(len(score)), "score": score}
        tables.append(pd.DataFrame({"subject": subject, "video": video, **columns}))
    table = pd.concat(tables, ignore_index=True)
    edges = np.quantile(table["score"], np.linspace(0, 1, levels + 1)[1:-1])
    return table.assign(score=np.searchsorted(edges, table["score"], side="right"))


def _count_frames(truth: pd.DataFrame, scores: Mapping[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Tested frames inside and outside of micro-expressions by level of score: ``subject, level, inside, outside``."""
    table = _frame_table(scores, LEVELS).rename(columns={"score": "level"})
    inside = spotting.frame_labels(truth[truth["kind"] == "micro"], table.assign(score=0)).astype(bool)
    counted = table.assign(inside=inside.astype(int), outside=(~inside).astype(int))
    return counted.groupby(["subject", "level"], sort=True)[["inside", "outside"]].sum().reset_index()


def _seed(*numbers: int) -> int:
    """One integer for each training of a row, from the row's seed, the number of the fold, and what is drawn."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
