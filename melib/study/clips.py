"""Rows of clips: which expression does a clip show, and is there one at all?

A clip holds one micro-expression and all that looks like one. Models are tested on fresh people, not those learnt from.

``floor``
    Mean motion of four regions and logistic regression, the floor of :mod:`melib.training`.
``grid``
    The same with 36 cells and a stronger regularisation (:data:`STRENGTH`). It is what the sweeps use: cheap, and free
    to give a useless plane little weight.
``mean``, ``sfamnet``
    The networks. MEAN's spotting stage, from which recognition inherits, learns moving against still pairs of the
    training clips; SFAMNet learns both tasks on them at once, still pairs being neutral.
``window``
    WindowNet without its convolutions over time, since a clip is one pair; it learns to name alone.
``action units``
    The same classifier given the true action units and their strength: what perfect sight of them would be worth.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from melib import training
from melib.metrics import chance, recognition, uncertainty
from melib.models import FrameValues, predict, score_frames
from melib.study.record import Record, count_names, plain_table
from melib.study.settings import CLASSES, FLOOR_DRAWS, LEARNING_RATES, NETWORKS, ClipSettings
from melib.synthetic import readings
from melib.synthetic.action_units import AU14_SHARE, OPPOSITES
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.head import load_head
from melib.synthetic.readings import CELLS, People, Reading, Request, grid_means
from melib.video import SEVEN_TO_FOUR

#: Inverse strength of the grid's regularisation. It is one constant, tried on training subjects alone: where each row
#: chose its own on few subjects, the choice made larger differences than what the rows were to be compared for.
STRENGTH = 0.01
#: Mixture -> tables of expressions: of the clips that are dealt in, and of the others.
MIXTURES = {
    "": (None,),
    "out-of-plane": ("emotions_out_of_plane", "emotions_in_plane"),
    "au14": ("emotions_by_au14", "emotions_without_au14"),
}
#: Trainings of a network on shuffled labels.
NETWORK_DRAWS = 3
_DEAL, _SHUFFLE = 41, 42  # random streams


@dataclass(frozen=True)
class Samples:
    """Clips as a model gets them: ``planes (N, pairs, 3, side, side)``, moving pairs first, empty for a model that
    reads none, and ``emotions (N,)``, names of the classes.
    """

    clips: tuple[SyntheticVideo, ...]
    planes: np.ndarray
    emotions: np.ndarray

    @property
    def subjects(self) -> np.ndarray:
        """``(N,)`` names."""
        return np.array([clip.subject for clip in self.clips])

    def of(self, wanted: np.ndarray) -> Samples:
        """Some of the clips."""
        clips = tuple(clip for clip, take in zip(self.clips, wanted, strict=True) if take)
        return Samples(clips, self.planes[wanted] if len(self.planes) else self.planes, self.emotions[wanted])

    def shuffled(self, seed: int, draw: int) -> Samples:
        """The same clips with their emotions dealt out anew."""
        order = np.random.default_rng([seed, _SHUFFLE, draw]).permutation(len(self.emotions))
        return replace(self, emotions=self.emotions[order])


def run(settings: ClipSettings, seed: int, *, store: Path | str) -> Record:
    """Learn on the training population, answer for fresh people, and measure.

    ``store`` is the folder of what was read of the clips; what it lacks is read first. The record has the part
    ``recognition`` with the scores of guessing and, with ``controls``, of shuffled labels; tables as in `Record`.
    """
    started = time.perf_counter()
    prepare([settings], store=store)
    train = load(settings, "train", store=store)
    if settings.population == "test":
        test = load(settings, "test", store=store)
    else:
        held_out = np.isin(train.subjects, sorted(set(train.subjects))[::2])
        train, test = train.of(~held_out), train.of(held_out)
    answers, controls = answer(settings, train, test, seed=seed)
    asked = _asked(settings, test)
    names, sizes = settings.emotions, settings.sizes
    tally = recognition.tally(asked["emotion"], answers, asked["subject"], classes=names)
    measured = uncertainty.bootstrap(tally, n_resamples=sizes.clip_resamples, seed=seed)
    guessed = chance.guessed(asked["emotion"], classes=names, n_draws=sizes.clip_guesses, seed=seed)
    confusion = recognition.confusion_matrix(asked["emotion"], answers, classes=names)
    suite = test.clips[0].suite
    values = {
        "dataset": {"name": f"synthetic-{suite.name}-clips", "version": suite.version, "synthetic": True},
        "recognition": plain_table(measured.table),
        "chance": {"guessed": plain_table(guessed.table)},
        "shuffled": [recognition.evaluate(asked["emotion"], each, classes=names) for each in controls],
        "confusion": {"emotions": list(names), "given": confusion.to_numpy().tolist()},
        "counts": {
            "subjects": len(set(test.subjects)),
            "clips": len(test.clips),
            "learnt_subjects": len(set(train.subjects)),
            "learnt_clips": len(train.clips),
        },
        "cautions": [measured.caution] if measured.caution else [],
        "seconds": round(time.perf_counter() - started, 1),
    }
    named = asked.assign(named=answers)
    return Record(values, {"predictions": named[["subject", "video", "named"]], "named": count_names(named)})


def prepare(settings: Iterable[ClipSettings], *, store: Path | str, jobs: int = 1, progress: bool = False) -> None:
    """Read what rows need of the clips and the store lacks."""
    readings.fill([one for each in settings for one in _requests(each)], store=store, jobs=jobs, progress=progress)


def _requests(settings: ClipSettings) -> list[Request]:
    """All that a row reads, in the order of training people and tested ones."""
    return [
        _request(settings, population, classes, reading)
        for population in (("train", "test") if settings.population == "test" else ("train",))
        for classes in MIXTURES[settings.mixture]
        for reading in _readings(settings, population).values()
    ]


def _readings(settings: ClipSettings, population: str) -> dict[str, Reading]:
    """The readings of a row: ``flow``, ``depth`` or both."""
    found = {name: getattr(settings, name) for name in settings.needs}
    if "depth" in found and population == "train" and settings.learnt_depth is not None:
        found["depth"] = settings.learnt_depth
    return found


def _request(settings: ClipSettings, population: str, classes: str | None, reading: Reading) -> Request:
    whole = settings.people == "networks"
    people = People(population, *settings.clips[population], classes)
    return Request(people, reading, whole or settings.question == "spotting", whole)


def load(settings: ClipSettings, population: str, *, store: Path | str) -> Samples:
    """The clips of a population as the row's model gets them, read from the store."""
    first, *other = (_load(settings, population, classes, store) for classes in MIXTURES[settings.mixture])
    if not other:
        return first
    wanted = deal(settings.mixture, settings.share, first.clips)
    planes = first.planes
    if len(planes):
        planes = np.where(wanted[:, None, None, None, None], first.planes, other[0].planes)
    clips = tuple(a if take else b for a, b, take in zip(first.clips, other[0].clips, wanted, strict=True))
    return Samples(clips, planes, first.emotions)


def deal(mixture: str, share: float, clips: tuple[SyntheticVideo, ...]) -> np.ndarray:
    """Which clips show what a mixture deals in: ``(N,)`` bool.

    Each clip has its number between 0 and 1 from its own seed, so a larger share keeps whom a smaller one had.
    """
    numbers = np.array([np.random.default_rng([clip.seed, _DEAL]).random() for clip in clips])
    if mixture == "out-of-plane":
        return numbers < share
    return numbers < share * np.array([AU14_SHARE[clip.expressions[0].emotion] for clip in clips])


def _load(settings: ClipSettings, population: str, classes: str | None, store: Path | str) -> Samples:
    """The clips that show one table of expressions."""
    asked, read = _readings(settings, population), {}
    clips, planes = People(population, *settings.clips[population], classes).open().videos, np.empty(0, np.float32)
    for name, reading in asked.items():
        clips, read[name] = readings.read(_request(settings, population, classes, reading), store=store)
    if asked:
        planes = _joined(read, asked, settings)
    emotions = [clip.expressions[0].emotion for clip in clips]
    named = [SEVEN_TO_FOUR[emotion] if settings.classes == 4 else emotion for emotion in emotions]
    return Samples(tuple(clips), planes, np.array(named))


def _joined(read: dict[str, np.ndarray], asked: dict[str, Reading], settings: ClipSettings) -> np.ndarray:
    """The three planes: those of one reading, or u and v of ``flow`` with a third."""
    if settings.input in read:
        return read[settings.input]
    planes = read["flow"].copy()
    planes[:, :, 2] = 0
    if "depth" not in read:
        return planes
    # The change of depth stands first among the planes of D; motion away is the last of S.
    away = read["depth"][:, :, 0 if asked["depth"].planes.input == "D" else 2]
    if settings.input == "uvz-other":  # the same clip number of the previous subject
        away = np.roll(away, settings.clips["train"][1], axis=0)
    planes = planes[:, : away.shape[1]]
    planes[:, :, 2] = away[:, : planes.shape[1]]
    return planes


def _asked(settings: ClipSettings, test: Samples) -> pd.DataFrame:
    """What is true of each asked pair, whose it is, and in which clip: ``subject, video, emotion``."""
    videos = [clip.name for clip in test.clips]
    table = pd.DataFrame({"subject": test.subjects, "video": videos, "emotion": test.emotions})
    if settings.question == "recognition":
        return table
    return pd.concat([table.assign(emotion=answer) for answer in ("moving", "still")], ignore_index=True)


def answer(settings: ClipSettings, train: Samples, test: Samples, *, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """What a model that learnt on the training clips says of the tested ones, and what after shuffled labels.

    Names ``(N,)``, or for spotting ``(2N,)``, moving pairs first; of the controls of some rows, such names once a draw.
    """
    if settings.model in NETWORKS:
        return _network(settings, train, test, seed)
    dealt = (train.shuffled(seed, draw) for draw in range(FLOOR_DRAWS if settings.controls else 0))
    return _classify(settings, train, test), [_classify(settings, each, test) for each in dealt]


def mean_motion(planes: np.ndarray, cells: int) -> np.ndarray:
    """Mean motion in so many cells down and across: ``(N, 3 * cells ** 2)`` from ``(N, 3, side, side)``."""
    means = planes if planes.shape[-1] == CELLS else grid_means(planes)
    side = CELLS // cells
    means = np.asarray(means, np.float64).reshape(len(means), 3, cells, side, cells, side).mean((3, 5))
    return means.reshape(len(means), -1)


def action_unit_strengths(samples: Samples) -> np.ndarray:
    """Millimetres of each true action unit, left and right apart: ``(N, K)``."""
    names = [*load_head().action_units, *OPPOSITES]
    found = np.zeros((len(samples.clips), len(names)))
    for row, clip in zip(found, samples.clips, strict=True):
        event = clip.events[0]
        for label, intensity in event.intensities:
            row[names.index(label)] = event.amplitude_mm * intensity
    return found


def _classify(settings: ClipSettings, train: Samples, test: Samples) -> np.ndarray:
    known, asked = (_inputs(settings, samples) for samples in (train, test))
    pairs = settings.question == "spotting"
    labels = np.repeat(["moving", "still"], len(train.clips)) if pairs else train.emotions
    # The few numbers of the floor and of the action units need no more than the floor's regularisation.
    strength = STRENGTH if settings.model == "grid" else 1.0
    classifier = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), classifier).fit(known, labels).predict(asked)


def _inputs(settings: ClipSettings, samples: Samples) -> np.ndarray:
    if settings.model == "action units":
        return action_unit_strengths(samples)
    pairs = range(2 if settings.question == "spotting" else 1)
    planes = np.concatenate([samples.planes[:, pair] for pair in pairs])
    return mean_motion(planes, 2 if settings.model == "floor" else CELLS)


def _network(settings: ClipSettings, train: Samples, test: Samples, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    model, controls = _trained(settings, train, seed), []
    for draw in range(NETWORK_DRAWS if settings.controls else 0):
        dealt = train.shuffled(seed, draw)
        if settings.model == "mean":  # it keeps what it has learnt of spotting, on which its recognition stands
            how = {"settings": _training(settings), "seed": seed}
            control, _ = training.retrain_recognition(model, dealt.planes[:, 0], _codes(settings, dealt), **how)
        else:
            control = _trained(settings, dealt, seed)
        controls.append(_named(settings, control, test))
    return _named(settings, model, test), controls


def _training(settings: ClipSettings) -> training.MEANSettings | training.SFAMNetSettings | training.WindowSettings:
    batch, steps = settings.sizes.clip_batch, max(1, round(settings.effort * settings.sizes.clip_steps))
    if settings.model == "window":
        return training.WindowSettings(steps=steps, batch=batch, spotting=0.0, context=False)
    rate = LEARNING_RATES[settings.model]
    if settings.model == "sfamnet":
        return training.SFAMNetSettings(steps=steps, batch=batch, rate=rate)
    return training.MEANSettings(spot_steps=steps, recognition_steps=steps, batch=batch, rate=rate)


def _codes(settings: ClipSettings, samples: Samples) -> np.ndarray:
    return np.array([CLASSES[settings.classes].index(emotion) for emotion in samples.emotions])


def _trained(settings: ClipSettings, train: Samples, seed: int):
    """A network that learnt moving against still pairs, and the emotions of the moving ones."""
    classes, labels = len(CLASSES[settings.classes]), _codes(settings, train)
    moving = train.planes[:, 0]
    both = np.concatenate([moving, train.planes[:, 1]])
    targets = np.repeat([1.0, 0.0], len(train.clips)).astype(np.float32)
    how = {"settings": _training(settings), "seed": seed, "device": "cpu"}
    if settings.model == "window":  # a clip is a video of one row, which shows its emotion
        kinds, ends, marks = (np.array([row], np.float32) for row in ((1, 0), (0.5, 0.5), (0, 0, 0)))
        told = [FrameValues(kinds, ends, marks, np.array([label])) for label in labels]
        return training.train_window(moving[:, None], told, classes=classes, **how)[0]
    if settings.model == "mean":
        return training.train_mean(both, targets, moving, labels, classes=classes, **how)[0]
    frame_labels = np.concatenate([labels, np.full(len(labels), classes)])
    return training.train_sfamnet(both, targets, frame_labels, moving, labels, classes=classes + 1, **how)[0]


def _named(settings: ClipSettings, model, test: Samples) -> np.ndarray:
    names = np.array(settings.emotions)
    how = {"planes": test.planes[:, 0], "device": "cpu"}
    logits = score_frames(model, **how).emotions if settings.model == "window" else predict(model, **how)[1]
    # That there is an expression is given, so neutral, SFAMNet's last class, is no answer.
    return names[logits[:, : len(names)].argmax(axis=1)]
