"""On a filmed dataset the experiments make the papers' tables, and ours stand beside the printed numbers."""

import sys
from dataclasses import replace

import filmed_trees
import numpy as np
import pandas as pd
import papers
import pytest

from melib.datasets import DATASETS, class_sets
from melib.errors import InputError
from melib.study import experiments, long_videos, records, settings, tables
from melib.study.experiments import Row
from melib.study.printed import MEASURED_AS, PRINTED_AS, read_printed
from melib.study.record import Record
from melib.study.records import Kept
from melib.study.settings import Settings

TINY = {"spot_steps": 3, "recognition_steps": 3, "joint_steps": 3, "batch": 16, "resamples": 50}


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    return {name: str(filmed_trees.TREES[name](tmp_path_factory.mktemp(name))) for name in ("casme3", "casme2")}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setitem(settings.TIERS, "smoke", replace(settings.TIERS["smoke"], **TINY))
    monkeypatch.setattr(long_videos, "FLOOR_DRAWS", 2)
    monkeypatch.setattr(sys.modules["melib.face.crop"], "DlibDetector", filmed_trees.FixedDetector)


def filmed(name, dataset, roots, tier="smoke"):
    return experiments.load(name, tier, dataset=dataset, data_root=roots[dataset])


def names(experiment) -> list[str]:
    return [row.name for row in experiment.rows]


def test_an_experiment_keeps_the_rows_that_the_dataset_can_answer(roots):
    found = filmed("spot_then_recognize_rows", "casme3", roots, "full")
    assert {"mean-o", "sfamnet-o-and-s", "floor-d"} <= set(names(found)) and found.comparisons
    assert not [name for name in names(found) if "true" in name or "loso" in name]
    first = found.rows[0]
    assert (first.settings.dataset, first.settings.split, first.home) == ("casme3", "loso", "spotting-casme3")
    # A page must not say that a dataset has as many people as a tier of the benchmark.
    assert "resamples" in first.settings.amounts and not {"people", "videos"} & set(first.settings.amounts)
    for name in ("spotting", "recognition"):
        without_depth = [row for row in names(filmed(name, "casme2", roots)) if "by" not in row]
        assert without_depth == ["mean-o", "sfamnet-o", "floor-o"]
    for name in ("attention_augmentation", "depth_ablation"):
        with pytest.raises(InputError, match=f"'{name}' is about depth, which no video in .* has"):
            filmed(name, "casme2", roots)


def test_every_experiment_runs_on_filmed_faces_or_says_why_not_and_declares_every_printed_row(roots):
    declared, refused = {}, set()
    for name in experiments.names():
        try:
            declared[name] = filmed(name, "casme3", roots)
        except InputError as error:
            assert "asks what only the benchmark can answer" in str(error)
            refused.add(name)
        else:
            assert {row.settings.split for row in declared[name].rows} == {"loso"}
    assert refused == {"convergence", "dose_response", "how_many_people", "sensor_sweep"}
    for each in (declared["spotting"], declared["spot_then_recognize_rows"], declared["recognition"]):
        rows = {row.name: made_up(row.name, row.settings) for row in each.rows}
        for task in {task for (task, _), metric in MEASURED_AS.items() if metric in each.measures}:
            table = papers.beside_printed(rows, task)
            rebuilt = table["method"].isin(["MEAN", "SFAMNet"])
            assert rebuilt.any() and not table["verdict"][rebuilt].str.startswith("not made").any()
            assert (table["verdict"][~rebuilt] == "not made: a method that is not rebuilt here").all()
    # The question of depth is asked of every model with every input.
    found, inputs = declared["depth_ablation"], ("o", "s", "o+s", "o-and-s", "d")
    assert set(names(found)) == {f"{model}-{each}" for model in ("mean", "sfamnet", "floor") for each in inputs}
    assert {(each.first, each.second) for each in found.comparisons} >= {(f"mean-{e}", "mean-o") for e in inputs[1:]}


def test_spotting_stands_beside_the_printed_table(roots, tmp_path, quick):
    whole = filmed("spotting", "casme3", roots)
    floor, network = whole.row("floor-o"), whole.row("sfamnet-s-by-sfamnet-authors")
    floor = replace(floor, settings=replace(floor.settings, method="dis"))
    records.make([floor], folder=tmp_path, store=tmp_path)
    kept = records.read([floor], tmp_path) | {network.name: made_up(network.name, network.settings)}
    table = papers.beside_printed(kept, "spotting")
    columns = ["method", "features", "classes", "metric"]
    printed = read_printed("spotting", "casme3")
    assert table[columns].drop_duplicates().to_numpy().tolist() == printed[columns].to_numpy().tolist()
    made = table[table["row"] != ""].set_index(["method", "features", "metric"])
    assert set(made.index.droplevel("metric")) == {("SFAMNet", "S")}
    line = made.loc[("SFAMNet", "S", "F1")]
    assert (line["value"], line["printed"], line["difference"]) == (0.5, "0.0695", pytest.approx(0.5 - 0.0695))
    ((title, shown),) = papers.tables_beside(whole, kept).items()
    assert title == "spotting on CAS(ME)³" and shown.loc[("SFAMNet", "S", "printed"), "F1"] == "0.0695"
    assert "filmed" in tables.measured(whole, kept).columns[0]
    assert "not for publication" in tables.about(whole, {floor.name: kept[floor.name]})


def made_up(name: str, given: Settings, found: dict | None = None) -> Kept:
    """A row with a record that says what a row of that name would."""
    usual = {"value": 0.5, "low": 0.4, "high": 0.6}
    metrics = ("tp", "fp", "fn", "f1_spotting", "f1_analysis", "uf1_analysis", "uar_analysis", "strs")
    values = {
        "dataset": {"name": given.dataset, "version": "1", "synthetic": False},
        "spotting_and_naming": dict.fromkeys((*metrics, "ap_50_95_micro"), usual),
        "recognition": {"uf1_pooled": found or usual, "uar_pooled": usual},
        **{"amounts": {"resamples": 50}, "counts": {"subjects": 2}},
    }
    truth = {"subject": ["1", "2"], "video": "v", "kind": "micro", "onset": 0, "offset": 9, "emotion": "fear"}
    videos = pd.DataFrame({"subject": ["1", "2"], "video": "v", "frames": 50, "fps": 30.0})
    drawn = {"truth": pd.DataFrame(truth), "predictions": pd.DataFrame({**truth, "score": 1.0}), "videos": videos}
    return Kept(Row(name, name, "spotting-casme3", given, (0,)), (Record(values, drawn),))


def of_casme3(roots, **changes) -> Settings:
    return Settings(tier="smoke", dataset="casme3", data_root=roots["casme3"], **changes)


def test_the_verdict_follows_from_whether_our_interval_holds_the_printed_number(roots):
    verdicts = {(0.20, 0.38): "lower", (0.40, 0.60): "higher"}
    for low, high in [*verdicts, (0.30, 0.42), (0.4, 0.4), (None, None)]:
        kept = {"net": made_up("net", of_casme3(roots), {"value": 0.41, "low": low, "high": high})}
        table = papers.beside_printed(kept, "recognition").set_index(["method", "features", "classes", "metric"])
        line = table.loc[("MEAN", "O", "4", "UF1")]
        assert (line["printed"], line["verdict"]) == ("0.3894", verdicts.get((low, high), "undecided"))
        assert line["difference"] == pytest.approx(0.41 - 0.3894)


def test_a_row_that_differs_from_the_printed_one_does_not_stand_for_it(roots):
    others = {"transfer": False, "normalization": "sample", "classes": 7, "input": "D", "model": "floor"}
    for option, value in [*others.items(), ("intervals_by", "sfamnet")]:
        table = papers.beside_printed({"net": made_up("net", of_casme3(roots, **{option: value}))}, "spotting")
        line = table[(table["method"] == "MEAN") & (table["features"] == "O")].iloc[0]
        assert line["verdict"] == "not made: no such row" and np.isnan(line["difference"])


def test_both_readings_of_an_input_and_both_protocols_have_lines_of_their_own(roots):
    asked = [("O|S", "strict"), ("O|S", "authors"), ("O+S", "authors")]
    rows = {
        f"row{n}": made_up(f"{seen}, {rule}", of_casme3(roots, model="sfamnet", input=seen, rule=rule))
        for n, (seen, rule) in enumerate(asked)
    }
    table = papers.beside_printed(rows, "spotting")
    lines = table[(table["method"] == "SFAMNet") & (table["features"] == "O+S") & (table["metric"] == "F1")]
    assert lines["row"].tolist() == ["O+S, authors", "O|S, authors", "O|S, strict"]


def test_every_printed_dataset_can_be_read_and_has_a_usual_number_of_classes():
    printed = set().union(*(read_printed(task)["dataset"] for task in ("spotting", "analysis", "recognition")))
    assert printed == set(PRINTED_AS.values())
    assert set(PRINTED_AS) == filmed_trees.TREES.keys() == DATASETS.keys()
    assert all(settings.USUAL_CLASSES[name] in class_sets(name) for name in DATASETS)
