"""Splits by subject. A person is either trained on or tested on, never both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from melib.errors import InputError

#: The names of the subjects trained on and of those tested, in order of first appearance.
Fold = tuple[tuple[str, ...], tuple[str, ...]]


def loso(subjects: Iterable[str]) -> Iterator[Fold]:
    """Leave-one-subject-out folds (train, test); ``subjects`` may repeat names, as the column of a table does."""
    yield from _folds([(subject,) for subject in _unique(subjects, 2)])


def group_folds(subjects: Iterable[str], n_folds: int, *, seed: int) -> Iterator[Fold]:
    """Folds (train, test) of about equally many subjects, drawn at random; each is tested in exactly one.

    Parameters
    ----------
    subjects : iterable of str
        Names, in the order in which they first appear; they may repeat.
    n_folds : int
        From 2 to the number of subjects; another number raises InputError.
    seed : int
    """
    if n_folds < 2:
        raise InputError(f"at least 2 folds are needed, got {n_folds}")
    names = _unique(subjects, n_folds)
    order = np.random.default_rng([seed, n_folds]).permutation(len(names))
    yield from _folds([tuple(names[i] for i in sorted(part)) for part in np.array_split(order, n_folds)])


def _unique(subjects: Iterable[str], at_least: int) -> list[str]:
    names = list(dict.fromkeys(subjects))
    if len(names) < at_least:
        raise InputError(f"at least {at_least} subjects are needed, got {len(names)}: {', '.join(map(str, names))}")
    return names


def _folds(parts: list[tuple[str, ...]]) -> Iterator[Fold]:
    for test in parts:
        yield tuple(name for part in parts if part is not test for name in part), test
