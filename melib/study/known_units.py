"""A control: the names that the true action units give, to a linear classifier that is told which muscles moved.

It sees no image. What it leaves unnamed no reading of motion can be blamed for: action units do not decide an emotion
(:mod:`melib.synthetic.action_units`). It is no bound either, for the strength of a movement also tells.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from melib import provenance
from melib.metrics import chance, recognition, uncertainty
from melib.study.data import micro, open_data
from melib.study.measure import CHANCE_DRAWS
from melib.study.parameters import Parameters, tier_sizes
from melib.study.rows import Chain, Computed, plain
from melib.study.videos import count_names
from melib.training import class_index
from melib.video import Video


def _parameters(values: Mapping[str, object], tier: str, seed: int) -> Parameters:
    return Parameters.of({**values, "tier": tier, "seed": seed}).resolved()


def _describe(values: Mapping[str, object], tier: str, seed: int) -> dict:
    return {"parameters": asdict(_parameters(values, tier, seed)), "sizes": asdict(tier_sizes(tier))}


def _prepare(values: Mapping[str, object], tier: str, store: Path, jobs: int) -> None:
    """Nothing: no image is read."""


def told(videos: Sequence[Video], parameters: Parameters) -> tuple[list[dict[str, int]], np.ndarray, list[str]]:
    """Action units of the micro-expressions of some videos, their classes, and whose they are."""
    found = [(video, expression) for video in videos for expression in micro(video)]
    return (
        [{unit: 1 for unit in expression.action_units} for _, expression in found],
        np.array([class_index(each.emotion, parameters.emotions, parameters.merge) for _, each in found], int),
        [video.subject for video, _ in found],
    )


def _compute(values: Mapping[str, object], tier: str, seed: int, store: Path) -> Computed:
    started = time.perf_counter()
    parameters = _parameters(values, tier, seed)
    dataset, folds = open_data(parameters)
    emotions, sizes = parameters.emotions, tier_sizes(parameters.tier)
    answered, shuffled = [], []
    for number, fold in enumerate(folds):
        units, labels, _ = told(fold.train + fold.train_clips, parameters)
        asked, true, subjects = told(fold.test + fold.test_clips, parameters)
        given = {"subject": subjects, "emotion": [emotions[index] for index in true]}
        answered.append(pd.DataFrame(given).assign(named=_names(units, labels, asked, emotions)))
        generator = np.random.default_rng([seed, number, 21])
        for draw in range(chance.FEWEST_DRAWS):
            named = _names(units, generator.permutation(labels), asked, emotions)
            shuffled.append(pd.DataFrame(given).assign(named=named, draw=draw))
    named = pd.concat(answered, ignore_index=True)
    tally = recognition.tally(named["emotion"], named["named"], named["subject"], classes=emotions)
    confusion = recognition.confusion_matrix(named["emotion"], named["named"], classes=emotions)
    guessed = chance.guessed(named["emotion"], classes=emotions, n_draws=CHANCE_DRAWS, seed=seed)
    record = {
        "experiment": "known_action_units",
        "dataset": {"name": dataset.name, "version": dataset.version, "synthetic": dataset.synthetic},
        "recognition": plain(uncertainty.bootstrap(tally, n_resamples=sizes.resamples, seed=seed).table),
        "chance": {"guessed": plain(guessed.table)},
        "shuffled": [
            recognition.evaluate(draw["emotion"], draw["named"], classes=emotions)
            for _, draw in pd.concat(shuffled).groupby("draw")
        ],
        "confusion": {
            "emotions": list(emotions),
            "given": confusion.to_numpy().tolist(),
        },
        "counts": {"subjects": named["subject"].nunique(), "given_expressions": len(named)},
        "provenance": provenance.provenance(device="cpu"),
        "seconds": round(time.perf_counter() - started, 1),
    }
    return Computed(record, named, {"named": count_names(named)})


def _names(units: list[dict], labels: np.ndarray, asked: list[dict], emotions: Sequence[str]) -> list[str]:
    model = make_pipeline(DictVectorizer(sparse=False), LogisticRegression(class_weight="balanced", max_iter=1000))
    return [emotions[index] for index in model.fit(units, labels).predict(asked)]


KNOWN_UNITS = Chain("units", _describe, lambda values, tier: {}, _prepare, _compute)
