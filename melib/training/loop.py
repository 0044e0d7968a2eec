"""The training loop: draw a batch, take the losses, step; and write it all down now and then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from melib.errors import InputError
from melib.files import whole


class Stage(nn.Module):
    """What is trained and towards what: called with a batch, returns its losses, the total first.

    The losses are ``(terms,)``, or ``(terms, folds)`` where several folds train at once.
    """

    def prepare(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """Add to a batch what must be known of it as a whole, before it is cut into parts."""
        return batch


@dataclass(frozen=True)
class Checkpoint:
    """Where a training run is written down, so that it goes on with the same bits after a kill.

    Parameters
    ----------
    path : Path
        Read if it exists, then written every so many steps and at the end, whole or not at all.
    every : int
        Steps between two writings.
    signature : str
        Names the run (settings, seed, data); a file of another run is refused.
    """

    path: Path
    every: int
    signature: str

    @classmethod
    def of(
        cls, folder: Path | None, every: int, settings: object, seed: int, name: str, samples: str
    ) -> Checkpoint | None:
        """The checkpoint of a named stage in a folder; None without a folder."""
        if folder is None:
            return None
        return cls(Path(folder) / f"{name}.pt", every, f"{settings} seed={seed} samples={samples}")

    def save(self, state: dict) -> None:
        """Write the state of a run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with whole(self.path) as part:
            torch.save(state | {"signature": self.signature}, part)

    def load(self) -> dict | None:
        """The state that was written, None if there is none yet; ValueError if it is another run's."""
        if not self.path.is_file():
            return None
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        if state["signature"] != self.signature:
            raise InputError(
                f"{self.path} belongs to another run ({state['signature']}, now {self.signature}): "
                "choose another folder, or delete it to start afresh"
            )
        return state


def fit(
    stage: Stage,
    draw: Callable[[], tuple[Tensor, ...]],
    *,
    steps: int,
    rate: float,
    epsilon: float = 1e-8,
    part: int | None = None,
    checkpoint: Checkpoint | None = None,
) -> np.ndarray:
    """Minimise the first loss of a stage with Adam.

    Parameters
    ----------
    stage : Stage
        Its parameters that require a gradient are trained.
    draw : callable
        Returns the next batch; a :class:`melib.training.sampling.Sampler`, whose state a checkpoint keeps.
    steps : int
        Number of updates.
    rate, epsilon : float
        Of Adam.
    part : int, optional
        Samples whose gradient is taken at a time, for speed and memory; the update is that of the whole batch.
    checkpoint : Checkpoint, optional
        Go on from it where it exists, and keep it up to date.

    Returns
    -------
    ndarray, (steps, terms) or (steps, terms, folds) float32
        The losses before each update.

    Raises
    ------
    ValueError
        If a loss is not finite (the step is named), or the checkpoint is another run's.
    """
    parameters = [parameter for parameter in stage.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=rate, eps=epsilon)
    history: list[Tensor] = []
    if checkpoint and (state := checkpoint.load()):
        stage.load_state_dict(state["stage"])
        optimiser.load_state_dict(state["optimiser"])
        draw.load_state_dict(state["draw"])
        history = list(state["history"])
    stage.train()
    while len(history) < steps:
        batch = stage.prepare(*draw())
        optimiser.zero_grad()
        losses = []
        for samples in zip(*(tensor.split(part or len(tensor)) for tensor in batch), strict=True):
            losses.append(stage(*samples))
            losses[-1][0].sum().backward()
        optimiser.step()
        history.append(torch.stack(losses).detach().sum(0).cpu())
        _require_finite(history[-1], len(history) - 1)
        if checkpoint and (len(history) % checkpoint.every == 0 or len(history) == steps):
            state = {"stage": stage.state_dict(), "optimiser": optimiser.state_dict(), "draw": draw.state_dict()}
            checkpoint.save(state | {"history": torch.stack(history)})
    return torch.stack(history).numpy() if history else np.empty((0, 1), np.float32)


def _require_finite(losses: Tensor, step: int) -> None:
    if not torch.isfinite(losses).all():
        raise InputError(
            f"the losses became {losses.tolist()} at step {step}: look for NaN or huge values in the planes"
        )
