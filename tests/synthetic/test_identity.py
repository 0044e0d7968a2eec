import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from melib.synthetic.head import IOD_MM, LEFT_EYE, RIGHT_EYE, load_head
from melib.synthetic.identity import make_subject
from melib.synthetic.raster import rasterize
from melib.synthetic.traits import sample_shape

SUBJECTS = range(100, 120)


def seen(subject, points, size=256, camera=None):
    """Triangle at each pixel of the subject's crop."""
    camera = camera or subject.crop_camera(size)
    return rasterize(camera.project(points), 1 / points[:, 2], subject.triangles, camera.height, camera.width)[0]


def eye_pixels(subject, points):
    ids = seen(subject, points)
    part = subject.parts[ids]
    return [int(((part == eye) & (ids >= 0)).sum()) for eye in (LEFT_EYE, RIGHT_EYE)]


@pytest.fixture(scope="module")
def people():
    return [make_subject(seed) for seed in SUBJECTS]


def test_closed_lids_hide_both_eyes_of_every_subject(people, pose, weights):
    closed = weights("45L", "45R")
    for subject in people:
        assert min(eye_pixels(subject, pose(subject))) > 60, subject.seed
        for pitch, yaw in ((0, 0), (0.15, 0.15), (-0.15, -0.15)):
            points = pose(subject, closed, rotation=(pitch, yaw, 0))
            assert eye_pixels(subject, points) == [0, 0], (subject.seed, pitch, yaw)


def test_closed_lids_stay_closed_with_gaze_and_other_lid_units(people, pose, weights):
    for subject in people[:8]:
        for unit, gaze in (("gazeDown", (0.2, -0.3)), ("gazeUp", (-0.3, 0.3)), ("5L", (0, 0)), ("7R", (0, 0))):
            points = pose(subject, weights("45L", "45R", unit), gaze=gaze)
            assert eye_pixels(subject, points) == [0, 0], (subject.seed, unit)


def test_closed_lids_meet_and_do_not_fold_over_the_cheek(people, pose, weights):
    for subject in people:
        rest = subject.landmarks(pose(subject))
        closed = subject.landmarks(pose(subject, weights("45L", "45R")))
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            aperture = rest[lower, 1] - rest[upper, 1]
            # The upper lid ends at the lower one, not beyond. The two landmarks are not quite above each other.
            assert abs(closed[lower, 1] - closed[upper, 1]) < 0.0026, (subject.seed, upper, aperture)
        moved = np.linalg.norm(pose(subject, weights("45L", "45R")) - pose(subject), axis=1)
        assert moved[subject.rest[:, 1] < -24].max() < 0.002


def test_a_blink_of_more_than_one_closes_no_further(subject, pose, weights):
    closed, more = weights("45L", "45R"), 1.4 * weights("45L", "45R")
    np.testing.assert_array_equal(pose(subject, closed), pose(subject, more))


def test_one_blink_closes_one_eye(subject, pose, weights):
    left, right = eye_pixels(subject, pose(subject, weights("45L")))
    open_left, open_right = eye_pixels(subject, pose(subject))
    assert left == 0 and right == open_right > 0 and open_left > 0


def test_lids_close_steadily(people, pose, weights):
    for subject in people[:6]:
        counts = [sum(eye_pixels(subject, pose(subject, weights("45L", "45R") * w))) for w in np.linspace(0, 1, 9)]
        assert (np.diff(counts) <= 3).all(), counts  # a few pixels of rounding
        assert 0.2 * counts[0] < counts[4] < 0.85 * counts[0], counts


def test_gaze_turns_the_eyeballs_and_nothing_else_far(subject, pose):
    rest, looking = pose(subject), pose(subject, gaze=(0.3, 0.2))
    eyeball = np.zeros(len(rest), bool)
    eyeball[subject.triangles[np.isin(subject.parts, (LEFT_EYE, RIGHT_EYE))]] = True
    moved = looking - rest
    assert np.linalg.norm(moved[~eyeball], axis=1).max() < 1e-4
    front = eyeball & (subject.rest[:, 2] > 14)
    # To the subject's left, which is right in the image, and up, which is -y.
    assert front.any()
    assert (moved[front, 0] > 0.002).all() and (moved[front, 1] < -0.001).all()


def test_zero_weights_and_pose_leave_the_face_at_rest_at_the_stated_distance(subject, pose):
    points = pose(subject)
    outer = subject.landmarks(points)[[36, 45]]
    assert outer[0, 0] < 0 < outer[1, 0]  # the subject's right is left in the image
    depth = 0.56 - subject.rest[:, 2] / 1000
    assert np.median(np.abs(points[:, 2] - depth)) < 1e-12
    assert 0.50 < points[:, 2].min() < 0.56


@pytest.mark.parametrize(
    ("motion", "axis", "sign"),
    [
        ({"translation": (5, 0, 0)}, 0, 1),
        ({"translation": (0, 5, 0)}, 1, -1),
        ({"translation": (0, 0, 5)}, 2, -1),
        ({"rotation": (0.05, 0, 0)}, 1, 1),
        ({"rotation": (0, 0.05, 0)}, 0, 1),
    ],
    ids=["left", "up", "nearer", "nod", "turn left"],
)
def test_head_motion_goes_where_the_docstring_says(subject, pose, motion, axis, sign):
    nose = subject.landmarks(pose(subject, **motion))[30] - subject.landmarks(pose(subject))[30]
    assert sign * nose[axis] > 0.002
    if "translation" in motion:
        assert sign * nose[axis] == pytest.approx(0.005, abs=1e-9)


def test_head_motion_is_rigid(subject, pose):
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, len(subject.rest), (200, 2))
    a, b = pose(subject), pose(subject, rotation=(0.2, -0.1, 0.3), translation=(3, -4, 10))
    length = [np.linalg.norm(np.diff(points[pairs], axis=1), axis=-1) for points in (a, b)]
    np.testing.assert_allclose(*length, atol=1e-12)


def test_same_weight_moves_subjects_by_their_own_gain(people, pose, weights):
    head = load_head()
    k = head.action_units.index("2L")
    for subject in people[:6]:
        moved = np.linalg.norm(pose(subject, weights(**{"2L": 0.2})) - pose(subject), axis=1).max() * 1000
        expected = 0.2 * head.peak_mm[k] * subject.gains[k] * subject.traits.iod_mm / IOD_MM
        assert moved == pytest.approx(expected, rel=0.005)
    gains = np.log([subject.gains for subject in people])
    assert gains.std() == pytest.approx(0.18, abs=0.02)


def test_crop_is_2_40_inter_ocular_distances_with_the_eyes_24_percent_from_its_top(people, pose):
    for subject in people[:5]:
        camera = subject.crop_camera(128)
        rest = subject.rest
        eyes = [np.unique(subject.triangles[subject.parts == part]) for part in (LEFT_EYE, RIGHT_EYE)]
        assert rest[eyes[0], 0].mean() > 0 > rest[eyes[1], 0].mean()
        iod = subject.traits.iod_mm / 1000
        eye_line = [[iod / 2, -0.015, 0.56], [-iod / 2, -0.015, 0.56]]  # eyes 15 mm above the axis
        left, right = camera.project(eye_line)
        assert 128 / (left[0] - right[0]) == pytest.approx(2.40, abs=1e-9)
        assert (left[1] + 0.5) / 128 == pytest.approx(0.24, abs=1e-9)
        assert (left[0] + right[0]) / 2 == pytest.approx(63.5, abs=1e-9)
        lids = camera.project(subject.landmarks(pose(subject))[36:48])[:, 1].mean()
        assert (lids + 0.5) / 128 == pytest.approx(0.24, abs=0.03)


def test_crop_and_full_camera_share_the_pinhole(subject, pose):
    points = pose(subject, rotation=(0.1, 0.1, 0))
    full, crop = subject.full_camera(), subject.crop_camera(200, jitter=(0.02, -0.01, 0.015))
    scale = crop.fx / full.fx
    shift = np.array([crop.cx, crop.cy]) - scale * np.array([full.cx, full.cy])
    np.testing.assert_allclose(crop.project(points), scale * full.project(points) + shift, atol=1e-9)


def test_jitter_scales_and_shifts_the_crop_by_its_side(subject):
    plain, moved = subject.crop_camera(100), subject.crop_camera(100, jitter=(0.0, 0.02, -0.03))
    assert (moved.fx, moved.cx, moved.cy) == pytest.approx((plain.fx, plain.cx - 2, plain.cy + 3))
    assert subject.crop_camera(100, jitter=(0.25, 0, 0)).fx == pytest.approx(plain.fx / 1.25)


def test_landmarks_fall_inside_the_face_of_every_subject(people, pose):
    for subject in people:
        camera = subject.full_camera()
        points = pose(subject)
        ids = seen(subject, points, camera=camera)
        at = np.rint(camera.project(subject.landmarks(points))).astype(int)
        assert (ids[at[17:, 1], at[17:, 0]] >= 0).all()  # the jaw's outline may round to the background


def test_mesh_shows_no_hole_in_any_pose(people, pose, weights):
    for subject in people[:6]:
        for yaw in (-0.4, 0, 0.4):
            for pitch in (-0.25, 0.25):
                covered = seen(subject, pose(subject, weights("26") * 0.3, rotation=(pitch, yaw, 0))) >= 0
                _, regions = cv2.connectedComponents((~covered).astype(np.uint8), connectivity=8)
                rim = np.unique(np.r_[regions[0], regions[-1], regions[:, 0], regions[:, -1]])
                # Background that cannot be reached from the image's rim is a tear.
                assert np.isin(regions, rim).all(), (subject.seed, yaw, pitch)


def test_population_has_the_stated_spread_of_sizes():
    head = load_head()
    traits = [sample_shape(np.random.default_rng([seed, 1]), head)[0] for seed in range(200)]
    iod = np.array([t.iod_mm for t in traits])
    assert iod.min() >= 55 and iod.max() <= 71
    assert iod.mean() == pytest.approx(63, abs=0.8) and iod.std() == pytest.approx(3.2, abs=0.5)
    ancestry = np.array([t.ancestry for t in traits])
    np.testing.assert_allclose(ancestry.sum(1), 1)
    assert (np.abs(ancestry.mean(0) - 1 / 3) < 0.08).all()
    assert 0 <= min(t.melanin for t in traits) and max(t.melanin for t in traits) <= 0.95


@pytest.mark.parametrize(
    ("argument", "value"),
    [("weights", np.zeros(3)), ("rotation", (0, 0)), ("translation", (0, 0, np.nan)), ("gaze", 0.1)],
)
def test_wrong_arguments_are_named(subject, weights, argument, value):
    arguments = {"weights": weights(), "rotation": (0, 0, 0), "translation": (0, 0, 0), "gaze": (0, 0)}
    with pytest.raises(ValueError, match=f"{argument} must be"):
        subject.points(**(arguments | {argument: value}))


DIGEST = """
import hashlib, sys
from melib.synthetic.identity import make_subject
s = make_subject(7)
p = s.points(s.gains * 0.1, (0.1, 0.2, 0.0), (1, 2, 3), (0.1, 0.0))
h = hashlib.sha256()
for a in (s.rest, s.gains, s.triangles, s.atlas, s.occlusion, p):
    h.update(a.tobytes())
print(h.hexdigest(), "torch" in sys.modules)
"""


def test_a_subject_has_the_same_bits_in_every_process_and_needs_no_torch(subject):
    here = hashlib.sha256()
    points = subject.points(subject.gains * 0.1, (0.1, 0.2, 0.0), (1, 2, 3), (0.1, 0.0))
    for array in (subject.rest, subject.gains, subject.triangles, subject.atlas, subject.occlusion, points):
        here.update(array.tobytes())
    there = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True).stdout.split()
    assert there == [here.hexdigest(), "False"]


def test_different_seeds_are_different_people(people):
    shapes = {subject.rest.shape[0] for subject in people}
    iods = {subject.traits.iod_mm for subject in people}
    assert len(iods) == len(people) and len(shapes) > 1
