"""Image operations that the PyTorch methods share, on ``(..., H, W)`` tensors of any floating type and device."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch.nn import functional


def tensor_of(array) -> torch.Tensor:
    """An array or number as a tensor that shares its memory; read-only ones, which PyTorch warns of, are copied."""
    array = np.asarray(array, order="C")
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def derivatives(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Derivatives to the right and down of images ``(B, H, W)``, grey levels per pixel.

    The central difference over five points, exact up to the fourth power; beyond the border the last pixel repeats.
    """
    return _along_rows(images), _along_rows(images.transpose(-1, -2)).transpose(-1, -2)


def _along_rows(images: torch.Tensor) -> torch.Tensor:
    padded = functional.pad(images, (2, 2), mode="replicate")
    near = padded[..., 3:-1] - padded[..., 1:-3]
    far = padded[..., 4:] - padded[..., :-4]
    return near.mul_(8 / 12).sub_(far, alpha=1 / 12)


def resize(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Images ``(B, C, H, W)`` at another size: bilinear, smoothed first where they shrink."""
    return functional.interpolate(images, size=(height, width), mode="bilinear", align_corners=False, antialias=True)


def halve(images: torch.Tensor) -> torch.Tensor:
    """Images ``(B, H, W)`` at half the size: the binomial mean about every second pixel, the first included."""
    binomial = [weight / 16 for weight in (1, 4, 6, 4, 1)]
    return _smooth(_smooth(images, binomial, -1, step=2), binomial, -2, step=2)


def double(fields: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Fields ``(A, B, h, w)`` on the finer grid of `halve`, linear in between; the last pixel repeats if need be."""
    rows, columns = (2 * side - 1 for side in fields.shape[-2:])
    fine = functional.interpolate(fields, size=(rows, columns), mode="bilinear", align_corners=True)
    return functional.pad(fine, (0, width - columns, 0, height - rows), mode="replicate")


def pixels(like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Coordinates x ``(W,)`` and y ``(H, 1)`` of the pixels of ``(..., H, W)`` images, of their type and device."""
    height, width = like.shape[-2:]
    x = torch.arange(width, dtype=like.dtype, device=like.device)
    y = torch.arange(height, dtype=like.dtype, device=like.device)[:, None]
    return x, y


def warp(images: torch.Tensor, flow: torch.Tensor, *, mode: str = "bilinear") -> torch.Tensor:
    """Images ``(B, C, H, W)`` seen at ``x + flow``, flow ``(2, B, H, W)`` pixels; outside, the border repeats."""
    x, y = pixels(images)
    return _sample(images, x + flow[0], y + flow[1], mode)


def _sample(images: torch.Tensor, x: torch.Tensor, y: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    height, width = images.shape[-2:]
    # grid_sample counts from -1 at the centre of the first pixel to 1 at the centre of the last.
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], -1)
    return functional.grid_sample(images, grid, mode=mode, padding_mode="border", align_corners=True)


def spline(images: torch.Tensor) -> torch.Tensor:
    """Coefficients of the cubic spline through images ``(..., H, W)``, mirrored at the border, for `warp_spline`."""
    down, right = (_inverse_knots(size, images.dtype, images.device) for size in images.shape[-2:])
    return down @ images @ right


@functools.cache
def _inverse_knots(size: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    ones = torch.ones(size, dtype=dtype, device=device)
    beside = (ones[1:] / 6).diag(1)
    beside = beside + beside.T
    return torch.linalg.inv_ex(beside + (ones - beside.sum(1)).diag())[0]


def warp_spline(coefficients: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """As `warp`, of images given by `spline`: fine texture is neither blurred nor shifted between the pixels."""
    x, y = pixels(coefficients)
    left, right, across = _between_knots(x + flow[0], coefficients.shape[-1])
    up, down, along = _between_knots(y + flow[1], coefficients.shape[-2])
    lines = [_sample(coefficients, left, y).lerp_(_sample(coefficients, right, y), across) for y in (up, down)]
    return lines[0].lerp_(lines[1], along)


def _between_knots(at: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two places and the weight of the second: values interpolated there make the B-spline, a mean of four knots."""
    at = at.clamp(0, size - 1)
    knot = at.floor()
    part = at - knot
    second = (1 + part * (3 + part * (3 - 2 * part))) / 6
    return knot - (1 - part) ** 3 / (6 - 6 * second), knot + 1 + part**3 / (6 * second), second[:, None]


def inside(flow: torch.Tensor, margin: float = 0.0) -> torch.Tensor:
    """Where ``x + flow`` of a flow ``(2, B, H, W)`` falls within a margin of the pixel centres: ``(B, H, W)`` bool."""
    height, width = flow.shape[-2:]
    x, y = pixels(flow)
    right, down = x + flow[0], y + flow[1]
    across = (right >= -margin) & (right <= width - 1 + margin)
    return across & (down >= -margin) & (down <= height - 1 + margin)


def blur(images: torch.Tensor, spread: float) -> torch.Tensor:
    """Images ``(B, H, W)`` under a Gaussian of a standard deviation in pixels; the border repeats."""
    reach = max(1, round(3 * spread))
    kernel = [math.exp(-0.5 * (offset / spread) ** 2) for offset in range(-reach, reach + 1)]
    kernel = [weight / sum(kernel) for weight in kernel]
    return _smooth(_smooth(images, kernel, -1), kernel, -2)


def _smooth(images: torch.Tensor, kernel: list[float], axis: int, step: int = 1) -> torch.Tensor:
    """Weighted mean along one axis of ``(B, H, W)``, at every ``step``-th pixel.

    A sum of shifted images, not a convolution of the deep-learning kind: those round to TF32 on some accelerators.
    """
    reach = len(kernel) // 2
    size = images.shape[axis]
    padding = (reach, reach, 0, 0) if axis == -1 else (0, 0, reach, reach)
    padded = functional.pad(images, padding, mode="replicate")
    picked = [padded.narrow(axis, offset, size) for offset in range(len(kernel))]
    if step > 1:
        picked = [one[..., ::step] if axis == -1 else one[..., ::step, :] for one in picked]
    total = picked[0] * kernel[0]
    for one, weight in zip(picked[1:], kernel[1:], strict=True):
        total.add_(one, alpha=weight)
    return total


def median3(planes: torch.Tensor) -> torch.Tensor:
    """Median of the 3 x 3 neighbourhood in planes ``(A, B, H, W)``; beyond the border the last pixel repeats.

    Columns are sorted once; the median is that of the largest low, the middle middle and the smallest high of three.
    """
    padded = functional.pad(planes, (1, 1, 1, 1), mode="replicate")
    top, middle, bottom = padded[..., :-2, :], padded[..., 1:-1, :], padded[..., 2:, :]
    low, high = torch.minimum(top, middle), torch.maximum(top, middle)
    middle, high = torch.minimum(high, bottom), torch.maximum(high, bottom)
    low, middle = torch.minimum(low, middle), torch.maximum(low, middle)
    return _median_of_three(
        torch.maximum(torch.maximum(low[..., :-2], low[..., 1:-1]), low[..., 2:]),
        _median_of_three(middle[..., :-2], middle[..., 1:-1], middle[..., 2:]),
        torch.minimum(torch.minimum(high[..., :-2], high[..., 1:-1]), high[..., 2:]),
    )


def _median_of_three(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    return torch.maximum(torch.minimum(a, b), torch.minimum(torch.maximum(a, b), c))


class Rows:
    """Forward differences and divergences of fields ``(..., H, W)`` held as one long row of N pixels.

    Every step of a solver is then one pass over contiguous memory, in buffers allocated once. ``field (2, N)`` is the
    solver's to write, and must be 0 in the last column (right) and the last row (down).
    """

    def __init__(self, like: torch.Tensor) -> None:
        width, size = like.shape[-1], like.numel()
        self.width = width
        # A row of zeros stands before the first element, so that its left and upper neighbours exist.
        padded = like.new_zeros((2, width + size))
        self.field = padded[:, width:]
        self.right, self.down = self.field
        self.left, self.up = padded[0, width - 1 : -1], padded[1, :size]
        self.slope = like.new_zeros((2, size))
        self.slope_right, self.slope_down = self.slope[0, : size - 1], self.slope[1, : size - width]
        maps = self.slope.view(2, *like.shape)
        self.last_column, self.last_row = maps[0, ..., -1], maps[1, ..., -1, :]

    def differences(self, row: torch.Tensor) -> torch.Tensor:
        """`slope` of a row ``(N,)``: to its right and lower neighbours, 0 across the border."""
        torch.sub(row[1:], row[:-1], out=self.slope_right)
        torch.sub(row[self.width :], row[: -self.width], out=self.slope_down)
        self.last_column.zero_()
        self.last_row.zero_()
        return self.slope

    def add_divergence(self, row: torch.Tensor, factor: float) -> None:
        """Add ``factor`` times the divergence of `field` to a row ``(N,)``."""
        row.add_(self.right, alpha=factor).sub_(self.left, alpha=factor)
        row.add_(self.down, alpha=factor).sub_(self.up, alpha=factor)


#: Pixels computed together on a processor (less pays for calls, more leaves the cache: measured), or elsewhere.
CACHE, MEMORY = 2**16, 2**24


def chunks(batch: torch.Tensor) -> list[slice]:
    """Slices of a batch ``(B, H, W)`` to be computed one after the other."""
    size = max(1, (CACHE if batch.device.type == "cpu" else MEMORY) // batch[0].numel())
    return [slice(start, start + size) for start in range(0, len(batch), size)]
