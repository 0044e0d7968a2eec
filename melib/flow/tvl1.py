r"""TV-L1 optical flow, batched, on any device.

The flow ``u`` from image ``I0`` to image ``I1`` is the minimum of

.. math:: \int |\nabla u_1| + |\nabla u_2| + \lambda\, |I_1(x + u) - I_0(x)| \, dx .

Linearised about the flow ``w`` of the last warp, the data term is the absolute value of
:math:`\rho(u) = I_1(x + w) - I_0 + g \cdot (u - w)`, with the image gradient ``g``. A second field ``v``, tied to
``u`` by :math:`|u - v|^2 / 2\theta`, parts the problem in two that are solved in turn:

* ``v = u + g * clamp(-rho(u) / |g|^2, -lambda theta, lambda theta)``, pixel by pixel;
* ``u = v + theta div p``, where the dual field follows Chambolle's fixed point
  ``p <- (p + tau/theta grad u) / (1 + tau/theta |grad u|)``.

Gradients are forward, divergences backward differences. Around: warps, each with a median filter; pyramid factor 2.

References
----------
C. Zach, T. Pock, H. Bischof, "A Duality Based Approach for Realtime TV-L1 Optical Flow", DAGM 2007,
doi:10.1007/978-3-540-74936-3_22.
A. Wedel, T. Pock, C. Zach, H. Bischof, D. Cremers, "An Improved Algorithm for TV-L1 Optical Flow", 2009,
doi:10.1007/978-3-642-03061-1_2 (median filter; why the slowly varying part of an image may be left out).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from melib.errors import InputError
from melib.flow.grids import Rows, blur, chunks, derivatives, inside, median3, resize, spline, warp, warp_spline
from melib.flow.images import SMALLEST_SIDE, check_numbers, check_pair

#: Step of the dual field; a larger one may not converge.
_TAU = 0.25
#: The change of the flow is looked at once in so many iterations.
_LOOK_EVERY = 5
#: Squared gradients below this (grey levels per pixel) carry no information about motion.
_FLAT = 1e-6


@torch.no_grad()
def tvl1(
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    attachment: float = 0.15,
    tightness: float = 0.3,
    scales: int = 4,
    warps: int = 2,
    iterations: int = 20,
    tolerance: float = 0.01,
    local_mean: float = 0.0,
) -> torch.Tensor:
    """TV-L1 optical flow from images ``a`` to images ``b``.

    Parameters
    ----------
    a, b : torch.Tensor
        Grey images ``(B, H, W)`` on one device, uint8 or floating point in 0..255; float64 is computed in float64.
    attachment : float
        The weight lambda of the data: smaller gives up the motion of weak texture, larger follows noise and light.
    tightness : float
        The coupling theta of the two fields. Where texture is strong it alone sets how much the motion is smoothed:
        larger shrinks small motion more, smaller keeps it, noise included, and needs more iterations.
    scales : int
        Most levels of the pyramid, which stops before a side falls below 16 pixels. One level follows motion of about
        a pixel, each further one doubles that.
    warps : int
        Linearisations on each level: more follow large motion and strong texture better.
    iterations : int
        Most iterations after each warp: more smooth small motion more strongly; fewer are faster and, where a face
        moves by a fraction of a pixel, nearer to the truth.
    tolerance : float
        Stop a pair's loop when its flow changes by less in an iteration (root mean square, pixels). 0 never stops
        early, and asks the device nothing during the computation.
    local_mean : float
        Standard deviation in pixels of a Gaussian local mean that is first taken out of both images, or 0. At 3 light
        that flickers does not matter; the lost contrast is made good by an ``attachment`` of 0.3.

    Returns
    -------
    torch.Tensor
        Flow ``(B, 2, H, W)`` float32, pixels (right, down), on the images' device.

    Raises
    ------
    ValueError
        If the images cannot be compared or a parameter is out of range.
    """
    check_pair(a, b)
    if a.ndim != 3:
        raise InputError(f"tvl1 takes a batch (B, H, W), got shape {tuple(a.shape)}; optical_flow takes single pairs")
    check_numbers(1e-6, 1e6, attachment=attachment, tightness=tightness)
    check_numbers(1, 10_000, whole=True, scales=scales, warps=warps, iterations=iterations)
    check_numbers(0, 100, tolerance=tolerance, local_mean=local_mean)
    limits = {"tightness": tightness, "limit": attachment * tightness, "rate": _TAU / tightness}
    solve = functools.partial(_solve, iterations=iterations, tolerance=tolerance, **limits)
    kind = torch.float64 if a.dtype == torch.float64 else torch.float32
    flow = torch.empty((len(a), 2, *a.shape[1:]), dtype=torch.float32, device=a.device)
    for part in chunks(a):
        images = torch.stack([a[part], b[part]]).to(kind)  # 2 x B x H x W
        if local_mean:
            flat = images.flatten(0, 1)
            images = (flat - blur(flat, local_mean)).view_as(images)
        found = None
        levels = _pyramid(images, scales)
        for level in reversed(levels):
            found = _level(level, found, solve, warps, finest=level is levels[0])
        flow[part] = found.transpose(0, 1)
    return flow


def _pyramid(images: torch.Tensor, scales: int) -> list[torch.Tensor]:
    """Levels of a stack ``(2, B, H, W)``, finest first, each half as large as the one before."""
    levels = [images]
    while len(levels) < scales:
        height, width = (round(side / 2) for side in levels[-1].shape[-2:])
        if min(height, width) < SMALLEST_SIDE:
            break
        levels.append(resize(levels[-1], height, width))
    return levels


def _level(images, coarser: torch.Tensor | None, solve: Callable, warps: int, *, finest: bool) -> torch.Tensor:
    """Flow ``(2, B, H, W)`` of one pyramid level, started from the flow of the level below."""
    first, second = images
    height, width = first.shape[-2:]
    if coarser is None:
        flow = torch.zeros_like(images)
    else:
        flow = resize(coarser, height, width)
        flow[0] *= width / coarser.shape[-1]
        flow[1] *= height / coarser.shape[-2]
    first_x, first_y = derivatives(first)
    seen = torch.stack([second, *derivatives(second)], 1)  # B x 3 x H x W
    # Linear interpolation blurs fine texture, which costs a third of the accuracy there and matters at the end only.
    seen, look = (spline(seen), warp_spline) if finest else (seen, warp)
    rows = Rows(flow)
    for _ in range(warps):
        grey, right, down = look(seen, flow).unbind(1)
        # The mean gradient of both images cancels the second-order error of the linearisation and half of the noise.
        # Where the flow leaves the image nothing can be compared, and smoothness alone acts.
        gradient = torch.stack([right + first_x, down + first_y]).mul_(0.5 * inside(flow))
        squared = gradient.square().sum(0)
        scale = torch.where(squared > _FLAT, -1 / squared.clamp(min=_FLAT), 0)
        constant = (grey - first - (gradient * flow).sum(0)).mul_(scale)
        slopes = gradient * scale
        # The median removes outliers and keeps edges.
        flow = median3(solve(rows, flow, gradient, constant, slopes))
    return flow


def _solve(rows, flow, gradient, constant, slopes, *, tightness, limit, rate, iterations, tolerance) -> torch.Tensor:
    """Flow ``(2, B, H, W)`` after at most so many iterations from ``flow``.

    ``rows.field`` is the dual field, which goes on from one call to the next.
    ``constant + slopes . flow`` is minus the residual over the squared gradient: ``(B, H, W)``, ``(2, B, H, W)``.
    """
    flow = flow.clone(memory_format=torch.contiguous_format)
    row, pair, dual = flow.view(-1), flow.view(2, -1), rows.field.view(2, *flow.shape)
    u, v = pair
    gradient, constant = gradient.view(2, -1), constant.view(-1)
    slope_u, slope_v = slopes.view(2, -1)
    right, down = rows.slope
    step, norm = torch.empty_like(constant), torch.empty_like(row)
    # The states of pairs that have converged are kept, so that a pair's flow does not depend on its neighbours.
    done, kept = torch.zeros(flow.shape[1], dtype=torch.bool, device=flow.device), []
    for iteration in range(1, iterations + 1):
        look = tolerance > 0 and iteration % _LOOK_EVERY == 0 and iteration < iterations
        before = flow.clone() if look else None
        # The second field, written over the flow.
        torch.addcmul(constant, slope_u, u, out=step)
        step.addcmul_(slope_v, v).clamp_(-limit, limit)
        pair.addcmul_(gradient, step)
        # The flow: the second field plus theta div p.
        rows.add_divergence(row, tightness)
        # The dual field p.
        rows.differences(row)
        torch.mul(right, right, out=norm)
        norm.addcmul_(down, down).sqrt_().mul_(rate).add_(1)
        rows.field.add_(rows.slope, alpha=rate).div_(norm)
        if look:
            change = (flow - before).square_().sum(0).mean((-2, -1))
            new = ((change <= tolerance**2) & ~done).nonzero()[:, 0]
            kept.append((new, flow[:, new], dual[:, :, new]))
            done[new] = True
            if done.all():
                break
    for pairs, their_flow, their_dual in kept:
        flow[:, pairs] = their_flow
        dual[:, :, pairs] = their_dual
    return flow
