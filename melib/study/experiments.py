"""What an experiment declares: what is asked, what counts as success, and the rows that answer.

The experiments themselves stand in :mod:`melib.study.catalogue`. How much of everything a tier has stands in
:data:`melib.study.TIERS`; how many seeds, below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from melib.errors import InputError
from melib.study.rows import Row

Found = TypeVar("Found")

#: Trainings of each row: seeds 0, 1, ... Differences are resampled over subjects and seeds.
SEEDS = {"smoke": 1, "quick": 1, "full": 3}


@dataclass(frozen=True)
class Contrast:
    """Two rows whose difference answers the question.

    Parameters
    ----------
    first, second : str
        Names of rows; the difference is first less second.
    part, metric : str
        What is compared, see :func:`melib.study.compare.difference`.
    question : str
        In words, such as "Does depth help MEAN to spot?".
    least : float
        Smallest difference of interest.
    """

    first: str
    second: str
    part: str
    metric: str
    question: str
    least: float = 0.03


@dataclass(frozen=True)
class Experiment:
    """A question, its success criterion, and the rows that answer it.

    Parameters
    ----------
    name : str
    question, criterion : str
        Markdown; the criterion was fixed before the numbers.
    rows : tuple of Row
    measures : tuple of (str, str)
        Columns of the table: part and metric, see :func:`melib.study.compare.value`.
    contrasts : tuple of Contrast

    Raises
    ------
    ValueError
        If two rows have one name, or a contrast names a row that is not there.
    """

    name: str
    question: str
    criterion: str
    rows: tuple[Row, ...]
    measures: tuple[tuple[str, str], ...]
    contrasts: tuple[Contrast, ...] = field(default=())

    def __post_init__(self) -> None:
        names = [row.name for row in self.rows]
        if len(set(names)) != len(names):
            raise InputError(f"experiment {self.name} has two rows of one name")
        for contrast in self.contrasts:
            for name in (contrast.first, contrast.second):
                if name not in names:
                    raise InputError(f"experiment {self.name} compares row {name!r}, which it does not have")

    def row(self, name: str) -> Row:
        """The row of that name.

        Raises
        ------
        LookupError
            If there is none, with the nearest name.
        """
        return find(name, {row.name: row for row in self.rows}, f"row in experiment {self.name}")

    def seeds(self, tier: str) -> tuple[int, ...]:
        """Seeds with which rows that draw at random are trained at a tier."""
        return tuple(range(SEEDS[tier]))


def collect(experiments: Iterable[Experiment]) -> dict[str, Experiment]:
    """Experiments by name.

    Raises
    ------
    ValueError
        If two have one name, or a row's name means two things.
    """
    found: dict[str, Experiment] = {}
    rows: dict[tuple[str, str], Row] = {}
    for experiment in experiments:
        if experiment.name in found:
            raise InputError(f"two experiments are called {experiment.name!r}")
        found[experiment.name] = experiment
        for row in experiment.rows:
            known = rows.setdefault((row.chain.name, row.name), row)
            if dict(known.values) != dict(row.values):
                raise InputError(f"row {row.name!r} means two things: rename the one of experiment {experiment.name}")
    return found


def find(name: str, known: Mapping[str, Found], what: str) -> Found:
    """The thing of that name.

    Raises
    ------
    LookupError
        If there is none, with the nearest name or else all of them.
    """
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise InputError(f"no {what} called {name!r}: {hint}")
    return known[name]
