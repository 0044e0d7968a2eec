"""The figures about metrics show what they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from melib.metrics import intervals
from melib.plots import metrics as figures
from melib.study import flow_truth, released


@pytest.fixture(autouse=True)
def close_figures():
    with matplotlib.rc_context({"backend": "agg"}):
        yield
        pyplot.close("all")


@pytest.fixture
def record():
    return flow_truth.load("released_predictions")


def bars(axis) -> list[tuple[float, float]]:
    return [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axis.patches]


def test_the_timeline_draws_every_interval_to_scale_and_joins_the_pairs(tables):
    truth, predictions = (part[part.subject == 1].reset_index(drop=True) for part in tables)
    pairs = intervals.match(truth, predictions)
    drawn = figures.timeline(truth, predictions, list(zip(pairs.truth, pairs.prediction, strict=True)))
    assert len(drawn.axes) == truth.video.nunique()
    for axis, video in zip(drawn.axes, sorted(set(truth.video)), strict=True):
        shown = pd.concat([truth[truth.video == video], predictions[predictions.video == video]])
        assert sorted(bars(axis)) == sorted(zip(shown.onset, shown.offset + 1, strict=True))
    assert sum(len(axis.lines) for axis in drawn.axes) == len(pairs)


def test_intervals_that_overlap_stand_on_lanes_of_their_own():
    table = pd.DataFrame({"onset": [20, 0, 5, 30], "offset": [25, 9, 29, 40]})
    assert figures._lanes(table) == [0, 0, 1, 0]


def test_printed_values_stand_beside_recomputed_ones_with_their_intervals(record):
    comparison = released.comparison(record)
    axis = figures.against_print(comparison).axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    dots, crosses = (np.asarray(line.get_xdata()) for line in axis.lines)
    assert crosses[names.index("UF1")] == 0.6755
    assert dots[names.index("STRS")] == pytest.approx(comparison.loc["strs", "strict"])


def test_the_floors_show_the_system_above_what_ignores_the_video():
    null = ("null", {"mean": 0.3, "low": 0.2, "high": 0.4})
    axis = figures.floors(("system", 0.7), {"fixed": 0.5}, null).axes[0]
    assert [bar.get_width() for bar in axis.patches] == [0.3, 0.5, 0.7]
    assert "0.300  (0.200 to 0.400)" in [text.get_text() for text in axis.texts]


def test_the_curves_of_withheld_predictions_are_drawn_whole(record):
    axis = figures.withheld(record["withheld"]).axes[0]
    drawn = {line.get_label().split()[0]: list(line.get_ydata()) for line in axis.lines}
    assert drawn["misnamed"] == record["withheld"]["misnamed"]
    assert drawn["well-named"] == record["withheld"]["named"]


def test_a_band_is_drawn_for_each_system_and_a_line_for_each_mark():
    numbers = [5, 50]
    spread = pd.DataFrame(
        [
            {"system": system, "n": n, "low": middle - 1 / n, "middle": middle, "high": middle + 1 / n}
            for system, middle in (("guesses", 0.3), ("names", 0.7))
            for n in numbers
        ]
    )
    axis = figures.small_counts(spread, {"hits": 17}).axes[0]
    for band, line, (system, rows) in zip(axis.collections, axis.lines, spread.groupby("system"), strict=False):
        corners = band.get_paths()[0].vertices
        assert set(rows["low"]) | set(rows["high"]) <= set(corners[:, 1])
        assert line.get_label() == system and list(line.get_ydata()) == list(rows["middle"])
    assert len(axis.collections) == 2
    assert list(axis.lines[2].get_xdata()) == [17, 17]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["5", "50"]
