"""One word for an interval of a difference, and the difference that it would have shown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from melib.metrics import verdict

numbers = st.floats(-1, 1)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.01, 0.2, "higher"),
        (-0.2, -0.01, "lower"),
        (-0.02, 0.01, "equal"),
        (-0.02, 0.03, "undecided"),
        (-0.03, 0.02, "undecided"),
        (0.0, 0.2, "undecided"),
        (0.0, 0.01, "equal"),
        (0.0, 0.0, "undecided"),
        (0.1, 0.1, "undecided"),
        (None, None, "undecided"),
        (np.nan, 0.2, "undecided"),
    ],
)
def test_the_word_follows_from_the_interval_and_the_least_difference_of_interest(low, high, word):
    assert verdict.judge(0.005, low, high, 0.03) == word


def test_without_a_value_nothing_is_decided():
    assert verdict.judge(None, 0.1, 0.2, 0.03) == verdict.judge(np.nan, 0.1, 0.2, 0.03) == verdict.UNDECIDED


@settings(max_examples=100, deadline=None, derandomize=True)
@given(numbers, numbers, st.floats(0.001, 1))
def test_the_other_way_round_higher_is_lower_and_nothing_else_changes(a, b, least):
    low, high = sorted((a, b))
    said = verdict.judge((low + high) / 2, low, high, least)
    turned = {verdict.HIGHER: verdict.LOWER, verdict.LOWER: verdict.HIGHER}.get(said, said)
    assert verdict.judge(-(low + high) / 2, -high, -low, least) == turned


def test_a_detectable_difference_is_seen_as_often_as_asked():
    low, high = 0.1, 0.3
    error = 0.1 / norm.ppf(0.975)
    for power in (0.5, 0.8, 0.9):
        found = verdict.detectable(low, high, power=power)
        assert norm.sf(norm.ppf(0.975) - found / error) == pytest.approx(power)
    assert verdict.detectable(-0.1, 0.1, power=0.5) == pytest.approx(0.1), "the width counts, not the place"


def test_without_an_interval_nothing_is_detectable():
    assert verdict.detectable(None, None) is None
    assert verdict.detectable(np.nan, 0.1) is None
