"""How far a number would move with other subjects (and other seeds).

Goal
    Put an interval around every metric of any ``tally``, around the difference of two systems, and measure whether
    such intervals keep their promise.
Conventions
    What is resampled are subjects (clusters): the videos of a person are not independent. Where a system was trained
    with several seeds, give one tally per seed: the metric is the mean over seeds, and seeds are resampled together
    with subjects. Resamples are weights on counts per subject, so 2,000 of them take seconds.
Functions
    * :func:`bootstrap`: an interval for every metric;
    * :func:`paired`: an interval for the difference of two systems on the same subjects;
    * :func:`permutation`: the p-value of that difference, systems exchanged within subjects;
    * :func:`coverage`: how often intervals hold the true value, on fresh populations;
    * :func:`caution`: what to say about few data.
Methods
    ``studentised`` (default)
        Bootstrap-t: quantiles of (resample - value) / standard error, the standard errors by the jackknife over
        subjects (plus that over seeds). Shares are studentised on the scale arcsin(sqrt(x)), counts and rates on
        sqrt(x), which evens out their variance and keeps intervals inside their range; differences as they are.
    ``bca``
        Bias-corrected and accelerated percentiles.
    ``percentile``
        Quantiles of the resamples, as in most papers.

    On simulated populations (``benchmarks/interval_coverage.py``, 400 samples, standard error .01 to .02) intervals of
    95 % around STRS from 12 subjects and 30 true positives held the true value in .84 of the samples by percentiles,
    .86 by BCa and .945 studentised; from 60 subjects and 184 true positives in .95, .94 and .97. For the difference
    of two systems from 12 subjects: .895, .87 and .94.
Source
    Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapters 12 and 14; Davison, Hinkley: Bootstrap Methods
    and their Application (1997), chapter 5, for studentising on a transformed scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

from melib.errors import InputError
from melib.metrics._resampling import METHODS, Statistic, limits
from melib.metrics._tally import Tally

__all__ = ["METHODS", "Intervals", "bootstrap", "caution", "coverage", "paired", "permutation"]

#: Below either number, intervals are narrower than they claim; see :func:`caution`.
FEW_SUBJECTS = 30
FEW_TRUE_POSITIVES = 50

#: A system: one tally, or one per seed.
System = Tally | Sequence[Tally]


@dataclass(frozen=True)
class Intervals:
    """Intervals of several metrics.

    Attributes
    ----------
    table : pandas.DataFrame
        A row per metric: ``value, low, high``. All three are NaN for a metric that the input does not give.
    level : float
        The nominal coverage.
    method : str
    n_resamples, n_subjects, n_seeds : int
    caution : str
        What to say beside the numbers because of few data; ``""`` if nothing.
    """

    table: pd.DataFrame
    level: float
    method: str
    n_resamples: int
    n_subjects: int
    n_seeds: int
    caution: str


def caution(n_subjects: int, true_positives: float | None) -> str:
    """A sentence for results from few data, or ``""``.

    Parameters
    ----------
    n_subjects : int
    true_positives : float or None
        None where a metric has no true positives (recognition).
    """
    few = []
    if n_subjects < FEW_SUBJECTS:
        few.append(f"{n_subjects} subjects (fewer than {FEW_SUBJECTS})")
    if true_positives is not None and true_positives < FEW_TRUE_POSITIVES:
        few.append(f"{true_positives:g} true positives (fewer than {FEW_TRUE_POSITIVES})")
    if not few:
        return ""
    return f"Few data: {' and '.join(few)}. With so few, an interval can be narrower than it claims."


def _seeds(system: System) -> tuple[Tally, ...]:
    tallies = (system,) if isinstance(system, Tally) else tuple(system)
    if not tallies:
        raise InputError("a system needs at least one tally")
    return tallies


def _aligned(*systems: System) -> list[tuple[Tally, ...]]:
    """The tallies of systems over the union of their subjects."""
    seeds = [_seeds(system) for system in systems]
    subjects = tuple(sorted({subject for tallies in seeds for tally in tallies for subject in tally.subjects}))
    if len(subjects) < 2:
        raise InputError(f"an interval over subjects needs at least two subjects, there is {len(subjects)}")
    return [tuple(tally.over(subjects) for tally in tallies) for tallies in seeds]


def _true_positives(systems: list[tuple[Tally, ...]]) -> float | None:
    counts = []
    for tally in (tally for tallies in systems for tally in tallies):
        scores = tally.scores()
        counts += [float(scores[key]) for key in ("tp", "tp_overall") if key in scores][:1]
    return min(counts, default=None)


def bootstrap(
    system: System,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    method: str = "studentised",
    seed: int = 0,
) -> Intervals:
    """An interval over subjects (and seeds) for every metric of a tally.

    Parameters
    ----------
    system : Tally, or a sequence of them
        From ``strs.tally``, ``spotting.tally``, ``spotting.tally_frames`` or ``recognition.tally``; one per seed.
    n_resamples : int
        2,000 leave each limit of a 95 % interval uncertain by about 2 % of the interval's width.
    level : float
        Nominal coverage in (0, 1).
    method : {"studentised", "bca", "percentile"}
        See the docstring of this module. ``studentised`` evaluates the metrics once per resample and subject: for a
        tally of frames, with its thousands of columns, ``bca`` is much cheaper.
    seed : int
        The same seed gives the same interval.

    Raises
    ------
    ValueError
        With fewer than two subjects, fewer than 20 resamples, or an unknown method.
    """
    systems = _aligned(system)
    first = systems[0][0]
    metrics = tuple(first.scores())
    scales = ["amount" if key in first.unbounded else "share" for key in metrics]
    statistic = Statistic(systems, metrics, np.array(scales))
    found = limits(statistic, method, level, n_resamples, np.random.default_rng([seed, 1]))
    return _intervals(statistic, found, systems, level, method, n_resamples)


def paired(
    first: System,
    second: System,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    method: str = "studentised",
    seed: int = 0,
) -> Intervals:
    """An interval for each metric of the first system minus that of the second.

    Both stand over the same resampled subjects; a subject that only one system knows counts nothing for the other.
    Seeds are resampled for each system on its own, since seed 1 of one has nothing to do with seed 1 of the other.

    Parameters
    ----------
    first, second : Tally, or a sequence of them
        Two systems on the same truth; one tally per seed.
    n_resamples, level, method, seed
        As for :func:`bootstrap`.
    """
    systems = _aligned(first, second)
    metrics = _common_metrics(systems)
    statistic = Statistic(systems, metrics, np.array(["difference"] * len(metrics)))
    found = limits(statistic, method, level, n_resamples, np.random.default_rng([seed, 2]))
    return _intervals(statistic, found, systems, level, method, n_resamples)


def _common_metrics(systems: list[tuple[Tally, ...]]) -> tuple[str, ...]:
    metrics, others = (tuple(tallies[0].scores()) for tallies in systems)
    if metrics != others:
        raise InputError(f"the systems have different metrics: {', '.join(sorted(set(metrics) ^ set(others)))}")
    return metrics


def _intervals(statistic, found, systems, level, method, n_resamples) -> Intervals:
    table = pd.DataFrame(
        dict(zip(("value", "low", "high"), found, strict=True)), index=pd.Index(statistic.metrics, name="metric")
    )
    n_subjects = statistic.blocks[0]
    words = caution(n_subjects, _true_positives(systems))
    return Intervals(table, level, method, n_resamples, n_subjects, max(statistic.blocks[1:]), words)


def permutation(first: System, second: System, *, n_permutations: int = 2000, seed: int = 0) -> pd.Series:
    """Two-sided p-values of the difference of two systems, a metric each.

    Under the null hypothesis the two systems could have exchanged their results on any subject; all seeds of a
    subject are exchanged together.

    Parameters
    ----------
    first, second : Tally, or a sequence of them
        Tallies that count the same columns (``strs.tally`` or ``recognition.tally`` of two systems on one truth), and
        as many seeds on either side.
    n_permutations : int
    seed : int

    Returns
    -------
    pandas.Series
        (1 + permutations with at least the observed difference) / (1 + permutations); NaN for an undefined metric.

    Raises
    ------
    ValueError
        If the tallies count different things or the numbers of seeds differ.
    """
    a, b = _aligned(first, second)
    metrics = _common_metrics([a, b])
    if len(a) != len(b):
        raise InputError(f"{len(a)} seeds against {len(b)}: a permutation exchanges seed by seed")
    if any(one.columns != two.columns for one, two in zip(a, b, strict=True)):
        raise InputError(
            "the tallies count different columns, so subjects cannot be exchanged: use the same emotions and a tally "
            "of counts (average precision and rankings of frames are not)"
        )
    n = len(a[0].subjects)
    swap = np.random.default_rng([seed, 3]).integers(0, 2, size=(n_permutations + 1, n))
    swap[0] = 0  # the observed difference, computed by the same path
    difference = 0.0
    for one, two in zip(a, b, strict=True):
        both = replace(
            one,
            subjects=tuple((side, subject) for side in "ab" for subject in one.subjects),
            counts=vstack([csr_array(one.counts), csr_array(two.counts)], format="csr"),
        )
        there, back = both.scores(np.hstack([1 - swap, swap])), both.scores(np.hstack([swap, 1 - swap]))
        difference = difference + np.stack([there[key] - back[key] for key in metrics], axis=1) / len(a)
    observed, draws = np.abs(difference[0]), np.abs(difference[1:])
    p = (1 + (draws >= observed - 1e-12).sum(axis=0)) / (1 + n_permutations)
    return pd.Series(np.where(np.isfinite(observed), p, np.nan), index=pd.Index(metrics, name="metric"), name="p")


def coverage(
    draw: Callable[[np.random.Generator], Tally],
    *,
    n_populations: int = 200,
    truth: Mapping[str, float] | None = None,
    method: str = "studentised",
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How often an interval holds the true value, on fresh populations.

    Parameters
    ----------
    draw : callable
        Given a generator, returns the tally of a fresh sample of subjects (a benchmark renders new people, for
        instance).
    n_populations : int
        Samples drawn; 200 measure a coverage of 95 % to within 3 % (two standard errors).
    truth : mapping, optional
        The true value of each metric to check; by default the value that all samples together give, for every metric
        in [0, 1] (only for tallies of counts, whose columns mean the same in every sample).
    method, level, n_resamples
        As for :func:`bootstrap`.
    seed : int

    Returns
    -------
    pandas.DataFrame
        A row per metric: ``truth, coverage, standard_error, above`` (share of intervals that lie above the truth),
        ``below, width`` (mean over the samples).
    """
    tallies = [draw(np.random.default_rng([seed, 4, k])) for k in range(n_populations)]
    if truth is None:
        pooled = sum(np.asarray(tally.counts.sum(axis=0)).ravel() for tally in tallies)
        scores = tallies[0].formula(pooled[None])
        truth = {key: float(value[0]) for key, value in scores.items() if key not in tallies[0].unbounded}
    wanted = pd.Series(dict(truth))
    low, high = np.empty((2, n_populations, len(wanted)))
    for k, tally in enumerate(tallies):
        table = bootstrap(tally, n_resamples=n_resamples, level=level, method=method, seed=seed + k).table
        low[k], high[k] = table.loc[wanted.index, "low"], table.loc[wanted.index, "high"]
    values = wanted.to_numpy()
    above, below = (low > values).mean(axis=0), (high < values).mean(axis=0)
    held = ((low <= values) & (values <= high)).mean(axis=0)
    return pd.DataFrame(
        {
            "truth": values,
            "coverage": held,
            "standard_error": np.sqrt(held * (1 - held) / n_populations),
            "above": above,
            "below": below,
            "width": (high - low).mean(axis=0),
        },
        index=pd.Index(wanted.index, name="metric"),
    )
