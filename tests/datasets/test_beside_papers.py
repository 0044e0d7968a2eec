"""On a filmed dataset the experiments make the papers' tables, and ours stand beside the printed numbers."""

from __future__ import annotations

import sys
from dataclasses import replace

import filmed_trees
import numpy as np
import pandas as pd
import pytest

from melib import provenance, study, tables
from melib.metrics import spotting
from melib.study import measure, parameters
from melib.study.catalogue import EXPERIMENTS, find_experiment
from melib.study.filmed_experiments import COMPLETED, on_dataset
from melib.study.released import PRINTED_AS, read_printed
from melib.study.rows import Chain, Row, RowRecords, ensure

SMALL = replace(study.TIERS["smoke"], spot_steps=3, recognition_steps=3, joint_steps=3, batch=16, resamples=50)
CHAIN = Chain("none", *(4 * [lambda *given: {}]))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    return {name: filmed_trees.TREES[name](tmp_path_factory.mktemp(name)) for name in ("casme3", "casme2")}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: tmp_path_factory.mktemp(name) for name in ("records", "store")}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setitem(study.TIERS, "smoke", SMALL)
    monkeypatch.setattr(measure, "CHANCE_DRAWS", 100)
    monkeypatch.setattr(parameters, "FLOOR_DRAWS", 2)
    monkeypatch.setattr(sys.modules["melib.face.crop"], "DlibDetector", filmed_trees.FixedDetector)


def names(experiment) -> list[str]:
    return [row.name for row in experiment.rows]


def some_rows(experiment, *wanted):
    """The same experiment with some of its rows, to spare time."""
    return replace(experiment, rows=tuple(experiment.row(name) for name in wanted), contrasts=())


def obtained(experiment, folders):
    return ensure(experiment.rows, "smoke", folder=folders["records"], store=folders["store"])


def as_printed(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """The lines of a table, those of two readings or protocols once."""
    columns = ["method", "features", "classes", "metric"]
    return list(dict.fromkeys(table[columns].itertuples(index=False, name=None)))


def test_an_experiment_keeps_the_rows_that_need_no_benchmark(unpacked):
    experiment = find_experiment("spot_then_recognize")
    assert on_dataset(experiment, "synthetic", "") is experiment
    filmed = on_dataset(experiment, "casme3", str(unpacked["casme3"]))
    assert {"mean-o-casme3", "sfamnet-o-and-s-casme3", "floor-d-casme3"} <= set(names(filmed))
    assert not [name for name in names(filmed) if "true" in name or "loso" in name]
    described = filmed.rows[0].chain.describe(filmed.rows[0].values, "full", 0)
    given = described["parameters"]
    assert (given["dataset"], given["split"], given["data_root"]) == ("casme3", "loso", "")
    # A page must not say that a dataset has as many people as a tier of the benchmark.
    assert "resamples" in described["sizes"] and not {"test_subjects", "videos"} & set(described["sizes"])
    assert filmed.contrasts


@pytest.mark.parametrize("name", [*COMPLETED, "recognition"])
def test_every_printed_row_of_both_networks_is_declared_where_there_is_depth(name, unpacked):
    experiment = on_dataset(find_experiment(name), "casme3", str(unpacked["casme3"]))
    rows = {
        row.name: made_up(row.name, row.chain.describe(row.values, "smoke", 0)["parameters"], row.label)
        for row in experiment.rows
    }
    for task in tables.papers.printed_tasks(experiment):
        table = tables.beside_printed(rows, task)
        rebuilt = table["method"].isin(["MEAN", "SFAMNet"])
        assert rebuilt.any() and not table["verdict"][rebuilt].str.startswith("not made").any()
        assert (table["verdict"][~rebuilt] == "not made: a method that is not rebuilt here").all()


def test_without_depth_the_rows_that_need_it_fall_away(unpacked):
    root = str(unpacked["casme2"])
    assert names(on_dataset(find_experiment("spotting"), "casme2", root)) == [
        "mean-o-casme2",
        "sfamnet-o-casme2",
        "floor-o-casme2",
    ]
    assert names(on_dataset(find_experiment("recognition"), "casme2", root)) == [
        "mean-o-casme2",
        "sfamnet-o-casme2",
        "floor-o-casme2",
    ]
    for name in ("attention_augmentation", "depth_ablation"):
        with pytest.raises(ValueError, match=f"'{name}' is about depth, which no video in .* has"):
            on_dataset(find_experiment(name), "casme2", root)


def test_every_experiment_runs_on_filmed_faces_or_says_in_one_sentence_why_not(unpacked):
    refused = set()
    for name, experiment in EXPERIMENTS.items():
        try:
            filmed = on_dataset(experiment, "casme3", str(unpacked["casme3"]))
        except ValueError as error:
            assert "asks what only the benchmark can answer" in str(error)
            refused.add(name)
        else:
            for row in filmed.rows:
                assert row.chain.describe(row.values, "quick", 0)["parameters"]["split"] == "loso"
    assert refused == {"convergence", "dose_response", "sensor_sweep"}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (("casme3", ""), ValueError, "'casme3' is read from a folder: give it as data_root"),
        (("casme3", "not_there"), FileNotFoundError, "data_root not_there is not a folder"),
        (("casme4", "not_there"), ValueError, "unknown dataset 'casme4': use one of"),
        (("synthetic", "not_there"), FileNotFoundError, "not_there is not a folder"),
    ],
)
def test_what_is_wrong_with_dataset_or_folder_is_said_in_one_sentence(given, error, words):
    with pytest.raises(error, match=words):
        on_dataset(find_experiment("spotting"), *given)


def test_the_depth_question_is_asked_of_every_model_with_every_input(unpacked):
    filmed = on_dataset(find_experiment("depth_ablation"), "casme3", str(unpacked["casme3"]))
    inputs = ("o", "s", "o+s", "o-and-s", "d")
    assert names(filmed) == [f"{model}-{seen}-casme3" for model in ("mean", "sfamnet", "floor") for seen in inputs]
    assert [(each.first, each.second) for each in filmed.contrasts[:4]] == [
        (f"mean-{seen}-casme3", "mean-o-casme3") for seen in inputs[1:]
    ]


def test_spotting_with_depth_stands_beside_the_printed_table(unpacked, folders, quick):
    whole = on_dataset(find_experiment("spotting"), "casme3", str(unpacked["casme3"]))
    declared = some_rows(
        whole, "mean-o-casme3", "sfamnet-s-casme3", "sfamnet-s-by-sfamnet-authors-casme3", "floor-o-casme3"
    )
    kept = obtained(declared, folders)
    table = tables.beside_printed(kept, "spotting")
    assert as_printed(table) == [
        (each.method, each.features, each.classes, each.metric)
        for each in read_printed("spotting", "casme3").itertuples()
    ]
    made = table[~table["verdict"].str.startswith("not made")].set_index(["method", "features"])
    assert list(made.index) == [("MEAN", "O"), ("SFAMNet", "S")]
    # The record is the truth; SFAMNet's row is the one under its own rule.
    for (method, _), name in zip(made.index, ("mean-o-casme3", "sfamnet-s-by-sfamnet-authors-casme3"), strict=True):
        found = kept[name].records[0]["spotting_and_naming"]["f1_spotting"]
        line = made.loc[method].iloc[0]
        assert line["value"] == found["value"] and line["row"] == declared.row(name).label
        assert line["difference"] == pytest.approx(found["value"] - float(line["printed"]))
    reasons = table.set_index(["method", "features"])["verdict"]
    assert reasons["MEAN", "S"] == "not made: no row of MEAN with input S"
    assert reasons["SFAMNet", "O"] == "not made: no row of SFAMNet with input O"
    guide, heading, shown = tables.beside_papers(declared, kept)
    assert "3 subjects" in guide and "*authors*" in guide and "spotting on cas(me)^3" in heading.lower()
    assert list(dict.fromkeys(zip(*(shown.index.get_level_values(level) for level in (0, 1)), strict=True))) == list(
        dict.fromkeys((method, features) for method, features, *_ in as_printed(table))
    )
    assert shown.loc[("SFAMNet", "S", "printed"), "F1"] == "0.0695"
    # The other tables of the page are made of the same records.
    assert "casme3" in tables.measured(declared, kept).columns[0]
    assert "No two rows are compared" in tables.power(declared, kept)
    assert tables.compared(declared, kept).empty
    assert "--dataset casme3 --data-root" in tables.remake(declared, kept)
    assert "synthetic" not in tables.findings(declared, kept)


def test_recognition_comes_from_labelled_onset_and_apex_for_each_number_of_classes(unpacked, folders, quick):
    whole = on_dataset(find_experiment("recognition"), "casme3", str(unpacked["casme3"]))
    declared = some_rows(whole, "mean-o-casme3", "mean-o-7-casme3", "sfamnet-s-casme3")
    kept = obtained(declared, folders)
    table = tables.beside_printed(kept, "recognition")
    assert as_printed(table) == [
        (each.method, each.features, each.classes, each.metric)
        for each in read_printed("recognition", "casme3").itertuples()
    ]
    made = table[~table["verdict"].str.startswith("not made")]
    assert [tuple(each) for each in made[["method", "features", "classes", "metric"]].to_numpy()] == [
        ("MEAN", "O", "4", "UF1"),
        ("MEAN", "O", "4", "UAR"),
        ("MEAN", "O", "7", "UF1"),
        ("MEAN", "O", "7", "UAR"),
        ("SFAMNet", "S", "4", "UF1"),
        ("SFAMNet", "S", "4", "UAR"),
    ]
    by_classes = {"4": "mean-o-casme3", "7": "mean-o-7-casme3"}
    for line in made[made["method"] == "MEAN"].itertuples():
        record = kept[by_classes[line.classes]].records[0]
        metric = {"UF1": "uf1_pooled", "UAR": "uar_pooled"}[line.metric]
        assert line.value == record["recognition"][metric]["value"]
        # Every labelled micro-expression of the tree is named, whatever was spotted.
        assert record["counts"]["given_expressions"] == 6
    shown = tables.beside_papers(declared, kept)[2]
    assert list(shown.columns) == ["UF1, 4 classes", "UAR, 4 classes", "UF1, 7 classes", "UAR, 7 classes"]
    reason = shown.loc[("SFAMNet", "S", "not made"), "UF1, 7 classes"]
    assert reason == "no row of SFAMNet, input S, with 7 classes"


def test_clips_of_one_expression_stand_beside_their_own_table(unpacked, folders, quick):
    declared = on_dataset(find_experiment("spotting"), "casme2", str(unpacked["casme2"]))
    declared = some_rows(declared, "mean-o-casme2")
    kept = obtained(declared, folders)
    table = tables.beside_printed(kept, "spotting").set_index("metric")
    assert list(table.index) == ["TP", "FP", "FN", "F1", "AP@[.5:.95]"] and set(table["paper"]) == {"MEAN"}
    row = kept["mean-o-casme2"]
    found = row.records[0]["spotting_and_naming"]
    for printed, ours in (("TP", "tp"), ("FP", "fp"), ("FN", "fn"), ("F1", "f1_spotting")):
        assert table.loc[printed, "value"] == found[ours]["value"]
    counted = spotting.average_precision(row.tables("truth")[0], row.predictions[0])
    assert table.loc["AP@[.5:.95]", "value"] == pytest.approx(counted["ap_50_95"])
    recognized = on_dataset(find_experiment("recognition"), "casme2", str(unpacked["casme2"]))
    (sentence,) = tables.beside_papers(some_rows(recognized, "mean-o-casme2"), kept)
    assert sentence.startswith("The papers print no numbers of recognition of given expressions for CASME II")


def made_up(
    name: str, given: dict, label: str = "", *, found: dict | None = None, synthetic: bool = False
) -> RowRecords:
    """A row with a record that says what a row of that name would."""
    usual = {"value": 0.5, "low": 0.4, "high": 0.6}
    spotted = dict.fromkeys(
        ("tp", "fp", "fn", "f1_spotting", "f1_analysis", "uf1_analysis", "uar_analysis", "strs"), usual
    )
    record = {
        "tier": "smoke",
        "sizes": {"resamples": 50},
        "parameters": given,
        "dataset": {"name": given["dataset"], "synthetic": synthetic},
        "counts": {"subjects": 3},
        "provenance": {"code": provenance.computing_hash()},
        "spotting_and_naming": spotted,
        "recognition": {"uf1_pooled": found or usual, "uar_pooled": usual},
    }
    return RowRecords(Row(name, label or name, CHAIN, given), (record,), (pd.DataFrame(),))


def resolved(**changes) -> dict:
    values = {field: getattr(study.Parameters(), field) for field in study.Parameters.__dataclass_fields__}
    return values | {"dataset": "casme3", "classes": 4, "method": "tvl1", "gap_s": 0.1} | changes


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.30, 0.42, "agrees"),
        (0.3894, 0.42, "agrees"),
        (0.20, 0.38, "ours lower"),
        (0.40, 0.60, "ours higher"),
        (0.40, 0.40, "undefined: no spread over subjects"),
        (None, None, "undefined: no spread over subjects"),
    ],
)
def test_the_verdict_follows_from_whether_our_interval_holds_the_printed_number(low, high, verdict):
    kept = {"net": made_up("net", resolved(), found={"value": 0.41, "low": low, "high": high})}
    table = tables.beside_printed(kept, "recognition").set_index(["method", "features", "classes", "metric"])
    line = table.loc[("MEAN", "O", "4", "UF1")]
    assert (line["printed"], line["verdict"]) == ("0.3894", verdict)
    assert line["difference"] == pytest.approx(0.41 - 0.3894)
    limits = [np.nan if limit is None else limit - 0.3894 for limit in (low, high)]
    np.testing.assert_allclose(line[["difference_low", "difference_high"]].astype(float), limits, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transfer": False}, "no row of the whole network with the usual planes"),
        ({"normalization": "sample"}, "no row of the whole network with the usual planes"),
        ({"classes": 7}, "no row of MEAN, input O, with 4 classes"),
        ({"input": "D"}, "no row of MEAN with input O"),
        ({"model": "floor"}, "no row of MEAN"),
        ({"intervals_by": "sfamnet"}, "no row under the rule of MEAN's paper"),
    ],
)
def test_a_row_that_differs_from_the_printed_one_does_not_stand_for_it(changes, reason):
    table = tables.beside_printed({"net": made_up("net", resolved(**changes))}, "spotting")
    line = table[(table["method"] == "MEAN") & (table["features"] == "O")].iloc[0]
    assert line["verdict"] == f"not made: {reason}" and np.isnan(line["difference"])


def test_both_readings_of_an_input_and_both_protocols_have_lines_of_their_own():
    rows = {
        f"{seen}-{rule}": made_up(f"{seen[::2].lower()}{number}", resolved(model="sfamnet", input=seen, rule=rule))
        for number, (seen, rule) in enumerate([("O|S", "strict"), ("O|S", "authors"), ("O+S", "authors")])
    }
    table = tables.beside_printed(rows, "spotting")
    lines = table[(table["method"] == "SFAMNet") & (table["features"] == "O+S")]
    assert list(zip(lines["reading"], lines["protocol"], strict=True)) == [
        ("O+S", "authors"),
        ("O|S", "authors"),
        ("O|S", "strict"),
    ]
    shown = tables.beside_papers(find_experiment("spotting"), rows)[2]
    assert ("SFAMNet", "O+S", "ours, O|S, strict, less printed") in shown.index


def test_synthetic_rows_are_not_compared():
    kept = {"net": made_up("net", resolved(dataset="synthetic"), synthetic=True)}
    with pytest.raises(ValueError, match="not comparable"):
        tables.beside_printed(kept, "spotting")
    words, table = tables.beside_papers(find_experiment("spotting"), kept)
    assert "**not comparable**" in words and table["Beside synthetic rows"].str.startswith("not comparable").all()


def test_a_dataset_that_the_papers_do_not_print_gets_one_sentence(monkeypatch):
    monkeypatch.setitem(parameters.USUAL_CLASSES, "our_lab", 3)
    kept = {"net": made_up("net", resolved(dataset="our_lab", classes=3))}
    assert tables.beside_papers(find_experiment("recognition"), kept) == [
        "The papers print no numbers of recognition of given expressions for our_lab: nothing can stand beside ours."
    ]


def test_every_printed_dataset_can_be_read():
    printed = set().union(*(read_printed(task)["dataset"] for task in ("spotting", "analysis", "recognition")))
    assert printed == set(PRINTED_AS.values())
    assert set(PRINTED_AS) == set(filmed_trees.TREES)
