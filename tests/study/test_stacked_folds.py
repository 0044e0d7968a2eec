"""Where a study trains its folds as one stack, it finds what it finds fold by fold."""

from __future__ import annotations

import numpy as np
import pytest

from melib import study
from melib.study import chain, networks


@pytest.fixture(scope="module")
def stacked_store(tmp_path_factory):
    return tmp_path_factory.mktemp("stacked")


@pytest.mark.parametrize(
    "changes", [{"model": "mean"}, {"model": "sfamnet", "input": "O|D"}], ids=["mean", "late fusion"]
)
def test_a_study_in_a_stack_finds_the_same_and_keeps_its_networks(
    changes, nine_updates, stacked_store, tmp_path, monkeypatch
):
    parameters = study.Parameters(suite="sanity", tier="smoke", split="loso", device="cpu", **changes)
    alone = study.run(parameters, store=stacked_store)

    trained = []
    for name in ("train_stacked", "train_with_history"):
        real = getattr(networks, name)

        def counted(*arguments, real=real, name=name, **more):
            trained.append(name)
            return real(*arguments, **more)

        monkeypatch.setattr(networks, name, counted)
    monkeypatch.setattr(chain, "STACKED_ON", ("cpu",))
    stacked = study.run(parameters, store=stacked_store, keep=tmp_path / "kept")
    inputs = len(parameters.parts)
    assert trained.count("train_stacked") == inputs
    assert stacked.scores.keys() == alone.scores.keys()
    for video, score in alone.scores.items():
        np.testing.assert_allclose(stacked.scores[video], score, atol=1e-4, err_msg=str(video))
    assert len(list((tmp_path / "kept").glob("fold_*/*.safetensors"))) == 3 * inputs

    trained.clear()
    again = study.run(parameters, store=stacked_store, keep=tmp_path / "kept")
    assert "train_stacked" not in trained, "what is kept is not trained again"
    assert all(np.array_equal(again.scores[video], score) for video, score in stacked.scores.items())


def test_numbers_of_epochs_make_no_stack(monkeypatch):
    parameters = study.Parameters(suite="sanity", tier="smoke", model="mean")
    assert networks.stackable(parameters)
    assert not networks.stackable(study.Parameters(suite="sanity", tier="smoke", model="floor"))
    epochs = networks.MEANSettings()
    monkeypatch.setattr(networks, "training_settings", lambda parameters: epochs)
    assert not networks.stackable(parameters)
