import numpy as np
import pytest

from melib.metrics import intervals
from melib.spotting import mean_intervals_strict, sfamnet_intervals
from melib.spotting.choice import choose, mean_candidates, sfamnet_candidates


def count(truth, found):
    """True positives where every expression is found at most once and none overlap: enough for these videos."""
    return sum((intervals.iou(*expression, *np.transpose(found)) >= 0.5).sum() for expression in truth)


def video(seed, n=300, expressions=2):
    """Noise with bumps of half-length 8, and lower ones that are none."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 0.02, n)
    places = rng.permutation(np.arange(30, n - 30, 45))[: expressions + 2]
    for i, place in enumerate(places):
        score[place - 8 : place + 9] += 1.0 if i < expressions else 0.5
    return score, np.array([(place - 8, place + 8) for place in sorted(places[:expressions])]).reshape(-1, 2)


@pytest.mark.parametrize("network", ["mean", "sfamnet"])
def test_a_threshold_between_expressions_and_distractors_is_found(network):
    scores, truths = zip(*(video(seed, expressions=seed % 3) for seed in range(6)), strict=True)
    if network == "mean":
        find, candidates = mean_intervals_strict, mean_candidates(scores, 8)
    else:
        find, candidates = sfamnet_intervals, sfamnet_candidates(scores, [16] * 6)
    chosen = choose(find, candidates, scores, truths, count)
    assert chosen.truth == sum(len(truth) for truth in truths)
    assert chosen.f1 == 2 * chosen.true_positives / (chosen.truth + chosen.found)
    score, truth = video(100)
    found = find(score, **chosen.constants)[:, [0, 2]]
    if network == "mean":
        assert chosen.f1 == 1 and count(truth, found) == len(found) == 2
        assert len(find(video(101, expressions=0)[0], **chosen.constants)) == 0, "distractors alone are passed over"
    else:
        assert chosen.f1 > 0.5 and count(truth, found) >= 1


def test_of_equally_good_constants_the_first_and_most_reluctant_is_taken():
    score, truth = video(0)
    candidates = mean_candidates([score], 8)
    thresholds = [constants["threshold"] for constants in candidates]
    assert thresholds == sorted(thresholds, reverse=True)
    assert {constants["k_p"] for constants in candidates} == {6, 8, 10}
    chosen = choose(mean_intervals_strict, candidates, [score], [truth], count)
    alone = [choose(mean_intervals_strict, [constants], [score], [truth], count) for constants in candidates]
    as_good = [one.constants["threshold"] for one in alone if one.f1 == chosen.f1]
    assert chosen.constants["threshold"] == max(as_good)


def test_choosing_from_nothing_is_refused():
    score, truth = video(0)
    for candidates, truths in (([], [truth]), ([{}], [truth, truth]), ([{}], [np.empty((0, 2))])):
        with pytest.raises(ValueError, match="no candidate|numbers must agree|not be empty"):
            choose(mean_intervals_strict, candidates, [score], truths, count)
