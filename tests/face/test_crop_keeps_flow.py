"""Why a crop is cut at whole pixels and shrunk by areas: flow between two crops then errs least."""

import cv2
import numpy as np
from filmed import PaintDetector

from melib import flow
from melib.face import crop
from melib.synthetic.dataset import open_benchmark

SIDE, SIZE = 180, 128
SCALE = SIZE / SIDE


def errors(video, a=5, b=11):
    """Error of flow in pixels for a window that goes with the head: as the library cuts it, and in two other ways."""
    landmarks = video.landmarks(a, a + 1)[0], video.landmarks(b, b + 1)[0]
    left, top = (landmarks[0].mean(axis=0) - [SIDE / 2, 0.55 * SIDE]).round().astype(int)
    way = (landmarks[1] - landmarks[0])[27:48].mean(axis=0)
    right, down = way.round().astype(int)
    (motion, _, valid), nearest = video.true_motion(a, b), ((np.arange(SIZE) + 0.5) / SCALE).astype(int)
    cells = np.ix_(top + nearest, left + nearest)
    face = cv2.erode(valid[cells].astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)

    def straight(image, left, top):
        """The window on straight lines between pixels, between which its corner may lie."""
        edge = 0.5 / SCALE - 0.5
        lines = np.array([[1 / SCALE, 0, left + edge], [0, 1 / SCALE, top + edge]])
        return cv2.warpAffine(image, lines, (SIZE, SIZE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def library(frame, left, top):
        box = (left, top, SIDE, SIDE)
        return crop(video, size=SIZE, detector=PaintDetector(), box=box).frames(frame, frame + 1)[0]

    def error(first, second):
        grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)]
        wrong = flow.optical_flow(*grey, method="dis") - np.stack([plane[cells] for plane in motion]) * SCALE
        # A shift of the whole image is no error.
        wrong = wrong[:, face] - np.median(wrong[:, face], axis=1, keepdims=True)
        return np.linalg.norm(wrong, axis=0).mean()

    first, after = straight(video.frames(a, a + 1)[0], left, top), video.frames(b, b + 1)[0]
    seconds = straight(after, left + right, top + down), straight(after, left + way[0], top + way[1])
    cut = library(a, left, top), library(b, left + right, top + down)
    return error(*cut), *(error(first, second) for second in seconds)


def test_areas_and_whole_pixels_serve_flow_better_than_straight_lines_between_pixels():
    dataset = open_benchmark("default", subjects=2, videos=1, frames=120, population="test", view="full")
    areas, lines, between = np.mean([errors(video) for video in dataset.videos], axis=0)
    assert areas < 0.98 * lines and areas < 0.92 * between
