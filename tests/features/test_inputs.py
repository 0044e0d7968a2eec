"""Every input carries the motion that is there, in the units that it says, and no other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sliding import PlaneVideo, SlidingVideo

from melib import face, features
from melib.features import FeatureSettings, other_sample
from melib.features.motion import true_head_motion
from melib.synthetic.dataset import open_benchmark
from melib.synthetic.render import Renderer
from melib.video import Dataset

MM = 1e-3
MIDDLE = (slice(8, 34), slice(8, 34))
ONE = (np.array([0]), np.array([1]))


def found(video, input, pairs=ONE, *, region="face", stabilization="none", normalization="fixed", other=None):
    settings = FeatureSettings(input, region, stabilization=stabilization, normalization=normalization)
    return np.concatenate(list(features.planes(video, pairs, settings, other=other)))


@pytest.fixture(scope="module")
def benchmark():
    """A video of suite sanity and the pair of its first micro-expression, head motion included."""
    video = open_benchmark("sanity", subjects=1, videos=1, frames=120).videos[0]
    return video, features.expression_pairs(video.true_expressions[:1])


@pytest.mark.parametrize("mm", [-1.5, 1.0])
def test_a_plane_that_moves_away_gives_its_millimetres(mm):
    video = PlaneVideo(away=mm * MM)
    for input, plane in (("S", 2), ("O+S", 2), ("uvz", 2), ("D", 0)):
        middle = found(video, input)[0][:, *MIDDLE]
        np.testing.assert_allclose(middle[plane] * features.AWAY_SCALE_MM, mm, atol=0.1, err_msg=input)
    x, y, _ = found(video, "S")[0][:, *MIDDLE]
    assert np.abs([x, y]).mean() * features.SHIFT_SCALE_MM < 0.1


def test_a_shift_to_the_right_gives_its_pixels_and_millimetres():
    video = PlaneVideo(right=1.0 * MM)
    for input, scale in (("S", features.SHIFT_SCALE_MM), ("O+S", features.FLOW_SCALE_PX), ("uv0", 1.0)):
        first, second, third = found(video, input)[0][:, *MIDDLE]
        assert first.mean() * scale == pytest.approx(1.0, abs=0.08), input
        assert np.abs(second).mean() < 0.08 and np.abs(third).mean() < 0.08, input


def test_depth_that_tilts_gives_its_slope_and_nothing_downward():
    video = PlaneVideo(slope=0.02 * MM)
    change, right, down = found(video, "D")[0]
    np.testing.assert_allclose(right[MIDDLE] * features.SLOPE_SCALE, 0.02, atol=0.001)
    assert np.abs(down[MIDDLE]).max() < 0.01
    expected = 0.02 * (np.arange(128) - 63.5).reshape(1, -1)
    shrunk = cv2.resize(np.repeat(expected, 128, axis=0), (42, 42), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose((change * features.AWAY_SCALE_MM)[MIDDLE], shrunk[MIDDLE], atol=0.01)


@pytest.mark.parametrize("region", features.REGIONS)
@pytest.mark.parametrize("input", ["O", "S", "O+S", "D", "uv0", "uvz"])
def test_a_still_scene_gives_zeros(input, region):
    np.testing.assert_allclose(found(PlaneVideo(), input, region=region), 0, atol=0.02)


@pytest.mark.parametrize("input", ["S", "uvz"])
@pytest.mark.parametrize("stabilization", ["none", "median"])
def test_a_hole_takes_the_motion_around_it(input, stabilization):
    whole, holed = PlaneVideo(away=MM), PlaneVideo(away=MM, hole=(slice(50, 60), slice(70, 80)))
    one, other = (found(video, input, stabilization=stabilization)[0, 2] for video in (whole, holed))
    np.testing.assert_allclose(other, one, atol=0.2)


@pytest.mark.parametrize("stabilization", ["none", "median", "rigid"])
@pytest.mark.parametrize("normalization", features.NORMALIZATIONS)
def test_contrasts_differ_in_the_third_plane_alone(benchmark, stabilization, normalization):
    video, pairs = benchmark
    modes = {"stabilization": stabilization, "normalization": normalization}
    uv0, uvz, colour = (found(video, input, pairs, **modes) for input in ("uv0", "uvz", "O"))
    np.testing.assert_array_equal(uv0[:, :2], uvz[:, :2])
    np.testing.assert_array_equal(uv0[:, :2], colour[:, :2])
    assert (uv0[:, 2] == 0).all() and np.abs(uvz[:, 2]).max() > 0.1
    foreign = found(video, "uvz-other", pairs, other=(video, (pairs[0] + 3, pairs[1])), **modes)
    np.testing.assert_array_equal(foreign[:, :2], uvz[:, :2])
    assert (foreign[:, 2] != uvz[:, 2]).mean() > 0.5
    np.testing.assert_array_equal(foreign[:, 2], found(video, "uvz", (pairs[0] + 3, pairs[1]), **modes)[:, 2])


def test_the_other_sample_is_an_expression_of_another_subject_and_always_the_same():
    dataset = open_benchmark("sanity", subjects=3, videos=2, frames=120)
    for video in dataset.videos:
        pairs = features.expression_pairs(video.expressions)
        if not len(pairs[0]):
            continue
        other, others = other_sample(dataset, video, pairs)
        assert other.subject != video.subject
        known = {(e.onset, e.apex) for e in other.expressions if e.kind == "micro"}
        assert set(zip(*(side.tolist() for side in others), strict=True)) <= known
        again, same = other_sample(dataset, video, pairs)
        assert again is other
        np.testing.assert_array_equal(same, others)


def test_the_other_pairs_of_a_spotter_keep_their_gap_and_come_from_another_subject():
    dataset = Dataset("planes", "1", (PlaneVideo("p0"), PlaneVideo("p1", n_frames=25)), ())
    pairs = features.spotting_pairs(dataset.videos[0], gap_s=0.2)
    other, (starts, ends) = other_sample(dataset, dataset.videos[0], pairs)
    assert other.subject == "p1"
    assert (ends - starts == 6).all() and starts.min() >= 0 and ends.max() <= 24


@pytest.mark.parametrize("n_frames", [8, 9, 40])
def test_alone_in_its_dataset_a_video_lends_itself_other_pairs(n_frames):
    video = PlaneVideo(n_frames=n_frames)
    pairs = features.spotting_pairs(video, gap_s=0.2)
    other, (starts, ends) = other_sample(Dataset("one", "1", (video,), ()), video, pairs)
    assert other is video and (starts != pairs[0]).all() and ends.max() < n_frames


def test_a_dataset_without_another_pair_is_refused():
    video = PlaneVideo(n_frames=7)
    with pytest.raises(ValueError, match="p0/v0 has no room for another pair"):
        other_sample(Dataset("one", "1", (video,), ()), video, features.spotting_pairs(video, gap_s=0.2))


def test_true_inputs_are_the_resized_truth(benchmark):
    video, pairs = benchmark
    flow, scene, _ = video.true_motion(int(pairs[0][0]), int(pairs[1][0]))
    expected = [flow[0], flow[1], *(1e3 * scene)]
    u, v, x, y, z = (cv2.resize(plane, (42, 42), interpolation=cv2.INTER_AREA) for plane in expected)
    colour, space = (found(video, input, pairs)[0] for input in features.TRUE_INPUTS)
    scales = (features.SHIFT_SCALE_MM, features.SHIFT_SCALE_MM, features.AWAY_SCALE_MM)
    # Within what the clip of the fixed scale, at three units, leaves alone.
    assert max(np.abs(flow).max(), *(1e3 * np.abs(scene).max(axis=(1, 2)) / scales)) < 3
    np.testing.assert_allclose(colour[:2], [u, v], atol=1e-5)
    np.testing.assert_allclose(space * np.array(scales)[:, None, None], [x, y, z], atol=1e-5)


def test_the_whole_crop_counts_for_the_face_and_only_the_strips_for_strips(benchmark):
    video, pairs = benchmark
    flow, _, _ = video.true_motion(int(pairs[0][0]), int(pairs[1][0]))
    assert found(video, "true-O", pairs)[0, 0].mean() == pytest.approx(flow[0].mean(), abs=1e-4)
    strips = face.stack_strips(flow, face.strips(video.landmarks(0, 1)[0], 128, 128))
    np.testing.assert_allclose(found(video, "true-O", pairs, region="strips")[0, :2], strips, atol=1e-5)


@pytest.fixture(scope="module")
def quiet():
    """A video and a pair of frames between which the head moves and no expression lies."""
    video = open_benchmark("sanity", subjects=1, videos=1, frames=120).videos[0]
    busy = {frame for e in video.true_expressions for frame in range(e.onset, e.offset + 1)}
    start = next(first for first in range(80) if not busy & set(range(first, first + 40)))
    return video, (np.array([start]), np.array([start + 39]))


@pytest.mark.parametrize("input", features.TRUE_INPUTS)
def test_the_true_pose_leaves_the_motion_of_a_head_held_still(quiet, input):
    video, pairs = quiet
    start, end = (int(side[0]) for side in pairs)
    (turn, shift), weights = video.pose(start, start + 1), video.action_unit_weights(0, video.n_frames)
    # The same faces, with the head held in its first pose (eyes rest in this suite).
    held = [video.person.points(weights[frame], turn[0], shift[0], np.zeros(2)) for frame in (start, end)]
    flow, scene, _ = Renderer(video.person, video.camera).true_motion(*held)
    wanted = flow[:2] if input == "true-O" else 1e3 * scene[:2]
    target = face.stack_strips(wanted, face.strips(video.landmarks(0, 1)[0], 128, 128))
    moving, stable = (
        found(video, input, pairs, stabilization=mode, region="strips")[0, :2] for mode in ("none", "true-pose")
    )
    assert np.abs(stable - target).mean() < 0.1 * np.abs(moving - target).mean()


def test_the_head_moves_all_points_of_a_still_face_alike(benchmark):
    video, _ = benchmark
    rotation, translation = true_head_motion(video, 5, 60)
    rest = np.zeros(video.action_unit_weights(0, 1).shape[1])
    before, after = (
        video.person.points(rest, *(side[0] for side in video.pose(frame, frame + 1)), np.zeros(2)) for frame in (5, 60)
    )
    np.testing.assert_allclose(before @ cv2.Rodrigues(rotation)[0].T + translation, after, atol=1e-9)


@pytest.mark.parametrize("input", ["O", "S", "D"])
def test_rigid_stabilisation_leaves_less_head_motion(quiet, input):
    video, pairs = quiet
    left = {mode: found(video, input, pairs, stabilization=mode, region="strips") for mode in ("none", "rigid")}
    left = {mode: np.abs(planes[0, 0]).mean() for mode, planes in left.items()}
    assert left["rigid"] < 0.7 * left["none"], left


def test_a_camera_that_is_not_known_is_guessed_for_colour(benchmark):
    class ColourOnly:
        """The benchmark's video as one of a plain camera."""

        camera = None

        def __init__(self, video):
            self.subject, self.name, self.n_frames, self.fps = video.subject, video.name, video.n_frames, video.fps
            self.frames, self.landmarks = video.frames, video.landmarks

    video, pairs = benchmark
    known, guessed = (
        found(one, "O", pairs, region="strips", stabilization="rigid")[0, :2] for one in (video, ColourOnly(video))
    )
    assert np.abs(known - guessed).mean() < 0.1


@pytest.mark.parametrize("input", features.DEPTH_INPUTS)
def test_a_video_without_depth_says_what_it_lacks(input, tmp_path):
    video = SlidingVideo()
    dataset = Dataset("sliding", "1", (video, SlidingVideo("v1")), ())
    with pytest.raises(ValueError, match=r"s0/v\d has no depth, which input .* needs: choose input 'O' or 'uv0'"):
        features.stored_planes(tmp_path, dataset, video, ONE, FeatureSettings(input))
    assert list(tmp_path.iterdir()) == []


def test_only_the_benchmark_knows_the_truth():
    for settings in ({"input": "true-O"}, {"input": "true-S"}, {"input": "O", "stabilization": "true-pose"}):
        with pytest.raises(ValueError, match="p0/v0 has no known true motion.*on the benchmark alone"):
            found(PlaneVideo(), **settings)


def test_another_sample_must_be_given():
    with pytest.raises(ValueError, match="needs another pair for each of 1 pairs"):
        found(PlaneVideo(), "uvz-other")


def test_frames_that_share_no_depth_are_named():
    video = PlaneVideo(away=0.1)
    with pytest.raises(ValueError, match="frames 0 and 1 of video p0/v0 share no depth reading"):
        found(video, "uvz")


@pytest.mark.parametrize("normalization", features.NORMALIZATIONS)
def test_both_flows_together_are_stored_bit_for_bit_as_they_are_computed(benchmark, tmp_path, normalization):
    video, pairs = benchmark
    dataset = Dataset("benchmark", "1", (video,), ("surprise",), synthetic=True)
    settings = FeatureSettings("O+S", stabilization="rigid", normalization=normalization)
    stored = features.stored_planes(tmp_path, dataset, video, pairs, settings)
    computed = found(video, "O+S", pairs, region="strips", stabilization="rigid", normalization=normalization)
    np.testing.assert_array_equal(stored, computed)
