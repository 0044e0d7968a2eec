"""Videos whose motion is known: a texture that slides, and a plane before a depth camera."""

from __future__ import annotations

import cv2
import numpy as np

from melib.video import Camera, Expression, Video


def landmarks_128() -> np.ndarray:
    """68 points laid out as a face in a 128-pixel crop, with round numbers where the strips look."""
    points = np.full((68, 2), 64.0)
    angles = np.linspace(0, np.pi, 17)
    points[:17] = np.stack([64 - 50 * np.cos(angles), 50 + 60 * np.sin(angles)], axis=1)
    points[17], points[26] = (20, 34), (108, 34)
    points[19], points[24] = (34, 28), (94, 30)
    points[41], points[46] = (38, 50), (90, 52)
    points[50], points[57] = (60, 84), (64, 100)
    points[60], points[64] = (48, 90), (80, 90)
    return points


class SlidingVideo(Video):
    """A texture that slides right by ``speed`` pixels a frame; it counts the frames that are asked for."""

    def __init__(self, name: str = "v0", *, speed: float = 0.5, n_frames: int = 40, broken_at: int | None = None):
        self.subject, self.name, self.fps, self.n_frames = "s0", name, 30.0, n_frames
        self.expressions = (Expression(10, 20, 14, "micro", "surprise"),)
        self.speed, self.broken_at = speed, broken_at
        self.asked: list[int] = []
        noise = np.random.default_rng(3).standard_normal((160, 160)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
        self.texture = 128 + 60 * smooth / np.abs(smooth).max()

    def frames(self, start, stop):
        self.check_range(start, stop)
        self.asked += list(range(start, stop))
        if self.broken_at is not None and start <= self.broken_at < stop:
            raise OSError(f"frame {self.broken_at} cannot be read")
        images = []
        for i in range(start, stop):
            shift = np.float32([[1, 0, self.speed * i - 16], [0, 1, -16]])
            image = cv2.warpAffine(self.texture, shift, (128, 128), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
            images.append(np.repeat(image[..., None], 3, axis=2))
        return np.stack(images).round().clip(0, 255).astype(np.uint8)

    def landmarks(self, start, stop):
        self.check_range(start, stop)
        return np.repeat(landmarks_128()[None], stop - start, axis=0).astype(np.float32)


class PlaneVideo(Video):
    """A textured plane before a depth camera, moved by metres a frame: to the right, and away.

    ``slope`` tilts the readings of depth by metres a pixel and frame to the right, the picture left as it is; ``hole``
    is a part of every depth map without readings, ``lost`` such parts of some frames.
    """

    DEPTH, FOCAL = 0.6, 600.0  # a millimetre to a pixel

    def __init__(self, subject="p0", name="v0", *, right=0.0, away=0.0, slope=0.0, hole=None, lost=None):
        self.subject, self.name, self.fps, self.n_frames, self.lost = subject, name, 30.0, 40, lost or {}
        self.expressions = (Expression(10, 20, 14, "micro", "surprise"),)
        self.camera = Camera(self.FOCAL, self.FOCAL, 63.5, 63.5, 128, 128)
        self.right, self.away, self.slope, self.hole = right, away, slope, hole
        noise = np.random.default_rng(5).standard_normal((192, 192)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
        self.texture = 128 + 60 * smooth / np.abs(smooth).max()

    def frames(self, start, stop):
        self.check_range(start, stop)
        images = []
        for i in range(start, stop):
            z = self.DEPTH + self.away * i
            # A point that shows at p in frame 0 shows at (p - centre) * DEPTH / z + centre + shift.
            grow, shift = self.DEPTH / z, self.FOCAL * self.right * i / z
            move = np.float32([[grow, 0, 63.5 + shift - 95.5 * grow], [0, grow, 63.5 - 95.5 * grow]])
            images.append(cv2.warpAffine(self.texture, move, (128, 128), flags=cv2.INTER_CUBIC))
        return np.repeat(np.stack(images)[..., None], 3, axis=3).round().clip(0, 255).astype(np.uint8)

    def depth(self, start, stop):
        self.check_range(start, stop)
        frame = np.arange(start, stop)[:, None, None]
        x = np.arange(128)[None, None, :] - 63.5
        readings = np.broadcast_to(self.DEPTH + frame * (self.away + self.slope * x), (stop - start, 128, 128)).copy()
        if self.hole is not None:
            readings[:, *self.hole] = 0
        for index in range(start, stop):
            if index in self.lost:
                readings[index - start][self.lost[index]] = 0
        return readings.astype(np.float32)

    def landmarks(self, start, stop):
        self.check_range(start, stop)
        return np.repeat(landmarks_128()[None], stop - start, axis=0).astype(np.float32)
