import numpy as np
import pytest
import torch

from melib.flow import scene, scene_flow
from melib.video import Camera
from tests.flow.scenes import Texture, endpoint_error, grid, shifted_pair

SIZE = 64
CAMERA = Camera(300.0, 310.0, 30.0, 34.0, SIZE, SIZE)
IMAGE, _ = shifted_pair()
X, Y = grid(SIZE, SIZE)


def plane(height=SIZE, width=SIZE, distance=0.5):
    return np.full((height, width), distance, np.float32)


def camera_of(height, width):
    return Camera(300.0, 310.0, width / 2, height / 2, width, height)


def inner(values, border=6):
    return values[..., border:-border, border:-border]


@pytest.mark.parametrize("shift", [0.0, 0.0007, -0.002])
def test_a_shift_of_depth_alone_is_found_as_motion_away_and_no_image_flow(shift):
    motion, flow, valid = scene_flow(IMAGE, plane(), IMAGE, plane() + np.float32(shift), CAMERA)
    assert motion.shape == (3, SIZE, SIZE) and flow.shape == (2, SIZE, SIZE) and valid.shape == (SIZE, SIZE)
    assert motion.dtype == flow.dtype == np.float32 and valid.dtype == bool and valid.all()
    assert np.abs(flow).max() < 1e-3
    # The image stands still, so a point off the axis moves along its ray.
    expected = shift * np.stack([(X - CAMERA.cx) / CAMERA.fx, (Y - CAMERA.cy) / CAMERA.fy, np.ones_like(X)])
    np.testing.assert_allclose(motion, expected, atol=2e-5)


@pytest.mark.parametrize("shift", [(0.8, 0.0), (0.0, -0.6), (-2.5, 1.5)])
def test_a_plane_that_moves_sideways_keeps_its_depth(shift):
    a, b = shifted_pair(shift=shift)
    motion, flow, valid = scene_flow(a, plane(), b, plane(), CAMERA)
    # One linearisation on each level leaves some per cent of a motion of several pixels.
    bound = 0.05 * max(1, np.linalg.norm(shift) / 2)
    assert endpoint_error(flow, shift, border=8) < bound
    assert 1000 * np.abs(motion[2]).max() < 0.01
    expected = np.array(shift) * 0.5 / [CAMERA.fx, CAMERA.fy]
    assert 1000 * endpoint_error(motion[:2], expected, border=8) < bound * 1000 * 0.5 / CAMERA.fx
    assert inner(valid).all()


def test_a_slanted_plane_that_slides_in_itself_is_told_from_one_that_comes_closer():
    texture = Texture(3)
    depth = (0.5 + 0.0006 * (X - 32)).astype(np.float32)
    a, b = (np.rint(texture(X - shift, Y)).astype(np.uint8) for shift in (0.0, 1.0))
    motion, flow, _ = scene_flow(a, depth, b, depth, CAMERA)
    # The surface stays where it is; its points move along it, one pixel to the right and 0.6 mm away.
    assert endpoint_error(flow, (1.0, 0.0), border=8) < 0.05
    assert 1000 * np.abs(inner(motion[2], 8) - 0.0006).mean() < 0.05


def test_noisy_depth_is_averaged_over_the_surface_and_followed_with_less_smoothing():
    noise = np.random.default_rng(8).normal(0, 0.0005, (2, SIZE, SIZE)).astype(np.float32)
    usual, rough, trusting = (
        scene_flow(IMAGE, plane() + noise[0], IMAGE, plane() + noise[1] + np.float32(0.001), CAMERA, **settings)[0][2]
        for settings in ({}, {"depth_smoothness": 0.02}, {"depth_noise": 2.5e-5})
    )
    assert np.abs(noise[1] - noise[0]).mean() > 0.0005
    assert 1000 * np.abs(usual - 0.001).mean() < 0.1
    assert rough.std() > 3 * usual.std() and trusting.std() > 2 * usual.std()


def test_holes_give_no_scene_flow_and_do_not_disturb_what_is_around():
    a, b = shifted_pair(shift=(0.7, 0.2))
    depth_a, depth_b = plane(), plane() + np.float32(0.001)
    depth_a[20:26, 20:26] = 0
    depth_b[40:46, 36:44] = 0
    random = np.random.default_rng(1).random((2, SIZE, SIZE)) < 0.01
    depth_a[random[0]], depth_b[random[1]] = 0, 0
    motion, flow, valid = scene_flow(a, depth_a, b, depth_b, CAMERA)
    assert not motion[:, depth_a == 0].any()
    assert not valid[depth_a == 0].any()
    assert not valid[41:45, 37:43].any()
    assert np.abs(motion[2][depth_a > 0] - 0.001).max() < 2e-4
    assert endpoint_error(flow, (0.7, 0.2), border=8) < 0.06


def test_a_head_before_a_wall_far_away_moves_alone():
    texture = Texture(3)
    distance, moved = np.hypot(X - 32, Y - 32), np.hypot(X - 33, Y - 32)
    wall = 60 + 0.2 * texture(2 * X, Y)
    a = np.where(distance < 18, texture(X, Y), wall)
    b = np.where(moved < 18, texture(X - 1, Y), wall)
    depth_a, depth_b = (np.where(part < 18, z, 1.1).astype(np.float32) for part, z in ((distance, 0.5), (moved, 0.501)))
    motion, flow, _ = scene_flow(np.rint(a).astype(np.uint8), depth_a, np.rint(b).astype(np.uint8), depth_b, CAMERA)
    right, away = flow[0], 1000 * motion[2]
    assert right[distance < 13].mean() == pytest.approx(1, abs=0.08)
    assert away[distance < 13].mean() == pytest.approx(1, abs=0.1)
    assert np.abs(right[distance > 24]).mean() < 0.1
    assert np.abs(away[distance > 24]).mean() < 0.1


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (16, 61), (33, 18)])
def test_odd_and_small_sizes_are_read_on_the_right_axes(size):
    a, b = shifted_pair(*size, shift=(0.5, 0.0))
    depth = plane(*size)
    motion, flow, _ = scene_flow(a, depth, b, depth + np.float32(0.001), camera_of(*size))
    assert flow.shape == (2, *size) and motion.shape == (3, *size)
    assert inner(flow, 4).mean(axis=(1, 2)).tolist() == pytest.approx([0.5, 0.0], abs=0.1)
    np.testing.assert_allclose(motion[2], 0.001, atol=5e-5)


def batch():
    shifts = [(0.3, 0.1), (-1.0, 0.4), (0.0, 0.0)]
    pairs = [shifted_pair(40, 48, shift=shift, seed=n) for n, shift in enumerate(shifts)]
    a, b = (np.stack(images) for images in zip(*pairs, strict=True))
    depth = np.stack([plane(40, 48, 0.5 + 0.05 * n) for n in range(3)])
    depth[:, 7, 9] = 0
    return a, depth, b, depth + (depth > 0) * np.float32(0.0008), camera_of(40, 48)


@pytest.mark.parametrize("pairs", [1, 2])
def test_a_pair_has_the_same_scene_flow_alone_and_in_any_batch(pairs, monkeypatch):
    monkeypatch.setattr("melib.flow.grids.CACHE", pairs * 40 * 48)
    *arrays, camera = batch()
    together = scene_flow(*arrays, camera)
    for index in range(3):
        alone = scene_flow(*(array[index] for array in arrays), camera)
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(found[index], expected, atol=1e-5)


def at_once(*given):
    *planes, iterations = given
    scene._iterate_at_once(*map(torch.from_numpy, planes), iterations)


def test_rows_one_by_one_give_what_all_rows_at_once_give(monkeypatch):
    *arrays, camera = batch()
    by_rows = scene_flow(*arrays, camera)
    monkeypatch.setattr(scene, "_iterate_by_rows", at_once)
    for found, expected, limit in zip(scene_flow(*arrays, camera), by_rows, (1e-7, 5e-5, 0), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


@pytest.mark.filterwarnings("error")
def test_precision_tensors_and_read_only_arrays_change_nothing_and_warn_of_nothing(monkeypatch):
    *arrays, camera = batch()
    single = scene_flow(*(array.astype(np.float32) for array in arrays), camera)
    with monkeypatch.context() as patched:
        # Rows one by one would be compiled for another precision, which takes longer than all else here.
        patched.setattr(scene, "_iterate_by_rows", at_once)
        double = scene_flow(*(array.astype(np.float64) for array in arrays), camera)
    assert double[0].dtype == np.float32
    np.testing.assert_allclose(single[1], double[1], atol=2e-3)
    np.testing.assert_allclose(single[0], double[0], atol=5e-6)
    expected, tensors = scene_flow(*arrays, camera), scene_flow(*map(torch.from_numpy, arrays), camera)
    for array in arrays:  # such as memory maps
        array.flags.writeable = False
    for tensor, array, first in zip(tensors, scene_flow(*arrays, camera), expected, strict=True):
        assert isinstance(tensor, torch.Tensor)
        np.testing.assert_array_equal(tensor.numpy(), first)
        np.testing.assert_array_equal(array, first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth_a": 1000 * plane()}, "depth_a has a median of 500 m, which looks like millimetres"),
        ({"depth_b": (1000 * plane()).astype(np.uint16)}, "depth_b is of type uint16"),
        ({"depth_a": plane()[:-1]}, "depth_a has shape"),
        ({"depth_a": -plane()}, "negative"),
        ({"depth_b": 0 * plane()}, "no reading at all"),
        ({"depth_b": np.where(plane() > 0, np.nan, 0)}, "depth_b holds NaN"),
        ({"depth_b": torch.from_numpy(plane())}, "of a kind"),
        ({"depth_b": [1.0]}, "depth_b is a list"),
        ({"camera": None}, "needs the camera's intrinsics"),
        ({"camera": (300, 300, 32, 32)}, "needs the camera's intrinsics"),
        ({"camera": camera_of(SIZE, 2 * SIZE)}, "the camera is of 128 x 64 pixels, the images of 64 x 64"),
        ({"gray_b": shifted_pair(SIZE, 60)[0]}, "image b has shape"),
        ({"gray_b": plane()}, "differ in type"),
        ({"smoothness": 0}, "smoothness must be a number in 1e-06"),
        ({"local_mean": -1}, "local_mean must be a number in 0"),
        ({"depth_noise": 0.0}, "depth_noise must be positive"),
        ({"depth_noise": np.ones((3, 3))}, "depth_noise has shape"),
    ],
)
def test_input_that_cannot_be_used_is_refused_with_the_reason(changes, message):
    arguments = {"gray_a": IMAGE, "depth_a": plane(), "gray_b": IMAGE, "depth_b": plane(), "camera": CAMERA}
    with pytest.raises(ValueError, match=message):
        scene_flow(**(arguments | changes))
