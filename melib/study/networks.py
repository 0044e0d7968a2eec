"""The networks of an experiment: how each is trained on the samples of some people, and how it scores a video."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from melib import features, spotting
from melib.models import predict
from melib.study.data import EmotionSamples, Reader, SpottingSamples, spotting_pairs
from melib.study.parameters import LEARNING_RATES, Parameters, tier_sizes
from melib.training import MEANSettings, SFAMNetSettings, retrain_recognition, train_mean, train_sfamnet
from melib.video import Video


def train(
    parameters: Parameters,
    spot_samples: SpottingSamples,
    emotion_samples: EmotionSamples,
    *,
    seed: int,
    device: torch.device,
    spotting_only: bool = False,
) -> nn.Module:
    """Train the network of an experiment on the samples of its training subjects, for the steps of its tier.

    Parameters
    ----------
    spotting_only : bool
        Leave MEAN's recognition stage out where only scores are wanted; SFAMNet learns both at once anyway.

    Returns
    -------
    MEAN or SFAMNet
        In evaluation mode. SFAMNet has one logit more than there are emotions, for neutral.
    """
    settings = training_settings(parameters)
    if isinstance(settings, SFAMNetSettings):
        model, _ = train_sfamnet(
            spot_samples.planes,
            spot_samples.targets,
            spot_samples.frame_labels,
            emotion_samples.planes,
            emotion_samples.labels,
            classes=len(parameters.emotions) + 1,
            settings=settings,
            seed=seed,
            device=device,
        )
        return model
    model, _ = train_mean(
        spot_samples.planes,
        spot_samples.targets,
        emotion_samples.planes,
        emotion_samples.labels,
        classes=len(parameters.emotions),
        settings=replace(settings, recognition_steps=0) if spotting_only else settings,
        seed=seed,
        device=device,
    )
    return model


def train_on_shuffled(
    parameters: Parameters,
    model: nn.Module,
    spot_samples: SpottingSamples,
    emotion_samples: EmotionSamples,
    *,
    seed: int,
    device: torch.device,
) -> nn.Module:
    """The control: the same network, its emotions learnt from labels that were dealt out anew.

    MEAN keeps what it has learnt of spotting, on which its recognition stands; SFAMNet is trained anew.
    """
    generator = np.random.default_rng(seed)
    shuffled = emotion_samples.shuffled(generator)
    settings = training_settings(parameters)
    if isinstance(settings, MEANSettings):
        return retrain_recognition(model, shuffled.planes, shuffled.labels, settings=settings, seed=seed)[0]
    return train(parameters, spot_samples.shuffled(generator), shuffled, seed=seed, device=device)


def training_settings(parameters: Parameters) -> MEANSettings | SFAMNetSettings:
    """How long and how fast the network of an experiment is trained; the rest is as published."""
    sizes, rate = tier_sizes(parameters.tier), LEARNING_RATES[parameters.model]
    if parameters.model == "sfamnet":
        return SFAMNetSettings(steps=sizes.spot_steps, batch=sizes.batch, rate=rate)
    return MEANSettings(
        spot_steps=sizes.spot_steps, recognition_steps=sizes.recognition_steps, batch=sizes.batch, rate=rate
    )


def score_frames(
    model: nn.Module, reader: Reader, video: Video, *, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Score the frames of a video, interpolated where the stride left frames out.

    Returns
    -------
    score : ndarray, (T - k,) float32
    emotion_logits : ndarray, (T - k, C) float32
    """
    parameters = reader.parameters
    pairs = spotting_pairs(video, parameters)
    raw, logits = predict(model, reader.planes(video, pairs), device=device)
    n_scored = video.n_frames - features.gap_frames(video.fps, parameters.gap_s)
    return spotting.per_frame(raw, pairs[0], n_scored), spotting.per_frame(logits, pairs[0], n_scored)
