"""Videos held in memory, and a detector that sees what they paint: no face detection is needed to test a crop."""

import numpy as np
from scipy import ndimage

from melib.face import Box, Face
from melib.video import Video

#: A face is painted in this red, which occurs nowhere else.
PAINT = 255
GROUND = 40


class FilmedVideo(Video):
    """A video made from arrays; notes the frames that were read."""

    landmarks = None  # nobody knows them

    def __init__(self, frames, *, depth=None, camera=None, fps=30.0, name="v1", expressions=()):
        self._frames, self._depth, self.camera = np.asarray(frames), depth, camera
        self.subject, self.name, self.fps = "s1", name, fps
        self.n_frames, self.expressions = len(self._frames), expressions
        self.breaks = np.zeros(self.n_frames, bool)
        self.read, self.longest_read = [], 0

    def frames(self, start, stop):
        self.check_range(start, stop)
        self.read.extend(range(start, stop))
        self.longest_read = max(self.longest_read, stop - start)
        return self._frames[start:stop]

    def depth(self, start, stop):
        return super().depth(start, stop) if self._depth is None else self._depth[start:stop]


class PaintDetector:
    """Takes each patch of paint for a face, whose landmarks lie in its box in a fixed way."""

    name = "paint"

    def __init__(self):
        self.asked = 0

    def detect(self, rgb, near=None):
        self.asked += 1
        patches, _ = ndimage.label(rgb[..., 0] == PAINT)
        places = ndimage.find_objects(patches)
        boxes = [Box(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in places]
        return [Face(box, self.landmarks(rgb, box), 1.0) for box in boxes]

    def landmarks(self, rgb, box):
        # Enough of a face for its regions, for what stays steady in it, and to be one that looks into the camera.
        points = np.random.default_rng(68).uniform(0.3, 0.7, (68, 2))
        points[36:42], points[42:48], points[30] = (0.2917, 0.24), (0.7083, 0.24), (0.5, 0.45)
        points[48:, 1] += 0.2
        points[[17, 26, 19, 24]] = (0.15, 0.25), (0.85, 0.25), (0.3, 0.2), (0.7, 0.2)
        points[[50, 57, 60, 64]] = (0.45, 0.7), (0.5, 0.85), (0.38, 0.77), (0.62, 0.77)
        return (points * box[2:] + box[:2]).astype(np.float32)


def paint(places, *, width=160):
    """Frames ``(T, 120, W, 3)``: each of `places` lists (left, top) of faces 60 pixels wide, or others."""
    frames = np.full((len(places), 120, width, 3), GROUND, dtype=np.uint8)
    for frame, faces in zip(frames, places, strict=True):
        for left, top, *own in faces:
            side = own[0] if own else 60
            frame[top : top + side, left : left + side, ::2] = PAINT, GROUND
    return frames
