"""Every input carries the motion that is there, in the units that it says, and no other."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from refusing import refused
from sliding import PlaneVideo, SlidingVideo

from melib import face, features, flow
from melib.features import FeatureSettings, compute
from melib.features.settings import AWAY_SCALE_MM, FLOW_SCALE_PX, SHIFT_SCALE_MM, SLOPE_SCALE
from melib.flow import rigid, scene
from melib.synthetic.dataset import open_benchmark
from melib.synthetic.render import Renderer
from melib.video import Dataset
from tests.flow.test_devices import OnlyMeta

MM = 1e-3
#: Inside both strips, away from their edges.
MIDDLE = np.ix_([*range(4, 18), *range(25, 38)], range(6, 36))
ONE = (np.array([0]), np.array([1]))
HOLE = (slice(86, 96), slice(60, 70))


def found(video, input, pairs=ONE, *, stabilization="none", normalization="fixed"):
    settings = FeatureSettings(input, stabilization=stabilization, normalization=normalization)
    return np.concatenate(list(features.planes(video, pairs, settings)))


def strips(planes, video):
    return face.stack_strips(planes, face.strips(video.landmarks(0, 1)[0], 128, 128))


@pytest.fixture(scope="module")
def benchmark():
    """A video of suite sanity and the pair of its first micro-expression, head motion included."""
    video = open_benchmark("sanity", subjects=1, videos=1, frames=120).videos[0]
    return video, features.expression_pairs(video.true_expressions[:1])


@pytest.mark.parametrize(("input", "plane", "mm"), [("S", 2, -1.5), ("O+S", 2, 1.0), ("D", 0, -1.5)])
def test_a_plane_that_moves_away_gives_its_millimetres(input, plane, mm):
    planes = found(PlaneVideo(away=mm * MM), input)[0]
    np.testing.assert_allclose(planes[plane][MIDDLE] * AWAY_SCALE_MM, mm, atol=0.1)


@pytest.mark.parametrize(("input", "scale"), [("S", SHIFT_SCALE_MM), ("O+S", FLOW_SCALE_PX), ("O", FLOW_SCALE_PX)])
def test_a_shift_to_the_right_gives_its_pixels_and_millimetres(input, scale):
    first, second, third = (plane[MIDDLE] for plane in found(PlaneVideo(right=1.0 * MM), input)[0])
    assert first.mean() * scale == pytest.approx(1.0, abs=0.08)
    assert np.abs(second).mean() < 0.08 and (input == "O" or np.abs(third).mean() < 0.08)


def test_depth_that_tilts_gives_its_slope_and_nothing_downward():
    video = PlaneVideo(slope=0.02 * MM)
    change, right, down = found(video, "D")[0]
    np.testing.assert_allclose(right[MIDDLE] * SLOPE_SCALE, 0.02, atol=0.001)
    assert np.abs(down[MIDDLE]).max() < 0.01
    (expected,) = strips(np.tile(0.02 * (np.arange(128) - 63.5), (1, 128, 1)), video)
    np.testing.assert_allclose((change * AWAY_SCALE_MM)[MIDDLE], expected[MIDDLE], atol=0.01)


@pytest.mark.parametrize(("input", "plane"), [("S", 2), ("D", 0)])
def test_a_hole_takes_the_motion_around_it(input, plane):
    videos = PlaneVideo(away=MM), PlaneVideo(away=MM, lost={0: HOLE, 1: HOLE})
    whole, holed = (found(video, input)[0, plane] for video in videos)
    np.testing.assert_allclose(holed, whole, atol=0.2)


@pytest.mark.parametrize(("stabilization", "normalization"), [("none", "fixed"), ("rigid", "sample")])
def test_both_flows_together_are_u_and_v_of_one_and_z_of_the_other(benchmark, tmp_path, stabilization, normalization):
    video, pairs = benchmark
    modes = {"stabilization": stabilization, "normalization": normalization}
    colour, space, both = (found(video, input, pairs, **modes) for input in ("O", "S", "O+S"))
    np.testing.assert_array_equal(both, np.concatenate([colour[:, :2], space[:, 2:]], axis=1))
    dataset = Dataset("benchmark", "1", (video,), ("surprise",), synthetic=True)
    stored = features.stored_planes(tmp_path, dataset, video, pairs, FeatureSettings("O+S", **modes))
    np.testing.assert_array_equal(stored, both)


def test_true_inputs_are_the_strips_of_the_truth(benchmark):
    video, pairs = benchmark
    flow, scene, _ = video.true_motion(*(int(side[0]) for side in pairs))
    colour, space = (found(video, input, pairs)[0] for input in features.settings.TRUE_INPUTS)
    scales = np.array([SHIFT_SCALE_MM, SHIFT_SCALE_MM, AWAY_SCALE_MM])[:, None, None]
    # Within what the clip of the fixed scale, at three units, leaves alone.
    assert max(np.abs(flow).max(), np.abs(1e3 * scene / scales).max()) < 3
    np.testing.assert_allclose(colour[:2], strips(flow, video), atol=1e-5)
    np.testing.assert_allclose(space * scales, strips(1e3 * scene, video), atol=1e-5)


@pytest.fixture(scope="module")
def quiet(benchmark):
    """A video and a pair of frames between which the head moves and no expression lies."""
    video, _ = benchmark
    busy = {frame for e in video.true_expressions for frame in range(e.onset, e.offset + 1)}
    start = next(first for first in range(80) if not busy & set(range(first, first + 40)))
    return video, (np.array([start]), np.array([start + 39]))


@pytest.mark.parametrize("input", features.settings.TRUE_INPUTS)
def test_the_true_pose_leaves_the_motion_of_a_head_held_still(quiet, input):
    video, pairs = quiet
    start, end = (int(side[0]) for side in pairs)
    (turn, shift), weights = video.pose(start, start + 1), video.action_unit_weights(0, video.n_frames)
    # The same faces, with the head held in its first pose (eyes rest in this suite).
    held = [video.person.points(weights[frame], turn[0], shift[0], np.zeros(2)) for frame in (start, end)]
    flow, scene, _ = Renderer(video.person, video.camera).true_motion(*held)
    target = strips(flow[:2] if input == "true-O" else 1e3 * scene[:2], video)
    moving, stable = (found(video, input, pairs, stabilization=mode)[0, :2] for mode in ("none", "true-pose"))
    assert np.abs(stable - target).mean() < 0.1 * np.abs(moving - target).mean()


@pytest.mark.parametrize("input", ["O", "S", "D"])
def test_rigid_stabilisation_leaves_less_head_motion(quiet, input):
    video, pairs = quiet
    none, rigid = (np.abs(found(video, input, pairs, stabilization=mode)[0, 0]).mean() for mode in ("none", "rigid"))
    assert rigid < 0.7 * none


def test_of_a_rendered_head_that_turns_and_nears_relief_leaves_half_of_what_affine_does(quiet):
    video, (start, end) = quiet
    landmarks, depth = video.landmarks(0, 1)[0], video.true_depth(int(start[0]))
    inside = flow.face_mask(landmarks, *depth.shape) & (depth > 0)
    for head in flow.rigid_motion(depth, video.camera, *video.head_motion(int(start[0]), int(end[0]))):
        median, affine, relief = (
            np.abs(flow.stabilize(head, mode, face=inside, landmarks=landmarks))[:, inside].mean()
            for mode in ("median", "affine", "relief")
        )
        assert relief < 0.7 * affine < 0.2 * median


def test_a_video_says_what_it_lacks():
    for video, input, stabilization, message in (
        (SlidingVideo(), "D", "none", "s0/v0 has no depth, which input .* needs: choose input 'O'"),
        (PlaneVideo(), "true-S", "none", "p0/v0 has no known true motion.*on the benchmark alone"),
        (PlaneVideo(), "O", "true-pose", "p0/v0 has no known true motion.*on the benchmark alone"),
    ):
        refused(message, found, video, input, stabilization=stabilization, kind=ValueError)


@pytest.mark.parametrize(
    ("input", "lost", "stabilization"), [("S", (0, 1, 2), "rigid"), ("D", (0, 1, 2), "none"), ("O+S", (2,), "none")]
)
def test_an_empty_depth_frame_leaves_its_pairs_without_depth_and_the_others_as_they_are(input, lost, stabilization):
    pairs = (np.array([0, 2, 4, 6]), np.array([1, 3, 5, 7]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = found(PlaneVideo(away=MM, right=MM), input, pairs, stabilization=stabilization)
    # Frame 2 is empty, and frame 5 has a few readings only.
    broken = PlaneVideo(away=MM, right=MM, lost={2: slice(None), 5: (slice(4, None), slice(None))})
    with pytest.warns(UserWarning, match="p0/v0: 2 of 4 pairs share no depth.*first frames 2, 4$") as said:
        planes = found(broken, input, pairs, stabilization=stabilization)
    assert len(said) == 1
    for plane in range(3):
        wanted = 0 if plane in lost else whole[1:3, plane]
        np.testing.assert_array_equal(planes[1:3, plane], np.broadcast_to(wanted, (2, 42, 42)))
    np.testing.assert_allclose(planes[[0, 3]], whole[[0, 3]], atol=1e-3)


def once(method):
    """A method that computes once for arrays, and once for the tensors of each device."""
    found = {}

    def remembered(first, *others, **how):
        kind = type(first), str(first.device)
        if kind not in found:
            found[kind] = method(first, *others, **how)
        return found[kind]

    return remembered


@pytest.mark.parametrize("input", ["O", "S"])
def test_planes_of_tensors_are_those_of_arrays_and_never_leave_their_device(input, monkeypatch):
    # Without a tolerance TV-L1 asks nothing of the device; a few iterations are as good as many.
    monkeypatch.setattr(flow, "optical_flow", once(partial(flow.optical_flow, tolerance=0.0, iterations=2)))
    monkeypatch.setattr(flow, "scene_flow", once(flow.scene_flow), raising=False)
    monkeypatch.setattr(scene, "_ITERATIONS", 10)
    monkeypatch.setattr(rigid, "_LEAST_ABSOLUTE", 3)
    video = PlaneVideo(right=0.7 * MM, away=MM, slope=0.01 * MM, lost={0: HOLE, 1: HOLE})
    landmarks = face_landmarks(video)
    for mode in flow.MODES:
        settings = FeatureSettings(input, "face" if mode == "relief" else "strips", "tvl1", mode)
        array, tensor, meta = (
            compute.read(video, np.array([[0, 1], [2, 4]]), settings, landmarks, where)
            for where in (None, torch.device("cpu"), torch.device("meta"))
        )
        planes, lacking = compute.network_planes(tensor)
        np.testing.assert_allclose(planes, compute.network_planes(array)[0], atol=1e-4, err_msg=mode)
        assert planes.dtype == torch.float32 and not lacking.any()
        with OnlyMeta() as hook:
            planes, lacking = compute.network_planes(meta)
        assert planes.shape == (2, 3, 42, 42) and planes.device.type == lacking.device.type == "meta"
        assert set(hook.strangers) <= {"aten.lift_fresh.default"}, "constants go up, and nothing comes down"


def face_landmarks(video, turned=0.0):
    """Landmarks of a video with eyes 52 pixels apart, the mouth 39 below them, all turned by an angle."""
    landmarks = video.landmarks(0, 1)[0].astype(float)
    landmarks[36:42], landmarks[42:48], landmarks[48:68] = (38, 51), (90, 51), (64, 90)
    turn = np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]])
    return (landmarks - 64) @ turn.T + 64


@pytest.mark.parametrize("turned", [0.0, 0.3])
def test_a_grid_over_the_face_keeps_a_constant_and_finds_the_eye_in_its_cell(turned):
    landmarks = face_landmarks(PlaneVideo(), turned)
    at, shares = compute.face_grid(landmarks, 128, 128)
    y, x = np.mgrid[:128, :128]
    bump = np.exp(-((x - landmarks[36, 0]) ** 2 + (y - landmarks[36, 1]) ** 2) / 8)
    pictures = np.stack([np.ones((128, 128)), bump, x]).reshape(3, -1)
    even, seen, right = (pictures[:, at] * shares).sum(-1).reshape(3, 42, 42)
    # The eye on the left is half a distance left of the middle: a quarter of the width, and .62 of 2.24 down.
    assert np.unravel_index(seen.argmax(), seen.shape) == (int(42 * 0.62 / 2.24), 10)
    assert even.max() < 1 + 1e-6 and even[12:30].min() > 1 - 1e-6
    # A cell is a mean over its area, whose middle is where the grid puts it.
    step = np.array([np.cos(turned), np.sin(turned)]) * 52 * 2 / 42
    np.testing.assert_allclose(np.diff(right[20, 5:37]), step[0], atol=0.25)


def test_cells_outside_of_the_picture_are_zero_and_the_scale_is_the_distance_between_the_eyes():
    landmarks = face_landmarks(PlaneVideo())
    _, shares = compute.face_grid(landmarks + (40, 0), 128, 128)
    assert not shares.sum(-1).reshape(42, 42)[:, -8:].any()
    refused("no mouth below two eyes", compute.face_grid, landmarks[::-1], 128, 128, kind=ValueError)
    for input, power in (("O", 1), ("S", 0), ("D", 0)):
        near, far = (FeatureSettings(input, "face").scales(128, pixels)[0] for pixels in (53.0, 26.5))
        assert near == FeatureSettings(input).scales(128, 1.0)[0] and far == near / 2**power
