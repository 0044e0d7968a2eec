import cv2
import numpy as np
import pytest

from melib.synthetic.head import IOD_MM, LEFT_EYE, RIGHT_EYE, load_head
from melib.synthetic.identity import make_subject
from melib.synthetic.raster import rasterize

SUBJECTS = range(100, 104)


def seen(subject, points):
    """Triangle at each pixel of the subject's crop."""
    camera = subject.crop_camera(256)
    return rasterize(camera.project(points), 1 / points[:, 2], subject.triangles, camera.height, camera.width)[0]


def eye_pixels(subject, points):
    ids = seen(subject, points)
    part = subject.parts[ids]
    return [int(((part == eye) & (ids >= 0)).sum()) for eye in (LEFT_EYE, RIGHT_EYE)]


@pytest.fixture(scope="module")
def people():
    return [make_subject(seed) for seed in SUBJECTS]


def test_closed_lids_hide_both_eyes_of_every_subject_and_meet_without_folding_over_the_cheek(people, pose, weights):
    closed = weights("45L", "45R")
    for subject in people:
        upper, lower = np.split(subject.landmarks(pose(subject, closed))[[37, 38, 43, 44, 41, 40, 47, 46], 1], 2)
        # The upper lid ends at the lower one, not beyond. The two landmarks are not quite above each other.
        assert np.abs(lower - upper).max() < 0.0026, subject.seed
        moved = np.linalg.norm(pose(subject, closed) - pose(subject), axis=1)
        assert moved[subject.rest[:, 1] < -24].max() < 0.002
        assert min(eye_pixels(subject, pose(subject))) > 60, subject.seed
        for pitch, yaw in ((0, 0), (0.15, 0.15), (-0.15, -0.15)):
            points = pose(subject, closed, rotation=(pitch, yaw, 0))
            assert eye_pixels(subject, points) == [0, 0], (subject.seed, pitch, yaw)
        for unit, gaze in (("gazeDown", (0.2, -0.3)), ("gazeUp", (-0.3, 0.3)), ("5L", (0, 0)), ("7R", (0, 0))):
            points = pose(subject, weights("45L", "45R", unit), gaze=gaze)
            assert eye_pixels(subject, points) == [0, 0], (subject.seed, unit)


def test_gaze_turns_the_eyeballs_and_nothing_else_far(subject, pose):
    rest, looking = pose(subject), pose(subject, gaze=(0.3, 0.2))
    eyeball = np.zeros(len(rest), bool)
    eyeball[subject.triangles[np.isin(subject.parts, (LEFT_EYE, RIGHT_EYE))]] = True
    moved = looking - rest
    assert np.linalg.norm(moved[~eyeball], axis=1).max() < 1e-4
    front = moved[eyeball & (subject.rest[:, 2] > 14)]
    # To the subject's left, which is right in the image, and up, which is -y.
    assert len(front) and (front[:, 0] > 0.002).all() and (front[:, 1] < -0.001).all()


def test_head_motion_is_rigid_and_goes_where_the_docstring_says(subject, pose):
    rest = pose(subject)
    for axis, way in ((0, 0.005), (1, -0.005), (2, -0.005)):
        shifted = pose(subject, translation=5 * np.eye(3)[axis])
        assert (shifted - rest)[:, axis] == pytest.approx(way, abs=1e-9)
    for motion, axis in (({"rotation": (0.05, 0, 0)}, 1), ({"rotation": (0, 0.05, 0)}, 0)):  # nod, turn left
        assert (subject.landmarks(pose(subject, **motion)) - subject.landmarks(rest))[30, axis] > 0.002
    pairs = np.random.default_rng(0).integers(0, len(subject.rest), (200, 2))
    moved = pose(subject, rotation=(0.2, -0.1, 0.3), translation=(3, -4, 10))
    length = [np.linalg.norm(np.diff(points[pairs], axis=1), axis=-1) for points in (rest, moved)]
    np.testing.assert_allclose(*length, atol=1e-12)


def test_same_weight_moves_subjects_by_their_own_gain(people, pose, weights):
    head = load_head()
    k = head.action_units.index("2L")
    for subject in people:
        moved = np.linalg.norm(pose(subject, weights(**{"2L": 0.2})) - pose(subject), axis=1).max() * 1000
        expected = 0.2 * head.peak_mm[k] * subject.gains[k] * subject.traits.iod_mm / IOD_MM
        assert moved == pytest.approx(expected, rel=0.005)
    assert np.log([subject.gains for subject in people]).std() == pytest.approx(0.18, abs=0.02)


def test_crop_is_2_40_inter_ocular_distances_with_the_eyes_24_percent_from_its_top(people, pose):
    for subject in people:
        camera, iod = subject.crop_camera(128), subject.traits.iod_mm / 1000
        left, right = camera.project([[iod / 2, -0.015, 0.56], [-iod / 2, -0.015, 0.56]])  # eyes 15 mm above the axis
        assert 128 / (left[0] - right[0]) == pytest.approx(2.40, abs=1e-9)
        assert (left[1] + 0.5) / 128 == pytest.approx(0.24, abs=1e-9)
        assert (left[0] + right[0]) / 2 == pytest.approx(63.5, abs=1e-9)
        lids = camera.project(subject.landmarks(pose(subject))[36:48])[:, 1].mean()
        assert (lids + 0.5) / 128 == pytest.approx(0.24, abs=0.03)


def test_mesh_shows_no_hole_in_any_pose(people, pose, weights):
    for subject in people:
        for yaw in (-0.4, 0, 0.4):
            for pitch in (-0.25, 0.25):
                covered = seen(subject, pose(subject, weights("26") * 0.3, rotation=(pitch, yaw, 0))) >= 0
                _, regions = cv2.connectedComponents((~covered).astype(np.uint8), connectivity=8)
                rim = np.unique(np.r_[regions[0], regions[-1], regions[:, 0], regions[:, -1]])
                # Background that cannot be reached from the image's rim is a tear.
                assert np.isin(regions, rim).all(), (subject.seed, yaw, pitch)


def test_wrong_arguments_are_named(subject, weights):
    right = {"weights": weights(), "rotation": (0, 0, 0), "translation": (0, 0, 0), "gaze": (0, 0)}
    for name, value in {"weights": np.zeros(3), "rotation": (0, 0), "translation": (0, 0, np.nan), "gaze": 0.1}.items():
        with pytest.raises(ValueError, match=f"{name} must be"):
            subject.points(**(right | {name: value}))
