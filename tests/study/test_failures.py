"""Why an expression was missed, what a false alarm was, and what each step could reach, on a table made by hand."""

import failures
import pandas as pd
import pytest

WHERE = {"subject": "a", "video": "v"}


def table(*rows, **more):
    return pd.DataFrame([{**WHERE, "onset": a, "apex": (a + b) // 2, "offset": b} for a, b in rows]).assign(**more)


#: Found, with a peak below the threshold, found with wrong boundaries, and without any peak.
TRUTH = table((10, 19), (40, 49), (70, 79), (200, 209))
PEAKS = table((11, 20), (71, 110), (41, 50), (130, 139), (160, 169), score=[0.9, 0.8, 0.4, 0.7, 0.6])
FOUND = PEAKS[PEAKS["score"] > 0.5].reset_index(drop=True)
FOUND.loc[1, "apex"] = 75


def test_a_miss_is_put_down_to_the_first_step_that_lost_it_and_a_false_alarm_to_what_moved():
    assert failures.misses(TRUTH, FOUND, PEAKS).tolist() == ["found", failures.MISSES[1], failures.MISSES[2], "no peak"]
    moves = pd.concat([TRUTH.assign(kind="micro-expression"), table((75, 78), (134, 150)).assign(kind="blink")])
    assert failures.false_alarms(TRUTH, FOUND, moves).tolist() == ["right", "micro-expression", "blink", "nothing"]
    told = failures.recall_by(TRUTH.assign(blink=[True] + 3 * [False]), failures.misses(TRUTH, FOUND, PEAKS), "blink")
    assert told.loc["yes"].tolist() == [1, 1] and told.loc["no"].tolist() == [0, 3]
    luck = failures.anywhere(FOUND, pd.DataFrame([{**WHERE, "frames": 300}]))
    assert (luck["offset"] - luck["onset"]).equals(FOUND["offset"] - FOUND["onset"]) and luck["offset"].max() < 300


def test_no_step_made_perfect_reaches_less_than_what_is():
    reached = failures.ceilings(TRUTH, FOUND, PEAKS)
    assert list(reached.values()) == pytest.approx([2 / 8, 2 * 2 / (4 + 5), 2 * 2 / 8, 2 / 4])
    silent = failures.ceilings(TRUTH, FOUND[:0], PEAKS[:0])
    assert set(silent.values()) == {0}, "nothing found, and no peak to find"
    # A second video without an expression: the oracle keeps silent there.
    other = PEAKS.assign(video="w")
    both = failures.ceilings(TRUTH, pd.concat([FOUND, other]), pd.concat([PEAKS, other], ignore_index=True))
    assert both["F1 as it is"] < 2 / 8 and both["F1, best threshold a video (oracle)"] == pytest.approx(4 / 9)
