from __future__ import annotations

from dataclasses import replace

import pytest

from melib.study import long_videos, settings


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One store of features and networks for all tests of the study."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def outcome(store):
    """A whole row at the smallest tier."""
    return long_videos.study(settings.Settings(suite="sanity", tier="smoke", device="cpu"), 0, store=store)


@pytest.fixture
def nine_updates(monkeypatch):
    """Tier smoke as small as it can be: nine updates of every network, on one video and four clips a person."""
    updates = {"spot_steps": 9, "recognition_steps": 9, "joint_steps": 9, "batch": 16}
    small = replace(settings.TIERS["smoke"], videos=1, clips=4, stride=8, resamples=50, **updates)
    monkeypatch.setitem(settings.TIERS, "smoke", small)
    monkeypatch.setattr(long_videos, "CHANCE_DRAWS", 20)
