"""The whole chain runs on a licensed dataset, read from a folder as it was unpacked."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import dataset_trees as trees
import nbformat
import numpy as np
import pytest
from filmed_trees import EVERY, TREES, FixedDetector, casme3

from melib import features, study, tables
from melib.__main__ import main
from melib.datasets import DATASETS, class_sets, open_dataset
from melib.study import filmed, measure, parameters
from melib.study.data import Reader, StoredPlanes, open_data
from melib.study.networks import training_settings

SMALL = replace(study.TIERS["smoke"], spot_steps=3, recognition_steps=3, joint_steps=3, batch=16, resamples=50)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(study.TIERS, "smoke", SMALL)
    monkeypatch.setattr(measure, "CHANCE_DRAWS", 100)
    monkeypatch.setattr(parameters, "FLOOR_DRAWS", 2)


@pytest.fixture
def no_detector(monkeypatch):
    monkeypatch.setattr(sys.modules["melib.face.crop"], "DlibDetector", FixedDetector)


#: Of three sensors of one layout one is enough, and of all readers one with the detector in the loop.
RUN = ("casme3", "casme_sq", "samm_lv", "casme2", "smic_nir")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """From a dataset's name to the folder of its tree, made once."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = TREES[name](tmp_path_factory.mktemp(name))
        return made[name]

    return of


@pytest.fixture(scope="module")
def filmed_store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def chosen(name, unpacked, **changes):
    changes = {"method": "dis"} | changes
    return study.Parameters(dataset=name, data_root=str(unpacked(name)), tier="smoke", device="cpu", **changes)


@pytest.mark.parametrize("name", RUN)
def test_the_chain_runs_through_the_reader(name, unpacked, filmed_store, no_detector):
    outcome = study.run(chosen(name, unpacked), store=filmed_store)
    record = outcome.record
    assert json.dumps(record, allow_nan=False)
    whole = open_dataset(name, unpacked(name))
    with_micro = [v for v in whole.videos if any(e.kind == "micro" for e in v.expressions)]
    assert record["counts"]["videos"] == len(with_micro)
    assert record["counts"]["micro_expressions"] == sum(e.kind == "micro" for v in whole.videos for e in v.expressions)
    assert set(outcome.scores) == {(v.subject, v.name) for v in with_micro}
    assert record["dataset"]["version"].startswith(whole.version + "+crop-") and not record["dataset"]["synthetic"]
    assert (record["parameters"]["split"], record["parameters"]["gap_s"]) == ("loso", 0.1)
    assert str(unpacked(name)) not in json.dumps(record)
    names, merge = class_sets(name)[record["parameters"]["classes"]]
    given = outcome.named["emotion"]
    labels = [merge.get(e.emotion) for v in with_micro for e in v.expressions if e.kind == "micro"]
    assert sorted(given) == sorted(label for label in labels if label) and set(given) <= set(names)
    assert tables.NOT_FOR_PUBLICATION in tables.describe(record).loc["Use"].item()
    assert "not for publication" in tables.verdict(record)
    assert tables.spot_then_recognize(record).notna().all(axis=None)


def test_every_dataset_has_a_tree_and_a_usual_number_of_classes():
    assert TREES.keys() == DATASETS.keys()
    for name in DATASETS:
        assert parameters.USUAL_CLASSES[name] in class_sets(name)


@pytest.mark.parametrize("given", [{"model": "sfamnet", "input": "S"}, {"rule": "strict"}])
def test_depth_and_protocol_strict_test_every_video(given, unpacked, filmed_store, no_detector):
    outcome = study.run(chosen("casme3", unpacked, **given), store=filmed_store)
    assert ("spNO.3", "c") in outcome.scores and len(outcome.scores) == 7
    assert outcome.record["dataset"]["labels"] == {
        "used": 7,
        "skipped": 0,
        "videos_left_out": 0,
        "values_changed": 0,
    }


def test_a_person_without_micro_expression_is_a_fold_of_its_own(unpacked, filmed_store, no_detector):
    outcome = study.run(chosen("casme_sq", unpacked, model="sfamnet"), store=filmed_store)
    silent = {subject for subject, _ in outcome.scores} - set(outcome.named["subject"])
    assert len(silent) == 1 and outcome.record["counts"]["subjects"] == 3
    # Two are learnt from in each fold; without the second person nobody shows surprise.
    assert len(outcome.record["k_p"]) == 3


def test_an_emotion_of_no_class_is_spotted_and_not_named(unpacked, filmed_store, no_detector):
    three, four = (study.run(chosen("casme_sq", unpacked, classes=number), store=filmed_store) for number in (3, 4))
    assert len(three.named) == len(four.named) - 1 and "others" not in set(three.named["emotion"])
    assert three.record["counts"]["micro_expressions"] == four.record["counts"]["micro_expressions"]
    given = chosen("casme_sq", unpacked, model="sfamnet", classes=3)
    dataset, folds = open_data(given, store=filmed_store)
    reader = Reader(dataset, given, filmed_store)
    samples = reader.spotting_samples(dataset.videos)
    assert sorted(np.unique(samples.frame_labels[samples.targets > 0])) == [0, 1, 2, 3]
    assert (samples.frame_labels[samples.targets == 0] == 3).all()


def test_an_apex_is_where_the_feature_is_largest(unpacked, filmed_store, no_detector):
    given = chosen("smic_hs", unpacked)
    dataset, _ = open_data(given, store=filmed_store)
    gap = features.gap_frames(100, 0.1)
    for video in dataset.videos:
        (expression,) = video.expressions
        starts = np.arange(expression.onset + 1, expression.offset)
        starts = starts[starts + gap < video.n_frames]
        settings = replace(given.feature_settings(), input="O")
        planes = np.concatenate(list(features.planes(video, (starts, starts + gap), settings)))
        assert expression.apex == starts[np.abs(planes).sum((1, 2, 3)).argmax()]
    assert [v.expressions[0].apex for v in open_dataset("smic_hs", unpacked("smic_hs")).videos] == [None] * 6


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path, no_detector):
    root = casme3(tmp_path / "tree")
    blank = root / "RGB" / "spNO.2" / "b" / "color"
    for path in blank.iterdir():
        assert cv2.imwrite(str(path), np.zeros((320, 384, 3), np.uint8))
    trees.write_frames(root / "RGB" / "spNO.2" / "c" / "color", range(1, 3))
    trees.write_frames(root / "RGB" / "spNO.2" / "d" / "color", EVERY)
    given = study.Parameters(
        dataset="casme3", data_root=str(root), tier="smoke", rule="strict", input="D", method="dis"
    )
    dataset, _ = open_data(given, store=tmp_path / "store")
    assert {(v.subject, v.name) for v in open_dataset("casme3", root).videos} - {
        (v.subject, v.name) for v in dataset.videos
    } == {("spNO.2", "b"), ("spNO.2", "c"), ("spNO.2", "d")}
    account = filmed.account(dataset)
    assert (account["used"], account["skipped"], account["videos_left_out"]) == (6, 1, 3)
    reasons = dataset.labels.skipped.set_index(["subject", "video"])["reason"]
    assert "no face" in reasons["spNO.2", "b"].iloc[0].lower() and "too few" in reasons["spNO.2", "c"]
    assert "no depth" in reasons["spNO.2", "d"]


def test_choices_that_do_not_fit_the_dataset_are_refused(unpacked):
    for changes, words in (
        ({"classes": 4}, "unknown classes of smic_hs 4: use one of 3"),
        ({"split": "fresh"}, "no fresh people"),
        ({"suite": "sanity"}, "one of the benchmark's"),
        ({"input": "true-O"}, "known of the benchmark alone"),
        ({"stabilization": "true-pose"}, "known of the benchmark alone"),
    ):
        with pytest.raises(ValueError, match=words):
            chosen("smic_hs", unpacked, **changes)
    with pytest.raises(ValueError, match="give it as data_root"):
        study.Parameters(dataset="smic_hs")
    with pytest.raises(ValueError, match=r"no video of casme2 can be used: it has no depth, which input O\|S needs"):
        study.prepare(chosen("casme2", unpacked, input="O|S"), store=unpacked("casme2") / "never")


def test_filmed_faces_get_the_papers_flow_gap_and_schedule(unpacked):
    given = study.Parameters(dataset="casme3", data_root=str(unpacked("casme3")), tier="full", model="sfamnet")
    filled = given.resolved()
    assert (filled.method, filled.gap_s, filled.split, filled.classes) == ("tvl1", 0.1, "loso", 4)
    settings = training_settings(given)
    assert (settings.steps, settings.batch, settings.rate) == (1001, 1024, 1e-4) and given.stride == 1
    mean = training_settings(replace(given, model="mean"))
    assert (mean.spot_epochs, mean.spot_steps, mean.batch, mean.rate) == (10, None, 32, 5e-4)
    for other in ({"rule": "strict"}, {"tier": "quick"}):
        assert training_settings(replace(given, **other)).steps != 1001


def test_planes_of_many_videos_are_read_as_one_array():
    parts = [np.random.default_rng(i).normal(size=(i + 1, 3, 42, 42)).astype(np.float32) for i in range(5)]
    whole, joined = np.concatenate(parts), StoredPlanes([(len(p), lambda p=p: p) for p in parts])
    assert joined.shape == whole.shape and len(joined) == 15
    for rows in (np.array([14, 0, 3, 3, 7]), whole[:, 0, 0, 0] > 0, slice(2, 9), np.array([], int)):
        np.testing.assert_array_equal(joined[rows], whole[rows])


def test_the_command_fills_the_store_that_the_study_reads(unpacked, tmp_path, no_detector, monkeypatch):
    words = ["features", "--dataset", "casme2", "--root", str(unpacked("casme2")), "--tier", "smoke", "--method", "dis"]
    assert main([*words, "--store", str(tmp_path)]) == 0

    def none(*arguments, **more):
        raise AssertionError("computed again")

    monkeypatch.setattr("melib.features.store.planes", none)
    study.prepare(chosen("casme2", unpacked), store=tmp_path)


@pytest.mark.notebook
@pytest.mark.skipif(importlib.util.find_spec("dlib") is None, reason="the optional extra melib[faces] is not installed")
def test_the_page_is_made_from_a_folder_by_two_parameters(unpacked, tmp_path):
    page = tmp_path / "page.ipynb"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "papermill", root / "notebooks" / "spot_then_recognize.ipynb", page]
    given = {"dataset": "smic_nir", "data_root": unpacked("smic_nir"), "tier": "smoke", "records": tmp_path / "records"}
    for name, value in given.items():
        command += ["-p", name, str(value)]
    # The same code as here, one thread, nothing written where the test was started, and figures drawn in the page.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= {"PYTHONPATH": str(root), "MELIB_CACHE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--no-progress-bar"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    record = study.read_record(tmp_path / "records" / "spot_then_recognize-smic_nir-loso.json")
    assert (record["parameters"]["method"], record["parameters"]["classes"]) == ("tvl1", 3)
    assert record["counts"]["micro_expressions"] == 6 and len(record["rules"]) == 3
    cells = nbformat.read(page, as_version=4).cells
    assert "not for publication" in "".join(str(cell.get("outputs")) for cell in cells)
    (asked,) = [cell for cell in cells if "show_frames and" in cell.source]
    assert asked.outputs == []
    pictures = [out for cell in cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) == 2, "the scores of a video, and two matrices of names"
