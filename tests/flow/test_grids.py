"""The image operations under the flow methods, against SciPy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from melib.flow.depth import depth_derivatives, fill, halve_depth, surface_weights
from melib.flow.grids import blur, double, halve
from tests.flow.scenes import grid


@pytest.mark.parametrize("spread", [0.7, 3.0])
def test_blur_is_gaussian(spread):
    image = np.random.default_rng(11).uniform(0, 255, (17, 22))
    expected = ndimage.gaussian_filter(image, spread, mode="nearest", radius=round(3 * spread))
    np.testing.assert_allclose(blur(torch.from_numpy(image)[None], spread)[0], expected, atol=1e-10)


@pytest.mark.parametrize("size", [(17, 22), (16, 16), (31, 20)])
def test_halve_and_double_keep_every_second_pixel_in_place(size):
    x, y = grid(*size)
    ramp = torch.from_numpy(3 * x + 2 * y)[None]
    half = halve(ramp)
    np.testing.assert_allclose(half[0, 1:-1, 1:-1], ramp[0, ::2, ::2][1:-1, 1:-1])
    whole = double(half[None], *size)[0]
    assert whole.shape[-2:] == size
    np.testing.assert_allclose(whole[0, 3:-4, 3:-4], ramp[0, 3:-4, 3:-4])


def depth_with_holes():
    x, y = grid(24, 26)
    depth = 500 + 0.8 * x - 0.3 * y
    depth[:, 18:] = 1100
    depth[5, 6] = depth[12:14, 3:6] = 0
    return torch.from_numpy(depth)[None]


def test_depth_derivatives_ignore_holes_and_take_the_side_of_the_surface_at_an_edge():
    depth = depth_with_holes()
    weights = surface_weights(depth, (400.0, 400.0), (13.0, 12.0))
    right, down = depth_derivatives(depth, weights)
    np.testing.assert_allclose(right[0, :, :16][depth[0, :, :16] > 0], 0.8, atol=1e-9)
    np.testing.assert_allclose(down[0, :, :18][depth[0, :, :18] > 0], -0.3, atol=1e-9)
    # The plain mean of both sides would be 290 there.
    assert abs(float(right[0, 20, 17]) - 0.8) < 5
    assert weights[0][0, :, 17].max() < 0.01
    assert weights[0][0, 16:, :16].min() > 0.7
    assert max(float(one.max()) for one in weights) <= 1


def test_halved_depth_keeps_edges_and_holes():
    depth = depth_with_holes()
    half = halve_depth(depth, 100.0)
    assert half.shape == (1, 12, 13)
    coarse, fine = half[0, 2:-2, 2:8], depth[0, ::2, ::2][2:-2, 2:8]
    np.testing.assert_allclose(coarse[coarse > 0], fine[coarse > 0], atol=1.0)
    assert set(np.unique(half[0, 8, 9:])) == {1100.0}
    assert half[0, 6, 2] == 0
    assert not halve_depth(torch.zeros(1, 20, 20), 100.0).any()


def test_filled_holes_are_near_what_surrounds_them():
    depth = depth_with_holes()
    filled = fill(depth)
    assert float((filled[0, 12:14, 3:6] - 500).abs().max()) < 5
    known = depth > 0
    np.testing.assert_array_equal(filled[known], depth[known])
    assert not fill(torch.zeros(1, 20, 20)).any()
