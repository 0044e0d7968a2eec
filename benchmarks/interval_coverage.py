"""How often do 95 % intervals over subjects hold the true value? Measured on simulated populations.

    python benchmarks/interval_coverage.py [--populations 300]

A population of subjects differs in how many micro-expressions a subject shows, how many of them a system finds and
names rightly, how many false intervals it adds, and which emotions the subject shows. Each sample of subjects gets an
interval by every method of ``melib.metrics.uncertainty``; the true value is that of 20,000 subjects. The last column is
the interval around the difference of two equally good systems, whose true value is 0.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from melib.metrics import strs, uncertainty

EMOTIONS = np.array(["negative", "others", "positive", "surprise"])
FREQUENCIES = np.array([0.45, 0.20, 0.10, 0.25])
#: Subjects and mean number of micro-expressions per subject; about half of them are found.
SIZES = ((20, 2.8), (40, 2.8), (120, 2.8))
METRICS = ("strs", "f1_spotting", "f1_analysis", "uf1_analysis", "uar_analysis", "f1_named")


def sample(
    rng: np.random.Generator, n_subjects: int, mean_expressions: float, n_systems: int = 1
) -> tuple[pd.DataFrame, ...]:
    """Truth of one sample of subjects, and the predictions of systems of equal skill that err independently.

    Every interval has a place of its own on the time axis.
    """
    n_true = rng.negative_binomial(2, 2 / (2 + mean_expressions), n_subjects)
    false_rate = rng.gamma(1.5, mean_expressions / 1.5, n_subjects)
    found_rate, named_rate = rng.beta(2.5, 2.5, n_subjects), rng.beta(4, 3, n_subjects)
    mixes = rng.dirichlet(6 * FREQUENCIES, n_subjects)
    subject = np.repeat(np.arange(n_subjects), n_true)
    emotion = (rng.random((len(subject), 1)) > np.cumsum(mixes, axis=1)[subject]).sum(axis=1).clip(0, 3)
    onset = 100 * np.arange(len(subject))
    truth = _table(subject, onset, EMOTIONS[emotion])
    systems = []
    for _ in range(n_systems):
        found = rng.random(len(subject)) < found_rate[subject]
        right = rng.random(len(subject)) < named_rate[subject]
        named = np.where(right, emotion, rng.choice(4, len(subject), p=FREQUENCIES))
        false = np.repeat(np.arange(n_subjects), rng.poisson(false_rate))
        elsewhere = 100 * (len(subject) + np.arange(len(false)))
        given = EMOTIONS[np.concatenate([named[found], rng.choice(4, len(false), p=FREQUENCIES)])]
        systems.append(
            _table(np.concatenate([subject[found], false]), np.concatenate([onset[found], elsewhere]), given)
        )
    return truth, *systems


def _table(subject: np.ndarray, onset: np.ndarray, emotion: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"subject": subject, "video": "v", "onset": onset, "offset": onset + 20, "emotion": emotion})


def coverage(
    size: tuple[int, float], truth: dict[str, float], method: str, n_populations: int, n_resamples: int
) -> pd.DataFrame:
    """How often the interval of each metric holds its true value, and the mean width of the interval."""
    wanted = pd.Series(truth)
    low, high = np.empty((2, n_populations, len(wanted)))
    for k in range(n_populations):
        tally = strs.tally(*sample(np.random.default_rng([0, 4, k]), *size), emotions=EMOTIONS)
        found = uncertainty.bootstrap(tally, n_resamples=n_resamples, method=method, seed=k, fewest=2)
        low[k], high[k] = found.table.loc[wanted.index, ["low", "high"]].to_numpy().T
    held = ((low <= wanted.to_numpy()) & (wanted.to_numpy() <= high)).mean(axis=0)
    return pd.DataFrame({"coverage": held, "width": (high - low).mean(axis=0)}, index=wanted.index)


def difference_coverage(size: tuple[int, float], method: str, n_populations: int, n_resamples: int) -> float:
    """How often the interval of the difference in STRS of two equally good systems holds 0."""
    held = 0
    for k in range(n_populations):
        truth, *systems = sample(np.random.default_rng([1, k]), *size, n_systems=2)
        tallies = [strs.tally(truth, predictions, emotions=EMOTIONS) for predictions in systems]
        row = uncertainty.paired(*tallies, n_resamples=n_resamples, method=method, seed=k, fewest=2).table.loc["strs"]
        held += row["low"] <= 0 <= row["high"]
    return held / n_populations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--populations", type=int, default=300, help="samples per size and method")
    parser.add_argument("--resamples", type=int, default=1000)
    arguments = parser.parse_args()

    def draw(rng: np.random.Generator, size: tuple[int, float]):
        return strs.tally(*sample(rng, *size), emotions=EMOTIONS)

    for size in SIZES:
        scores = draw(np.random.default_rng(2026), (20_000, size[1])).scores()
        truth = {key: float(scores[key]) for key in METRICS}
        tp = np.mean([draw(np.random.default_rng([0, 4, k]), size).scores()["tp"] for k in range(50)])
        print(f"\n{size[0]} subjects, {tp:.0f} true positives on average, true STRS {truth['strs']:.3f}")
        for method in uncertainty.METHODS:
            start = time.perf_counter()
            table = coverage(size, truth, method, arguments.populations, arguments.resamples)
            cells = "  ".join(
                f"{key} {row['coverage']:.3f} (width {row['width']:.3f})" for key, row in table.iterrows()
            )
            difference = difference_coverage(size, method, arguments.populations, arguments.resamples)
            cells += f"  difference in strs {difference:.3f}"
            print(f"  {method:<12} {cells}  [{time.perf_counter() - start:.0f} s]")


if __name__ == "__main__":
    main()
