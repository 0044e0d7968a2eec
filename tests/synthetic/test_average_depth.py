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


def test_noise_falls_nearly_as_the_square_root_of_the_frames():
    depth, flow, truth = resting_face()
    averaged = average_depth(depth, flow, FACE, reference=COUNT - 1)
    assert averaged.shape == (SIZE, SIZE) and averaged.dtype == np.float32
    # Without alignment the head would blur the average.
    assert np.abs(averaged - truth)[FACE].mean() < 0.3 * np.abs(depth.mean(axis=0) - truth)[FACE].mean()
    before, after = (np.std((one - truth)[FACE]) for one in (depth[-1], averaged))
    assert before == pytest.approx(NOISE, rel=0.1)
    # Eight of the nine frames are interpolated, which averages a little more.
    assert after < 1.1 * NOISE / np.sqrt(COUNT)


def test_holes_are_left_out_and_those_of_the_reference_stay():
    depth, flow, truth = resting_face()
    holes = np.random.default_rng(4).random(depth.shape) < 0.05
    depth[holes] = 0
    averaged = average_depth(depth, flow, FACE, reference=COUNT - 1)
    np.testing.assert_array_equal(averaged == 0, holes[-1])
    known = FACE & ~holes[-1]
    assert np.abs(averaged - truth)[known].max() < 4 * NOISE
    assert np.std((averaged - truth)[known]) < 0.6 * NOISE


def test_a_frame_without_readings_is_named():
    depth, flow, _ = resting_face()
    depth[3] = 0
    with pytest.raises(ValueError, match="the depth that frame 3 shares with the reference has 0 pixels"):
        average_depth(depth, flow, FACE, reference=0)
