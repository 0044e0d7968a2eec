"""Depth maps with holes: what is asked of them, their pyramid, derivatives, warps, and averages over time.

Depth is ``(B, H, W)``, 0 = no reading. The PyTorch functions keep whatever unit they are given.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch.nn import functional

from melib.errors import InputError
from melib.flow.grids import blur, pixels, warp
from melib.flow.images import is_tensor
from melib.flow.robust import robust_fit

#: A median depth beyond this many metres is taken for millimetres: no face is filmed from there.
FARTHEST = 20.0


def check_depth(name: str, depth, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a depth map fits its image and is in metres.

    Parameters
    ----------
    name : str
        How the message calls it.
    depth : numpy.ndarray or torch.Tensor
        Floating point, of the image's shape, finite, not negative, 0 = no reading, at least one reading.
    shape : tuple of int
        The image's shape.

    Raises
    ------
    ValueError
        With the reason and the mend. Readings with a median beyond 20 are taken for millimetres. The values of tensors
        on PyTorch's meta device are not looked at.
    """
    if not (isinstance(depth, np.ndarray) or is_tensor(depth)):
        raise InputError(f"{name} is a {type(depth).__name__}: pass a NumPy array or a PyTorch tensor")
    if tuple(depth.shape) != tuple(shape):
        raise InputError(f"{name} has shape {tuple(depth.shape)}, its image {tuple(shape)}")
    kind = str(depth.dtype).removeprefix("torch.")
    if "float" not in kind:
        raise InputError(f"{name} is of type {kind}: convert to float32 metres (raw readings often count millimetres)")
    if getattr(depth, "is_meta", False):
        return
    low, high = float(depth.min()), float(depth.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"{name} holds NaN or infinity: mark missing readings by 0")
    if low < 0:
        raise InputError(
            f"{name} holds negative values ({low:g}): depth is metres away from the camera, 0 = no reading"
        )
    if high == 0:
        raise InputError(f"{name} holds no reading at all (every pixel is 0)")
    readings = depth[depth > 0]
    median = float(readings.median() if is_tensor(readings) else np.median(readings))
    if median > FARTHEST:
        raise InputError(f"{name} has a median of {median:g} m, which looks like millimetres: divide by 1000")


def halve_depth(depth: torch.Tensor, reach: float) -> torch.Tensor:
    """Depth ``(B, H, W)`` at half the size, about every second pixel: the mean of near readings, 5 x 5.

    Binomial weights times the nearness in depth, which is 0 from ``reach`` on, so that an edge is not smeared; a hole
    stays a hole.
    """
    batch, height, width = depth.shape
    near = functional.unfold(functional.pad(depth[:, None], (2, 2, 2, 2)), 5, stride=2)
    near = near.view(batch, 25, (height + 1) // 2, (width + 1) // 2)
    binomial = depth.new_tensor((1, 4, 6, 4, 1))
    weights = (binomial[:, None] * binomial).view(25, 1, 1) * (near > 0)
    weights = weights * (reach - (near - depth[:, None, ::2, ::2]).abs()).clamp(min=0)
    total = weights.sum(1)
    return torch.where(total > 0, (weights * near).sum(1) / total.clamp(min=1e-12), 0)


def warp_depth(depth: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Depth seen at ``x + flow``: bilinear, or the nearest reading where one of the four neighbours is a hole."""
    known = (depth > 0).to(depth.dtype)
    seen, all_known = warp(torch.stack([depth, known], 1), flow).unbind(1)
    nearest = warp(depth[:, None], flow, mode="nearest")[:, 0]
    return torch.where(all_known > 0.999, seen, nearest)


def fill(depth: torch.Tensor, spread: float = 2.0) -> torch.Tensor:
    """Depth whose holes take the weighted mean of the readings around; far from any reading it stays 0."""
    known = (depth > 0).to(depth.dtype)
    weight = blur(known, spread)
    around = blur(depth, spread) / weight.clamp(min=1e-3)
    return torch.where(depth > 0, depth, torch.where(weight > 1e-3, around, 0))


def surface_weights(
    depth: torch.Tensor, focal: tuple[float, float], centre: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixel pitch over distance on the surface, to the right ``(B, H, W - 1)`` and lower ``(B, H - 1, W)`` neighbour.

    About 1 on a surface that faces the camera, near 0 across an edge in depth: motion is smooth along the surface, not
    across its outline. It is the geometric weight of Jaimez et al. made free of unit, so that a face filmed at 1 mm per
    pixel is smoothed over as many pixels as a room filmed at 5 mm per pixel.
    """
    x, y = pixels(depth)
    filled = fill(depth)
    weights = []
    for axis, offset, length in ((-1, x - centre[0], focal[0]), (-2, y - centre[1], focal[1])):
        size = depth.shape[axis]
        along = (offset * filled / length).diff(dim=axis)
        away = filled.diff(dim=axis)
        pitch = (filled.narrow(axis, 0, size - 1) + filled.narrow(axis, 1, size - 1)) / (2 * length)
        distance = torch.sqrt(along * along + away * away)
        weights.append(torch.where(distance > 0, pitch / distance.clamp(min=1e-9), 1).clamp(max=1))
    return weights[0], weights[1]


def depth_derivatives(
    depth: torch.Tensor, weights: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Derivatives to the right and down of depth ``(B, H, W)``: the mean of both one-sided differences.

    Weighted by `surface_weights`, so that at an edge the side of the surface counts; a difference to a hole counts not
    at all, and where no difference is left the derivative is 0.
    """
    known = depth > 0
    return (
        _one_axis(depth, known, weights[0]),
        _one_axis(*(field.transpose(-1, -2) for field in (depth, known, weights[1]))).transpose(-1, -2),
    )


def _one_axis(depth: torch.Tensor, known: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    weight = weight * (known[..., 1:] & known[..., :-1])
    difference = depth.diff(dim=-1) * weight
    total = functional.pad(weight, (0, 1)) + functional.pad(weight, (1, 0))
    return (functional.pad(difference, (0, 1)) + functional.pad(difference, (1, 0))) / total.clamp(min=1e-9)


def average_depth(depth: np.ndarray, flow: np.ndarray, face: np.ndarray, *, reference: int) -> np.ndarray:
    """Depth of one frame, averaged over frames in which the face rests, the head's own motion taken out.

    Each frame's depth is fetched along the flow from the reference frame, brought to the reference's pose by removing
    the plane (shift and tilt in depth) that fits its difference over the face best, and averaged with the others,
    pixel by pixel, over the frames that have a reading.

    Parameters
    ----------
    depth : numpy.ndarray
        ``(N, H, W)`` metres, 0 = no reading.
    flow : numpy.ndarray
        ``(N, 2, H, W)`` pixels from the reference frame to each frame; what it holds for the reference is not used.
    face : numpy.ndarray
        ``(H, W)`` bool, the face in the reference frame.
    reference : int
        Which of the N frames the result stands for.

    Returns
    -------
    numpy.ndarray
        ``(H, W)`` float32 metres; 0 where the reference has no reading.

    Raises
    ------
    ValueError
        If shapes do not fit, the reference is not among the frames, or the face has no readings to align.
    """
    depth, face = np.asarray(depth, np.float32), np.asarray(face, bool)
    count, height, width = depth.shape
    if flow.shape != (count, 2, height, width) or face.shape != (height, width) or not 0 <= reference < count:
        raise InputError(
            f"depth {depth.shape}, flow {flow.shape}, face {face.shape} and reference {reference} do not fit together"
        )
    base = depth[reference]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    plane = np.stack([np.ones_like(x), x / width - 0.5, y / height - 0.5]).astype(np.float64)
    total, readings = base.astype(np.float64), (base > 0).astype(np.float64)
    for index in range(count):
        if index == reference:
            continue
        there = x + flow[index, 0].astype(np.float32), y + flow[index, 1].astype(np.float32)
        known = cv2.remap((depth[index] > 0).astype(np.float32), *there, cv2.INTER_LINEAR)
        seen = cv2.remap(depth[index], *there, cv2.INTER_LINEAR)
        usable = (known > 0.999) & (base > 0)
        common = usable & face
        if common.sum() < 30:
            raise InputError(f"frame {index} shares {int(common.sum())} depth readings of the face with the reference")
        every = slice(None, None, max(1, int(common.sum()) // 1000))
        difference = (seen - base).astype(np.float64)
        coefficients = robust_fit(plane[None, :, common][..., every], difference[None, common][:, every])
        aligned = seen - np.tensordot(coefficients, plane, axes=(0, 0))
        total += np.where(usable, aligned, 0)
        readings += usable
    return np.where(base > 0, total / np.maximum(readings, 1), 0).astype(np.float32)
