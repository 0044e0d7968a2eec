"""The folds of a study trained all at once, as one stack of networks.

Folds have small networks, so a GPU is kept busy only by training many at once. In a stack every fold keeps its own
weights, batches, noise and batch statistics; nothing passes from one to another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from melib.errors import InputError
from melib.models.sfamnet import AttentionStreams
from melib.training.loop import Stage, fit
from melib.training.mean import MEANSettings, two_stages
from melib.training.sampling import FoldSamples, Sampler
from melib.training.sfamnet import SFAMNetSettings, sfamnet_stage

Trained = tuple[nn.Module, dict[str, np.ndarray]]


class Stack(Stage):
    """Stages of one kind as a single one, whose parameters have a first axis for the folds."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        super().__init__()
        self.stages = list(stages)  # a plain list: their own parameters are not trained here
        stages[0].train()
        self._fuse(False)  # the fused computation is written for one network at a time
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

    def _fuse(self, fuse: bool) -> None:
        for module in self.stages[0].modules():
            if isinstance(module, AttentionStreams):
                module.fuse = fuse

    def unstack(self) -> None:
        """Give every fold its trained weights."""
        self._fuse(True)
        parameters, buffers = self._state()
        for fold, stage in enumerate(self.stages):
            stage.load_state_dict({name: value[fold] for name, value in (parameters | buffers).items()})


def fit_stack(stages: Sequence[Stage], draws: Sequence[Sampler], **settings) -> list[np.ndarray]:
    """Train stages together; the arguments and histories are those of :func:`melib.training.loop.fit`."""

    def draw() -> tuple[Tensor, ...]:
        batches = [stage.prepare(*one()) for stage, one in zip(stages, draws, strict=True)]
        return tuple(torch.stack(tensors) for tensors in zip(*batches, strict=True))

    stack = Stack(stages)
    history = fit(stack, draw, **settings)
    stack.unstack()
    return [history[..., fold] for fold in range(len(stages))]


def train_stacks(folds: Sequence[FoldSamples], *, at_once: int | None = None, **common) -> list[Trained]:
    """Train the networks of folds as stacks of ``at_once``, on any device; ``common`` is for :func:`train_stack`.

    By default all train as one stack, and half as many as long as the GPU's memory does not hold them.
    """
    size = at_once or len(folds)
    trained: list[Trained] = []
    while len(trained) < len(folds):
        try:
            trained += train_stack(folds[len(trained) : len(trained) + size], **common)
        except torch.OutOfMemoryError:
            if at_once or size == 1:
                raise
            size = -(-size // 2)
    return trained


def train_stack(
    folds: Sequence[FoldSamples], *, classes: int, settings: MEANSettings | SFAMNetSettings, device: torch.device
) -> list[Trained]:
    """Train one network for each fold, as one stack: up to rounding what training each alone returns.

    The settings say which network. All folds must make as many updates: give numbers of steps and not of epochs.
    """
    common = {"settings": settings, "device": device, "classes": classes}
    if isinstance(settings, SFAMNetSettings):
        pairs = [sfamnet_stage(*fold.samples, seed=fold.seed, **common) for fold in folds]
        histories = fit_stack(*zip(*pairs, strict=True), steps=settings.steps, rate=settings.rate)
        return [(stage.model.eval(), {"joint": h}) for (stage, _), h in zip(pairs, histories, strict=True)]

    def together(pairs: Sequence[tuple[Stage, Sampler]], steps: Sequence[int], **adam) -> list[np.ndarray]:
        if len(set(steps)) > 1:
            found = f"the folds of a stack would make {sorted(set(steps))} updates"
            raise InputError(f"{found}: set spot_steps and recognition_steps")
        return fit_stack(*zip(*pairs, strict=True), steps=steps[0], **adam)

    return two_stages(folds, together, **common)
