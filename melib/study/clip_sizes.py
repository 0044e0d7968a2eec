"""How much of everything the experiments on clips have at a tier.

The length of training is held against twice as much by the experiment ``convergence``
(:mod:`melib.study.clip_experiments`), on training subjects alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipSizes:
    """Sizes of a tier.

    Parameters
    ----------
    people : (int, int, int)
        Training subjects, fresh test subjects, and clips of each, for rows that train networks.
    sweep_people : (int, int, int)
        The same for sweeps.
    steps, batch : int
        Updates of each stage of a network, and samples in one.
    floor_draws, network_draws : int
        Trainings on shuffled labels.
    guesses : int
        Draws of answers without looking.
    resamples : int
        Bootstrap resamples over subjects.
    """

    people: tuple[int, int, int]
    sweep_people: tuple[int, int, int]
    steps: int
    batch: int
    floor_draws: int
    network_draws: int
    guesses: int
    resamples: int


CLIP_TIERS = {
    "smoke": ClipSizes((4, 3, 6), (2, 3, 6), 10, 32, 20, 3, 20, 100),
    "quick": ClipSizes((16, 22, 10), (8, 12, 8), 80, 64, 20, 3, 50, 500),
    "full": ClipSizes((60, 150, 20), (24, 40, 12), 200, 64, 20, 3, 200, 1000),
}
