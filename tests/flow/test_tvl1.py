"""TV-L1 against known motion, against a float64 reference, and as a batch."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from melib.flow import optical_flow
from melib.flow.tvl1 import tvl1
from tests.flow.scenes import endpoint_error, grid, shifted_pair


def reference_derivative(image, axis):
    """Part of an independent implementation, in float64 and in SciPy, of one pyramid level."""
    return ndimage.correlate1d(image, np.array([1, -8, 0, 8, -1]) / 12, axis=axis, mode="nearest")


def reference_gradient(u):
    right, down = np.zeros_like(u), np.zeros_like(u)
    right[:, :-1] = np.diff(u, axis=1)
    down[:-1] = np.diff(u, axis=0)
    return np.stack([right, down])


def reference_divergence(p):
    right = np.diff(p[0, :, :-1], axis=1, prepend=0, append=0)
    down = np.diff(p[1, :-1], axis=0, prepend=0, append=0)
    return right + down


def reference_tvl1(a, b, attachment, tightness, warps, iterations, tau=0.25):
    a, b = a.astype(float), b.astype(float)
    height, width = a.shape
    x, y = grid(height, width)
    u, p = np.zeros((2, height, width)), np.zeros((2, 2, height, width))
    for _ in range(warps):
        base = u.copy()
        at = [y + base[1], x + base[0]]
        within = [at[0].clip(0, height - 1), at[1].clip(0, width - 1)]
        seen, right, down = (
            ndimage.map_coordinates(image, within, order=3, mode="reflect")
            for image in (b, reference_derivative(b, 1), reference_derivative(b, 0))
        )
        gradient = np.stack([right + reference_derivative(a, 1), down + reference_derivative(a, 0)]) / 2
        outside = (at[0] < 0) | (at[0] > height - 1) | (at[1] < 0) | (at[1] > width - 1)
        gradient[:, outside] = 0
        squared = (gradient**2).sum(0)
        for _ in range(iterations):
            residual = seen - a + (gradient * (u - base)).sum(0)
            step = np.where(squared > 1e-6, -residual / np.maximum(squared, 1e-6), 0)
            v = u + gradient * step.clip(-attachment * tightness, attachment * tightness)
            for k in range(2):
                u[k] = v[k] + tightness * reference_divergence(p[k])
                slope = reference_gradient(u[k])
                p[k] = (p[k] + tau / tightness * slope) / (1 + tau / tightness * np.hypot(*slope))
        u = np.stack([ndimage.median_filter(component, 3, mode="nearest") for component in u])
    return u


@pytest.mark.parametrize("size", [(32, 40), (19, 27)])
def test_float32_agrees_with_an_independent_float64_reference(size):
    a, b = shifted_pair(*size, shift=(0.8, -0.5))
    settings = {"attachment": 0.2, "tightness": 0.25, "warps": 3, "iterations": 12}
    expected = reference_tvl1(a, b, **settings)
    found = optical_flow(a, b, method="tvl1", scales=1, tolerance=0.0, **settings)
    assert np.abs(expected).max() > 0.7
    np.testing.assert_allclose(found, expected, atol=1e-4)
    double = optical_flow(a.astype(float), b.astype(float), method="tvl1", scales=1, tolerance=0.0, **settings)
    np.testing.assert_allclose(double, expected, atol=2e-7)


def test_fine_texture_is_followed_to_a_hundredth_of_a_pixel():
    random = np.random.default_rng(1)
    image = ndimage.gaussian_filter(random.normal(size=(96, 96)), 1.0)
    image = 128 + 40 * image / image.std()
    moved = ndimage.shift(image, (0.4, -0.6), order=5, mode="reflect")
    pair = (np.rint(one + random.normal(0, 1.2, one.shape)).clip(0, 255).astype(np.uint8) for one in (moved, image))
    # Linear interpolation of the images would leave 0.025 pixels.
    assert endpoint_error(optical_flow(*pair, method="tvl1"), (0.6, -0.4)) < 0.015


def test_light_without_texture_is_no_motion_and_without_its_local_mean_flickering_light_matters_less():
    flat = np.full((20, 30), 90, np.uint8)
    assert np.abs(optical_flow(flat, flat + np.uint8(9), method="tvl1")).max() == 0
    a, b = shifted_pair(dtype=np.float32)
    x, _ = grid(64, 64)
    brighter = np.clip(b * 0.9 + 12 + 0.1 * x, 0, 255).astype(np.float32)
    plain = endpoint_error(optical_flow(a, brighter, method="tvl1"), (0.6, -0.3))
    removed = endpoint_error(optical_flow(a, brighter, method="tvl1", local_mean=3.0, attachment=0.3), (0.6, -0.3))
    assert removed < 0.5 * plain


def test_the_pyramid_follows_motion_that_one_level_cannot():
    pair = shifted_pair(128, 128, shift=(6.0, 0.0))
    assert endpoint_error(optical_flow(*pair, method="tvl1"), (6, 0), border=14) < 0.1
    assert endpoint_error(optical_flow(*pair, method="tvl1", scales=1), (6, 0), border=14) > 2


def batch_of_pairs():
    """Pairs that converge at different times: still, slow and fast."""
    pairs = [shifted_pair(48, 48, shift=(shift, 0.1 * shift), seed=9) for shift in (0.0, 0.3, 2.5, 0.0, 1.0)]
    return tuple(np.stack(images) for images in zip(*pairs, strict=True))


@pytest.mark.parametrize(("tolerance", "pairs"), [(0.0, 2), (0.01, 1), (0.03, 5)])
def test_a_pair_has_the_same_flow_alone_and_in_any_batch(tolerance, pairs, monkeypatch):
    monkeypatch.setattr("melib.flow.grids.CACHE", pairs * 48 * 48)
    a, b = batch_of_pairs()
    together = optical_flow(a, b, method="tvl1", tolerance=tolerance)
    alone = np.stack([optical_flow(*pair, method="tvl1", tolerance=tolerance) for pair in zip(a, b, strict=True)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    full = optical_flow(a, b, method="tvl1", tolerance=0.0)
    assert (np.abs(full - together).mean() < 0.03) and (full == together).all() == (tolerance == 0)


def test_tensors_give_tensors_and_inputs_are_left_alone():
    a, b = batch_of_pairs()
    first, second = torch.from_numpy(a), torch.from_numpy(b)
    flow = optical_flow(first, second)
    assert isinstance(flow, torch.Tensor)
    np.testing.assert_array_equal(flow.numpy(), optical_flow(a, b))
    np.testing.assert_array_equal(first.numpy(), batch_of_pairs()[0])
    assert optical_flow(first[0], second[0]).shape == (2, 48, 48)
    with pytest.raises(ValueError, match="single pairs"):
        tvl1(first[0], second[0])
