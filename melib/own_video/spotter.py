"""The spotter that a video of one's own is shown to, one safetensors file that ``tools/make_spotter.py`` makes.

Beside the weights of a :class:`melib.models.WindowNet` it holds what the network sees, the threshold, chosen on
training subjects alone, and how often marks of a score were right on people of the benchmark whom neither had seen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from melib.errors import InputError
from melib.features import FeatureSettings
from melib.models import WindowNet, load_model, save_model

#: The spotter that is shipped.
SHIPPED = Path(__file__).parents[1] / "assets" / "spotter.safetensors"
_KEY = "spotter"


@dataclass(frozen=True)
class Band:
    """What marks of similar score were worth on fresh people of the benchmark."""

    least: float  # the lowest score of the band, which reaches up to the next
    found: int  # marks found in it
    hits: int  # those among them that were micro-expressions (one to one, IoU of at least 0.5)
    low: float  # 95 % interval around hits / found (Clopper and Pearson), marks taken to be independent
    high: float

    @property
    def share(self) -> float:
        """Share of the marks that were micro-expressions."""
        return self.hits / self.found


@dataclass(frozen=True)
class Spotter:
    """A trained network with its threshold."""

    model: WindowNet
    settings: FeatureSettings  # what the network sees
    gap_s: float  # seconds between the frames of a pair
    threshold: float  # least score of a mark, between 0 and 1
    emotions: tuple[str, ...]  # in the order of the network's classes
    bands: tuple[Band, ...]  # by rising score
    origin: Mapping[str, str]  # where it comes from: dataset, training and fresh subjects, seed, commit

    def band(self, score: float) -> Band:
        """The band of a mark's score; the first band also takes what lies below it."""
        return [self.bands[0], *(band for band in self.bands[1:] if band.least <= score)][-1]

    @property
    def rate(self) -> float:
        """Marks a minute on the fresh people, right and wrong ones."""
        return sum(band.found for band in self.bands) / float(self.origin["fresh_minutes"])


def save_spotter(spotter: Spotter, path: str | os.PathLike) -> None:
    """Write a spotter as safetensors, whole or not at all."""
    described = asdict(replace(spotter, model=None))
    del described["model"]
    save_model(spotter.model, path, **{_KEY: json.dumps(described, sort_keys=True, allow_nan=False)})


def load_spotter(path: str | os.PathLike = SHIPPED) -> Spotter:
    """Read a spotter written by :func:`save_spotter`; one that cannot be used is refused with an InputError."""
    try:
        model, metadata = load_model(path)
        described = json.loads(metadata[_KEY])
        described["settings"] = FeatureSettings(**described["settings"])
        described["emotions"] = tuple(described["emotions"])
        described["bands"] = tuple(Band(**band) for band in described["bands"])
        return Spotter(model=model, **described)
    except (KeyError, RuntimeError, TypeError) as error:
        said = " ".join(str(error).split())
        mend = "give a file made by tools/make_spotter.py"
        raise InputError(f"{path} holds no spotter of this version ({said}): {mend}") from error
