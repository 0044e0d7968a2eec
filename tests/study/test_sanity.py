"""The regression test of the whole chain: strong micro-expressions on quiet faces are found on people never seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from melib import study, tables


@pytest.fixture(scope="module")
def sanity(tmp_path_factory):
    sizes = replace(study.TIERS["quick"], test_subjects=6, videos=2, clips=8, resamples=200)
    parameters = study.Parameters(suite="sanity", tier="quick", normalization="fixed", device="cpu")
    store = tmp_path_factory.mktemp("sanity")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(study.TIERS, "quick", sizes)
        study.prepare(parameters, store=store, jobs=2)
        return study.run(parameters, store=store).record


def test_micro_expressions_of_strangers_are_spotted(sanity):
    assert sanity["frames_smoothed"]["roc_auc_frames"]["value"] > tables.SANITY_ROC_AUC


def test_spotting_and_naming_beat_chance(sanity):
    strs, null = sanity["spotting_and_naming"]["strs"], sanity["chance"]["shifted"]["strs"]
    assert strs["value"] > null["high"]
    assert sanity["recognition"]["uf1_pooled"]["value"] > sanity["chance"]["guessed"]["uf1_pooled"]["high"]


def test_recognition_from_shuffled_labels_is_at_chance(sanity):
    assert tables.shuffled_at_chance(sanity)
