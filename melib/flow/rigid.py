"""The motion of a rigid head: the flow it makes, and its fit to a flow over a face whose depth is known.

Without a sensor any face shape of about the right size and place serves: the fit asks depth only how parallax and
perspective differ over the face.
"""

from __future__ import annotations

import cv2
import numpy as np

from melib.errors import InputError
from melib.flow.images import check_shapes
from melib.video import Camera

#: Fewest pixels of a face in which a head's motion is found, and about how many are used: a few numbers need no more.
FEWEST, MOST = 30, 1000
#: Iterations of the two stages of the robust fit.
_LEAST_ABSOLUTE, _BIWEIGHT = 15, 8
#: Rounds of fitting what the finite motion found so far leaves over.
_ROUNDS = 2
#: A face of average size, in metres: between the eyes' centres, and the half axes of the ellipsoid that stands for it.
_EYES_APART, _HALF_WIDTH, _HALF_HEIGHT, _RELIEF = 0.063, 0.075, 0.11, 0.08


def rigid_motion(
    depth: np.ndarray, camera: Camera, rotation: np.ndarray, translation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The flow of a rigid motion ``P -> R P + t`` of all that is seen.

    ``depth (H, W)`` is metres, 0 = no reading; ``rotation (3,)`` a rotation vector about the camera's centre, radians;
    ``translation (3,)`` metres, both in camera axes. Returned are the image flow ``(2, H, W)`` in pixels (right, down)
    and the scene flow ``(3, H, W)`` in metres (right, down, away), both 0 where there is no depth.
    """
    depth = np.asarray(depth, np.float64)
    known = depth > 0
    # Where there is no reading a plane at 1 m stands in, to be set to 0 below: it keeps the division defined.
    points = camera.backproject(np.where(known, depth, 1.0))
    matrix = cv2.Rodrigues(np.asarray(rotation, np.float64).reshape(3))[0]
    moved = points @ matrix.T + np.asarray(translation, np.float64)
    flow = camera.project(moved) - camera.project(points)
    return tuple(np.where(known, one.transpose(2, 0, 1), 0) for one in (flow, moved - points))


def fit_rigid(flow: np.ndarray, depth: np.ndarray, camera: Camera, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rigid motion ``(rotation, translation)`` that most of a face shares, as :func:`rigid_motion` takes it.

    ``flow`` is image flow ``(2, H, W)`` in pixels or scene flow ``(3, H, W)`` in metres; ``depth (H, W)`` metres of the
    first frame, 0 = no reading; ``face (H, W)`` bool, of which the pixels with depth are used: fewer than 30, or shapes
    that do not fit, raise ValueError. From image flow, what makes the flow is found well, while rotation and
    translation themselves make up for each other in part; scene flow tells them apart.
    """
    check_shapes(flow=(flow, "C H W"), depth=(depth, "H W"), face=(face, "H W"))
    use = np.asarray(face, bool) & (depth > 0)
    every = sampled(use, "the face with depth")
    rows, columns = (index[every] for index in np.nonzero(use))
    measured = np.asarray(flow, np.float64)[:, rows, columns]
    points = camera.backproject(np.asarray(depth, np.float64))[rows, columns].T
    pixels = camera.project(points.T).T
    # About the face's centre, turning and shifting are nearly independent of each other.
    centre = points.mean(axis=1, keepdims=True)
    matrix, shift = np.eye(3), np.zeros((3, 1))
    for _ in range(_ROUNDS):
        moved = matrix @ (points - centre) + shift + centre
        found = moved - points if len(measured) == 3 else camera.project(moved.T).T - pixels
        step = robust_fit(_motion_field(moved, centre, camera, len(measured)), measured - found)
        turn = cv2.Rodrigues(step[:3])[0]
        matrix, shift = turn @ matrix, turn @ shift + step[3:, None]
    translation = shift + centre - matrix @ centre
    return cv2.Rodrigues(matrix)[0][:, 0], translation[:, 0]


def _motion_field(points: np.ndarray, centre: np.ndarray, camera: Camera, components: int) -> np.ndarray:
    """What a small turn about the centre and a small shift do to points ``(3, N)``: ``(components, 6, N)``."""
    x, y, z = points - centre
    one, zero = np.ones_like(x), np.zeros_like(x)
    space = np.array([[zero, z, -y, one, zero, zero], [-z, zero, x, zero, one, zero], [y, -x, zero, zero, zero, one]])
    if components == 3:
        return space
    # Derivative of the projection.
    x, y, z = points
    return np.stack([camera.fx / z * (space[0] - x / z * space[2]), camera.fy / z * (space[1] - y / z * space[2])])


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


def robust_fit(basis: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients ``(K,)`` for which ``basis (D, K, N)`` comes nearest to ``values (D, N)``, by reweighted squares.

    It starts from the least sum of distances, which a minority on one side of the face cannot turn over, and ends with
    Tukey's biweight, which gives points far from the fit no weight at all. The D components of a point share a weight.
    """
    components, count, points = basis.shape
    matrix = basis.transpose(1, 0, 2).reshape(count, components * points)
    target = values.reshape(components * points)
    weights = np.ones(points)
    for iteration in range(_LEAST_ABSOLUTE + _BIWEIGHT + 1):
        weighted = matrix * np.tile(weights, components)
        coefficients = np.linalg.lstsq(weighted @ matrix.T, weighted @ target, rcond=None)[0]
        distance = np.linalg.norm((target - coefficients @ matrix).reshape(components, points), axis=0)
        # The small constants keep an exact fit (zero spread) from dividing by zero.
        if iteration < _LEAST_ABSOLUTE:
            weights = 1 / (distance + 1e-3 * distance.mean() + 1e-12)
        else:
            # The median length of a plane normal vector is 1.18 spreads; 4.7 spreads is Tukey's usual cut-off.
            cutoff = 4.7 * np.median(distance) / 1.18 + 1e-12
            weights = np.square(1 - np.square(np.minimum(distance / cutoff, 1)))
    return coefficients


def sampled(use: np.ndarray, what: str) -> slice:
    """Every so many of the pixels ``use`` (bool), for a fit; too few of them are refused."""
    count = int(use.sum())
    if count < FEWEST:
        raise InputError(f"{what} has {count} pixels to find head motion in: {FEWEST} at least are needed")
    return slice(None, None, max(1, count // MOST))
