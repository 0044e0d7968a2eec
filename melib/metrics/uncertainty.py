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

    On simulated populations (``benchmarks/interval_coverage.py``) intervals of 95 % around STRS from 12 subjects and 30
    true positives hold the true value in about 82 % of cases by percentiles, 86 % by BCa and 93 % studentised; from 60
    subjects and 190 true positives all three do in 93 to 96 %.
Source
    Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapters 12 and 14; Davison, Hinkley: Bootstrap Methods
    and their Application (1997), chapter 5, for studentising on a transformed scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack
from scipy.special import ndtr, ndtri

from melib.metrics._tally import Tally

METHODS = ("studentised", "bca", "percentile")

#: Below either number, intervals are narrower than they claim; see :func:`caution`.
FEW_SUBJECTS = 30
FEW_TRUE_POSITIVES = 50

# Entries of (resamples x columns) computed in one piece; bounds memory to some hundred MB.
_PIECE = 5_000_000

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


@dataclass(frozen=True)
class _Statistic:
    """The mean over seeds of one system's metrics, or the first system's less the second's."""

    systems: list[tuple[Tally, ...]]  # all over the same subjects
    metrics: tuple[str, ...]
    scales: np.ndarray  # per metric: "share", "amount" or "difference"

    @property
    def tallies(self) -> list[Tally]:
        return [tally for tallies in self.systems for tally in tallies]

    @property
    def blocks(self) -> tuple[int, ...]:
        """How many units each independently resampled block has: subjects, then the seeds of each system."""
        return len(self.tallies[0].subjects), *(len(tallies) for tallies in self.systems)

    def scores(self, totals: list[np.ndarray]) -> list[np.ndarray]:
        """Metrics ``(N, M)`` of each tally from its totals ``(N, K)``."""
        found = (tally.formula(total) for tally, total in zip(self.tallies, totals, strict=True))
        return [np.stack([metrics[key] for key in self.metrics], axis=1) for metrics in found]

    def combine(self, scores: list[np.ndarray], seeds: list[np.ndarray]) -> np.ndarray:
        """The statistic ``(N, M)`` when each seed counts as often as its weight ``(N, seeds)`` says."""
        shares = [sign * drawn / drawn.sum(axis=1, keepdims=True) for sign, drawn in zip((1, -1), seeds, strict=False)]
        return sum(share[:, None] * values for share, values in zip(np.hstack(shares).T, scores, strict=True))

    def pieces(self, weights: list[np.ndarray]) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
        """Weights in pieces that fit into memory: totals per tally, and the weights themselves."""
        step = max(1, _PIECE // max(len(tally.columns) for tally in self.tallies))
        for start in range(0, len(weights[0]), step):
            part = [rows[start : start + step] for rows in weights]
            yield [part[0] @ tally.counts for tally in self.tallies], part

    def values(self, weights: list[np.ndarray]) -> np.ndarray:
        """The statistic ``(N, M)`` for weights ``(N, size)`` of every block."""
        parts = [self.combine(self.scores(totals), part[1:]) for totals, part in self.pieces(weights)]
        return np.concatenate(parts)

    def without_each_subject(self, totals: list[np.ndarray], part: list[np.ndarray]) -> Iterator[np.ndarray]:
        """The statistic ``(N, M)`` with one copy of a subject left out, subject by subject."""
        for subject in range(self.blocks[0]):
            rows = [_row(tally.counts, subject) for tally in self.tallies]
            less = [total - row for total, row in zip(totals, rows, strict=True)]
            yield self.combine(self.scores(less), part[1:])

    def without_each_seed(self, scores: list[np.ndarray], part: list[np.ndarray], system: int) -> Iterator[np.ndarray]:
        """The statistic ``(N, M)`` with one copy of a seed of a system left out, seed by seed."""
        for seed in range(self.blocks[1 + system]):
            seeds = list(part[1:])
            seeds[system] = np.maximum(seeds[system] - np.eye(self.blocks[1 + system])[seed], 0)
            yield self.combine(scores, seeds)


def _row(counts: np.ndarray | csr_array, subject: int) -> np.ndarray:
    row = counts[[subject]]
    return row if isinstance(row, np.ndarray) else row.toarray()


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
    return f"Few data: {' and '.join(few)}. Intervals this small a sample gives tend to be narrower than they claim."


def _seeds(system: System) -> tuple[Tally, ...]:
    tallies = (system,) if isinstance(system, Tally) else tuple(system)
    if not tallies:
        raise ValueError("a system needs at least one tally")
    return tallies


def _aligned(*systems: System) -> list[tuple[Tally, ...]]:
    """The tallies of systems over the union of their subjects."""
    seeds = [_seeds(system) for system in systems]
    subjects = tuple(sorted({subject for tallies in seeds for tally in tallies for subject in tally.subjects}))
    if len(subjects) < 2:
        raise ValueError(f"an interval over subjects needs at least two subjects, there is {len(subjects)}")
    return [tuple(tally.over(subjects) for tally in tallies) for tallies in seeds]


def _ones(statistic: _Statistic) -> list[np.ndarray]:
    return [np.ones((1, size)) for size in statistic.blocks]


def _resample(statistic: _Statistic, n_resamples: int, rng: np.random.Generator) -> list[np.ndarray]:
    """How often each unit is drawn, ``(n_resamples, size)`` per block, with replacement within the block."""
    return [
        rng.multinomial(size, np.full(size, 1 / size), size=n_resamples).astype(np.float64) for size in statistic.blocks
    ]


def _standard_error(statistic: _Statistic, weights: list[np.ndarray]) -> np.ndarray:
    """Jackknife standard error on the studentising scale, over every block with at least two units: ``(N, M)``."""
    errors = []
    for totals, part in statistic.pieces(weights):
        scores = statistic.scores(totals)
        centre = _to_scale(statistic.combine(scores, part[1:]), statistic.scales)
        variance = _spread(statistic.without_each_subject(totals, part), part[0], centre, statistic.scales)
        for system, size in enumerate(statistic.blocks[1:]):
            if size > 1:
                left_out = statistic.without_each_seed(scores, part, system)
                variance = variance + _spread(left_out, part[1 + system], centre, statistic.scales)
        errors.append(np.sqrt(variance))
    return np.concatenate(errors)


def _spread(left_out: Iterator[np.ndarray], copies: np.ndarray, centre: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Jackknife variance of units drawn ``copies`` times, from the values without each: ``(N, M)``."""
    size = copies.shape[1]
    first = second = 0.0
    for values, drawn in zip(left_out, copies.T, strict=True):
        # Sums of differences from a value nearby, so that nothing is lost to cancellation.
        steps = np.where(drawn[:, None] > 0, _to_scale(values, scales) - centre, 0)
        first = first + drawn[:, None] * steps
        second = second + drawn[:, None] * steps**2
    return (size - 1) / size * np.maximum(second - first**2 / size, 0)


def _to_scale(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Metrics (last axis) on the scale on which they are studentised."""
    roots = np.sqrt(np.maximum(values, 0))
    return np.select([scales == "share", scales == "amount"], [np.arcsin(np.minimum(roots, 1)), roots], values)


def _from_scale(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_to_scale`, limits beyond the range moved to its end."""
    share = np.sin(np.clip(values, 0, np.pi / 2)) ** 2
    return np.select([scales == "share", scales == "amount"], [share, np.maximum(values, 0) ** 2], values)


def _quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Quantile over the first axis, undefined values left aside; NaN where none is defined."""
    out = np.full(values.shape[1:], np.nan)
    some = np.isfinite(values).any(axis=0)
    out[some] = np.nanquantile(np.where(np.isfinite(values), values, np.nan)[:, some], share, axis=0)
    return out


def _limits(
    statistic: _Statistic, method: str, level: float, n_resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, lower and upper limit of each metric."""
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}")
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, got {level}")
    if n_resamples < 20:
        raise ValueError(f"{n_resamples} resamples give no interval: take at least 20, better 2000")
    tail = (1 - level) / 2
    value = statistic.values(_ones(statistic))[0]
    weights = _resample(statistic, n_resamples, rng)
    draws = statistic.values(weights)
    if method == "percentile":
        low, high = _quantile(draws, tail), _quantile(draws, 1 - tail)
    elif method == "bca":
        low, high = _bca(statistic, value, draws, tail)
    else:
        low, high = _studentised(statistic, value, draws, weights, tail)
    undefined = ~np.isfinite(value)
    return value, np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _bca(statistic: _Statistic, value: np.ndarray, draws: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    totals, part = next(statistic.pieces(_ones(statistic)))
    left_out = np.concatenate(list(statistic.without_each_subject(totals, part)))
    influence = left_out.mean(axis=0) - left_out
    spread = (influence**2).sum(axis=0)
    acceleration = (influence**3).sum(axis=0) / (6 * np.where(spread > 0, spread, 1) ** 1.5)
    below = (draws < value).mean(axis=0) + (draws == value).mean(axis=0) / 2
    bias = ndtri(np.clip(below, 1 / len(draws), 1 - 1 / len(draws)))
    limits = []
    for share in (tail, 1 - tail):
        shifted = bias + ndtri(share)
        shares = np.nan_to_num(ndtr(bias + shifted / (1 - acceleration * shifted)), nan=share)
        limits.append(np.array([_quantile(draws[:, m], shares[m]) for m in range(len(value))]))
    return limits[0], limits[1]


def _studentised(
    statistic: _Statistic, value: np.ndarray, draws: np.ndarray, weights: list[np.ndarray], tail: float
) -> tuple[np.ndarray, np.ndarray]:
    error = _standard_error(statistic, _ones(statistic))[0]
    errors = _standard_error(statistic, weights)
    centre = _to_scale(value, statistic.scales)
    deviations = np.full(draws.shape, np.nan)
    np.divide(_to_scale(draws, statistic.scales) - centre, errors, out=deviations, where=errors > 1e-12)
    low = _from_scale(centre - _quantile(deviations, 1 - tail) * error, statistic.scales)
    high = _from_scale(centre - _quantile(deviations, tail) * error, statistic.scales)
    fixed = error <= 1e-12  # every subject left out gives the same value
    return np.where(fixed, value, low), np.where(fixed, value, high)


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
        2,000 leave a limit of a 95 % interval uncertain by about a twentieth of the interval's width.
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
    statistic = _Statistic(systems, metrics, np.array(scales))
    limits = _limits(statistic, method, level, n_resamples, np.random.default_rng([seed, 1]))
    return _intervals(statistic, limits, systems, level, method, n_resamples)


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
    statistic = _Statistic(systems, metrics, np.array(["difference"] * len(metrics)))
    limits = _limits(statistic, method, level, n_resamples, np.random.default_rng([seed, 2]))
    return _intervals(statistic, limits, systems, level, method, n_resamples)


def _common_metrics(systems: list[tuple[Tally, ...]]) -> tuple[str, ...]:
    metrics, others = (tuple(tallies[0].scores()) for tallies in systems)
    if metrics != others:
        raise ValueError(f"the systems have different metrics: {', '.join(sorted(set(metrics) ^ set(others)))}")
    return metrics


def _intervals(statistic, limits, systems, level, method, n_resamples) -> Intervals:
    table = pd.DataFrame(
        dict(zip(("value", "low", "high"), limits, strict=True)), index=pd.Index(statistic.metrics, name="metric")
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
        raise ValueError(f"{len(a)} seeds against {len(b)}: a permutation exchanges seed by seed")
    if any(one.columns != two.columns for one, two in zip(a, b, strict=True)):
        raise ValueError(
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
