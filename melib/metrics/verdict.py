"""One word for what an interval of a difference says, and the difference that such an interval would have shown."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from melib.errors import InputError

HIGHER, LOWER, EQUAL, UNDECIDED = "higher", "lower", "equal", "undecided"


def judge(value: float | None, low: float | None, high: float | None, least: float) -> str:
    """Whether a difference is there.

    Parameters
    ----------
    value, low, high : float or None
        The difference and its interval; None or NaN where undefined.
    least : float
        The smallest difference of interest, at least 0; at 0 every one matters, so that none is said to be equal.

    Returns
    -------
    str
        ``"higher"`` where the interval lies above 0, ``"lower"`` where it lies below 0, ``"equal"`` where it holds 0
        and stays below ``least`` on both sides, else ``"undecided"``: also without an interval, or where it has no
        width, since then every resample gave the same, mostly because both systems score 0.

    Raises
    ------
    ValueError
        If ``least`` is negative or NaN.
    """
    if not least >= 0:
        raise InputError(f"a smallest difference of interest is at least 0, got {least}")
    if not _defined(value, low, high) or low == high:
        return UNDECIDED
    if low > 0:
        return HIGHER
    if high < 0:
        return LOWER
    return EQUAL if max(-low, high) < least else UNDECIDED


def detectable(low: float | None, high: float | None, power: float = 0.8, level: float = 0.95) -> float | None:
    """The true difference that would be seen, by an interval without 0, with some power.

    The half-width of an interval is near z(level) standard errors; a difference has to lie z(level) + z(power) from 0.
    Of the interval ``low`` to ``high``, of coverage ``level``, only the width counts; without one (None or NaN), None
    comes back. ``power`` is how often the difference is to be seen, in (0, 1).
    """
    if not _defined(low, high):
        return None
    z = ndtri((1 + level) / 2)
    return float((high - low) / (2 * z) * (z + ndtri(power)))


def _defined(*values: float | None) -> bool:
    return not any(value is None or np.isnan(value) for value in values)
