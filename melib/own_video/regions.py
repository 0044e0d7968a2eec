"""Where in the face it moves, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from melib import flow
from melib.errors import InputError

#: Region -> its landmarks (iBUG order), how far the hull of them is enlarged about its centre, and how far they are
#: also raised, in distances between the eyes: the skin above a brow moves with it. Right and left are the person's own.
_REGIONS = {
    "right brow": (range(17, 22), 1.0, 0.25),
    "left brow": (range(22, 27), 1.0, 0.25),
    "right eye": (range(36, 42), 1.4, 0.0),
    "left eye": (range(42, 48), 1.4, 0.0),
    "nose": (range(29, 36), 1.1, 0.0),
    "mouth": (range(48, 60), 1.2, 0.0),
    "right cheek": ((2, 3, 4, 48, 31, 41), 1.0, 0.0),
    "left cheek": ((14, 13, 12, 54, 35, 46), 1.0, 0.0),
    "chin": ((6, 7, 8, 9, 10, 56, 57, 58), 1.0, 0.0),
}
REGIONS = tuple(_REGIONS)

#: Mean distance between the centres of the eyes of adults, which turns pixels of a face into millimetres.
_EYES_APART_MM = 63.0
#: A region moves as much as the pixels that move more than this share of it: few enough for the corner of a mouth to
#: count, too many for a stray vector.
_PERCENTILE = 90


@dataclass(frozen=True)
class Motion:
    """The strongest motion of a face between two frames, head motion taken out."""

    region: str  # one of REGIONS
    pixels: float  # how far it moves, in pixels of the crop
    millimetres: float  # the same on the face, whose eyes are taken to be 63 mm apart
    away_mm: float | None  # how far it moves away from the camera, against the whole face; None without depth


def region_masks(landmarks: np.ndarray, height: int, width: int) -> dict[str, np.ndarray]:
    """Pixels ``(H, W)`` bool of each region of :data:`REGIONS`; where two overlap, the earlier has them."""
    points = np.asarray(landmarks, float)
    taken = np.zeros((height, width), bool)
    masks = {}
    for name, (chosen, enlarged, raised) in _REGIONS.items():
        own = points[list(chosen)]
        own = np.concatenate([own, own - (0, raised * _eyes_apart(points))])
        centre = own.mean(axis=0)
        masks[name] = flow.face_mask(centre + enlarged * (own - centre), height, width) & ~taken
        taken |= masks[name]
    return masks


def face_flow(
    frames: np.ndarray, landmarks: np.ndarray, *, method: str, stabilization: str
) -> tuple[np.ndarray, np.ndarray]:
    """Flow ``(2, H, W)`` between two frames ``(2, H, W, 3)`` of a face, as it is and with head motion taken out.

    The landmarks are those of the first frame. Mode ``rigid``, which needs a camera, is replaced by ``affine``.
    """
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[None] for frame in frames)
    found = flow.optical_flow(first, second, method=method)
    mode = "affine" if stabilization == "rigid" else stabilization
    return found[0], flow.stabilize(found, mode, landmarks=np.asarray(landmarks)[None])[0]


def strongest_motion(
    frames: np.ndarray, landmarks: np.ndarray, *, method: str, stabilization: str, depth: np.ndarray | None = None
) -> Motion:
    """Which region of a face moves most between two frames; with their depth ``(2, H, W)`` also to or fro."""
    found, stable = face_flow(frames, landmarks, method=method, stabilization=stabilization)
    length = np.hypot(*stable)
    masks = region_masks(landmarks, *length.shape)
    strengths = {name: np.percentile(length[mask], _PERCENTILE) for name, mask in masks.items() if mask.any()}
    if not strengths:
        raise InputError("no part of the face lies in the picture: its landmarks are all outside")
    region = max(strengths, key=strengths.get)
    return Motion(
        region=region,
        pixels=float(strengths[region]),
        millimetres=float(strengths[region] * _EYES_APART_MM / _eyes_apart(landmarks)),
        away_mm=None if depth is None else _away(depth, found, masks[region], landmarks),
    )


def _eyes_apart(landmarks: np.ndarray) -> float:
    points = np.asarray(landmarks, float)
    return float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))


def _away(depth: np.ndarray, motion: np.ndarray, region: np.ndarray, landmarks: np.ndarray) -> float | None:
    """Median change of depth of a region along a flow, less that of the face, in millimetres."""
    height, width = region.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    # The nearest reading: between a reading and a hole there is no depth.
    there = cv2.remap(depth[1], columns + motion[0], rows + motion[1], cv2.INTER_NEAREST)
    known = (depth[0] > 0) & (there > 0)
    face = flow.face_mask(landmarks, height, width)
    if not (known & region).any() or not (known & face).any():
        return None
    change = 1e3 * (there - depth[0])
    return float(np.median(change[known & region]) - np.median(change[known & face]))
