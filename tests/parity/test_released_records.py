"""The stored records of what the authors released are what the code computes today."""

import json

import pytest
import released
import stored
from released_files import needs_reference

pytestmark = needs_reference


def flat(value, path=()):
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: leaf for name, part in parts for key, leaf in flat(part, (*path, name)).items()}
    return {path: value}


@pytest.mark.parametrize(("name", "tolerance"), [("released_predictions", 1e-9), ("released_weights", 1e-6)])
def test_the_stored_record_is_current_and_its_cases_are_met(name, tolerance):
    now, kept = json.loads(json.dumps(released.load(name)[0])), stored.load(name)
    if name == "released_weights":
        assert len(now["parity"]) >= 7 and released.criterion(now) == "met"
    for each in (now, kept):
        # Differences of single-precision rounding size depend on the processor; they are held to the limit above.
        for row in each.get("parity", []):
            del row["largest_difference"]
    assert flat(kept) == pytest.approx(flat(now), abs=tolerance)
