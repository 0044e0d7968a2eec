import numpy as np
import pytest

from melib.plots import motion as figures
from melib.plots.motion import flow_colours


def constant(right, down):
    return np.stack([np.full((4, 5), float(right)), np.full((4, 5), float(down))])


def test_direction_is_hue_and_length_strength_what_does_not_move_is_white_and_what_is_unknown_grey():
    right, left, down, still = (flow_colours(constant(*v), 2.0)[0, 0] for v in ((2, 0), (-2, 0), (0, 2), (0, 0)))
    np.testing.assert_allclose([right, left, still], [[1, 0, 0], [0, 1, 1], [1, 1, 1]], atol=1e-9)
    np.testing.assert_allclose(down, [0.5, 1, 0], atol=1e-9)
    weak, full, more = (flow_colours(constant(x, 0), 2.0)[0, 0] for x in (0.5, 2, 9))
    assert weak[1] == pytest.approx(0.75)
    np.testing.assert_allclose(more, full)
    unknown = constant(0, 0)
    unknown[:, 1, 2] = np.nan
    np.testing.assert_allclose(flow_colours(unknown, 1.0)[1, 1:3], [[1] * 3, [0.7] * 3])


def test_panels_share_one_scale_and_carry_their_names():
    signed = {"one": np.full((8, 8), -1.0), "two": np.full((8, 8), 3.0), "three": np.full((8, 8), np.nan)}
    drawing = figures.maps_figure(signed, label="away, mm", limit=2.0, columns=2)
    shown = [axes for axes in drawing.axes if axes.images]
    assert [axes.get_title() for axes in shown] == list(signed)
    assert {axes.images[0].get_clim() for axes in shown} == {(-2.0, 2.0)}
    assert "away, mm" in {axes.get_ylabel() for axes in drawing.axes}
    flows = figures.flows_figure({"left": constant(-1, 0), "right": constant(1, 0)}, limit=1.0)
    left, right = (axes.images[0].get_array()[0, 0] for axes in flows.axes)
    np.testing.assert_allclose(left + right, [1, 1, 1], atol=1e-9)
