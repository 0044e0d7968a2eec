"""The numbers of an experiment: metrics with intervals over subjects, and what luck would score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from melib.metrics import chance, intervals, recognition, spotting, strs, uncertainty
from melib.study.parameters import Parameters, tier_sizes

CHANCE_DRAWS = 200


def measure(
    *,
    truth: pd.DataFrame,
    videos: pd.DataFrame,
    predictions: pd.DataFrame,
    named: pd.DataFrame,
    scores: dict[tuple[str, str], np.ndarray],
    smoothed: dict[tuple[str, str], np.ndarray],
    controls: pd.DataFrame,
    parameters: Parameters,
) -> dict[str, object]:
    """Measure what :func:`melib.study.run` found.

    Parameters
    ----------
    truth, videos, predictions, named, scores, smoothed
        As in :class:`melib.study.Outcome`.
    controls : pandas.DataFrame
        Like ``named``, from networks trained on shuffled labels, with the number of the ``draw``.
    parameters : Parameters

    Returns
    -------
    dict
        ``spotting_and_naming``, ``frames``, ``frames_smoothed``, ``recognition`` (metric to value, low, high),
        ``chance`` (null to metric to mean, low, high), ``shuffled`` (a dict of metrics for each draw), ``confusion``
        (hits that SFAMNet calls neutral are counted apart), ``counts`` and ``cautions``; all of it can be written as
        JSON.
    """
    emotions = parameters.emotions
    sizes = tier_sizes(parameters.tier)
    resampling = {"n_resamples": sizes.resamples, "seed": parameters.seed}
    micro = truth[truth["kind"] == "micro"]
    tables = (micro, predictions)
    analysed = uncertainty.bootstrap(strs.tally(*tables, videos=videos, emotions=emotions), **resampling)
    # A tally of frames has a column per distinct score, for which the studentised interval would take minutes.
    ranked, ranked_smoothed = (
        uncertainty.bootstrap(spotting.tally_frames(micro, _frame_table(each)), method="bca", **resampling)
        for each in (scores, smoothed)
    )
    given = (named["emotion"], named["named"], named["subject"])
    recognised = uncertainty.bootstrap(recognition.tally(*given, classes=emotions), **resampling)
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
    pairs = (
        micro["emotion"].to_numpy()[matched.truth],
        predictions["emotion"].to_numpy()[matched.prediction],
    )
    neutral = pairs[1] == "neutral"
    return {
        "spotting_and_naming": _rows(analysed.table),
        "frames": _rows(ranked.table),
        "frames_smoothed": _rows(ranked_smoothed.table),
        "recognition": _rows(recognised.table),
        "chance": {name: _rows(null.table) for name, null in nulls.items()},
        "shuffled": [
            recognition.evaluate(draw["emotion"], draw["named"], classes=emotions)
            for _, draw in controls.groupby("draw")
        ],
        "confusion": {
            "emotions": list(emotions),
            "given": _confusion(*given[:2], emotions),
            "spotted": _confusion(*(column[~neutral] for column in pairs), emotions),
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
        "cautions": [words for words in (analysed.caution,) if words],
    }


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
