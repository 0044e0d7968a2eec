"""Differences of shares are drawn between -1 and 1, whatever few subjects make of their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

from melib.plots import experiments, rows
from melib.study.experiments import Contrast, Experiment
from melib.study.rows import Chain, Row

CHAIN = Chain("none", *(4 * [lambda *given: {}]))
WITHIN = pd.DataFrame({"value": [0.1, -0.2], "low": [-0.3, np.nan], "high": [0.9, np.nan]})
BEYOND = pd.DataFrame({"value": [0.1, -0.2, 0.0], "low": [-58.0, -0.3, -1.2], "high": [0.2, 14.0, 1.2]})


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def arrows(axes: Axes, marker: str) -> list[tuple[float, float]]:
    """Where the arrows of a kind stand."""
    return [(x, y) for line in axes.lines if line.get_marker() == marker for x, y in zip(*line.get_data(), strict=True)]


def note(axes: Axes) -> str:
    return axes.figure.get_supxlabel()


@pytest.mark.parametrize("draw", [experiments.gains_in_a_row, lambda table: contrasts(table, "uf1_pooled")])
def test_an_interval_beyond_one_is_cut_with_an_arrow_and_a_word_about_it(draw):
    (axes,) = draw(BEYOND).axes
    assert axes.get_xlim() == pytest.approx((-1, 1), abs=0.1)
    first, second, third = axes.get_yticks()
    assert [height for _, height in arrows(axes, "<")] == [first, third]
    assert [height for _, height in arrows(axes, ">")] == [second, third]
    assert all(1 <= abs(x) <= axes.get_xlim()[1] for x, _ in arrows(axes, "<") + arrows(axes, ">"))
    assert "beyond ±1" in note(axes)


@pytest.mark.parametrize("draw", [experiments.gains_in_a_row, lambda table: contrasts(table, "uf1_pooled")])
def test_where_no_interval_goes_beyond_one_nothing_is_cut(draw):
    (axes,) = draw(WITHIN).axes
    assert arrows(axes, "<") == arrows(axes, ">") == []
    assert -0.5 < axes.get_xlim()[0] < axes.get_xlim()[1] < 1
    assert note(axes) == ""


def test_a_number_of_false_positives_may_differ_by_more_than_one():
    (axes,) = contrasts(BEYOND, "false_positives_per_minute").axes
    assert axes.get_xlim()[0] < -58
    assert note(axes) == ""


def test_panels_that_share_an_axis_end_at_the_same_place():
    indexed = {"one": WITHIN.set_index(pd.Index([0.0, 0.1])), "two": BEYOND.set_index(pd.Index([0.0, 0.1, 0.2]))}
    panels = experiments.sensor_noise({"within": {"a": indexed["one"]}, "beyond": {"a": indexed["two"]}}).axes
    assert [axes.get_ylim() for axes in panels] == [pytest.approx((-1, 1), abs=0.1)] * 2
    assert [len(arrows(axes, "^")) for axes in panels] == [0, 2]
    assert [len(arrows(axes, "v")) for axes in panels] == [0, 2]


def test_an_interval_and_the_bar_of_what_is_too_small_end_at_their_values():
    (axes,) = contrasts(WITHIN, "uf1_pooled").axes
    axes.figure.canvas.draw()
    bars = [line for line in axes.lines if line.get_marker() == "None" and len(set(line.get_ydata())) == 1]
    ends = {tuple(np.round(line.get_xdata(), 3)) for line in bars if np.isfinite(line.get_xdata()).all()}
    assert ends == {(-0.03, 0.03), (-0.3, 0.9)}
    assert {line.get_solid_capstyle() for line in bars} == {"butt"}, "other caps reach beyond the ends"


def test_signed_numbers_below_an_axis_do_not_run_into_each_other():
    table = pd.DataFrame({"value": [-0.146, -0.029], "low": [-0.169, -0.044], "high": [-0.121, -0.014]})
    (axes,) = contrasts(table, "uf1_pooled").axes
    # Long labels of rows leave little width.
    axes.set_yticks(axes.get_yticks(), 2 * ["SFAMNet, u, v and depth change, min-max, 4 classes"])
    axes.figure.canvas.draw()
    boxes = [each.get_window_extent() for each in axes.get_xticklabels() if each.get_text()]
    assert len(boxes) > 3
    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:], strict=False))


def contrasts(table: pd.DataFrame, metric: str):
    """The figure of an experiment whose differences are those of a table."""
    names = [f"row-{number}" for number in range(len(table) + 1)]
    experiment = Experiment(
        "made_up",
        "Does it work?",
        "It works if it does.",
        tuple(Row(name, name, CHAIN) for name in names),
        (("recognition", metric),),
        tuple(Contrast(name, names[0], "recognition", metric, "Better?", least=0.03) for name in names[1:]),
    )
    found = pd.DataFrame([vars(each) for each in experiment.contrasts]).join(table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "differences", lambda *given: found)
        return rows.differences_with_intervals(experiment, {})
