"""Running a trained network over many samples, on the device that is there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import log_softmax, logsumexp
from torch import nn

from melib.errors import InputError
from melib.provenance import choose_device


def predict(
    model: nn.Module, planes: np.ndarray, *, device: str | torch.device = "auto", batch: int = 512
) -> tuple[np.ndarray, np.ndarray]:
    """What a published network says of planes, in evaluation mode.

    Parameters
    ----------
    model : MEAN or SFAMNet
        It is moved to the device; its training mode is left as found.
    planes : numpy.ndarray
        ``(N, 3, 42, 42)``; it may be a memory map.
    device : str or torch.device
        As :func:`melib.provenance.choose_device` takes it.
    batch : int
        Samples that are read at a time: bounds the memory and leaves the values unchanged up to rounding.

    Returns
    -------
    tuple of numpy.ndarray
        Spotting scores ``(N,)`` and emotion logits ``(N, C)``, float32.
    """
    check_planes(planes)
    device = choose_device(device)
    training = model.training
    model.to(device).eval()
    spots, logits = [np.empty(0, np.float32)], [np.empty((0, model.classes), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(planes), batch):
            part = np.array(planes[start : start + batch], dtype=np.float32)  # a copy: a memory map is read-only
            spot, emotion = model(torch.from_numpy(part).to(device))
            spots.append(spot.cpu().numpy())
            logits.append(emotion.cpu().numpy())
    model.train(training)
    return np.concatenate(spots), np.concatenate(logits)


def late_fusion(outputs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Join what :func:`predict` returned of several networks: mean scores, and logarithms of mean probabilities.

    One reading of the papers' input "O + S" (optical flow and scene flow): how they fuse the two is not known.
    """
    shapes = {(np.shape(spot), np.shape(logits)) for spot, logits in outputs}
    if len(shapes) != 1:
        raise InputError(f"outputs to be joined must be at least one and have the same shapes, got {sorted(shapes)}")
    spots, logits = zip(*outputs, strict=True)
    probabilities = np.stack([log_softmax(one, axis=1) for one in logits])
    return np.mean(spots, axis=0), logsumexp(probabilities, axis=0) - np.log(len(probabilities))


def check_planes(planes: np.ndarray) -> None:
    """Raise ValueError unless the array has the shape ``(N, 3, 42, 42)``."""
    if np.ndim(planes) != 4 or planes.shape[1:] != (3, 42, 42):
        raise InputError(f"planes must have the shape (N, 3, 42, 42), got {np.shape(planes)}")
