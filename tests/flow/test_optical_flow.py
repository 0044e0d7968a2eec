"""Every method behind the one door: known motion, batches, and what is refused, with the reason."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from refusing import refused

from melib.flow import METHODS, optical_flow
from tests.flow.scenes import endpoint_error, shifted_pair

#: Largest mean endpoint error in pixels on analytic shifts.
BOUND = {"tvl1": 0.04, "dis": 0.02, "farneback": 0.08}
A, B = shifted_pair()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shift", [(1.0, 0.0), (0.0, 1.0), (-0.4, 0.7), (2.5, -1.5)])
def test_a_known_shift_is_found_as_right_and_down(method, shift):
    flow = optical_flow(*shifted_pair(shift=shift), method=method)
    assert flow.shape == (2, 64, 64) and flow.dtype == np.float32
    assert endpoint_error(flow, shift, border=8) < BOUND[method]


@pytest.mark.parametrize(
    ("method", "more"), [("tvl1", {"iterations": 60}), ("dis", {}), ("dis", {"patch_stride": 8}), ("farneback", {})]
)
@pytest.mark.parametrize("size", [(16, 16), (17, 23), (16, 61), (33, 18)])
def test_odd_and_small_sizes_are_read_on_the_right_axes(method, more, size):
    flow = optical_flow(*shifted_pair(*size, shift=(0.5, 0.0)), method=method, **more)
    assert flow.shape == (2, *size)
    assert flow[:, 4:-4, 4:-4].mean(axis=(1, 2)).tolist() == pytest.approx([0.5, 0.0], abs=0.1)


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_a_batch_gives_the_flow_of_each_pair_bit_for_bit(method):
    pairs = [shifted_pair(shift=(0.3 * n, 0.1), seed=n) for n in range(3)]
    batch = optical_flow(*(np.stack(images) for images in zip(*pairs, strict=True)), method=method)
    for index, pair in enumerate(pairs):
        np.testing.assert_array_equal(batch[index], optical_flow(*pair, method=method))


@pytest.mark.parametrize(("method", "most"), [("tvl1", 1e-4), ("dis", 1e-3), ("farneback", 5e-3)])
def test_still_and_flat_images_do_not_move(method, most):
    # TV-L1's warp rounds coordinates to float32; Farneback's border handling leaves a tenth of a pixel in the corners.
    inner = slice(8, -8) if method == "farneback" else slice(None)
    assert np.abs(optical_flow(A, A, method=method))[:, inner, inner].max() < most
    for level in (0.0, 1.0, 200.0):  # which are not taken for a wrong scale
        flat = np.full((20, 20), level, np.float32)
        assert np.abs(optical_flow(flat, flat, method=method)).max() == 0


def test_floating_images_are_read_as_whole_grey_levels_by_opencv():
    a, b = shifted_pair(dtype=np.float32)
    rounded = optical_flow(np.rint(a).astype(np.uint8), np.rint(b).astype(np.uint8), method="dis")
    np.testing.assert_array_equal(optical_flow(a, b, method="dis"), rounded)


def test_bits_and_settings_do_not_depend_on_the_number_of_threads():
    before = cv2.getNumThreads()
    try:
        flows = []
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            flows.append(optical_flow(A, B, method="dis"))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(*flows)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (A, B[:, :-1], "image b has shape"),
        (A, B.astype(np.float32), "differ in type"),
        (A.astype(np.int32), B.astype(np.int32), "type int32"),
        (A[None, None], B[None, None], "grey"),
        (np.repeat(A[..., None], 3, -1), np.repeat(B[..., None], 3, -1), "grey"),
        (A[:15], B[:15], "too small"),
        (A[None][:0], B[None][:0], "no images"),
        (A / np.float32(255), B / np.float32(255), "multiply by 255"),
        (A * np.float32(2), B * np.float32(2), "0..255"),
        (A - np.float32(128), B - np.float32(128), "0..255"),
        (np.where(A > 9, np.nan, A), B / 1.0, "image a holds NaN or infinity"),
        (A / 1.0, np.where(A > 9, np.inf, A), "image b holds NaN or infinity"),
        (A.tolist(), B.tolist(), "NumPy array"),
        (torch.from_numpy(A), B, "all of a kind"),
        (torch.from_numpy(A), torch.from_numpy(B).to("meta"), "image b lies on meta, the first images on cpu"),
        (torch.from_numpy(A), torch.from_numpy(B), "tensor.cpu"),
    ],
)
def test_images_that_cannot_be_compared_are_refused_with_the_reason(a, b, message):
    refused(message, optical_flow, a, b, method="dis", kind=ValueError)


def test_unknown_methods_and_parameters_are_refused():
    refused("unknown flow method 'raft'", optical_flow, A, B, method="raft", kind=ValueError)
    refused("patch_strid", optical_flow, A, B, method="dis", patch_strid=4, kind=TypeError)


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [("dis", "patch_stride", 0), ("dis", "patch_stride", 9), ("dis", "finest_scale", -1), ("dis", "finest_scale", 1.0)]
    + [("tvl1", name, 0) for name in ("attachment", "tightness", "scales", "warps", "iterations")]
    + [("tvl1", name, np.nan) for name in ("attachment", "scales", "local_mean")]
    + [("tvl1", name, -0.1) for name in ("tolerance", "local_mean")],
)
def test_parameters_out_of_range_are_refused(method, name, value):
    refused(f"{name} must", optical_flow, A, B, method=method, **{name: value}, kind=ValueError)


def test_no_size_and_no_parameter_of_dis_ends_the_process():
    """OpenCV reads outside of its images on some; a child process tries many, each is refused or gives finite flow."""
    program = """
import numpy as np
from melib.flow import optical_flow
random = np.random.default_rng(0)
for trial in range(300):
    image = random.integers(0, 255, random.integers(16, 130, 2), np.uint8)
    names = ("finest_scale", "patch_stride", "variational_iterations")
    values = dict(zip(names, map(int, random.integers((-1, 0, -1), (5, 10, 4)))))
    try:
        assert np.isfinite(optical_flow(image, np.roll(image, 1, 1), method="dis", **values)).all()
    except ValueError as error:
        assert "must be a whole number in" in str(error)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
