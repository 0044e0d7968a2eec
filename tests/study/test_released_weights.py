"""The record behind the page on the released weights: what is asked of files whose answer is known."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from melib.models import SFAMNet
from melib.models.contents import EDGES, against_initial_range, sfamnet_files, shared
from melib.models.released import _sfamnet_names
from melib.plots import release as figures
from melib.study import released_findings, released_weights


def write_sfamnet(path, model, *, broken=()):
    """A file in the release's layout, made from one of our networks; ``broken`` tensors are not finite."""
    state, released = model.state_dict(), {}
    for ours, theirs in _sfamnet_names().items():
        parts = state[ours].chunk(len(theirs)) if state[ours].ndim else [state[ours]] * len(theirs)
        for name, part in zip(theirs, parts, strict=True):
            flat = name.endswith(("mlp.1.weight", "mlp.3.weight"))
            released[name] = (part.flatten(1) if flat else part).clone()
    for name in broken:
        released[name] = torch.full_like(released[name], torch.nan)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(released, path)


def network(classes, seed):
    return SFAMNet(classes, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Fold 1: trained with 4 emotions, its streams copied and the last layer fresh with 7. Fold 2: not finite."""
    folder = tmp_path_factory.mktemp("release")
    trained, copy = network(5, 0), network(8, 1)
    with torch.no_grad():
        for weight in trained.parameters():
            weight.mul_(2)
    copied = {name: value for name, value in trained.state_dict().items() if not name.startswith("recognition.")}
    copy.load_state_dict(copied, strict=False)
    write_sfamnet(folder / "weights" / "4emo" / "subject_1.pkl", trained)
    write_sfamnet(folder / "weights" / "7emo" / "subject_1.pkl", copy)
    write_sfamnet(folder / "weights" / "4emo" / "subject_2.pkl", trained, broken=["c1.0.conv1.weight", "fc_spot.bias"])
    return folder


@pytest.fixture(scope="module")
def record(folder):
    return released_weights.build(folder)


def test_files_are_found_and_listed_by_setting_and_fold(folder, record):
    assert list(sfamnet_files(folder)) == [(4, 1), (4, 2), (7, 1)]
    table = released_findings.files(record)
    assert table.loc["SFAMNet, 4 emotions"].tolist() == [2, "1, 2"]
    assert released_findings.quantities(record)["n_sfamnet"] == 3


def test_a_file_that_is_not_finite_is_named_and_answers_class_0_without_a_score(record):
    rows = {(row["emotions"], row["subject"]): row for row in record["sfamnet"]}
    odd = rows[4, 2]
    assert odd["not_finite"] == ["c1.0.conv1.weight", "fc_spot.bias"] and odd["tensors"] == 77
    assert odd["finite_scores"] == 0 and odd["classes_named"] == [0] and odd["spots_nothing"] is True
    assert rows[4, 1]["not_finite"] == [] and rows[4, 1]["finite_scores"] == 64
    assert rows[4, 1]["spots_nothing"] is None
    found = released_findings.findings(record)["found"]
    assert "SFAMNet 4 emotions fold 2: 2 of 77 tensors" in found["Are all weights finite?"]


def test_a_last_layer_that_was_never_trained_is_told_from_one_that_was(record):
    rows = {(row["emotions"], row["subject"]): row for row in record["sfamnet"]}
    assert rows[7, 1]["fc_recog"]["within"] and rows[7, 1]["fc_recog"]["uniform_p"] > 0.001
    assert not rows[4, 1]["fc_recog"]["within"]
    assert rows[7, 1]["fc_recog"]["bound"] == pytest.approx(392**-0.5)


def test_values_inside_the_range_but_bunched_are_seen_as_uneven():
    weight = torch.linspace(-0.2, 0.2, 8 * 392).reshape(8, 392) * 392**-0.5
    seen = against_initial_range(weight, torch.zeros(8))
    assert seen["within"] and seen["uniform_p"] < 1e-6
    assert sum(seen["counts"]) == weight.numel() and len(seen["counts"]) == len(EDGES) - 1
    assert against_initial_range(weight * torch.nan, torch.zeros(8)) is None


def test_what_two_files_of_a_fold_share_is_named_tensor_by_tensor(record):
    (pair,) = record["pairs"]
    assert pair["subject"] == 1 and pair["finite"]
    assert set(pair["different"]) == {"conv2.weight", "conv2.bias", "fc_recog.weight", "fc_recog.bias"}
    assert len(pair["identical"]) == 73


def test_tensors_that_are_not_finite_are_not_called_shared():
    bad = {"a": torch.tensor([torch.nan]), "b": torch.ones(2)}
    assert shared(bad, bad) == {"finite": False, "identical": ["b"], "different": []}


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
    with pytest.raises(ValueError, match="lacks Apex"):
        released_weights.label_lengths(tmp_path / "other.xlsx")


def test_a_folder_without_checkpoints_and_a_foreign_file_are_named(tmp_path, capsys):
    with pytest.raises(FileNotFoundError, match="no checkpoint below"):
        released_weights.build(tmp_path)
    assert released_weights.main([str(tmp_path)]) == 1 and "no checkpoint below" in capsys.readouterr().err
    assert released_weights.main([str(tmp_path), "--save", str(tmp_path / "none" / "record.json")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "CASME2" / "spot").mkdir(parents=True)
    with h5py.File(tmp_path / "CASME2" / "spot" / "s1.hdf5", "w") as file:
        file["dense/kernel:0"] = np.zeros(3)
    with pytest.raises(ValueError, match="not a MEAN checkpoint"):
        released_weights.build(tmp_path)


def test_without_the_files_the_stored_record_is_read(monkeypatch, request, tmp_path):
    monkeypatch.delenv("MELIB_REFERENCE", raising=False)
    record, origin = released_weights.load(start=request.config.rootpath / "notebooks")
    assert origin == "stored"
    assert released_findings.verdict(record).startswith("**Met**")
    with pytest.raises(FileNotFoundError, match="results/released_weights.json"):
        released_weights.load(start=tmp_path)


def test_every_number_of_the_prose_is_there(monkeypatch, request, record):
    monkeypatch.delenv("MELIB_REFERENCE", raising=False)
    page = (request.config.rootpath / "notebooks" / "released_weights.md").read_text(encoding="utf-8")
    named = {part.split("`")[0].split(":")[0] for part in page.split("{glue:text}`")[1:]}
    stored, _ = released_weights.load(start=request.config.rootpath)
    for each in (stored, record):
        values = released_findings.quantities(each)
        assert named <= set(values)
        assert all(isinstance(value, str) or np.isfinite(value) for value in values.values())


def test_the_verdict_follows_the_largest_difference(record):
    assert "Not tested" in released_findings.verdict(record), "a folder without recorded cases proves no parity"
    row = {"case": "mean_x", "network": "MEAN", "compared": "score", "values": 8, "largest_difference": 1e-7}
    assert "**Met**" in released_findings.verdict({**record, "parity": [row]})
    for difference in (1e-4, float("nan")):
        worse = {**record, "parity": [{**row, "largest_difference": difference}]}
        assert "Missed** in 1 of 1 recorded cases: mean_x" in released_findings.verdict(worse)
        assert not released_findings.parity(worse)["agrees"].any()


def test_the_figures_show_every_case_and_say_what_is_not_there(request, record):
    stored = json.loads((request.config.rootpath / "results" / "released_weights.json").read_text())
    axis = figures.parity(stored, released_findings.TOLERANCE).axes[0]
    assert sum(len(line.get_xdata()) for line in axis.lines[:2]) == len(stored["parity"])
    assert [axis.get_title(loc="left") for axis in figures.last_layers(record).axes] == [
        "4 emotions, 2 files",
        "7 emotions, 1 file",
    ]
    assert figures.ceilings(stored).axes[0].lines
    assert "no label file" in figures.ceilings(record).axes[0].texts[0].get_text()
