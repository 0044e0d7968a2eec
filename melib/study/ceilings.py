"""What a spotting rule finds in a perfect score: the pseudo-label that its network learns, given for the test videos.

A rule cannot be lifted above this by a network that scores better. Where even a perfect score loses expressions, it
is the rule's lengths and windows that lose them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from melib import features, provenance
from melib.metrics import chance, strs, uncertainty
from melib.study.chain import spot
from melib.study.data import micro, open_data
from melib.study.measure import CHANCE_DRAWS
from melib.study.parameters import Parameters, tier_sizes
from melib.study.rows import Chain, Computed, plain
from melib.study.rules import choose_rule, released_rule
from melib.training import class_index, half_length, sfamnet_labels, spotting_targets
from melib.video import Video, truth_table, video_table


@dataclass(frozen=True)
class PerfectSystem:
    """Stands where a network stands (:class:`melib.study.systems.System`), and answers with the labels.

    Attributes
    ----------
    parameters : Parameters
        The pseudo-label is that of the paper whose rule it is (``finder``).
    k_p : int
        Of the training subjects.
    """

    parameters: Parameters
    k_p: int

    @property
    def readers(self) -> tuple[PerfectSystem]:
        """What tells the experiment's parameters: itself."""
        return (self,)

    def samples(self, videos: Sequence[Video], clips: Sequence[Video]) -> tuple:
        """Nothing is learnt, so nothing is read."""
        return ()

    def train(self, samples: tuple, **how: object) -> PerfectSystem:
        """Itself."""
        return self

    def score_frames(self, video: Video) -> tuple[np.ndarray, np.ndarray]:
        """The pseudo-label of each frame ``(T - k,)``, and certainty of its emotion ``(T - k, C)``; neutral is last."""
        given = self.parameters
        frames = np.arange(video.n_frames - features.gap_frames(video.fps, given.gap_s))
        if given.finder == "mean":
            score = spotting_targets(frames, video.expressions, k_p=self.k_p)
        else:
            score, _ = sfamnet_labels(frames, video.expressions, given.emotions, merge=given.merge)
        named = np.full(len(frames), len(given.emotions))
        for expression in micro(video):
            near = (frames >= expression.onset - self.k_p) & (frames <= expression.offset)
            named[near] = class_index(expression.emotion, given.emotions, given.merge)
        return score.astype(np.float32), np.eye(len(given.emotions) + 1, dtype=np.float32)[named]


def _parameters(values: Mapping[str, object], tier: str, seed: int) -> Parameters:
    return Parameters.of({**values, "tier": tier, "seed": seed}).resolved()


def _describe(values: Mapping[str, object], tier: str, seed: int) -> dict:
    return {"parameters": asdict(_parameters(values, tier, seed)), "sizes": asdict(tier_sizes(tier))}


def _prepare(values: Mapping[str, object], tier: str, store: Path, jobs: int) -> None:
    """Nothing: no image is read."""


def _compute(values: Mapping[str, object], tier: str, seed: int, store: Path) -> Computed:
    started = time.perf_counter()
    parameters = _parameters(values, tier, seed)
    dataset, folds = open_data(parameters)
    rules, predictions = [], []
    for number, fold in enumerate(folds):
        k_p = half_length(expression for video in fold.train for expression in video.expressions)
        system = PerfectSystem(parameters, k_p)
        rule = released_rule(parameters, k_p=k_p)
        if parameters.rule == "strict":
            seeds = partial(_split_seed, seed, number)
            rule, _ = choose_rule(system, fold, k_p=k_p, seeds=seeds, name=f"fold_{number}")
        rules.append(rule.as_record())
        predictions += [spot(system, video, rule=rule)[1] for video in fold.test]
    tested = [video for fold in folds for video in fold.test]
    truth, videos = truth_table(tested).replace({"emotion": parameters.merge}), video_table(tested)
    found = pd.concat(predictions, ignore_index=True)
    asked = (truth[truth["kind"] == "micro"], found)
    counted = strs.tally(*asked, videos=videos, emotions=parameters.emotions)
    shifted = chance.shifted(*asked, videos, emotions=parameters.emotions, n_draws=CHANCE_DRAWS, seed=seed)
    record = {
        "experiment": "ceiling_of_a_rule",
        "dataset": {"name": dataset.name, "version": dataset.version, "synthetic": dataset.synthetic},
        "rules": rules,
        "spotting_and_naming": plain(
            uncertainty.bootstrap(counted, n_resamples=tier_sizes(parameters.tier).resamples, seed=seed).table
        ),
        "chance": {"shifted": plain(shifted.table)},
        "confusion": {"emotions": list(parameters.emotions)},
        "counts": {"subjects": videos["subject"].nunique(), "videos": len(videos), "micro_expressions": len(asked[0])},
        "provenance": provenance.provenance(device="cpu"),
        "seconds": round(time.perf_counter() - started, 1),
    }
    return Computed(record, found, {"truth": truth, "videos": videos})


def _split_seed(seed: int, fold: int, inner: int) -> int:
    return int(np.random.SeedSequence([seed, fold, inner + 2]).generate_state(1)[0])


CEILINGS = Chain("ceilings", _describe, lambda values, tier: {}, _prepare, _compute)
