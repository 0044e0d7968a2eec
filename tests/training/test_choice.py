"""Constants chosen on training subjects, and ceilings."""

import numpy as np
import pytest

from melib.spotting import (
    choose,
    mean_candidates,
    mean_intervals_strict,
    recall_ceiling,
    sfamnet_candidates,
    sfamnet_intervals,
)


def count(truth, found):
    """True positives where every expression is found at most once and none overlap: enough for these videos."""
    total = 0
    for onset, offset in truth:
        for start, stop in found:
            shared = min(offset, stop) - max(onset, start) + 1
            total += shared / (max(offset, stop) - min(onset, start) + 1) >= 0.5
    return total


def video(seed, n=300, expressions=2, strength=1.0):
    """Noise with bumps of half-length 8, and lower ones that are none."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 0.02, n)
    places = rng.permutation(np.arange(30, n - 30, 45))
    truth = []
    for i, place in enumerate(places[: expressions + 2]):
        true = i < expressions
        score[place - 8 : place + 9] += strength * (1.0 if true else 0.5)
        if true:
            truth.append((place - 8, place + 8))
    return score, np.array(sorted(truth)).reshape(-1, 2)


@pytest.mark.parametrize("network", ["mean", "sfamnet"])
def test_a_threshold_between_expressions_and_distractors_is_found(network):
    training = [video(seed, expressions=seed % 3) for seed in range(6)]
    scores, truths = zip(*training, strict=True)
    if network == "mean":
        find, candidates = mean_intervals_strict, mean_candidates(scores, 8)
    else:
        find, candidates = sfamnet_intervals, sfamnet_candidates(scores, [16] * 6)
    chosen = choose(find, candidates, scores, truths, count)
    assert chosen.truth == sum(len(truth) for truth in truths)
    assert chosen.f1 == 2 * chosen.true_positives / (chosen.truth + chosen.found)
    score, truth = video(100, expressions=2)
    found = find(score, **chosen.constants)
    silent = find(video(101, expressions=0)[0], **chosen.constants)
    if network == "mean":
        assert chosen.f1 == 1 and count(truth, found[:, [0, 2]]) == len(found) == 2
        assert len(silent) == 0, "a video with nothing but distractors stays silent"
    else:
        assert chosen.f1 > 0.5 and count(truth, found[:, [0, 2]]) >= 1


def test_of_equally_good_constants_the_first_and_most_reluctant_is_taken():
    score, truth = video(0)
    candidates = mean_candidates([score], 8)
    thresholds = [constants["threshold"] for constants in candidates]
    assert thresholds == sorted(thresholds, reverse=True)
    assert {constants["k_p"] for constants in candidates} == {6, 8, 10}
    chosen = choose(mean_intervals_strict, candidates, [score], [truth], count)
    as_good = [
        constants["threshold"]
        for constants in candidates
        if choose(mean_intervals_strict, [constants], [score], [truth], count).f1 == chosen.f1
    ]
    assert chosen.constants["threshold"] == max(as_good)


def test_choosing_from_nothing_is_refused():
    score, truth = video(0)
    with pytest.raises(ValueError, match="no candidate"):
        choose(mean_intervals_strict, [], [score], [truth], count)
    with pytest.raises(ValueError, match="numbers must agree"):
        choose(mean_intervals_strict, [{}], [score], [truth, truth], count)
    with pytest.raises(ValueError, match="not be empty"):
        choose(mean_intervals_strict, [{}], [score], [np.empty((0, 2))], count)


def test_ceiling_is_reached_by_the_best_of_all_positions():
    rng = np.random.default_rng(0)
    for length in rng.integers(1, 60, 40):
        best = 0
        for size in range(9, 21):
            for start in range(-size, length + size):
                shared = min(length - 1, start + size - 1) - max(0, start) + 1
                best = max(best, shared / (length + size - shared))
        assert recall_ceiling([length], 9, 20) == (best >= 0.5)
    # The released SFAMNet window, 15 to 33 frames: from 8 to 66.
    assert recall_ceiling([7, 8, 20, 66, 67], 15, 33) == pytest.approx(3 / 5)
    assert recall_ceiling([7, 8, 20, 66, 67], 15, 33, iou=0.99) == pytest.approx(1 / 5)
    with pytest.raises(ValueError, match="at least one"):
        recall_ceiling([], 1, 2)
