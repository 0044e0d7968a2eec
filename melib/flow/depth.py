"""Depth maps ``(B, H, W)`` with holes (0 = no reading; any unit), as PyTorch sees them: pyramid and derivatives."""

from __future__ import annotations

import itertools

import torch
from torch.nn import functional

from melib.flow.grids import blur, pixels


def halve_depth(depth: torch.Tensor, reach: float) -> torch.Tensor:
    """Depth at half the size, about every second pixel: the mean of near readings, 5 x 5.

    Binomial weights times the nearness in depth, 0 from ``reach`` on: no edge is smeared, and a hole stays a hole.
    """
    # A hole stands farther from any reading than the reach, and no farther from another hole.
    marked = torch.where(depth > 0, depth, -reach)
    padded, centre = functional.pad(marked, (2, 2, 2, 2), value=-reach), marked[..., ::2, ::2].contiguous()
    columns = [padded[..., start::2].contiguous() for start in (0, 1)]
    height, width = depth.shape[-2], centre.shape[-1]
    total, weighted, binomial = torch.zeros_like(centre), torch.zeros_like(centre), (1, 4, 6, 4, 1)
    for down, right in itertools.product(range(5), range(5)):
        near = columns[right % 2][..., down : down + height : 2, right // 2 : right // 2 + width]
        less = (near - centre).abs_().sub_(reach).clamp_(max=0)
        total.add_(less, alpha=binomial[down] * binomial[right])
        weighted.addcmul_(less, near, value=binomial[down] * binomial[right])
    return weighted.div_(total).clamp_(min=0)


def fill(depth: torch.Tensor, spread: float = 2.0) -> torch.Tensor:
    """Depth whose holes take the weighted mean of the readings around; far from any reading it stays 0."""
    weight, around = blur(torch.stack([(depth > 0).to(depth.dtype), depth]).flatten(0, 1), spread).view(2, *depth.shape)
    around = around / weight.clamp(min=1e-3)
    return torch.where(depth > 0, depth, torch.where(weight > 1e-3, around, 0))


def nearest(known: torch.Tensor) -> torch.Tensor:
    """The nearest known pixel to each of ``(H, W)`` bool, numbered row by row: ``(H * W,)``."""
    x, y = (torch.arange(size, device=known.device) for size in (known.shape[1], known.shape[0]))
    y, beyond = y[:, None], 2 * sum(known.shape)  # farther than any pixel
    above = torch.where(known, y, -beyond).cummax(0).values
    below = -torch.where(known, -y, -2 * beyond).flip(0).cummax(0).values.flip(0)
    row = torch.where(y - above <= below - y, above, below)
    column = ((row - y).square()[:, None, :] + (x[:, None] - x).square()).argmin(-1)
    return (row.gather(1, column).clamp(0, len(known) - 1) * known.shape[1] + column).flatten()


def surface_weights(
    depth: torch.Tensor, focal: tuple[float, float], centre: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixel pitch over distance on the surface, to the right ``(B, H, W - 1)`` and lower ``(B, H - 1, W)`` neighbour.

    About 1 on a surface that faces the camera, near 0 across an edge in depth: motion is smooth along the surface, not
    across its outline. The weight of Jaimez et al., free of unit: a face is smoothed like a room. For holes: `fill`.
    """
    x, y = pixels(depth)
    weights = []
    for axis, offset, length in ((-1, x - centre[0], focal[0]), (-2, y - centre[1], focal[1])):
        size = depth.shape[axis]
        along = (offset * depth / length).diff(dim=axis)
        away = depth.diff(dim=axis)
        pitch = (depth.narrow(axis, 0, size - 1) + depth.narrow(axis, 1, size - 1)) / (2 * length)
        distance = torch.sqrt(along * along + away * away)
        weights.append(torch.where(distance > 0, pitch / distance.clamp(min=1e-9), 1).clamp(max=1))
    return weights[0], weights[1]


def depth_derivatives(depth: torch.Tensor, weights: tuple[torch.Tensor, torch.Tensor]) -> list[torch.Tensor]:
    """Derivatives to the right and down: the mean of both one-sided differences, weighted by `surface_weights`.

    At an edge the side of the surface counts, a difference to a hole never; where none is left the derivative is 0.
    """
    known = depth > 0
    down = _along_rows(*(field.transpose(-1, -2) for field in (depth, known, weights[1])))
    return [_along_rows(depth, known, weights[0]), down.transpose(-1, -2)]


def _along_rows(depth: torch.Tensor, known: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    weight = weight * (known[..., 1:] & known[..., :-1])
    difference = depth.diff(dim=-1) * weight
    total = functional.pad(weight, (0, 1)) + functional.pad(weight, (1, 0))
    return (functional.pad(difference, (0, 1)) + functional.pad(difference, (1, 0))) / total.clamp(min=1e-9)
