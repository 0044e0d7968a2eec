"""The stored records of what the authors released are what the code computes today."""

import json
import os

import pytest

from melib.study import flow_truth, released

pytestmark = pytest.mark.skipif(
    not os.environ.get("MELIB_REFERENCE"), reason="MELIB_REFERENCE does not name the folder of reference artefacts"
)


@pytest.fixture(scope="module")
def predictions():
    return released.load("released_predictions")[0]


@pytest.fixture(scope="module")
def weights():
    return released.load("released_weights")[0]


def flat(value, path=()):
    if isinstance(value, dict):
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, (*path, name)).items()}
    if isinstance(value, list):
        return {key: leaf for i, part in enumerate(value) for key, leaf in flat(part, (*path, i)).items()}
    return {path: value}


@pytest.mark.parametrize(("name", "tolerance"), [("predictions", 1e-9), ("weights", 1e-6)])
def test_the_stored_record_is_current(name, tolerance, request):
    now, stored = json.loads(json.dumps(request.getfixturevalue(name))), flow_truth.load(f"released_{name}")
    for each in (now, stored):
        # Differences of single-precision rounding size depend on the processor; they are held to the limit below.
        for row in each.get("parity", []):
            del row["largest_difference"]
    assert flat(stored) == pytest.approx(flat(now), abs=tolerance)


def test_answers_that_ignore_the_clip_score_what_the_page_says(predictions):
    assert round(predictions["fixed_interval"]["mean_iou"], 3) == 0.447
    assert predictions["exchanged"]["f1_spotting"]["mean"] == pytest.approx(0.306, abs=0.004)
    assert predictions["exchanged"]["f1_spotting"]["high"] < predictions["scores"]["strict"]["f1_spotting"]


def test_every_recorded_case_is_met(weights):
    assert len(weights["parity"]) >= 7
    assert released.criterion(weights) == "met"


def test_the_labels_and_ceilings_are_those_known_of_the_release(weights):
    ceilings = weights["rules"]["ceilings"]
    assert (ceilings["labels"], ceilings["kept"]) == (860, 818)
    assert round(ceilings["sfamnet"], 2) == 0.97
    assert (round(ceilings["mean"]["8"], 2), round(ceilings["mean"]["17"], 2)) == (0.94, 0.33)
