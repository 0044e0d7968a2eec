"""Resampling of units that are counted in tallies: the limits behind :mod:`melib.metrics.uncertainty`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from melib.errors import InputError
from melib.metrics._tally import Tally

METHODS = ("studentised", "bca", "percentile")
#: Probability beyond each limit of a 95 % interval.
_TAIL = 0.025

# Entries of (resamples x columns) computed in one piece; bounds memory to some hundred MB.
_PIECE = 5_000_000

#: What is studentised on another scale than its own -> that scale.
_TO_SCALE = {
    "share": lambda values: np.arcsin(np.sqrt(np.clip(values, 0, 1))),
    "amount": lambda values: np.sqrt(np.maximum(values, 0)),
    "difference of shares": lambda values: np.arcsin(np.clip(values, -1, 1)),
}
# Standard errors below this are rounding (near 0, a square root makes 1e-8 of 1e-16), and no divisor of a limit.
_NO_ERROR = 1e-6
# A resample without the one subject that a class rests on lies far off and has next to no error: it counts as half.
_LEAST_SHARE = 0.5


#: Resamples that drew a unit, and the statistic ``(N, M)`` of each with one copy less of it.
LeftOut = tuple[np.ndarray, np.ndarray]


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
        return [np.stack([metrics[key]() for key in self.metrics], axis=1) for metrics in found]

    def combine(self, scores: list[np.ndarray], seeds: list[np.ndarray]) -> np.ndarray:
        """The statistic ``(N, M)`` when each seed counts as often as its weight ``(N, seeds)`` says."""
        shares = [sign * drawn / drawn.sum(axis=1, keepdims=True) for sign, drawn in zip((1, -1), seeds, strict=False)]
        return sum(share[:, None] * values for share, values in zip(np.hstack(shares).T, scores, strict=True))

    def pieces(self, weights: list[np.ndarray]) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
        """Weights in pieces that fit into memory: totals per tally, and the weights themselves."""
        step = max(1, _PIECE // max(len(tally.columns) for tally in self.tallies))
        for start in range(0, len(weights[0]), step):
            part = [rows[start : start + step] for rows in weights]
            # Column by column in memory: formulas work along columns, and sum over a few of them.
            yield [np.asfortranarray(part[0] @ tally.counts) for tally in self.tallies], part

    def values(self, weights: list[np.ndarray]) -> np.ndarray:
        """The statistic ``(N, M)`` for weights ``(N, size)`` of every block."""
        parts = [self.combine(self.scores(totals), part[1:]) for totals, part in self.pieces(weights)]
        return np.concatenate(parts)

    def without_each(self, block: int, totals: list[np.ndarray], part: list[np.ndarray]) -> Iterator[LeftOut]:
        """The statistic with one copy of a unit of a block left out, unit by unit, where it was drawn."""
        for unit, copies in enumerate(part[block].T):
            drawn = np.flatnonzero(copies)
            less, seeds = [total.T[:, drawn] for total in totals], [weights[drawn] for weights in part[1:]]
            if block == 0:
                alone = np.eye(1, part[0].shape[1], unit)
                less = [total - (alone @ tally.counts).T for total, tally in zip(less, self.tallies, strict=True)]
            else:
                seeds[block - 1][:, unit] -= 1
            yield drawn, self.combine(self.scores([total.T for total in less]), seeds)


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
    left_out = np.concatenate([each for _, each in statistic.without_each(0, *next(statistic.pieces(once)))])
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
        centre = _to_scale(statistic.combine(statistic.scores(totals), part[1:]), statistic.scales)
        left_out = {b: statistic.without_each(b, totals, part) for b, size in enumerate(statistic.blocks) if size > 1}
        spreads = (_spread(each, part[block], centre, statistic.scales) for block, each in left_out.items())
        errors.append(np.sqrt(sum(spreads)))
    return np.concatenate(errors)


def _spread(left_out: Iterator[LeftOut], copies: np.ndarray, centre: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Jackknife variance of units drawn ``copies`` times, from the values without each: ``(N, M)``."""
    size = copies.shape[1]
    first, second = np.zeros_like(centre), np.zeros_like(centre)
    for (drawn, values), times in zip(left_out, copies.T, strict=True):
        # Sums of differences from a value nearby, so that nothing is lost to cancellation.
        steps = _to_scale(values, scales) - centre[drawn]
        first[drawn] += times[drawn, None] * steps
        second[drawn] += times[drawn, None] * steps**2
    return (size - 1) / size * np.maximum(second - first**2 / size, 0)


def _to_scale(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Metrics (last axis) on the scale on which they are studentised."""
    scaled = np.array(values, dtype=np.float64)
    for scale, transform in _TO_SCALE.items():
        scaled[..., scales == scale] = transform(scaled[..., scales == scale])
    return scaled


def _from_scale(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_to_scale`, limits beyond the range moved to its end."""
    within = np.sin(np.clip(values, -np.pi / 2, np.pi / 2))
    bounded = [np.maximum(within, 0) ** 2, np.maximum(values, 0) ** 2, within]
    return np.select([scales == "share", scales == "amount", scales == "difference of shares"], bounded, values)
