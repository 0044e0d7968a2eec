"""The record behind the page on the released predictions."""

import json

import numpy as np
import pandas as pd
import pytest

from melib.metrics import intervals, released, strs


def clips(rows):
    return pd.DataFrame(rows, columns=["subject", "video", "onset", "offset", "emotion"])


def test_every_printed_row_but_one_multiplies_up_to_its_strs():
    rows = released.arithmetic()
    assert len(rows) == 16
    odd = rows[~rows["agrees"]]
    assert odd[["method", "features", "classes"]].to_numpy().tolist() == [["SFAMNet", "O", 4]]


def test_the_printed_column_of_casme_2_uses_the_library_s_keys():
    printed = released.printed_column()
    assert printed["strs"] == 0.3862
    assert set(printed) - {"ap_50_95"} <= set(strs.KEYS)


def test_a_fixed_interval_is_chosen_on_the_other_subjects():
    # Subject c's own clips all hold 50..59; the others hold 0..9, so c is answered with 0..9.
    truth = clips(
        [(s, f"{s}{i}", 0, 9, "x") for s in "ab" for i in range(3)] + [("c", f"c{i}", 50, 59, "x") for i in (1, 2)]
    )
    for rule in ("mean_iou", "hits"):
        answers = released.fixed_interval(truth, rule=rule)
        of_c = answers[answers["subject"] == "c"]
        score = strs.evaluate(truth[truth["subject"] == "c"], of_c)
        assert score["tp"] == 0, rule
        assert (of_c["onset"] < 10).all(), rule
    assert released.fixed_interval(truth)[["onset", "offset"]].iloc[0].tolist() == [0, 9]


def test_withholding_agrees_with_scoring_without_those_rows(tables):
    truth, predictions = tables
    curves = released.withheld(truth, predictions)
    found = intervals.match(truth, predictions)
    named_rightly = truth["emotion"].to_numpy()[found.truth] == predictions["emotion"].to_numpy()[found.prediction]
    wrong = found.prediction[~named_rightly]
    stepwise = [strs.evaluate(truth, predictions.drop(index=wrong[:n]))["strs"] for n in range(len(wrong) + 1)]
    assert curves["misnamed"] == pytest.approx(stepwise)
    one_less = [strs.evaluate(truth, predictions.drop(index=row))["strs"] for row in found.prediction[named_rightly]]
    assert curves["named"][1] == pytest.approx(min(one_less))
    assert len(curves["named"]) == named_rightly.sum() + 1
    assert curves["named"][-1] == 0


def test_without_the_files_the_stored_record_is_read(monkeypatch, request):
    monkeypatch.delenv("MELIB_REFERENCE", raising=False)
    record, origin = released.load(start=request.config.rootpath / "notebooks")
    assert origin == "stored"
    assert round(record["scores"]["strict"]["strs"], 4) == 0.3862
    verdicts = released.comparison(record)["agrees"].to_dict()
    assert verdicts.pop("uf1_analysis") == "neither"
    assert verdicts.pop("uar_analysis") == "strict"
    assert set(verdicts.values()) == {"both"}


def test_every_number_of_the_prose_is_finite(monkeypatch, request):
    monkeypatch.delenv("MELIB_REFERENCE", raising=False)
    values = released.quantities(released.load(start=request.config.rootpath)[0])
    assert all(isinstance(value, str) or np.isfinite(value) for value in values.values())
    page = (request.config.rootpath / "notebooks" / "released_predictions.md").read_text(encoding="utf-8")
    named = {part.split("`")[0].split(":")[0] for part in page.split("{glue:text}`")[1:]}
    assert named <= set(values)


def test_a_missing_record_and_missing_files_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MELIB_REFERENCE", raising=False)
    with pytest.raises(FileNotFoundError, match="name the folder of reference artefacts in MELIB_REFERENCE"):
        released.load(start=tmp_path)
    with pytest.raises(FileNotFoundError, match="gt.csv"):
        released.load(str(tmp_path))


def test_a_record_is_written_whole_and_read_back(tmp_path):
    released.save({"a": 1}, tmp_path / "new" / "record.json")
    assert json.loads((tmp_path / "new" / "record.json").read_text()) == {"a": 1}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["record.json"]
