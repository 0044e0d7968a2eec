"""The table of designs shows what leave-one-subject-out rows and their fresh counterparts rest on."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from melib import tables
from melib.study.catalogue import find_experiment
from melib.study.rows import RowRecords
from melib.tables.study import verdict

RESULTS = Path(__file__).parents[2] / "results"
WANTED = ("mean-o", "mean-s", "sfamnet-s", "mean-o-loso", "sfamnet-s-loso")


def records_of(name: str, tier: str) -> tuple[dict, ...]:
    found = sorted((RESULTS / tier / "videos").glob(f"{name}.*.json"))
    return tuple(json.loads(path.read_text()) for path in found)


@pytest.fixture(scope="module")
def kept() -> dict[str, RowRecords]:
    rows = [row for row in find_experiment("spot_then_recognize").rows if row.name in WANTED]
    found = {row.name: records_of(row.name, "quick") for row in rows}
    return {row.name: RowRecords(row, found[row.name], (pd.DataFrame(),)) for row in rows}


def test_each_left_out_row_stands_below_the_fresh_row_of_its_network_and_input(kept):
    shown = tables.designs(kept)
    one_out = "leave one subject out"
    assert list(shown.index) == ["MEAN, O", f"MEAN, O, {one_out}", "SFAMNet, S", f"SFAMNet, S, {one_out}"]


def test_what_stands_there_is_what_the_records_say(kept):
    shown = tables.designs(kept)
    (record,) = kept["mean-o-loso"].records
    line = shown.loc["MEAN, O, leave one subject out"]
    assert int(line["Tested on, people"]) == record["counts"]["subjects"] == len(record["k_p"])
    assert int(line["Learns from, people"]) == len(record["k_p"]) - 1, "one is left out"
    assert int(line["Hits"]) == record["spotting_and_naming"]["tp"]["value"]
    assert int(line["Hits"]) + record["spotting_and_naming"]["fn"]["value"] == int(line["Micro-expressions"])
    assert line["ROC-AUC of frames"].startswith(f"{record['frames_smoothed']['roc_auc_frames']['value']:.3f} (")
    floor = record["floor"]["frames_smoothed"]["roc_auc_frames"]
    assert line["The same of the floor"] == f"{floor['value']:.3f} ({floor['low']:.3f} to {floor['high']:.3f})"


def test_several_seeds_are_counted_and_their_hits_meaned(kept):
    row = kept["mean-o-loso"]
    changed = json.loads(json.dumps(row.records[0]))
    changed["spotting_and_naming"]["tp"]["value"] += 1
    changed["floor"]["frames_smoothed"]["roc_auc_frames"]["value"] += 0.1
    twice = RowRecords(row.row, (row.records[0], changed), (pd.DataFrame(),) * 2)
    line = tables.designs(kept | {"mean-o-loso": twice}).loc[row.row.label]
    record = row.records[0]
    assert line["Seeds"] == "2"
    assert float(line["Hits"]) == record["spotting_and_naming"]["tp"]["value"] + 0.5
    mean = record["floor"]["frames_smoothed"]["roc_auc_frames"]["value"] + 0.05
    assert line["The same of the floor"] == f"{mean:.3f} (mean over seeds)"


def test_without_a_pair_the_table_is_empty(kept):
    assert tables.designs({"mean-o": kept["mean-o"]}).empty
    assert tables.designs({"mean-o-loso": kept["mean-o-loso"]}).empty


def test_the_verdict_on_the_floor_speaks_of_found_intervals_too():
    """More ROC-AUC and fewer hits can go together, so a verdict without F1 of spotting would hide a loss."""
    (record, *_) = records_of("mean-o", "quick")
    said = next(line for line in verdict(record).splitlines() if "minus floor" in line)
    lost = record["minus_floor"]["spotting_and_naming"]["f1_spotting"]["value"]
    assert f"F1 of spotting {lost:+.3f}" in said
