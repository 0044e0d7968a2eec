"""Sensor views: what they change, and what they must not."""

from dataclasses import replace

import numpy as np
import pytest

from melib.features import FeatureSettings, planes
from melib.synthetic.action_units import EMOTION_PATTERNS, OUT_OF_PLANE_UNITS, head_component
from melib.synthetic.dataset import open_clips
from melib.synthetic.head import load_head
from melib.synthetic.sensor import DEPTH_LEVELS, DepthSensor
from melib.synthetic.views import GenericShapeView, SensorView

PAIR = (np.array([40]), np.array([46]))


@pytest.fixture(scope="module")
def exact():
    return open_clips("default", subjects=1, clips=1, depth="none").videos[0]


@pytest.fixture(scope="module")
def own():
    return open_clips("default", subjects=1, clips=1).videos[0]


def test_the_suites_own_sensor_gives_the_suites_own_readings_bit_for_bit(exact, own):
    view = SensorView(exact, DEPTH_LEVELS["mid"])
    np.testing.assert_array_equal(view.depth(40, 42), own.depth(40, 42))
    np.testing.assert_array_equal(view.frames(40, 41), own.frames(40, 41))
    np.testing.assert_array_equal(view.landmarks(0, 1), own.landmarks(0, 1))


def test_two_sensors_share_the_optical_flow_and_differ_in_depth_alone(exact):
    quiet, loud = (SensorView(exact, DepthSensor(disparity_px=sd, unit_mm=0.01)) for sd in (0.0, 0.16))
    one, other = (next(planes(view, PAIR, FeatureSettings(input="O+S"))) for view in (quiet, loud))
    np.testing.assert_array_equal(one[:, :2], other[:, :2])
    assert np.abs(one[:, 2] - other[:, 2]).mean() > 0.05


def test_depth_may_be_of_an_earlier_frame_or_averaged_over_frames_which_makes_it_more_exact(exact):
    sensor = DepthSensor(disparity_px=0.08, unit_mm=0.01)
    prompt, late = SensorView(exact, sensor), SensorView(exact, sensor, delay=2)
    np.testing.assert_array_equal(late.depth(46, 47), prompt.depth(44, 45))
    np.testing.assert_array_equal(late.depth(1, 2), prompt.depth(0, 1))
    averaged = SensorView(exact, sensor, windows={46: (43, 48)})
    single, mean = (np.abs(view.depth(46, 47)[0] - exact.true_depth(46)) for view in (prompt, averaged))
    assert mean[40:90, 40:90].mean() < 0.75 * single[40:90, 40:90].mean()


def test_a_generic_shape_knows_nothing_of_the_sensor(exact, own):
    settings = FeatureSettings(input="O+S")
    one, other = (next(planes(GenericShapeView(video), PAIR, settings)) for video in (exact, own))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one[:, 2], next(planes(own, PAIR, settings))[:, 2])


def test_a_view_refuses_readings_that_are_noisy_already_and_frames_that_are_not_there(exact, own):
    for video, more, message in ((own, {}, "depth='none'"), (exact, {"delay": -1}, "at least 0")):
        with pytest.raises(ValueError, match=message):
            SensorView(video, DEPTH_LEVELS["low"], **more)


def test_units_out_of_plane_are_those_of_which_three_tenths_of_the_motion_is_along_the_axis():
    head = load_head()
    for pattern in (pattern for table in EMOTION_PATTERNS.values() for _, pattern in table):
        for unit in pattern:
            name = head_component(unit)[0]
            name = name if name in head.action_units else f"{name}L"
            motion = head.units.entries(name)[1]
            share = (motion[:, 2] ** 2).sum() / (motion**2).sum()
            assert (round(share, 2) >= 0.30) == (unit in OUT_OF_PLANE_UNITS), unit


def test_another_table_of_expressions_changes_what_moves_and_nothing_else():
    plain, moved = (open_clips(subjects=1, clips=4, classes=name) for name in (None, "emotions_out_of_plane"))
    assert moved.version != plain.version and moved.emotions == plain.emotions
    for one, other in zip(plain.videos, moved.videos, strict=True):
        (a,), (b,) = one.events, other.events
        assert replace(a.annotated, action_units=()) == replace(b.annotated, action_units=())
        assert a.amplitude_mm == b.amplitude_mm
        np.testing.assert_array_equal(one.pose(0, 180)[0], other.pose(0, 180)[0])
        assert {label for label, strength in b.intensities if strength > 0.5} <= set(OUT_OF_PLANE_UNITS)
