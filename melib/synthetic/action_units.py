"""Which action units an emotion moves, how often, how strongly and on which side.

The table is in the spirit of EMFACS, priors and overlap of the classes calibrated to aggregates of the CAS(ME)^3
annotation (no sample of it is copied): AU4 alone may be disgust or fear, so that action units do not name the emotion.

A *component* is a displacement field of the head asset, named by its action unit and, where the two sides move
separately, by ``L`` or ``R`` (the subject's own left and right): ``"12L"``, ``"17"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import yaml

#: Action units whose left and right halves are separate components of the head.
BILATERAL = frozenset("1 2 4 5 6 7 9 10 12 14 15 16 20 24 45".split())

#: Action units that are another unit's field with the sign turned: sucked cheeks, jaw drawn back.
OPPOSITES = {"35": ("34", -0.8), "30": ("29", -1.0)}

_TABLES = yaml.safe_load((Path(__file__).parents[1] / "data" / "emotion_patterns.yml").read_text("utf-8"))
#: Share of each emotion among the expressions.
EMOTION_PRIOR = _TABLES["shares"]
#: Class -> patterns (probability, {action unit: intensity relative to the expression's amplitude}).
EMOTION_PATTERNS, OUT_OF_PLANE_PATTERNS = (
    {name: tuple(map(tuple, patterns)) for name, patterns in _TABLES[each].items()}
    for each in ("emotions", "out_of_plane")
)
OUT_OF_PLANE_PRIOR = dict.fromkeys(OUT_OF_PLANE_PATTERNS, 1 / len(OUT_OF_PLANE_PATTERNS))

#: Action units with at least 30 % of the energy of their displacement (to the nearest per cent) along the camera axis.
OUT_OF_PLANE_UNITS = ("17", "18", "22", "23", "26", "28", "29", "30", "34", "35")


def _keep(wanted: Callable[[Mapping[str, float]], bool], emotion: str) -> tuple:
    """The patterns of an emotion that are wanted, or all of them where none is."""
    kept = tuple(each for each in EMOTION_PATTERNS[emotion] if wanted(each[1]))
    return kept or EMOTION_PATTERNS[emotion]


# For mixtures in a known share: each emotion without what moves the face out of its plane, and by nothing else. Which
# emotion gets which unit follows from their order alone.
IN_PLANE_PATTERNS = {
    emotion: _keep(lambda pattern: not set(pattern) & set(OUT_OF_PLANE_UNITS), emotion) for emotion in EMOTION_PATTERNS
}
EMOTIONS_OUT_OF_PLANE = dict(zip(EMOTION_PATTERNS, OUT_OF_PLANE_PATTERNS.values(), strict=True))
# The same for AU14, most of the motion out of plane in real labels; emotions without it keep their patterns in both.
WITHOUT_AU14_PATTERNS, AU14_PATTERNS = (
    {emotion: _keep(lambda pattern, has=has: ("14" in pattern) == has, emotion) for emotion in EMOTION_PATTERNS}
    for has in (False, True)
)
#: Share of each emotion's expressions that show AU14.
AU14_SHARE = {
    emotion: sum(share for share, pattern in patterns if "14" in pattern)
    for emotion, patterns in EMOTION_PATTERNS.items()
}

#: Probability that a bilateral action unit shows on one side only; 0.05 for those not listed.
UNILATERAL = {"1": 0.12, "2": 0.25, "4": 0.04, "7": 0.10, "10": 0.30}
UNILATERAL |= {"12": 0.20, "14": 0.35, "15": 0.20, "20": 0.20, "24": 0.10}
_UNILATERAL_ELSE = 0.05
#: Difference of the two sides of a bilateral action unit, as a share of its intensity.
_ASYMMETRY_SD = 0.12
#: A weak action unit that has nothing to do with the emotion, as coders meet it.
_STRAY_PROBABILITY = 0.15
_STRAY_UNITS = ("1", "2", "4", "7", "14", "17", "24")
_STRAY_INTENSITY = 0.35


def components(unit: str) -> tuple[str, ...]:
    """Names under which an action unit is labelled: ``("12L", "12R")`` for "12", ``("17",)`` for "17"."""
    return (f"{unit}L", f"{unit}R") if unit in BILATERAL else (unit,)


def head_component(label: str) -> tuple[str, float]:
    """The head's component that shows a labelled action unit, and the factor on it: ``("34", -0.8)`` for "35"."""
    return OPPOSITES.get(label, (label, 1.0))


def draw_emotion(rng: np.random.Generator, prior: Mapping[str, float]) -> str:
    """One class name, drawn with the given shares (they are scaled to sum to one)."""
    names = tuple(prior)
    shares = np.array([prior[name] for name in names])
    return names[rng.choice(len(names), p=shares / shares.sum())]


def draw_action_units(
    rng: np.random.Generator, emotion: str, patterns: Mapping[str, tuple[tuple[float, Mapping[str, float]], ...]]
) -> dict[str, float]:
    """Action units of one expression, with side, and their intensity as a share of its amplitude (about 0.2 to 1.4)."""
    shares = np.array([share for share, _ in patterns[emotion]])
    pattern = patterns[emotion][rng.choice(len(shares), p=shares / shares.sum())][1]
    drawn: dict[str, float] = {}
    for unit, relative in pattern.items():
        intensity = relative * rng.uniform(0.8, 1.2)
        if unit not in BILATERAL:
            drawn[unit] = intensity
        elif rng.random() < UNILATERAL.get(unit, _UNILATERAL_ELSE):
            drawn[f"{unit}{rng.choice(['L', 'R'])}"] = intensity
        else:
            difference = float(np.clip(rng.normal(0.0, _ASYMMETRY_SD), -0.4, 0.4))
            drawn[f"{unit}L"] = intensity * (1 + difference)
            drawn[f"{unit}R"] = intensity * (1 - difference)
    if rng.random() < _STRAY_PROBABILITY:
        intensity = _STRAY_INTENSITY * rng.uniform(0.6, 1.2)
        for label in components(str(rng.choice(_STRAY_UNITS))):
            drawn.setdefault(label, intensity)
    return drawn
