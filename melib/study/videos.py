"""Rows of long videos: :func:`melib.study.run` as a chain, and what its records keep for comparisons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from melib.metrics import spotting
from melib.study.chain import Outcome, run
from melib.study.data import prepare
from melib.study.parameters import Parameters, tier_sizes
from melib.study.rows import Chain, Computed

#: Levels to which smoothed scores are rounded before they are counted per subject: quantiles of all tested frames.
#: The ROC-AUC of 64 levels differs from that of the scores themselves in the third decimal at most.
LEVELS = 64
#: Sizes of a tier that only what is rendered can have.
_RENDERED = ("train_subjects", "test_subjects", "videos", "frames", "clips")
#: Points of a learning curve that a record keeps.
LEARNING_PARTS = 10


def _parameters(values: Mapping[str, object], tier: str, seed: int) -> Parameters:
    return Parameters.of({**values, "tier": tier, "seed": seed}).resolved()


def _describe(values: Mapping[str, object], tier: str, seed: int) -> dict:
    parameters = _parameters(values, tier, seed)
    sizes = asdict(tier_sizes(tier))
    if parameters.filmed:  # a dataset has the people and videos that it has
        sizes = {name: size for name, size in sizes.items() if name not in _RENDERED} | {"stride": parameters.stride}
    return {"parameters": {**asdict(parameters), "data_root": ""}, "sizes": sizes}  # a folder says nothing elsewhere


def _reads(values: Mapping[str, object], tier: str) -> dict:
    parameters = _parameters(values, tier, 0)
    data = {name: getattr(parameters, name) for name in ("dataset", "data_root", "suite", "split", "gap_s")}
    return data | {"settings": [asdict(part.feature_settings()) for part in parameters.parts]}


def _prepare(values: Mapping[str, object], tier: str, store: Path, jobs: int) -> None:
    prepare(_parameters(values, tier, 0), store=store, jobs=jobs)


def _compute(values: Mapping[str, object], tier: str, seed: int, store: Path) -> Computed:
    parameters = _parameters(values, tier, seed)
    name = hashlib.sha256(json.dumps(asdict(parameters), sort_keys=True).encode()).hexdigest()[:16]
    # Trainings lie beside the features: a row that was killed goes on from its last checkpoint.
    keep = store / "trainings" / tier / name
    outcome = run(parameters, store=store, keep=keep, pool=store / "trainings" / "networks")
    return Computed(outcome.record, outcome.predictions, kept_tables(outcome) | {"learning": learning(keep)})


VIDEOS = Chain("videos", describe=_describe, reads=_reads, prepare=_prepare, compute=_compute)


def kept_tables(outcome: Outcome) -> dict[str, pd.DataFrame]:
    """What a record of long videos keeps for comparisons.

    Returns
    -------
    dict of pandas.DataFrame
        ``truth`` (labels), ``videos``, ``named`` (given expressions: ``subject, emotion, named, count``) and
        ``frames`` (``subject, level, inside, outside``: tested frames by level of the smoothed score).
    """
    return {
        "truth": outcome.truth,
        "videos": outcome.videos,
        "named": count_names(outcome.named),
        "frames": count_frames(outcome.truth, outcome.smoothed),
    }


def learning(keep: Path) -> pd.DataFrame:
    """How the loss of each kept training fell.

    Parameters
    ----------
    keep : Path
        Folder of kept trainings, see :mod:`melib.study.kept`.

    Returns
    -------
    pandas.DataFrame
        ``fold, input, stage, step, loss``: the total loss, means over :data:`LEARNING_PARTS` equal parts of a stage,
        each at its last step; empty for the floor.
    """
    found = []
    for path in sorted(keep.glob("fold_*/*.csv")):
        losses = pd.read_csv(path).query("term == 'total'")
        for stage, curve in losses.groupby("stage", sort=False):
            part = np.arange(len(curve)) * LEARNING_PARTS // len(curve)
            means = curve.groupby(part).agg(step=("step", "max"), loss=("loss", "mean")).round(5)
            found.append(means.assign(fold=path.parent.name, input=path.stem, stage=stage))
    columns = ["fold", "input", "stage", "step", "loss"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def count_names(named: pd.DataFrame) -> pd.DataFrame:
    """Given expressions and the names they got, counted: ``subject, emotion, named, count``."""
    return named.groupby(["subject", "emotion", "named"], sort=True).size().rename("count").reset_index()


def count_frames(truth: pd.DataFrame, scores: Mapping[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Tested frames inside and outside of true micro-expressions by level of their score.

    Parameters
    ----------
    truth : pandas.DataFrame
        Labels of the tested videos.
    scores : mapping
        ``(subject, video)`` to the score of each frame.

    Returns
    -------
    pandas.DataFrame
        ``subject, level, inside, outside``, levels ``0 .. LEVELS - 1`` rising with the score.
    """
    table = pd.concat(
        [
            pd.DataFrame({"subject": subject, "video": video, "frame": np.arange(len(score)), "score": score})
            for (subject, video), score in scores.items()
        ],
        ignore_index=True,
    )
    inside = spotting.frame_labels(truth[truth["kind"] == "micro"], table).astype(bool)
    edges = np.quantile(table["score"], np.linspace(0, 1, LEVELS + 1)[1:-1])
    table["level"] = np.searchsorted(edges, table["score"], side="right")
    counted = table.assign(inside=inside.astype(int), outside=(~inside).astype(int))
    return counted.groupby(["subject", "level"], sort=True)[["inside", "outside"]].sum().reset_index()
