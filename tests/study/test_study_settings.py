"""Settings are complete and valid once they are made, and a wrong value is named with what would be right."""

import json
from dataclasses import fields

import pytest
from refusing import refused

from melib.study.experiments import load
from melib.study.settings import TIERS, ClipSettings, Reading, Settings, Sizes, differing, make, plain, tier_sizes


@pytest.mark.parametrize(
    "name",
    ["dataset", "suite", "tier", "split", "model", "intervals_by", "rule", "input", "normalization", "method"]
    + ["stabilization", "device"],
)
def test_an_unknown_value_is_named_with_its_choices(name):
    refused(f"unknown {name} 'nonsense': use one of ", Settings, **{name: "nonsense"})


FILMED = {"dataset": "casme3", "data_root": "."}


@pytest.mark.parametrize(
    ("way", "values", "words"),
    [
        ("videos", {"classes": 5}, "unknown classes of synthetic 5: use one of 4, 7"),
        ("videos", {"input": "O|X"}, "unknown input 'X'"),
        ("videos", {"input": "O|O"}, "joins an input with itself"),
        ("videos", {"gap_s": 0}, "gap_s is a time in seconds above 0"),
        ("videos", {"p": 1.0}, "p lies between 0 and 1"),
        ("videos", {"model": "floor", "transfer": False}, "transfer is a choice for model 'mean', not 'floor'"),
        ("videos", {"model": "mean", "attention": False}, "attention is a choice for model 'sfamnet', not 'mean'"),
        ("videos", {"data_root": "."}, "leave data_root empty"),
        ("videos", {"dataset": "casme3"}, "is read from a folder"),
        ("videos", FILMED | {"split": "fresh"}, "has no fresh people"),
        ("videos", FILMED | {"suite": "sanity"}, "is one of the benchmark's"),
        ("videos", FILMED | {"input": "true-O"}, "known of the benchmark alone"),
        ("videos", FILMED | {"stabilization": "true-pose"}, "known of the benchmark alone"),
        ("videos", {"suit": "sanity"}, "unknown setting of a row of videos 'suit': did you mean 'suite'"),
        ("films", {}, "unknown way 'films'"),
        ("clips", {"model": "svm"}, "unknown model 'svm'"),
        ("clips", {}, "input 'flow' needs a reading as flow"),
        ("clips", {"flow": {"input": "O"}, "input": "uvz"}, "needs a reading as depth"),
        ("clips", {"flow": {"inptu": "O"}}, "unknown setting of a reading 'inptu': did you mean 'input'"),
        ("clips", {"flow": {"sensor": "medium"}}, "unknown sensor 'medium'"),
        ("clips", {"flow": {"sensor": {"noise": 1}}}, "unknown error of a sensor 'noise'"),
        ("clips", {"flow": {}, "mixture": "out-of-plane", "share": 1.5}, "between 0 and 1"),
        ("clips", {"flow": {}, "question": "spotting", "model": "mean"}, "spots in long videos"),
    ],
)
def test_what_is_misspelt_or_does_not_go_together_is_refused(way, values, words):
    refused(words, make, way, values)


def test_a_missing_data_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        Settings(dataset="casme3", data_root=str(tmp_path / "nowhere"))
    # A command line makes a number of a folder that is called 2024.
    with pytest.raises(FileNotFoundError, match="data_root 2024 is not a folder"):
        load("controls", "smoke", dataset="casme3", data_root=2024)


def test_what_is_left_to_the_dataset_is_filled_in_and_seven_emotions_are_not_merged_and_four_are(tmp_path):
    ours, filmed = Settings(), Settings(dataset="casme3", data_root=str(tmp_path))
    assert (ours.split, ours.classes, ours.method, ours.gap_s, ours.intervals_by) == ("fresh", 4, "dis", 0.2, "mean")
    assert (filmed.split, filmed.method, filmed.gap_s) == ("loso", "tvl1", 0.1)
    assert Settings(model="sfamnet").intervals_by == "sfamnet" and ours.class_of("fear") == "negative"
    ways = [each.stabilization for each in (ours, Settings(rule="strict"), Settings(model="window"))]
    assert ways == ["median", "affine", "relief"]
    assert None not in [getattr(ours, each.name) for each in fields(ours)]
    assert Settings(classes=7).class_of("happiness") == "happiness" and len(Settings(classes=7).emotions) == 7
    own = Settings(suite="out_of_plane")
    assert own.class_of("anything") == "anything" and "negative" not in own.emotions and len(own.emotions) == 7


def test_a_reading_of_plain_values_is_what_is_declared():
    reading = Reading.of({"input": "D", "stabilization": "rigid", "sensor": {"disparity_px": 0.04}, "delay": 2})
    assert (reading.planes.input, reading.planes.stabilization, reading.delay) == ("D", "rigid", 2)
    assert reading.sensor.disparity_px == 0.04 and Reading.of({"sensor": "low"}).sensor.disparity_px == 0.03
    assert ClipSettings(model="action units").needs == ()


def test_settings_as_plain_types_say_nothing_of_the_machine_and_two_differ_in_what_is_named():
    assert differing(Settings(), Settings(input="S")) == ("input",)
    assert differing(Settings(), ClipSettings(model="action units")) == ("way",)
    assert not {"device", "data_root"} & plain(Settings(device="cpu")).keys()
    deep = plain(ClipSettings(flow={"sensor": {"edge_mm": 7.5}}, input="uvz", depth={"input": "D", "sensor": "none"}))
    assert json.loads(json.dumps(deep, allow_nan=False)) == deep


def test_tiers_grow_in_everything():
    smoke, quick, full = (tier_sizes(name) for name in ("smoke", "quick", "full"))
    for name in {each.name for each in fields(Sizes)} - {"stride"}:
        values = [getattr(sizes, name) for sizes in (smoke, quick, full)]
        assert values == sorted(values), name
    assert list(TIERS) == ["smoke", "quick", "full"]
