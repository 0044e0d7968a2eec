"""The emotion table: shares, sides and overlap as the data set card states them."""

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from melib.synthetic import action_units as table
from melib.synthetic.action_units import EMOTION_PATTERNS, draw_action_units, draw_emotion
from melib.video import EMOTIONS_7


def draws(emotion, n=3000):
    rng = np.random.default_rng([0, len(emotion)])
    return [draw_action_units(rng, emotion, EMOTION_PATTERNS) for _ in range(n)]


def test_the_table_speaks_of_the_seven_emotions_and_its_shares_sum_to_one():
    assert set(EMOTION_PATTERNS) == set(table.EMOTION_PRIOR) == set(EMOTIONS_7)
    assert sum(table.EMOTION_PRIOR.values()) == pytest.approx(1.0)
    for patterns in (*EMOTION_PATTERNS.values(), *table.OUT_OF_PLANE_PATTERNS.values()):
        assert sum(share for share, _ in patterns) == pytest.approx(1.0)


def test_emotions_and_patterns_are_drawn_with_their_probabilities():
    rng = np.random.default_rng(3)
    names = [draw_emotion(rng, table.EMOTION_PRIOR) for _ in range(4000)]
    counts = [names.count(name) for name in table.EMOTION_PRIOR]
    assert chisquare(counts, [4000 * share for share in table.EMOTION_PRIOR.values()]).pvalue > 1e-3
    # Happiness: AU12 in every pattern; AU6 in 40 % + 10 %. Stray units are neither.
    drawn = draws("happy")
    assert all({"12L", "12R"} & set(units) for units in drawn)
    share = sum(bool({"6L", "6R"} & set(units)) for units in drawn)
    assert binomtest(share, len(drawn), 0.5).pvalue > 1e-3


def test_one_sided_action_units_are_as_frequent_as_stated():
    drawn = [units for units in draws("others", 6000) if {"14L", "14R"} & set(units)]
    drawn = [units for units in drawn if max(units.get("14L", 0), units.get("14R", 0)) > 0.5]  # not a stray 14
    one_sided = sum(("14L" in units) != ("14R" in units) for units in drawn)
    left = sum("14R" not in units for units in drawn)
    assert binomtest(one_sided, len(drawn), table.UNILATERAL["14"]).pvalue > 1e-3
    assert binomtest(left, one_sided, 0.5).pvalue > 1e-3


def test_intensities_stay_near_the_table_and_stray_units_are_rare_and_weak():
    drawn = draws("surprise")
    named = {name for _, pattern in EMOTION_PATTERNS["surprise"] for name in pattern}
    stray = [{k: v for k, v in units.items() if k.rstrip("LR") not in named} for units in drawn]
    # Three of the seven possible stray units (1, 2 and one more of the table) can hide among the real ones.
    assert binomtest(sum(map(bool, stray)), len(drawn), 0.15 * 5 / 7).pvalue > 1e-3
    assert all(0.2 <= value <= 0.43 for units in stray for value in units.values())
    assert all(0.1 < value < 1.7 for units in drawn for value in units.values())


def test_emotions_overlap_so_that_action_units_alone_do_not_name_them():
    alone = {
        emotion: {frozenset(label.rstrip("LR") for label in units) for units in draws(emotion, 500)}
        for emotion in EMOTION_PATTERNS
    }
    assert frozenset({"4"}) in alone["disgust"] & alone["fear"]
    assert frozenset({"14"}) in alone["anger"] & alone["sad"] & alone["others"]
    assert frozenset({"2"}) in alone["surprise"] & alone["others"]
