"""What luck scores: null distributions for spot-then-recognize and for recognition.

Goal
    Say whether a number differs from what a system would get that knows as much about the data as its own predictions
    reveal (how many, how long, which names), but not where they belong.
Conventions
    A null is a set of draws; its interval holds the middle 95 % of them, and a metric is *at chance* when it lies
    inside (ends included). At least 20 draws; the guessing nulls of recognition never assume 1/C.
Nulls
    * :func:`shifted`: each video's predictions are moved together by a random time, round the end of the video, and
      the emotions are permuted among all predictions;
    * :func:`exchanged`: the predictions of a video are given, as they are, to another video;
    * :func:`guessed`: labels are drawn with the frequencies of the truth (``prior``), evenly (``uniform``), or are
      always the most frequent one (``majority``, without variation: its interval is a point).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import _tables, recognition, strs
from melib.metrics._tally import Tally

GUESSES = ("prior", "uniform", "majority")
FEWEST_DRAWS = 20


@dataclass(frozen=True)
class Null:
    """Draws from a null distribution.

    Attributes
    ----------
    name : str
        What was done to make the draws.
    draws : pandas.DataFrame
        A row per draw, a column per metric.
    level : float
        What share of the draws the interval holds.
    """

    name: str
    draws: pd.DataFrame
    level: float = 0.95

    @property
    def table(self) -> pd.DataFrame:
        """A row per metric: ``mean, low, high``; NaN where a metric is undefined in every draw."""
        tail = (1 - self.level) / 2
        table = pd.DataFrame(
            {"mean": self.draws.mean(), "low": self.draws.quantile(tail), "high": self.draws.quantile(1 - tail)}
        )
        return table.rename_axis("metric")

    def holds(self, scores: Mapping[str, float]) -> pd.Series:
        """Whether each metric lies inside the interval of the null, that is, at chance.

        Raises
        ------
        LookupError
            If the null knows no such metric.
        """
        unknown = sorted(set(scores) - set(self.draws.columns))
        if unknown:
            raise InputError(f"this null has no metric {unknown[0]!r}: it has {', '.join(self.draws.columns)}")
        values, table = pd.Series(dict(scores), dtype=float), self.table.loc[list(scores)]
        return (values >= table["low"] - 1e-12) & (values <= table["high"] + 1e-12)


def _check(n_draws: int) -> None:
    if n_draws < FEWEST_DRAWS:
        raise InputError(f"{n_draws} draws tell little about a null: take at least {FEWEST_DRAWS}")


def _null(name: str, tallies: list[Tally]) -> Null:
    return Null(name, pd.DataFrame([{key: float(v) for key, v in tally.scores().items()} for tally in tallies]))


def shifted(
    truth: _tables.Source,
    predictions: _tables.Source,
    videos: _tables.Source,
    *,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
    n_draws: int = 200,
    seed: int = 0,
) -> Null:
    """The null of right rates and lengths at the wrong time, with emotions dealt out at random.

    Each interval stays whole: it moves on the circle of the positions at which it fits into its video.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame or path
    videos : pandas.DataFrame or path
        Columns ``subject, video, frames, fps``; must list every video with a prediction.
    emotions, protocol
        As for :func:`melib.metrics.strs.evaluate`.
    n_draws : int
        At least 20.
    seed : int

    Raises
    ------
    ValueError
        If a prediction lies in a video that is not listed, or there are too few draws.
    """
    _check(n_draws)
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
    rng = np.random.default_rng([seed, 11])
    tallies = []
    for _ in range(n_draws):
        turn = rng.random(len(frames))[rows]
        onset = (predictions["onset"].to_numpy() + np.floor(turn * room).astype(np.int64)) % room
        emotion = predictions["emotion"].to_numpy()[rng.permutation(len(predictions))]
        moved = predictions.assign(onset=onset, offset=onset + length, emotion=emotion)
        tallies.append(strs.tally_checked(truth, moved, videos, names, protocol))
    return _null("predictions shifted in time, emotions permuted", tallies)


def exchanged(
    truth: _tables.Source,
    predictions: _tables.Source,
    *,
    videos: _tables.Source | None = None,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
    n_draws: int = 200,
    seed: int = 0,
) -> Null:
    """The null of plausible predictions of the wrong video: videos exchange all their predictions.

    It keeps whatever the positions in a video alone tell, such as an expression near the middle of each clip.

    Parameters
    ----------
    truth, predictions : pandas.DataFrame or path
    videos : pandas.DataFrame or path, optional
        All videos; without it, those of truth and predictions take part.
    emotions, protocol, n_draws, seed
        As for :func:`shifted`.
    """
    _check(n_draws)
    truth, predictions, videos = strs.validate(truth, predictions, videos)
    names = strs.classes(truth, emotions)
    tables = [truth, predictions] + ([] if videos is None else [videos])
    every = pd.MultiIndex.from_frame(pd.concat([t[["subject", "video"]] for t in tables]).drop_duplicates())
    rows = every.get_indexer(pd.MultiIndex.from_frame(predictions[["subject", "video"]]))
    subject, video = (every.get_level_values(level).to_numpy() for level in (0, 1))
    rng = np.random.default_rng([seed, 12])
    tallies = []
    for _ in range(n_draws):
        new = rng.permutation(len(every))[rows]
        moved = predictions.assign(subject=subject[new], video=video[new])
        tallies.append(strs.tally_checked(truth, moved, videos, names, protocol))
    return _null("predictions permuted among videos", tallies)


def guessed(
    truth_labels: Sequence,
    *,
    classes: Sequence[str] | None = None,
    guess: str = "prior",
    n_draws: int = 200,
    seed: int = 0,
) -> Null:
    """The null of recognition without looking, for the pooled metrics of :mod:`melib.metrics.recognition`.

    Parameters
    ----------
    truth_labels : sequence
    classes : sequence of str, optional
        By default those in the truth.
    guess : {"prior", "uniform", "majority"}
        With the frequencies of the truth, evenly over ``classes``, or always the most frequent class.
    n_draws : int
        At least 20.
    seed : int
    """
    _check(n_draws)
    if guess not in GUESSES:
        raise InputError(f"unknown way of guessing {guess!r}: choose one of {', '.join(GUESSES)}")
    codes, _, names = recognition.validate(truth_labels, truth_labels, classes)
    frequency = np.bincount(codes, minlength=len(names))
    chances = {
        "prior": frequency / frequency.sum(),
        "uniform": np.full(len(names), 1 / len(names)),
        "majority": np.eye(len(names))[np.argmax(frequency)],
    }[guess]
    rng = np.random.default_rng([seed, 13])
    answers = rng.choice(len(names), size=(n_draws, len(codes)), p=chances)
    labels, truth = np.array(names), np.array(names)[codes]
    draws = [recognition.evaluate(truth, labels[answer], classes=names) for answer in answers]
    return Null(f"labels guessed: {guess}", pd.DataFrame(draws))
