"""The training loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


def fit(
    stage: nn.Module,
    draw: Callable[[], tuple[Tensor, ...]],
    *,
    steps: int,
    rate: float,
    epsilon: float = 1e-8,
) -> np.ndarray:
    """Minimise the first loss of a stage with Adam.

    Parameters
    ----------
    stage : Module
        Called with a batch, returns its losses ``(terms,)``; its parameters that require a gradient are trained.
    draw : callable
        Returns the next batch, see :class:`melib.training.sampling.Sampler`.
    steps : int
        Number of updates.
    rate, epsilon : float
        Of Adam.

    Returns
    -------
    ndarray, (steps, terms) float32
        The losses before each update.

    Raises
    ------
    ValueError
        If a loss is not finite: the step is named, and the planes are the first thing to look at.
    """
    optimiser = torch.optim.Adam(trainable(stage), lr=rate, eps=epsilon)
    stage.train()
    history = []
    for step in range(steps):
        losses = stage(*draw())
        optimiser.zero_grad()
        losses[0].backward()
        optimiser.step()
        history.append(losses.detach().cpu().numpy())
        if not np.isfinite(history[-1]).all():
            raise ValueError(f"the loss became {history[-1]} at step {step}: look for NaN or huge values in the planes")
    return np.stack(history) if history else np.empty((0, 1), np.float32)


def trainable(stage: nn.Module) -> list[nn.Parameter]:
    """The parameters of a stage that require a gradient."""
    return [parameter for parameter in stage.parameters() if parameter.requires_grad]
