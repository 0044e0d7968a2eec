"""Who a synthetic person is: ancestry, sex, age, proportions, and the strength of each expression, all drawn at random.

The shape targets carry the names their makers gave them; they are shapes, and no claim about people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from melib.synthetic.head import IOD_MM, Head
from melib.synthetic.texture import Look

ANCESTRIES = ("african", "asian", "caucasian")
SEXES = ("female", "male")
#: Standard deviation of a detail target's weight, by region of the face. Twice these give caricatures.
SPREAD = {"head": 0.20, "nose": 0.20, "mouth": 0.22, "eyes": 0.20, "eyebrows": 0.30}
SPREAD |= {"chin": 0.26, "cheek": 0.26, "forehead": 0.26, "asym": 0.10, "ears": 0.25}
_GAIN_SPREAD = 0.18  # of the logarithm of a subject's own strength in an action unit


@dataclass(frozen=True)
class Traits:
    """What the dataset card counts."""

    ancestry: tuple[float, float, float]  # shares of the african, asian and caucasian shape targets
    maleness: float  # between the female (0) and the male (1) targets
    age: float  # between the young (0) and the old (1) targets
    weight: float  # between the thinnest (-1) and the heaviest (1) target
    iod_mm: float  # inter-ocular distance
    melanin: float  # 0 the lightest skin, 1 the darkest


def sample_shape(rng: np.random.Generator, head: Head) -> tuple[Traits, np.ndarray]:
    """Draw a head: traits, and vertices ``(N, 3)`` float64 at MakeHuman's own scale and place, mm."""
    ancestry = rng.dirichlet([0.6, 0.6, 0.6])
    maleness, age, weight = rng.beta(0.6, 0.6), 0.75 * rng.beta(1.2, 2.2), float(np.clip(rng.normal(0, 0.5), -1, 1))
    shape = head.shape.astype(np.float64)

    def add(name: str, amount: float) -> None:
        index, displacement = head.targets.entries(name)
        shape[index] += amount * displacement

    for sex, share in zip(SEXES, (1 - maleness, maleness), strict=True):
        for name, of_ancestry in zip(ANCESTRIES, ancestry, strict=True):
            add(f"macro/{name}-{sex}-young", share * of_ancestry * (1 - age))
            add(f"macro/{name}-{sex}-old", share * of_ancestry * age)
        add(f"weight/{sex}-{'maxweight' if weight > 0 else 'minweight'}", 0.7 * share * abs(weight))
    for names in _detail_pairs(head).values():
        amount = float(np.clip(rng.normal(0, SPREAD[names[0].split("/")[0]]), -0.9, 0.9))
        twin_factor = 1 + 0.15 * rng.standard_normal()
        if len(names) == 1 and amount < 0:
            continue
        name = names[int(amount > 0)] if len(names) == 2 else names[0]
        add(name, abs(amount))
        if "/l-" in name:
            add(name.replace("/l-", "/r-"), abs(amount) * twin_factor)

    # Melanin follows ancestry, with a spread of its own.
    iod_mm = float(np.clip(rng.normal(IOD_MM, 3.2), 55, 71))
    melanin = float(np.clip(ancestry @ (0.75, 0.30, 0.15) + rng.normal(0, 0.10), 0.02, 0.95))
    return Traits(tuple(float(a) for a in ancestry), float(maleness), float(age), weight, iod_mm, melanin), shape


def sample_gains(rng: np.random.Generator, head: Head) -> np.ndarray:
    """Draw a person's own strength in each action unit: ``(K,)``, about 1."""
    return np.exp(rng.normal(0, _GAIN_SPREAD, len(head.action_units)))


def _detail_pairs(head: Head) -> dict[str, list[str]]:
    """Detail targets by what they change: one name, or two of opposite sense; right-hand twins follow the left."""
    pairs: dict[str, list[str]] = {}
    for name in head.targets.names:
        if not name.startswith(("macro/", "weight/")) and "/r-" not in name:
            pairs.setdefault(name.rsplit("-", 1)[0], []).append(name)
    return pairs


def sample_look(rng: np.random.Generator, traits: Traits) -> Look:
    """Draw what the textures are painted from."""
    dark = traits.melanin > 0.4
    shade = rng.random()
    hair = np.array(
        (0.018, 0.013, 0.010) if dark or shade < 0.55 else (0.06, 0.035, 0.02) if shade < 0.85 else (0.17, 0.11, 0.06)
    )
    if traits.age > 0.5:
        hair = 0.5 * hair + 0.06
    light_eyes = ((0.10, 0.14, 0.17), (0.09, 0.11, 0.06), (0.13, 0.08, 0.04))
    brown, which = rng.random() < 0.6 or traits.melanin > 0.33, rng.integers(3)
    grey = rng.uniform(0.05, 0.4)
    return Look(
        melanin=traits.melanin,
        age=traits.age,
        roughness=float(rng.uniform(0.5, 1.4)),
        bags=float(rng.uniform(0, 1)),
        moles=float(rng.gamma(1.5, 2.0)),
        freckles=float(max(0.0, rng.normal(-0.3, 0.5))) * (traits.melanin < 0.3),
        lip_red=float(rng.uniform(0.75, 1.05)),
        stubble=float(np.clip(rng.normal(0.25, 0.3), 0, 0.8)) * (traits.maleness > 0.6),
        hair=tuple(float(c) for c in hair),
        iris=(0.055, 0.03, 0.018) if brown else light_eyes[which],
        # Muted cloth: a grey with a tint.
        shirt=tuple(float(c) for c in grey * rng.uniform(0.8, 1.2, 3)),
        brow_height=float(rng.normal(0.8, 0.8)),
        brow_arch=float(rng.normal(0.3, 0.7)),
        brow_width=float(rng.uniform(1.6, 2.8) + 0.6 * traits.maleness),
        brow_density=float(rng.uniform(0.7, 1.4)),
        hairline=float(rng.normal(66, 5)),
        pupil=float(rng.uniform(0.13, 0.20)),
    )
