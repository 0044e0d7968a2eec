"""How often do 95 % intervals over subjects hold the true value? Measured on simulated populations.

    python benchmarks/interval_coverage.py [--populations 300]

A population of subjects differs in how many micro-expressions a subject shows, how many of them a system finds and
names rightly, how many false intervals it adds, and which emotions the subject shows. Each sample of subjects gets an
interval by every method of ``melib.metrics.uncertainty``; the true value is that of 20,000 subjects.
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
SIZES = ((12, 5.0), (26, 6.0), (60, 6.3))
METRICS = ("strs", "f1_spotting", "f1_analysis", "uf1_analysis", "uar_analysis", "f1_named")


def sample(rng: np.random.Generator, n_subjects: int, mean_expressions: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Truth and predictions of one sample of subjects; every interval has a place of its own on the time axis."""
    n_true = rng.negative_binomial(2, 2 / (2 + mean_expressions), n_subjects)
    n_false = rng.poisson(rng.gamma(1.5, mean_expressions / 1.5, n_subjects))
    found_rate, named_rate = rng.beta(2.5, 2.5, n_subjects), rng.beta(4, 3, n_subjects)
    mixes = rng.dirichlet(6 * FREQUENCIES, n_subjects)
    subject = np.repeat(np.arange(n_subjects), n_true)
    emotion = (rng.random((len(subject), 1)) > np.cumsum(mixes, axis=1)[subject]).sum(axis=1).clip(0, 3)
    onset = 100 * np.arange(len(subject))
    found = rng.random(len(subject)) < found_rate[subject]
    right = rng.random(len(subject)) < named_rate[subject]
    named = np.where(right, emotion, rng.choice(4, len(subject), p=FREQUENCIES))
    liar = np.repeat(np.arange(n_subjects), n_false)
    elsewhere = 100 * (len(subject) + np.arange(len(liar)))
    truth = _table(subject, onset, EMOTIONS[emotion])
    predictions = _table(
        np.concatenate([subject[found], liar]),
        np.concatenate([onset[found], elsewhere]),
        EMOTIONS[np.concatenate([named[found], rng.choice(4, len(liar), p=FREQUENCIES)])],
    )
    return truth, predictions


def _table(subject: np.ndarray, onset: np.ndarray, emotion: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"subject": subject, "video": "v", "onset": onset, "offset": onset + 20, "emotion": emotion})


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
            table = uncertainty.coverage(
                lambda rng, size=size: draw(rng, size),
                truth=truth,
                n_populations=arguments.populations,
                n_resamples=arguments.resamples,
                method=method,
            )
            cells = "  ".join(
                f"{key} {row['coverage']:.3f} (width {row['width']:.3f})" for key, row in table.iterrows()
            )
            print(f"  {method:<12} {cells}  [{time.perf_counter() - start:.0f} s]")


if __name__ == "__main__":
    main()
