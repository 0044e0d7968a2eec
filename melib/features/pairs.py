"""Which two frames are compared: rules for spotting and recognition, and the partner of a controlled contrast."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from melib.errors import InputError
from melib.video import Dataset, Expression, Video

Pairs = tuple[np.ndarray, np.ndarray]


def gap_frames(fps: float, gap_s: float) -> int:
    """Frames between the two members of a spotting pair; at least one.

    The papers use 0.1 s at 200 fps; at 30 fps that is 3 frames.
    """
    if not (fps > 0 and gap_s > 0):
        raise InputError(f"frame rate and gap must be positive, got {fps} fps and {gap_s} s")
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
        raise InputError(f"video {video.subject}/{video.name} has {video.n_frames} frames: too few for a gap of {gap}")
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
            raise InputError(f"the expression at frame {expression.onset} has no apex: onset-apex pairs need one")
    starts = np.array([e.onset for e in expressions], dtype=int)
    ends = np.array([e.apex for e in expressions], dtype=int)
    return starts, ends


def other_sample(dataset: Dataset, video: Video, pairs: Pairs) -> tuple[Video, Pairs]:
    """For each pair of a video a pair of the same sort elsewhere, whose depth shares nothing with it.

    The other video is one of another subject; where the dataset has none that fits, another one of the same subject,
    and failing that the video itself. If all pairs are onset and apex of expressions, so are the others, unless no
    other video has an expression of that kind; otherwise the others are as far apart as the pairs and lie elsewhere in
    the video. The choice follows from names and frames alone, the same on every machine.

    Parameters
    ----------
    dataset : Dataset
        Where to look.
    video : Video
        It need not belong to the dataset.
    pairs : tuple of (n,) arrays
        Its pairs, at least one.

    Returns
    -------
    other : Video
    others : tuple of (n,) arrays
        A pair may occur more than once.

    Raises
    ------
    ValueError
        If no video has room for another pair.
    """
    starts, ends = (np.asarray(side, dtype=int) for side in pairs)
    rng = _stream(dataset, video, starts, ends)
    kinds = _kinds(video, starts, ends)
    length = ends - starts
    strangers = [v for v in dataset.videos if v.subject != video.subject]
    own = [v for v in dataset.videos if v.subject == video.subject and v.name != video.name]
    for candidates in (strangers, own):
        expressive = [(v, e) for v in candidates if (e := _with_apex(v, kinds))]
        if expressive:
            other, expressions = expressive[rng.integers(len(expressive))]
            # From a random place on, all in turn: none serves twice before each has served once.
            turn = (np.arange(len(starts)) + rng.integers(len(expressions))) % len(expressions)
            return other, expression_pairs([expressions[index] for index in turn])
    for candidates, least_room in ((strangers, 1), (own, 1), ([video], 2)):
        long = [v for v in candidates if v.n_frames - length.max() >= least_room]
        if long:
            other = long[rng.integers(len(long))]
            # Moved round by part of the room that a pair of this length has: in the same video none meets itself.
            room = other.n_frames - length
            moved = (starts + np.maximum(1, room * rng.uniform(0.3, 0.7)).astype(int)) % room
            return other, (moved, moved + length)
    raise InputError(f"video {video.subject}/{video.name} has no room for another pair: add videos to the dataset")


def _stream(dataset: Dataset, video: Video, starts: np.ndarray, ends: np.ndarray) -> np.random.Generator:
    names = f"{dataset.name}\0{video.subject}\0{video.name}\0".encode()
    digest = hashlib.sha256(names + np.stack([starts, ends]).astype("<i8").tobytes()).digest()
    return np.random.default_rng(list(digest))


def _kinds(video: Video, starts: np.ndarray, ends: np.ndarray) -> set[str]:
    """Kinds of the expressions that the pairs are; none if one of the pairs is no expression."""
    known = {(e.onset, e.apex): e.kind for e in video.expressions}
    found = {known.get(pair, "") for pair in zip(starts.tolist(), ends.tolist(), strict=True)}
    return set() if "" in found else found


def _with_apex(video: Video, kinds: set[str]) -> list[Expression]:
    return [e for e in video.expressions if e.kind in kinds and e.apex is not None]
