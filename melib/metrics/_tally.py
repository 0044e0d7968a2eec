"""What each subject contributes to a set of metrics, and how the contributions make the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, hstack

from melib.errors import InputError

# Entries of (resamples x columns) computed in one piece; bounds memory to about 160 MB.
_PIECE = 20_000_000


@dataclass(frozen=True)
class Tally:
    """Counts per subject, from which metrics follow after adding up over subjects.

    A bootstrap sample of subjects is a weighted sum of the rows, so no table is ever resampled.

    Attributes
    ----------
    subjects : tuple of str
        What is resampled, one per row.
    counts : numpy.ndarray or scipy.sparse.csr_array
        ``(S, K)`` float64.
    columns : tuple of hashable
        What the K columns count. Tallies with equal columns count the same things, so their rows may be mixed.
    formula : callable
        Maps totals ``(..., K)`` to a dict of metrics ``(...)``.
    unbounded : frozenset of str
        The metrics that do not live in [0, 1], such as counts.
    """

    subjects: tuple[str, ...]
    counts: np.ndarray | csr_array
    columns: tuple
    formula: Callable[[np.ndarray], dict[str, np.ndarray]]
    unbounded: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.subjects), len(self.columns)):
            raise InputError(
                f"counts of shape {self.counts.shape} do not fit {len(self.subjects)} subjects "
                f"and {len(self.columns)} columns"
            )

    def scores(self, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The metrics when each subject counts as often as its weight says.

        Parameters
        ----------
        weights : numpy.ndarray, optional
            ``(S,)`` or ``(R, S)``; without it every subject counts once.

        Returns
        -------
        dict of numpy.ndarray
            Metrics of shape ``()`` or ``(R,)``.
        """
        if weights is None:
            weights = np.ones(len(self.subjects))
        rows = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        step = max(1, _PIECE // max(1, len(self.columns)))
        parts = [self.formula(rows[start : start + step] @ self.counts) for start in range(0, len(rows), step)]
        scores = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return scores if np.ndim(weights) == 2 else {name: values[0] for name, values in scores.items()}

    def over(self, subjects: Iterable[str]) -> Tally:
        """The same counts with one row for each of these subjects, zeros for those that do not occur."""
        subjects = tuple(subjects)
        lost = set(self.subjects) - set(subjects)
        if lost:
            raise InputError(f"subject {sorted(lost)[0]} of the tally is missing among the subjects asked for")
        row = {subject: position for position, subject in enumerate(self.subjects)}
        present = [position for position, subject in enumerate(subjects) if subject in row]
        source = [row[subjects[position]] for position in present]
        shape = (len(subjects), len(self.subjects))
        pick = csr_array((np.ones(len(present)), (present, source)), shape=shape)
        return replace(self, subjects=subjects, counts=pick @ self.counts)


def beside(tallies: dict[str, Tally]) -> Tally:
    """Several tallies of the same subjects as one, each metric's name followed by ``_`` and the tally's own.

    Raises
    ------
    ValueError
        If the tallies do not stand over the same subjects.
    """
    first = next(iter(tallies.values()))
    if any(tally.subjects != first.subjects for tally in tallies.values()):
        raise InputError("tallies of different subjects cannot stand side by side: use Tally.over first")
    sparse = any(not isinstance(tally.counts, np.ndarray) for tally in tallies.values())
    blocks = [tally.counts for tally in tallies.values()]
    counts = hstack([csr_array(block) for block in blocks], format="csr") if sparse else np.hstack(blocks)
    ends = np.cumsum([len(tally.columns) for tally in tallies.values()])

    def formula(totals: np.ndarray) -> dict[str, np.ndarray]:
        return {
            f"{metric}_{suffix}": values
            for (suffix, tally), end in zip(tallies.items(), ends, strict=True)
            for metric, values in tally.formula(totals[..., end - len(tally.columns) : end]).items()
        }

    columns = tuple((suffix, column) for suffix, tally in tallies.items() for column in tally.columns)
    unbounded = frozenset(f"{metric}_{suffix}" for suffix, tally in tallies.items() for metric in tally.unbounded)
    return Tally(first.subjects, counts, columns, formula, unbounded)


def per_subject(subject: np.ndarray, n_subjects: int, weights: np.ndarray | None = None) -> np.ndarray:
    """How many entries (or how much weight) each subject has: ``(n_subjects,)`` float64."""
    return np.bincount(subject, weights=weights, minlength=n_subjects).astype(np.float64)


def ratio(numerator: np.ndarray, denominator: np.ndarray, undefined: float = 0.0) -> np.ndarray:
    """A quotient that is ``undefined`` where the denominator is 0."""
    out = np.full(np.broadcast(numerator, denominator).shape, undefined, dtype=np.float64)
    return np.divide(numerator, denominator, out=out, where=np.asarray(denominator) != 0)
