"""The same video, bit for bit, but for its depth: seen by another sensor, or by none."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import cv2
import numpy as np

from melib import flow
from melib.errors import InputError
from melib.flow.stabilize import affine_motion
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.sensor import DepthSensor, measure_depth, to_metres

#: Of frames, those over which their depth is averaged.
Windows = Mapping[int, tuple[int, int]]


class SensorView(SyntheticVideo):
    """A video whose depth another sensor measures.

    The video is filmed with the ideal one (``depth="none"``); the suite's sensor gives the suite's readings, bit for
    bit. Depth lags `delay` frames behind colour (the first reading stands until another one comes); of frames that
    `windows` names it is averaged over ``start <= i < stop`` along the flow of DIS (:func:`average_depth`).
    """

    def __init__(
        self, video: SyntheticVideo, sensor: DepthSensor, *, delay: int = 0, windows: Windows | None = None
    ) -> None:
        if video.suite.depth != DepthSensor():
            raise InputError(f"{video} was filmed by a sensor with errors of its own: open it with depth='none'")
        if delay < 0:
            raise InputError(f"depth lags behind colour by at least 0 frames, not {delay}")
        vars(self).update(vars(video))
        self.video, self.sensor, self.delay, self.windows = video, sensor, delay, windows or {}

    def depth(self, start: int, stop: int) -> np.ndarray:
        """Depth of the frames: ``(n, H, W)`` float32 metres, 0 = no reading."""
        self.check_range(start, stop)
        return np.stack([self._averaged(i) if i in self.windows else self._read(i) for i in range(start, stop)])

    def _read(self, frame: int) -> np.ndarray:
        seen = max(0, frame - self.delay)
        exact = self.video.depth(seen, seen + 1)[0]
        return to_metres(measure_depth(exact, self.sensor, self.video.seed, seen), self.sensor)

    def _averaged(self, frame: int) -> np.ndarray:
        start, stop = self.windows[frame]
        depth = np.stack([self._read(i) for i in range(start, stop)])
        motion = np.stack([_flow(self.video, frame, i) for i in range(start, stop)])
        face = flow.face_mask(self.landmarks(frame, frame + 1)[0], *depth.shape[1:])
        return average_depth(depth, motion, face, reference=frame - start)


class GenericShapeView(SyntheticVideo):
    """A video whose depth is a generic face that stands still, under the landmarks of the first frame: a control."""

    def __init__(self, video: SyntheticVideo) -> None:
        vars(self).update(vars(video))

    def depth(self, start: int, stop: int) -> np.ndarray:
        """The generic face, once for each frame: ``(n, H, W)`` float32 metres."""
        self.check_range(start, stop)
        shape = flow.generic_face(self.landmarks(0, 1)[0], self.camera)
        return np.repeat(shape[None], stop - start, axis=0)


@functools.lru_cache(maxsize=32)
def _flow(video: SyntheticVideo, frame: int, other: int) -> np.ndarray:
    """Optical flow ``(2, H, W)`` of DIS from a frame to another, remembered for the sensors that follow."""
    first, second = (cv2.cvtColor(video.frames(i, i + 1)[0], cv2.COLOR_RGB2GRAY) for i in (frame, other))
    return flow.optical_flow(first, second, method="dis")


def average_depth(depth: np.ndarray, motion: np.ndarray, face: np.ndarray, *, reference: int) -> np.ndarray:
    """Depth ``(H, W)`` of one frame, averaged over frames in which the face rests, the head's own motion taken out.

    Each frame's depth ``(N, H, W)``, float32 metres, 0 = no reading, is fetched along the flow ``(N, 2, H, W)`` from
    the ``reference``-th, brought to its pose by removing the plane (shift and tilt in depth) that fits the difference
    over the face ``(H, W)`` best, and averaged with the others that have a reading; where the reference has none it
    stays 0. A frame with too few readings to align raises ValueError.
    """
    base = depth[reference]
    y, x = np.mgrid[: base.shape[0], : base.shape[1]].astype(np.float32)
    total, readings = base.astype(np.float64), (base > 0).astype(np.float64)
    for index in (each for each in range(len(depth)) if each != reference):
        there = x + motion[index, 0].astype(np.float32), y + motion[index, 1].astype(np.float32)
        known = cv2.remap((depth[index] > 0).astype(np.float32), *there, cv2.INTER_LINEAR)
        seen = cv2.remap(depth[index], *there, cv2.INTER_LINEAR)
        usable = (known > 0.999) & (base > 0)
        shared = f"the depth that frame {index} shares with the reference"
        plane = affine_motion((seen - base)[None, None], (usable & face)[None], what=shared)[0, 0]
        total += np.where(usable, seen - plane, 0)
        readings += usable
    return np.where(base > 0, total / np.maximum(readings, 1), 0).astype(np.float32)
