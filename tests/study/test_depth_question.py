"""Answers to the depth question follow from intervals, and the declared rows are what they say."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from melib.study import clip_experiments, depth_experiments
from melib.study.clip_variants import SHEETS
from melib.study.clips import ClipParameters
from melib.study.depth_question import (
    depth_error_mm,
    distance_with_error,
    helps,
    largest_noise,
    out_of_plane_share,
    real_shares,
    smallest_dose,
)
from melib.study.experiments import collect
from melib.synthetic.identity import DISTANCE_M


def gains(rows: dict[float, tuple[float, float, float]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


GOOD, SMALL, UNSURE, BAD = (0.08, 0.04, 0.12), (0.02, 0.01, 0.03), (0.08, -0.01, 0.17), (-0.05, -0.09, -0.01)


@pytest.mark.parametrize(("found", "wanted"), [(GOOD, True), (SMALL, False), (UNSURE, False), (BAD, False)])
def test_depth_helps_only_with_a_gain_of_interest_and_an_interval_above_zero(found, wanted):
    assert helps(dict(zip(("value", "low", "high"), found, strict=True))) == wanted


def test_the_answer_is_the_largest_noise_below_which_no_level_fails():
    assert largest_noise(gains({0.0: GOOD, 0.01: GOOD, 0.02: GOOD, 0.04: SMALL, 0.08: GOOD})) == 0.02
    assert largest_noise(gains({0.08: GOOD, 0.0: GOOD})) == 0.08
    assert largest_noise(gains({0.0: UNSURE, 0.01: GOOD})) is None


def test_the_dose_is_the_smallest_above_which_no_share_fails():
    assert smallest_dose(gains({0.0: BAD, 0.05: GOOD, 0.1: SMALL, 0.5: GOOD, 1.0: GOOD})) == 0.5
    assert smallest_dose(gains({0.0: GOOD, 1.0: UNSURE})) is None


def test_noise_reads_the_same_as_disparity_as_depth_and_as_distance():
    # sigma_z = s z^2 / fB, with fB = 50,600 px mm.
    assert depth_error_mm(0.08) == pytest.approx(0.08 * 560**2 / 50_600)
    for noise in (0.01, 0.08, 0.16):
        assert depth_error_mm(0.08, distance_with_error(noise)) == pytest.approx(depth_error_mm(noise))
    assert distance_with_error(0.08) == pytest.approx(DISTANCE_M)


def test_the_action_units_counted_in_real_labels_are_those_that_far_out_of_plane():
    known = "1 2 4 5 6 7 9 10 12 14 15 16 17 18 20 22 23 24 25 26 28".split()
    for row in real_shares().itertuples():
        wanted = {unit for unit in known if round(out_of_plane_share(unit), 2) >= row.least_share}
        assert set(row.action_units.split("+")) == wanted


def test_the_counts_of_real_labels_are_those_of_the_released_annotation():
    folder = os.environ.get("MELIB_REFERENCE")
    if not folder:
        pytest.skip("MELIB_REFERENCE names no folder of the released files")
    path = next(Path(folder).rglob("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"))
    labels = pd.read_excel(path)["AU"].astype(str)
    shown = [{re.sub("^[LRTBlrtb]+", "", part.strip()) for part in label.split("+")} for label in labels]
    for row in real_shares().itertuples():
        assert row.of == len(shown)
        assert row.expressions == sum(bool(units & set(row.action_units.split("+"))) for units in shown)


def test_rows_that_isolate_depth_share_one_flow_and_one_scale():
    for experiment in depth_experiments.EXPERIMENTS:
        rows = {row.name: ClipParameters(**row.values, tier="smoke") for row in experiment.rows}
        for contrast in experiment.contrasts:
            first, second = rows[contrast.first], rows[contrast.second]
            if first.input == "depth":  # scene flow estimates all three planes at once: a row of its own
                continue
            same = ("question", "sheet", "model", "classes", "flow", "mixture", "share", "effort", "population")
            assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same], contrast
            for row in (first, second):
                depth = row.rows_sheet.variants.get(row.depth)
                flow = row.rows_sheet.variants[row.flow].settings
                assert flow.normalization == "fixed"
                assert depth is None or depth.settings.stabilization == flow.stabilization


def test_every_row_can_be_described_and_reads_variants_that_its_question_needs():
    experiments = collect((*clip_experiments.EXPERIMENTS, *depth_experiments.EXPERIMENTS))
    for experiment in experiments.values():
        for row in experiment.rows:
            for tier in ("smoke", "quick", "full"):
                row.chain.describe(row.values, tier, 0)
            parameters = ClipParameters(**row.values, tier="smoke")
            if parameters.question == "spotting" or parameters.model in ("mean", "sfamnet"):
                for name in (parameters.flow, parameters.depth):
                    assert not name or SHEETS[parameters.sheet].variants[name].still, row.name


def test_the_sweep_covers_every_error_of_a_depth_sensor():
    sensors = {row.values.get("depth", "") for row in depth_experiments.SENSOR_SWEEP.rows}
    for factor in ("noise", "correlation", "fixed pattern", "holes", "quantisation", "misregistration", "delay"):
        assert sum(name.startswith(factor) for name in sensors) >= 2, factor
    assert any(name.startswith("averaged") for name in sensors)
    learnt = [row for row in depth_experiments.SENSOR_SWEEP.rows if row.values.get("learnt_depth")]
    assert learnt and all(row.values["learnt_depth"] != row.values["depth"] for row in learnt)
    shares = {
        row.values["share"] for row in depth_experiments.DOSE_RESPONSE.rows if row.values["mixture"] == "out-of-plane"
    }
    assert sorted(shares) == pytest.approx([0, 0.05, 0.1, 0.25, 0.5, 1])
    assert np.isclose(depth_experiments.SMALLEST_EFFECT, 0.03)
