"""What luck scores: null distributions for spot-then-recognize and for recognition.

A null says whether a number differs from what a system would get that knows as much about the data as its own
predictions reveal (how many, how long, which names), but not where they belong. It is a set of at least 20 draws; its
interval holds the middle 95 %, and a metric is *at chance* inside, ends included. Guessing never assumes 1/C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import recognition, strs
from melib.metrics._tables import Source

GUESSES = ("prior", "uniform", "majority")
FEWEST_DRAWS = 20
_TAIL = (1 - 0.95) / 2


@dataclass(frozen=True)
class Null:
    """Draws from a null distribution: a row per draw, a column per metric."""

    draws: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """A row per metric: ``mean, low, high``; NaN where a metric is undefined in every draw."""
        low, high = self.draws.quantile(_TAIL), self.draws.quantile(1 - _TAIL)
        return pd.DataFrame({"mean": self.draws.mean(), "low": low, "high": high}).rename_axis("metric")

    def holds(self, scores: Mapping[str, float]) -> pd.Series:
        """Whether each metric lies inside the interval of the null, that is, at chance."""
        unknown = sorted(set(scores) - set(self.draws.columns))
        if unknown:
            raise InputError(f"this null has no metric {unknown[0]!r}: it has {', '.join(self.draws.columns)}")
        values, table = pd.Series(dict(scores), dtype=float), self.table.loc[list(scores)]
        return (values >= table["low"] - 1e-12) & (values <= table["high"] + 1e-12)


def _generator(n_draws: int, seed: int, purpose: int) -> np.random.Generator:
    if n_draws < FEWEST_DRAWS:
        raise InputError(f"{n_draws} draws tell little about a null: take at least {FEWEST_DRAWS}")
    return np.random.default_rng([seed, purpose])


def shifted(
    truth: Source,
    predictions: Source,
    videos: Source,
    *,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
    n_draws: int = 200,
    seed: int = 0,
) -> Null:
    """The null of right rates and lengths at the wrong time, with emotions dealt out at random.

    Each video's predictions are moved together by a random time, round the end of the video, and the emotions are
    permuted among all predictions. Each interval stays whole: it moves on the circle of the positions at which it fits.

    The rest is as for :func:`melib.metrics.strs.evaluate`. InputError: a video is not listed, or fewer than 20 draws.
    """
    rng = _generator(n_draws, seed, 11)
    truth, predictions, videos = strs.validate(truth, predictions, videos)
    frames = videos.set_index(["subject", "video"])["frames"]
    where = pd.MultiIndex.from_frame(predictions[["subject", "video"]])
    rows = frames.index.get_indexer(where)
    if (rows < 0).any():
        lost = where[np.argmax(rows < 0)]
        raise InputError(f"video {lost[0]}/{lost[1]} has predictions but no length: add it to the list of videos")
    length = (predictions["offset"] - predictions["onset"]).to_numpy()
    room = np.maximum(frames.to_numpy()[rows] - length, 1)
    names = strs.classes(truth, emotions)
    draws = []
    for _ in range(n_draws):
        turn = rng.random(len(frames))[rows]
        onset = (predictions["onset"].to_numpy() + np.floor(turn * room).astype(np.int64)) % room
        emotion = predictions["emotion"].to_numpy()[rng.permutation(len(predictions))]
        moved = predictions.assign(onset=onset, offset=onset + length, emotion=emotion)
        draws.append(strs.tally_checked(truth, moved, videos, names, protocol).scores())
    return Null(pd.DataFrame(draws).astype(float))


def exchanged(
    truth: Source,
    predictions: Source,
    *,
    videos: Source | None = None,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
    n_draws: int = 200,
    seed: int = 0,
) -> Null:
    """The null of plausible predictions of the wrong video: videos exchange all their predictions.

    It keeps whatever the positions in a video alone tell, such as an expression near the middle of each clip. Without
    a list of all ``videos``, those of truth and predictions take part; the rest is as for :func:`shifted`.
    """
    rng = _generator(n_draws, seed, 12)
    truth, predictions, videos = strs.validate(truth, predictions, videos)
    names = strs.classes(truth, emotions)
    tables = [truth, predictions] + ([] if videos is None else [videos])
    every = pd.MultiIndex.from_frame(pd.concat([t[["subject", "video"]] for t in tables]).drop_duplicates())
    rows = every.get_indexer(pd.MultiIndex.from_frame(predictions[["subject", "video"]]))
    subject, video = (every.get_level_values(level).to_numpy() for level in (0, 1))
    draws = []
    for _ in range(n_draws):
        new = rng.permutation(len(every))[rows]
        moved = predictions.assign(subject=subject[new], video=video[new])
        draws.append(strs.tally_checked(truth, moved, videos, names, protocol).scores())
    return Null(pd.DataFrame(draws).astype(float))


def guessed(
    truth_labels: Sequence,
    *,
    classes: Sequence[str] | None = None,
    guess: str = "prior",
    n_draws: int = 200,
    seed: int = 0,
) -> Null:
    """The null of recognition without looking, for the pooled metrics of :mod:`melib.metrics.recognition`.

    A guess is ``prior``, with the frequencies of the truth, ``uniform``, evenly over ``classes`` (by default those in
    the truth), or ``majority``, the most frequent class (the interval is a point). InputError: fewer than 20 draws.
    """
    rng = _generator(n_draws, seed, 13)
    if guess not in GUESSES:
        raise InputError(f"unknown way of guessing {guess!r}: choose one of {', '.join(GUESSES)}")
    codes, _, names = recognition.validate(truth_labels, truth_labels, classes)
    frequency = np.bincount(codes, minlength=len(names))
    chances = {
        "prior": frequency / frequency.sum(),
        "uniform": np.full(len(names), 1 / len(names)),
        "majority": np.eye(len(names))[np.argmax(frequency)],
    }[guess]
    answers = rng.choice(len(names), size=(n_draws, len(codes)), p=chances)
    labels, truth = np.array(names), np.array(names)[codes]
    return Null(pd.DataFrame([recognition.evaluate(truth, labels[answer], classes=names) for answer in answers]))
