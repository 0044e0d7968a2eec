"""Training MEAN: spotting first, then recognition on what spotting has learnt.

Source: the MEAN paper (see :mod:`melib.models.mean`) and the training settings of its released code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from melib.models import MEAN, choose_device
from melib.models.mean import Head, Streams
from melib.training.checks import check_samples
from melib.training.labels import downsample_negatives
from melib.training.loop import Checkpoint, Stage, fit
from melib.training.sampling import INITIAL, NEGATIVES, Sampler, numpy_generator, torch_generator

SPOTTING, RECOGNITION = 0, 1  # the two stages, as names of random streams


@dataclass(frozen=True)
class MEANSettings:
    """How MEAN is trained; the defaults are the published values.

    Parameters
    ----------
    spot_epochs, recognition_epochs : int
        Passes over the samples of the two stages.
    spot_steps, recognition_steps : int or None
        Number of updates instead of passes, where given.
    batch : int
    rate : float
        Adam's learning rate.
    negative_ratio : float
        Negatives kept for each positive spotting sample.
    transfer : bool
        Recognition on the frozen shared module of the spotting stage; False trains a second network from scratch.
    """

    spot_epochs: int = 10
    recognition_epochs: int = 100
    spot_steps: int | None = None
    recognition_steps: int | None = None
    batch: int = 32
    rate: float = 5e-4
    negative_ratio: float = 5.0
    transfer: bool = True

    def steps(self, stage: int, samples: int) -> int:
        """Number of updates of a stage with so many samples."""
        epochs, steps = (
            (self.spot_epochs, self.spot_steps)
            if stage == SPOTTING
            else (self.recognition_epochs, self.recognition_steps)
        )
        return epochs * -(-samples // self.batch) if steps is None else steps


class SpottingStage(Stage):
    """Squared error of the score, and the L2 terms."""

    def __init__(self, model: MEAN) -> None:
        super().__init__()
        self.streams = model.shared
        self.head = model.spot

    def forward(self, planes: Tensor, target: Tensor, *masks: Tensor) -> Tensor:
        score = self.head(self.streams(planes) * masks[0], masks[1]).squeeze(1)
        loss = functional.mse_loss(score, target)
        return torch.stack([loss + self.streams.penalty() + self.head.penalty(), loss])


class RecognitionStage(Stage):
    """Cross-entropy of the emotion, and the L2 terms of what is trained.

    Parameters
    ----------
    streams : Streams or None
        None where the samples are already features of the frozen shared module.
    """

    def __init__(self, streams: Streams | None, head: Head) -> None:
        super().__init__()
        self.streams = streams
        self.head = head

    def forward(self, samples: Tensor, label: Tensor, *masks: Tensor) -> Tensor:
        features = samples if self.streams is None else self.streams(samples)
        loss = functional.cross_entropy(self.head(features * masks[0], masks[2]), label)
        penalty = self.head.penalty() + (0 if self.streams is None else self.streams.penalty())
        return torch.stack([loss + penalty, loss])


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
    checkpoint: Path | None = None,
    checkpoint_every: int = 100,
) -> tuple[MEAN, dict[str, np.ndarray]]:
    """Train MEAN on the samples of the training subjects.

    Stage 1 fits the shared module and the spotting head to the pseudo-labels, with negatives down-sampled. Stage 2
    fits the recognition head on onset-apex samples; the shared module and the spotting head stay as they are, batch
    normalisation included, and dropout still acts on the frozen features, as in Keras. Nothing is selected on the
    way: the last state is returned.

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
    seed : int
        The same seed gives the same weights bit for bit on the CPU.
    checkpoint : Path, optional
        A folder; the run goes on from what it finds there, with the same bits as if it had not stopped.
    checkpoint_every : int
        Steps between two writings.

    Returns
    -------
    model : MEAN
        In evaluation mode, on the device.
    history : dict of str to ndarray
        ``spot`` and ``recognition``: losses ``(steps, 2)`` before each update, with and without the L2 terms.

    Notes
    -----
    Departures from the release: a fresh Adam for each fold and stage (there, one is shared by all folds); Adam's
    epsilon of 1e-7 is added as PyTorch adds it; batches of equal size. The features of the frozen shared module are
    computed once and not in each of the 100 passes, which changes nothing but the time.
    """
    settings = settings or MEANSettings()
    device = choose_device(device)
    check_samples(planes, spot_targets, emotion_planes, emotion_labels, classes)
    model = MEAN(classes, transfer=settings.transfer, generator=torch_generator(seed, INITIAL)).to(device)
    common = {"settings": settings, "seed": seed, "device": device}
    written = {"folder": checkpoint, "every": checkpoint_every}
    rows = downsample_negatives(spot_targets, settings.negative_ratio, numpy_generator(seed, NEGATIVES))
    samples = (planes, np.asarray(spot_targets, np.float32))
    history = {"spot": _run_stage(SpottingStage(model), SPOTTING, model, samples, rows, **common, **written)}
    history["recognition"] = _train_recognition(model, emotion_planes, emotion_labels, **common, **written)
    return model.eval(), history


def retrain_recognition(
    model: MEAN,
    emotion_planes: np.ndarray,
    emotion_labels: np.ndarray,
    *,
    settings: MEANSettings | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> tuple[MEAN, np.ndarray]:
    """A copy of a trained network whose recognition stage is trained anew, such as on shuffled labels.

    Parameters
    ----------
    model : MEAN
        Left as it is.
    emotion_planes, emotion_labels, settings, seed, device
        As for :func:`train_mean`; ``settings.transfer`` must be the model's own.

    Returns
    -------
    model : MEAN
        In evaluation mode, on the device. Its spotting score is that of the given model.
    history : ndarray, (steps, 2)
    """
    settings = settings or MEANSettings(transfer=model.transfer)
    if settings.transfer != model.transfer:
        raise ValueError(f"settings.transfer is {settings.transfer}, but the model was made with {model.transfer}")
    device = choose_device(device)
    check_samples(emotion_planes, np.zeros(len(emotion_planes)), emotion_planes, emotion_labels, model.classes)
    fresh = MEAN(model.classes, transfer=model.transfer, generator=torch_generator(seed, INITIAL))
    kept = {name: value for name, value in model.state_dict().items() if name.split(".")[0] in ("shared", "spot")}
    fresh.load_state_dict({**fresh.state_dict(), **kept})
    fresh.to(device)
    history = _train_recognition(fresh, emotion_planes, emotion_labels, settings=settings, seed=seed, device=device)
    return fresh.eval(), history


def _train_recognition(
    model: MEAN, planes: np.ndarray, labels: np.ndarray, *, settings: MEANSettings, device: torch.device, **how
) -> np.ndarray:
    """Stage 2, on features of the frozen shared module or, without transfer, from the planes."""
    samples = frozen_features(model.shared, planes, device) if settings.transfer else planes
    stage = RecognitionStage(model.recognition_streams, model.recognition)
    arrays = (samples, np.asarray(labels))
    rows = np.arange(len(samples))
    return _run_stage(stage, RECOGNITION, model, arrays, rows, settings=settings, device=device, **how)


def _run_stage(
    stage: Stage,
    number: int,
    model: MEAN,
    samples: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
    *,
    settings: MEANSettings,
    seed: int,
    device: torch.device,
    folder: Path | None = None,
    every: int = 100,
) -> np.ndarray:
    """Train one stage on some rows of the samples; go on from what lies in ``folder``, if given."""
    draw = Sampler(
        samples, rows, stage=number, batch=settings.batch, seed=seed, device=device, noise=model.dropout_masks
    )
    written = None
    if folder:
        name = {SPOTTING: "spot", RECOGNITION: "recognition"}[number]
        written = Checkpoint(Path(folder) / f"{name}.pt", every, f"{settings} seed={seed} of {draw.size}")
    steps = settings.steps(number, draw.size)
    return fit(stage, draw, steps=steps, rate=settings.rate, epsilon=1e-7, checkpoint=written)


def frozen_features(streams: Streams, planes: np.ndarray, device: torch.device, batch: int = 512) -> np.ndarray:
    """What the shared module makes of samples in evaluation mode: ``(M, 14, 14, 14)`` float32."""
    streams.eval()
    with torch.inference_mode():
        parts = [
            streams(torch.from_numpy(np.ascontiguousarray(planes[i : i + batch], dtype=np.float32)).to(device)).cpu()
            for i in range(0, len(planes), batch)
        ]
    return torch.cat(parts).numpy()
