"""Optical strain, and the two ways in which planes of motion are brought to scale; of arrays or tensors, the same."""

from __future__ import annotations

from melib.errors import InputError
from melib.flow.images import check_numbers, check_shapes, library_of


def strain(flow, *, differences: str = "backward"):
    """Optical strain: how much the flow stretches and shears the skin, whatever its translation.

    The norm of the symmetric part of the flow's gradient, ``sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2)``: of flow
    ``(..., 2, H, W)`` in pixels (right, down), ``(..., H, W)`` of its type, without unit, >= 0. ``differences`` are
    ``backward``, to the pixel on the left and above, as in MEAN's released code (the first row and column, where there
    is none, get strain 0), or ``central``, half the difference of the two neighbours (one-sided at the border): free of
    the half pixel's offset and less noisy. Another shape or name raises ValueError.
    """
    check_shapes(flow=(flow, "... 2 H W"))
    library = library_of(flow)
    if differences == "central":
        down, right = library.gradient(flow, axis=(-2, -1))
    elif differences == "backward":
        down, right = library.zeros_like(flow), library.zeros_like(flow)
        down[..., 1:, 1:] = flow[..., 1:, 1:] - flow[..., :-1, 1:]
        right[..., 1:, 1:] = flow[..., 1:, 1:] - flow[..., 1:, :-1]
    else:
        raise InputError(f"unknown differences {differences!r}: use backward or central")
    (u_x, v_x), (u_y, v_y) = ((one[..., 0, :, :], one[..., 1, :, :]) for one in (right, down))
    return library.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2)


def min_max(planes):
    """Each plane of ``(..., H, W)`` stretched to 0..1 by its own extremes, as the authors do; a flat plane becomes 0.

    Planes are of floating point. It removes the size of the motion, and the worst pixel of a plane sets its scale.
    """
    library = library_of(planes)
    low = library.amin(planes, axis=(-2, -1), keepdims=True)
    span = library.amax(planes, axis=(-2, -1), keepdims=True) - low
    return (planes - low) / library.where(span > 0, span, library.ones_like(span))


def fixed_scale(planes, scales: tuple[float, ...], *, limit: float = 3.0):
    """Planes ``(..., C, H, W)`` over a positive constant each, in their own units, and clipped at ``limit``.

    A small motion stays small, and a blink or a hole cannot outweigh everything else.
    """
    divisors = library_of(planes).asarray(scales, dtype=planes.dtype, device=planes.device)
    check_shapes(scales=(divisors, "C"), planes=(planes, "... C H W"))
    check_numbers(1e-12, 1e12, limit=limit, **{f"scale {number}": scale for number, scale in enumerate(scales)})
    return (planes / divisors[:, None, None]).clip(-limit, limit)
