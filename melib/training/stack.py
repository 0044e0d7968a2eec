"""The folds of a study: one after the other in parallel processes, or all at once as one stack of networks.

Folds share the data and have small networks, so a GPU is kept busy only by training many at once. In a stack every
fold keeps its own weights, batches, noise and batch statistics; nothing passes from one to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from melib.errors import InputError
from melib.models import choose_device
from melib.models.sfamnet import AttentionStreams
from melib.training.checks import check_samples
from melib.training.loop import Checkpoint, Stage, fit
from melib.training.mean import (
    ADAM_EPSILON,
    RECOGNITION,
    SPOTTING,
    MEANSettings,
    recognition_stage,
    spotting_stage,
    train_mean,
)
from melib.training.sampling import Sampler
from melib.training.sfamnet import SFAMNetSettings, sfamnet_stage, train_sfamnet

Rows = tuple[np.ndarray, np.ndarray]
Trained = tuple[nn.Module, dict[str, np.ndarray]]


@dataclass(frozen=True)
class FoldSamples:
    """What a fold of a stack is trained on.

    Attributes
    ----------
    samples : sequence of ndarray
        The arrays of :func:`melib.training.train_mean` or :func:`melib.training.train_sfamnet`, in their order.
    seed : int
    rows, emotion_rows : ndarray or None
        Which of the samples, and of the emotion samples, are the fold's; None for all.
    """

    samples: Sequence[np.ndarray]
    seed: int
    rows: np.ndarray | None = None
    emotion_rows: np.ndarray | None = None


class Stack(Stage):
    """Stages of one kind as a single one, whose parameters have a first axis for the folds."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        super().__init__()
        self.stages = list(stages)  # a plain list: their own parameters are not trained here
        stages[0].train()
        for module in stages[0].modules():
            if isinstance(module, AttentionStreams):
                module.fuse = False  # written for one network at a time
        parameters, buffers = stack_module_state(self.stages)
        self.names = list(parameters), list(buffers)
        self.weights = nn.ParameterList(parameters.values())
        self.weights.requires_grad_(False)
        for weight, name in zip(self.weights, parameters, strict=True):
            weight.requires_grad_(self.stages[0].get_parameter(name).requires_grad)
        for number, buffer in enumerate(buffers.values()):
            self.register_buffer(f"buffer_{number}", buffer)

    def forward(self, *batch: Tensor) -> Tensor:
        """Losses ``(terms, folds)`` of batches stacked along their first axis."""

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], *samples: Tensor) -> Tensor:
            return functional_call(self.stages[0], (parameters, buffers), samples)

        return vmap(one)(*self._state(), *batch).T

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        parameters, buffers = self.names
        return dict(zip(parameters, self.weights, strict=True)), dict(zip(buffers, self.buffers(), strict=True))

    def unstack(self) -> None:
        """Give every fold its trained weights."""
        for module in self.stages[0].modules():
            if isinstance(module, AttentionStreams):
                module.fuse = True
        parameters, buffers = self._state()
        for fold, stage in enumerate(self.stages):
            stage.load_state_dict({name: value[fold] for name, value in (parameters | buffers).items()})


class StackedDraw:
    """The batches of several folds, prepared and stacked along a new first axis."""

    def __init__(self, stages: Sequence[Stage], draws: Sequence[Sampler]) -> None:
        self.stages = stages
        self.draws = draws

    def __call__(self) -> tuple[Tensor, ...]:
        batches = [stage.prepare(*draw()) for stage, draw in zip(self.stages, self.draws, strict=True)]
        return tuple(torch.stack(tensors) for tensors in zip(*batches, strict=True))

    def state_dict(self) -> dict[str, list]:
        """What later draws need to go on with the same batches."""
        return {"folds": [draw.state_dict() for draw in self.draws]}

    def load_state_dict(self, state: dict[str, list]) -> None:
        """Go on where other draws stood."""
        for draw, one in zip(self.draws, state["folds"], strict=True):
            draw.load_state_dict(one)


def fit_stack(stages: Sequence[Stage], draws: Sequence[Sampler], **settings) -> list[np.ndarray]:
    """Train stages together; the arguments and histories are those of :func:`melib.training.loop.fit`."""
    stack = Stack(stages)
    history = fit(stack, StackedDraw(stages, draws), **settings)
    stack.unstack()
    return [history[..., fold] for fold in range(len(stages))]


def train_folds(
    samples: Sequence[np.ndarray],
    folds: Sequence[Rows],
    *,
    classes: int,
    settings: MEANSettings | SFAMNetSettings,
    seed: int = 0,
    device: str | torch.device = "auto",
    at_once: int | None = None,
    processes: int = 1,
    checkpoint: Path | None = None,
    checkpoint_every: int = 100,
) -> list[Trained]:
    """Train one network for each fold, each on its own rows of shared samples.

    Parameters
    ----------
    samples : sequence of ndarray
        The arrays of :func:`melib.training.train_mean` or :func:`melib.training.train_sfamnet`, in their order.
    folds : sequence of (rows, emotion_rows)
        Which samples a fold is trained on.
    settings : MEANSettings or SFAMNetSettings
        Also says which network.
    at_once : int, optional
        On CUDA, the number of folds in a stack; by default as many as memory holds (:func:`train_stacks`).
    processes : int
        On the CPU, the number of folds trained side by side, each in a process of one thread.
    checkpoint : Path, optional
        A folder with a folder for each fold or stack; the run goes on from what it finds there.
    checkpoint_every : int
        Steps between two writings.

    Returns
    -------
    list of (model, history)
        What training each fold alone returns: on the CPU bit for bit, in a stack up to rounding.

    Raises
    ------
    ValueError
        If folds in a stack would make different numbers of updates: give numbers of steps and not of epochs.
    """
    device = choose_device(device)
    common = {"classes": classes, "settings": settings, "seed": seed, "device": device}
    common["checkpoint_every"] = checkpoint_every

    def folder(name: str) -> Path | None:
        return None if checkpoint is None else Path(checkpoint) / name

    if device.type == "cpu":
        jobs = [
            joblib.delayed(_train_alone)(samples, rows, checkpoint=folder(f"fold_{i}"), **common)
            for i, rows in enumerate(folds)
        ]
        return joblib.Parallel(n_jobs=processes)(jobs)
    own = [FoldSamples(samples, seed, *rows) for rows in folds]
    del common["seed"]
    return train_stacks(own, at_once=at_once, checkpoint=checkpoint, **common)


def train_stacks(
    folds: Sequence[FoldSamples], *, at_once: int | None = None, checkpoint: Path | None = None, **common
) -> list[Trained]:
    """Train the networks of folds as stacks, on any device.

    Parameters
    ----------
    folds : sequence of FoldSamples
    at_once : int, optional
        Folds in a stack. All by default, and half as many as long as the GPU's memory does not hold them.
    checkpoint : Path, optional
        A folder with a folder for each stack; the run goes on from what it finds there.
    **common
        As :func:`train_stack` takes them.

    Raises
    ------
    torch.OutOfMemoryError
        If the memory does not hold ``at_once`` folds or, without that number, one.
    """
    size = at_once or len(folds)
    trained: list[Trained] = []
    while len(trained) < len(folds):
        start = len(trained)
        folder = None if checkpoint is None else Path(checkpoint) / f"stack_{start}_{size}"
        try:
            trained += train_stack(folds[start : start + size], checkpoint=folder, **common)
        except torch.OutOfMemoryError:
            if at_once or size == 1:
                raise
            size = -(-size // 2)
    return trained


def train_stack(
    folds: Sequence[FoldSamples],
    *,
    classes: int,
    settings: MEANSettings | SFAMNetSettings,
    device: torch.device,
    checkpoint: Path | None = None,
    checkpoint_every: int = 100,
) -> list[Trained]:
    """Train the networks of folds as one stack, on any device; see :func:`train_folds`."""

    def together(name: str, pairs: list[tuple[Stage, Sampler]], steps: int, **adam) -> list[np.ndarray]:
        stages, draws = zip(*pairs, strict=True)
        seen = " ".join(draw.fingerprint for draw in draws)
        seeds = " ".join(str(fold.seed) for fold in folds)
        written = Checkpoint.of(checkpoint, checkpoint_every, settings, seeds, name, seen)
        return fit_stack(stages, draws, steps=steps, rate=settings.rate, checkpoint=written, **adam)

    common = {"settings": settings, "device": device, "classes": classes}
    if isinstance(settings, SFAMNetSettings):
        pairs = [
            sfamnet_stage(*fold.samples, seed=fold.seed, rows=fold.rows, emotion_rows=fold.emotion_rows, **common)
            for fold in folds
        ]
        histories = together("joint", pairs, settings.steps)
        return [(stage.model.eval(), {"joint": h}) for (stage, _), h in zip(pairs, histories, strict=True)]

    for fold in folds:
        check_samples(*fold.samples, classes)
    pairs = [spotting_stage(*fold.samples[:2], seed=fold.seed, rows=fold.rows, **common) for fold in folds]
    spotting = together("spot", pairs, _common_steps(settings, SPOTTING, pairs), epsilon=ADAM_EPSILON)
    models = [stage.model for stage, _ in pairs]
    pairs = [
        recognition_stage(model, *fold.samples[2:], settings=settings, seed=fold.seed, rows=fold.emotion_rows)
        for model, fold in zip(models, folds, strict=True)
    ]
    recognition = together("recognition", pairs, _common_steps(settings, RECOGNITION, pairs), epsilon=ADAM_EPSILON)
    return [
        (model.eval().requires_grad_(True), {"spot": spot, "recognition": emotion})
        for model, spot, emotion in zip(models, spotting, recognition, strict=True)
    ]


def _common_steps(settings: MEANSettings, stage: int, pairs: Sequence[tuple[Stage, Sampler]]) -> int:
    steps = {settings.steps(stage, draw.size) for _, draw in pairs}
    if len(steps) > 1:
        raise InputError(
            f"the folds of a stack would make {sorted(steps)} updates: set spot_steps and recognition_steps"
        )
    return steps.pop()


def _train_alone(samples: Sequence[np.ndarray], rows: Rows, *, settings, **common) -> Trained:
    train = train_sfamnet if isinstance(settings, SFAMNetSettings) else train_mean
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return train(*samples, rows=rows[0], emotion_rows=rows[1], settings=settings, **common)
    finally:
        torch.set_num_threads(threads)
