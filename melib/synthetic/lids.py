"""Eyelids that close: each subject's own blink, calibrated on what a camera sees of the eyeball.

The blink target of the mean face leaves a slit on wide eyes and folds the lids over the cheek on narrow ones. Here it
is scaled, in each vertical strip of the eye, by the smallest factor that hides the eyeball.
"""

from __future__ import annotations

import numpy as np

from melib.errors import InputError
from melib.synthetic.head import SKIN, Head, eye_centres
from melib.synthetic.mesh import keep_outside
from melib.synthetic.raster import rasterize

#: Lids slide on a sphere this much larger than the eyeball, whose polygons stand out by 1.7 %.
CLEARANCE = 1.03
#: Lid skin is looked for up to this many eyeball radii from the eye's centre.
REACH = 1.7

_STRIPS = 24
_HALF_VIEW_MM = 24.0
_PIXELS_PER_MM = 3.0
_DISTANCE_MM = 560.0
_PITCHES_DEG = (-15.0, 0.0, 15.0)  # the lids must meet for a nodding head too
_STEPS = 40
_OVERLAP = 0.02  # of the field, so that no other camera sees between the lids
_LARGEST = 2.2  # no strip is scaled beyond this


def eye_radius(points: np.ndarray, eye: np.ndarray, centre: np.ndarray) -> float:
    """Mean distance of an eyeball's vertices from its centre."""
    return float(np.linalg.norm(points[eye] - centre, axis=1).mean())


def lid_vertices(head: Head, points: np.ndarray, side: int) -> np.ndarray:
    """Skin around one eye that slides on the eyeball: ``(L,)`` int64."""
    # In front of the eyeball's centre and within `REACH` radii, what lies inside the eyeball lines the socket, which
    # must stay hidden; the rest is lid. Mean face and subject are asked: the lids of deep-set eyes may start inside.
    skin = np.unique(head.triangles[head.parts == SKIN]).astype(np.int64)
    is_lid = np.zeros(len(skin), bool)
    for face in (head.vertices.astype(np.float64), points):
        centre = eye_centres(face, head.eyes)[side]
        radius = eye_radius(face, head.eyes[side], centre)
        at = face[skin] - centre
        distance = np.linalg.norm(at, axis=1)
        is_lid |= (distance > 0.99 * radius) & (distance < REACH * radius) & (at[:, 2] > 0)
    return skin[is_lid]


class EyeView:
    """A close-up of one eye, to count what is seen of the eyeball."""

    def __init__(self, triangles: np.ndarray, is_eye: np.ndarray, points: np.ndarray, centre: np.ndarray):
        near = np.linalg.norm(points - centre, axis=1) < 2 * _HALF_VIEW_MM
        kept = near[triangles].any(axis=1)
        self._triangles = np.ascontiguousarray(triangles[kept])
        self._is_eye = is_eye[kept]
        self._centre = centre

    def columns(self, points: np.ndarray) -> np.ndarray:
        """Pixels of the eyeball seen in each vertical strip, over all views: ``(strips,)``."""
        size = int(2 * _HALF_VIEW_MM * _PIXELS_PER_MM)
        count = np.zeros(_STRIPS, np.int64)
        for pitch in np.radians(_PITCHES_DEG):
            x, y, z = (points - self._centre).T
            # The eye stands beside the camera's axis, as in a frontal view of the face.
            depth = _DISTANCE_MM - np.cos(pitch) * z + np.sin(pitch) * y
            height = np.cos(pitch) * y + np.sin(pitch) * z
            zoom = _PIXELS_PER_MM * _DISTANCE_MM / depth
            middle = _PIXELS_PER_MM * self._centre[0]
            pixels = np.column_stack([(x + self._centre[0]) * zoom - middle, -height * zoom]) + size / 2
            ids, _ = rasterize(pixels, 1 / depth, self._triangles, size, size)
            seen = (ids >= 0) & self._is_eye[ids]
            count += seen.sum(axis=0).reshape(_STRIPS, -1).sum(axis=1)
        return count


def fit_blink(
    points: np.ndarray, field: np.ndarray, view: EyeView, lids: np.ndarray, centre: np.ndarray, radius: float
) -> np.ndarray:
    """The mean face's blink `field` times a factor across the eye: at weight 1 the subject's lids just meet.

    The lids slide on a sphere with this centre and radius; `points` is the subject at rest (head axes, mm).
    """
    knots = (np.arange(_STRIPS) + 0.5) / _STRIPS * 2 * _HALF_VIEW_MM - _HALF_VIEW_MM
    aperture = np.flatnonzero(view.columns(points))
    if aperture.size == 0:  # born closed: any blink will do
        return field
    across = np.clip(np.arange(_STRIPS), aperture[0], aperture[-1])
    factor = np.full(_STRIPS, 0.2)
    for _ in range(_STEPS):
        scale = np.interp(points[:, 0] - centre[0], knots, _smooth(factor[across]))
        closed = points + field * scale[:, None]
        keep_outside(closed, lids, centre, radius)
        open_strips = view.columns(closed) > 0
        if not open_strips.any():
            return field * (scale + _OVERLAP)[:, None]
        wanting = np.unique(across[open_strips])  # a gap that opens beyond the aperture is its last strip's
        factor[wanting] = np.minimum(factor[wanting] + 0.05, _LARGEST)
    raise InputError(f"the eye at {centre.round(1)} mm does not close: {view.columns(closed).tolist()} pixels left")


def _smooth(factor: np.ndarray) -> np.ndarray:
    """Factors across the eye without steps: neighbours follow the strip that needs most."""
    padded = np.pad(factor, 2, mode="edge")
    spread = np.max([padded[i : i + _STRIPS] for i in (1, 2, 3)], axis=0)
    padded = np.pad(spread, 2, mode="edge")
    return np.mean([padded[i : i + _STRIPS] for i in range(5)], axis=0)
