"""The sensors' noise has the size, the correlation and the holes that the data set card states."""

import numpy as np
import pytest

from melib.synthetic.sensor import (
    DEPTH_LEVELS,
    FOCAL_BASELINE,
    ColourSensor,
    DepthSensor,
    draw_colour_sensor,
    encode_colour,
    measure_depth,
    to_metres,
)


def flat(metres, size=96):
    return np.full((size, size), metres, np.float32)


def readings(depth, sensor, n=60, seed=5):
    return np.stack([to_metres(measure_depth(depth, sensor, seed, i), sensor) for i in range(n)])


@pytest.mark.parametrize("level", [0.02, 0.2, 0.7])
def test_colour_noise_grows_with_the_signal_as_the_model_says(level):
    sensor = ColourSensor(shot=4e-4, read=2e-6)
    linear = np.full((64, 64, 3), level, np.float32)
    frames = np.stack([encode_colour(linear, sensor, 1, i) for i in range(40)]).astype(float)
    back = (frames / 255) ** 2.2
    # Rounding to 8 bits adds the variance of one grey level over twelve, seen through the gamma's slope.
    step = 2.2 * level ** (1 - 1 / 2.2) / 255
    expected = np.sqrt(sensor.shot * level + sensor.read + step**2 / 12)
    assert back.std(axis=0).mean() == pytest.approx(expected, rel=0.05)
    assert back.mean() == pytest.approx(level, rel=0.02)


@pytest.mark.parametrize("kind", ["colour", "depth"])
def test_noise_depends_on_seed_and_frame_alone_and_differs_between_frames(kind):
    def read(seed, frame):
        if kind == "depth":
            return measure_depth(flat(0.56), DEPTH_LEVELS["mid"], seed, frame)
        return encode_colour(np.full((64, 64, 3), 0.3, np.float32), draw_colour_sensor(4), seed, frame)

    first, other, again = read(4, 7), read(5, 7), read(4, 7)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    frames = np.stack([read(4, i).ravel() for i in range(20)]).astype(float)
    still = frames - frames.mean(axis=0)  # what stays with the pixel
    kept = (still != 0).any(axis=0) & (frames != 0).all(axis=0)
    correlation = np.corrcoef(still[:, kept])[np.triu_indices(20, 1)]
    assert np.abs(correlation + 1 / 19).max() < 0.15


@pytest.mark.parametrize("metres", [0.5, 0.62])
@pytest.mark.parametrize("level", ["low", "mid"])
def test_depth_noise_over_time_grows_with_the_square_of_the_distance(level, metres):
    sensor = DEPTH_LEVELS[level]
    seen = np.where((z := readings(flat(metres), sensor)) > 0, z, np.nan)
    z_mm = metres * 1e3
    slope = z_mm**2 / FOCAL_BASELINE
    expected = np.sqrt((sensor.disparity_px * slope) ** 2 + (slope / 32) ** 2 / 12 + sensor.unit_mm**2 / 12)
    assert np.nanstd(seen, axis=0).mean() * 1e3 == pytest.approx(expected, rel=0.06)
    assert np.nanmean(seen) * 1e3 == pytest.approx(z_mm, abs=0.15)


def test_the_pattern_stays_with_the_pixel_and_has_its_stated_size():
    sensor = DEPTH_LEVELS["mid"]
    first, moved, other = (
        np.nanmean(np.where((z := readings(flat(metres), sensor, 100, seed)) > 0, z, np.nan), axis=0).ravel()
        for metres, seed in ((0.56, 5), (0.57, 5), (0.56, 6))
    )
    assert 1e3 * first.std() == pytest.approx(sensor.pattern_mm, rel=0.2)
    assert np.corrcoef(first, moved)[0, 1] > 0.8, "the pattern must not move with the surface"
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.2, "another video has another pattern"


def test_depth_is_missing_along_edges_and_rarely_elsewhere():
    depth = flat(0.56)
    depth[:, 48:] = 0
    reading = measure_depth(depth, DEPTH_LEVELS["mid"], 1, 1)
    assert reading.dtype == np.uint16
    assert np.all(reading[:, 47:49] == 0)
    assert np.mean(readings(flat(0.56), DEPTH_LEVELS["mid"], 100) == 0) == pytest.approx(0.0006, rel=0.3)


def test_registration_shifts_the_depth_image_against_the_colour_image():
    ramp = np.tile(np.linspace(0.5, 0.6, 64, dtype=np.float32), (64, 1))
    for depth, shift in ((ramp, (0.5, 0.0)), (ramp.T.copy(), (0.0, 0.5))):
        shifted = measure_depth(depth, DepthSensor(registration_px=shift), 0, 0)
        assert shifted[2:, 2:] == pytest.approx(depth[2:, 2:] - 0.5 * (0.1 / 63), abs=1e-5)


@pytest.mark.parametrize("spread", [0.0, 0.7, 2.0, 4.0])
def test_the_noise_is_as_strong_at_every_correlation_length_and_as_alike_as_asked(spread):
    sensor = DepthSensor(disparity_px=0.08, unit_mm=0.01, correlation_px=spread)
    error = np.stack([measure_depth(flat(0.5, 256), sensor, 7, k) * 0.01 - 500.0 for k in range(4)])
    # sigma_z = s z^2 / fB
    assert error.std() == pytest.approx(0.08 * 500**2 / FOCAL_BASELINE, rel=0.08)
    neighbour = (error[:, :, 1:] * error[:, :, :-1]).mean() / error.var()
    # The correlated part, .9367^2 of the variance, falls off as exp(-1 / (4 s^2)) over one pixel.
    wanted = 0.9367**2 * np.exp(-1 / (4 * spread**2)) if spread else 0.0
    assert neighbour == pytest.approx(wanted, abs=0.06)
