"""Agreement with what the authors' released code printed, for the files of the folder MELIB_REFERENCE."""

import json
import math

import pandas as pd
import pytest
from released_files import ROOT, golden, needs_reference

from melib.metrics import spotting, strs

GOLDEN = golden("strs_case*.json")


@needs_reference
@pytest.mark.parametrize("kind", ["strs_case", "mean_", "sfamnet_", "post_mean", "post_sfamnet", "train_sfamnet_"])
def test_the_folder_of_reference_artefacts_holds_cases_of_every_kind(kind):
    assert golden(f"{kind}*")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_case_agrees_with_its_file_under_each_protocol_to_1e_9(path):
    case = json.loads(path.read_text())
    truth, predictions = pd.DataFrame(case["truth"]), pd.DataFrame(case["predictions"])
    assert case["expected"], f"{path.name} expects nothing"
    for protocol, expected in case["expected"].items():
        scores = strs.evaluate(truth, predictions, protocol=protocol)
        for key, value in expected.items():
            wanted = math.nan if value is None else value
            assert scores[key] == pytest.approx(wanted, abs=1e-9, nan_ok=True), f"{protocol}: {key}"
    released = strs.evaluate(truth, predictions, protocol="strs-metric")["precision_spotting"]
    assert math.isnan(released) == ("strs-metric" not in case["expected"]), "no number where the script crashes"


@needs_reference
def test_the_released_predictions_give_the_published_f1_and_strs_and_the_script_s_uar():
    folder = ROOT / "STRS-Metric" / "data"
    scores = strs.evaluate(folder / "gt.csv", folder / "pred.csv", protocol="strs-metric")
    assert (scores["tp"], scores["fp"], scores["fn"]) == (159, 85, 85)
    printed = {"f1_spotting": 0.6516, "f1_analysis": 0.5927, "strs": 0.3862, "precision_analysis": 0.5983}
    printed |= {"recall_analysis": 0.5872, "uf1_analysis": 0.5766, "uar_analysis": 0.5983}
    assert {key: round(scores[key], 4) for key in printed} == printed


def intervals(videos: list[dict], key: str, columns: list[str]) -> pd.DataFrame:
    rows = [("s", number, *row) for number, video in enumerate(videos) for row in video[key]]
    return pd.DataFrame(rows, columns=["subject", "video", *columns])


@needs_reference
def test_protocol_mean_gives_the_counts_and_the_ap_of_mean_s_evaluator():
    case = json.loads(golden("post_mean*.json")[0].read_text())
    truth = intervals(case["videos"], "gt", ["onset", "apex", "offset"])
    predictions = intervals(case["videos"], "pred", ["onset", "offset", "apex"])
    scores = spotting.evaluate(truth, predictions, protocol="mean")
    assert (scores["tp_micro"], scores["fp_micro"], scores["fn_micro"]) == (case["tp"], case["fp"], case["fn"])
    assert scores["ap_50_95_micro"] == pytest.approx(case["ap_50_95"], abs=1e-6)  # the file holds a float32


@needs_reference
def test_protocol_sfamnet_gives_the_counts_of_sfamnet_s_evaluator():
    case = json.loads(golden("post_sfamnet*.json")[0].read_text())
    names = {code: name for name, code in case["labels"].items()}
    truth = intervals(case["videos"], "gt_micro", ["onset", "offset", "emotion"])
    predictions = intervals(case["videos"], "pred_micro", ["onset", "offset", "emotion"])
    for table in (truth, predictions):
        table["emotion"] = table["emotion"].map(names)
    scores = strs.evaluate(truth, predictions, protocol="sfamnet")
    assert (scores["tp"], scores["fp"]) == (case["tp_micro"], case["fp_micro"])
    assert scores["fn"] == len(truth) - case["tp_micro"]
