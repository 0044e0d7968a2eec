"""Rows of clips as a chain: from parameters to a record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from melib import provenance
from melib.errors import InputError
from melib.metrics import chance, recognition, uncertainty
from melib.study.clip_models import answer
from melib.study.clip_sheets import fill_sheet
from melib.study.clip_variants import SHEETS
from melib.study.clips import MOVING, STILL, ClipParameters, ClipSamples, everyone, load
from melib.study.rows import Chain, Computed, plain


def compute(values: Mapping[str, object], tier: str, seed: int, store: Path) -> Computed:
    """Learn on the training population, answer for fresh people, and measure."""
    started = time.perf_counter()
    parameters = ClipParameters(**values, tier=tier, seed=seed)
    train = load(parameters, "train", store=store)
    if parameters.population == "test":
        test = load(parameters, "test", store=store)
    else:
        held_out = np.isin(train.subjects, sorted(set(train.subjects))[::2])
        train, test = train.of(~held_out), train.of(held_out)
    common = sorted(set(train.subjects) & set(test.subjects))
    if common:
        raise InputError(f"subjects to be tested were learnt from: {', '.join(common)}")
    answers, controls = answer(parameters, train, test)
    truth, subjects, videos = _asked(parameters, test)
    names, sizes = parameters.names, parameters.sizes
    measured = uncertainty.bootstrap(
        recognition.tally(truth, answers, subjects, classes=names), n_resamples=sizes.resamples, seed=seed
    )
    guessed = chance.guessed(truth, classes=names, n_draws=sizes.guesses, seed=seed)
    record = {
        "experiment": "clips",
        "dataset": _described(test),
        "recognition": plain(measured.table),
        "chance": {"guessed": plain(guessed.table)},
        "shuffled": [recognition.evaluate(truth, each, classes=names) for each in controls],
        "confusion": {
            "emotions": list(names),
            "given": recognition.confusion_matrix(truth, answers, classes=names).to_numpy().tolist(),
        },
        "counts": {
            "subjects": len(set(test.subjects)),
            "clips": len(test.clips),
            "learnt_subjects": len(set(train.subjects)),
            "learnt_clips": len(train.clips),
        },
        "cautions": [measured.caution] if measured.caution else [],
        "provenance": provenance.provenance(device="cpu"),
        "seconds": round(time.perf_counter() - started, 1),
    }
    predictions = pd.DataFrame({"subject": subjects, "video": videos, "named": answers})
    named = predictions.assign(emotion=truth)
    counted = named.groupby(["subject", "emotion", "named"], sort=True).size().rename("count").reset_index()
    return Computed(record, predictions, {"named": counted})


def _asked(parameters: ClipParameters, test: ClipSamples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is true of each asked pair, whose it is, and in which clip."""
    videos = np.array([clip.name for clip in test.clips])
    if parameters.question == "recognition":
        return test.emotions, test.subjects, videos
    pairs = len((MOVING, STILL))
    truth = np.repeat([MOVING, STILL], len(test.clips))
    return truth, np.tile(test.subjects, pairs), np.tile(videos, pairs)


def _described(samples: ClipSamples) -> dict:
    suite = samples.clips[0].suite
    return {"name": f"synthetic-{suite.name}-clips", "version": suite.version, "synthetic": True}


def _describe(values: Mapping[str, object], tier: str, seed: int) -> dict:
    parameters = ClipParameters(**values, tier=tier, seed=seed)
    sizes = asdict(parameters.sizes)
    networks, sweeps = sizes.pop("people"), sizes.pop("sweep_people")
    people = networks if parameters.rows_sheet.whole else sweeps
    names = ("train_subjects", "test_subjects", "clips_of_each")
    return {"parameters": asdict(parameters), "sizes": dict(zip(names, people, strict=True)) | sizes}


def _reads(values: Mapping[str, object], tier: str) -> dict:
    return {"sheet": ClipParameters(**values, tier=tier).sheet}


def _prepare(values: Mapping[str, object], tier: str, store: Path, jobs: int) -> None:
    sheet = ClipParameters(**values, tier=tier).sheet
    fill_sheet(SHEETS[sheet], list(everyone(sheet, tier).values()), store=store, jobs=jobs)


CLIPS = Chain("clips", describe=_describe, reads=_reads, prepare=_prepare, compute=compute)
