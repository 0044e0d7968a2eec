"""The error tables measure distance to the true motion; whether depth helps is decided on people never seen."""

import json

import flow_truth
import numpy as np
import pytest
import stored
from refusing import refused

from melib.synthetic.dataset import open_clips


@pytest.fixture(scope="module")
def pairs():
    return flow_truth.micro_pairs(2, population="test", subjects=1)


def mean_errors(errors, pairs, found):
    (row,) = flow_truth.tabulate(errors, pairs, {"found": found}).values()
    return {column: one["mean"] for column, one in row.items()}


def test_a_summary_leaves_out_pairs_without_a_region_and_a_table_what_was_not_measured():
    both, one, none = (flow_truth.summary(values) for values in ([1.0, np.nan, 3.0], [4.0], [np.nan]))
    assert both == {"mean": 2.0, "error": pytest.approx(1.0), "n": 2}
    assert one == {"mean": 4.0, "error": None, "n": 1} and none == {"mean": None, "error": None, "n": 0}
    shown = flow_truth.show({"dis": {"px": both}, "other": {"mm": one, "px": none}})
    assert shown.to_dict("index") == {"dis": {"px": "2.000 ± 1.000", "mm": ""}, "other": {"px": "", "mm": "4.000"}}


def test_the_truth_has_no_error_and_no_motion_errs_by_the_whole_motion(pairs):
    assert mean_errors(flow_truth.image_flow_errors, pairs, [p.flow for p in pairs])["face, px"] == 0
    still = mean_errors(flow_truth.image_flow_errors, pairs, [np.zeros_like(p.flow) for p in pairs])
    lengths = [np.hypot(*p.flow)[p.face].mean() for p in pairs]
    assert still["face, px"] == pytest.approx(np.mean(lengths), rel=1e-5)
    shifted = [p.scene_flow + np.array([0, 0, 2e-3])[:, None, None] for p in pairs]
    far = mean_errors(flow_truth.scene_flow_errors, pairs, shifted)
    assert [far[f"{axis}, mm"] for axis in ("right", "down", "away")] == pytest.approx([0, 0, 2], abs=1e-3)


def test_missing_readings_are_left_out_and_missing_pairs_are_an_error(pairs):
    pair = pairs[0]
    found = flow_truth.along_the_flow(pair, pair.flow)
    assert np.isnan(found[2][pair.depth[0] == 0]).all()
    assert np.isfinite(found[2][pair.face]).mean() > 0.95
    refused("not 500", flow_truth.micro_pairs, 500, population="test", subjects=1, frames=60, kind=ValueError)


def test_the_true_pose_leaves_nothing_but_the_expression(pairs):
    left = mean_errors(flow_truth.head_motion_left, pairs, [p.flow for p in pairs])
    assert left["none"] > 0.2
    assert left["true pose"] < 0.05
    assert left["rigid, sensor depth"] < left["affine"] < left["none"]


def test_averages_over_time_halve_the_noise_of_depth_and_keep_to_their_frames(pairs):
    single, averaged = (
        mean_errors(flow_truth.depth_change_errors, pairs, depths)["depth change, mm"]
        for depths in ([p.depth for p in pairs], [p.averaged for p in pairs])
    )
    assert averaged < 0.7 * single
    _, before, about = flow_truth.over_time(pairs[0].video, pairs[0].onset, pairs[0].apex, pairs[0].face)
    assert len(before) == 10 and len(about) == 3
    assert np.abs(before[-1]).max() < 0.1  # from the onset to itself


def planted(seed, *, people, away):
    """Clips of two classes that only the motion away tells apart, if it does at all."""
    rng = np.random.default_rng(seed)
    count = 12 * people
    labels = np.array(["AU29", "AU30"] * (count // 2))
    motion = {source: rng.normal(size=(count, 3, 7, 7)) for source in ("two frames", "averages", "truth")}
    for one in motion.values():
        one[:, 2, 3] += away * np.where(labels == "AU29", 1, -1)[:, None]
        one[:, 2] *= away != 0
    return flow_truth.Clips(motion, labels, np.repeat([f"{seed}-{k}" for k in range(people)], 12))


def test_a_cell_is_the_mean_of_its_pixels():
    landmarks = np.zeros((68, 2))
    landmarks[1:] = 70.0
    y, x = np.mgrid[:80, :90].astype(float)
    use = np.ones((80, 90), bool)
    use[:10, :10] = False
    down, right = flow_truth.region_means(np.stack([y, x]), use, landmarks)
    assert down[2, 3] == pytest.approx(24.5) and right[2, 3] == pytest.approx(34.5)
    assert down[0, 0] == 0  # no pixel of it counts
    assert right[6, 6] == pytest.approx(64.5)


@pytest.mark.parametrize(("away", "verdict"), [(1.0, "higher"), (0.0, "undecided")])
def test_depth_is_found_to_help_if_it_alone_tells_the_classes_apart(away, verdict):
    train, test = planted(1, people=4, away=away), planted(2, people=20, away=away)
    result = flow_truth.compare_inputs(train, test, ("AU29", "AU30"), resamples=50)
    assert set(flow_truth.differences(result)["verdict"]) == {verdict}
    assert max(result["scores"][name]["value"] for name in ("optical flow", "shuffled labels")) < 0.75
    if away:
        assert result["scores"]["scene flow"]["value"] > 0.9
        assert result["likeness"]["away, mm, from two frames"]["size"] > 1
    else:
        assert flow_truth.differences(result)[["value", "low", "high"]].eq(0).all(axis=None)
    refused("1-0, 1-1", flow_truth.name_clips, train, train, "scene flow", kind=ValueError)


def test_region_means_of_the_truth_are_those_of_the_expression_alone():
    video = open_clips("out_of_plane", subjects=1, clips=1).videos[0]
    means = flow_truth.read_clip(video)
    landmarks = video.landmarks(video.expressions[0].onset, video.expressions[0].onset + 1)[0]
    flow, motion, valid = video.expression_motion(video.events[0])
    own = flow_truth.region_means(np.concatenate([flow, 1e3 * motion[2:]]), valid, landmarks)
    for plane in (1, 2):
        assert np.corrcoef(means["truth"][plane].ravel(), own[plane].ravel())[0, 1] > 0.8
    assert np.abs(means["truth"][2] - own[2]).mean() < 0.15


def test_a_record_comes_back_in_its_order_and_knows_whether_the_code_changed(tmp_path, monkeypatch):
    record = {
        "experiment": "some",
        "tables": {"z": 1, "a": 2},
        "command": "python -m benchmarks.something",
        "measured": stored.measured_hash(),
        "provenance": {"time": "2026-01-02T03:04:05", "commit": "0" * 40},
    }
    (tmp_path / "notebooks").mkdir()
    path = stored.save(record, tmp_path / "results" / "some.json")
    monkeypatch.chdir(tmp_path / "notebooks")  # as in Jupyter
    found = stored.load("some")
    assert found == record and list(found["tables"]) == ["z", "a"]
    assert flow_truth.origin(found).loc["some", "code measured"] == "the same"
    assert flow_truth.origin(found | {"measured": "other"}).loc["some", "code measured"].endswith("stale")
    refused("JSON compliant", stored.save, record | {"seconds": float("nan")}, path, kind=ValueError)
    assert json.loads(path.read_text()) == record
    refused("results/absent.json", stored.load, "absent", kind=FileNotFoundError)


def test_the_stored_records_hold_what_the_page_says_of_them():
    tables = stored.load("flow_accuracy")["tables"]
    image = tables["image_flow"]
    assert image["tvl1"]["face, px"]["n"] == 100
    assert image["tvl1"]["face, px"]["mean"] <= image["opencv DualTVL1"]["face, px"]["mean"]
    words = flow_truth.against_no_motion({name: tables[name] for name in ("image_flow", "scene_flow")})
    odd = words.index[words["than no motion"] == "not closer"]
    assert odd.tolist() == [("scene_flow", "DIS and depth along it")]
    record = stored.load("out_of_plane")
    assert list(record["scores"]) == [*flow_truth.INPUTS, "shuffled labels"]
    assert flow_truth.differences(record)["verdict"].tolist() == ["undecided", "higher", "higher", "undecided"]
