"""What is kept of a run, and that a killed run goes on to the same record."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from melib import study
from melib.models import load_model, predict
from melib.study import networks
from melib.study.data import Reader, open_data, spotting_pairs
from melib.study.kept import Kept
from melib.training import loop


@pytest.fixture(scope="module")
def kept_store(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(autouse=True)
def small(nine_updates, monkeypatch):
    monkeypatch.setattr(networks, "CHECKPOINT_EVERY", 4)


def parameters(**changes):
    return study.Parameters(suite="sanity", tier="smoke", device="cpu", **changes)


def text(record):
    kept = {key: value for key, value in record.items() if key not in ("seconds", "peak_memory_mb")}
    kept["provenance"] = {**record["provenance"], "time": ""}
    return json.dumps(kept, sort_keys=True, allow_nan=False)


class Killed(Exception):
    pass


def kill_after(monkeypatch, updates):
    """Let training make so many updates in all, then fail; returns the updates made so far."""
    made, real = [], loop._require_finite

    def counted(losses, step):
        made.append(step)
        if len(made) > updates:
            raise Killed
        real(losses, step)

    monkeypatch.setattr(loop, "_require_finite", counted)
    return made


# In the first training, in the second fold's, in an inner fold's, in a control's.
@pytest.mark.parametrize(
    ("changes", "kills"),
    [
        ({"model": "mean", "split": "loso"}, (6, 14, 11)),
        ({"model": "sfamnet", "rule": "strict"}, (6, 20, 10)),
    ],
)
def test_a_killed_run_goes_on_to_the_same_record(tmp_path, kept_store, monkeypatch, changes, kills):
    given = parameters(**changes)
    with monkeypatch.context() as patch:
        needed = kill_after(patch, 10**9)
        whole = study.run(given, store=kept_store, keep=tmp_path / "whole")
    made = 0
    for updates in kills:
        with monkeypatch.context() as patch:
            steps = kill_after(patch, updates)
            with pytest.raises(Killed):
                study.run(given, store=kept_store, keep=tmp_path / "killed")
            made += len(steps)
    with monkeypatch.context() as patch:
        steps = kill_after(patch, 10**9)
        again = study.run(given, store=kept_store, keep=tmp_path / "killed")
        made += len(steps)
    # At most four updates lie between two checkpoints, and the one that failed was lost.
    assert len(needed) < made <= len(needed) + 5 * len(kills)
    assert text(again.record) == text(whole.record)
    assert again.predictions.equals(whole.predictions)
    names = [
        sorted(p.relative_to(f).as_posix() for p in f.rglob("*")) for f in (tmp_path / "whole", tmp_path / "killed")
    ]
    assert names[0] == names[1] and not any("unfinished" in name for name in names[0])
    for name in names[0]:
        first, second = (tmp_path / folder / name for folder in ("whole", "killed"))
        if name.endswith(".safetensors"):
            (one, said), (other, also_said) = load_model(first), load_model(second)
            assert said == also_said
            for tensor, value in one.state_dict().items():
                assert value.equal(other.state_dict()[tensor]), f"{name}: {tensor}"
        elif first.is_file():
            assert first.read_bytes() == second.read_bytes(), name


@pytest.fixture
def run_and_folder(tmp_path, kept_store):
    given = parameters(split="loso")
    return study.run(given, store=kept_store, keep=tmp_path), tmp_path, given


def test_the_network_of_a_fold_gives_the_scores_of_its_people(run_and_folder, kept_store):
    outcome, folder, given = run_and_folder
    dataset, folds = open_data(given)
    reader = Reader(dataset, given, kept_store)
    scores = study.read_scores(folder)
    assert scores.keys() == outcome.scores.keys()
    for number, fold in enumerate(folds):
        model, said = load_model(folder / f"fold_{number}" / "O.safetensors")
        assert said["left_out"] == fold.test[0].subject
        for video in fold.test:
            pairs = spotting_pairs(video, given)
            kept = scores[video.subject, video.name]
            np.testing.assert_array_equal(kept, outcome.scores[video.subject, video.name])
            np.testing.assert_array_equal(kept[pairs[0]], predict(model, reader.planes(video, pairs))[0])


def test_losses_are_kept_thinned(run_and_folder, monkeypatch):
    _, folder, _ = run_and_folder
    losses = pd.read_csv(folder / "fold_1" / "O.csv")
    assert losses.groupby("stage")["step"].nunique().to_dict() == {"spot": 9, "recognition": 9}
    assert np.isfinite(losses["loss"]).all()
    monkeypatch.setattr("melib.study.kept.KEPT_STEPS", 3)
    history = {"spot": np.arange(20, dtype=np.float32).reshape(10, 2)}
    kept = Kept(folder / "other", {})
    kept.network("net", lambda checkpoint: (load_model(folder / "fold_0" / "O.safetensors")[0], history))
    found = pd.read_csv(folder / "other" / "net.csv")
    assert found["loss"].tolist() == [0, 1, 8, 9, 16, 17]


def test_work_of_another_run_is_not_gone_on_with(run_and_folder, kept_store):
    outcome, folder, given = run_and_folder
    other = study.run(replace(given, seed=1), store=kept_store, keep=folder)
    alone = study.run(replace(given, seed=1), store=kept_store)
    assert text(other.record) == text(alone.record) != text(outcome.record)


def test_a_folder_of_other_files_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="holds other files"):
        Kept(tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(FileNotFoundError, match=r"no .*scores\.npz"):
        study.read_scores(tmp_path)


@pytest.mark.parametrize("held", [b"", b"words", b"PK\x03\x04 cut off"])
def test_kept_scores_that_are_damaged_are_named(tmp_path, held):
    (tmp_path / "scores.npz").write_bytes(held)
    with pytest.raises(ValueError, match=r"scores\.npz are damaged .*: delete the file and run again"):
        study.read_scores(tmp_path)


@pytest.mark.parametrize("model", ["mean", "sfamnet"])
def test_runs_that_differ_in_their_rule_alone_train_once(tmp_path, kept_store, monkeypatch, model):
    pool = tmp_path / "pool"
    first = parameters(model=model, shuffled=False)
    study.run(first, store=kept_store, keep=tmp_path / "first", pool=pool)
    other = replace(first, intervals_by="sfamnet" if model == "mean" else "mean")
    with monkeypatch.context() as patch:
        made = kill_after(patch, 10**9)
        shared = study.run(other, store=kept_store, keep=tmp_path / "other", pool=pool)
        assert made == []
    alone = study.run(other, store=kept_store, keep=tmp_path / "alone")
    assert text(shared.record) == text(alone.record)
    for name in ("fold_0/O.csv", "scores.npz"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_late_fusion_finds_the_networks_of_its_inputs(tmp_path, kept_store, monkeypatch):
    pool = tmp_path / "pool"
    for seen in ("O", "D"):
        study.run(parameters(input=seen, shuffled=False), store=kept_store, keep=tmp_path / seen, pool=pool)
    with monkeypatch.context() as patch:
        made = kill_after(patch, 10**9)
        study.run(parameters(input="O|D", shuffled=False), store=kept_store, keep=tmp_path / "fused", pool=pool)
    assert made == []


@pytest.mark.parametrize("change", [{"seed": 1}, {"transfer": False}, {"stabilization": "none"}, {"split": "loso"}])
def test_a_training_that_differs_is_not_shared(tmp_path, kept_store, monkeypatch, change):
    pool = tmp_path / "pool"
    study.run(parameters(shuffled=False), store=kept_store, keep=tmp_path / "first", pool=pool)
    with monkeypatch.context() as patch:
        made = kill_after(patch, 10**9)
        study.run(parameters(shuffled=False, **change), store=kept_store, keep=tmp_path / "other", pool=pool)
    assert made
