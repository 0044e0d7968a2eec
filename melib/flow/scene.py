r"""RGB-D scene flow: where every surface point goes, from two images with depth.

The unknowns are the image flow ``(u, v)`` in pixels and the change of depth ``w``. They minimise

.. math:: \sum |\rho_I| + \mu\, |\rho_Z| + \lambda_I (|\nabla_r u| + |\nabla_r v|) + \lambda_Z |\nabla_r w|

with the brightness residual :math:`\rho_I = I_b(x + u, y + v) - I_a`, the depth residual
:math:`\rho_Z = Z_b(x + u, y + v) - Z_a - w`, and :math:`\nabla_r` the forward differences weighted by the surface
(:func:`melib.flow.depth.surface_weights`). Both residuals are linearised once on each level of a pyramid of factor 2;
the level's problem is solved by the preconditioned primal-dual iteration of Chambolle and Pock, in which the brightness
term is treated exactly; a median filter closes the level.

Four departures from the published method suit faces that move by tenths of a millimetre on heads that move by more.
Depth is in half millimetres inside: with metres its dual variables, whose step is the residual itself, hardly leave
zero within a hundred iterations. The surface weights carry no unit. What is kept smooth is what departs from an affine
motion of the whole face, fitted on each level: otherwise the tilt of a head is flattened together with the noise. A
local mean is taken out of the images, against flickering light. Weights were chosen on the benchmark's training people.

References
----------
M. Jaimez, M. Souiai, J. Gonzalez-Jimenez, D. Cremers, "A primal-dual framework for real-time dense RGB-D scene flow",
ICRA 2015, doi:10.1109/ICRA.2015.7138986.
T. Pock, A. Chambolle, "Diagonal preconditioning for first order primal-dual algorithms in convex optimization", ICCV
2011, doi:10.1109/ICCV.2011.6126441.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import njit

from melib.errors import InputError
from melib.flow.depth import depth_derivatives, fill, halve_depth, surface_weights
from melib.flow.grids import blur, chunks, derivatives, double, halve, inside, median3, pixels, tensor_of, warp
from melib.flow.images import check_depth, check_numbers, check_pair, is_tensor
from melib.video import Camera

#: The unit of depth inside the solver, in metres and in millimetres: the size of the motion to be found (measured).
_UNIT, _UNIT_MM = 5e-4, 0.5
#: Weight mu of the depth residual, grey levels per millimetre, for readings of this noise in metres. Only its ratio to
#: the smoothness of depth matters for the change of depth; a larger weight also lets depth guide the image flow.
_DEPTH_WEIGHT, _USUAL_NOISE = 0.075, 5e-4
#: Iterations on each level.
_ITERATIONS = 50
#: How much longer the steps of the duals of u, v and w are, and how much shorter those of the fields, than the
#: preconditioner says: image flow of fractions of a pixel is averaged as well in fewer iterations (measured).
_EAGER = 2.0, 2.0, 1.0
#: Smallest side of the coarsest level, pixels.
_COARSEST = 15
#: Readings farther than this from a pixel's own, in metres, belong to another surface.
_OTHER_SURFACE = 0.1
#: Weight per square metre by which slope and change of depth reduce the trust in a reading (Jaimez et al.).
_OUTLINE = 1000.0
_TINY = 1e-10
#: Depth between pixels is known where readings have more than this share of the weights.
_MOSTLY = 0.5
#: The head's motion is fitted on a grid of about so many points a side, in so many rounds.
_FIT_SIDE, _FIT_ROUNDS = 32, 8


@torch.no_grad()
def scene_flow(
    gray_a,
    depth_a,
    gray_b,
    depth_b,
    camera: Camera,
    *,
    smoothness: float = 4.0,
    depth_smoothness: float = 0.6,
    depth_noise=None,
    local_mean: float = 3.0,
):
    """Scene flow from one RGB-D frame to another.

    Parameters
    ----------
    gray_a, gray_b : numpy.ndarray or torch.Tensor
        Grey images ``(B, H, W)`` or ``(H, W)``: uint8, or floating point in 0..255; float64 is computed in float64.
    depth_a, depth_b : numpy.ndarray or torch.Tensor
        Depth of the same shape and kind, floating point metres, 0 = no reading.
    camera : melib.video.Camera
        Intrinsics of the images as given (after crop and resize).
    smoothness : float
        Weight lambda_I of the image flow's variation, grey levels: larger shrinks small motion more.
    depth_smoothness : float
        Weight lambda_Z of the variation of the change of depth, grey levels per millimetre: larger averages depth noise
        over more pixels and flattens small motion in depth.
    depth_noise : float, numpy.ndarray or torch.Tensor, optional
        Standard deviation of the readings in metres, a number or a map ``(B, H, W)`` or ``(H, W)``: noisier ones count
        less; 0.5 mm changes nothing.
    local_mean : float
        Standard deviation in pixels of a Gaussian local mean that is first taken out of both images, or 0.

    Returns
    -------
    scene_flow : numpy.ndarray or torch.Tensor
        ``(B, 3, H, W)`` float32 metres (right, down, away) in camera axes; 0 where the first frame has no depth.
    flow : numpy.ndarray or torch.Tensor
        ``(B, 2, H, W)`` float32 pixels (right, down), the image flow that it rests on, everywhere.
    valid : numpy.ndarray or torch.Tensor
        ``(B, H, W)`` bool: both frames have depth there, and the flow stays inside the image. All three are without the
        batch axis for a single pair, and of the kind and on the device of the input.

    Raises
    ------
    ValueError
        If images, depth maps and camera do not fit together, hold NaN or are out of range (depth in millimetres).
    """
    check_pair(gray_a, gray_b)
    check_depth("depth_a", depth_a, gray_a)
    check_depth("depth_b", depth_b, gray_a)
    if not isinstance(camera, Camera):
        raise InputError(f"scene flow needs the camera's intrinsics: pass a melib.video.Camera, not {camera!r}")
    height, width = gray_a.shape[-2:]
    if (camera.height, camera.width) != (height, width):
        sizes = f"the camera is of {camera.width} x {camera.height} pixels, the images of {width} x {height}"
        raise InputError(f"{sizes}: give the intrinsics of the images after crop and resize")
    check_numbers(1e-6, 1e6, smoothness=smoothness, depth_smoothness=depth_smoothness)
    check_numbers(0, 100, local_mean=local_mean)
    as_given = torch.Tensor.contiguous if is_tensor(gray_a) else torch.Tensor.numpy
    images = [one if is_tensor(one) else tensor_of(one) for one in (gray_a, gray_b, depth_a, depth_b)]
    single = gray_a.ndim == 2
    images = [one[None] if single else one for one in images]
    kind = torch.float64 if images[0].dtype == torch.float64 else torch.float32
    weight = _depth_weight(depth_noise, images[0].new_empty(images[0].shape, dtype=kind))
    lambdas = smoothness, smoothness, depth_smoothness * _UNIT_MM
    outputs = []
    for part in chunks(images[0]):
        gray = torch.stack([one[part] for one in images[:2]]).to(kind)
        if local_mean:
            gray = (gray.flatten(0, 1) - blur(gray.flatten(0, 1), local_mean)).view_as(gray)
        depth = torch.stack([one[part] for one in images[2:]]).to(kind) / _UNIT
        outputs.append(_chunk(gray, depth, weight[part], camera, lambdas))
    joined = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    return tuple(as_given(one[0] if single else one) for one in joined)


def _depth_weight(noise, like: torch.Tensor) -> torch.Tensor:
    """Weight ``(B, H, W)`` of the depth residual, per unit of depth."""
    if noise is None:
        return torch.full_like(like, _DEPTH_WEIGHT * _UNIT_MM)
    noise = (noise if is_tensor(noise) else tensor_of(noise)).to(like)
    if not noise.is_meta and not bool((noise > 0).all()):
        raise InputError("depth_noise must be positive metres everywhere")
    if noise.ndim and noise.shape[-2:] != like.shape[-2:]:
        raise InputError(f"depth_noise has shape {tuple(noise.shape)}, the images {tuple(like.shape)}")
    return (_DEPTH_WEIGHT * _UNIT_MM * _USUAL_NOISE / noise).expand_as(like)


def _chunk(gray, depth, weight, camera: Camera, lambdas) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scene flow in metres, image flow and validity of a few pairs; ``gray``, ``depth`` are ``(2, B, H, W)``."""
    levels = [(gray, depth, weight)]
    while (min(levels[-1][0].shape[-2:]) + 1) // 2 >= _COARSEST:
        finer_gray, finer_depth, finer_weight = levels[-1]
        coarse_gray, coarse_depth = halve(finer_gray.flatten(0, 1)), halve_depth(finer_depth, _OTHER_SURFACE / _UNIT)
        coarse_gray = coarse_gray.view(coarse_depth.shape)
        levels.append((coarse_gray, coarse_depth, finer_weight[:, ::2, ::2]))
    state = None
    for step in range(len(levels) - 1, -1, -1):
        state = _level(*levels[step], state, camera, 2**step, lambdas)
    u, v, w = state[:3]
    first = depth[0]
    x, y = pixels(first)
    second = first + w
    right = ((x + u - camera.cx) * second - (x - camera.cx) * first) / camera.fx
    down = ((y + v - camera.cy) * second - (y - camera.cy) * first) / camera.fy
    flow = torch.stack([u, v])
    known = first > 0
    there = warp((depth[1] > 0).to(depth.dtype)[:, None], flow)[:, 0] > _MOSTLY
    valid = known & there & inside(flow, margin=0.5)
    motion = torch.where(known[:, None], torch.stack([right, down, w], 1) * _UNIT, 0)
    return motion.float(), flow.transpose(0, 1).float(), valid


def _level(gray, depth, weight, coarser, camera: Camera, scale: int, lambdas) -> torch.Tensor:
    """Solve one pyramid level, ``(2, B, H, W)``, whose pixels are ``scale`` pixels of the images wide.

    A level hands on ``(10, B, H, W)``: u, v and w, their six duals, and the dual of the depth residual.
    """
    height, width = gray.shape[-2:]
    if coarser is None:
        state = gray.new_zeros((10, *gray.shape[1:]))
    else:
        state = double(coarser, height, width)
        state[:2] *= 2
    base = state[:2].clone()

    # A level's pixel (x, y) is the pixel scale * (x, y) of the images.
    focal, centre = (camera.fx / scale, camera.fy / scale), (camera.cx / scale, camera.cy / scale)
    surfaces = surface_weights(fill(depth[0]), focal, centre), surface_weights(depth[1], focal, centre)

    # Brightness: the mean gradient of both images, as in TV-L1.
    first, second = gray
    slopes = *derivatives(second), *depth_derivatives(depth[1], surfaces[1])
    read = (depth[1] > 0).to(depth.dtype)
    seen = warp(torch.stack([second, *slopes, depth[1], read], 1), base).unbind(1)
    within = inside(base).to(gray.dtype)
    i_x, i_y = (0.5 * within * (there + here) for there, here in zip(seen[1:3], derivatives(first), strict=True))
    i_t = within * (seen[0] - first)

    # Depth, the mean of the readings around: where one of the two is missing, smoothness alone decides.
    fetched = seen[5] / seen[6].clamp(min=_MOSTLY)
    known = ((depth[0] > 0) & (seen[6] > _MOSTLY)).to(gray.dtype) * within
    z_x, z_y = seen[3] * known, seen[4] * known
    z_t = (fetched - depth[0]) * known
    head = _head(torch.cat([base, z_t[None]]), depth[0], known)
    # Readings across an outline are trusted less.
    mu = weight * known / (1 + _OUTLINE * _UNIT**2 * (z_x**2 + z_y**2 + z_t**2))

    # From here on the fields are what departs from the head's motion.
    if coarser is None:
        state[2] = head[2]
    state[:3] -= head
    i_t = i_t + i_x * (head[0] - base[0]) + i_y * (head[1] - base[1])
    z_t = z_t + z_x * (head[0] - base[0]) + z_y * (head[1] - base[1]) - head[2] * known
    # Distances on a level are `scale` times longer.
    lambdas = mu.new_tensor(lambdas) / scale
    _iterate(state, (i_x, i_y, i_t), (z_x, z_y, z_t), mu, known, surfaces[0], lambdas)
    fields = head + state[:3]
    # One linearisation carries no farther than a pixel.
    fields[:2] = base + (fields[:2] - base).clamp(-1, 1)
    state[:3] = median3(fields)
    return state


def _head(fields: torch.Tensor, depth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Motion ``(3, B, H, W)``, affine in the image, that most of the nearest surface shares in each of its fields.

    Least sum of distances, by least squares reweighted. The surface is what lies about the median depth.
    """
    batch, height, width = depth.shape
    every = max(1, min(height, width) // _FIT_SIDE)
    x, y = pixels(depth)
    basis = torch.stack(torch.broadcast_tensors(torch.ones_like(y), x / width - 0.5, y / height - 0.5))  # 3 x H x W
    points = basis[:, ::every, ::every].flatten(1)  # 3 x N
    products = (points[:, None] * points).flatten(0, 1).T  # N x 9
    values = fields[:, :, ::every, ::every].reshape(3 * batch, -1)
    far = torch.where(depth > 0, depth, torch.nan)[:, ::every, ::every].flatten(1)
    surface = (far - far.nanmedian(1, keepdim=True).values).abs() < _OTHER_SURFACE / _UNIT
    usable = (surface * known[:, ::every, ::every].flatten(1)).repeat(3, 1)  # 3B x N, as the values
    weights = usable
    ridge = 1e-6 * torch.eye(3, dtype=depth.dtype, device=depth.device)
    for _ in range(_FIT_ROUNDS):
        normal = (weights @ products).unflatten(-1, (3, 3)) + ridge
        planes = torch.linalg.solve_ex(normal, (weights * values) @ points.T)[0]
        distance = (values - planes @ points).abs() * usable
        weights = usable / (distance + 1e-2 * distance.mean(-1, keepdim=True) + 1e-6)
        weights = weights / weights.amax(-1, keepdim=True).clamp(min=_TINY)
    return (planes @ basis.flatten(1)).view(3, batch, height, width)


def _iterate(state, brightness, depth, mu, known, surface, lambdas) -> None:
    """The primal-dual iteration on one level, in place; coefficients of u and v and the constant of both residuals."""
    i_x, i_y, i_t = brightness
    z_x, z_y, z_t = depth
    # lambda r of each axis and field, 0 past the last column and row.
    right, down = mu.new_zeros(mu.shape), mu.new_zeros(mu.shape)
    right[..., :-1], down[..., :-1, :] = surface
    edges = lambdas[:, None, None, None] * torch.stack([right, down])[:, None]  # 2 x 3 x B x H x W
    around = edges.sum(0)
    around[..., 1:] += edges[0][..., :-1]
    around[..., 1:, :] += edges[1][..., :-1, :]

    # Steps of the preconditioned iteration; those of the fields' duals are eager / 2 over (lambda r) and cancel it.
    slant = torch.stack([z_x, z_y, -known])
    eager = mu.new_tensor(_EAGER)
    tau = 1 / (eager[:, None, None, None] * (mu * slant.abs() + around) + _TINY)
    sigma = known / (1 + z_x.abs() + z_y.abs())
    reach = 1 / (tau[0] * i_x**2 + tau[1] * i_y**2 + _TINY)
    readings, images = torch.stack([*(slant * sigma), z_t * sigma]), torch.stack(brightness) * reach
    given = edges, tau, readings, -tau * mu * slant, images, -tau[:2] * torch.stack([i_x, i_y]), eager / 2
    if state.device.type == "cpu":
        # What a row needs stays in the nearest cache: several times faster.
        _iterate_by_rows(state.numpy(), *(one.numpy() for one in given), _ITERATIONS)
    else:
        _iterate_at_once(state, *given, _ITERATIONS)


def _iterate_at_once(state, edges, tau, depth, back_depth, brightness, back_brightness, rates, iterations: int) -> None:
    fields, duals, depth_dual = state[:3], state[3:9].view(2, *edges.shape[1:]), state[9]
    rates = rates[:, None, None, None]
    flow, ahead = fields[:2], fields.clone()
    for _ in range(iterations):
        # Duals, from the fields one step ahead.
        depth_dual.add_(depth[3] + (depth[:3] * ahead).sum(0)).clamp_(-1, 1)
        duals[0, ..., :-1].add_(rates * ahead.diff(dim=-1))
        duals[1, ..., :-1, :].add_(rates * ahead.diff(dim=-2))
        duals.div_(duals.square().sum(0).sqrt_().clamp_(min=1))
        # Fields: smoothness and depth.
        right, down = edges * duals
        right[..., 1:] -= right[..., :-1].clone()
        down[..., 1:, :] -= down[..., :-1, :].clone()
        torch.neg(fields, out=ahead)
        fields.add_(tau * (right + down)).add_(back_depth * depth_dual)
        # Brightness, exactly: to the zero of the residual, or towards it by a full step.
        flow.add_(back_brightness * (brightness[2] + (brightness[:2] * flow).sum(0)).clamp_(-1, 1))
        ahead.add_(fields, alpha=2)


_COMPILED = {"cache": True, "error_model": "numpy", "fastmath": {"contract"}}


@njit(**_COMPILED)
def _iterate_by_rows(state, edges, tau, depth, back_depth, brightness, back_brightness, rates, iterations):
    """As `_iterate_at_once`, all steps on a row before the next row.

    A loop writes two rows at most: with more the compiler, which must rule out that they overlap, forgoes vectors.
    """
    _, batch, height, width = state.shape
    kind = state.dtype
    one = kind.type(1)
    ahead = np.empty((3, batch, height, width + 1), kind)  # the last column is there twice
    ahead[..., :width], ahead[..., width] = state[:3], state[:3, ..., width - 1]
    across, change, above = np.zeros(width + 1, kind), np.empty(width, kind), np.empty((3, width), kind)
    for pair, _ in np.ndindex(batch, iterations):
        above[:] = 0
        for row in range(height):
            z = state[9, pair, row]
            _add_products(z, depth, ahead, pair, row)
            for k in range(3):
                field, here, below = state[k, pair, row], ahead[k, pair, row], ahead[k, pair, min(row + 1, height - 1)]
                right, down, upper, rate = state[3 + k, pair, row], state[6 + k, pair, row], above[k], rates[k]
                for x in range(width):
                    p = right[x] + rate * (here[x + 1] - here[x])
                    q = down[x] + rate * (below[x] - here[x])
                    norm = p * p + q * q
                    shrink = one / np.sqrt(norm if norm > one else one)
                    right[x], down[x] = p * shrink, q * shrink
                weight, lower = edges[0, k, pair, row], edges[1, k, pair, row]
                for x in range(width):
                    across[x + 1] = weight[x] * right[x]
                for x in range(width):
                    under = lower[x] * down[x]
                    change[x] = across[x + 1] - across[x] + under - upper[x]
                    upper[x] = under
                step, back = tau[k, pair, row], back_depth[k, pair, row]
                for x in range(width):
                    change[x] = step[x] * change[x] + back[x] * z[x]
                for x in range(width):
                    here[x] = field[x] + change[x] + change[x]
                    field[x] += change[x]
            change[:] = 0
            _add_products(change, brightness, state, pair, row)
            for k in range(2):
                field, here, back = state[k, pair, row], ahead[k, pair, row], back_brightness[k, pair, row]
                for x in range(width):
                    move = back[x] * change[x]
                    field[x] += move
                    here[x] += move + move
            ahead[:, pair, row, width] = ahead[:, pair, row, width - 1]


@njit(**_COMPILED)
def _add_products(total, factors, fields, pair, row):
    """Add the last of the factors and the products of the others with fields to a row; clamp it to -1..1."""
    one, constant = total.dtype.type(1), factors[-1, pair, row]
    for k in range(len(factors) - 1):
        factor, field = factors[k, pair, row], fields[k, pair, row]
        for x in range(total.size):
            total[x] += factor[x] * field[x]
    for x in range(total.size):
        value = total[x] + constant[x]
        below = one if value > one else value
        total[x] = -one if below < -one else below
