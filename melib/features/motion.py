"""The three planes of frame pairs over the whole crop, before they are cut, resized and scaled."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from melib import flow
from melib.errors import InputError
from melib.features.settings import DEPTH_INPUTS, TRUE_INPUTS, FeatureSettings
from melib.video import Camera, Video

#: Spread in pixels, at 128 pixels a side, over which changes of depth are averaged: their noise is several times what
#: a micro-expression makes. On training subjects gradients agree best with the truth at 3 to 4 pixels; the change
#: itself gains from wider averages, which take it from its place.
_BLUR_128 = 4.0
#: A reading that changes by more metres belongs to another surface: a jaw that falls open moves by 0.04.
_LARGEST_CHANGE = 0.06
#: Where no camera is known, the face is taken to be filmed from so many metres, eyes so many metres apart.
_USUAL_DISTANCE, _EYES_APART = 0.6, 0.063


@dataclass(frozen=True)
class Chunk:
    """A few pairs of one video, read.

    Attributes
    ----------
    video : Video
    starts, ends : numpy.ndarray
        Frames ``(B,)`` of the pairs.
    height, width : int
        Size of the frames.
    grey : tuple of numpy.ndarray
        Images ``(B, H, W)`` uint8 of first and second frames; empty for inputs made from the truth.
    depth : tuple of numpy.ndarray
        Depth ``(B, H, W)`` metres of first and second frames; empty for inputs made of colour alone or the truth.
    landmarks : numpy.ndarray
        ``(68, 2)`` pixels of the video's first frame.
    """

    video: Video
    starts: np.ndarray
    ends: np.ndarray
    height: int
    width: int
    grey: tuple[np.ndarray, ...]
    depth: tuple[np.ndarray, ...]
    landmarks: np.ndarray


def check_video(video: Video, settings: FeatureSettings) -> None:
    """Refuse a video that lacks what the settings read.

    Raises
    ------
    LookupError
        Naming the video, what it lacks, and what would serve.
    """
    name = f"video {video.subject}/{video.name}"
    if settings.input in DEPTH_INPUTS and video.camera is None:
        raise InputError(f"{name} has no depth, which input {settings.input!r} needs: choose input 'O' or 'uv0'")
    true_input = settings.input in TRUE_INPUTS
    if (true_input or settings.stabilization == "true-pose") and not hasattr(video, "true_motion"):
        what = f"input {settings.input!r}" if true_input else "stabilization 'true-pose'"
        raise InputError(f"{name} has no known true motion, which {what} needs: it exists on the benchmark alone")


def read(video: Video, starts: np.ndarray, ends: np.ndarray, settings: FeatureSettings, landmarks: np.ndarray) -> Chunk:
    """Read what the settings need of some pairs, each frame once."""
    if settings.input in TRUE_INPUTS:
        camera = video.camera
        return Chunk(video, starts, ends, camera.height, camera.width, (), (), landmarks)
    grey, depth = {}, {}
    for frame in np.union1d(starts, ends).tolist():
        grey[frame] = cv2.cvtColor(video.frames(frame, frame + 1)[0], cv2.COLOR_RGB2GRAY)
        if settings.input in DEPTH_INPUTS:
            depth[frame] = video.depth(frame, frame + 1)[0]
    images, readings = (
        tuple(np.stack([one[int(frame)] for frame in side]) for side in (starts, ends)) if one else ()
        for one in (grey, depth)
    )
    return Chunk(video, starts, ends, *images[0].shape[1:], images, readings, landmarks)


def whole_planes(chunk: Chunk, settings: FeatureSettings) -> np.ndarray:
    """Planes ``(B, 3, H, W)`` of a chunk, in pixels, strain, metres, and metres per pixel."""
    kind = settings.input.removeprefix("true-")
    if kind == "S":
        return _scene_flow(chunk, settings)
    image_flow = _optical_flow(chunk, settings)
    if kind == "D":
        change = _depth_change(image_flow, chunk, settings)
        down, right = np.gradient(change, axis=(-2, -1))
        return np.stack([change, right, down], axis=1)
    stable = _stabilize_image(image_flow, chunk, settings)
    if kind == "O":
        third = flow.strain(stable)
    elif kind == "O+S":
        third = _scene_flow(chunk, settings)[:, 2]
    elif kind == "uvz":
        third = _depth_change(image_flow, chunk, settings)
    else:  # uv0
        third = np.zeros_like(stable[:, 0])
    return np.concatenate([stable, third[:, None]], axis=1)


def _optical_flow(chunk: Chunk, settings: FeatureSettings) -> np.ndarray:
    if settings.input in TRUE_INPUTS:
        pairs = zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)
        return np.stack([chunk.video.true_motion(*pair)[0] for pair in pairs])
    return flow.optical_flow(*chunk.grey, method=settings.method)


def _scene_flow(chunk: Chunk, settings: FeatureSettings) -> np.ndarray:
    """Scene flow ``(B, 3, H, W)``, stabilised; in holes of the depth map as next to them."""
    if settings.input in TRUE_INPUTS:
        pairs = zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)
        found = [chunk.video.true_motion(*pair) for pair in pairs]
        motion, valid = np.stack([one[1] for one in found]), np.stack([one[2] for one in found])
        depth = np.stack([chunk.video.true_depth(int(frame)) for frame in chunk.starts])
        # Beyond the head nothing moves: that is no hole.
        return _stabilize_scene(motion, valid, depth, chunk, settings)
    (grey_a, grey_b), (depth_a, depth_b) = chunk.grey, chunk.depth
    motion, _, valid = flow.scene_flow(grey_a, depth_a, grey_b, depth_b, chunk.video.camera)
    stable = _stabilize_scene(motion, valid, depth_a, chunk, settings)
    return np.stack([_fill(one, known) for one, known in zip(stable, depth_a > 0, strict=True)])


def _depth_change(image_flow: np.ndarray, chunk: Chunk, settings: FeatureSettings) -> np.ndarray:
    """Change of depth ``(B, H, W)`` in metres along an image flow, the head's share removed, averaged over pixels.

    The head is found from the whole motion in space that flow and depth make together.
    """
    depth_a, depth_b = chunk.depth
    height, width = chunk.height, chunk.width
    y, x = np.mgrid[:height, :width].astype(np.float32)
    change, known = np.zeros_like(depth_a), np.zeros(depth_a.shape, bool)
    for index, (u, v) in enumerate(image_flow):
        there = x + u, y + v
        # Bilinear values beside a hole would mix readings with zeros.
        whole = cv2.remap((depth_b[index] > 0).astype(np.float32), *there, cv2.INTER_LINEAR) > 0.999
        difference = cv2.remap(depth_b[index], *there, cv2.INTER_LINEAR) - depth_a[index]
        known[index] = whole & (depth_a[index] > 0) & (np.abs(difference) < _LARGEST_CHANGE)
        change[index] = np.where(known[index], difference, 0)
    camera = chunk.video.camera
    second = depth_a + change
    motion = np.stack(
        [
            ((x + image_flow[:, 0] - camera.cx) * second - (x - camera.cx) * depth_a) / camera.fx,
            ((y + image_flow[:, 1] - camera.cy) * second - (y - camera.cy) * depth_a) / camera.fy,
            change,
        ],
        axis=1,
    )
    away = _stabilize_scene(motion, known, depth_a, chunk, settings)[:, 2]
    spread = _BLUR_128 * height / 128
    out = np.empty_like(change)
    for index, (one, readings) in enumerate(zip(away, known, strict=True)):
        if not readings.any():
            raise InputError(
                f"frames {chunk.starts[index]} and {chunk.ends[index]} of video "
                f"{chunk.video.subject}/{chunk.video.name} share no depth reading"
            )
        out[index] = cv2.GaussianBlur(_fill(one, readings), (0, 0), spread)
    return out


def _fill(planes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Planes ``(..., H, W)`` whose unknown pixels take the value of the nearest known one."""
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return planes[..., *nearest]


def _stabilize_image(motion: np.ndarray, chunk: Chunk, settings: FeatureSettings) -> np.ndarray:
    if settings.stabilization == "true-pose":
        return (motion - _true_head(chunk)[0]).astype(np.float32)
    landmarks = np.broadcast_to(chunk.landmarks, (len(motion), 68, 2))
    rest = {}
    if settings.stabilization == "rigid":
        camera = chunk.video.camera or _usual_camera(chunk.landmarks, chunk.height, chunk.width)
        shape = flow.generic_face(chunk.landmarks, camera)
        rest = {"depth": np.broadcast_to(shape, (len(motion), *shape.shape)), "camera": camera}
    return flow.stabilize(motion, settings.stabilization, landmarks=landmarks, **rest)


def _stabilize_scene(
    motion: np.ndarray, valid: np.ndarray, depth: np.ndarray, chunk: Chunk, settings: FeatureSettings
) -> np.ndarray:
    if settings.stabilization == "true-pose":
        return (motion - _true_head(chunk)[1]).astype(np.float32)
    return flow.stabilize(
        motion,
        settings.stabilization,
        face=flow.face_mask(chunk.landmarks, chunk.height, chunk.width) & valid,
        landmarks=np.broadcast_to(chunk.landmarks, (len(motion), 68, 2)),
        depth=depth,
        camera=chunk.video.camera,
    )


def _usual_camera(landmarks: np.ndarray, height: int, width: int) -> Camera:
    """A camera for a video that names none: its face is of average size and filmed from the usual distance."""
    eyes = landmarks[36:42].mean(axis=0) - landmarks[42:48].mean(axis=0)
    focal = float(np.linalg.norm(eyes)) * _USUAL_DISTANCE / _EYES_APART
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def _true_head(chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Image flow ``(B, 2, H, W)`` and scene flow ``(B, 3, H, W)`` of the head's true motion; 0 beyond the head."""
    found = []
    for start, end in zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True):
        rotation, translation = true_head_motion(chunk.video, start, end)
        found.append(flow.rigid_motion(chunk.video.true_depth(start), chunk.video.camera, rotation, translation))
    image, scene = zip(*found, strict=True)
    return np.stack(image), np.stack(scene)


def true_head_motion(video: Video, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """How the head of a video of the benchmark turns and moves between two frames.

    Parameters
    ----------
    video : melib.synthetic.dataset.SyntheticVideo
    start, end : int

    Returns
    -------
    rotation, translation : numpy.ndarray
        As :func:`melib.flow.rigid_motion` takes them: rotation vector about the camera's centre, radians, and metres,
        in camera axes.
    """
    rest, ahead = np.zeros(video.action_unit_weights(start, start + 1).shape[1]), np.zeros(2)
    # One rigid shape seen in both poses: what takes one to the other is the head's motion.
    before, after = (
        video.person.points(rest, *(side[0] for side in video.pose(frame, frame + 1)), ahead) for frame in (start, end)
    )
    centre_before, centre_after = before.mean(axis=0), after.mean(axis=0)
    turn, _ = Rotation.align_vectors(after - centre_after, before - centre_before)
    return turn.as_rotvec(), centre_after - turn.apply(centre_before)
