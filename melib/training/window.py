"""Training WindowNet on whole videos: the windows that are drawn from them, and the losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from melib.errors import InputError
from melib.models import FrameValues, WindowNet, choose_device
from melib.models.window import FEWEST, NONE, mirrored, naming_loss, pooled, spotting_loss
from melib.training.loop import Stage, fit
from melib.training.sampling import INITIAL, NOISE, ORDER, torch_generator


@dataclass(frozen=True)
class WindowSettings:
    """How WindowNet is trained."""

    steps: int = 600  # updates
    batch: int = 8  # windows of an update
    window: int = 160  # rows of a window
    rate: float = 2e-3  # highest learning rate: it rises over the first seventh of the updates, then falls
    decay: float = 0.02  # by which weights shrink, in units of the rate
    magnitude: float = 0.12  # spread of the logarithm of the factor by which a window is multiplied
    spotting: float = 1.0  # weight of the spotting loss; 0: only naming is learnt
    naming: float = 0.15  # weight of the naming loss; 0: only spotting is learnt
    context: bool = True  # see WindowNet


class WindowStage(Stage):
    """The losses of spotting and of naming, and before them their weighted sum."""

    def __init__(self, model: WindowNet, emotion_weights: Tensor, settings: WindowSettings, noise: torch.Generator):
        super().__init__()
        self.model, self.settings, self.noise, self.emotion_weights = model, settings, noise, emotion_weights

    def forward(self, x: Tensor, *wanted: Tensor) -> Tensor:
        found, wanted = self.model.of_cells(x, self.noise), FrameValues(*wanted)
        losses = spotting_loss(found, wanted), naming_loss(found, wanted, self.emotion_weights)
        return torch.stack([self.settings.spotting * losses[0] + self.settings.naming * losses[1], *losses])


class Windows:
    """An endless source of batches of windows, half of them mirrored, each multiplied by a factor about 1."""

    def __init__(self, videos: Sequence[Sequence[np.ndarray]], settings: WindowSettings, seed: int, device) -> None:
        self.settings, self.device, self.random = settings, device, np.random.default_rng([seed, ORDER])
        # A video shorter than a window ends in stillness.
        self.videos = [[_lengthened(part, settings.window) for part in video] for video in videos]

    def __call__(self) -> tuple[Tensor, ...]:
        """The next batch: cells ``(batch, window, 588)``, then what is to be learnt of them, on the device."""
        drawn = []
        for _ in range(self.settings.batch):
            x, *wanted = self.videos[self.random.integers(len(self.videos))]
            start = self.random.integers(len(x) - self.settings.window + 1)
            rows = slice(start, start + self.settings.window)
            x = x[rows] * np.float32(np.exp(self.random.normal(0, self.settings.magnitude)))
            if self.random.random() < 0.5:
                x = mirrored(x)
            drawn.append((x, *(part[rows] for part in wanted)))
        return tuple(torch.from_numpy(np.stack(each)).to(self.device) for each in zip(*drawn, strict=True))


def _lengthened(part: np.ndarray, least: int) -> np.ndarray:
    missing = [(0, max(0, least - len(part))), *[(0, 0)] * (part.ndim - 1)]
    return np.pad(part, missing, constant_values=NONE if part.ndim == 1 else 0)


def train_window(
    planes: Sequence[np.ndarray],
    targets: Sequence[FrameValues],
    *,
    classes: int,
    settings: WindowSettings | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> tuple[WindowNet, dict[str, np.ndarray]]:
    """Train WindowNet on the videos of the training subjects; the rest is as for :func:`melib.training.train_mean`.

    Parameters
    ----------
    planes : sequence of ndarray, (T, 3, 42, 42)
        Of the frame pairs of each video, in order, about 30 a second; may be memory maps. The first of the three
        planes must point right.
    targets : sequence of FrameValues
        Of each video, see :func:`melib.models.window_targets`.

    Notes
    -----
    The history has ``joint``: losses ``(steps, 3)`` before each update: total, spotting, naming. Planes that do not
    match their targets, targets without a micro-expression, and a loss that is not finite raise ValueError.
    """
    settings, device = settings or WindowSettings(), choose_device(device)
    videos = [(pooled(video), *wanted) for video, wanted in zip(planes, targets, strict=True)]
    unequal = [number for number, (x, kinds, *_) in enumerate(videos) if len(x) != len(kinds)]
    if unequal or not any(wanted.kinds[:, 0].any() for wanted in targets):
        found = f"of {len(videos)} videos, {len(unequal)} have not as many planes as targets"
        raise InputError(f"{found}: the numbers must agree, and some row must lie in a micro-expression")
    labels = np.concatenate([wanted.emotions for wanted in targets])
    counts = np.bincount(labels[labels != NONE], minlength=classes) + FEWEST
    weights = np.sqrt(counts.sum() / counts / classes).astype(np.float32)  # a rare emotion counts more, if not in full
    more = {"kinds": targets[0].kinds.shape[1], "context": settings.context}
    model = WindowNet(classes, **more, generator=torch_generator(seed, INITIAL)).to(device)
    noise = torch_generator(seed, NOISE, device=device)
    stage = WindowStage(model, torch.from_numpy(weights).to(device), settings, noise)
    draw = Windows(videos, settings, seed, device)
    history = fit(stage, draw, steps=settings.steps, rate=settings.rate, decay=settings.decay, cycle=True)
    return model.eval(), {"joint": history}
