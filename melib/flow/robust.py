"""A linear fit that a majority decides."""

from __future__ import annotations

import numpy as np

from melib.errors import InputError

#: Fewest pixels of a face in which a head's motion is found, and about how many are used: a few numbers need no more.
FEWEST, MOST = 30, 1000
#: Iterations of the two stages.
_LEAST_ABSOLUTE, _BIWEIGHT = 15, 8


def robust_fit(basis: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients ``(K,)`` for which ``basis (D, K, N)`` comes nearest to ``values (D, N)``, by reweighted squares.

    It starts from the least sum of distances, which a minority on one side of the face cannot turn over, and ends with
    Tukey's biweight, which gives points far from the fit no weight at all. The D components of a point share a weight.
    """
    components, count, points = basis.shape
    matrix = basis.transpose(1, 0, 2).reshape(count, components * points)
    target = values.reshape(components * points)
    weights = np.ones(points)
    for iteration in range(_LEAST_ABSOLUTE + _BIWEIGHT + 1):
        weighted = matrix * np.tile(weights, components)
        coefficients = np.linalg.lstsq(weighted @ matrix.T, weighted @ target, rcond=None)[0]
        distance = np.linalg.norm((target - coefficients @ matrix).reshape(components, points), axis=0)
        # The small constants keep an exact fit (zero spread) from dividing by zero.
        if iteration < _LEAST_ABSOLUTE:
            weights = 1 / (distance + 1e-3 * distance.mean() + 1e-12)
        else:
            # The median length of a plane normal vector is 1.18 spreads; 4.7 spreads is Tukey's usual cut-off.
            cutoff = 4.7 * np.median(distance) / 1.18 + 1e-12
            weights = np.square(1 - np.square(np.minimum(distance / cutoff, 1)))
    return coefficients


def sampled(use: np.ndarray, what: str) -> slice:
    """Every so many of the pixels ``use`` (bool), for a fit; too few of them are refused."""
    count = int(use.sum())
    if count < FEWEST:
        raise InputError(f"{what} has {count} pixels to find head motion in: {FEWEST} at least are needed")
    return slice(None, None, max(1, count // MOST))
