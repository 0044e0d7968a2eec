"""Batches: which samples, which dropout, which augmentation, all from one seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from melib.errors import InputError
from melib.training.labels import downsample_negatives

# What a random stream is for. Streams of one seed are independent, so more draws in one never shift another.
INITIAL, ORDER, NOISE, NEGATIVES = range(4)


def numpy_generator(seed: int, *stream: int) -> np.random.Generator:
    """A NumPy generator for one purpose of a seed."""
    return np.random.default_rng([seed, *stream])


def torch_generator(seed: int, *stream: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A PyTorch generator for one purpose of a seed."""
    state = np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0]
    generator = torch.Generator(device)
    generator.manual_seed(int(state >> 1))  # 63 bits: what a signed integer holds
    return generator


def all_rows(rows: np.ndarray | None, samples: np.ndarray) -> np.ndarray:
    """The rows asked for, or those of all samples."""
    return np.arange(len(samples)) if rows is None else np.asarray(rows)


def thinned_rows(targets: np.ndarray, rows: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """Rows with at most ``ratio`` negatives a positive (:func:`melib.training.downsample_negatives`)."""
    return rows[downsample_negatives(targets[rows], ratio, numpy_generator(seed, NEGATIVES))]


class Sampler:
    """An endless source of equal batches of samples, with the noise that training adds.

    Samples come in shuffled passes over all rows, one pass after the other, cut into batches of one size; a batch may
    span two passes. (Keras ends a pass with a smaller batch. Equal ones let folds of different size train as one
    stack.)

    Parameters
    ----------
    arrays : sequence of ndarray
        What belongs to a sample, such as planes and target, aligned along the first axis; may be memory maps.
    rows : ndarray, (n,) int
        The rows of the arrays to draw from.
    batch : int
        Samples in a batch.
    noise : callable, optional
        From ``(batch, generator)`` to a tuple of tensors handed on after the samples (dropout masks).
    seed, stage : int
        Name the random streams.
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
        noise: Callable[[int, torch.Generator], tuple[Tensor, ...]] | None = None,
    ) -> None:
        if len(rows) == 0:
            raise InputError("there is no sample to train on")
        self.arrays = arrays
        self.rows = np.asarray(rows)
        self.batch = batch
        self.device = device
        self.noise = noise
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
        return samples + (self.noise(self.batch, self.noise_generator) if self.noise else ())

    @property
    def size(self) -> int:
        """Number of samples in a pass."""
        return len(self.rows)

    @property
    def fingerprint(self) -> str:
        """Tells these samples from others: a checksum of the rows, the targets, and the first and last planes."""
        checksum = zlib.crc32(self.rows.tobytes())
        for array in self.arrays:
            part = array[self.rows] if array.ndim == 1 else array[self.rows[[0, -1]]]
            checksum = zlib.crc32(np.ascontiguousarray(part).tobytes(), checksum)
        return f"{len(self.rows)}-{checksum:08x}"

    def state_dict(self) -> dict[str, Tensor]:
        """What a later sampler needs to go on with the same batches."""
        return {
            "order": self.order_generator.get_state(),
            "noise": self.noise_generator.get_state(),
            "queue": torch.from_numpy(self.queue),
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on where another sampler stood."""
        self.order_generator.set_state(state["order"])
        self.noise_generator.set_state(state["noise"])
        self.queue = state["queue"].numpy()


def _tensor(array: np.ndarray) -> Tensor:
    kind = np.float32 if array.dtype.kind == "f" else np.int64
    return torch.from_numpy(np.ascontiguousarray(array, dtype=kind))
