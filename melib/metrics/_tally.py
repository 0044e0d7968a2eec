"""What each subject contributes to a set of metrics, and how the contributions make the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

#: A metric that is computed when it is called: a difference of one of them needs no other.
Metric = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Tally:
    """Counts per subject, from which metrics follow after adding up over subjects.

    A bootstrap sample of subjects is a weighted sum of the rows, so no table is ever resampled.
    """

    subjects: tuple[str, ...]  # what is resampled, one per row
    counts: np.ndarray | csr_array  # (S, K) float64
    columns: Sequence  # what the K columns count
    formula: Callable[[np.ndarray], dict[str, Metric]]  # totals (..., K) to metrics (...)
    unbounded: frozenset[str] = frozenset()  # metrics that do not live in [0, 1], such as counts

    def scores(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The metrics, ``()`` or ``(R,)``, when subjects count as often as weights ``(S,)`` or ``(R, S)`` say."""
        rows = np.ones(len(self.subjects)) if weights is None else np.asarray(weights, dtype=np.float64)
        scores = {name: metric() for name, metric in self.formula(np.atleast_2d(rows) @ self.counts).items()}
        return scores if rows.ndim == 2 else {name: values[0] for name, values in scores.items()}

    def over(self, subjects: Iterable[str]) -> Tally:
        """The same counts with one row for each of these subjects, zeros for those that do not occur."""
        subjects = tuple(subjects)
        row = {subject: position for position, subject in enumerate(subjects)}
        n = len(self.subjects)
        places = ([row[subject] for subject in self.subjects], range(n))
        pick = csr_array((np.ones(n), places), shape=(len(subjects), n))
        return replace(self, subjects=subjects, counts=pick @ self.counts)


def per_subject(subject: np.ndarray, n_subjects: int) -> np.ndarray:
    """How many entries each subject has: ``(n_subjects,)`` float64."""
    return np.bincount(subject, minlength=n_subjects).astype(np.float64)


def ratio(numerator: np.ndarray, denominator: np.ndarray, undefined: float = 0.0) -> np.ndarray:
    """A quotient that is ``undefined`` where the denominator is 0."""
    nothing = np.equal(denominator, 0)
    return np.where(nothing, undefined, np.divide(numerator, np.where(nothing, 1.0, denominator)))
