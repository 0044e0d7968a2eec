r"""RGB-D scene flow: where every surface point goes, from two images with depth.

The unknowns are the image flow ``(u, v)`` in pixels and the change of depth ``w``. They minimise

.. math:: \sum |\rho_I| + \mu\, |\rho_Z| + \lambda_I (|\nabla_r u| + |\nabla_r v|) + \lambda_Z |\nabla_r w|

with the brightness residual :math:`\rho_I = I_b(x + u, y + v) - I_a`, the depth residual
:math:`\rho_Z = Z_b(x + u, y + v) - Z_a - w`, and :math:`\nabla_r` the forward differences weighted by the surface
(:func:`melib.flow.depth.surface_weights`). Both residuals are linearised once on each level of a pyramid of factor 2;
the level's problem is solved by the preconditioned primal-dual iteration of Chambolle and Pock, in which the brightness
term is treated exactly; a median filter closes the level.

Four departures from the published method suit faces that move by tenths of a millimetre on heads that move by more.
Depth is computed in half millimetres inside: with metres the dual variables of depth, whose step is the residual
itself, hardly leave zero within a hundred iterations. The surface weights carry no unit. The fields that are kept
smooth are what departs from an affine motion of the whole face, fitted on each level: otherwise the tilt of a head is
flattened together with the noise. The local mean may be taken out of the images first, which makes the flow indifferent
to flickering light. The weights were chosen on training subjects of the benchmark.

References
----------
M. Jaimez, M. Souiai, J. Gonzalez-Jimenez, D. Cremers, "A primal-dual framework for real-time dense RGB-D scene flow",
ICRA 2015, doi:10.1109/ICRA.2015.7138986.
T. Pock, A. Chambolle, "Diagonal preconditioning for first order primal-dual algorithms in convex optimization", ICCV
2011, doi:10.1109/ICCV.2011.6126441.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from melib.errors import InputError
from melib.flow.depth import check_depth, depth_derivatives, halve_depth, surface_weights, warp_depth
from melib.flow.grids import Rows, blur, chunks, derivatives, double, halve, inside, median3, pixels, tensor_of, warp
from melib.flow.images import check_pair, check_same_home, is_tensor
from melib.video import Camera

#: The unit of depth inside the solver, in metres and in millimetres: the size of the motion to be found (measured).
_UNIT, _UNIT_MM = 5e-4, 0.5
#: Smallest side of the coarsest level, pixels.
_COARSEST = 15
#: Readings farther than this from a pixel's own, in metres, belong to another surface.
_OTHER_SURFACE = 0.1
#: Noise in metres to which the default weight of the depth term belongs.
_USUAL_NOISE = 5e-4
#: Weight per square metre by which slope and change of depth reduce the trust in a reading (Jaimez et al.).
_OUTLINE = 1000.0
#: Pixels of one chunk on a processor (measured).
_CACHE_PIXELS = 2**16
_TINY = 1e-10
#: The head's motion is fitted on a grid of about so many points a side, in so many rounds.
_FIT_SIDE, _FIT_ROUNDS = 32, 10


@dataclass(frozen=True)
class _Settings:
    smoothness: float
    depth_smoothness: float  # per unit of depth
    iterations: int
    fewer: int
    median: bool


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
    depth_weight: float = 0.075,
    depth_noise=None,
    local_mean: float = 3.0,
    iterations: int = 60,
    fewer: int = 10,
    median: bool = True,
    chunk: int | None = None,
):
    """Scene flow from one RGB-D frame to another.

    Parameters
    ----------
    gray_a, gray_b : numpy.ndarray or torch.Tensor
        Grey images ``(B, H, W)`` or ``(H, W)``: uint8, or floating point in 0..255. float64 images are computed in
        float64, all others in float32.
    depth_a, depth_b : numpy.ndarray or torch.Tensor
        Depth of the same shape and kind, floating point metres, 0 = no reading.
    camera : melib.video.Camera
        Intrinsics of the images as given (after crop and resize).
    smoothness : float
        Weight lambda_I of the image flow's variation, grey levels. Larger gives smoother image flow and shrinks small
        motion more.
    depth_smoothness : float
        Weight lambda_Z of the variation of the change of depth, grey levels per millimetre. Larger averages depth
        noise over more pixels and flattens small motion in depth.
    depth_weight : float
        Weight mu of the depth residual, grey levels per millimetre. Only its ratio to ``depth_smoothness`` matters
        for the change of depth; a larger weight also lets depth guide the image flow.
    depth_noise : float, numpy.ndarray or torch.Tensor, optional
        Standard deviation of the readings in metres, one number or a map ``(B, H, W)`` or ``(H, W)``: the weight of the
        depth residual is divided by it (0.5 mm leaves it as it is), so that noisier readings count less.
    local_mean : float
        Standard deviation in pixels of the Gaussian local mean taken out of both images first; 0 leaves them as they
        are.
    iterations : int
        Iterations on the finest level.
    fewer : int
        Iterations fewer on each coarser level, down to 10.
    median : bool
        Whether a 3 x 3 median filter closes each level.
    chunk : int, optional
        Pairs computed together; by default what fits the cache of a processor, or the memory of an accelerator.

    Returns
    -------
    scene_flow : numpy.ndarray or torch.Tensor
        ``(B, 3, H, W)`` float32 metres (right, down, away) in camera axes; 0 where the first frame has no depth.
    flow : numpy.ndarray or torch.Tensor
        ``(B, 2, H, W)`` float32 pixels (right, down), the image flow that it rests on, everywhere.
    valid : numpy.ndarray or torch.Tensor
        ``(B, H, W)`` bool: both frames have depth there, and the flow stays inside the image.

        All without the batch axis for a single pair, and of the kind, and on the device, of the input.

    Raises
    ------
    ValueError
        If images or depth maps do not fit together, hold NaN, are out of range (depth in millimetres), the camera is
        missing or of another size, or a parameter is out of range.
    """
    check_pair(gray_a, gray_b)
    for name, depth in (("depth_a", depth_a), ("depth_b", depth_b)):
        check_depth(name, depth, gray_a.shape)
        check_same_home(name, depth, "the images", gray_a)
    _check_camera(camera, *gray_a.shape[-2:])
    if min(smoothness, depth_smoothness, depth_weight) <= 0 or iterations < 1 or min(fewer, local_mean) < 0:
        raise InputError(
            "smoothness, depth_smoothness and depth_weight must be positive, iterations at least 1, "
            "fewer and local_mean not negative"
        )
    if not is_tensor(gray_a):
        gray_a, depth_a, gray_b, depth_b = (tensor_of(x) for x in (gray_a, depth_a, gray_b, depth_b))
        as_given = torch.Tensor.numpy
    else:
        as_given = torch.Tensor.contiguous
    single = gray_a.ndim == 2
    if single:
        gray_a, depth_a, gray_b, depth_b = (x[None] for x in (gray_a, depth_a, gray_b, depth_b))

    kind = torch.float64 if gray_a.dtype == torch.float64 else torch.float32
    weight = _depth_weight(depth_weight * _UNIT_MM, depth_noise, gray_a.new_empty(gray_a.shape, dtype=kind))
    settings = _Settings(smoothness, depth_smoothness * _UNIT_MM, iterations, fewer, median)
    outputs = []
    for part in chunks(gray_a, chunk, _CACHE_PIXELS):
        gray = torch.stack([gray_a[part], gray_b[part]]).to(kind)
        if local_mean:
            gray = (gray.flatten(0, 1) - blur(gray.flatten(0, 1), local_mean)).view_as(gray)
        depth = torch.stack([depth_a[part], depth_b[part]]).to(kind) / _UNIT
        outputs.append(_chunk(gray, depth, weight[part], camera, settings))
    motion, flow, valid = (torch.cat(parts) for parts in zip(*outputs, strict=True))
    if single:
        motion, flow, valid = motion[0], flow[0], valid[0]
    return as_given(motion), as_given(flow), as_given(valid)


def _check_camera(camera: Camera | None, height: int, width: int) -> None:
    if not isinstance(camera, Camera):
        raise InputError(f"scene flow needs the camera's intrinsics: pass a melib.video.Camera, not {camera!r}")
    if (camera.height, camera.width) != (height, width):
        raise InputError(
            f"the camera is of {camera.width} x {camera.height} pixels, the images of {width} x {height}: "
            "give the intrinsics of the images after crop and resize"
        )


def _depth_weight(depth_weight: float, depth_noise, like: torch.Tensor) -> torch.Tensor:
    """Weight ``(B, H, W)`` of the depth residual, per unit of depth."""
    if depth_noise is None:
        return torch.full_like(like, depth_weight)
    noise = (depth_noise if is_tensor(depth_noise) else tensor_of(depth_noise)).to(like)
    if not noise.is_meta and not bool((noise > 0).all()):
        raise InputError("depth_noise must be positive metres everywhere")
    if noise.ndim and noise.shape[-2:] != like.shape[-2:]:
        raise InputError(f"depth_noise has shape {tuple(noise.shape)}, the images {tuple(like.shape)}")
    return (depth_weight * _USUAL_NOISE / noise).expand_as(like)


def _chunk(
    gray: torch.Tensor, depth: torch.Tensor, weight: torch.Tensor, camera: Camera, settings: _Settings
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scene flow in metres, image flow and validity of a few pairs; ``gray``, ``depth`` are ``(2, B, H, W)``."""
    levels = [(gray, depth, weight)]
    while (min(levels[-1][0].shape[-2:]) + 1) // 2 >= _COARSEST:
        finer_gray, finer_depth, finer_weight = levels[-1]
        coarse_gray = torch.stack([halve(one) for one in finer_gray])
        coarse_depth = torch.stack([halve_depth(one, _OTHER_SURFACE / _UNIT) for one in finer_depth])
        levels.append((coarse_gray, coarse_depth, finer_weight[:, ::2, ::2]))
    state = None
    for step in range(len(levels) - 1, -1, -1):
        iterations = max(10, settings.iterations - settings.fewer * step)
        state = _level(*levels[step], state, camera, 2**step, iterations, settings)
    u, v, w = state.fields
    first = depth[0]
    x, y = pixels(first)
    second = first + w
    motion = torch.stack(
        [
            ((x + u - camera.cx) * second - (x - camera.cx) * first) / camera.fx,
            ((y + v - camera.cy) * second - (y - camera.cy) * first) / camera.fy,
            w,
        ],
        1,
    )
    flow = torch.stack([u, v])
    known = first > 0
    valid = known & (warp_depth(depth[1], flow) > 0) & inside(flow, margin=0.5)
    motion = torch.where(known[:, None], motion * _UNIT, 0)
    return motion.float(), flow.transpose(0, 1).float(), valid


@dataclass
class _State:
    """What one level hands to the next: fields (u, v, w) and their duals, and the dual of the depth residual."""

    fields: torch.Tensor  # 3 x B x H x W
    duals: torch.Tensor  # 2 x 3 x B x H x W
    depth_dual: torch.Tensor  # B x H x W

    def enlarged(self, height: int, width: int) -> _State:
        """The state on a finer level."""
        factors = self.fields.new_tensor((2, 2, 1))[:, None, None, None]
        return _State(
            double(self.fields, height, width) * factors,
            torch.stack([double(one, height, width) for one in self.duals]),
            double(self.depth_dual[None], height, width)[0],
        )


def _level(
    gray: torch.Tensor,
    depth: torch.Tensor,
    weight: torch.Tensor,
    coarser: _State | None,
    camera: Camera,
    scale: int,
    iterations: int,
    settings: _Settings,
) -> _State:
    """Solve one pyramid level whose pixels are ``scale`` pixels of the images wide."""
    height, width = gray.shape[-2:]
    if coarser is None:
        like = gray[0]
        state = _State(like.new_zeros((3, *like.shape)), like.new_zeros((2, 3, *like.shape)), torch.zeros_like(like))
    else:
        state = coarser.enlarged(height, width)
    base = state.fields[:2].clone()

    # A level's pixel (x, y) is the pixel scale * (x, y) of the images.
    focal, centre = (camera.fx / scale, camera.fy / scale), (camera.cx / scale, camera.cy / scale)
    surfaces = surface_weights(depth[0], focal, centre), surface_weights(depth[1], focal, centre)

    # Brightness: the mean gradient of both images, as in TV-L1.
    first, second = gray
    slopes = torch.stack([*derivatives(second), *depth_derivatives(depth[1], surfaces[1])])
    seen = warp(torch.stack([second, *slopes], 1), base).unbind(1)
    within = inside(base).to(gray.dtype)
    i_x, i_y = (0.5 * within * (there + here) for there, here in zip(seen[1:3], derivatives(first), strict=True))
    i_t = within * (seen[0] - first)

    # Depth: where one of the two readings is missing, smoothness alone decides.
    fetched = warp_depth(depth[1], base)
    known = ((depth[0] > 0) & (fetched > 0)).to(gray.dtype) * within
    z_x, z_y = seen[3] * known, seen[4] * known
    z_t = (fetched - depth[0]) * known
    head = _head(torch.cat([base, z_t[None]]), depth[0], known)
    # Readings across an outline are trusted less.
    mu = weight * known / (1 + _OUTLINE * _UNIT**2 * (z_x**2 + z_y**2 + z_t**2))

    # From here on the fields are what departs from the head's motion.
    if coarser is None:
        state.fields[2] = head[2]
    state.fields = state.fields - head
    i_t = i_t + i_x * (head[0] - base[0]) + i_y * (head[1] - base[1])
    z_t = z_t + z_x * (head[0] - base[0]) + z_y * (head[1] - base[1]) - head[2] * known
    fields = head + _iterate(
        state, (i_x, i_y, i_t), (z_x, z_y, z_t), mu, known, surfaces[0], scale, iterations, settings
    )
    # One linearisation carries no farther than a pixel.
    fields[:2] = base + (fields[:2] - base).clamp(-1, 1)
    if settings.median:
        fields = median3(fields)
    state.fields = fields
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
    values = fields[:, :, ::every, ::every].flatten(2)  # 3 x B x N
    far = torch.where(depth > 0, depth, torch.nan)[:, ::every, ::every].flatten(1)
    surface = (far - far.nanmedian(1, keepdim=True).values).abs() < _OTHER_SURFACE / _UNIT
    usable = (surface * known[:, ::every, ::every].flatten(1)).expand_as(values)
    weights = usable
    ridge = 1e-6 * torch.eye(3, dtype=depth.dtype, device=depth.device)
    for _ in range(_FIT_ROUNDS):
        weighted = points * weights[..., None, :]  # 3 x B x 3 x N
        normal = weighted @ points.T + ridge
        planes = torch.linalg.solve_ex(normal, (weighted @ values[..., None]))[0][..., 0]
        distance = (values - planes @ points).abs() * usable
        weights = usable / (distance + 1e-2 * distance.mean(-1, keepdim=True) + 1e-6)
        weights = weights / weights.amax(-1, keepdim=True).clamp(min=_TINY)
    return (planes @ basis.flatten(1)).view(3, batch, height, width)


def _iterate(
    state: _State,
    brightness: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    depth: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    mu: torch.Tensor,
    known: torch.Tensor,
    surface: tuple[torch.Tensor, torch.Tensor],
    scale: int,
    iterations: int,
    settings: _Settings,
) -> torch.Tensor:
    """The primal-dual iteration on one level; changes the state's duals and returns the fields ``(3, B, H, W)``.

    ``brightness`` and ``depth`` hold the coefficients of u and v and the constant of the two residuals.
    """
    i_x, i_y, i_t = brightness
    z_x, z_y, z_t = depth
    shape = state.fields.shape
    # lambda r of each axis and field, 0 past the last column and row. Distances on a level are `scale` times longer.
    lambdas = mu.new_tensor((settings.smoothness, settings.smoothness, settings.depth_smoothness)) / scale
    right, down = mu.new_zeros(mu.shape), mu.new_zeros(mu.shape)
    right[..., :-1], down[..., :-1, :] = surface
    edges = lambdas[:, None, None, None] * torch.stack([right, down])[:, None]  # 2 x 3 x B x H x W
    around = edges.sum(0)
    around[..., 1:] += edges[0][..., :-1]
    around[..., 1:, :] += edges[1][..., :-1, :]

    # Steps of the preconditioned iteration; those of the fields' duals are 1/2 over (lambda r) and cancel it.
    slant = torch.stack([z_x, z_y, -known])
    tau = 1 / (mu * slant.abs() + around + _TINY)
    sigma = known / (1 + z_x.abs() + z_y.abs())
    residual_z, constant_z = (slant * sigma).view(3, -1), (z_t * sigma).view(-1)
    back_z = (-tau * mu * slant).view(3, -1)
    reach = 1 / (tau[0] * i_x**2 + tau[1] * i_y**2 + _TINY)
    residual_u, residual_v, constant_i = ((one * reach).view(-1) for one in brightness)
    back_i = (-tau[:2] * torch.stack([i_x, i_y])).view(2, -1)
    tau, edges = tau.view(-1), edges.view(2, -1)

    rows = Rows(state.fields)
    fields = state.fields.clone(memory_format=torch.contiguous_format)
    ahead = fields.clone()
    row, ahead_row = fields.view(-1), ahead.view(-1)
    three, flow = fields.view(3, -1), fields[:2].view(2, -1)
    u, v, _ = three
    depth_terms = list(zip(residual_z, ahead.view(3, -1), strict=True))
    duals = state.duals.contiguous().view(2, -1)
    dual_right, dual_down = duals
    depth_dual = state.depth_dual.contiguous().view(-1)
    norm, change, step = torch.empty_like(row), torch.empty_like(row), torch.empty_like(depth_dual)
    for _ in range(iterations):
        # Duals, from the fields one step ahead.
        depth_dual.add_(constant_z)
        for residual, field in depth_terms:
            depth_dual.addcmul_(residual, field)
        depth_dual.clamp_(-1, 1)
        duals.add_(rows.differences(ahead_row), alpha=0.5)
        torch.mul(dual_right, dual_right, out=norm)
        duals.div_(norm.addcmul_(dual_down, dual_down).sqrt_().clamp_(min=1))
        # Fields: smoothness and depth.
        torch.mul(edges, duals, out=rows.field)
        torch.neg(fields, out=ahead)
        row.addcmul_(tau, rows.divergence(change))
        three.addcmul_(back_z, depth_dual)
        # Brightness, exactly: to the zero of the residual, or towards it by a full step.
        torch.addcmul(constant_i, residual_u, u, out=step)
        step.addcmul_(residual_v, v).clamp_(-1, 1)
        flow.addcmul_(back_i, step)
        ahead.add_(fields, alpha=2)
    state.duals, state.depth_dual = duals.view(2, *shape), depth_dual.view(shape[1:])
    return fields
