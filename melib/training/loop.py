"""The training loop: draw a batch, take the losses, step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from melib.errors import InputError


class Stage(nn.Module):
    """What is trained and towards what: called with a batch, returns its losses, the total first.

    The losses are ``(terms,)``, or ``(terms, folds)`` where several folds train at once.
    """

    def prepare(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """Add to a batch what must be known of it as a whole, before it is cut into parts."""
        return batch


def fit(
    stage: Stage,
    draw: Callable[[], tuple[Tensor, ...]],
    *,
    steps: int,
    rate: float,
    epsilon: float = 1e-8,
    part: int | None = None,
    decay: float = 0.0,
    cycle: bool = False,
) -> np.ndarray:
    """Minimise the first loss of a stage with Adam; the losses before each update, ``(steps, terms[, folds])`` float32.

    What requires a gradient is trained, on batches that ``draw`` returns; with ``part``, so many samples at a time, for
    the update of the whole batch. With ``decay``, weights shrink by so much of the rate at each update; with ``cycle``,
    the rate rises over the first seventh of the updates and then falls, and gradients longer than 2 are shortened.
    """
    parameters = [parameter for parameter in stage.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, eps=epsilon, weight_decay=decay)
    schedule, history = None, []
    if cycle and steps:
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    stage.train()
    for step in range(steps):
        batch = stage.prepare(*draw())
        optimiser.zero_grad()
        losses = []
        for samples in zip(*(tensor.split(part or len(tensor)) for tensor in batch), strict=True):
            losses.append(stage(*samples))
            losses[-1][0].sum().backward()
        if schedule:
            nn.utils.clip_grad_norm_(parameters, 2.0)
        optimiser.step()
        if schedule:
            schedule.step()
        history.append(torch.stack(losses).detach().sum(0).cpu())
        if not torch.isfinite(history[-1]).all():
            found = f"the losses became {history[-1].tolist()} at step {step}"
            raise InputError(f"{found}: look for NaN or huge values in the planes")
    return torch.stack(history).numpy() if history else np.empty((0, 1), np.float32)
