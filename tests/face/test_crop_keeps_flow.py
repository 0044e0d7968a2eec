"""Why a crop is cut at whole pixels and shrunk by areas: flow between two crops then errs least."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from filmed import PaintDetector

from melib import flow
from melib.face import crop
from melib.synthetic.dataset import open_benchmark

SIDE, SIZE = 180, 128
SCALE = SIZE / SIDE


def straight(image, left, top):
    """The window as a crop, on straight lines between pixels; its corner may lie between pixels."""
    edge = 0.5 / SCALE - 0.5
    way = np.array([[1 / SCALE, 0, left + edge], [0, 1 / SCALE, top + edge]])
    return cv2.warpAffine(image, way, (SIZE, SIZE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def flow_error(first, second, truth, face):
    """Mean length, in pixels over the face, of what is wrong with a flow; a shift of the whole image is not."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)]
    wrong = flow.optical_flow(*grey, method="dis") - truth
    wrong = wrong[:, face] - np.median(wrong[:, face], axis=1, keepdims=True)
    return np.linalg.norm(wrong, axis=0).mean()


def errors(video, a=5, b=11):
    """Errors of flow for a window that goes with the head: as the library cuts it, and in two other ways."""
    landmarks = video.landmarks(a, a + 1)[0], video.landmarks(b, b + 1)[0]
    left, top = (landmarks[0].mean(axis=0) - [SIDE / 2, 0.55 * SIDE]).round().astype(int)
    way = (landmarks[1] - landmarks[0])[27:48].mean(axis=0)
    whole_way = way.round().astype(int)
    (motion, _, valid), nearest = video.true_motion(a, b), ((np.arange(SIZE) + 0.5) / SCALE).astype(int)
    cells = np.ix_(top + nearest, left + nearest)
    truth = np.stack([plane[cells] for plane in motion]) * SCALE
    face = cv2.erode(valid[cells].astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)

    def library(frame, right=0, down=0):
        box = (left + right, top + down, SIDE, SIDE)
        return crop(video, size=SIZE, detector=PaintDetector(), box=box).frames(frame, frame + 1)[0]

    before, after = video.frames(a, a + 1)[0], video.frames(b, b + 1)[0]
    first = straight(before, left, top)
    return (
        flow_error(library(a), library(b, *whole_way), truth, face),
        flow_error(first, straight(after, left + whole_way[0], top + whole_way[1]), truth, face),
        flow_error(first, straight(after, left + way[0], top + way[1]), truth, face),
    )


@pytest.fixture(scope="module")
def found():
    dataset = open_benchmark("default", subjects=4, videos=1, frames=120, population="test", view="full")
    return np.array([errors(video) for video in dataset.videos])


def test_areas_serve_flow_better_than_straight_lines_between_pixels(found):
    assert found[:, 0].mean() < 0.98 * found[:, 1].mean()


def test_a_window_between_pixels_would_add_to_the_error_of_flow(found):
    assert found[:, 0].mean() < 0.92 * found[:, 2].mean()
