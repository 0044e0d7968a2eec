"""The numbers of an experiment: metrics with intervals over subjects, and what luck would score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.metrics import Tally, chance, intervals, recognition, spotting, strs, uncertainty
from melib.study.parameters import Parameters, tier_sizes

CHANCE_DRAWS = 200


@dataclass(frozen=True)
class Found:
    """What a network, or the floor, found on all tested people.

    Attributes
    ----------
    predictions : pandas.DataFrame
        Found intervals: ``subject, video, onset, apex, offset, emotion, score``.
    named : pandas.DataFrame
        Given expressions and the names they got: ``subject, emotion, named``.
    scores, smoothed : dict
        ``(subject, video)`` to the score of each frame, ``(T - k,)`` float32: as it comes, and its mean over
        ``2 k_p + 1`` frames.
    controls : pandas.DataFrame
        Like ``named``, after training on shuffled labels, with the number of the ``draw``.
    rules : list of dict
        The constants of each fold's rule.
    """

    predictions: pd.DataFrame
    named: pd.DataFrame
    scores: dict[tuple[str, str], np.ndarray]
    smoothed: dict[tuple[str, str], np.ndarray]
    controls: pd.DataFrame
    rules: list[dict[str, object]]


def tallies(truth: pd.DataFrame, videos: pd.DataFrame, found: Found, emotions: tuple[str, ...]) -> dict[str, Tally]:
    """Counts per subject of every part of a record, from which metrics, intervals and differences follow.

    Parameters
    ----------
    truth, videos : pandas.DataFrame
        As in :class:`melib.study.Outcome`.
    found : Found
    emotions : tuple of str

    Returns
    -------
    dict of Tally
        ``spotting_and_naming, frames, frames_smoothed, recognition``.
    """
    micro = truth[truth["kind"] == "micro"]
    named = found.named
    return {
        "spotting_and_naming": strs.tally(micro, found.predictions, videos=videos, emotions=emotions),
        "frames": spotting.tally_frames(micro, _frame_table(found.scores)),
        "frames_smoothed": spotting.tally_frames(micro, _frame_table(found.smoothed)),
        "recognition": recognition.tally(named["emotion"], named["named"], named["subject"], classes=emotions),
    }


def method(part: str) -> str:
    """The kind of interval for a part of a record, see :mod:`melib.metrics.uncertainty`."""
    # A tally of frames has a column per distinct score, for which the studentised interval would take minutes.
    return "bca" if part.startswith("frames") else "studentised"


def measure(
    *, truth: pd.DataFrame, videos: pd.DataFrame, found: Found, floor: Found | None, parameters: Parameters
) -> dict[str, object]:
    """Measure what :func:`melib.study.run` found.

    Parameters
    ----------
    truth, videos
        As in :class:`melib.study.Outcome`.
    found : Found
        By the experiment's own network.
    floor : Found or None
        By the floor beside it.
    parameters : Parameters

    Returns
    -------
    dict
        ``spotting_and_naming``, ``frames``, ``frames_smoothed``, ``recognition`` (metric to value, low, high),
        ``chance`` (null to metric to mean, low, high), ``shuffled`` (a dict of metrics for each draw), ``confusion``
        (hits that SFAMNet calls neutral are counted apart), ``counts`` and ``cautions``; ``floor`` with its rules, its
        shuffled draws and the same four parts, and ``minus_floor`` with the four parts of the paired difference,
        network minus floor over the same subjects; both None without a floor. All of it can be written as JSON.
    """
    emotions = parameters.emotions
    sizes = tier_sizes(parameters.tier)
    resampling = {"n_resamples": sizes.resamples, "seed": parameters.seed}
    micro = truth[truth["kind"] == "micro"]
    predictions, named = found.predictions, found.named
    tables = (micro, predictions)
    given = (named["emotion"], named["named"])
    counted = tallies(truth, videos, found, emotions)
    analysed = {
        part: uncertainty.bootstrap(tally, method=method(part), **resampling) for part, tally in counted.items()
    }
    nulls = {
        "shifted": chance.shifted(*tables, videos, emotions=emotions, n_draws=CHANCE_DRAWS, seed=parameters.seed),
        "exchanged": chance.exchanged(
            *tables, videos=videos, emotions=emotions, n_draws=CHANCE_DRAWS, seed=parameters.seed
        ),
        "guessed": chance.guessed(named["emotion"], classes=emotions, n_draws=CHANCE_DRAWS, seed=parameters.seed),
        "majority": chance.guessed(
            named["emotion"], classes=emotions, guess="majority", n_draws=chance.FEWEST_DRAWS, seed=parameters.seed
        ),
    }
    matched = intervals.match(*tables)
    true, answered = (
        micro["emotion"].to_numpy()[matched.truth],
        predictions["emotion"].to_numpy()[matched.prediction],
    )
    classed = np.isin(true, emotions)  # an expression may belong to no class
    neutral = classed & (answered == "neutral")
    counted_here = classed & ~neutral
    beside = {"floor": None, "minus_floor": None}
    if floor is not None:
        beside = _beside_floor(counted, floor, tallies(truth, videos, floor, emotions), emotions, resampling)
    return {
        **{part: _rows(result.table) for part, result in analysed.items()},
        "chance": {name: _rows(null.table) for name, null in nulls.items()},
        "shuffled": _shuffled(found, emotions),
        **beside,
        "confusion": {
            "emotions": list(emotions),
            "given": _confusion(*given, emotions),
            "spotted": _confusion(true[counted_here], answered[counted_here], emotions),
            "spotted_as_neutral": int(neutral.sum()),
        },
        "counts": {
            "subjects": int(videos["subject"].nunique()),
            "videos": len(videos),
            "minutes": float((videos["frames"] / videos["fps"]).sum() / 60),
            "micro_expressions": len(micro),
            "macro_expressions": int((truth["kind"] == "macro").sum()),
            "given_expressions": len(named),
        },
        "cautions": [words for words in (analysed["spotting_and_naming"].caution,) if words],
    }


def _beside_floor(
    counted: Mapping[str, Tally],
    floor: Found,
    floor_counted: Mapping[str, Tally],
    emotions: tuple[str, ...],
    resampling: Mapping[str, int],
) -> dict[str, object]:
    """The floor's metrics, and network minus floor."""
    alone, difference = {}, {}
    for part, tally in counted.items():
        how = {"method": method(part), **resampling}
        alone[part] = _rows(uncertainty.bootstrap(floor_counted[part], **how).table)
        difference[part] = _rows(uncertainty.paired(tally, floor_counted[part], **how).table)
    return {
        "floor": {**alone, "shuffled": _shuffled(floor, emotions), "rules": floor.rules},
        "minus_floor": difference,
    }


def _shuffled(found: Found, emotions: tuple[str, ...]) -> list[dict[str, float]]:
    """Metrics of recognition after training on shuffled labels, for each draw."""
    return [
        recognition.evaluate(draw["emotion"], draw["named"], classes=emotions)
        for _, draw in found.controls.groupby("draw")
    ]


def _frame_table(scores: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Scores of frames as the table of :func:`melib.metrics.spotting.tally_frames`."""
    return pd.concat(
        [
            pd.DataFrame({"subject": subject, "video": video, "frame": np.arange(len(score)), "score": score})
            for (subject, video), score in scores.items()
        ],
        ignore_index=True,
    )


def _rows(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """A table of metrics as plain numbers; undefined values become None, which JSON has."""
    return {
        str(metric): {column: None if pd.isna(value) else float(value) for column, value in row.items()}
        for metric, row in table.to_dict(orient="index").items()
    }


def _confusion(true: np.ndarray, named: np.ndarray, emotions: tuple[str, ...]) -> list[list[int]]:
    if len(true) == 0:
        return [[0] * len(emotions) for _ in emotions]
    return recognition.confusion_matrix(true, named, classes=emotions).to_numpy().tolist()
