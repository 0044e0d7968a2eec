"""The error tables measure distance to the true motion, and say over how many pairs."""

from __future__ import annotations

import numpy as np
import pytest

from melib.study import flow_accuracy, stored
from melib.study.motion_pairs import micro_pairs


@pytest.fixture(scope="module")
def pairs():
    return micro_pairs(2, population="test", subjects=2)


def test_a_summary_leaves_out_pairs_without_a_region():
    assert flow_accuracy.summary([1.0, np.nan, 3.0]) == {"mean": 2.0, "error": pytest.approx(1.0), "n": 2}
    assert flow_accuracy.summary([4.0]) == {"mean": 4.0, "error": None, "n": 1}
    assert flow_accuracy.summary([np.nan]) == {"mean": None, "error": None, "n": 0}


def test_a_table_is_shown_with_its_errors_and_empty_where_nothing_was_measured():
    cell = {"mean": 0.12345, "error": 0.01, "n": 3}
    shown = flow_accuracy.show({"dis": {"px": cell}, "other": {"mm": cell | {"error": None}}})
    assert shown.loc["dis", "px"] == "0.123 ± 0.010"
    assert shown.loc["other", "mm"] == "0.123"
    assert shown.loc["other", "px"] == ""
    assert list(flow_accuracy.show({"dis": {"px": cell}}, columns=["mm", "px"]).columns) == ["mm", "px"]


def test_what_is_no_better_than_no_answer_is_named():
    cell = {"mean": 0.5, "error": 0.1, "n": 3}
    table = {"no motion": {"px": cell}, "good": {"px": cell | {"mean": 0.4}}, "bad": {"px": cell | {"mean": 0.6}}}
    assert flow_accuracy.worse_than_nothing(table) == ["bad (px)"]


def test_the_truth_has_no_error_and_no_motion_errs_by_the_whole_motion(pairs):
    flows = {"truth": np.stack([p.flow for p in pairs]), "none": np.zeros((2, *pairs[0].flow.shape))}
    table = flow_accuracy.image_flow_table(pairs, flows)
    assert table["truth"]["face, px"]["mean"] == 0
    lengths = [np.hypot(*p.flow)[p.face].mean() for p in pairs]
    assert table["none"]["face, px"]["mean"] == pytest.approx(np.mean(lengths), rel=1e-5)

    shifted = [p.scene_flow + np.array([0, 0, 2e-3])[:, None, None] for p in pairs]
    row = flow_accuracy.scene_flow_table(pairs, {"too far": shifted})["too far"]
    assert [row[f"{axis}, mm"]["mean"] for axis in flow_accuracy.AXES] == pytest.approx([0, 0, 2], abs=1e-3)


def test_a_missing_depth_reading_is_left_out_of_the_depth_change(pairs):
    pair = pairs[0]
    found = flow_accuracy.along_the_flow(pair, pair.flow)
    assert np.isnan(found[2][pair.depth[0] == 0]).all()
    assert np.isfinite(found[2][pair.face]).mean() > 0.95


def test_the_true_pose_leaves_nothing_but_the_expression(pairs):
    flows, motions = np.stack([p.flow for p in pairs]), [p.scene_flow for p in pairs]
    left = {m: row["dis, px"]["mean"] for m, row in flow_accuracy.head_motion_table(pairs, flows, motions).items()}
    assert left["none"] > 0.2
    assert left["true pose"] < 0.05
    assert left["rigid, sensor depth"] < left["affine"] < left["none"]


def test_averages_over_time_halve_the_noise_of_depth_and_keep_to_their_frames(pairs):
    over_time = [flow_accuracy.over_time(p.video, p.onset, p.apex, p.face) for p in pairs]
    rows = flow_accuracy.depth_noise_table(pairs, [depth for depth, _, _ in over_time])
    single, averaged = (row["depth change, mm"]["mean"] for row in rows.values())
    assert averaged < 0.7 * single
    _, before, about = over_time[0]
    assert len(before) == 10 and len(about) == 3
    assert np.abs(before[-1]).max() < 0.1  # from the onset to itself


def test_more_pairs_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="not 500"):
        micro_pairs(500, population="test", subjects=1, frames=60)


def test_a_record_comes_back_in_its_order_and_knows_whether_the_code_changed(tmp_path):
    record = {
        "experiment": "flow_accuracy",
        "parameters": {},
        "dataset": {},
        "tables": {"z": 1, "a": 2},
        "command": "python -m benchmarks.something",
        "measured": stored.measured_hash(),
        "provenance": {"time": "2026-01-02T03:04:05", "commit": "0" * 40},
    }
    stored.save(record, tmp_path / "results" / "some.json")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    found = stored.load("some", start=tmp_path / "deep" / "er")
    assert found == record and list(found["tables"]) == ["z", "a"]
    assert stored.is_current(found) and "is the same today" in stored.origin(found)
    found["measured"] = "of other code"
    assert not stored.is_current(found) and "stale" in stored.origin(found)
    with pytest.raises(ValueError, match="JSON compliant"):
        stored.save(record | {"seconds": float("nan")}, tmp_path / "results" / "bad.json")
    assert not (tmp_path / "results" / "bad.json").exists()
    with pytest.raises(FileNotFoundError, match="results/absent.json"):
        stored.load("absent", start=tmp_path)


def test_the_record_in_the_book_stands_on_a_hundred_pairs_and_names_its_peer():
    record = stored.load("flow_accuracy")
    assert set(record["tables"]) == set(flow_accuracy.TITLES)
    image = record["tables"]["image_flow"]
    assert record["parameters"]["pairs"] == image["tvl1"]["face, px"]["n"] == 100
    assert image["tvl1"]["face, px"]["mean"] <= image["opencv DualTVL1"]["face, px"]["mean"]
    assert all(image[m]["face, px"]["mean"] < image["no motion"]["face, px"]["mean"] for m in image if m != "no motion")
