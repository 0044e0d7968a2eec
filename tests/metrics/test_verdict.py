"""One word for an interval of a difference, and the difference that it would have shown."""

import numpy as np
import pytest
from refusing import refused
from scipy.stats import norm

from melib.metrics import verdict


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.01, 0.2, "higher"),
        (-0.2, -0.01, "lower"),
        (-0.02, 0.01, "equal"),
        (-0.02, 0.03, "undecided"),
        (0.0, 0.2, "undecided"),
        (0.0, 0.01, "equal"),
        (0.1, 0.1, "undecided"),
        (None, None, "undecided"),
        (np.nan, 0.2, "undecided"),
    ],
)
def test_the_word_follows_from_the_interval_and_the_least_difference_of_interest(low, high, word):
    assert verdict.judge(0.005, low, high, 0.03) == word
    assert verdict.judge(None, low, high, 0.03) == verdict.judge(np.nan, low, high, 0.03) == verdict.UNDECIDED
    if word not in ("higher", "lower"):
        assert verdict.judge(0.005, low, high, 0.0) == verdict.UNDECIDED, "where every difference matters"
    for least in (-0.03, np.nan):
        refused("at least 0, got", verdict.judge, 0.1, low, high, least)


def test_a_detectable_difference_is_seen_four_times_in_five():
    error = 0.1 / norm.ppf(0.975)
    found = verdict.detectable(0.1, 0.3)
    assert norm.sf(norm.ppf(0.975) - found / error) == pytest.approx(0.8)
    assert verdict.detectable(-0.1, 0.1) == pytest.approx(found), "the width counts, not the place"
    assert verdict.detectable(None, None) is verdict.detectable(np.nan, 0.1) is None
