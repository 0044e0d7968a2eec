"""What the authors published: what is asked of predictions, files and printed numbers whose answer is known."""

import h5py
import numpy as np
import pandas as pd
import pytest
import released
import released_weights
import stored
import torch
from refusing import refused

from melib.metrics import intervals, strs
from melib.models import SFAMNet
from melib.models.released import _sfamnet_names
from melib.study.printed import printed_column


def test_every_printed_row_but_one_multiplies_up_to_its_strs():
    rows = released.arithmetic()
    assert len(rows) == 16
    odd = rows[~rows["agrees"]]
    assert odd[["method", "features", "classes"]].to_numpy().tolist() == [["SFAMNet", "O", 4]]
    printed = printed_column()
    assert printed["strs"] == 0.3862
    assert set(printed) - {"ap_50_95"} <= set(strs.KEYS)


@pytest.mark.parametrize("rule", ["mean_iou", "hits"])
def test_a_fixed_interval_is_chosen_on_the_other_subjects(rule):
    # Subject c's own clips all hold 50..59; the others hold 0..9, so c is answered with 0..9.
    rows = [(s, f"{s}{i}", 0, 9, "x") for s in "ab" for i in range(3)] + [("c", f"c{i}", 50, 59, "x") for i in (1, 2)]
    truth = pd.DataFrame(rows, columns=["subject", "video", "onset", "offset", "emotion"])
    answers = released.fixed_interval(truth, rule=rule)
    assert strs.evaluate(truth[6:], answers[6:])["tp"] == 0 and (answers["onset"][6:] < 10).all()
    if rule == "mean_iou":
        assert answers[["onset", "offset"]].iloc[0].tolist() == [0, 9]


def test_withholding_agrees_with_scoring_without_those_rows():
    rng = np.random.default_rng(3)
    names = np.array(["negative", "positive", "surprise"])
    columns = {"subject": np.arange(20) % 8, "video": np.arange(20), "onset": 10, "offset": 29}
    truth = pd.DataFrame(columns | {"emotion": names[rng.integers(3, size=20)]})
    guessed = np.where(rng.random(20) < 0.7, truth["emotion"], names[rng.integers(3, size=20)])
    shift = rng.integers(0, 12, size=20)  # a hit up to 6 frames
    predictions = truth.assign(emotion=guessed, onset=10 + shift, offset=29 + shift)
    curves, found = released.withheld(truth, predictions), intervals.match(truth, predictions)
    assert 5 < len(found.truth) < 20
    well = truth["emotion"].to_numpy()[found.truth] == predictions["emotion"].to_numpy()[found.prediction]
    wrong = found.prediction[~well]
    stepwise = [strs.evaluate(truth, predictions.drop(index=wrong[:n]))["strs"] for n in range(len(wrong) + 1)]
    assert curves["misnamed"] == pytest.approx(stepwise)
    one_less = [strs.evaluate(truth, predictions.drop(index=row))["strs"] for row in found.prediction[well]]
    assert curves["named"][1] == pytest.approx(min(one_less))
    assert len(curves["named"]) == well.sum() + 1 and curves["named"][-1] == 0


def test_without_the_files_the_stored_record_is_read_and_missing_files_are_named(monkeypatch, tmp_path):
    monkeypatch.delenv("MELIB_REFERENCE", raising=False)
    record, origin = released.load("released_predictions")
    assert origin == "stored" and round(record["scores"]["strict"]["strs"], 4) == 0.3862
    assert round(record["fixed_interval"]["mean_iou"], 3) == 0.447
    assert record["exchanged"]["f1_spotting"]["high"] < record["scores"]["strict"]["f1_spotting"]
    ceilings = stored.load("released_weights")["rules"]["ceilings"]
    assert (ceilings["labels"], ceilings["kept"], round(ceilings["sfamnet"], 2)) == (860, 818, 0.97)
    agrees = released.comparison(record)["agrees"].to_dict()
    assert (agrees.pop("uf1_analysis"), agrees.pop("uar_analysis")) == ("neither", "strict")
    assert set(agrees.values()) == {"both"}
    refused("gt.csv", released.load, "released_predictions", str(tmp_path), kind=FileNotFoundError)


def write_sfamnet(path, model, *, broken=()):
    """A file in the release's layout, made from one of our networks; ``broken`` tensors are not finite."""
    state, names = model.state_dict(), {}
    for ours, theirs in _sfamnet_names().items():
        parts = state[ours].chunk(len(theirs)) if state[ours].ndim else [state[ours]] * len(theirs)
        for name, part in zip(theirs, parts, strict=True):
            flat = name.endswith(("mlp.1.weight", "mlp.3.weight"))
            names[name] = (part.flatten(1) if flat else part).clone()
    for name in broken:
        names[name] = torch.full_like(names[name], torch.nan)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(names, path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Fold 1: trained with 4 emotions, its streams copied and the last layer fresh with 7. Fold 2: not finite."""
    folder = tmp_path_factory.mktemp("release") / "weights"
    trained, copy = (SFAMNet(size, generator=torch.Generator().manual_seed(n)) for n, size in enumerate((5, 8)))
    for weight in trained.parameters():
        weight.data *= 2
    copied = {name: value for name, value in trained.state_dict().items() if not name.startswith("recognition.")}
    copy.load_state_dict(copied, strict=False)
    write_sfamnet(folder / "4emo" / "subject_1.pkl", trained)
    write_sfamnet(folder / "7emo" / "subject_1.pkl", copy)
    write_sfamnet(folder / "4emo" / "subject_2.pkl", trained, broken=["c1.0.conv1.weight", "fc_spot.bias"])
    return folder.parent


@pytest.fixture(scope="module")
def record(folder):
    return released_weights.ask_weights(folder)


def test_a_file_that_is_not_finite_is_named_and_answers_class_0_without_a_score(folder, record):
    ours, theirs = released_weights.checkpoints(folder)
    assert list(ours) == [(4, 1), (4, 2), (7, 1)] and theirs == {}
    assert released.files(record).loc["SFAMNet, 4 emotions"].tolist() == [2, "1, 2", "2 (2 of 77)"]
    sound, odd, _ = record["sfamnet"]
    assert odd["not_finite"] == ["c1.0.conv1.weight", "fc_spot.bias"] and odd["tensors"] == 77
    assert odd["finite_scores"] == 0 and odd["classes_named"] == [0] and odd["spots_nothing"] is True
    assert sound["not_finite"] == [] and sound["finite_scores"] == 64 and sound["spots_nothing"] is None
    found = released.findings(record)
    assert found.loc["SFAMNet: weights are not finite"].tolist() == [3, 1, "some"]
    assert found.loc["SFAMNet, not finite: no score, nothing spotted"].tolist() == [1, 1, "all"]
    assert found.loc["MEAN: three files of a fold hold one network", "verdict"] == "not shown"


def test_a_last_layer_that_was_never_trained_is_told_from_one_that_was(record):
    trained, _, fresh = (row["fc_recog"] for row in record["sfamnet"])
    assert fresh["within"] and fresh["uniform_p"] > 0.001 and fresh["bound"] == pytest.approx(392**-0.5)
    assert not trained["within"]
    words = released.findings(record)["verdict"]
    assert words["SFAMNet, 4 emotions: last layer for names within its first range"] == "none"
    assert words["SFAMNet, 7 emotions: last layer for names within it and evenly spread"] == "all"
    # Values inside the range but bunched.
    weight = torch.linspace(-0.2, 0.2, 8 * 392).reshape(8, 392) * 392**-0.5
    seen = released_weights.against_initial_range(weight, torch.zeros(8))
    assert seen["within"] and seen["uniform_p"] < 1e-6
    assert sum(seen["counts"]) == weight.numel() and len(seen["counts"]) == len(released.EDGES) - 1
    assert released_weights.against_initial_range(weight * torch.nan, torch.zeros(8)) is None


def test_what_two_files_of_a_fold_share_is_named_and_tensors_that_are_not_finite_are_not(record):
    (pair,) = record["pairs"]
    assert pair["subject"] == 1 and pair["finite"] and len(pair["identical"]) == 73
    assert set(pair["different"]) == {"conv2.weight", "conv2.bias", "fc_recog.weight", "fc_recog.bias"}
    bad = {"a": torch.tensor([torch.nan]), "b": torch.ones(2)}
    assert released_weights.shared(bad, bad) == {"finite": False, "identical": ["b"], "different": []}


def test_labels_are_corrected_as_the_release_does(tmp_path):
    rows = [(10, 14, 20), (10, 14, 60), (10, 10, 60), (5, 6, 35)]
    table = pd.DataFrame(rows, columns=["Onset", "Apex", "Offset"])
    table.to_excel(tmp_path / released_weights.LABELS, sheet_name="label", index=False)
    raw, corrected = released_weights.label_lengths(tmp_path / released_weights.LABELS)
    assert raw.tolist() == [11, 51, 51, 31]
    assert corrected.tolist() == [11, 9, 31], "the late offset is mirrored, the one without length dropped"
    ceilings = released_weights.rules(tmp_path)["ceilings"]
    assert ceilings["kept"] == 3 and ceilings["mean"]["4"] == pytest.approx(2 / 3)
    table.drop(columns="Apex").to_excel(tmp_path / "other.xlsx", sheet_name="label", index=False)
    refused("lacks Apex", released_weights.label_lengths, tmp_path / "other.xlsx", kind=ValueError)


def test_the_command_says_what_a_folder_lacks_and_keeps_what_it_says(tmp_path, folder, capsys):
    assert released.main(["weights", str(tmp_path)]) == 2 and "no checkpoint below" in capsys.readouterr().err
    (tmp_path / "CASME2" / "spot").mkdir(parents=True)
    with h5py.File(tmp_path / "CASME2" / "spot" / "s1.hdf5", "w") as file:
        file["dense/kernel:0"] = np.zeros(3)
    assert released.main(["weights", str(tmp_path)]) == 2 and "not a MEAN checkpoint" in capsys.readouterr().err
    assert released.main(["weights", str(folder), "--save", str(tmp_path / "kept.json")]) == 0
    assert "SFAMNet, 7 emotions" in capsys.readouterr().out and (tmp_path / "kept.json").is_file()


@pytest.mark.parametrize(
    ("differences", "word"), [([], "not tested"), ([1e-7], "met"), ([1e-7, 1e-4], "missed"), ([np.nan], "missed")]
)
def test_the_criterion_follows_the_largest_difference(differences, word):
    row = {"case": "mean_x", "network": "MEAN", "compared": "score", "values": 8}
    assert released.criterion({"parity": [{**row, "largest_difference": each} for each in differences]}) == word


def test_ceiling_is_reached_by_the_best_of_all_positions():
    for length in np.random.default_rng(0).integers(1, 60, 20):
        windows = [(start, start + size - 1) for size in range(9, 21) for start in range(-size, length + size)]
        best = intervals.iou(0, length - 1, *np.transpose(windows)).max()
        assert released_weights.recall_ceiling([length], 9, 20) == (best >= 0.5)
    # The released SFAMNet window, 15 to 33 frames: from 8 to 66.
    assert released_weights.recall_ceiling([7, 8, 20, 66, 67], 15, 33) == pytest.approx(3 / 5)
