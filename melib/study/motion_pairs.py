"""Micro-expression pairs of the benchmark with their true motion: what the errors of flow are measured on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from melib.errors import InputError
from melib.synthetic.dataset import SyntheticVideo, open_benchmark
from melib.video import Camera

#: Frames before the onset and after the apex that averages over time may use.
BEFORE, AFTER = 10, 3


@dataclass(frozen=True)
class Pair:
    """Onset and apex of one micro-expression.

    Attributes
    ----------
    video : SyntheticVideo
    onset, apex : int
    gray : numpy.ndarray
        ``(2, H, W)`` uint8, onset and apex.
    depth : numpy.ndarray
        ``(2, H, W)`` float32 metres, as the sensor reads it.
    flow, scene_flow : numpy.ndarray
        The true motion, ``(2, H, W)`` pixels and ``(3, H, W)`` metres.
    own_flow, own_scene_flow : numpy.ndarray
        The part of it that the expression alone makes; what a perfect stabilisation would leave.
    face : numpy.ndarray
        ``(H, W)`` bool: the head, away from its outline, seen in both frames and with depth.
    moving : numpy.ndarray
        ``(H, W)`` bool: where the expression alone moves the face by more than 0.4 pixels.
    camera : Camera
    landmarks : numpy.ndarray
        ``(68, 2)`` pixels at the onset.
    """

    video: SyntheticVideo
    onset: int
    apex: int
    gray: np.ndarray
    depth: np.ndarray
    flow: np.ndarray
    scene_flow: np.ndarray
    own_flow: np.ndarray
    own_scene_flow: np.ndarray
    face: np.ndarray
    moving: np.ndarray
    camera: Camera
    landmarks: np.ndarray


def gray(frames: np.ndarray) -> np.ndarray:
    """Grey images ``(n, H, W)`` of RGB frames."""
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])


def micro_pairs(count: int, *, population: str, subjects: int = 20, frames: int = 240) -> list[Pair]:
    """The first micro-expressions of suite ``default`` in a population, spread evenly over its first subjects.

    Raises
    ------
    LookupError
        If the subjects' videos hold fewer micro-expressions than asked for.
    """
    dataset = open_benchmark("default", population=population, subjects=subjects, videos=12, frames=frames)
    each = -(-count // subjects)
    pairs: list[Pair] = []
    for subject in dataset.subjects:
        taken = 0
        for video in dataset.of([subject]):
            for event in video.events:
                true = event.true
                far = true.onset < BEFORE or true.apex + AFTER > video.n_frames
                if true.kind != "micro" or far or taken == each:
                    continue
                pairs.append(_pair(video, event))
                taken += 1
            if taken == each:
                break
    if len(pairs) < count:
        raise InputError(f"{subjects} {population} subjects hold {len(pairs)} micro-expressions, not {count}")
    return pairs[:count]


def _pair(video: SyntheticVideo, event) -> Pair:
    onset, apex = event.true.onset, event.true.apex
    images = gray(np.concatenate([video.frames(onset, onset + 1), video.frames(apex, apex + 1)]))
    depth = np.concatenate([video.depth(onset, onset + 1), video.depth(apex, apex + 1)])
    flow, scene_flow, valid = video.true_motion(onset, apex)
    own_flow, own_scene_flow, _ = video.expression_motion(event)
    # Five pixels from the outline: there, no method can know what a pixel half off the head does.
    face = cv2.erode(valid.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & (depth[0] > 0)
    moving = face & (np.linalg.norm(own_flow, axis=0) > 0.4)
    return Pair(
        video,
        onset,
        apex,
        images,
        depth,
        flow,
        scene_flow,
        own_flow,
        own_scene_flow,
        face,
        moving,
        video.camera,
        video.landmarks(onset, onset + 1)[0],
    )
