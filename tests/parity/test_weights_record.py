"""The stored record of the released weights is what the files say today."""

import json

import pytest
from released_files import ROOT, needs_reference

from melib.study import released_findings, released_weights

pytestmark = needs_reference


@pytest.fixture(scope="module")
def record():
    return released_weights.build(ROOT)


def rounded(value):
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return round(value, 6) if isinstance(value, float) else value


def test_the_stored_record_is_current(record, request):
    stored = json.loads((request.config.rootpath / "results" / "released_weights.json").read_text())
    now = json.loads(json.dumps(record))
    for each in (stored, now):
        # Differences of single-precision rounding size depend on the processor; they are held to the limit below.
        for row in each["parity"]:
            del row["largest_difference"]
    assert rounded(now) == rounded(stored)


def test_every_recorded_case_is_met(record):
    assert len(record["parity"]) >= 7
    assert released_findings.parity(record)["agrees"].all()


def test_the_labels_and_ceilings_are_those_known_of_the_release(record):
    ceilings = record["rules"]["ceilings"]
    assert (ceilings["labels"], ceilings["kept"]) == (860, 818)
    assert round(ceilings["sfamnet"], 2) == 0.97
    assert (round(ceilings["mean"]["8"], 2), round(ceilings["mean"]["17"], 2)) == (0.94, 0.33)
