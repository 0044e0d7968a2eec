"""From a video to network inputs: planes of motion between two frames, cut to the brow and mouth strips.

A *pair* is two frames ``(start, end)`` of one video. For spotting, pairs lie a fixed time apart; for recognition, a
pair goes from the onset of an expression to its apex. Each pair becomes three planes of 42x42 pixels. Planes are
computed in small chunks of frames, so memory does not grow with the length of a video, and kept in a store on disk
whose file names hash everything that the numbers depend on.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from melib import face, flow, provenance
from melib.video import Dataset, Expression, Video

#: Side of the crop, in pixels, to which the fixed scales refer.
_REFERENCE_SIDE = 128
#: Fixed scale of the flow planes: a micro-expression moves the face by about one pixel of a 128-pixel crop.
FLOW_SCALE_PX = 1.0
#: Fixed scale of the strain plane (pixel per pixel): one pixel of motion that fades over ten.
STRAIN_SCALE = 0.1
_CHUNK = 32

INPUTS = ("O",)
NORMALIZATIONS = ("sample", "fixed")
_CODE = ("video", "flow", "face", "synthetic", "features")


@dataclass(frozen=True)
class FeatureSettings:
    """How motion becomes planes.

    Parameters
    ----------
    input : {"O"}
        ``O``: optical flow right, optical flow down, optical strain (the input of MEAN).
    method : {"tvl1", "dis", "farneback"}
        Flow estimator, see :func:`melib.flow.optical_flow`.
    stabilization : str
        How head motion is removed from the flow, see :func:`melib.flow.stabilize`; ``"none"`` is the authors' way.
    normalization : {"sample", "fixed"}
        ``sample``: each plane of each pair min-max scaled to [0, 1] over the whole crop, as in the released MEAN
        code; a still pair then looks as strong as an expression. ``fixed``: flow in units of
        :data:`FLOW_SCALE_PX`, strain in units of :data:`STRAIN_SCALE`, clipped by :func:`melib.flow.fixed_scale`.

    Raises
    ------
    ValueError
        If a setting is not one of the choices.
    """

    input: str = "O"
    method: str = "dis"
    stabilization: str = "median"
    normalization: str = "fixed"

    def __post_init__(self) -> None:
        choices = {
            "input": INPUTS,
            "method": flow.METHODS,
            "stabilization": flow.MODES,
            "normalization": NORMALIZATIONS,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}: use one of {', '.join(allowed)}")


Pairs = tuple[np.ndarray, np.ndarray]


def gap_frames(fps: float, gap_s: float) -> int:
    """Frames between the two members of a spotting pair; at least one.

    The papers use 0.1 s at 200 fps; at 30 fps that is 3 frames.
    """
    if not (fps > 0 and gap_s > 0):
        raise ValueError(f"frame rate and gap must be positive, got {fps} fps and {gap_s} s")
    return max(1, round(fps * gap_s))


def spotting_pairs(video: Video, *, gap_s: float, stride: int = 1) -> Pairs:
    """Pairs ``(i, i + k)`` at every ``stride``-th frame, with k = ``gap_s`` seconds.

    Raises
    ------
    ValueError
        If the video is too short to hold one pair.
    """
    gap = gap_frames(video.fps, gap_s)
    starts = np.arange(0, video.n_frames - gap, stride)
    if len(starts) == 0:
        raise ValueError(f"video {video.subject}/{video.name} has {video.n_frames} frames: too few for a gap of {gap}")
    return starts, starts + gap


def expression_pairs(expressions: Iterable[Expression]) -> Pairs:
    """Pairs (onset, apex) of expressions.

    Raises
    ------
    ValueError
        If an expression has no apex.
    """
    expressions = tuple(expressions)
    for expression in expressions:
        if expression.apex is None:
            raise ValueError(f"the expression at frame {expression.onset} has no apex: onset-apex pairs need one")
    starts = np.array([e.onset for e in expressions], dtype=int)
    ends = np.array([e.apex for e in expressions], dtype=int)
    return starts, ends


def planes(video: Video, pairs: Pairs, settings: FeatureSettings) -> Iterator[np.ndarray]:
    """Compute the planes of pairs, a chunk at a time.

    Parameters
    ----------
    video : Video
    pairs : tuple of (n,) arrays
        First and second frame of each pair.
    settings : FeatureSettings

    Yields
    ------
    numpy.ndarray
        ``(m, 3, 42, 42)`` float32, in the order of the pairs.
    """
    starts, ends = (np.asarray(side, dtype=int) for side in pairs)
    if len(starts) == 0:
        return
    landmarks = video.landmarks(0, 1)[0]
    for first in range(0, len(starts), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        grey = {int(i): _grey(video, int(i)) for i in np.union1d(starts[chunk], ends[chunk])}
        a = np.stack([grey[int(i)] for i in starts[chunk]])
        b = np.stack([grey[int(i)] for i in ends[chunk]])
        height, width = a.shape[1:]
        motion = flow.optical_flow(a, b, method=settings.method)
        motion = flow.stabilize(motion, settings.stabilization, landmarks=np.broadcast_to(landmarks, (len(a), 68, 2)))
        whole = np.concatenate([motion, flow.strain(motion)[:, None]], axis=1)
        whole = _normalize(whole, settings.normalization)
        regions = face.strips(landmarks, height, width)
        yield np.stack([face.stack_strips(sample, regions) for sample in whole])


def _grey(video: Video, frame: int) -> np.ndarray:
    return cv2.cvtColor(video.frames(frame, frame + 1)[0], cv2.COLOR_RGB2GRAY)


def _normalize(whole: np.ndarray, normalization: str) -> np.ndarray:
    if normalization == "sample":
        return flow.min_max(whole)
    pixel = FLOW_SCALE_PX * whole.shape[-2] / _REFERENCE_SIDE
    return flow.fixed_scale(whole, (pixel, pixel, STRAIN_SCALE))


def stored_planes(
    store: Path | str, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings
) -> np.ndarray:
    """Planes of pairs from the store, computed and stored first where they are missing.

    Parameters
    ----------
    store : path
        Folder of the store; made if missing. A file is written under a temporary name and moved, so that a reader
        never sees half of one and a killed writer leaves nothing that would be taken for whole.
    dataset, video, pairs, settings
        What to compute; together with the code's hash they make the file's name.

    Returns
    -------
    numpy.ndarray
        ``(n, 3, 42, 42)`` float32, mapped from disk and read-only.

    Raises
    ------
    ValueError
        If the stored file is damaged.
    """
    starts, ends = (np.asarray(side, dtype=int) for side in pairs)
    if len(starts) == 0:
        return np.empty((0, 3, face.INPUT_SIZE, face.INPUT_SIZE), dtype=np.float32)
    folder = Path(store)
    path = folder / f"{_key(dataset, video, (starts, ends), settings)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, len(starts), planes(video, (starts, ends), settings))
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"stored features {path} are damaged ({error}): delete the file and run again") from error
    if found.shape != (len(starts), 3, face.INPUT_SIZE, face.INPUT_SIZE):
        raise ValueError(f"stored features {path} have shape {found.shape}: delete the file and run again")
    return found


def _write(path: Path, count: int, chunks: Iterator[np.ndarray]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem[:16], suffix=".part")
    os.close(handle)
    try:
        shape = (count, 3, face.INPUT_SIZE, face.INPUT_SIZE)
        target = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
        position = 0
        for chunk in chunks:
            target[position : position + len(chunk)] = chunk
            position += len(chunk)
        target.flush()
        del target
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _key(dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings) -> str:
    described = {
        "dataset": [dataset.name, dataset.version],
        "video": [video.subject, video.name, video.n_frames, float(video.fps)],
        "pairs": hashlib.sha256(np.stack(pairs).astype("<i8").tobytes()).hexdigest(),
        "settings": asdict(settings),
        "code": provenance.code_hash(*_CODE),
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:40]


def fill_store(
    store: Path | str,
    dataset: Dataset,
    requests: Sequence[tuple[Video, Pairs]],
    settings: FeatureSettings,
    *,
    jobs: int = 1,
    progress: bool = False,
) -> None:
    """Compute what the store lacks, videos in parallel.

    Parameters
    ----------
    requests : sequence of (Video, pairs)
        One file each.
    jobs : int
        Processes; each uses one thread, so the result does not depend on their number.
    progress : bool
        Show a bar on stderr (for the command line; notebooks stay quiet).
    """
    tasks = (delayed(_fill_one)(store, dataset, video, pairs, settings) for video, pairs in requests)
    done = Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)
    for _ in tqdm(done, total=len(requests), unit="video", disable=not progress):
        pass


def _fill_one(store: Path | str, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings) -> None:
    cv2.setNumThreads(1)
    stored_planes(store, dataset, video, pairs, settings)
