"""From pairs of frames to planes of 42x42 pixels, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from melib import face, flow
from melib.errors import InputError
from melib.features.motion import Chunk, check_video, read, whole_planes
from melib.features.pairs import Pairs
from melib.features.settings import FeatureSettings
from melib.video import Video

#: Side of the crop, in pixels, to which the fixed scales refer.
_REFERENCE_SIDE = 128
_CHUNK = 32


def planes(
    video: Video, pairs: Pairs, settings: FeatureSettings, *, other: tuple[Video, Pairs] | None = None
) -> Iterator[np.ndarray]:
    """Compute the planes of pairs, a chunk at a time.

    Parameters
    ----------
    video : Video
    pairs : tuple of (n,) arrays
        First and second frame of each pair.
    settings : FeatureSettings
    other : tuple of Video and pairs, optional
        For input ``uvz-other``: as many pairs, whose third plane is taken (:func:`melib.features.other_sample`).

    Yields
    ------
    numpy.ndarray
        ``(m, 3, 42, 42)`` float32, in the order of the pairs.

    Raises
    ------
    LookupError
        If the video has no depth, or no known true motion, and the settings need it.
    ValueError
        If input ``uvz-other`` has no other pairs, or not as many.
    """
    if settings.input != "uvz-other":
        yield from _planes(video, pairs, settings)
        return
    if other is None or len(other[1][0]) != len(pairs[0]):
        raise InputError(f"input 'uvz-other' needs another pair for each of {len(pairs[0])} pairs: pass other=")
    donor, others = other
    own_planes = _planes(video, pairs, replace(settings, input="uv0"))
    foreign_planes = _planes(donor, others, replace(settings, input="uvz"))
    for own, foreign in zip(own_planes, foreign_planes, strict=True):
        own[:, 2] = foreign[:, 2]
        yield own


def _planes(video: Video, pairs: Pairs, settings: FeatureSettings) -> Iterator[np.ndarray]:
    starts, ends = (np.asarray(side, dtype=int) for side in pairs)
    if len(starts) == 0:
        return
    check_video(video, settings)
    landmarks = video.landmarks(0, 1)[0]
    for first in range(0, len(starts), _CHUNK):
        part = slice(first, first + _CHUNK)
        chunk = read(video, starts[part], ends[part], settings, landmarks)
        yield _resized(_normalize(whole_planes(chunk, settings), settings), chunk, settings.region)


def _normalize(whole: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    if settings.normalization == "sample":
        return flow.min_max(whole)
    enlarged = whole.shape[-2] / _REFERENCE_SIDE
    return flow.fixed_scale(whole, tuple(constant * enlarged**power for constant, power in settings.scales))


def _resized(whole: np.ndarray, chunk: Chunk, region: str) -> np.ndarray:
    if region == "strips":
        regions = face.strips(chunk.landmarks, chunk.height, chunk.width)
        return np.stack([face.stack_strips(sample, regions) for sample in whole])
    side = (face.INPUT_SIZE, face.INPUT_SIZE)
    out = np.empty((*whole.shape[:2], *side), np.float32)
    for target, plane in zip(out.reshape(-1, *side), whole.reshape(-1, *whole.shape[2:]), strict=True):
        # Averages over areas: every pixel of the crop counts, and noise finer than a pixel of the result is lost.
        target[:] = cv2.resize(plane.astype(np.float32), side, interpolation=cv2.INTER_AREA)
    return out
