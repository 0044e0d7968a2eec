"""Clips as samples: which expression does a clip show, and is there one at all?

A clip holds one micro-expression and everything that looks like one. Models learn on the clips of a training population
and are tested on those of fresh people. Two questions: *recognition* names the emotion of the moving pair, *spotting*
tells moving from still pairs (:func:`melib.study.clip_sheets.clip_pairs`). What a row reads comes from a sheet
(:mod:`melib.study.clip_variants`); how it learns stands in :mod:`melib.study.clip_models`, how it becomes a record in
:mod:`melib.study.clip_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from melib.errors import InputError
from melib.study.clip_sheets import People, Sheet, read_sheet
from melib.study.clip_sizes import CLIP_TIERS, ClipSizes
from melib.study.clip_variants import SHEETS
from melib.study.parameters import CLASSES
from melib.synthetic.action_units import AU14_SHARE
from melib.synthetic.dataset import SyntheticVideo
from melib.video import SEVEN_TO_FOUR

QUESTIONS = ("recognition", "spotting")
NETWORKS = ("mean", "sfamnet")
#: Models that read planes; see :mod:`melib.study.clip_models`.
PLANES_READ = ("floor", "grid", *NETWORKS)
MODELS = (*PLANES_READ, "action units")
#: How the three planes are put together: from the planes that a variant reads as optical flow, and those it reads as
#: motion in depth (scene flow, or the change of depth along the flow).
INPUTS = ("flow", "uv0", "uvz", "uvz-other", "depth")
#: Name of a mixture -> its two sources: the one that is dealt in, and the other.
MIXTURES = {
    "": ("default",),
    "out-of-plane": ("out of plane", "in plane"),
    "au14": ("by AU14", "without AU14"),
}
MOVING, STILL = "moving", "still"
_DEAL, _SHUFFLE = 41, 42  # random streams


@dataclass(frozen=True)
class ClipParameters:
    """What defines a row of clips.

    Parameters
    ----------
    question : {"recognition", "spotting"}
    sheet : str
        A key of :data:`melib.study.clip_variants.SHEETS`.
    model : str
        A key of :data:`MODELS`.
    classes : {4, 7}
        Emotions to be named.
    input : {"flow", "uv0", "uvz", "uvz-other", "depth"}
        ``flow`` and ``depth``: the three planes of the variant of that name. ``uv0``, ``uvz``, ``uvz-other``: u and v
        of ``flow`` with zero, with the motion away of ``depth``, or with that of a clip of somebody else.
    flow, depth : str
        Variants of the sheet; "" where the input takes none.
    learnt_depth : str
        Variant in place of ``depth`` for the training clips; "" for the same.
    mixture : {"", "out-of-plane", "au14"}
        Which clips: as the suite has them; a share of expressions that move out of plane; AU14 in a multiple of its
        usual share.
    share : float
        Share of expressions out of plane in [0, 1], or the multiple for AU14 in [0, 2].
    controls : bool
        Whether the row also learns from labels dealt out anew among the training clips, several times.
    effort : float
        Updates of a network in each stage, as a multiple of the tier's.
    population : {"test", "train"}
        Who is tested: fresh people, or, for choices, every second subject of the training population, who then is not
        learnt from.
    tier : {"smoke", "quick", "full"}
    seed : int

    Raises
    ------
    ValueError
        If a value is not one of the choices.
    """

    question: str = "recognition"
    sheet: str = "networks"
    model: str = "grid"
    classes: int = 4
    input: str = "flow"
    flow: str = ""
    depth: str = ""
    learnt_depth: str = ""
    mixture: str = ""
    share: float = 0.0
    controls: bool = False
    effort: float = 1.0
    population: str = "test"
    tier: str = "quick"
    seed: int = 0

    def __post_init__(self) -> None:
        choices = {
            "question": QUESTIONS,
            "sheet": SHEETS,
            "model": MODELS,
            "classes": CLASSES,
            "input": INPUTS,
            "mixture": MIXTURES,
            "population": ("test", "train"),
            "tier": CLIP_TIERS,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"unknown {name} {getattr(self, name)!r}: use one of {', '.join(map(str, allowed))}")
        if self.question == "spotting" and self.model in NETWORKS:
            raise InputError(
                f"question 'spotting' on clips is for 'floor' and 'grid'; {self.model!r} spots in long videos"
            )
        most = 2.0 if self.mixture == "au14" else 1.0
        if not 0 <= self.share <= most:
            raise InputError(f"the share of mixture {self.mixture!r} lies between 0 and {most:g}, got {self.share}")
        for needed in ("flow",) * (self.input != "depth") + ("depth",) * (self.input in ("uvz", "uvz-other", "depth")):
            if self.model in PLANES_READ and getattr(self, needed) not in self.rows_sheet.variants:
                raise InputError(
                    f"input {self.input!r} needs a variant of sheet {self.sheet} as {needed}, got "
                    f"{getattr(self, needed)!r}: use one of {', '.join(self.rows_sheet.variants)}"
                )

    @property
    def rows_sheet(self) -> Sheet:
        """The sheet that is read."""
        return SHEETS[self.sheet]

    @property
    def sizes(self) -> ClipSizes:
        """The sizes of the tier."""
        return CLIP_TIERS[self.tier]

    @property
    def names(self) -> tuple[str, ...]:
        """The answers, in the order of a network's logits."""
        return CLASSES[self.classes] if self.question == "recognition" else (STILL, MOVING)

    def class_of(self, clip: SyntheticVideo) -> str:
        """The class of a clip's expression."""
        emotion = clip.expressions[0].emotion
        return SEVEN_TO_FOUR[emotion] if self.classes == 4 else emotion


@dataclass(frozen=True)
class ClipSamples:
    """Clips as a model gets them.

    Attributes
    ----------
    clips : tuple of SyntheticVideo
    planes : numpy.ndarray
        ``(N, pairs, 3, side, side)``, moving pairs first; empty for models that read none.
    emotions : numpy.ndarray
        ``(N,)`` names of the classes.
    """

    clips: tuple[SyntheticVideo, ...]
    planes: np.ndarray
    emotions: np.ndarray

    @property
    def subjects(self) -> np.ndarray:
        """``(N,)`` names."""
        return np.array([clip.subject for clip in self.clips])

    def of(self, wanted: np.ndarray) -> ClipSamples:
        """Some of the clips."""
        clips = tuple(clip for clip, take in zip(self.clips, wanted, strict=True) if take)
        return ClipSamples(clips, self.planes[wanted] if len(self.planes) else self.planes, self.emotions[wanted])

    def shuffled(self, seed: int, draw: int) -> ClipSamples:
        """The same clips with their emotions dealt out anew."""
        order = np.random.default_rng([seed, _SHUFFLE, draw]).permutation(len(self.emotions))
        return replace(self, emotions=self.emotions[order])


def everyone(sheet: str, tier: str) -> dict[str, People]:
    """Whose clips a sheet holds at a tier: ``train`` and ``test``."""
    sizes = CLIP_TIERS[tier]
    train, test, clips = sizes.people if SHEETS[sheet].whole else sizes.sweep_people
    return {"train": People("train", train, clips), "test": People("test", test, clips)}


def load(parameters: ClipParameters, population: str, *, store: Path | str) -> ClipSamples:
    """The clips of a population as the row's model gets them, read from the store."""
    people = everyone(parameters.sheet, parameters.tier)[population]
    if not parameters.mixture:
        return _load_source(parameters, population, people, "default", store)
    dealt, other = (
        _load_source(parameters, population, people, source, store) for source in MIXTURES[parameters.mixture]
    )
    wanted = deal(parameters.mixture, parameters.share, dealt.clips)
    planes = dealt.planes
    if len(planes):
        planes = np.where(wanted[:, None, None, None, None], dealt.planes, other.planes)
    clips = tuple(a if take else b for a, b, take in zip(dealt.clips, other.clips, wanted, strict=True))
    return ClipSamples(clips, planes, dealt.emotions)


def deal(mixture: str, share: float, clips: tuple[SyntheticVideo, ...]) -> np.ndarray:
    """Which clips show what a mixture deals in: ``(N,)`` bool.

    Each clip has its number between 0 and 1 from its own seed, so a larger share keeps whom a smaller one had.
    """
    numbers = np.array([np.random.default_rng([clip.seed, _DEAL]).random() for clip in clips])
    if mixture == "out-of-plane":
        return numbers < share
    return numbers < share * np.array([AU14_SHARE[clip.expressions[0].emotion] for clip in clips])


def _load_source(
    parameters: ClipParameters, population: str, people: People, source: str, store: Path | str
) -> ClipSamples:
    sheet = parameters.rows_sheet
    if parameters.model in PLANES_READ:
        clips, planes = _planes(parameters, population, people, source, store)
    else:
        clips, planes = people.open(sheet.sources[source]).videos, np.empty(0, np.float32)
    return ClipSamples(tuple(clips), planes, np.array([parameters.class_of(clip) for clip in clips]))


def _planes(parameters: ClipParameters, population: str, people: People, source: str, store: Path | str):
    sheet, kind = parameters.rows_sheet, parameters.input
    learnt = parameters.learnt_depth if population == "train" else ""
    depth_name = learnt or parameters.depth
    if kind == "depth":
        return read_sheet(sheet, people, depth_name, source=source, store=store)
    clips, planes = read_sheet(sheet, people, parameters.flow, source=source, store=store)
    if kind == "flow":
        return clips, planes
    planes = planes.copy()
    planes[:, :, 2] = 0
    if kind != "uv0":
        _, depth = read_sheet(sheet, people, depth_name, source=source, store=store)
        # The change of depth stands first among the planes of D; motion away is the last of S.
        away = depth[:, :, 0 if sheet.variants[depth_name].settings.input == "D" else 2]
        if kind == "uvz-other":  # the same clip number of the next subject
            away = np.roll(away, people.clips, axis=0)
        planes = planes[:, : away.shape[1]]
        planes[:, :, 2] = away
    return clips, planes
