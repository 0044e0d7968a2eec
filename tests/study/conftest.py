from __future__ import annotations

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
