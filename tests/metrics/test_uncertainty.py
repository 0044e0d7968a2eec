"""Bootstrap and paired difference: against brute force and known answers."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from refusing import refused
from scipy import stats
from scipy.stats import norm

from melib.metrics import recognition, spotting, strs, uncertainty
from melib.metrics._tally import Tally

bootstrap = partial(uncertainty.bootstrap, fewest=2)
paired = partial(uncertainty.paired, fewest=2)


def mean_tally(values: np.ndarray) -> Tally:
    counts = np.stack([values, np.ones(len(values))], axis=1)
    names = tuple(f"s{i:03d}" for i in range(len(values)))
    return Tally(
        names, counts, ("sum", "n"), lambda t: {"mean": lambda: t[..., 0] / t[..., 1]}, unbounded=frozenset({"mean"})
    )


def test_the_bootstrap_of_a_tally_is_the_bootstrap_of_its_tables(tables):
    tally = strs.tally(*tables)
    rng = np.random.default_rng([0, 1])
    weights = rng.multinomial(len(tally.subjects), np.full(len(tally.subjects), 1 / len(tally.subjects)), size=20)
    slow = []
    for row in weights:
        parts = [(s, copy) for s, n in zip(tally.subjects, row, strict=True) for copy in range(n)]
        resampled = [
            pd.concat([part[part.subject == int(s)].assign(subject=f"{s}-{copy}") for s, copy in parts])
            for part in tables
        ]
        slow.append(strs.evaluate(*resampled)["strs"])
    fast = bootstrap(tally, n_resamples=20, method="percentile").table.loc["strs"]
    assert [fast["low"], fast["high"]] == pytest.approx(np.quantile(slow, [0.025, 0.975]))


@pytest.mark.parametrize("method", uncertainty.METHODS)
def test_intervals_hold_the_value_lie_in_range_and_repeat_bit_for_bit(tables, videos, method):
    tally = strs.tally(*tables, videos=videos)
    table, again, other = (bootstrap(tally, n_resamples=100, method=method, seed=seed).table for seed in (0, 0, 1))
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    shares = table.drop(["tp", "fp", "fn", "false_positives_per_minute"])
    assert shares.min().min() >= 0 and shares.max().max() <= 1
    assert table["value"].to_dict() == pytest.approx(strs.evaluate(*tables, videos=videos))
    pd.testing.assert_frame_equal(table, again, check_exact=True)
    assert not table.equals(other)
    perfect = bootstrap(strs.tally(tables[0], tables[0]), n_resamples=50, method=method).table
    assert perfect.loc["strs"].tolist() == pytest.approx([1, 1, 1]), "no variation, no width"
    assert perfect.loc["false_positives_per_minute"].isna().all(), "what is undefined stays so"


@pytest.mark.parametrize(("method", "name"), [("bca", "BCa"), ("percentile", "percentile")])
def test_limits_of_a_skewed_sample_agree_with_scipy(method, name):
    values = np.random.default_rng(3).exponential(1, 25) ** 2
    peer = stats.bootstrap((values,), np.mean, n_resamples=20_000, method=name, rng=np.random.default_rng(0))
    row = bootstrap(mean_tally(values), n_resamples=20_000, method=method).table.loc["mean"]
    assert [row["low"], row["high"]] == pytest.approx(list(peer.confidence_interval), rel=0.02)


def test_studentised_limits_are_those_of_a_plain_loop():
    values = np.random.default_rng(3).exponential(1, 25)
    draws = np.random.default_rng(0).choice(values, (20_000, 25))
    centre, error = values.mean(), values.std(ddof=1) / 5
    deviations = (draws.mean(axis=1) - centre) / (draws.std(axis=1, ddof=1) / 5)
    low, high = centre - np.quantile(deviations, [0.975, 0.025]) * error
    # As a difference of amounts, the mean is studentised on its own scale, like here.
    row = paired(mean_tally(values), mean_tally(np.zeros(25)), n_resamples=20_000).table.loc["mean"]
    assert [row["low"], row["high"]] == pytest.approx([low, high], abs=0.02)
    assert high - centre > 1.3 * (centre - low)


def test_every_evaluate_has_intervals_for_all_its_metrics(tables):
    truth, predictions = tables
    rng = np.random.default_rng(0)
    scored = predictions.assign(score=rng.random(len(predictions)))
    frames = pd.DataFrame({"subject": np.repeat(np.arange(1, 9), 300), "video": "v0"})
    frames = frames.assign(frame=np.tile(np.arange(300), 8), score=rng.integers(0, 20, len(frames)))
    labels, folds = rng.choice(["a", "b"], (2, 40)), np.arange(40) % 5
    for tally, scores in (
        (spotting.tally(truth, scored), spotting.evaluate(truth, scored)),
        (spotting.tally_frames(truth, frames), {"roc_auc_frames": spotting.roc_auc_frames(truth, frames)}),
        (recognition.tally(*labels, folds), recognition.evaluate(*labels, folds=folds)),
    ):
        table = bootstrap(tally, n_resamples=100, method="bca").table
        assert set(scores) <= set(table.index)
        defined = table.loc[[key for key, value in scores.items() if np.isfinite(value)]]
        assert (defined["low"] <= defined["value"] + 1e-12).all()
        assert (defined["high"] >= defined["value"] - 1e-12).all()


def test_few_data_are_pointed_out_beside_the_intervals(tables):
    found = uncertainty.bootstrap(strs.tally(*tables), n_resamples=20)
    assert "8 subjects" in found.caution and "no interval is given" in found.caution
    assert found.table["value"].notna().sum() > 9 and found.table[["low", "high"]].isna().all().all()
    assert "12 subjects (fewer than 30) and 30 true positives (fewer than 50)" in uncertainty.caution(12, 30)
    assert uncertainty.caution(30, 50) == uncertainty.caution(30, None) == ""


def test_seeds_are_averaged_and_widen_the_interval():
    base = np.random.default_rng(0).normal(5, 1, 40)
    seeds = [mean_tally(base + shift) for shift in (-2.0, -0.5, 0.5, 2.0)]
    one, four = (
        bootstrap(system, n_resamples=500, method="percentile").table.loc["mean"]
        for system in (mean_tally(base), seeds)
    )
    assert four["value"] == pytest.approx(base.mean())
    # Variance of a mean over four seeds drawn with replacement: population variance / 4 = 2.125 / 4.
    expected = 2 * norm.ppf(0.975) * np.sqrt(base.var() / 40 + 2.125 / 4)
    assert four["high"] - four["low"] == pytest.approx(expected, rel=0.1)
    assert four["high"] - four["low"] > 2 * (one["high"] - one["low"])


def test_a_paired_interval_is_as_narrow_as_the_difference_allows():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 5, 50)
    better = base + 0.5 + rng.normal(0, 0.1, 50)
    row = paired(mean_tally(better), mean_tally(base), n_resamples=500).table.loc["mean"]
    mean, half = (better - base).mean(), norm.ppf(0.975) * (better - base).std(ddof=1) / np.sqrt(50)
    assert row.tolist() == pytest.approx([mean, mean - half, mean + half], abs=0.02)


def test_a_pair_may_differ_in_its_subjects_and_a_system_never_differs_from_itself(tables):
    truth, predictions = tables
    more = pd.concat([predictions, predictions[:1].assign(subject="stranger")], ignore_index=True)
    tally = strs.tally(truth, predictions)
    assert paired(strs.tally(truth, more), tally, n_resamples=50).table.loc["fp", "value"] == 1
    assert (paired(tally, tally, n_resamples=50).table.dropna() == 0).all().all()


def test_from_few_subjects_studentised_intervals_hold_the_truth_as_often_as_they_say_and_percentiles_less_often():
    held = dict.fromkeys(("studentised", "percentile"), 0)
    for k in range(300):
        tally = mean_tally(np.random.default_rng([0, 4, k]).normal(5, 1, 8))
        for method in held:
            row = bootstrap(tally, method=method, n_resamples=100, seed=k).table.loc["mean"]
            held[method] += row["low"] <= 5 <= row["high"]
    assert held["studentised"] / 300 == pytest.approx(0.95, abs=0.03)
    assert held["percentile"] / 300 < 0.91


def test_what_cannot_be_resampled_is_refused(tables):
    for options, words in (({"method": "normal"}, "unknown method 'normal'"), ({"n_resamples": 5}, "at least 20")):
        refused(words, bootstrap, strs.tally(*tables), **options)
    refused("at least two subjects, there is 1", bootstrap, strs.tally(*(part[part.subject == 1] for part in tables)))
    refused("different metrics", paired, strs.tally(*tables), spotting.tally(*tables))


def test_a_difference_of_shares_stays_between_minus_one_and_one_where_that_of_amounts_would_not():
    rng, beyond = np.random.default_rng(5), 0
    for _ in range(20):
        hits, every = rng.integers(0, 3, (2, 3)), rng.integers(2, 5, 3)
        pairs = [np.stack([each, every], axis=1).astype(float) for each in hits]
        for unbounded in (frozenset(), frozenset({"share"})):
            how = (("hits", "n"), lambda t: {"share": lambda: t[..., 0] / t[..., 1]}, unbounded)
            tallies = (Tally(tuple("abc"), counts, *how) for counts in pairs)
            row = paired(*tallies, n_resamples=100).table.loc["share"]
            widest = max(-row["low"], row["high"])
            assert unbounded or (widest <= 1 and row["low"] <= row["value"] <= row["high"])
            beyond += widest > 1
    assert beyond > 0


@pytest.mark.parametrize("counts", [(2, 3, 3), (5, 3, 4)])
def test_rounding_in_a_resample_without_spread_does_not_open_the_interval(counts):
    shares = Tally(tuple("abc"), np.array(counts, float)[:, None], ("n",), lambda t: {"share": lambda: t[..., 0] / 30})
    row = bootstrap(shares, n_resamples=200).table.loc["share"]
    assert row["low"] > 0.2 and row["high"] < 0.65


def test_a_class_that_rests_on_one_subject_does_not_open_the_interval():
    """Without the one who was named rightly the precision of that class falls to 0, in a resample without spread."""
    counts = np.array([[2.0, 2, 0], *[[0, 0, 1]] * 38, [0, 0, 0]])

    def precision(totals):
        named = np.maximum(totals[..., 1], 1)
        return {"mean": lambda: (totals[..., 0] / named + totals[..., 2] / 10) / 8}

    tally = Tally(tuple(map(str, range(40))), counts, ("right", "named", "other"), precision)
    row = bootstrap(tally, n_resamples=500).table.loc["mean"]
    assert 0.2 < row["low"] < row["high"] < 0.95
