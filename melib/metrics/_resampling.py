"""Resampling of units that are counted in tallies: the limits behind :mod:`melib.metrics.uncertainty`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri

from melib.errors import InputError
from melib.metrics._tally import Tally

METHODS = ("studentised", "bca", "percentile")
#: Probability beyond each limit of a 95 % interval.
_TAIL = 0.025

# Entries of (resamples x columns) computed in one piece; bounds memory to some hundred MB.
_PIECE = 5_000_000

# Standard errors below this are rounding (near 0, a square root makes 1e-8 of 1e-16), and no divisor of a limit.
_NO_ERROR = 1e-6
# A resample without the one subject that a class rests on lies far off and has next to no error: it counts as half.
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Statistic:
    """The mean over seeds of one system's metrics, or the first system's less the second's."""

    systems: list[tuple[Tally, ...]]  # all over the same subjects
    metrics: tuple[str, ...]
    scales: np.ndarray  # per metric: "share", "amount", or "difference of" either

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
            rows = (tally.counts[[subject]] for tally in self.tallies)
            rows = (row.toarray() if isinstance(row, csr_array) else row for row in rows)
            yield self.combine(self.scores([total - row for total, row in zip(totals, rows, strict=True)]), part[1:])

    def without_each_seed(self, scores: list[np.ndarray], part: list[np.ndarray], system: int) -> Iterator[np.ndarray]:
        """The statistic ``(N, M)`` with one copy of a seed of a system left out, seed by seed."""
        for copy in np.eye(self.blocks[1 + system]):
            seeds = list(part[1:])
            seeds[system] = np.maximum(seeds[system] - copy, 0)
            yield self.combine(scores, seeds)


def limits(
    statistic: Statistic, method: str, n_resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, lower and upper limit of each metric."""
    if method not in METHODS:
        raise InputError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}")
    if n_resamples < 20:
        raise InputError(f"{n_resamples} resamples give no interval: take at least 20, better 2000")
    once = [np.ones((1, size)) for size in statistic.blocks]
    value = statistic.values(once)[0]
    # How often each unit is drawn, with replacement within its block.
    draws_of = (rng.multinomial(size, np.full(size, 1 / size), size=n_resamples) for size in statistic.blocks)
    weights = [drawn.astype(np.float64) for drawn in draws_of]
    draws = statistic.values(weights)
    if method == "percentile":
        low, high = _quantile(draws, _TAIL), _quantile(draws, 1 - _TAIL)
    elif method == "bca":
        low, high = _bca(statistic, value, draws, once)
    else:
        low, high = _studentised(statistic, value, draws, once, weights)
    undefined = ~np.isfinite(value)
    return value, np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Quantile over the first axis, undefined values left aside; NaN where none is defined."""
    out = np.full(values.shape[1:], np.nan)
    some = np.isfinite(values).any(axis=0)
    out[some] = np.nanquantile(np.where(np.isfinite(values), values, np.nan)[:, some], share, axis=0)
    return out


def _bca(
    statistic: Statistic, value: np.ndarray, draws: np.ndarray, once: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    left_out = np.concatenate(list(statistic.without_each_subject(*next(statistic.pieces(once)))))
    influence = left_out.mean(axis=0) - left_out
    spread = (influence**2).sum(axis=0)
    acceleration = (influence**3).sum(axis=0) / (6 * np.where(spread > 0, spread, 1) ** 1.5)
    below = (draws < value).mean(axis=0) + (draws == value).mean(axis=0) / 2
    bias = ndtri(np.clip(below, 1 / len(draws), 1 - 1 / len(draws)))
    limits = []
    for share in (_TAIL, 1 - _TAIL):
        shifted = bias + ndtri(share)
        shares = np.nan_to_num(ndtr(bias + shifted / (1 - acceleration * shifted)), nan=share)
        limits.append(np.array([_quantile(draws[:, m], shares[m]) for m in range(len(value))]))
    return limits[0], limits[1]


def _studentised(
    statistic: Statistic, value: np.ndarray, draws: np.ndarray, once: list[np.ndarray], weights: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    scales, error, errors = statistic.scales, standard_error(statistic, once)[0], standard_error(statistic, weights)
    centre, errors = _to_scale(value, scales), np.maximum(errors, _LEAST_SHARE * error)
    deviations = np.full(draws.shape, np.nan)
    np.divide(_to_scale(draws, scales) - centre, errors, out=deviations, where=errors > _NO_ERROR)
    ends = (_from_scale(centre - _quantile(deviations, share) * error, scales) for share in (1 - _TAIL, _TAIL))
    low, high = (np.where(error <= _NO_ERROR, value, end) for end in ends)  # all subjects alike: no width
    return low, high


def standard_error(statistic: Statistic, weights: list[np.ndarray]) -> np.ndarray:
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
    bounded = [np.arcsin(np.minimum(roots, 1)), roots, np.arcsin(np.clip(values, -1, 1))]
    return np.select([scales == "share", scales == "amount", scales == "difference of shares"], bounded, values)


def _from_scale(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_to_scale`, limits beyond the range moved to its end."""
    within = np.sin(np.clip(values, -np.pi / 2, np.pi / 2))
    bounded = [np.maximum(within, 0) ** 2, np.maximum(values, 0) ** 2, within]
    return np.select([scales == "share", scales == "amount", scales == "difference of shares"], bounded, values)
