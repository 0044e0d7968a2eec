"""A store, and rows of the smallest size."""

from dataclasses import replace

import pytest

from melib.study import long_videos, settings

#: Tier smoke with one video and four clips of each person.
FEW = replace(settings.TIERS["smoke"], videos=1, clips=4, resamples=20)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One store of features and networks for all tests of the study."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def outcome(store):
    """A whole row of few data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.TIERS, "smoke", FEW)
        return long_videos.study(settings.Settings(suite="sanity", tier="smoke", device="cpu"), 0, store=store)


@pytest.fixture
def nine_updates(monkeypatch):
    """Few data, and nine updates of every network."""
    updates = {"spot_steps": 9, "recognition_steps": 9, "joint_steps": 9, "batch": 16}
    monkeypatch.setitem(settings.TIERS, "smoke", replace(FEW, **updates))
    monkeypatch.setattr(long_videos, "FLOOR_DRAWS", 2)
