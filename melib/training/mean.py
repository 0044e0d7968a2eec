"""Training MEAN: spotting first, then recognition on what spotting has learnt.

Source: the MEAN paper (see :mod:`melib.models.mean`) and the training settings of its released code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from melib.errors import InputError
from melib.models import MEAN, choose_device
from melib.models.mean import Streams
from melib.training.loop import Stage, fit
from melib.training.sampling import INITIAL, FoldSamples, Sampler, check_samples, downsample_negatives, torch_generator

SPOTTING, RECOGNITION = 0, 1  # the two stages, as names of random streams
ADAM_EPSILON = 1e-7  # Keras' default


@dataclass(frozen=True)
class MEANSettings:
    """How MEAN is trained; the defaults are the published values."""

    spot_epochs: int = 10  # passes over the samples of the two stages
    recognition_epochs: int = 100
    spot_steps: int | None = None  # number of updates instead of passes, where given
    recognition_steps: int | None = None
    batch: int = 32
    rate: float = 5e-4  # Adam's learning rate
    negative_ratio: float = 5.0  # negatives kept for each positive spotting sample
    transfer: bool = True  # recognition on the frozen shared module of stage 1; False trains a network from scratch

    def steps(self, stage: int, samples: int) -> int:
        """Number of updates of a stage with so many samples."""
        steps = (self.spot_steps, self.recognition_steps)[stage]
        epochs = (self.spot_epochs, self.recognition_epochs)[stage]
        return epochs * -(-samples // self.batch) if steps is None else steps


class SpottingStage(Stage):
    """Squared error of the score, and the L2 terms."""

    def __init__(self, model: MEAN) -> None:
        super().__init__()
        self.model = model
        model.requires_grad_(False)
        model.shared.requires_grad_(True)
        model.spot.requires_grad_(True)

    def forward(self, planes: Tensor, target: Tensor, *masks: Tensor) -> Tensor:
        features = self.model.shared(planes) * masks[0]
        loss = functional.mse_loss(self.model.spot(features, masks[1]).squeeze(1), target)
        return torch.stack([loss + self.model.shared.penalty() + self.model.spot.penalty(), loss])


class RecognitionStage(Stage):
    """Cross-entropy of the emotion, and the L2 terms of what is trained.

    The samples are features of the frozen shared module, or planes where nothing is transferred.
    """

    def __init__(self, model: MEAN) -> None:
        super().__init__()
        self.model = model
        model.requires_grad_(False)
        model.recognition.requires_grad_(True)
        if model.recognition_streams is not None:
            model.recognition_streams.requires_grad_(True)

    def train(self, mode: bool = True) -> RecognitionStage:
        """Training mode for what is trained; the frozen part keeps its batch statistics."""
        super().train(mode)
        self.model.shared.eval()
        return self

    def forward(self, samples: Tensor, label: Tensor, *masks: Tensor) -> Tensor:
        streams, head = self.model.recognition_streams, self.model.recognition
        features, penalty = (samples, 0) if streams is None else (streams(samples), streams.penalty())
        loss = functional.cross_entropy(head(features * masks[0], masks[2]), label)
        return torch.stack([loss + penalty + head.penalty(), loss])


def train_mean(
    planes: np.ndarray,
    spot_targets: np.ndarray,
    emotion_planes: np.ndarray,
    emotion_labels: np.ndarray,
    *,
    classes: int,
    settings: MEANSettings | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> tuple[MEAN, dict[str, np.ndarray]]:
    """Train MEAN on the samples of the training subjects: a network in evaluation mode, on the device, and its history.

    Stage 1 fits the shared module and the spotting head to the pseudo-labels, with negatives down-sampled. Stage 2
    fits the recognition head on onset-apex samples; the shared module and the spotting head stay as they are, batch
    normalisation included, and dropout still acts on the frozen features, as in Keras. The last state is returned.

    Parameters
    ----------
    planes : ndarray, (N, 3, 42, 42)
        Planes of the frame pairs of long videos; may be a memory map.
    spot_targets : ndarray, (N,)
        See :func:`melib.training.spotting_targets`.
    emotion_planes : ndarray, (M, 3, 42, 42)
        Planes from onset to apex, one sample a micro-expression.
    emotion_labels : ndarray, (M,) int
        0 to classes - 1.
    classes : int
        Number of emotions.
    settings, seed, device
        By default as published; a seed fixes every bit on the CPU; device: :func:`melib.models.choose_device`.

    Notes
    -----
    The history has ``spot`` and ``recognition``: losses ``(steps, 2)`` before each update, with and without the L2
    terms. Samples that do not match, of which none is positive, and a loss that is not finite raise ValueError.

    Departures from the release: a fresh Adam for each fold and stage (there, one is shared by all folds); Adam's
    epsilon of 1e-7 is added as PyTorch adds it; batches of equal size. The features of the frozen shared module are
    computed once and not in each of the 100 passes, which changes nothing but the time.
    """
    fold = FoldSamples((planes, spot_targets, emotion_planes, emotion_labels), seed)
    more = {"classes": classes, "settings": settings or MEANSettings(), "device": choose_device(device)}
    return two_stages([fold], _alone, **more)[0]


def _alone(pairs: Sequence[tuple[Stage, Sampler]], steps: Sequence[int], **adam) -> list[np.ndarray]:
    return [fit(*pair, steps=number, **adam) for pair, number in zip(pairs, steps, strict=True)]


def two_stages(folds: Sequence[FoldSamples], fit_all, *, classes: int, settings: MEANSettings, device) -> list:
    """Network and history of each fold, as :func:`train_mean` returns them.

    ``fit_all(pairs, steps, rate=..., epsilon=...)`` trains the stages of all folds on their batches: the histories.
    """
    for fold in folds:
        check_samples(*fold.samples, classes)
    common = {"classes": classes, "settings": settings, "device": device}
    adam = {"rate": settings.rate, "epsilon": ADAM_EPSILON}
    pairs = [spotting_stage(*fold.samples[:2], seed=fold.seed, **common) for fold in folds]
    spotting = fit_all(pairs, [settings.steps(SPOTTING, len(draw.rows)) for _, draw in pairs], **adam)
    given = [(stage.model, *fold.samples[2:], fold.seed) for (stage, _), fold in zip(pairs, folds, strict=True)]
    pairs = [recognition_stage(*others, settings=settings, seed=seed) for *others, seed in given]
    recognition = fit_all(pairs, [settings.steps(RECOGNITION, len(draw.rows)) for _, draw in pairs], **adam)
    histories = [{"spot": spot, "recognition": emotion} for spot, emotion in zip(spotting, recognition, strict=True)]
    models = [stage.model.eval().requires_grad_(True) for stage, _ in pairs]
    return list(zip(models, histories, strict=True))


def retrain_recognition(
    model: MEAN,
    emotion_planes: np.ndarray,
    emotion_labels: np.ndarray,
    *,
    settings: MEANSettings | None = None,
    seed: int = 0,
) -> tuple[MEAN, np.ndarray]:
    """A copy of a trained network whose recognition stage is trained anew, such as on shuffled labels; and its losses.

    The spotting score is that of the given model, which is left as it is. ``settings.transfer`` must be its own.
    """
    settings = settings or MEANSettings(transfer=model.transfer)
    if settings.transfer != model.transfer:
        raise InputError(f"settings.transfer is {settings.transfer}, but the model was made with {model.transfer}")
    check_samples(emotion_planes, np.zeros(len(emotion_planes)), emotion_planes, emotion_labels, model.classes)
    fresh = MEAN(model.classes, transfer=model.transfer, generator=torch_generator(seed, INITIAL))
    fresh.shared.load_state_dict(model.shared.state_dict())
    fresh.spot.load_state_dict(model.spot.state_dict())
    fresh.to(next(model.parameters()).device)
    stage, draw = recognition_stage(fresh, emotion_planes, emotion_labels, settings=settings, seed=seed)
    steps = settings.steps(RECOGNITION, len(draw.rows))
    history = fit(stage, draw, steps=steps, rate=settings.rate, epsilon=ADAM_EPSILON)
    return fresh.eval().requires_grad_(True), history


def spotting_stage(
    planes: np.ndarray,
    spot_targets: np.ndarray,
    *,
    classes: int,
    settings: MEANSettings,
    seed: int,
    device: torch.device,
) -> tuple[SpottingStage, Sampler]:
    """A fresh network and the batches of its first stage; see :func:`train_mean`."""
    targets = np.asarray(spot_targets, np.float32)
    kept = downsample_negatives(targets, settings.negative_ratio, seed)
    model = MEAN(classes, transfer=settings.transfer, generator=torch_generator(seed, INITIAL)).to(device)
    return SpottingStage(model), _sampler(model, (planes, targets), kept, settings, seed, SPOTTING)


def recognition_stage(
    model: MEAN, emotion_planes: np.ndarray, emotion_labels: np.ndarray, *, settings: MEANSettings, seed: int
) -> tuple[RecognitionStage, Sampler]:
    """The second stage of a network that has learnt to spot, and its batches; see :func:`train_mean`."""
    samples, labels = emotion_planes, np.asarray(emotion_labels)
    if settings.transfer:
        samples = frozen_features(model.shared, samples)
    draw = _sampler(model, (samples, labels), np.arange(len(samples)), settings, seed, RECOGNITION)
    return RecognitionStage(model), draw


def _sampler(model, arrays, rows, settings, seed, stage) -> Sampler:
    device = next(model.parameters()).device
    more = {"batch": settings.batch, "seed": seed, "stage": stage, "device": device}
    return Sampler(arrays, rows, noise=model.dropout_masks, **more)


def frozen_features(streams: Streams, planes: np.ndarray, batch: int = 512) -> np.ndarray:
    """What the shared module makes of samples in evaluation mode: ``(M, 14, 14, 14)`` float32."""
    device = next(streams.parameters()).device
    parts = (np.ascontiguousarray(planes[i : i + batch], np.float32) for i in range(0, len(planes), batch))
    with torch.inference_mode():
        return torch.cat([streams.eval()(torch.from_numpy(part).to(device)).cpu() for part in parts]).numpy()
