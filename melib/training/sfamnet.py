"""Training SFAMNet: both tasks at once.

Source: the SFAMNet paper (see :mod:`melib.models.sfamnet`) and the training settings of its released code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from melib.errors import InputError
from melib.models import SFAMNet, choose_device
from melib.training.loop import Stage, fit
from melib.training.sampling import INITIAL, Sampler, check_samples, downsample_negatives, torch_generator

PART = 128  # samples whose gradient is taken at a time: what fits the caches of a core best


@dataclass(frozen=True)
class SFAMNetSettings:
    """How SFAMNet is trained; the defaults are the published values."""

    steps: int = 1001  # updates; the released loop makes 1001 where its setting says 1000
    batch: int = 1024
    rate: float = 1e-4  # Adam's learning rate
    spot_weight: float = 0.9  # share of the spotting loss in the total; the recognition loss has the rest
    magnitude: float = 0.1  # samples are multiplied by a factor within 1 +- magnitude, in steps of .01
    negative_ratio: float = 1.0  # frames without a micro-expression for each positive or recognition sample
    attention: bool = True  # CBAM in the streams
    #: Let the recognition loss of a batch without a named emotion be 0/0, as in the release, and not be left out.
    released_zero_division: bool = False


class JointStage(Stage):
    """Squared error of the score and cross-entropy of the emotion, weighted by class (:func:`balanced_weights`)."""

    def __init__(self, model: SFAMNet, class_weights: Tensor, settings: SFAMNetSettings) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("class_weights", class_weights)
        self.spot_weight = settings.spot_weight
        self.zero_division = settings.released_zero_division

    def prepare(self, planes: Tensor, target: Tensor, label: Tensor, factor: Tensor) -> tuple[Tensor, ...]:
        """Add the share of each sample in the two means over the batch."""
        weight = self.class_weights[label]
        total = weight.sum()
        if not self.zero_division:
            total = torch.where(total > 0, total, 1)
        return planes, target, label, factor, torch.full_like(target, 1 / len(target)), weight / total

    def forward(
        self, planes: Tensor, target: Tensor, label: Tensor, factor: Tensor, spot_share: Tensor, emotion_share: Tensor
    ) -> Tensor:
        score, logits = self.model(planes * factor[:, None, None, None])
        spotting = (spot_share * (score - target).square()).sum()
        recognition = (emotion_share * functional.cross_entropy(logits, label, reduction="none")).sum()
        total = self.spot_weight * spotting + (1 - self.spot_weight) * recognition
        return torch.stack([total, spotting, recognition])


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Weights ``(classes,)`` float32 that give every emotion present the same say.

    ``n / (emotions present * n of the emotion)``; neutral (``classes - 1``) gets 0, like an emotion that is absent.
    """
    counts = np.bincount(labels, minlength=classes)[: classes - 1]
    if not counts.any():
        raise InputError("no sample carries an emotion: recognition cannot be trained")
    weights = np.zeros(classes, np.float32)
    present = np.flatnonzero(counts)
    weights[present] = counts.sum() / (len(present) * counts[present])
    return weights


def train_sfamnet(
    planes: np.ndarray,
    spot_targets: np.ndarray,
    frame_labels: np.ndarray,
    emotion_planes: np.ndarray,
    emotion_labels: np.ndarray,
    *,
    classes: int,
    settings: SFAMNetSettings | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> tuple[SFAMNet, dict[str, np.ndarray]]:
    """Train SFAMNet on the samples of the training subjects; it returns what :func:`melib.training.train_mean` does.

    Positives are the labelled frames and the recognition samples, with as many negatives. The last state is returned.

    Parameters
    ----------
    planes, emotion_planes, seed, device
        As for :func:`melib.training.train_mean`.
    spot_targets, frame_labels : ndarray, (N,)
        See :func:`melib.training.sfamnet_labels`.
    emotion_labels : ndarray, (M,) int
        0 to classes - 2.
    classes : int
        The emotions, and neutral as the last.
    settings : SFAMNetSettings, optional
        The published ones by default.

    Notes
    -----
    The history has ``joint``: losses ``(steps, 3)`` before each update: total, spotting, recognition. Samples that do
    not match, of which none is positive, and a loss that is not finite raise ValueError.

    Departures from the release: a batch without a named emotion contributes no recognition loss (see
    :class:`SFAMNetSettings`), batches are of equal size, and the held-out subject is not looked at on the way. On a
    CPU the gradient of a batch is summed over parts of it, which changes it by rounding alone.
    """
    settings = settings or SFAMNetSettings()
    samples = planes, spot_targets, frame_labels, emotion_planes, emotion_labels
    more = {"classes": classes, "settings": settings, "seed": seed, "device": choose_device(device)}
    stage, draw = sfamnet_stage(*samples, **more)
    history = fit(stage, draw, steps=settings.steps, rate=settings.rate, part=PART)
    return stage.model.eval(), {"joint": history}


def sfamnet_stage(
    *arrays: np.ndarray, classes: int, settings: SFAMNetSettings, seed: int, device: torch.device
) -> tuple[JointStage, Sampler]:
    """A fresh network and its batches; the arrays are those of :func:`train_sfamnet`."""
    planes, spot_targets, frame_labels, emotion_planes, emotion_labels = arrays
    check_samples(planes, spot_targets, emotion_planes, emotion_labels, classes - 1)
    if len(frame_labels) != len(planes):
        raise InputError(f"{len(planes)} planes for {len(frame_labels)} frame labels: the numbers must agree")
    spot_targets = np.asarray(spot_targets)
    positives = int((spot_targets > 0).sum())
    # The recognition samples are positive too, so each brings its share of negatives.
    ratio = settings.negative_ratio * (positives + len(emotion_planes)) / max(positives, 1)
    rows = downsample_negatives(spot_targets, ratio, seed)
    samples = np.concatenate([planes[rows], emotion_planes]).astype(np.float32, copy=False)
    targets = np.concatenate([spot_targets[rows], np.ones(len(emotion_planes))]).astype(np.float32)
    labels = np.concatenate([np.asarray(frame_labels)[rows], emotion_labels]).astype(np.int64)
    model = SFAMNet(classes, attention=settings.attention, generator=torch_generator(seed, INITIAL)).to(device)
    weights = torch.from_numpy(balanced_weights(labels, classes)).to(device)
    noise = partial(magnitude_factors, settings.magnitude)
    more = {"batch": settings.batch, "seed": seed, "stage": 0, "device": device, "noise": noise}
    draw = Sampler((samples, targets, labels), np.arange(len(samples)), **more)
    return JointStage(model, weights, settings), draw


def magnitude_factors(magnitude: float, batch: int, generator: torch.Generator) -> tuple[Tensor]:
    """The augmentation: a factor for each sample, on the grid ``1 - magnitude, ..., 1 + magnitude`` of step .01."""
    widest = round(100 * magnitude)
    steps = torch.randint(-widest, widest + 1, (batch,), generator=generator, device=generator.device)
    return (1 + steps / 100,)
