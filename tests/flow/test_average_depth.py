"""Averages of depth over time: noise falls, the head's motion and holes do not disturb."""

import numpy as np
import pytest

from melib.flow import average_depth
from tests.flow.scenes import grid

COUNT, SIZE, NOISE = 9, 64, 0.0005


def resting_face(seed=0):
    """Frames of a relief that tilts, comes closer and shifts, under sensor noise; the last is the reference."""
    random = np.random.default_rng(seed)
    x, y = grid(SIZE, SIZE)

    def relief(x, y):
        return 0.55 - 0.03 * np.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 400)

    depth, flow = np.empty((COUNT, SIZE, SIZE)), np.empty((COUNT, 2, SIZE, SIZE))
    for index in range(COUNT):
        away = COUNT - 1 - index
        flow[index] = np.array([0.15, -0.1])[:, None, None] * away
        tilt = 1e-3 * away * (0.2 + 0.3 * (x / SIZE - 0.5))
        depth[index] = relief(x - 0.15 * away, y + 0.1 * away) + tilt
    noisy = depth + random.normal(0, NOISE, depth.shape)
    return noisy, flow, depth[-1], (x - 32) ** 2 + (y - 32) ** 2 < 24**2


def test_noise_falls_nearly_as_the_square_root_of_the_frames():
    depth, flow, truth, face = resting_face()
    averaged = average_depth(depth, flow, face, reference=COUNT - 1)
    assert averaged.shape == (SIZE, SIZE) and averaged.dtype == np.float32
    # Without alignment the head would blur the average.
    assert np.abs(averaged - truth)[face].mean() < 0.3 * np.abs(depth.mean(axis=0) - truth)[face].mean()
    before, after = (np.std((one - truth)[face]) for one in (depth[-1], averaged))
    assert before == pytest.approx(NOISE, rel=0.1)
    # Eight of the nine frames are interpolated, which averages a little more.
    assert after < 1.1 * NOISE / np.sqrt(COUNT)


def test_holes_are_left_out_and_those_of_the_reference_stay():
    depth, flow, truth, face = resting_face()
    holes = np.random.default_rng(4).random(depth.shape) < 0.05
    depth[holes] = 0
    averaged = average_depth(depth, flow, face, reference=COUNT - 1)
    np.testing.assert_array_equal(averaged == 0, holes[-1])
    known = face & ~holes[-1]
    assert np.abs(averaged - truth)[known].max() < 4 * NOISE
    assert np.std((averaged - truth)[known]) < 0.6 * NOISE


def test_one_frame_is_its_own_average():
    depth, flow, _, face = resting_face()
    np.testing.assert_array_equal(average_depth(depth[:1], flow[:1], face, reference=0), depth[0].astype(np.float32))


def test_unfit_input_is_named():
    depth, flow, _, face = resting_face()
    for name, value in {"flow": flow[1:], "face": face[1:], "reference": COUNT}.items():
        with pytest.raises(ValueError, match=rf"^{name} "):
            average_depth(**({"depth": depth, "flow": flow, "face": face, "reference": 0} | {name: value}))
    depth[3] = 0
    with pytest.raises(ValueError, match="the depth that frame 3 shares with the reference has 0 pixels"):
        average_depth(depth, flow, face, reference=0)
