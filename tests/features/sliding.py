"""Videos whose motion is known: a texture that slides, and a plane before a depth camera."""

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


def texture(seed: int, size: int) -> np.ndarray:
    smooth = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((size, size)).astype(np.float32), (0, 0), 2.0)
    return 128 + 60 * smooth / np.abs(smooth).max()


class TexturedVideo(Video):
    """A texture that is warped for each frame, seen behind landmarks that stay."""

    expressions = (Expression(10, 20, 14, "micro", "surprise"),)
    fps = 30.0

    def frames(self, start, stop):
        self.check_range(start, stop)
        more = {"dsize": (128, 128), "flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_WRAP}
        images = [cv2.warpAffine(self.texture, np.float32(self.warp(i)), **more) for i in range(start, stop)]
        return np.repeat(np.stack(images)[..., None], 3, axis=3).round().clip(0, 255).astype(np.uint8)

    def landmarks(self, start, stop):
        self.check_range(start, stop)
        return np.repeat(landmarks_128()[None], stop - start, axis=0).astype(np.float32)


class SlidingVideo(TexturedVideo):
    """A texture that slides right by ``speed`` pixels a frame; it counts the frames that are asked for."""

    texture = texture(3, 160)

    def __init__(self, name: str = "v0", *, speed: float = 0.5, n_frames: int = 40, broken_at: int | None = None):
        self.subject, self.name, self.n_frames = "s0", name, n_frames
        self.speed, self.broken_at = speed, broken_at
        self.asked: list[int] = []

    def frames(self, start, stop):
        self.asked += range(start, stop)
        if self.broken_at is not None and start <= self.broken_at < stop:
            raise OSError(f"frame {self.broken_at} cannot be read")
        return super().frames(start, stop)

    def warp(self, frame):
        return [[1, 0, self.speed * frame - 16], [0, 1, -16]]


class PlaneVideo(TexturedVideo):
    """A textured plane before a depth camera, moved by metres a frame: to the right, and away.

    ``slope`` tilts the readings of depth by metres a pixel and frame to the right, the picture left as it is; ``lost``
    names parts of the depth maps of some frames that have no readings.
    """

    DEPTH, FOCAL = 0.6, 600.0  # a millimetre to a pixel
    texture = texture(5, 192)
    camera = Camera(FOCAL, FOCAL, 63.5, 63.5, 128, 128)

    def __init__(self, subject="p0", name="v0", *, right=0.0, away=0.0, slope=0.0, lost=None):
        self.subject, self.name, self.n_frames, self.lost = subject, name, 40, lost or {}
        self.right, self.away, self.slope = right, away, slope

    def warp(self, frame):
        z = self.DEPTH + self.away * frame
        # A point that shows at p in frame 0 shows at (p - centre) * DEPTH / z + centre + shift.
        grow, shift = self.DEPTH / z, self.FOCAL * self.right * frame / z
        return [[grow, 0, 63.5 + shift - 95.5 * grow], [0, grow, 63.5 - 95.5 * grow]]

    def depth(self, start, stop):
        self.check_range(start, stop)
        x = np.arange(128)[None, :] - 63.5
        readings = []
        for frame in range(start, stop):
            readings.append(np.tile(self.DEPTH + frame * (self.away + self.slope * x), (128, 1)).astype(np.float32))
            if frame in self.lost:
                readings[-1][self.lost[frame]] = 0
        return np.stack(readings)
