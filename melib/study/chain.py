"""Spot, then recognize: the experiment from end to end."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from melib import provenance
from melib.models import choose_device, predict
from melib.spotting import centred_smooth
from melib.study.data import EmotionSamples, Reader, open_data, prepare
from melib.study.measure import measure
from melib.study.networks import score_frames, train, train_on_shuffled
from melib.study.parameters import Parameters, tier_sizes
from melib.study.rules import Rule, choose_rule, released_rule
from melib.video import Video, truth_table, video_table


@dataclass(frozen=True)
class Outcome:
    """What a study found.

    Attributes
    ----------
    record : dict
        Parameters, provenance and metrics with intervals; can be written as JSON.
    truth, videos : pandas.DataFrame
        Labels, emotions merged into classes, and all videos of the tested subjects
        (:func:`melib.video.truth_table`, :func:`melib.video.video_table`).
    predictions : pandas.DataFrame
        Found intervals: ``subject, video, onset, apex, offset, emotion, score``.
    named : pandas.DataFrame
        Given expressions and the names they got: ``subject, emotion, named``.
    scores, smoothed : dict
        ``(subject, video)`` to the score of each frame, ``(T - k,)`` float32: as the network gives it, and its mean
        over ``2 k_p + 1`` frames.
    """

    record: dict
    truth: pd.DataFrame
    videos: pd.DataFrame
    predictions: pd.DataFrame
    named: pd.DataFrame
    scores: dict[tuple[str, str], np.ndarray]
    smoothed: dict[tuple[str, str], np.ndarray]


def run(parameters: Parameters, *, store: Path | str) -> Outcome:
    """Train on each fold, score and name the tested videos, and measure.

    Parameters
    ----------
    parameters : Parameters
    store : path
        Folder of the feature store; what it lacks is computed first.

    Returns
    -------
    Outcome
    """
    started = time.perf_counter()
    device = choose_device(parameters.device)
    prepare(parameters, store=store)
    dataset, folds = open_data(parameters)
    reader = Reader(dataset, parameters, Path(store))
    draws = tier_sizes(parameters.tier).control_draws
    predictions, named, controls, scores, smoothed, k_ps, rules = [], [], [], {}, {}, [], []
    for number, fold in enumerate(folds):
        spot_samples = reader.spotting_samples(fold.train)
        emotion_samples = reader.emotion_samples(fold.train + fold.train_clips)
        tested = reader.emotion_samples(fold.test + fold.test_clips)
        model = train(parameters, spot_samples, emotion_samples, seed=_seed(parameters, number, 0), device=device)
        k_p = spot_samples.k_p
        k_ps.append(k_p)
        rule, chosen = released_rule(parameters, k_p=k_p), {}
        if parameters.rule == "strict":
            rule, choice = choose_rule(
                reader, fold, k_p=k_p, seeds=partial(_inner_seed, parameters, number), device=device
            )
            chosen = {"f1_inner": choice.f1}
        rules.append(rule.as_record() | chosen)
        for video in fold.test:
            score, found = spot(model, reader, video, rule=rule, device=device)
            scores[video.subject, video.name] = score
            smoothed[video.subject, video.name] = centred_smooth(score, k_p)
            predictions.append(found)
        named.append(name(model, tested, parameters.emotions, device))
        for draw in range(draws):
            seed = _seed(parameters, number, draw + 1)
            control = train_on_shuffled(parameters, model, spot_samples, emotion_samples, seed=seed, device=device)
            controls.append(name(control, tested, parameters.emotions, device).assign(draw=draw))
    videos = [video for fold in folds for video in fold.test]
    truth = truth_table(videos).replace({"emotion": parameters.merge})
    found = {
        "truth": truth,
        "videos": video_table(videos),
        "predictions": pd.concat(predictions, ignore_index=True),
        "named": pd.concat(named, ignore_index=True),
        "scores": scores,
        "smoothed": smoothed,
    }
    record = {
        "experiment": "spot_then_recognize",
        "parameters": asdict(parameters),
        "sizes": asdict(tier_sizes(parameters.tier)),
        "dataset": {"name": dataset.name, "version": dataset.version, "synthetic": dataset.synthetic},
        "k_p": k_ps,
        "rules": rules,
        **measure(**found, controls=pd.concat(controls, ignore_index=True), parameters=parameters),
        "provenance": provenance.provenance(device=str(device)),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": _peak_memory_mb(),
    }
    return Outcome(record=record, **found)


def spot(
    model: nn.Module, reader: Reader, video: Video, *, rule: Rule, device: torch.device
) -> tuple[np.ndarray, pd.DataFrame]:
    """Score the frames of a video, make intervals of the scores by a rule, and name each.

    Returns
    -------
    score : ndarray, (T - k,) float32
        Interpolated where the stride left frames out.
    found : pandas.DataFrame
        A row per interval, clipped to the video: ``subject, video, onset, apex, offset, emotion, score``. SFAMNet may
        name an interval ``neutral``.
    """
    score, logits = score_frames(model, reader, video, device=device)
    positions = rule.positions(score)
    classes = (*reader.parameters.emotions, "neutral")
    named = rule.names(logits.argmax(axis=1), positions)
    frames = np.clip(positions * rule.frame_skip, 0, video.n_frames - 1)
    found = pd.DataFrame(frames, columns=["onset", "apex", "offset"])
    found.insert(0, "subject", video.subject)
    found.insert(1, "video", video.name)
    found["emotion"] = [classes[index] for index in named]
    found["score"] = rule.heights(score, positions)
    return score, found


def name(model: nn.Module, samples: EmotionSamples, emotions: Sequence[str], device: torch.device) -> pd.DataFrame:
    """The names that given expressions get: ``subject, emotion, named``, a row per expression.

    That there is an expression is given, so neutral, which SFAMNet knows as its last class, is no answer.
    """
    _, logits = predict(model, samples.planes, device=device)
    logits = logits[:, : len(emotions)]
    return pd.DataFrame(
        {
            "subject": samples.subjects,
            "emotion": [emotions[index] for index in samples.labels],
            "named": [emotions[index] for index in logits.argmax(axis=1)],
        }
    )


def _seed(parameters: Parameters, fold: int, draw: int) -> int:
    """One integer for each training of a study."""
    return int(np.random.SeedSequence([parameters.seed, fold, draw]).generate_state(1)[0])


def _inner_seed(parameters: Parameters, fold: int, inner: int) -> int:
    """One integer for each inner training of a fold, and for -1 one that splits its subjects."""
    # A trailing 0 would give the seed of the fold's own training.
    return int(np.random.SeedSequence([parameters.seed, fold, 0, inner + 2]).generate_state(1)[0])


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
