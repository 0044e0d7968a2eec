"""The stored record of the released predictions is what the code computes today."""

import json

import pytest
from released_files import ROOT, needs_reference

from melib.metrics import released


@pytest.fixture(scope="module")
def record():
    return released.build(ROOT)


def flat(value, path=()):
    if isinstance(value, dict):
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, (*path, name)).items()}
    if isinstance(value, list):
        return {key: leaf for i, part in enumerate(value) for key, leaf in flat(part, (*path, i)).items()}
    return {path: value}


@needs_reference
def test_the_stored_record_is_current(record, request):
    stored = json.loads((request.config.rootpath / "results" / "released_predictions.json").read_text())
    assert flat(stored) == pytest.approx(flat(json.loads(json.dumps(record))), abs=1e-9)


@needs_reference
def test_answers_that_ignore_the_clip_score_what_the_page_says(record):
    assert round(record["fixed_interval"]["mean_iou"], 3) == 0.447
    assert record["exchanged"]["f1_spotting"]["mean"] == pytest.approx(0.306, abs=0.004)
    assert record["exchanged"]["f1_spotting"]["high"] < record["scores"]["strict"]["f1_spotting"]
