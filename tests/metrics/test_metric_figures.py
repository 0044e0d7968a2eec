import metric_figures as figures
import numpy as np
import pandas as pd
import pytest
import released
import stored

from melib.metrics import intervals


def test_the_timeline_draws_every_interval_to_scale_and_joins_the_pairs(tables):
    truth, predictions = (part[part.subject == 1].reset_index(drop=True) for part in tables)
    pairs = intervals.match(truth, predictions)
    drawn = figures.timeline(truth, predictions, list(zip(pairs.truth, pairs.prediction, strict=True)))
    assert len(drawn.axes) == truth.video.nunique()
    for axis, video in zip(drawn.axes, sorted(set(truth.video)), strict=True):
        shown = pd.concat([truth[truth.video == video], predictions[predictions.video == video]])
        bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axis.patches]
        assert sorted(bars) == sorted(zip(shown.onset, shown.offset + 1, strict=True))
    assert sum(len(axis.lines) for axis in drawn.axes) == len(pairs)


def test_printed_values_and_curves_of_withheld_predictions_are_those_of_the_record():
    record = stored.load("released_predictions")
    comparison = released.comparison(record)
    axis = figures.against_print(comparison).axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    dots, crosses = (np.asarray(line.get_xdata()) for line in axis.lines)
    assert crosses[names.index("UF1")] == 0.6755
    assert dots[names.index("STRS")] == pytest.approx(comparison.loc["strs", "strict"])
    lines = figures.withheld(record["withheld"]).axes[0].lines
    assert [list(line.get_ydata()) for line in lines] == [record["withheld"][key] for key in ("misnamed", "named")]
