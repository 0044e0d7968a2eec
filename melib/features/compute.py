"""From pairs of frames to planes of motion over the whole crop, and to what a network sees of them, 42x42 pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from melib import face, flow
from melib.errors import InputError
from melib.features.settings import DEPTH_INPUTS, TRUE_INPUTS, FeatureSettings, Pairs
from melib.flow.rigid import FEWEST
from melib.provenance import choose_device
from melib.video import Camera, Video

_CHUNK, _NAMED = 32, 8  # pairs that are read together; pairs without depth that a warning names
#: Spread in pixels of a 128-pixel crop over which changes of depth are averaged, whose noise is several times what a
#: micro-expression makes. On training subjects gradients agree best with the truth at 3 to 4 pixels.
_BLUR = 4.0
#: A reading that changes by more metres belongs to another surface: a jaw that falls open moves by 0.04.
_LARGEST_CHANGE = 0.06
#: Where no camera is known, the face is taken to be filmed from so many metres, eyes so many metres apart.
_USUAL_DISTANCE, _EYES_APART = 0.6, 0.063
#: Landmarks of the eye on the left, of the one on the right, and of the mouth; points a side in a cell of the face.
_EYE_LEFT, _EYE_RIGHT, _MOUTH, _POINTS = slice(36, 42), slice(42, 48), slice(48, 68), 8


def planes(video: Video, pairs: Pairs, settings: FeatureSettings, *, device="auto", flows=None) -> Iterator[np.ndarray]:
    """The planes of frame pairs of a video, in their order, a chunk at a time.

    A pair that lacks depth does not end the run: what depth would have told is zero, and a warning names the frames.
    ValueError: the video lacks depth or true motion that the settings need (:func:`check_video`).

    Parameters
    ----------
    video : Video
        With landmarks, and with whatever the settings read.
    pairs : tuple of numpy.ndarray
        First and second frames, ``(n,)`` each.
    settings : FeatureSettings
    device : str or torch.device
        See :func:`place`; on a graphics card the planes differ from a processor's by roundings.
    flows : dict, optional
        Flows of the video by OpenCV's methods that are known: (method, first, second frame) -> ``(2, H, W)``; grows.

    Yields
    ------
    numpy.ndarray
        ``(m, 3, 42, 42)`` float32.
    """
    frames = np.stack(pairs, axis=1).astype(int)
    check_video(video, settings)
    where, landmarks = place(settings, device), video.landmarks(0, 1)[0]
    missing: list[int] = []
    for first in range(0, len(frames), _CHUNK):
        chunk = read(video, frames[first : first + _CHUNK], settings, landmarks, where, flows)
        made, lacking = (each if where is None else each.cpu().numpy() for each in network_planes(chunk))
        missing += chunk.pairs[lacking, 0].tolist()
        yield made
    if missing:
        named = f"{len(missing)} of {len(frames)} pairs share no depth of the face"
        more = ", ..." if len(missing) > _NAMED else ""
        found = f"their planes of depth are zero: first frames {str(missing[:_NAMED])[1:-1]}{more}"
        warnings.warn(f"video {video.subject}/{video.name}: {named}, and {found}", stacklevel=2)


def place(settings: FeatureSettings, device="auto"):
    """The device on which PyTorch makes planes, or None for a processor, where NumPy does.

    ``device`` is a name as :func:`melib.provenance.choose_device` takes it. OpenCV's flow, true motion and ``D`` are
    made on a processor; ``auto`` leaves all planes there whose flow is OpenCV's, so that many processes share the work.
    """
    if str(device) == "cpu" or (device == "auto" and not settings.uses_torch):
        return None
    found = choose_device(device)
    return None if found.type == "cpu" or settings.input in ("D", *TRUE_INPUTS) else found


def check_video(video: Video, settings: FeatureSettings) -> None:
    """Refuse a video that lacks what the settings read: depth, or a known true motion."""
    name = f"video {video.subject}/{video.name}"
    if settings.input in DEPTH_INPUTS and video.camera is None:
        raise InputError(f"{name} has no depth, which input {settings.input!r} needs: choose input 'O'")
    needs = [what for what in (settings.input, settings.stabilization) if what in (*TRUE_INPUTS, "true-pose")]
    if needs and not hasattr(video, "true_motion"):
        raise InputError(f"{name} has no known true motion, which {needs[0]!r} needs: it exists on the benchmark alone")


@dataclass(frozen=True)
class Chunk:
    """Pairs ``(B, 2)`` of one video, with landmarks ``(68, 2)`` and face ``(H, W)`` of its first frame."""

    video: Video
    settings: FeatureSettings
    where: object  # a device of PyTorch, or None
    pairs: np.ndarray
    landmarks: np.ndarray
    face: np.ndarray
    grey: tuple[np.ndarray, ...] = ()  # first and second frames ``(B, H, W)``, where needed
    depth: tuple[np.ndarray, ...] = ()
    flows: dict | None = None

    def put(self, array: np.ndarray):
        """An array where the planes are made."""
        return array if self.where is None else flow.tensor_of(array).to(self.where)

    def true_motion(self) -> list[np.ndarray]:
        """Image flow, scene flow and where they are known, as only the benchmark can tell."""
        found = (self.video.true_motion(*pair) for pair in self.pairs.tolist())
        return [np.stack(each) for each in zip(*found, strict=True)]


def read(video: Video, pairs: np.ndarray, settings: FeatureSettings, landmarks: np.ndarray, where, flows=None) -> Chunk:
    """Read what the settings need of some pairs, each frame once."""
    grey, depth = {}, {}
    for frame in np.unique(pairs).tolist() if settings.input not in TRUE_INPUTS else ():
        grey[frame] = cv2.cvtColor(video.frames(frame, frame + 1)[0], cv2.COLOR_RGB2GRAY)
        if settings.input in DEPTH_INPUTS:
            depth[frame] = video.depth(frame, frame + 1)[0]
    sides = [[[one[int(frame)] for frame in side] for side in pairs.T] if one else [] for one in (grey, depth)]
    images, readings = (tuple(np.stack(side) for side in both) for both in sides)
    shape = images[0].shape[1:] if images else (video.camera.height, video.camera.width)
    return Chunk(video, settings, where, pairs, landmarks, flow.face_mask(landmarks, *shape), images, readings, flows)


def network_planes(chunk: Chunk) -> tuple:
    """What a network sees of a chunk, ``(B, 3, 42, 42)``, and which pairs ``(B,)`` lack depth; where the chunk is."""
    whole, lacking = _whole_planes(chunk)
    settings, landmarks, shape = chunk.settings, chunk.landmarks, whole.shape[-2:]
    if settings.normalization == "sample":
        scaled = flow.min_max(whole)
    else:
        scaled = flow.fixed_scale(whole, settings.scales(shape[0], eyes_apart(landmarks)))
    if settings.region == "strips":
        return face.stack_strips(scaled, face.strips(landmarks, *shape)), lacking
    at, shares = (chunk.put(one) for one in face_grid(landmarks, *shape))
    cells = (scaled.reshape(*scaled.shape[:2], -1)[..., at] * shares).sum(-1)
    return cells.reshape(*cells.shape[:2], face.INPUT_SIZE, face.INPUT_SIZE), lacking


def face_grid(landmarks: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The 42 x 42 cells of a grid laid over a face: pixels, numbered row by row, and their shares, ``(1764, K)`` each.

    Along the line between the eyes from 1 distance between the eyes left of their middle to 1 right; across it from .62
    distances between that line and the mouth above the line to 1.62 below. Shares of a cell in the picture add up to 1.
    """
    left, right, mouth = (landmarks[each].mean(axis=0, dtype=float) for each in (_EYE_LEFT, _EYE_RIGHT, _MOUTH))
    middle, across = (left + right) / 2, right - left
    down = np.array([-across[1], across[0]])
    down *= (mouth - middle) @ down / max(down @ down, 1e-9)
    if not (across @ across > 1 and down @ down > 1 and down[0] * across[1] < down[1] * across[0]):
        raise InputError("the landmarks show no mouth below two eyes: choose region 'strips', or another first frame")
    # Points in rows and columns stand for a cell's area; each belongs to the pixel it lies in.
    points = (np.arange(face.INPUT_SIZE * _POINTS) + 0.5) / (face.INPUT_SIZE * _POINTS)
    along, beneath = 2 * points - 1, (2.24 * points - 0.62)[:, None]
    x, y = (np.rint(middle[axis] + across[axis] * along + down[axis] * beneath).astype(int) for axis in (0, 1))
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    cell = (np.arange(len(points)) // _POINTS)[:, None] * face.INPUT_SIZE + np.arange(len(points)) // _POINTS
    numbered, counts = np.unique(cell[inside] * (height * width) + (y * width + x)[inside], return_counts=True)
    cells, pixels = np.divmod(numbered, height * width)
    slots = np.arange(len(cells)) - np.searchsorted(cells, cells)
    at, shares = (np.zeros((face.INPUT_SIZE**2, slots.max() + 1), kind) for kind in (np.int64, np.float32))
    at[cells, slots], shares[cells, slots] = pixels, counts / _POINTS**2
    return at, shares


def _whole_planes(chunk: Chunk) -> tuple:
    """Planes ``(B, 3, H, W)`` in pixels, strain, metres, and metres per pixel; and which pairs ``(B,)`` lack depth."""
    kind, method = chunk.settings.input.removeprefix("true-"), chunk.settings.method
    if kind == "S":
        return _scene_flow(chunk)
    if chunk.settings.input in TRUE_INPUTS:
        image_flow = chunk.true_motion()[0]
    elif method == "tvl1":
        image_flow = flow.optical_flow(*map(chunk.put, chunk.grey), method=method)
    else:
        known, names = {} if chunk.flows is None else chunk.flows, [(method, *pair) for pair in chunk.pairs.tolist()]
        new = [index for index, name in enumerate(names) if name not in known]
        found = flow.optical_flow(*(side[new] for side in chunk.grey), method=method) if new else ()
        known |= {names[index]: each for index, each in zip(new, found, strict=True)}
        image_flow = chunk.put(np.stack([known[name] for name in names]))
    if kind == "D":
        change, lacking = _depth_change(image_flow, chunk)
        down, right = np.gradient(change, axis=(-2, -1))
        return np.stack([change, right, down], axis=1), lacking
    stable = _without_head(image_flow, chunk)
    if kind == "O":
        third, lacking = flow.strain(stable)[:, None], chunk.put(np.zeros(len(stable), bool))
    else:
        scene, lacking = _scene_flow(chunk)
        third = scene[:, 2:]
    return flow.library_of(stable).concatenate([stable, third], axis=1), lacking


def _scene_flow(chunk: Chunk) -> tuple:
    """Scene flow ``(B, 3, H, W)``, stabilised; in holes of the depth map as next to them."""
    if chunk.settings.input in TRUE_INPUTS:
        _, motion, valid = chunk.true_motion()
        depth = np.stack([chunk.video.true_depth(int(frame)) for frame in chunk.pairs[:, 0]])
        # Beyond the head nothing moves: that is no hole.
        return _without_head(motion, chunk, valid, depth), np.zeros(len(motion), bool)
    if not all(one.any() for one in chunk.depth):
        nothing = np.zeros((len(chunk.pairs), 3, *chunk.face.shape), np.float32), np.ones(len(chunk.pairs), bool)
        return tuple(map(chunk.put, nothing))
    (grey_a, grey_b), (depth_a, depth_b) = (map(chunk.put, both) for both in (chunk.grey, chunk.depth))
    motion, _, valid = flow.scene_flow(grey_a, depth_a, grey_b, depth_b, chunk.video.camera)
    stable, lacking = _where_known(motion, valid, chunk)
    return flow.fill_nearest(stable, (depth_a > 0) | lacking[:, None, None]), lacking


def _depth_change(image_flow: np.ndarray, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
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
    filled = flow.fill_nearest(stable[:, 2:], known | lacking[:, None, None])[:, 0]
    return np.stack([cv2.GaussianBlur(one, (0, 0), _BLUR * len(y) / 128) for one in filled]), lacking


def _where_known(motion, known, chunk: Chunk) -> tuple:
    """Scene flow stabilised; and the pairs of whose face too little is known to find the head: these do not move."""
    library, depth, inside = flow.library_of(motion), chunk.put(chunk.depth[0]), chunk.put(chunk.face)
    lacking = (known & inside).sum((1, 2)) < FEWEST
    all_of_it = lacking[:, None, None]
    depth = library.where(all_of_it, library.ones_like(depth), depth)
    stable = _without_head(motion, chunk, known | all_of_it, depth)
    return library.where(all_of_it[:, None], library.zeros_like(stable), stable), lacking


def _without_head(motion, chunk: Chunk, known=None, depth=None):
    """Image flow ``(B, 2, H, W)``, or scene flow ``(B, 3, H, W)`` and where it is known, without the head's motion."""
    mode, camera = chunk.settings.stabilization, chunk.video.camera
    if mode == "true-pose":
        video, found = chunk.video, []
        for start, end in chunk.pairs.tolist():
            head = flow.rigid_motion(video.true_depth(start), camera, *video.head_motion(start, end))
            found.append(head[motion.shape[1] - 2].astype(np.float32))  # image flow, or scene flow
        return motion - chunk.put(np.stack(found))
    if mode == "rigid" and depth is None:
        # Image flow stays made of colour alone: the head is a generic one, filmed as usual where no camera is known.
        (height, width), focal = chunk.face.shape, eyes_apart(chunk.landmarks) * _USUAL_DISTANCE / _EYES_APART
        camera = camera or Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)
        depth = chunk.put(np.repeat(flow.generic_face(chunk.landmarks, camera)[None], len(motion), axis=0))
    inside = chunk.put(np.repeat(chunk.face[None], len(motion), axis=0))
    inside = inside if known is None else inside & known
    landmarks = np.repeat(chunk.landmarks[None], len(motion), axis=0)
    return flow.stabilize(motion, mode, face=inside, landmarks=landmarks, depth=depth, camera=camera)


def eyes_apart(landmarks: np.ndarray) -> float:
    """Pixels between the centres of the eyes."""
    return float(np.linalg.norm(landmarks[_EYE_LEFT].mean(axis=0) - landmarks[_EYE_RIGHT].mean(axis=0)))
