"""The motion of a rigid head: the flow it makes, and its fit to a flow over a face whose depth is known.

Without a sensor any face shape of about the right size and place serves: the fit asks depth only how parallax and
perspective differ over the face. Arrays and tensors are taken, and the same are given back on their device.
"""

from __future__ import annotations

import numpy as np

from melib.errors import InputError
from melib.flow.images import check_shapes, is_tensor, library_of, middle, picked
from melib.video import Camera

#: Fewest pixels of a face in which a head's motion is found, and about how many are used: a few numbers need no more.
FEWEST, MOST = 30, 1000
#: Iterations of the two stages of the robust fit.
_LEAST_ABSOLUTE, _BIWEIGHT = 15, 8
#: Rounds of fitting what the finite motion found so far leaves over.
_ROUNDS = 2
#: A face of average size, in metres: between the eyes' centres, and the half axes of the ellipsoid that stands for it.
_EYES_APART, _HALF_WIDTH, _HALF_HEIGHT, _RELIEF = 0.063, 0.075, 0.11, 0.08


def rigid_motion(depth, camera: Camera, rotation, translation) -> tuple:
    """The flow of a rigid motion ``P -> R P + t`` of all that is seen.

    ``depth (..., H, W)`` is metres, 0 = no reading; ``rotation (..., 3, 3)`` a matrix that turns about the camera's
    centre, ``translation (..., 3)`` metres, both in camera axes. Returned are, in float64, 0 where there is no depth,
    the image flow ``(..., 2, H, W)`` in pixels (right, down) and the scene flow ``(..., 3, H, W)`` in metres.
    """
    library, points = library_of(depth), _points(depth, camera)
    like = {"dtype": points.dtype, "device": points.device}
    moved = library.asarray(rotation, **like) @ points + library.asarray(translation, **like)[..., None]
    flows = _project(moved, camera) - _project(points, camera), moved - points
    known = (depth > 0)[..., None, :, :]
    return tuple(known * flow.reshape(*flow.shape[:-1], *depth.shape[-2:]) for flow in flows)


def fit_rigid(flow, depth, camera: Camera, face) -> tuple:
    """The rigid motion ``(rotation, translation)`` that most of a face shares, as :func:`rigid_motion` takes it.

    ``flow`` is image flow ``(..., 2, H, W)`` in pixels or scene flow ``(..., 3, H, W)`` in metres; ``depth (..., H,
    W)`` metres of the first frame, 0 = no reading; ``face (..., H, W)`` bool, of which the pixels with depth are used:
    fewer than 30, or shapes that do not fit, raise ValueError. From image flow, what makes the flow is found well,
    while rotation and translation themselves make up for each other in part; scene flow tells them apart.
    """
    check_shapes(flow=(flow, "... C H W"), depth=(depth, "... H W"), face=(face, "... H W"))
    at, used = sampled((face != 0) & (depth > 0), "the face with depth")
    points = picked(_points(depth, camera)[..., None], at)
    library, measured = library_of(flow), picked(flow, at)
    one = library.eye(3, dtype=points.dtype, device=points.device)
    rotation, shift = one, 0 * one[:, :1]
    for _ in range(_ROUNDS):
        moved = rotation @ points + shift
        found = moved - points if flow.shape[-3] == 3 else _project(moved, camera) - _project(points, camera)
        step = robust_fit(_motion_field(moved, camera, flow.shape[-3]), measured - found, used)
        # Cayley's transform of a small turn is a rotation.
        half = _turned(step[..., :3, None])[..., 0] / 2
        turn = library.linalg.solve(one + half, one - half)
        rotation, shift = turn @ rotation, turn @ shift + step[..., 3:, None]
    return rotation, shift[..., 0]


def _points(depth, camera: Camera):
    """Points ``(..., 3, H * W)`` float64, 1 m away where there is no reading: it keeps divisions defined."""
    library = library_of(depth)
    y, x = (library.arange(size, dtype=library.float32, device=depth.device) for size in depth.shape[-2:])
    away = library.asarray(library.where(depth > 0, depth, library.ones_like(depth)), dtype=library.float64)
    right, down = (x - camera.cx) / camera.fx * away, ((y - camera.cy) / camera.fy)[:, None] * away
    return library.stack([right, down, away], -3).reshape(*depth.shape[:-2], 3, -1)


def _project(points, camera: Camera):
    """Pixels ``(..., 2, N)`` of points ``(..., 3, N)``."""
    x, y, z = (points[..., axis, :] for axis in range(3))
    return library_of(points).stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], -2)


def _turned(points):
    """What small turns about the axes do to points ``(..., 3, N)``: ``(..., 3, 3, N)``, component by axis."""
    x, y, z = (points[..., axis, :] for axis in range(3))
    library, zero = library_of(points), 0 * x
    return library.stack([library.stack(row, -2) for row in ([zero, z, -y], [-z, zero, x], [y, -x, zero])], -3)


def _motion_field(points, camera: Camera, components: int):
    """What a small turn and a small shift do to points ``(..., 3, N)``: ``(..., components, 6, N)``."""
    library, turned = library_of(points), _turned(points)
    shifted = 0 * turned + library.eye(3, dtype=points.dtype, device=points.device)[:, :, None]
    space = library.concatenate([turned, shifted], -2)
    if components == 3:
        return space
    # Derivative of the projection.
    x, y, z = (points[..., axis, None, :] for axis in range(3))
    right, down, away = (space[..., axis, :, :] for axis in range(3))
    return library.stack([camera.fx / z * (right - x / z * away), camera.fy / z * (down - y / z * away)], -3)


def generic_face(landmarks: np.ndarray, camera: Camera) -> np.ndarray:
    """Depth ``(H, W)`` metres of a face of average size under its 68 landmarks, for videos without a depth sensor.

    Half an ellipsoid about the tip of the nose, at the distance at which eyes 63 mm apart would appear as they do. It
    is right in relief and distance to a tenth or two, which is enough for the stabilisation of image flow. Of an
    unknown camera the focal length may be a guess; its principal point is the middle of the image before any crop.
    """
    landmarks = np.asarray(landmarks, np.float64)
    check_shapes(landmarks=(landmarks, "68 2"))
    eyes = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    if not apart > 1:
        raise InputError(f"the eyes lie {apart:g} pixels apart: no face can be placed under such landmarks")
    distance = camera.fx * _EYES_APART / apart
    y, x = np.mgrid[: camera.height, : camera.width]
    right = (x - landmarks[30, 0]) * distance / camera.fx / _HALF_WIDTH
    down = (y - landmarks[30, 1]) * distance / camera.fy / _HALF_HEIGHT
    nearness = np.sqrt(np.clip(1 - right**2 - down**2, 0, None))
    return (distance + _RELIEF * (0.5 - nearness)).astype(np.float32)


def robust_fit(basis, values, used):
    """Coefficients ``(..., K)`` for which ``basis (..., D, K, N)`` comes nearest to ``values (..., D, N)``.

    By reweighted squares over the points ``used (..., N)``, bool. It starts from the least sum of distances, which a
    minority on one side of the face cannot turn over, and ends with Tukey's biweight, which gives points far from the
    fit no weight at all. The D components of a point share a weight.
    """
    library, weights = library_of(values), used * 1.0
    one = library.eye(basis.shape[-2], dtype=values.dtype, device=values.device)
    for iteration in range(_LEAST_ABSOLUTE + _BIWEIGHT + 1):
        weighted = basis * weights[..., None, None, :]
        normal = (weighted @ basis.mT).sum(-3)
        # The small constants keep what no point decides at zero, and an exact fit (no spread) from dividing by zero.
        normal = normal + (1e-14 * normal.diagonal(0, -2, -1).sum(-1)[..., None, None] + 1e-30) * one
        found = library.linalg.solve(normal, (weighted @ values[..., None]).sum(-3))[..., 0]
        missed = values - (found[..., None, None, :] @ basis)[..., 0, :]
        distance = library.sqrt((missed**2).sum(-2))
        if iteration < _LEAST_ABSOLUTE:
            mean = (distance * used).sum(-1, keepdims=True) / used.sum(-1, keepdims=True)
            weights = used / (distance + 1e-3 * mean + 1e-12)
        else:
            # The median length of a plane normal vector is 1.18 spreads; 4.7 spreads is Tukey's usual cut-off.
            cutoff = 4.7 * middle(distance, used) / 1.18 + 1e-12
            weights = used * (1 - (distance / cutoff).clip(max=1) ** 2) ** 2
    return found


def sampled(use, what: str) -> tuple:
    """At most 2,000 of the pixels ``use (..., H, W)``, evenly, for a fit; too few of them are refused.

    Their numbers, row by row, and whether they count, both ``(..., N)``: the last ones may only fill up.
    """
    flat = use.reshape(*use.shape[:-2], -1)
    count = flat.sum(-1)
    check_enough(count, what)
    taken = flat & ((flat.cumsum(-1) - 1) % (count // MOST).clip(1)[..., None] == 0)
    most = 2 * MOST if is_tensor(use) else taken.sum(-1).max()
    at = (~taken).argsort(axis=-1, stable=True)[..., :most]
    used = picked(taken[..., None, None, :], at)[..., 0, :]
    return library_of(use).where(used, at, at[..., :1]), used


def check_enough(count, what: str) -> None:
    """Refuse a face of too few pixels."""
    if not getattr(count, "is_meta", False) and (count < FEWEST).any():
        raise InputError(f"{what} has {int(count.min())} pixels to find head motion in: {FEWEST} at least are needed")
