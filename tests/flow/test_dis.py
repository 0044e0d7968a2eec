"""DIS and Farneback behind the one door."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from melib.flow import optical_flow
from tests.flow.scenes import endpoint_error, shifted_pair

#: Largest mean endpoint error in pixels on analytic shifts below a pixel.
BOUND = {"dis": 0.02, "farneback": 0.08}


@pytest.mark.parametrize("method", ["dis", "farneback"])
@pytest.mark.parametrize("shift", [(1.0, 0.0), (0.0, 1.0), (-0.4, 0.7), (2.5, -1.5)])
def test_a_known_shift_is_found_as_right_and_down(method, shift):
    flow = optical_flow(*shifted_pair(shift=shift), method=method)
    assert flow.shape == (2, 64, 64)
    assert flow.dtype == np.float32
    assert endpoint_error(flow, shift, border=6) < BOUND[method]


@pytest.mark.parametrize("method", ["dis", "farneback"])
@pytest.mark.parametrize("size", [(16, 16), (17, 23), (16, 61), (33, 18)])
def test_odd_and_small_sizes_are_read_on_the_right_axes(method, size):
    flow = optical_flow(*shifted_pair(*size, shift=(0.5, 0.0)), method=method)
    assert flow.shape == (2, *size)
    right, down = flow[:, 4:-4, 4:-4].mean(axis=(1, 2))
    assert right == pytest.approx(0.5, abs=0.1)
    assert down == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_a_batch_gives_the_flow_of_each_pair_bit_for_bit(method):
    pairs = [shifted_pair(shift=(0.3 * n, 0.1), seed=n) for n in range(3)]
    a, b = (np.stack(images) for images in zip(*pairs, strict=True))
    batch = optical_flow(a, b, method=method)
    for index, pair in enumerate(pairs):
        np.testing.assert_array_equal(batch[index], optical_flow(*pair, method=method))


def test_still_images_do_not_move():
    a, _ = shifted_pair()
    assert np.abs(optical_flow(a, a, method="dis")).max() < 1e-3
    # Farneback's own border handling leaves a few hundredths of a pixel in the corners.
    assert np.abs(optical_flow(a, a, method="farneback")).mean() < 5e-3


def test_floating_images_are_read_as_whole_grey_levels():
    a, b = shifted_pair(dtype=np.float32)
    rounded = optical_flow(np.rint(a).astype(np.uint8), np.rint(b).astype(np.uint8), method="dis")
    np.testing.assert_array_equal(optical_flow(a, b, method="dis"), rounded)


def test_bits_and_settings_do_not_depend_on_the_number_of_threads():
    a, b = shifted_pair()
    before = cv2.getNumThreads()
    try:
        flows = []
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            flows.append(optical_flow(a, b, method="dis"))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(*flows)


def test_the_fine_setting_beats_the_coarse_one_below_a_pixel():
    a, b = shifted_pair(128, 128, shift=(0.3, -0.2))
    fine = endpoint_error(optical_flow(a, b, method="dis"), (0.3, -0.2))
    coarse = endpoint_error(optical_flow(a, b, method="dis", finest_scale=2), (0.3, -0.2))
    assert fine < coarse


def test_dis_does_not_need_pytorch():
    code = (
        "import sys, numpy, melib.flow;"
        "melib.flow.optical_flow(*numpy.zeros((2, 32, 32), 'uint8'), method='dis');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
