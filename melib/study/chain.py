"""Spot, then recognize: the experiment from end to end."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from melib import features, provenance, spotting
from melib.models import MEAN, choose_device, predict
from melib.study.data import EmotionSamples, Reader, SpottingSamples, open_data, prepare, spotting_pairs
from melib.study.measure import measure
from melib.study.parameters import LEARNING_RATE, Parameters, tier_sizes
from melib.training import MEANSettings, retrain_recognition, train_mean
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
    predictions, named, controls, scores, smoothed, k_ps = [], [], [], {}, {}, []
    for number, fold in enumerate(folds):
        spot_samples = reader.spotting_samples(fold.train)
        emotion_samples = reader.emotion_samples(fold.train + fold.train_clips)
        tested = reader.emotion_samples(fold.test + fold.test_clips)
        model = train(parameters, spot_samples, emotion_samples, seed=_seed(parameters, number, 0), device=device)
        k_ps.append(spot_samples.k_p)
        for video in fold.test:
            score, found = spot(model, reader, video, k_p=spot_samples.k_p, device=device)
            scores[video.subject, video.name] = score
            smoothed[video.subject, video.name] = spotting.centred_smooth(score, spot_samples.k_p)
            predictions.append(found)
        named.append(name(model, tested, parameters.emotions, device))
        for draw in range(draws):
            seed = _seed(parameters, number, draw + 1)
            shuffled = emotion_samples.shuffled(np.random.default_rng(seed))
            settings = training_settings(parameters)
            control, _ = retrain_recognition(model, shuffled.planes, shuffled.labels, settings=settings, seed=seed)
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
        **measure(**found, controls=pd.concat(controls, ignore_index=True), parameters=parameters),
        "provenance": provenance.provenance(device=str(device)),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": _peak_memory_mb(),
    }
    return Outcome(record=record, **found)


def train(
    parameters: Parameters,
    spot_samples: SpottingSamples,
    emotion_samples: EmotionSamples,
    *,
    seed: int,
    device: torch.device,
) -> MEAN:
    """Train the network of an experiment on the samples of its training subjects, for the steps of its tier."""
    model, _ = train_mean(
        spot_samples.planes,
        spot_samples.targets,
        emotion_samples.planes,
        emotion_samples.labels,
        classes=len(parameters.emotions),
        settings=training_settings(parameters),
        seed=seed,
        device=device,
    )
    return model


def training_settings(parameters: Parameters) -> MEANSettings:
    """How long and how fast the network of an experiment is trained."""
    sizes = tier_sizes(parameters.tier)
    return MEANSettings(
        spot_steps=sizes.spot_steps,
        recognition_steps=sizes.recognition_steps,
        batch=sizes.batch,
        rate=LEARNING_RATE,
    )


def spot(
    model: MEAN, reader: Reader, video: Video, *, k_p: int, device: torch.device
) -> tuple[np.ndarray, pd.DataFrame]:
    """Score the frames of a video, make intervals of the scores by MEAN's rule, and name each.

    Returns
    -------
    score : ndarray, (T - k,) float32
        Interpolated where the stride left frames out.
    found : pandas.DataFrame
        A row per interval, clipped to the video: ``subject, video, onset, apex, offset, emotion, score``.
    """
    parameters = reader.parameters
    pairs = spotting_pairs(video, parameters)
    raw, logits = predict(model, reader.planes(video, pairs), device=device)
    n_scored = video.n_frames - features.gap_frames(video.fps, parameters.gap_s)
    score = spotting.per_frame(raw, pairs[0], n_scored)
    labels = spotting.per_frame(logits, pairs[0], n_scored).argmax(axis=1)
    intervals = spotting.mean_intervals(score, k_p=k_p, p=parameters.p)
    names = spotting.name_intervals(labels, intervals)
    smooth = spotting.box_smooth(score, 2 * k_p)
    found = pd.DataFrame(intervals, columns=["onset", "apex", "offset"]).clip(0, video.n_frames - 1)
    found.insert(0, "subject", video.subject)
    found.insert(1, "video", video.name)
    found["emotion"] = [parameters.emotions[index] for index in names]
    found["score"] = smooth[found["apex"]]
    return score, found


def name(model: MEAN, samples: EmotionSamples, emotions: Sequence[str], device: torch.device) -> pd.DataFrame:
    """The names that given expressions get: ``subject, emotion, named``, a row per expression."""
    _, logits = predict(model, samples.planes, device=device)
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


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
