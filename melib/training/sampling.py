"""Samples and batches: which samples, which dropout, which augmentation, all from one seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from melib.errors import InputError
from melib.models import check_planes

# What a random stream is for. Streams of one seed are independent, so more draws in one never shift another.
INITIAL, ORDER, NOISE, NEGATIVES = range(4)


def check_samples(
    planes: np.ndarray, spot_targets: np.ndarray, emotion_planes: np.ndarray, emotion_labels: np.ndarray, emotions: int
) -> None:
    """Raise ValueError unless shapes and numbers agree and every label is one of ``0 .. emotions - 1``."""
    check_planes(planes)
    check_planes(emotion_planes)
    if len(planes) != len(spot_targets) or len(emotion_planes) != len(emotion_labels):
        counts = f"{len(planes)} planes for {len(spot_targets)} spotting targets, {len(emotion_planes)}"
        raise InputError(f"{counts} for {len(emotion_labels)} emotion labels: the numbers must agree")
    labels = np.asarray(emotion_labels)
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= emotions:
        raise InputError(f"emotion labels must be 0 to {emotions - 1} and at least one, got {np.unique(labels)}")


def torch_generator(seed: int, *stream: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A PyTorch generator for one purpose of a seed."""
    state = np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0]
    generator = torch.Generator(device)
    generator.manual_seed(int(state >> 1))  # 63 bits: what a signed integer holds
    return generator


def downsample_negatives(targets: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """Ascending rows to train on: every target above 0, and at most ``ratio`` times as many others, drawn once each.

    Parameters
    ----------
    targets : ndarray, (n,)
        Without one above 0 InputError is raised.
    ratio : float
    seed : int
    """
    positive = np.asarray(targets) > 0
    if not positive.any():
        raise InputError(f"none of the {len(positive)} spotting samples is positive: nothing can be learnt from them")
    negatives = np.flatnonzero(~positive)
    wanted = min(len(negatives), round(ratio * int(positive.sum())))
    drawn = np.random.default_rng([seed, NEGATIVES]).choice(negatives, wanted, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(positive), drawn]))


@dataclass(frozen=True)
class FoldSamples:
    """What a fold is trained on: the arrays of ``train_mean`` or ``train_sfamnet`` in their order, and its seed."""

    samples: Sequence[np.ndarray]
    seed: int


class Sampler:
    """An endless source of equal batches of samples, with the noise that training adds.

    ``arrays`` hold what belongs to a sample, such as planes and target, along the first axis; of memory maps only
    ``rows`` are read. ``noise`` makes of ``(batch, generator)`` tensors that follow. Seed and stage name the streams.

    Samples come in shuffled passes over all rows, one pass after the other, cut into batches of one size; a batch may
    span two passes. (Keras ends a pass with a smaller one. Equal ones let folds of different size train as a stack.)
    """

    def __init__(
        self,
        arrays: Sequence[np.ndarray],
        rows: np.ndarray,
        *,
        batch: int,
        seed: int,
        stage: int,
        device: torch.device,
        noise: Callable[[int, torch.Generator], tuple[Tensor, ...]],
    ) -> None:
        if len(rows) == 0:
            raise InputError("there is no sample to train on")
        self.arrays, self.rows = arrays, rows
        self.batch, self.device, self.noise = batch, device, noise
        self.order_generator = torch_generator(seed, ORDER, stage)
        self.noise_generator = torch_generator(seed, NOISE, stage, device=device)
        self.queue = np.empty(0, np.int64)

    def __call__(self) -> tuple[Tensor, ...]:
        """The next batch: a tensor per array, then the noise, on the device."""
        while len(self.queue) < self.batch:
            order = torch.randperm(len(self.rows), generator=self.order_generator).numpy()
            self.queue = np.concatenate([self.queue, order])
        rows, self.queue = self.rows[self.queue[: self.batch]], self.queue[self.batch :]
        samples = tuple(_tensor(array[rows]).to(self.device) for array in self.arrays)
        return samples + self.noise(self.batch, self.noise_generator)


def _tensor(array: np.ndarray) -> Tensor:
    kind = np.float32 if array.dtype.kind == "f" else np.int64
    return torch.from_numpy(np.ascontiguousarray(array, dtype=kind))
