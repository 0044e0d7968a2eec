import numpy as np
import pytest
from refusing import refused

from melib.flow import fixed_scale, min_max, strain
from tests.flow.scenes import grid


def linear_flow(gradient, height=9, width=12):
    """A flow with ``[[u_x, u_y], [v_x, v_y]]`` constant."""
    x, y = grid(height, width)
    (u_x, u_y), (v_x, v_y) = gradient
    return np.stack([u_x * x + u_y * y + 3, v_x * x + v_y * y - 2])


@pytest.mark.parametrize("differences", ["backward", "central"])
@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        (((0.1, 0), (0, 0)), 0.1),
        (((0, 0), (0, -0.2)), 0.2),
        (((0.3, 0), (0, 0.4)), 0.5),
        (((0, 0.2), (0.2, 0)), np.sqrt(0.5 * 0.4**2)),
        (((0, 0.2), (-0.2, 0)), 0.0),
        (((0, 0), (0, 0)), 0.0),
    ],
)
def test_strain_is_the_norm_of_the_symmetric_gradient(differences, gradient, expected):
    found = strain(linear_flow(gradient), differences=differences)
    assert found.shape == (9, 12)
    inner = found if differences == "central" else found[1:, 1:]
    np.testing.assert_allclose(inner, expected, atol=1e-12)
    if differences == "backward":  # there is nothing on the left and above
        assert not found[0].any() and not found[:, 0].any()


def test_backward_strain_looks_left_and_up_and_central_strain_both_ways():
    flow = np.zeros((2, 5, 5))
    flow[0, 2, 2] = 1.0
    found = strain(flow)
    assert found[2, 2] == pytest.approx(np.sqrt(1 + 0.5))
    assert found[2, 3] == pytest.approx(1.0)
    assert found[3, 2] == pytest.approx(np.sqrt(0.5))
    assert np.count_nonzero(found) == 3
    central = strain(flow, differences="central")
    np.testing.assert_allclose(central, central[:, ::-1])


def test_strain_of_a_batch_is_the_strain_of_each_and_bad_input_is_refused():
    flows = np.random.default_rng(3).normal(size=(2, 3, 2, 7, 8)).astype(np.float32)
    found = strain(flows)
    assert found.shape == (2, 3, 7, 8) and found.dtype == np.float32
    np.testing.assert_array_equal(found[1, 2], strain(flows[1, 2]))
    refused(r"flow must be \(\.\.\., 2, H, W\)", strain, np.zeros((3, 8, 8)), kind=ValueError)
    refused("forward", strain, np.zeros((2, 8, 8)), differences="forward", kind=ValueError)


def test_min_max_stretches_each_plane_alone_and_fixed_scales_keep_small_motion_small_and_clip_the_rest():
    planes = np.stack([np.arange(6.0).reshape(2, 3) - 4, np.full((2, 3), 7.0)])
    scaled = min_max(planes)
    assert scaled[0].min() == 0 and scaled[0].max() == 1
    np.testing.assert_array_equal(scaled[1], 0)
    planes = np.array([[[0.5, 100.0]], [[-0.001, 0.002]]], np.float32)
    scaled = fixed_scale(planes, (0.5, 0.001))
    np.testing.assert_allclose(scaled, [[[1, 3]], [[-1, 2]]], rtol=1e-6)
    for scales, message in (((1.0,), "planes must be"), ((1.0, 0.0), "scale 1 must be a number in")):
        refused(message, fixed_scale, planes, scales, kind=ValueError)
