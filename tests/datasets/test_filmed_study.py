import functools
import json
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from filmed_trees import TREES, FixedDetector, film

from melib import features
from melib.datasets import class_sets, open_dataset
from melib.study import data, long_videos, settings
from melib.study.data import Reader, open_data
from melib.study.long_videos import study, training_settings
from melib.study.settings import Settings

SMALL = replace(settings.TIERS["smoke"], spot_steps=3, recognition_steps=3, joint_steps=3, batch=16, resamples=50)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(settings.TIERS, "smoke", SMALL)
    monkeypatch.setattr(long_videos, "FLOOR_DRAWS", 2)
    monkeypatch.setattr(sys.modules["melib.face.crop"], "DlibDetector", FixedDetector)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """From a dataset's name to the folder of its tree, made once."""
    return functools.cache(lambda name: TREES[name](tmp_path_factory.mktemp(name)))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


def chosen(name, unpacked, **changes):
    changes = {"method": "dis"} | changes
    return Settings(dataset=name, data_root=str(unpacked(name)), tier="smoke", device="cpu", **changes)


# What lies above the reader is the same for all: one with depth and a silent video, one whose emotions stand apart.
@pytest.mark.parametrize(("name", "changes"), [("casme3", {"rule": "strict", "input": "D"}), ("samm_lv", {})])
def test_a_row_is_computed_through_the_reader(name, changes, unpacked, store):
    given = chosen(name, unpacked, **changes)
    outcome = study(given, 0, store=store)
    values = outcome.record.values
    assert str(unpacked(name)) not in json.dumps(values, allow_nan=False)
    whole = open_dataset(name, unpacked(name))
    tested = [v for v in whole.videos if changes or any(e.kind == "micro" for e in v.expressions)]
    micro = [e for v in whole.videos for e in v.expressions if e.kind == "micro"]
    assert len(whole.videos) == (7 if name == "casme3" else 6)
    assert values["counts"]["videos"] == len(tested) and values["counts"]["micro_expressions"] == len(micro)
    assert set(outcome.scores) == {(v.subject, v.name) for v in tested}
    version, synthetic, account = (values["dataset"][key] for key in ("version", "synthetic", "labels"))
    assert version.startswith(whole.version + "+crop-") and not synthetic
    assert name != "casme3" or account == {"used": 7, "skipped": 0, "videos_left_out": 0, "values_changed": 0}
    names, merge = class_sets(name)[given.classes]
    labels = [merge.get(e.emotion) for e in micro]
    assert sorted(outcome.named["emotion"]) == sorted(label for label in labels if label in names)
    emotions = {e.emotion for v in whole.videos for e in v.expressions}
    assert set(outcome.record.tables["truth"]["emotion"].dropna()) <= emotions


@pytest.mark.parametrize("name", ["casme2", "smic_nir"])
def test_clips_are_read_into_the_classes_of_a_row(name, unpacked, store):
    given, whole = chosen(name, unpacked), open_dataset(name, unpacked(name))
    dataset, _ = open_data(given, store=store)
    assert len(dataset.videos) == len(whole.videos) and dataset.version.startswith(whole.version + "+crop-")
    names = [given.class_of(e.emotion) for video in dataset.videos for e in video.expressions]
    assert set(names) <= set(given.emotions) and None not in names


def test_labels_have_a_ceiling_on_filmed_faces_too(unpacked, store):
    given = chosen("casme_sq", unpacked, model="labels", intervals_by="mean", rule="strict", classes=3)
    values = study(given, 0, store=store).record.values
    assert values["spotting_and_naming"]["f1_spotting"]["value"] > 0.5 and len(values["rules"]) == 3


def test_a_silent_person_is_a_fold_of_its_own_and_an_emotion_of_no_class_is_spotted_and_not_named(unpacked, store):
    given = chosen("casme_sq", unpacked, model="sfamnet", classes=3)
    outcome = study(given, 0, store=store)
    silent = {subject for subject, _ in outcome.scores} - set(outcome.named["subject"])
    counts = outcome.record.values["counts"]
    assert len(silent) == 1 and (counts["subjects"], counts["micro_expressions"]) == (3, 5)
    # Two are learnt from in each fold; without the second person nobody shows surprise.
    assert len(outcome.record.values["k_p"]) == 3
    assert len(outcome.named) == 4 and "others" not in set(outcome.named["emotion"])
    dataset, _ = open_data(given, store=store)
    samples = Reader(dataset, given, store).spotting_samples(dataset.videos)
    assert sorted(np.unique(samples.frame_labels[samples.targets > 0])) == [0, 1, 2, 3]
    assert (samples.frame_labels[samples.targets == 0] == 3).all()


def test_an_apex_is_where_the_feature_is_largest(unpacked, store):
    given = chosen("smic_hs", unpacked)
    dataset, _ = open_data(given, store=store)
    gap = features.gap_frames(100, 0.1)
    for video in dataset.videos[::3]:
        (expression,) = video.expressions
        starts = np.arange(expression.onset + 1, expression.offset)
        starts = starts[starts + gap < video.n_frames]
        planes = np.concatenate(list(features.planes(video, (starts, starts + gap), given.planes("O"))))
        assert expression.apex == starts[np.abs(planes).sum((1, 2, 3)).argmax()]
    assert [v.expressions[0].apex for v in open_dataset("smic_hs", unpacked("smic_hs")).videos] == [None] * 6


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path, unpacked):
    root = TREES["casme3"](tmp_path / "tree")
    colour = root / "RGB" / "spNO.2"
    for path in (colour / "b" / "color").iterdir():
        assert cv2.imwrite(str(path), np.zeros((128, 128, 3), np.uint8))
    film(colour / "c" / "color", 2, count=2)
    film(colour / "d" / "color", 2)
    dataset, _ = open_data(chosen("casme3", lambda _: root, rule="strict", input="D"), store=tmp_path / "store")
    videos, kept = ({(v.subject, v.name) for v in each.videos} for each in (open_dataset("casme3", root), dataset))
    assert videos - kept == {("spNO.2", name) for name in "bcd"}
    account = data.account(dataset)
    assert (account["used"], account["skipped"], account["videos_left_out"]) == (6, 1, 3)
    reasons = dataset.labels.skipped.set_index(["subject", "video"])["reason"]
    for name, words in (("b", "no face"), ("c", "too few"), ("d", "no depth")):
        assert words in reasons.loc[[("spNO.2", name)]].iloc[0].lower()
    with pytest.raises(ValueError, match=r"no video of casme2 can be used: it has no depth, which input O\|S needs"):
        open_data(chosen("casme2", unpacked, input="O|S"), store=tmp_path / "never")


def test_filmed_faces_get_the_papers_schedule(unpacked):
    given = Settings(dataset="casme3", data_root=str(unpacked("casme3")), tier="full", model="sfamnet")
    how = training_settings(given)
    assert (how.steps, how.batch, how.rate) == (1001, 1024, 1e-4) and given.stride == 1
    how = training_settings(replace(given, model="mean", intervals_by=None))
    assert (how.spot_epochs, how.spot_steps, how.batch, how.rate) == (10, None, 32, 5e-4)
    for other in ({"rule": "strict"}, {"tier": "quick"}):
        assert training_settings(replace(given, **other)).steps != 1001
