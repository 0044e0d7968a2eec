"""Head motion taken out of a flow, or of depth that is averaged over frames: what is left is the face's own.

The sway of a head moves the face as much as a micro-expression does, so how it is removed is a factor of every
experiment. The modes work on image flow and on scene flow alike.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from scipy import ndimage

from melib.errors import InputError
from melib.flow.images import check_shapes
from melib.flow.rigid import fit_rigid, rigid_motion, robust_fit, sampled
from melib.video import Camera

#: What each mode of :func:`stabilize` needs beside the flow.
_NEEDS = {
    "none": (),
    "nose": ("landmarks",),
    "median": ("face",),
    "affine": ("face",),
    "rigid": ("face", "depth", "camera"),
}
MODES = tuple(_NEEDS)

#: iBUG landmark in the middle of the nose's bridge, skin that no muscle of expression moves (SOFTNet's choice).
NOSE = 28
_NOSE_REACH = 5


def face_mask(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """The face ``(H, W)`` or ``(B, H, W)`` bool as the convex hull of its landmarks, ``(N, 2)`` or ``(B, N, 2)``."""
    landmarks = _finite(landmarks)
    if landmarks.ndim == 3:
        return np.stack([face_mask(points, height, width) for points in landmarks])
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(landmarks).astype(np.int32)), 1)
    return mask.astype(bool)


def stabilize(
    flow: np.ndarray,
    mode: str,
    *,
    face: np.ndarray | None = None,
    landmarks: np.ndarray | None = None,
    depth: np.ndarray | None = None,
    camera: Camera | None = None,
) -> np.ndarray:
    """Remove the head's motion from an image flow or a scene flow.

    Parameters
    ----------
    flow : numpy.ndarray
        Image flow ``(B, 2, H, W)`` or ``(2, H, W)``, or scene flow ``(B, 3, H, W)`` or ``(3, H, W)``.
    mode : {"none", "nose", "median", "affine", "rigid"}
        ``none`` leaves the flow as it is. ``nose`` subtracts the mean flow of the 11 x 11 pixels around landmark 28, as
        SOFTNet does (its release subtracts the absolute value of that mean, which is right for motion to the right and
        down only), ``median`` the face's median flow, ``affine`` an affine motion that most of the face shares (roll,
        scale and the larger part of yaw and pitch as well), ``rigid`` the motion of a rigid head, six degrees of
        freedom, that most of the face shares, exact in perspective and parallax.
    face : numpy.ndarray, optional
        ``(B, H, W)`` or ``(H, W)`` bool, the face, for ``median``, ``affine`` and ``rigid``; the hull of the landmarks
        serves as well. Of scene flow, only where it is valid.
    landmarks : numpy.ndarray, optional
        ``(B, 68, 2)`` or ``(68, 2)`` pixels (x, y) in the first frame, iBUG order, for ``nose``.
    depth : numpy.ndarray, optional
        ``(B, H, W)`` or ``(H, W)`` metres of the first frame, 0 = no reading, for ``rigid``. For image flow a generic
        face in about the right place serves as well.
    camera : Camera, optional
        For ``rigid``.

    Returns
    -------
    numpy.ndarray
        Of the flow's shape and type. The motion is subtracted outside the face, too; by ``rigid`` from image flow as if
        holes were as far as what is next to them, from scene flow only where there is depth. An unknown mode, missing
        input, shapes that do not fit, or a face of fewer than 30 pixels raise ValueError.
    """
    if mode not in MODES:
        raise InputError(f"unknown stabilisation mode {mode!r}: use one of {', '.join(MODES)}")
    flow = np.asarray(flow)
    if flow.ndim not in (3, 4) or flow.shape[-3] not in (2, 3):
        raise InputError(f"flow must be (B, 2 or 3, H, W) or (2 or 3, H, W), got {flow.shape}")
    given = {"face": landmarks if face is None else face, "landmarks": landmarks, "depth": depth, "camera": camera}
    missing = [name for name in _NEEDS[mode] if given[name] is None]
    if missing:
        hint = " (or landmarks=, whose hull serves)" if "face" in missing else ""
        raise InputError(f"stabilisation {mode!r} needs {' and '.join(f'{name}=' for name in missing)}{hint}")
    if mode == "none":
        return flow
    batch = flow.reshape(-1, *flow.shape[-3:])
    shapes = {"flow": (batch, "B C H W")}
    if mode == "nose":
        shapes["landmarks"] = (_batch(_finite(landmarks)), "B 68 2")
    else:
        mask = face_mask(landmarks, *flow.shape[-2:]) if face is None else np.asarray(face, bool)
        shapes["face"] = (_batch(mask), "B H W")
    if mode == "rigid":
        shapes["depth"] = (_batch(np.asarray(depth)), "B H W")
    check_shapes(**shapes)
    motion = {"nose": _nose, "median": _median, "affine": _affine, "rigid": functools.partial(_rigid, camera=camera)}
    head = np.stack([motion[mode](*one) for one in zip(*(array for array, _ in shapes.values()), strict=True)])
    return (batch - head.astype(flow.dtype)).reshape(flow.shape)


def _finite(landmarks: np.ndarray) -> np.ndarray:
    landmarks = np.asarray(landmarks, np.float64)
    check_shapes(landmarks=(landmarks, "... N 2"))
    if not np.isfinite(landmarks).all():
        raise InputError("landmarks must be finite pixels (x, y)")
    return landmarks


def _batch(planes: np.ndarray) -> np.ndarray:
    """Planes ``(H, W)`` or ``(B, H, W)`` as a batch."""
    return planes.reshape(-1, *planes.shape[-2:])


def _nose(flow: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    x, y = np.rint(landmarks[NOSE]).astype(int)
    rows, columns = (slice(max(at - _NOSE_REACH, 0), max(at + _NOSE_REACH + 1, 0)) for at in (y, x))
    patch = flow[:, rows, columns]
    if patch.size == 0:
        raise InputError(f"the nose at ({x}, {y}) lies outside the image of {flow.shape[2]} x {flow.shape[1]} pixels")
    return patch.mean(axis=(1, 2), keepdims=True, dtype=np.float64)


def _median(flow: np.ndarray, face: np.ndarray) -> np.ndarray:
    sampled(face, "the face")
    return np.median(flow[:, face], axis=1)[:, None, None]


def _affine(flow: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Affine motion ``(C, H, W)`` that most of a face shares."""
    every = sampled(face, "the face")
    height, width = face.shape
    y, x = np.mgrid[:height, :width]
    # Coordinates of order one about the face's centre keep the 3 x 3 system well conditioned.
    size = max(height, width)
    basis = np.stack([np.ones(face.shape), (x - x[face].mean()) / size, (y - y[face].mean()) / size])
    inside, motion = basis[None, :, face][..., every], flow[:, face][:, every].astype(np.float64)
    planes = [robust_fit(inside, component[None]) for component in motion]
    return np.tensordot(np.stack(planes), basis, axes=(1, 0))


def _rigid(flow: np.ndarray, face: np.ndarray, depth: np.ndarray, *, camera: Camera) -> np.ndarray:
    motion = fit_rigid(flow, depth, camera, face)
    if len(flow) == 3:
        return rigid_motion(depth, camera, *motion)[1]
    # Image flow exists in the depth map's holes too: there the head is taken to be as far as next to them.
    nearest = ndimage.distance_transform_edt(depth <= 0, return_distances=False, return_indices=True)
    return rigid_motion(depth[tuple(nearest)], camera, *motion)[0]


def average_depth(depth: np.ndarray, flow: np.ndarray, face: np.ndarray, *, reference: int) -> np.ndarray:
    """Depth of one frame, averaged over frames in which the face rests, the head's own motion taken out.

    Each frame's depth is fetched along the flow from the reference frame, brought to the reference's pose by removing
    the plane (shift and tilt in depth) that fits its difference over the face best, and averaged with the others,
    pixel by pixel, over the frames that have a reading.

    ``depth (N, H, W)`` is metres, 0 = no reading; ``flow (N, 2, H, W)`` pixels from the reference frame, which is the
    ``reference``-th, to each frame (its own is not used); ``face (H, W)`` bool, in the reference frame. Returned is
    ``(H, W)`` float32 metres; 0 where the reference has no reading. Shapes that do not fit, a reference that is not
    among the frames, or a frame with too few readings to align raise ValueError.
    """
    depth, face = np.asarray(depth, np.float32), np.asarray(face, bool)
    check_shapes(depth=(depth, "N H W"), flow=(flow, "N 2 H W"), face=(face, "H W"))
    count, height, width = depth.shape
    if not 0 <= reference < count:
        raise InputError(f"reference {reference} is none of {count} frames")
    base = depth[reference]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    plane = np.stack([np.ones_like(x), x / width - 0.5, y / height - 0.5]).astype(np.float64)
    total, readings = base.astype(np.float64), (base > 0).astype(np.float64)
    for index in range(count):
        if index == reference:
            continue
        there = x + flow[index, 0].astype(np.float32), y + flow[index, 1].astype(np.float32)
        known = cv2.remap((depth[index] > 0).astype(np.float32), *there, cv2.INTER_LINEAR)
        seen = cv2.remap(depth[index], *there, cv2.INTER_LINEAR)
        usable = (known > 0.999) & (base > 0)
        common = usable & face
        every = sampled(common, f"the depth that frame {index} shares with the reference")
        difference = (seen - base).astype(np.float64)
        coefficients = robust_fit(plane[None, :, common][..., every], difference[None, common][:, every])
        total += np.where(usable, seen - np.tensordot(coefficients, plane, axes=(0, 0)), 0)
        readings += usable
    return np.where(base > 0, total / np.maximum(readings, 1), 0).astype(np.float32)
