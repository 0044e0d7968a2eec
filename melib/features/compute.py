"""From pairs of frames to planes of motion over the whole crop, and to what a network sees of them, 42x42 pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from melib import face, flow
from melib.errors import InputError
from melib.features.settings import DEPTH_INPUTS, TRUE_INPUTS, FeatureSettings, Pairs
from melib.flow.rigid import FEWEST
from melib.video import Camera, Video

#: Pairs that are read together, and pairs without depth that a warning names.
_CHUNK, _NAMED = 32, 8
#: Spread in pixels of a 128-pixel crop over which changes of depth are averaged, whose noise is several times what a
#: micro-expression makes. On training subjects gradients agree best with the truth at 3 to 4 pixels.
_BLUR = 4.0
#: A reading that changes by more metres belongs to another surface: a jaw that falls open moves by 0.04.
_LARGEST_CHANGE = 0.06
#: Where no camera is known, the face is taken to be filmed from so many metres, eyes so many metres apart.
_USUAL_DISTANCE, _EYES_APART = 0.6, 0.063


def planes(video: Video, pairs: Pairs, settings: FeatureSettings) -> Iterator[np.ndarray]:
    """Planes ``(m, 3, 42, 42)`` float32 of pairs, in their order, a chunk at a time.

    A pair that lacks depth does not end the run: what depth would have told is zero, and a warning names the frames.
    """
    frames = np.stack(pairs, axis=1).astype(int)
    if len(frames) == 0:
        return
    check_video(video, settings)
    landmarks = video.landmarks(0, 1)[0]
    missing: list[str] = []
    for first in range(0, len(frames), _CHUNK):
        chunk = _read(video, frames[first : first + _CHUNK], settings, landmarks)
        whole, lacking = _whole_planes(chunk)
        missing += [f"{start} and {end}" for start, end in chunk.pairs[lacking]]
        by_sample = settings.normalization == "sample"
        scaled = flow.min_max(whole) if by_sample else flow.fixed_scale(whole, settings.scales(whole.shape[-2]))
        strips = face.strips(landmarks, *chunk.face.shape)
        yield np.stack([face.stack_strips(sample, strips) for sample in scaled])
    if missing:
        named = "; ".join(missing[:_NAMED]) + ("; ..." if len(missing) > _NAMED else "")
        warnings.warn(
            f"video {video.subject}/{video.name}: {len(missing)} of {len(frames)} pairs share no depth of the face, "
            f"and their planes of depth are zero: frames {named}",
            stacklevel=2,
        )


def check_video(video: Video, settings: FeatureSettings) -> None:
    """Refuse a video that lacks what the settings read: depth, or a known true motion."""
    name = f"video {video.subject}/{video.name}"
    if settings.input in DEPTH_INPUTS and video.camera is None:
        raise InputError(f"{name} has no depth, which input {settings.input!r} needs: choose input 'O'")
    needs = [what for what in (settings.input, settings.stabilization) if what in (*TRUE_INPUTS, "true-pose")]
    if needs and not hasattr(video, "true_motion"):
        raise InputError(f"{name} has no known true motion, which {needs[0]!r} needs: it exists on the benchmark alone")


@dataclass(frozen=True)
class _Chunk:
    """Pairs ``(B, 2)`` of one video: grey images and depth ``(B, H, W)`` of first and second frames, where needed.

    Landmarks ``(68, 2)`` and face ``(H, W)`` are those of the video's first frame.
    """

    video: Video
    settings: FeatureSettings
    pairs: np.ndarray
    landmarks: np.ndarray
    face: np.ndarray
    grey: tuple[np.ndarray, ...] = ()
    depth: tuple[np.ndarray, ...] = ()

    def true_motion(self) -> list[np.ndarray]:
        """Image flow, scene flow and where they are known, as only the benchmark can tell."""
        found = (self.video.true_motion(*pair) for pair in self.pairs.tolist())
        return [np.stack(each) for each in zip(*found, strict=True)]


def _read(video: Video, pairs: np.ndarray, settings: FeatureSettings, landmarks: np.ndarray) -> _Chunk:
    """Read what the settings need of some pairs, each frame once."""
    grey, depth = {}, {}
    for frame in np.unique(pairs).tolist() if settings.input not in TRUE_INPUTS else ():
        grey[frame] = cv2.cvtColor(video.frames(frame, frame + 1)[0], cv2.COLOR_RGB2GRAY)
        if settings.input in DEPTH_INPUTS:
            depth[frame] = video.depth(frame, frame + 1)[0]
    sides = [[[one[int(frame)] for frame in side] for side in pairs.T] if one else [] for one in (grey, depth)]
    images, readings = (tuple(np.stack(side) for side in both) for both in sides)
    shape = images[0].shape[1:] if images else (video.camera.height, video.camera.width)
    return _Chunk(video, settings, pairs, landmarks, flow.face_mask(landmarks, *shape), images, readings)


def _whole_planes(chunk: _Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Planes ``(B, 3, H, W)`` in pixels, strain, metres, and metres per pixel; and which pairs ``(B,)`` lack depth."""
    kind, true = chunk.settings.input.removeprefix("true-"), chunk.settings.input in TRUE_INPUTS
    if kind == "S":
        return _scene_flow(chunk)
    image_flow = chunk.true_motion()[0] if true else flow.optical_flow(*chunk.grey, method=chunk.settings.method)
    if kind == "D":
        change, lacking = _depth_change(image_flow, chunk)
        down, right = np.gradient(change, axis=(-2, -1))
        return np.stack([change, right, down], axis=1), lacking
    stable = _without_head(image_flow, chunk)
    if kind == "O":
        third, lacking = flow.strain(stable), np.zeros(len(stable), bool)
    else:
        scene, lacking = _scene_flow(chunk)
        third = scene[:, 2]
    return np.concatenate([stable, third[:, None]], axis=1), lacking


def _scene_flow(chunk: _Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Scene flow ``(B, 3, H, W)``, stabilised; in holes of the depth map as next to them."""
    if chunk.settings.input in TRUE_INPUTS:
        _, motion, valid = chunk.true_motion()
        depth = np.stack([chunk.video.true_depth(int(frame)) for frame in chunk.pairs[:, 0]])
        # Beyond the head nothing moves: that is no hole.
        return _without_head(motion, chunk, valid, depth), np.zeros(len(motion), bool)
    (grey_a, grey_b), (depth_a, depth_b) = chunk.grey, chunk.depth
    if not (depth_a.any() and depth_b.any()):
        return np.zeros((len(grey_a), 3, *grey_a.shape[1:]), np.float32), np.ones(len(grey_a), bool)
    motion, _, valid = flow.scene_flow(grey_a, depth_a, grey_b, depth_b, chunk.video.camera)
    stable, lacking = _where_known(motion, valid, chunk)
    for index in np.flatnonzero(~lacking):
        stable[index] = _fill(stable[index], depth_a[index] > 0)
    return stable, lacking


def _depth_change(image_flow: np.ndarray, chunk: _Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Change of depth ``(B, H, W)`` in metres along an image flow, the head's share removed, averaged over pixels."""
    depth_a, depth_b = chunk.depth
    y, x = np.mgrid[: depth_a.shape[1], : depth_a.shape[2]].astype(np.float32)
    change, known = np.zeros_like(depth_a), np.zeros(depth_a.shape, bool)
    for index, (u, v) in enumerate(image_flow):
        there = x + u, y + v
        # Bilinear values beside a hole would mix readings with zeros.
        whole = cv2.remap((depth_b[index] > 0).astype(np.float32), *there, cv2.INTER_LINEAR) > 0.999
        difference = cv2.remap(depth_b[index], *there, cv2.INTER_LINEAR) - depth_a[index]
        known[index] = whole & (depth_a[index] > 0) & (np.abs(difference) < _LARGEST_CHANGE)
        change[index] = np.where(known[index], difference, 0)
    # The head is found from the whole motion in space that flow and depth make together.
    camera, second = chunk.video.camera, depth_a + change
    right = ((x + image_flow[:, 0] - camera.cx) * second - (x - camera.cx) * depth_a) / camera.fx
    down = ((y + image_flow[:, 1] - camera.cy) * second - (y - camera.cy) * depth_a) / camera.fy
    stable, lacking = _where_known(np.stack([right, down, change], axis=1), known, chunk)
    out, spread = np.zeros_like(change), _BLUR * len(y) / 128
    for index in np.flatnonzero(~lacking):
        out[index] = cv2.GaussianBlur(_fill(stable[index, 2], known[index]), (0, 0), spread)
    return out, lacking


def _where_known(motion: np.ndarray, known: np.ndarray, chunk: _Chunk) -> tuple[np.ndarray, np.ndarray]:
    """Scene flow stabilised; and the pairs of whose face too little is known to find the head: these do not move."""
    lacking = (known & chunk.face).sum(axis=(1, 2)) < FEWEST
    stable, some = np.zeros_like(motion), ~lacking
    if some.any():
        part = replace(chunk, pairs=chunk.pairs[some])
        stable[some] = _without_head(motion[some], part, known[some], chunk.depth[0][some])
    return stable, lacking


def _fill(motion: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Planes ``(..., H, W)`` whose unknown pixels take the value of the nearest known one."""
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return motion[..., *nearest]


def _without_head(motion: np.ndarray, chunk: _Chunk, known=True, depth: np.ndarray | None = None) -> np.ndarray:
    """Image flow ``(B, 2, H, W)``, or scene flow ``(B, 3, H, W)`` and where it is known, without the head's motion."""
    mode, landmarks, camera, maps = chunk.settings.stabilization, chunk.landmarks, chunk.video.camera, len(motion)
    if mode == "true-pose":
        return (motion - _true_head(chunk)[motion.shape[1] - 2]).astype(np.float32)
    if mode == "rigid" and depth is None:
        # Image flow stays made of colour alone: the head is a generic one.
        camera = camera or _usual_camera(landmarks, *chunk.face.shape)
        depth = np.broadcast_to(flow.generic_face(landmarks, camera), (maps, *chunk.face.shape))
    inside = np.broadcast_to(chunk.face & known, (maps, *chunk.face.shape))
    landmarks = np.broadcast_to(landmarks, (maps, 68, 2))
    return flow.stabilize(motion, mode, face=inside, landmarks=landmarks, depth=depth, camera=camera)


def _usual_camera(landmarks: np.ndarray, height: int, width: int) -> Camera:
    """A camera for a video that names none: its face is of average size and filmed from the usual distance."""
    eyes = landmarks[36:42].mean(axis=0) - landmarks[42:48].mean(axis=0)
    focal = float(np.linalg.norm(eyes)) * _USUAL_DISTANCE / _EYES_APART
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def _true_head(chunk: _Chunk) -> list[np.ndarray]:
    """Image flow ``(B, 2, H, W)`` and scene flow ``(B, 3, H, W)`` of the head's true motion; 0 beyond the head."""
    video = chunk.video
    found = (
        flow.rigid_motion(video.true_depth(start), video.camera, *true_head_motion(video, start, end))
        for start, end in chunk.pairs.tolist()
    )
    return [np.stack(each) for each in zip(*found, strict=True)]


def true_head_motion(video: Video, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation vector and translation of a rendered head between two frames, as for :func:`melib.flow.rigid_motion`."""
    rest, ahead = np.zeros(video.action_unit_weights(start, start + 1).shape[1]), np.zeros(2)
    # One rigid shape seen in both poses: what takes one to the other is the head's motion.
    before, after = (
        video.person.points(rest, *(side[0] for side in video.pose(frame, frame + 1)), ahead) for frame in (start, end)
    )
    centre_before, centre_after = before.mean(axis=0), after.mean(axis=0)
    turn, _ = Rotation.align_vectors(after - centre_after, before - centre_before)
    return turn.as_rotvec(), centre_after - turn.apply(centre_before)
