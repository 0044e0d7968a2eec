"""All declared experiments, by name."""

from __future__ import annotations

from pathlib import Path

from melib.study import clip_experiments, depth_experiments, video_experiments
from melib.study.data import default_store
from melib.study.experiments import Experiment, collect, find
from melib.study.parameters import SYNTHETIC
from melib.study.rows import RowRecords, ensure, read

EXPERIMENTS = collect((*video_experiments.EXPERIMENTS, *clip_experiments.EXPERIMENTS, *depth_experiments.EXPERIMENTS))


def find_experiment(name: str) -> Experiment:
    """The declared experiment of that name.

    Raises
    ------
    LookupError
        If there is none, with the nearest name.
    """
    return find(name, EXPERIMENTS, "experiment")


def default_records(tier: str) -> Path:
    """Where the records of a tier are looked for, below the folder in which the program was started.

    Records of the full tier take hours and are kept with the book, in ``results``; the others are made where they are
    needed.
    """
    return Path("results") if tier == "full" else Path(".cache", "records")


def obtain(experiment: Experiment, tier: str, *, folder: Path | str = "", jobs: int = 2) -> dict[str, RowRecords]:
    """The records of an experiment, for a page.

    Parameters
    ----------
    experiment : Experiment
    tier : {"smoke", "quick", "full"}
    folder : path
        Of the records; what is missing there is computed. Empty: :func:`default_records`, where those of the full tier
        are read and never computed.
    jobs : int
        Processes that compute what is missing.

    Returns
    -------
    dict of str to RowRecords

    Raises
    ------
    FileNotFoundError
        If a record of the full tier is not among those kept with the book.
    """
    seeds = experiment.seeds(tier)
    filmed = any(row.values.get("dataset", SYNTHETIC) != SYNTHETIC for row in experiment.rows)
    if not str(folder) and tier == "full" and not filmed:
        return read(experiment.rows, tier, seeds=seeds, folder=default_records(tier))
    records = Path(folder) if str(folder) else Path(".cache", "records")
    return ensure(experiment.rows, tier, seeds=seeds, folder=records, store=default_store(), jobs=jobs)
