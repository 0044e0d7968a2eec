"""Head motion taken out of an image flow: what is left is the face's own.

The sway of a head moves the face as much as a micro-expression does, so how it is removed is a factor of every
experiment. Four modes need the flow alone; the mode ``rigid``, which needs depth, stands beside the scene flow.
"""

from __future__ import annotations

import cv2
import numpy as np

#: The modes of :func:`stabilize`.
MODES = ("none", "nose", "median", "affine")

#: iBUG landmark in the middle of the nose's bridge, skin that no muscle of expression moves (SOFTNet's choice).
NOSE = 28
_NOSE_REACH = 5
_FEWEST_PIXELS = 30
_MOST_POINTS = 2500


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
    flow: np.ndarray, mode: str, *, face: np.ndarray | None = None, landmarks: np.ndarray | None = None
) -> np.ndarray:
    """Remove the head's motion from an image flow.

    Parameters
    ----------
    flow : numpy.ndarray
        ``(B, 2, H, W)`` or ``(2, H, W)`` pixels (right, down).
    mode : {"none", "nose", "median", "affine"}
        ``none`` returns the flow as it is. ``nose`` subtracts the mean flow of the 11 x 11 pixels around landmark 28,
        as SOFTNet does (its release subtracts the absolute value of that mean, which is right for motion to the right
        and down only). ``median`` subtracts the face's median flow. ``affine`` subtracts an affine motion fitted to
        the face so that the pixels which move on their own count little (Tukey's biweight); it takes out roll, scale
        and the larger part of yaw and pitch as well.
    face : numpy.ndarray, optional
        ``(B, H, W)`` or ``(H, W)`` bool, the pixels of the face; needed by ``median`` and ``affine`` unless landmarks
        are given, whose hull then serves.
    landmarks : numpy.ndarray, optional
        ``(B, 68, 2)`` or ``(68, 2)`` pixels (x, y) in the first frame, iBUG order; needed by ``nose``.

    Returns
    -------
    numpy.ndarray
        Of the flow's shape and type. Outside the face, too, the same motion is subtracted.

    Raises
    ------
    ValueError
        If the mode is unknown, what it needs is missing, shapes do not fit, or a face has fewer than 30 pixels.
    """
    if mode not in MODES:
        raise ValueError(f"unknown stabilisation mode {mode!r}: use one of {', '.join(MODES)}")
    flow = np.asarray(flow)
    if flow.ndim not in (3, 4) or flow.shape[-3] != 2:
        raise ValueError(f"stabilisation needs a flow (B, 2, H, W) or (2, H, W), got shape {flow.shape}")
    if mode == "none":
        return flow
    batch = flow.reshape(-1, *flow.shape[-3:])
    if mode == "nose":
        head = _nose_motion(batch, landmarks)
    else:
        estimate = {"median": _median_motion, "affine": _affine_motion}[mode]
        faces = _faces(batch, face, landmarks, mode)
        head = np.stack([estimate(one, inside) for one, inside in zip(batch, faces, strict=True)])
    return (batch - head.astype(flow.dtype)).reshape(flow.shape)


def _landmarks(landmarks: np.ndarray) -> np.ndarray:
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.ndim not in (2, 3) or landmarks.shape[-1] != 2 or not np.isfinite(landmarks).all():
        raise ValueError(f"landmarks must be finite pixels (B, N, 2) or (N, 2), got shape {landmarks.shape}")
    return landmarks


def _faces(flow: np.ndarray, face: np.ndarray | None, landmarks: np.ndarray | None, mode: str) -> np.ndarray:
    """Face masks ``(B, H, W)`` of a batch of flows."""
    height, width = flow.shape[-2:]
    if face is None:
        if landmarks is None:
            raise ValueError(f"stabilisation {mode!r} needs the face: pass face=mask or landmarks=points")
        face = face_mask(landmarks, height, width)
    face = np.asarray(face, bool).reshape(-1, *np.shape(face)[-2:])
    if face.shape != (len(flow), height, width):
        raise ValueError(f"face mask {face.shape} does not fit {len(flow)} flows of {height} x {width} pixels")
    fewest = int(face.sum(axis=(1, 2)).min())
    if fewest < _FEWEST_PIXELS:
        raise ValueError(f"a face mask has {fewest} pixels: {_FEWEST_PIXELS} at least are needed to find head motion")
    return face


def _nose_motion(flow: np.ndarray, landmarks: np.ndarray | None) -> np.ndarray:
    if landmarks is None:
        raise ValueError("stabilisation 'nose' needs the 68 landmarks of the first frame: pass landmarks=points")
    points = _landmarks(landmarks)
    points = points.reshape(-1, *points.shape[-2:])
    if points.shape[:2] != (len(flow), 68):
        raise ValueError(f"stabilisation 'nose' needs 68 landmarks for each of {len(flow)} flows, got {points.shape}")
    height, width = flow.shape[-2:]
    head = np.empty((len(flow), 2, 1, 1))
    for index, (x, y) in enumerate(np.rint(points[:, NOSE]).astype(int)):
        rows = slice(max(y - _NOSE_REACH, 0), max(y + _NOSE_REACH + 1, 0))
        columns = slice(max(x - _NOSE_REACH, 0), max(x + _NOSE_REACH + 1, 0))
        patch = flow[index, :, rows, columns]
        if patch.size == 0:
            raise ValueError(f"the nose at ({x}, {y}) lies outside the {width} x {height} image")
        head[index] = patch.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return head


def _median_motion(flow: np.ndarray, face: np.ndarray) -> np.ndarray:
    return np.median(flow[:, face], axis=1)[:, None, None]


def _affine_motion(flow: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Affine motion ``(2, H, W)`` that most of a face shares."""
    height, width = face.shape
    y, x = np.mgrid[:height, :width]
    # Coordinates of order one about the face's centre keep the 3 x 3 system well conditioned.
    size = max(height, width)
    basis = np.stack([np.ones(face.shape), (x - x[face].mean()) / size, (y - y[face].mean()) / size])
    # A motion of six numbers needs no more than some thousands of points.
    every = slice(None, None, max(1, int(face.sum()) // _MOST_POINTS))
    coefficients = robust_fit(basis[:, face][:, every], flow[:, face][:, every].astype(np.float64))
    return np.tensordot(coefficients, basis, axes=(0, 0))


def robust_fit(basis: np.ndarray, values: np.ndarray, *, least_absolute: int = 20, biweight: int = 10) -> np.ndarray:
    """Linear fit that the majority of the points decides, by least squares reweighted.

    It starts from the least sum of distances, which a minority on one side of the face cannot turn over, and ends with
    Tukey's biweight, which gives points far from the fit no weight at all.

    Parameters
    ----------
    basis : numpy.ndarray
        ``(K, N)`` or, with a basis of its own for each component, ``(D, K, N)``.
    values : numpy.ndarray
        ``(D, N)``: N points of D components each; a point's components share one weight.
    least_absolute, biweight : int
        Iterations of the two stages.

    Returns
    -------
    numpy.ndarray
        Coefficients ``(K, D)`` for a common basis, ``(K,)`` for one basis per component.
    """
    shared = basis.ndim == 2
    weights = np.ones(values.shape[1])
    for iteration in range(least_absolute + biweight + 1):
        weighted = basis * weights
        if shared:
            coefficients = np.linalg.lstsq(weighted @ basis.T, weighted @ values.T, rcond=None)[0]
            residual = values - coefficients.T @ basis
        else:
            normal = np.einsum("dkn,dln->kl", weighted, basis)
            coefficients = np.linalg.lstsq(normal, np.einsum("dkn,dn->k", weighted, values), rcond=None)[0]
            residual = values - np.einsum("k,dkn->dn", coefficients, basis)
        distance = np.linalg.norm(residual, axis=0)
        # The small constants keep an exact fit (zero spread) from dividing by zero.
        if iteration < least_absolute:
            weights = 1 / (distance + 1e-3 * distance.mean() + 1e-9)
        else:
            # The median length of a plane normal vector is 1.18 spreads; 4.7 spreads is Tukey's usual cut-off.
            cutoff = 4.7 * np.median(distance) / 1.18 + 1e-9
            weights = np.square(1 - np.square(np.minimum(distance / cutoff, 1)))
    return coefficients
