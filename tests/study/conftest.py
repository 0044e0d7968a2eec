from __future__ import annotations

from dataclasses import replace

import pytest

from melib import study


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One feature store for all tests of the study."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def outcome(store):
    """A whole experiment at the smallest tier."""
    return study.run(study.Parameters(suite="sanity", tier="smoke", device="cpu"), store=store)


@pytest.fixture
def nine_updates(monkeypatch):
    """Tier smoke as small as it can be: nine updates of every network, on one video and four clips a subject."""
    updates = {"spot_steps": 9, "recognition_steps": 9, "joint_steps": 9, "batch": 16}
    small = replace(study.TIERS["smoke"], videos=1, clips=4, stride=8, resamples=50, **updates)
    monkeypatch.setitem(study.TIERS, "smoke", small)
