"""The benchmark as videos: exact truth, the same bits always, nothing rendered that nobody asked for."""

import itertools
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from dataclasses import replace

import cv2
import numpy as np
import pytest
from refusing import refused
from scipy.stats import kruskal

from melib.synthetic import dataset as module
from melib.synthetic.dataset import SyntheticVideo, open_benchmark, open_clips, true_labels
from melib.synthetic.head import load_head
from melib.synthetic.identity import IDENTITY, STRENGTH
from melib.synthetic.sensor import encode_colour
from melib.synthetic.suites import POPULATIONS, SUITES, subject_seed, video_seed
from melib.synthetic.traits import sample_gains, sample_shape
from tests.flow.scenes import grid

FRAMES = 120


@pytest.fixture(scope="module")
def video():
    return open_benchmark("default", subjects=1, videos=1, frames=FRAMES).videos[0]


@pytest.fixture(scope="module")
def ideal():
    """The same video through a depth sensor that reads the geometry itself."""
    return open_benchmark("default", subjects=1, videos=1, frames=FRAMES, depth="none").videos[0]


@pytest.fixture
def rendered(monkeypatch):
    """Counts the frames that are rendered, from an empty memory on."""
    counted, original = [], SyntheticVideo._render

    def count(self, frame):
        counted.append(frame)
        return original(self, frame)

    monkeypatch.setattr(SyntheticVideo, "_render", count)
    monkeypatch.setattr(module, "_recent", OrderedDict())
    return counted


def test_no_motion_gives_zero_flow_and_an_expression_alone_gives_its_own(video):
    event = video.events[0]
    for motion in (video.true_motion(7, 7), video.expression_motion(replace(event, amplitude_mm=0.0))):
        flow, scene_flow, valid = motion
        assert np.abs(flow).max() < 1e-4 and np.abs(scene_flow).max() == 0 and valid.mean() > 0.5
    flow, _, valid = video.expression_motion(event)
    assert np.linalg.norm(flow, axis=0)[valid].max() > 0.2


def test_true_flow_warps_a_frame_onto_an_earlier_one_down_to_the_noise(video):
    flow, _, valid = video.true_motion(0, 40)
    where = (grid(*flow.shape[1:]) + flow).astype(np.float32)
    # In linear light, brightness changes of the lamp undone.
    first, second = (
        (video.frames(i, i + 1)[0] / 255.0).astype(np.float32) ** 2.2 / video._plan.gain[i] for i in (0, 40)
    )
    warped = cv2.remap(second, where[0], where[1], cv2.INTER_CUBIC)
    marks = np.rint(video.landmarks(0, 1)[0]).astype(np.int32)
    face = cv2.fillConvexPoly(np.zeros(valid.shape, np.uint8), cv2.convexHull(marks), 1)
    # Gaze and lids uncover what was hidden; skin does not.
    for mark in marks[36:48]:
        cv2.circle(face, mark.tolist(), 6, 0, -1)
    face = (face & cv2.erode(valid.astype(np.uint8), np.ones((7, 7)))).astype(bool)
    assert face.mean() > 0.3 and np.linalg.norm(flow, axis=0)[face].mean() > 0.5
    sensor = video.scene.colour_sensor
    noise = np.sqrt(np.mean(2 * (sensor.shot * first + sensor.read)[face]))
    residual, unwarped = (np.sqrt(np.mean((image - first)[face] ** 2)) for image in (warped, second))
    assert residual < 1.25 * noise and residual < 0.5 * unwarped


def test_scene_flow_depth_and_optical_flow_tell_the_same_story(ideal):
    a, b = 3, 30
    flow, scene_flow, valid = ideal.true_motion(a, b)
    points = ideal.camera.backproject(ideal.depth(a, a + 1)[0]) + np.moveaxis(scene_flow, 0, -1)
    landed = np.moveaxis(ideal.camera.project(points), -1, 0) - grid(*valid.shape)
    assert np.abs(landed - flow)[:, valid].max() < 2e-3
    # Where the point lands, the depth of b is that of the moved point.
    where = (grid(*valid.shape) + flow).astype(np.float32)
    seen = cv2.remap(ideal.depth(b, b + 1)[0], where[0], where[1], cv2.INTER_LINEAR)
    error = np.abs(seen - points[..., 2])[cv2.erode(valid.astype(np.uint8), np.ones((9, 9))) > 0]
    assert np.median(error) < 5e-5 and np.quantile(error, 0.95) < 1e-3


def test_depth_without_noise_is_that_of_the_landmarks_and_the_sensor_adds_what_it_states(video, ideal):
    depth, marks = ideal.depth(5, 6)[0], ideal.landmarks(5, 6)[0]
    truth = ideal.person.landmarks(ideal._points(5))
    for k in (18, 19, 20, 23, 24, 25, 27, 28, 29, 30):  # on smooth skin: nose ridge and tip, brows
        x, y = np.rint(marks[k]).astype(int)
        assert depth[y, x] == pytest.approx(truth[k, 2], abs=1.5e-3)
    nose = np.unravel_index(np.argmin(depth), depth.shape)
    assert np.hypot(nose[1] - marks[30, 0], nose[0] - marks[30, 1]) < 6, "the nose's tip is what is nearest"
    measured, true = video.depth(0, 20), ideal.depth(0, 20)
    face = np.stack([video.true_motion(i, i)[2] for i in range(20)]) & (measured > 0)
    error = (measured - true)[face] * 1e3
    assert abs(np.median(error)) < 0.1
    # 0.08 px of disparity at 0.52 to 0.58 m, a fixed pattern of 0.3 mm, counts of 1 mm.
    assert 0.45 < 1.4826 * np.median(np.abs(error)) < 0.85
    assert np.array_equal(video.frames(3, 4), ideal.frames(3, 4)), "another sensor changes depth alone"


def test_landmarks_lie_on_the_face_and_follow_the_true_flow(video):
    a, b = 0, 40
    before, after = video.landmarks(a, a + 1)[0], video.landmarks(b, b + 1)[0]
    x, y = np.rint(before).astype(int).T
    inside = (x >= 0) & (x < 128) & (y >= 0) & (y < 128)
    assert inside.sum() >= 58 and inside[17:].all(), "only the jaw may leave the crop"
    assert video.true_motion(0, 0)[2][y[17:], x[17:]].all()
    # Nose root to nose tip, brows, inner eye corners, upper lip: points that nothing can hide.
    shown = [19, 20, 21, 22, 23, 24, 27, 28, 29, 30, 39, 42, 50, 51, 52]
    at = before[shown][:, None]
    flow = video.true_motion(a, b)[0]
    there = np.stack([cv2.remap(part, at, None, cv2.INTER_LINEAR)[:, 0] for part in flow], axis=1)
    assert after[shown] - before[shown] == pytest.approx(there, abs=0.05)
    assert np.linalg.norm(there, axis=1).min() > 1


_HASH = """
import hashlib, sys
from melib.synthetic.dataset import open_benchmark
def digest(order):
    video = open_benchmark("default", subjects=1, videos=1, frames=120).videos[0]
    found = {}
    for i in order:
        arrays = video.depth(i, i + 1), video.frames(i, i + 1), *video.true_motion(i, i + 6)
        found[i] = b"".join(array.tobytes() for array in arrays)
    return hashlib.sha256(b"".join(found[i] for i in (3, 60, 61))).hexdigest()
"""


def test_every_process_and_every_order_give_the_same_bits_and_load_no_torch():
    code, here = f"{_HASH}print(digest((61, 3, 60)), 'torch' in sys.modules)", {}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    there = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split()
    exec(_HASH, here)
    assert there == [here["digest"]((3, 60, 61)), "False"]


def test_a_range_and_a_pickled_video_give_the_frames_one_by_one_each_with_noise_of_its_own(video, rendered):
    one_by_one = [video.frames(i, i + 1)[0] for i in (12, 11, 10)][::-1]
    colour, depth = video.frames(10, 13), video.depth(10, 13)
    assert rendered == [12, 11, 10], "colour and depth of a frame are rendered once"
    assert np.array_equal(colour, one_by_one) and not np.array_equal(colour[0], colour[1])
    assert np.array_equal(video._render(11)[0], colour[1]) and np.array_equal(depth[1], video.depth(11, 12)[0])
    packed = pickle.dumps(video)
    assert len(packed) < 10_000
    assert np.array_equal(pickle.loads(packed)._render(11)[0], colour[1])  # noqa: S301


def test_only_the_frame_that_is_asked_for_is_rendered_and_the_truth_renders_nothing(rendered):
    video = open_benchmark("default", subjects=1, videos=1, frames=36_000).videos[0]
    video.landmarks(0, 3), video.true_motion(0, 5), video.pose(0, 120), video.action_unit_weights(0, 120)
    assert len(true_labels(open_benchmark(subjects=1, videos=1, frames=36_000))) > 100 and rendered == []
    assert video.frames(35_999, 36_000).shape == (1, 128, 128, 3) and rendered == [35_999]


def test_frames_in_memory_are_bounded_and_the_oldest_go_first(video, rendered, monkeypatch):
    monkeypatch.setattr(module, "_MOST_BYTES", 2 * sum(part.nbytes for part in video._render(0)))
    for i in (1, 2, 1, 3, 2, 1):
        video.frames(i, i + 1)
    assert rendered[1:] == [1, 2, 3, 1]


def test_people_and_videos_of_all_suites_and_populations_are_different():
    seeds = [subject_seed(s, p, i) for s in SUITES.values() for p in POPULATIONS for i in (*range(200), 99_999)]
    seeds += [video_seed(SUITES["default"], p, i, v) for p in POPULATIONS for i in range(50) for v in (0, 1, 999)]
    assert len(set(seeds)) == len(seeds)
    train, test = (open_benchmark(subjects=5, videos=1, frames=60, population=p) for p in POPULATIONS)
    assert not set(train.subjects) & set(test.subjects)


def test_people_are_spread_as_stated_and_tell_nothing_of_what_is_expressed():
    """One micro-expression of each of 150 people: ancestry, sex, age, skin and size do not go with its emotion."""
    rows, emotions = [], []
    for video in open_benchmark("default", subjects=150, videos=1, frames=600).videos:
        micro = [e.emotion for e in video.true_expressions if e.kind == "micro"]
        if micro:
            traits, _ = sample_shape(np.random.default_rng([video.subject_seed, IDENTITY]), load_head())
            gains = sample_gains(np.random.default_rng([video.subject_seed, STRENGTH]), load_head())
            rows.append([*traits.ancestry, traits.maleness, traits.age, traits.melanin, traits.iod_mm, gains.mean()])
            emotions.append(micro[0])
    groups = [np.array(emotions) == name for name in set(emotions)]
    p = [kruskal(*(column[group] for group in groups)).pvalue for column in np.array(rows).T]
    assert len(rows) > 100 and min(p) > 0.01 / len(p), "Bonferroni: one trait tells the emotion"
    shares, melanin, iod = np.array(rows)[:, :3], np.array(rows)[:, -3], np.array(rows)[:, -2]
    assert iod.min() >= 55 and iod.max() <= 71 and (iod.mean(), iod.std()) == pytest.approx((63, 3.2), abs=0.8)
    assert shares.mean(axis=0) == pytest.approx(1 / 3, abs=0.08)
    assert melanin.min() >= 0 and melanin.max() <= 0.95


def test_every_suite_has_a_version_about_one_silent_video_in_five_and_is_a_prefix_of_a_larger_one():
    for (name, suite), population in itertools.product(SUITES.items(), POPULATIONS):
        dataset = open_benchmark(name, subjects=12, videos=3, frames=90, population=population)
        assert dataset.version == suite.version and dataset.synthetic
        silent = [not any(e.kind == "micro" for e in video.expressions) for video in dataset.videos]
        assert 0.1 < np.mean(silent) < 0.3
        assert {e.emotion for v in dataset.videos for e in v.expressions} <= set(dataset.emotions)
        of_large = {(v.subject, v.name): v.expressions for v in dataset.videos}
        small = open_benchmark(name, subjects=2, videos=2, frames=90, population=population)
        assert all(of_large[v.subject, v.name] == v.expressions for v in small.videos)


def test_the_sanity_suite_is_strong_still_and_undisturbed():
    sanity, default = (open_benchmark(name, subjects=8, videos=2, frames=300) for name in ("sanity", "default"))
    still, usual = (np.mean([v.pose(0, 300)[0].std(axis=0) for v in each.videos]) for each in (sanity, default))
    strong, common = (true_labels(each).query("kind == 'micro'")["amplitude_mm"].median() for each in (sanity, default))
    assert still < 0.3 * usual and strong > 1.5 * common and set(true_labels(sanity)["kind"]) == {"micro"}
    lids = [load_head().action_units.index(k) for k in ("45L", "45R")]
    assert not any(v.action_unit_weights(0, 300)[:, lids].any() for v in sanity.videos)


def test_other_views_show_the_same_moment_of_the_same_face(video):
    few = {"subjects": 1, "videos": 1, "frames": FRAMES}
    ways = ({}, {"view": "full"}, {"depth": "low"}, {"depth": "none"})
    opened = [open_benchmark("default", **few, **how) for how in ways]
    assert len({dataset.version for dataset in opened}) == len(ways)
    full = opened[1].videos[0]
    assert full.frames(9, 10).shape == (1, 480, 640, 3) and full.depth(9, 10).shape == (1, 480, 640)
    assert full.expressions == video.expressions
    # The same points seen by both cameras: undo each camera's intrinsics and compare the directions.
    rays = [
        (view.landmarks(9, 10)[0] - [view.camera.cx, view.camera.cy]) / [view.camera.fx, view.camera.fy]
        for view in (full, video)
    ]
    assert rays[0] == pytest.approx(rays[1], abs=1e-5)


def test_everyday_frames_are_compressed_and_a_hand_hides_the_face_and_ends_its_truth():
    videos = open_benchmark("everyday", subjects=1, videos=9, frames=450).videos
    video = next(each for each in videos if each._plan.covers.any())
    covered = video._plan.covers[:, 3] > 0
    hidden, free = int(np.flatnonzero(covered).mean()), int(np.flatnonzero(~covered)[0])
    hand = video._cover(hidden)[0] > 0.5
    assert 0 < covered.mean() < 0.3 and 0.02 < hand.mean() < 0.5 and not video._cover(free)[0].any()
    assert video.true_depth(hidden)[hand] == pytest.approx(video.person.distance - 0.09, abs=1e-6)
    assert not (video.true_motion(hidden, free)[2] & hand).any()
    for pair in ((hidden, free), (free, hidden)):
        seen, without = video.true_motion(*pair)[2], video._film[1].true_motion(*map(video._points, pair))[2]
        assert (seen <= without).all() and (without & ~seen).mean() > 0.01
    plain = encode_colour(video._shoot(hidden)[0], video.scene.colour_sensor, video.seed, hidden)
    first, again = (video._render(hidden)[0] for _ in range(2))
    assert np.array_equal(first, again) and 0.5 < np.abs(first.astype(float) - plain).mean() < 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"suite": "easy"}, "unknown suite 'easy': use one of sanity, default, everyday, out_of_plane"),
        ({"depth": "high"}, "unknown depth sensor 'high': use one of none, low, mid"),
        ({"videos": 0}, "at least one subject with one video, got 1 and 0"),
        ({"frames": 29}, "at least 30 frames, got 29"),
        ({"clips": 501}, "1 to 500 each, got 1 and 501"),
        ({"clips": 1, "classes": "faces"}, "unknown classes 'faces': use one of emotions, out_of_plane"),
    ],
)
def test_bad_requests_get_one_message_that_lists_the_choices(change, message):
    usual = {"subjects": 1} if "clips" in change else {"subjects": 1, "videos": 1, "frames": 60}
    refused(message, open_clips if "clips" in change else open_benchmark, **usual | change)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (5, 5), (119, 121)])
def test_frames_outside_the_video_are_refused(video, start, stop):
    for ask in (video.frames, video.depth, video.landmarks, video.pose, video.action_unit_weights):
        refused(f"{start}..{stop}.*which has 120", ask, start, stop, kind=IndexError)
    refused("120", video.true_motion, 0, 120, kind=IndexError)
