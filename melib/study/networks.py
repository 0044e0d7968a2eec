"""The networks of an experiment: how each is trained on the samples of some people, and how it scores a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from sklearn.base import clone
from torch import nn

from melib.study.data import EmotionSamples, SpottingSamples
from melib.study.parameters import LEARNING_RATES, Parameters, tier_sizes
from melib.training import (
    Floor,
    MEANSettings,
    SFAMNetSettings,
    region_means,
    retrain_recognition,
    train_floor,
    train_mean,
    train_sfamnet,
)
from melib.training.stack import FoldSamples, train_stacks

Trained = tuple[nn.Module, Mapping[str, np.ndarray]]


def train(
    parameters: Parameters,
    spot_samples: SpottingSamples,
    emotion_samples: EmotionSamples,
    *,
    seed: int,
    device: torch.device,
    spotting_only: bool = False,
) -> nn.Module:
    """Train the network of an experiment on the samples of its training subjects; see :func:`train_with_history`."""
    more = {"seed": seed, "device": device, "spotting_only": spotting_only}
    return train_with_history(parameters, spot_samples, emotion_samples, **more)[0]


def train_with_history(
    parameters: Parameters,
    spot_samples: SpottingSamples,
    emotion_samples: EmotionSamples,
    *,
    seed: int,
    device: torch.device,
    spotting_only: bool = False,
) -> Trained:
    """Train the network of an experiment on the samples of its training subjects, for the steps of its tier.

    Parameters
    ----------
    spotting_only : bool
        Leave MEAN's recognition stage out where only scores are wanted; SFAMNet learns both at once anyway.

    Returns
    -------
    model : MEAN or SFAMNet
        In evaluation mode. SFAMNet has one logit more than there are emotions, for neutral.
    history : mapping
        Losses, as from :func:`melib.training.train_mean` and :func:`melib.training.train_sfamnet`.
    """
    settings = training_settings(parameters)
    common = {"seed": seed, "device": device}
    if isinstance(settings, SFAMNetSettings):
        return train_sfamnet(
            spot_samples.planes,
            spot_samples.targets,
            spot_samples.frame_labels,
            emotion_samples.planes,
            emotion_samples.labels,
            classes=len(parameters.emotions) + 1,
            settings=settings,
            **common,
        )
    return train_mean(
        spot_samples.planes,
        spot_samples.targets,
        emotion_samples.planes,
        emotion_samples.labels,
        classes=len(parameters.emotions),
        settings=replace(settings, recognition_steps=0) if spotting_only else settings,
        **common,
    )


def stackable(parameters: Parameters) -> bool:
    """Whether the folds of an experiment make equally many updates, so that they can be trained as one stack."""
    if parameters.model == "floor":
        return False
    settings = training_settings(parameters)
    return isinstance(settings, SFAMNetSettings) or None not in (settings.spot_steps, settings.recognition_steps)


def train_stacked(
    parameters: Parameters,
    samples: Sequence[tuple[SpottingSamples, EmotionSamples]],
    *,
    seeds: Sequence[int],
    device: torch.device,
) -> list[Trained]:
    """Train the networks of all folds as one stack, or as several where memory is short.

    Parameters
    ----------
    samples : sequence of (SpottingSamples, EmotionSamples)
        What each fold is trained on.
    seeds : sequence of int
        One a fold.

    Returns
    -------
    list of (model, history)
        What :func:`train_with_history` gives for each fold alone, up to rounding.
    """
    settings = training_settings(parameters)
    sfamnet = isinstance(settings, SFAMNetSettings)
    folds = [
        FoldSamples(
            (
                *(spot.planes, spot.targets),
                *((spot.frame_labels,) if sfamnet else ()),
                *(emotions.planes, emotions.labels),
            ),
            seed,
        )
        for (spot, emotions), seed in zip(samples, seeds, strict=True)
    ]
    classes = len(parameters.emotions) + sfamnet
    return train_stacks(folds, classes=classes, settings=settings, device=device)


def train_on_shuffled(
    parameters: Parameters,
    model: nn.Module,
    spot_samples: SpottingSamples,
    emotion_samples: EmotionSamples,
    *,
    seed: int,
    device: torch.device,
) -> Trained:
    """The control: the same network, its emotions learnt from labels that were dealt out anew.

    MEAN keeps what it has learnt of spotting, on which its recognition stands; SFAMNet is trained anew.
    """
    generator = np.random.default_rng(seed)
    shuffled = emotion_samples.shuffled(generator)
    settings = training_settings(parameters)
    if isinstance(settings, MEANSettings):
        model, losses = retrain_recognition(model, shuffled.planes, shuffled.labels, settings=settings, seed=seed)
        return model, {"recognition": losses}
    return train_with_history(parameters, spot_samples.shuffled(generator), shuffled, seed=seed, device=device)


def train_floor_beside(
    parameters: Parameters, spot_samples: SpottingSamples, emotion_samples: EmotionSamples, *, seed: int
) -> Floor:
    """The floor, trained on the very samples of a network."""
    return train_floor(
        spot_samples.planes,
        spot_samples.targets,
        emotion_samples.planes,
        emotion_samples.labels,
        classes=len(parameters.emotions),
        seed=seed,
    )


def floor_on_shuffled(floor: Floor, emotion_samples: EmotionSamples, *, seed: int) -> Floor:
    """The floor's control: what it has learnt of spotting, and emotions from labels that were dealt out anew."""
    shuffled = emotion_samples.shuffled(np.random.default_rng(seed))
    recognition = clone(floor.recognition).fit(region_means(shuffled.planes), shuffled.labels)
    return replace(floor, recognition=recognition)


def training_settings(parameters: Parameters) -> MEANSettings | SFAMNetSettings:
    """How long and how fast the network of an experiment is trained; what is not a parameter is as published.

    Of filmed faces under protocol ``authors`` and at tier ``full``, length and rate are published too.
    """
    sizes, rate = tier_sizes(parameters.tier), LEARNING_RATES[parameters.model]
    published = parameters.filmed and parameters.rule == "authors" and parameters.tier == "full"
    if parameters.model == "sfamnet":
        settings = SFAMNetSettings(attention=parameters.attention, spot_weight=parameters.spot_weight)
        if not parameters.augmentation:
            settings = replace(settings, magnitude=0.0)
        return settings if published else replace(settings, steps=sizes.joint_steps, batch=sizes.batch, rate=rate)
    settings = MEANSettings(transfer=parameters.transfer)
    if published:
        return settings
    steps = {"spot_steps": sizes.spot_steps, "recognition_steps": sizes.recognition_steps}
    return replace(settings, **steps, batch=sizes.batch, rate=rate)
