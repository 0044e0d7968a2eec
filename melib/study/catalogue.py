"""All declared experiments, by name."""

from __future__ import annotations

from melib.study import video_experiments
from melib.study.experiments import Experiment, collect, find

EXPERIMENTS = collect(video_experiments.EXPERIMENTS)


def find_experiment(name: str) -> Experiment:
    """The declared experiment of that name.

    Raises
    ------
    LookupError
        If there is none, with the nearest name.
    """
    return find(name, EXPERIMENTS, "experiment")
