"""Splits by subject. A person is either trained on or tested on, never both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from melib.errors import InputError

Fold = tuple[tuple[str, ...], tuple[str, ...]]


def loso(subjects: Iterable[str]) -> Iterator[Fold]:
    """Leave-one-subject-out folds.

    Parameters
    ----------
    subjects : iterable of str
        Repetitions are allowed, so that the subject column of a table can be given.

    Yields
    ------
    train, test : tuple of str
        All other subjects, and the one left out; in order of first appearance.

    Raises
    ------
    ValueError
        If there are fewer than two subjects.
    """
    yield from _folds([(subject,) for subject in _unique(subjects, 2)])


def group_folds(subjects: Iterable[str], n_folds: int, *, seed: int) -> Iterator[Fold]:
    """Folds of about equally many subjects, drawn at random.

    Yields
    ------
    train, test : tuple of str
        Every subject is tested in exactly one fold.

    Raises
    ------
    ValueError
        If there are fewer subjects than folds, or fewer than two folds.
    """
    if n_folds < 2:
        raise InputError(f"at least 2 folds are needed, got {n_folds}")
    names = _unique(subjects, n_folds)
    order = np.random.default_rng([seed, n_folds]).permutation(len(names))
    yield from _folds([tuple(names[i] for i in sorted(part)) for part in np.array_split(order, n_folds)])


def fold_rows(
    folds: Iterable[Fold], subjects: Sequence[str], emotion_subjects: Sequence[str]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The samples of each fold's training subjects, as :func:`melib.training.train_folds` takes them.

    Parameters
    ----------
    folds : iterable of (train, test)
        From :func:`loso` or :func:`group_folds`.
    subjects, emotion_subjects : sequence of str, (N,) and (M,)
        Whose each spotting sample and each emotion sample is.

    Returns
    -------
    list of (rows, emotion_rows)
    """
    return [
        (np.flatnonzero(np.isin(subjects, train)), np.flatnonzero(np.isin(emotion_subjects, train)))
        for train, _ in folds
    ]


def _unique(subjects: Iterable[str], at_least: int) -> list[str]:
    names = list(dict.fromkeys(subjects))
    if len(names) < at_least:
        raise InputError(f"at least {at_least} subjects are needed, got {len(names)}: {', '.join(map(str, names))}")
    return names


def _folds(parts: list[tuple[str, ...]]) -> Iterator[Fold]:
    for test in parts:
        yield tuple(name for part in parts if part is not test for name in part), test
