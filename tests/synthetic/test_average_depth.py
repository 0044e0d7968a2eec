"""Averages of depth over time: noise falls, the head's motion and holes do not disturb."""

import numpy as np
import pytest

from melib.synthetic.views import average_depth
from tests.flow.scenes import grid

COUNT, SIZE, NOISE = 9, 64, 0.0005
X, Y = grid(SIZE, SIZE)
FACE = (X - 32) ** 2 + (Y - 32) ** 2 < 24**2


def resting_face():
    """Frames of a relief that tilts, comes closer and shifts, under sensor noise; the flow; the last frame's depth."""
    depth, flow = np.empty((COUNT, SIZE, SIZE)), np.empty((COUNT, 2, SIZE, SIZE))
    for index, away in enumerate(range(COUNT - 1, -1, -1)):
        flow[index] = np.array([0.15, -0.1])[:, None, None] * away
        bump = np.exp(-((X - 0.15 * away - 32) ** 2 + (Y + 0.1 * away - 32) ** 2) / 400)
        depth[index] = 0.55 - 0.03 * bump + 1e-3 * away * (0.2 + 0.3 * (X / SIZE - 0.5))
    noise = np.random.default_rng(0).normal(0, NOISE, depth.shape)
    return (depth + noise).astype(np.float32), flow, depth[-1]


def test_noise_falls_nearly_as_the_square_root_of_the_frames_and_holes_stay_out():
    depth, flow, truth = resting_face()
    holes = np.random.default_rng(4).random(depth.shape) < 0.05
    # Without alignment the head would blur the average.
    blurred, single = np.abs(depth.mean(axis=0) - truth), np.std((depth[-1] - truth)[FACE])
    whole = average_depth(depth, flow, FACE, reference=COUNT - 1)
    depth[holes] = 0
    averaged = average_depth(depth, flow, FACE, reference=COUNT - 1)
    assert averaged.shape == (SIZE, SIZE) and averaged.dtype == np.float32
    assert np.abs(whole - truth)[FACE].mean() < 0.3 * blurred[FACE].mean() and single == pytest.approx(NOISE, rel=0.1)
    # Eight of the nine frames are interpolated, which averages a little more.
    assert np.std((whole - truth)[FACE]) < 1.1 * NOISE / np.sqrt(COUNT)
    np.testing.assert_array_equal(averaged == 0, holes[-1])  # of the reference
    error = (averaged - truth)[FACE & ~holes[-1]]
    assert np.abs(error).max() < 4 * NOISE and np.std(error) < 0.6 * NOISE
    depth[3] = 0
    with pytest.raises(ValueError, match="the depth that frame 3 shares with the reference has 0 pixels"):
        average_depth(depth, flow, FACE, reference=0)
