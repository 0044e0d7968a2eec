"""A video whose motion is known: a texture that slides by a given number of pixels a frame."""

from __future__ import annotations

import cv2
import numpy as np

from melib.video import Expression, Video


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
