"""The spotter that a video of one's own is shown to: a network, its rule, and what its scores were worth.

A spotter is one safetensors file. Beside the weights it holds everything that decides an interval (what the network
sees, the rule's constants, chosen on training subjects alone) and how often intervals of a given score were right on
people of the benchmark whom neither the network nor the rule had seen. ``tools/make_spotter.py`` makes the one that
is shipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from melib.errors import InputError
from melib.features import FeatureSettings
from melib.models import MEAN, load_model, save_model
from melib.spotting import centred_smooth, mean_intervals_strict

#: The spotter that is shipped.
SHIPPED = Path(__file__).parents[1] / "assets" / "spotter.safetensors"
_KEY = "spotter"


@dataclass(frozen=True)
class Band:
    """What intervals of similar score were worth on fresh people of the benchmark."""

    least: float  # the lowest score of the band, which reaches up to the next
    found: int  # intervals found in it
    hits: int  # those among them that were micro-expressions (one to one, IoU of at least 0.5)
    low: float  # 95 % interval over subjects around hits / found
    high: float

    @property
    def share(self) -> float:
        """Share of the intervals that were micro-expressions."""
        return self.hits / self.found


@dataclass(frozen=True)
class Spotter:
    """A trained network with its rule."""

    model: MEAN
    settings: FeatureSettings  # what the network sees
    gap_s: float  # seconds between the frames of a pair
    half_length_s: float  # half the length of an interval (MEAN's k_p), and of the window that smooths the score
    threshold: float  # least height of a peak of the smoothed score
    emotions: tuple[str, ...]  # classes of the recognition head, in the order of its logits
    bands: tuple[Band, ...]  # by rising score
    origin: Mapping[str, str]  # where it comes from: suite, version, subjects, seed, commit

    def half_length(self, fps: float) -> int:
        """Half the length of an interval in frames, at least one."""
        return max(1, round(self.half_length_s * fps))

    def intervals(self, score: np.ndarray, fps: float) -> np.ndarray:
        """Onset, apex and offset ``(m, 3)`` in a score of every frame ``(n,)``, by MEAN's strict rule."""
        return mean_intervals_strict(score, k_p=self.half_length(fps), threshold=self.threshold)

    def smoothed(self, score: np.ndarray, fps: float) -> np.ndarray:
        """The score as the rule weighs it: ``(n,)`` float64."""
        return centred_smooth(score, self.half_length(fps))

    def band(self, height: float) -> Band:
        """The band of an interval's score; the first band also takes what lies below it."""
        return [self.bands[0], *(band for band in self.bands[1:] if band.least <= height)][-1]


def save_spotter(spotter: Spotter, path: str | os.PathLike) -> None:
    """Write a spotter as safetensors, whole or not at all."""
    described = asdict(replace(spotter, model=None))
    del described["model"]
    save_model(spotter.model, path, **{_KEY: json.dumps(described, sort_keys=True, allow_nan=False)})


def load_spotter(path: str | os.PathLike = SHIPPED) -> Spotter:
    """Read a spotter written by :func:`save_spotter`; one that cannot be used is refused with an InputError."""
    try:
        model, metadata = load_model(path)
    except (KeyError, RuntimeError, TypeError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: the weights do not fit the network that the file names ({said})") from error
    if not isinstance(model, MEAN) or _KEY not in metadata:
        raise InputError(f"{path} holds a network without a spotting rule: give a file made by tools/make_spotter.py")
    described = json.loads(metadata[_KEY])
    try:
        described["settings"] = FeatureSettings(**described["settings"])
        described["emotions"] = tuple(described["emotions"])
        described["bands"] = tuple(Band(**band) for band in described["bands"])
        spotter = Spotter(model=model, **described)
        constants = spotter.gap_s, spotter.half_length_s, spotter.threshold
        usable = spotter.bands and np.isfinite(constants).all() and min(constants[:2]) > 0
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} was made by another version of this program ({error}): make it again") from error
    if not usable:
        raise InputError(f"{path} has no usable spotting rule: gap, half length and threshold are {constants}")
    return spotter
