"""Head motion taken out of a flow: what is left is the face's own.

The sway of a head moves the face as much as a micro-expression does, so how it is removed is a factor of every
experiment. The modes work on image flow and on scene flow alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from melib.errors import InputError
from melib.flow.rigid import fit_rigid, rigid_motion
from melib.flow.robust import robust_fit
from melib.video import Camera

#: The modes of :func:`stabilize`.
MODES = ("none", "nose", "median", "affine", "rigid")

#: iBUG landmark in the middle of the nose's bridge, skin that no muscle of expression moves (SOFTNet's choice).
NOSE = 28
_NOSE_REACH = 5
_FEWEST_PIXELS = 30
_MOST_POINTS = 1000


def face_mask(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """The face as the convex hull of its landmarks.

    Parameters
    ----------
    landmarks : numpy.ndarray
        ``(N, 2)`` or ``(B, N, 2)`` pixels (x, y).
    height, width : int
        Size of the image in pixels.

    Returns
    -------
    numpy.ndarray
        ``(H, W)`` or ``(B, H, W)`` bool.

    Raises
    ------
    ValueError
        If the landmarks have another shape or hold NaN.
    """
    landmarks = _landmarks(landmarks)
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
        ``none`` returns the flow as it is. ``nose`` subtracts the mean flow of the 11 x 11 pixels around landmark 28,
        as SOFTNet does (its release subtracts the absolute value of that mean, which is right for motion to the right
        and down only). ``median`` subtracts the face's median flow. ``affine`` subtracts an affine motion that most of
        the face shares; it takes out roll, scale and the larger part of yaw and pitch as well. ``rigid`` subtracts the
        motion of a rigid head, six degrees of freedom, that most of the face shares, exact in perspective and
        parallax.
    face : numpy.ndarray, optional
        ``(B, H, W)`` or ``(H, W)`` bool, the pixels of the face; needed by ``median``, ``affine`` and ``rigid`` unless
        landmarks are given, whose hull then serves. For scene flow, leave out the pixels where it is not valid.
    landmarks : numpy.ndarray, optional
        ``(B, 68, 2)`` or ``(68, 2)`` pixels (x, y) in the first frame, iBUG order; needed by ``nose``.
    depth : numpy.ndarray, optional
        ``(B, H, W)`` or ``(H, W)`` metres of the first frame, 0 = no reading; needed by ``rigid``. Without a sensor,
        the depth of a generic face in about the right place serves for image flow.
    camera : Camera, optional
        Needed by ``rigid``.

    Returns
    -------
    numpy.ndarray
        Of the flow's shape and type. Outside the face, too, the same motion is subtracted; by ``rigid`` from image flow
        as if holes were as far as what is next to them, from scene flow only where there is depth.

    Raises
    ------
    ValueError
        If the mode is unknown, what it needs is missing, shapes do not fit, or a face has fewer than 30 pixels.
    """
    if mode not in MODES:
        raise InputError(f"unknown stabilisation mode {mode!r}: use one of {', '.join(MODES)}")
    flow = np.asarray(flow)
    if flow.ndim not in (3, 4) or flow.shape[-3] not in (2, 3):
        raise InputError(f"stabilisation needs a flow (B, 2 or 3, H, W) or (2 or 3, H, W), got shape {flow.shape}")
    if mode == "none":
        return flow
    batch = flow.reshape(-1, *flow.shape[-3:])
    if mode == "nose":
        head = _nose_motion(batch, landmarks)
    else:
        faces = _faces(batch, face, landmarks, mode)
        if mode == "rigid":
            head = _rigid_motion(batch, faces, depth, camera)
        else:
            estimate = {"median": _median_motion, "affine": _affine_motion}[mode]
            head = np.stack([estimate(one, inside) for one, inside in zip(batch, faces, strict=True)])
    return (batch - head.astype(flow.dtype)).reshape(flow.shape)


def _landmarks(landmarks: np.ndarray) -> np.ndarray:
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.ndim not in (2, 3) or landmarks.shape[-1] != 2 or not np.isfinite(landmarks).all():
        raise InputError(f"landmarks must be finite pixels (B, N, 2) or (N, 2), got shape {landmarks.shape}")
    return landmarks


def _faces(flow: np.ndarray, face: np.ndarray | None, landmarks: np.ndarray | None, mode: str) -> np.ndarray:
    """Face masks ``(B, H, W)`` of a batch of flows."""
    height, width = flow.shape[-2:]
    if face is None:
        if landmarks is None:
            raise InputError(f"stabilisation {mode!r} needs the face: pass face=mask or landmarks=points")
        face = face_mask(landmarks, height, width)
    face = np.asarray(face, bool).reshape(-1, *np.shape(face)[-2:])
    if face.shape != (len(flow), height, width):
        raise InputError(f"face mask {face.shape} does not fit {len(flow)} flows of {height} x {width} pixels")
    fewest = int(face.sum(axis=(1, 2)).min())
    if fewest < _FEWEST_PIXELS:
        raise InputError(f"a face mask has {fewest} pixels: {_FEWEST_PIXELS} at least are needed to find head motion")
    return face


def _nose_motion(flow: np.ndarray, landmarks: np.ndarray | None) -> np.ndarray:
    if landmarks is None:
        raise InputError("stabilisation 'nose' needs the 68 landmarks of the first frame: pass landmarks=points")
    points = _landmarks(landmarks)
    points = points.reshape(-1, *points.shape[-2:])
    if points.shape[:2] != (len(flow), 68):
        raise InputError(f"stabilisation 'nose' needs 68 landmarks for each of {len(flow)} flows, got {points.shape}")
    height, width = flow.shape[-2:]
    head = np.empty((*flow.shape[:2], 1, 1))
    for index, (x, y) in enumerate(np.rint(points[:, NOSE]).astype(int)):
        rows = slice(max(y - _NOSE_REACH, 0), max(y + _NOSE_REACH + 1, 0))
        columns = slice(max(x - _NOSE_REACH, 0), max(x + _NOSE_REACH + 1, 0))
        patch = flow[index, :, rows, columns]
        if patch.size == 0:
            raise InputError(f"the nose at ({x}, {y}) lies outside the {width} x {height} image")
        head[index] = patch.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return head


def _median_motion(flow: np.ndarray, face: np.ndarray) -> np.ndarray:
    return np.median(flow[:, face], axis=1)[:, None, None]


def _affine_motion(flow: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Affine motion ``(C, H, W)`` that most of a face shares."""
    height, width = face.shape
    y, x = np.mgrid[:height, :width]
    # Coordinates of order one about the face's centre keep the 3 x 3 system well conditioned.
    size = max(height, width)
    basis = np.stack([np.ones(face.shape), (x - x[face].mean()) / size, (y - y[face].mean()) / size])
    # A plane of three numbers needs no more than a thousand points.
    every = slice(None, None, max(1, int(face.sum()) // _MOST_POINTS))
    inside, motion = basis[None, :, face][..., every], flow[:, face][:, every].astype(np.float64)
    planes = [robust_fit(inside, component[None]) for component in motion]
    return np.tensordot(np.stack(planes), basis, axes=(1, 0))


def _rigid_motion(flow: np.ndarray, faces: np.ndarray, depth: np.ndarray | None, camera: Camera | None) -> np.ndarray:
    if depth is None or camera is None:
        raise InputError("stabilisation 'rigid' needs the first frame's depth and the camera: pass depth= and camera=")
    depth = np.asarray(depth)
    depth = depth.reshape(-1, *depth.shape[-2:])
    if depth.shape != faces.shape:
        raise InputError(
            f"depth {depth.shape} does not fit {len(flow)} flows of {flow.shape[-2]} x {flow.shape[-1]} pixels"
        )
    head = []
    for one, z, inside in zip(flow, depth, faces, strict=True):
        motion = fit_rigid(one, z, camera, inside)
        if len(one) == 3:
            head.append(rigid_motion(z, camera, *motion)[1])
        else:
            # Image flow exists in the depth map's holes too: there the head is taken to be as far as next to them.
            nearest = ndimage.distance_transform_edt(z <= 0, return_distances=False, return_indices=True)
            head.append(rigid_motion(z[tuple(nearest)], camera, *motion)[0])
    return np.stack(head)
