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
    window: int = 160  # rows of a window; of the shortest video, if that has fewer
    rate: float = 2e-3  # highest learning rate: it rises over the first seventh of the updates, then falls
    decay: float = 0.02  # by which weights shrink, in units of the rate
    magnitude: float = 0.3  # spread of the logarithm of the factor by which a window is multiplied
    spotting: float = 1.0  # weight of the spotting loss; 0: only naming is learnt
    naming: float = 0.5  # weight of the naming loss; 0: only spotting is learnt
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


def draw_window(
    video: Sequence[np.ndarray], rows: int, magnitude: float, random: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Cells and targets of so many rows of a video, mirrored half of the time, multiplied by a factor about 1."""
    x, *wanted = video
    start = random.integers(len(x) - rows + 1)
    here = slice(start, start + rows)
    x = x[here] * np.float32(np.exp(random.normal(0, magnitude)))
    return (mirrored(x) if random.random() < 0.5 else x), *(part[here] for part in wanted)


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
    if any(len(x) != len(kinds) for x, kinds, *_ in videos) or not any(kinds[:, 0].any() for _, kinds, *_ in videos):
        raise InputError("every video needs as many planes as rows of targets, and some row a micro-expression")
    labels = np.concatenate([wanted.emotions for wanted in targets])
    counts = np.bincount(labels[labels != NONE], minlength=classes) + FEWEST
    weights = np.sqrt(counts.sum() / counts / classes).astype(np.float32)  # a rare emotion counts more, if not in full
    initial, noise = torch_generator(seed, INITIAL), torch_generator(seed, NOISE, device=device)
    model = WindowNet(classes, kinds=targets[0].kinds.shape[1], context=settings.context, generator=initial).to(device)
    stage = WindowStage(model, torch.from_numpy(weights).to(device), settings, noise)
    rows, random = min(settings.window, *(len(x) for x, *_ in videos)), np.random.default_rng([seed, ORDER])

    def draw() -> tuple[Tensor, ...]:
        picked = [videos[number] for number in random.integers(len(videos), size=settings.batch)]
        windows = [draw_window(video, rows, settings.magnitude, random) for video in picked]
        return tuple(torch.from_numpy(np.stack(each)).to(device) for each in zip(*windows, strict=True))

    history = fit(stage, draw, steps=settings.steps, rate=settings.rate, decay=settings.decay, cycle=True)
    return model.eval(), {"joint": history}
