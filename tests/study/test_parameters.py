"""Parameters are checked when they are given, and a wrong one is named with what would be right."""

from __future__ import annotations

import pytest

from melib.engine.runs import TIERS as RUN_TIERS
from melib.study import TIERS, Parameters, tier_sizes
from melib.study.networks import training_settings


@pytest.mark.parametrize(
    "name",
    [
        *("dataset", "suite", "tier", "split", "model", "intervals_by", "rule"),
        *("input", "region", "normalization", "stabilization", "method", "classifier"),
    ],
)
def test_an_unknown_value_is_named_with_its_choices(name):
    with pytest.raises(ValueError, match=f"unknown {name} 'nonsense': use one of "):
        Parameters(**{name: "nonsense"})


def test_an_unknown_number_of_classes_is_refused():
    with pytest.raises(ValueError, match="unknown classes 5: use one of 4, 7"):
        Parameters(classes=5)


def test_a_misspelt_parameter_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="unknown parameter 'suit': did you mean 'suite'"):
        Parameters.of({"suit": "sanity"})
    assert Parameters.of({"suite": "sanity"}).suite == "sanity"


def test_a_missing_data_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        Parameters(data_root=str(tmp_path / "nowhere"))


def test_the_benchmark_takes_no_data_folder(tmp_path):
    with pytest.raises(ValueError, match="leave data_root empty"):
        Parameters(data_root=str(tmp_path))


@pytest.mark.parametrize(
    ("name", "value", "owner", "others"),
    [
        ("transfer", False, "mean", ("sfamnet", "floor")),
        ("attention", False, "sfamnet", ("mean", "floor")),
        ("augmentation", False, "sfamnet", ("mean", "floor")),
        ("spot_weight", 0.5, "sfamnet", ("mean", "floor")),
        ("classifier", "svm", "floor", ("mean", "sfamnet")),
    ],
)
def test_a_choice_that_a_network_does_not_have_is_refused(name, value, owner, others):
    assert getattr(Parameters(model=owner, **{name: value}), name) == value
    for model in others:
        with pytest.raises(ValueError, match=f"{name} is a choice for model '{owner}', not '{model}'"):
            Parameters(model=model, **{name: value})


def test_the_choices_reach_the_training():
    settings = training_settings(Parameters(model="sfamnet", attention=False, augmentation=False, spot_weight=0.5))
    assert (settings.attention, settings.magnitude, settings.spot_weight) == (False, 0, 0.5)
    settings = training_settings(Parameters(model="sfamnet"))
    assert (settings.attention, settings.magnitude, settings.spot_weight) == (True, 0.1, 0.9)
    assert [training_settings(Parameters(transfer=transfer)).transfer for transfer in (True, False)] == [True, False]


def test_joined_inputs_are_one_experiment_each():
    parts = Parameters(input="O|S", seed=3).parts
    assert [part.input for part in parts] == ["O", "S"] and {part.seed for part in parts} == {3}
    with pytest.raises(ValueError, match="unknown input 'X'"):
        Parameters(input="O|X")
    with pytest.raises(ValueError, match="joins an input with itself"):
        Parameters(input="O|O")


def test_what_is_left_to_the_dataset_is_filled_in():
    filled = Parameters().resolved()
    assert (filled.method, filled.gap_s) == ("dis", 0.2) and filled.resolved() == filled
    assert (filled.split, filled.classes) == ("fresh", 4)
    chosen = Parameters(method="farneback", gap_s=0.1, split="loso", classes=7)
    assert chosen.resolved() == chosen
    assert chosen.feature_settings().method == "farneback" and Parameters().feature_settings().method == "dis"
    with pytest.raises(ValueError, match="gap_s is a time"):
        Parameters(gap_s=0)


@pytest.mark.parametrize("p", [0.0, 1.0, -1.0])
def test_the_threshold_lies_between_mean_and_maximum(p):
    with pytest.raises(ValueError, match="p lies between 0 and 1"):
        Parameters(p=p)


def test_tiers_are_the_same_for_studies_and_runs_and_grow():
    assert tuple(TIERS) == RUN_TIERS
    sizes = [tier_sizes(tier) for tier in RUN_TIERS]
    for name in (
        "train_subjects",
        "test_subjects",
        "videos",
        "frames",
        "clips",
        "spot_steps",
        "joint_steps",
        "resamples",
    ):
        values = [getattr(size, name) for size in sizes]
        assert values == sorted(values), name


def test_seven_emotions_are_not_merged_and_four_are():
    assert Parameters(classes=7).merge == {} and len(Parameters(classes=7).emotions) == 7
    assert Parameters(classes=4).merge["fear"] == "negative"


def test_a_suite_with_classes_of_its_own_is_named_by_them():
    parameters = Parameters(suite="out_of_plane")
    assert parameters.merge == {} and "negative" not in parameters.emotions and len(parameters.emotions) == 7
