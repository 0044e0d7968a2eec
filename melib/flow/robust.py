"""A linear fit that a majority decides."""

from __future__ import annotations

import numpy as np


def robust_fit(basis: np.ndarray, values: np.ndarray, *, least_absolute: int = 15, biweight: int = 8) -> np.ndarray:
    """Linear fit that the majority of the points decides, by least squares reweighted.

    It starts from the least sum of distances, which a minority on one side of the face cannot turn over, and ends with
    Tukey's biweight, which gives points far from the fit no weight at all.

    Parameters
    ----------
    basis : numpy.ndarray
        ``(D, K, N)``: what each of K coefficients does to each of D components of N points.
    values : numpy.ndarray
        ``(D, N)``; the components of a point share one weight.
    least_absolute, biweight : int
        Iterations of the two stages.

    Returns
    -------
    numpy.ndarray
        Coefficients ``(K,)``.
    """
    components, count, points = basis.shape
    matrix = basis.transpose(1, 0, 2).reshape(count, components * points)
    target = values.reshape(components * points)
    weights = np.ones(points)
    for iteration in range(least_absolute + biweight + 1):
        weighted = matrix * np.tile(weights, components)
        coefficients = np.linalg.lstsq(weighted @ matrix.T, weighted @ target, rcond=None)[0]
        distance = np.linalg.norm((target - coefficients @ matrix).reshape(components, points), axis=0)
        # The small constants keep an exact fit (zero spread) from dividing by zero.
        if iteration < least_absolute:
            weights = 1 / (distance + 1e-3 * distance.mean() + 1e-12)
        else:
            # The median length of a plane normal vector is 1.18 spreads; 4.7 spreads is Tukey's usual cut-off.
            cutoff = 4.7 * np.median(distance) / 1.18 + 1e-12
            weights = np.square(1 - np.square(np.minimum(distance / cutoff, 1)))
    return coefficients
