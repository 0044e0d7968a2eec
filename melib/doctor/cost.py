"""How long the features of a dataset take here, and how much room: a few pairs are measured, the rest multiplied."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from melib import face, features
from melib.errors import InputError
from melib.video import Video

#: Pairs that are timed, in a row as a study reads them.
_TIMED = 24
#: Seconds between the frames of a spotting pair, as in the papers and by default on filmed faces.
GAP_S = 0.1
#: As a study of filmed faces computes by default.
SETTINGS = features.FeatureSettings(input="O", method="tvl1")
#: Bytes on disk of one pair: three planes of float32.
BYTES_PER_PAIR = 3 * face.INPUT_SIZE**2 * 4


class _Middle:
    """Takes the parts of a face to lie where they usually do in its box: near enough for a time, for nothing else."""

    name = "middle"

    def detect(self, rgb: np.ndarray) -> list[face.Face]:
        return []

    def landmarks(self, rgb: np.ndarray, box: face.Box) -> np.ndarray:
        x, y = np.full(68, 0.5), np.full(68, 0.5)
        x[[17, 26, 60, 64]] = 0.15, 0.85, 0.3, 0.7
        y[17:27], y[36:48], y[48:] = 0.25, 0.4, 0.75
        return np.stack([box.left + x * box.width, box.top + y * box.height], axis=1).astype(np.float32)


def count_pairs(videos: Iterable[Video]) -> int:
    """Pairs that a study looks at: every frame with the one 0.1 s later, and each micro-expression's onset and apex."""
    count = 0
    for video in videos:
        count += max(0, video.n_frames - features.gap_frames(video.fps, GAP_S))
        count += sum(expression.kind == "micro" for expression in video.expressions)
    return count


def seconds_per_pair(video: Video) -> float:
    """Seconds that one process and one thread take for a pair of a video: reading, crop of 128 pixels, flow, planes.

    Raises
    ------
    ValueError, LookupError
        If the video is too short or too small to tell.
    """
    # PyTorch takes seconds to import, and is needed only here.
    import cv2
    import torch

    gap = features.gap_frames(video.fps, GAP_S)
    count = min(_TIMED, video.n_frames - gap)
    if count < 1:
        raise InputError(f"video {video.subject}/{video.name} has {video.n_frames} frames, too few to time a pair")
    width, height = video.size
    cropped = face.crop(video, detector=_Middle(), box=(0, 0, width, height))
    starts = np.arange(count) + (video.n_frames - gap - count) // 2
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        for _ in features.planes(cropped, (starts[:2], starts[:2] + gap), SETTINGS):
            pass  # what only the first call does is not to be timed
        begun = time.perf_counter()
        for _ in features.planes(cropped, (starts, starts + gap), SETTINGS):
            pass
        return (time.perf_counter() - begun) / count
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])


def free_bytes(folder: Path) -> int:
    """Free room on the disk of a folder that need not exist yet."""
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
