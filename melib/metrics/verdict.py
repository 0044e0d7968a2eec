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
        The smallest difference of interest, at least 0 (else InputError); at 0 every one matters: none is equal.

    Returns
    -------
    str
        ``"higher"`` where the interval lies above 0, ``"lower"`` where it lies below 0, ``"equal"`` where it holds 0
        and stays below ``least`` on both sides, else ``"undecided"``: also without an interval, or where it has no
        width, since then every resample gave the same, mostly because both systems score 0.
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


def detectable(low: float | None, high: float | None) -> float | None:
    """The true difference that an interval without 0 would show four times in five (80 % power).

    The half-width of a 95 % interval is near z(.95) standard errors; a difference has to lie z(.95) + z(.8) from 0. Of
    the interval ``low`` to ``high`` only the width counts; without one (None or NaN), None comes back.
    """
    if not _defined(low, high):
        return None
    z = ndtri(0.975)
    return float((high - low) / (2 * z) * (z + ndtri(0.8)))


def _defined(*values: float | None) -> bool:
    return not any(value is None or np.isnan(value) for value in values)
