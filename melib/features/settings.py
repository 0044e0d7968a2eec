"""How motion becomes planes: the choices, and the constants of the fixed scales."""

from __future__ import annotations

from dataclasses import dataclass

from melib import flow
from melib.errors import InputError

#: What the three planes are.
INPUTS = ("O", "S", "O+S", "D", "uv0", "uvz", "uvz-other", "true-O", "true-S")
#: Inputs that read the depth sensor.
DEPTH_INPUTS = ("S", "O+S", "D", "uvz", "uvz-other")
#: Inputs made from the true motion, which only the benchmark knows.
TRUE_INPUTS = ("true-O", "true-S")
REGIONS = ("strips", "face")
#: The modes of :func:`melib.flow.stabilize`, and the benchmark's own knowledge of the head.
STABILIZATIONS = (*flow.MODES, "true-pose")
NORMALIZATIONS = ("sample", "fixed")

# The constants of the fixed scales are round numbers near the size of micro-expressions without head motion, from
# onset to apex, over both strips (53 of 12 training subjects, suite default). Medians over expressions: the largest
# displacement is 0.99 pixels and 0.40 mm away; three in four stay below a strain of 0.1 and a slope of 0.034 over 95 %
# of the strips.
#: Fixed scale of the flow planes: a micro-expression moves the face by about one pixel of a 128-pixel crop.
FLOW_SCALE_PX = 1.0
#: Fixed scale of the strain plane (pixel per pixel): one pixel of motion that fades over ten.
STRAIN_SCALE = 0.1
#: Fixed scale of scene flow right and down: what moves a pixel of such a crop moves by about a millimetre.
SHIFT_SCALE_MM = 1.0
#: Fixed scale of scene flow away and of depth change along the flow: the face moves half as far to and fro.
AWAY_SCALE_MM = 0.5
#: Fixed scale of the gradients of depth change, in millimetres per pixel of such a crop: half a millimetre that fades
#: over ten pixels.
SLOPE_SCALE = 0.05


@dataclass(frozen=True)
class FeatureSettings:
    """How motion becomes planes.

    Parameters
    ----------
    input : {"O", "S", "O+S", "D", "uv0", "uvz", "uvz-other", "true-O", "true-S"}
        Three planes: ``O``, optical flow right and down (u, v) and optical strain, the input of MEAN. ``S``, scene
        flow right, down and away (x, y, z), the input of SFAMNet. ``O+S``, u and v of the optical flow and z of the
        scene flow. ``D``, the change of depth along the optical flow and its gradients to the right and down.
        The contrasts ``uv0`` (u, v, zero), ``uvz`` (u, v and the change of depth along that flow) and ``uvz-other``
        (the third plane of another sample, see :func:`other_sample`) have the same u and v, bit for bit, as ``O`` and
        ``O+S``: what sets them apart is the third plane alone. ``true-O`` and ``true-S`` are ``O`` and ``S`` from the
        benchmark's true motion.
    region : {"strips", "face"}
        ``strips``: brows above mouth, as in the released MEAN code (:func:`melib.face.strips`). ``face``: the whole
        crop, shrunk by averaging over areas.
    method : {"tvl1", "dis", "farneback"}
        Estimator of the optical flow, see :func:`melib.flow.optical_flow`.
    stabilization : {"none", "nose", "median", "affine", "rigid", "true-pose"}
        How head motion is removed, see :func:`melib.flow.stabilize`; ``"none"`` is the authors' way. The head found by
        ``rigid`` rests on the depth sensor for scene flow and change of depth, and on a generic face for optical flow,
        whose planes thus stay made of colour alone. ``true-pose`` subtracts the head's true motion (benchmark alone).
    normalization : {"sample", "fixed"}
        ``sample``: each plane of each pair min-max scaled to [0, 1] over the whole crop, as in the released MEAN
        code; a still pair then looks as strong as an expression. ``fixed``: planes in units of
        :data:`FLOW_SCALE_PX`, :data:`STRAIN_SCALE`, :data:`SHIFT_SCALE_MM`, :data:`AWAY_SCALE_MM` and
        :data:`SLOPE_SCALE`, clipped by :func:`melib.flow.fixed_scale`. The constants are round numbers near the sizes
        that micro-expressions were measured to have on training subjects of suite ``default``.

    Raises
    ------
    ValueError
        If a setting is not one of the choices.
    """

    input: str = "O"
    region: str = "strips"
    method: str = "dis"
    stabilization: str = "median"
    normalization: str = "fixed"

    def __post_init__(self) -> None:
        choices = {
            "input": INPUTS,
            "region": REGIONS,
            "method": flow.METHODS,
            "stabilization": STABILIZATIONS,
            "normalization": NORMALIZATIONS,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"unknown {name} {getattr(self, name)!r}: use one of {', '.join(allowed)}")

    @property
    def uses_torch(self) -> bool:
        """Whether the planes are computed with PyTorch, which other workers need not load."""
        return self.input in ("S", "O+S") or (self.method == "tvl1" and self.input not in TRUE_INPUTS)

    @property
    def scales(self) -> tuple[tuple[float, float], ...]:
        """Fixed scale of each plane as ``(constant, exponent)``.

        The constant, in pixels, strain, metres or metres per pixel, holds for a crop of 128 pixels; for a crop of H
        pixels it is multiplied by ``(H / 128) ** exponent``.
        """
        pixel, strain = (FLOW_SCALE_PX, 1.0), (STRAIN_SCALE, 0.0)
        shift, away, slope = (SHIFT_SCALE_MM / 1e3, 0.0), (AWAY_SCALE_MM / 1e3, 0.0), (SLOPE_SCALE / 1e3, -1.0)
        return {
            "O": (pixel, pixel, strain),
            "S": (shift, shift, away),
            "D": (away, slope, slope),
        }.get(self.input.removeprefix("true-"), (pixel, pixel, away))
