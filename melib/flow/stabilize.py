"""Head motion taken out of a flow: what is left is the face's own.

The sway of a head moves the face as much as a micro-expression does, so how it is removed is a factor of every
experiment. The modes work on image flow and on scene flow alike, of arrays or of tensors on their device.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

from melib.errors import InputError
from melib.flow.images import check_shapes, fill_nearest, is_tensor, library_of, middle, picked
from melib.flow.rigid import check_enough, fit_rigid, generic_face, rigid_motion, robust_fit, sampled
from melib.video import Camera

#: What each mode of :func:`stabilize` needs beside the flow.
_NEEDS = {
    "none": (),
    "nose": ("landmarks",),
    "median": ("face",),
    "affine": ("face",),
    "relief": ("face", "landmarks"),
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


def stabilize(flow, mode: str, *, face=None, landmarks=None, depth=None, camera: Camera | None = None):
    """An image flow ``(B, 2, H, W)`` or a scene flow ``(B, 3, H, W)``, or one of a batch, without the head's motion.

    Parameters
    ----------
    flow : numpy.ndarray or torch.Tensor
        The motion is subtracted outside the face, too; by ``rigid`` from image flow as if holes were as far as what is
        next to them, from scene flow only where there is depth.
    mode : {"none", "nose", "median", "affine", "relief", "rigid"}
        ``none`` leaves the flow as it is. ``nose`` subtracts the mean flow of the 11 x 11 pixels around landmark 28, as
        SOFTNet does (its release subtracts the absolute value of that mean, which is right for motion to the right and
        down only), ``median`` the face's median flow, ``affine`` an affine motion that most of the face shares (roll,
        scale and the larger part of yaw and pitch as well), ``relief`` an affine motion and a multiple of the depth of
        a generic face (the parallax of turning and leaning as well), ``rigid`` the motion of a rigid head, six degrees
        of freedom, that most of the face shares, exact in perspective and parallax.
    face : numpy.ndarray or torch.Tensor, optional
        ``(B, H, W)`` bool, for all modes but the first two; the hull of the landmarks serves as well. Of scene flow,
        only where it is valid.
    landmarks : numpy.ndarray, optional
        ``(B, 68, 2)`` pixels (x, y) in the first frame, iBUG order, for ``nose`` and ``relief``.
    depth, camera : numpy.ndarray or torch.Tensor, and Camera; optional
        ``(B, H, W)`` metres of the first frame, 0 = no reading, for ``rigid``; for image flow a generic face serves.

    Raises
    ------
    ValueError
        For an unknown mode, missing input, shapes that do not fit, or a face of fewer than 30 pixels.
    """
    if mode not in MODES:
        raise InputError(f"unknown stabilisation mode {mode!r}: use one of {', '.join(MODES)}")
    library, flow = library_of(flow), flow if is_tensor(flow) else np.asarray(flow)
    if flow.ndim not in (3, 4) or flow.shape[-3] not in (2, 3):
        raise InputError(f"flow must be (B, 2 or 3, H, W) or (2 or 3, H, W), got {tuple(flow.shape)}")
    given = {"face": landmarks if face is None else face, "landmarks": landmarks, "depth": depth, "camera": camera}
    missing = [name for name in _NEEDS[mode] if given[name] is None]
    if missing:
        hint = " (or landmarks=, whose hull serves)" if "face" in missing else ""
        raise InputError(f"stabilisation {mode!r} needs {' and '.join(f'{name}=' for name in missing)}{hint}")
    if mode == "none":
        return flow
    batch = flow.reshape(-1, *flow.shape[-3:])
    given["face"] = face_mask(landmarks, *flow.shape[-2:]) if face is None else face
    shapes = {"flow": (batch, "B C H W")}
    for name in (each for each in _NEEDS[mode] if each != "camera"):
        one = _finite(landmarks) if name == "landmarks" else library.asarray(given[name], device=flow.device)
        shapes[name] = (one.reshape(-1, *one.shape[-2:]), "B 68 2" if name == "landmarks" else "B H W")
    check_shapes(**shapes)
    motion = {"nose": _nose, "median": _median, "affine": affine_motion, "relief": affine_motion}
    motion["rigid"] = functools.partial(_rigid, camera=camera)
    head = motion[mode](*(one for one, _ in shapes.values()))
    return (batch - library.asarray(head, dtype=flow.dtype)).reshape(flow.shape)


def _finite(landmarks) -> np.ndarray:
    landmarks = np.asarray(landmarks, np.float64)
    check_shapes(landmarks=(landmarks, "... N 2"))
    if not np.isfinite(landmarks).all():
        raise InputError("landmarks must be finite pixels (x, y)")
    return landmarks


def _nose(flow, landmarks: np.ndarray):
    library, means = library_of(flow), []
    for one, (x, y) in zip(flow, np.rint(landmarks[:, NOSE]).astype(int), strict=True):
        rows, columns = (slice(max(at - _NOSE_REACH, 0), max(at + _NOSE_REACH + 1, 0)) for at in (y, x))
        patch = one[:, rows, columns]
        if 0 in patch.shape:
            raise InputError(f"the nose at ({x}, {y}) lies outside the image of {one.shape[2]} x {one.shape[1]} pixels")
        means.append(patch.mean(axis=(1, 2), keepdims=True, dtype=library.float64))
    return library.stack(means)


def _median(flow, face):
    face = face.reshape(len(face), 1, -1) != 0
    check_enough(face.sum(-1), "the face")
    return middle(flow.reshape(*flow.shape[:2], -1), face)[..., None]


def affine_motion(flow, face, landmarks: np.ndarray | None = None, *, what: str = "the face"):
    """Motion ``(B, C, H, W)`` that most of a face shares: affine, and along its relief where there are landmarks."""
    library, (height, width) = library_of(flow), flow.shape[-2:]
    y, x = np.mgrid[:height, :width] / max(height, width) - 0.5
    planes = [np.stack([np.ones_like(x), x, y])]
    if landmarks is not None:
        # Its scale and the plane in it do not matter beside the other columns, so that any camera serves.
        reliefs = [generic_face(each, Camera(1, 1, 0, 0, width, height))[None] for each in landmarks]
        planes = [np.concatenate([*planes, relief]) for relief in reliefs]
    basis = library.asarray(np.stack(planes), device=flow.device)
    at, used = sampled(face != 0, what)
    inside, motion = picked(basis, at), library.asarray(picked(flow, at), dtype=basis.dtype)
    # Each component of the motion has weights of its own.
    found = robust_fit(inside[:, None, None], motion[:, :, None], used[:, None])
    return (found @ basis.reshape(*basis.shape[:2], -1)).reshape(flow.shape)


def _rigid(flow, face, depth, *, camera: Camera):
    motion = fit_rigid(flow, depth, camera, face)
    if flow.shape[1] == 3:
        return rigid_motion(depth, camera, *motion)[1]
    # Image flow exists in the depth map's holes too: there the head is taken to be as far as next to them.
    return rigid_motion(fill_nearest(depth[:, None], depth > 0)[:, 0], camera, *motion)[0]
