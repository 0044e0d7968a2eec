"""What has to be computed for the pages of a tier: the rows of their experiments, and the features those read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from melib.engine.runs import Run, effective_parameters, read_source
from melib.study.catalogue import find_experiment
from melib.study.experiments import Experiment
from melib.study.rows import Row


@dataclass(frozen=True)
class Job:
    """One row of one experiment, trained with one seed.

    Attributes
    ----------
    experiment : Experiment
        The first that has the row.
    row : Row
    seed : int
    """

    experiment: Experiment
    row: Row
    seed: int

    @property
    def name(self) -> str:
        """``CHAIN/ROW.SEED``, unique among the jobs of a tier."""
        return f"{self.row.chain.name}/{self.row.name}.{self.seed}"


def experiments_of(run: Run, root: Path) -> list[Experiment]:
    """The experiments whose records a run shows: that of its parameter ``experiment``, and those it declares."""
    parameters = effective_parameters(run, "quick", read_source(run, root))
    own = [str(parameters["experiment"])] if "experiment" in parameters else []
    return [find_experiment(name) for name in (*own, *run.experiments)]


def jobs_of(experiments: Iterable[Experiment], tier: str) -> dict[str, Job]:
    """The jobs of some experiments by name; what several experiments show is one job."""
    found: dict[str, Job] = {}
    for experiment in experiments:
        for row in experiment.rows:
            for seed in row.seeds(experiment.seeds(tier)):
                job = Job(experiment, row, seed)
                found.setdefault(job.name, job)
    return found


def batches_of(jobs: Mapping[str, Job], tier: str, *, size: int) -> dict[str, list[Job]]:
    """Jobs that one process computes, by a name that is a safe path.

    Loading the library takes longer than many a row does, so rows that read the same features share a process.

    Parameters
    ----------
    jobs : mapping
        As :func:`jobs_of` gives them.
    tier : str
    size : int
        Jobs of a batch, at most.

    Returns
    -------
    dict of str to list of Job
        ``CHAIN/KEY.SEED.NUMBER``; the jobs of a batch have chain, feature key and seed in common, and so, where they
        differ in their rule alone, networks.
    """
    alike: dict[str, list[Job]] = {}
    for job in jobs.values():
        alike.setdefault(f"{job.row.chain.name}/{job.row.feature_key(tier)}.{job.seed}", []).append(job)
    return {
        f"{name}.{number}": group[start : start + size]
        for name, group in alike.items()
        for number, start in enumerate(range(0, len(group), size))
    }
