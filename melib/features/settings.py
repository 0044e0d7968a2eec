"""Which two frames are compared, and how their motion becomes planes: the choices, and the fixed scales."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from melib import flow
from melib.errors import InputError
from melib.video import Expression, Video

Pairs = tuple[np.ndarray, np.ndarray]  #: First and second frames of n pairs, each ``(n,)``.

INPUTS = ("O", "S", "O+S", "D", "true-O", "true-S")
DEPTH_INPUTS = ("S", "O+S", "D")  #: Inputs that read the depth sensor.
TRUE_INPUTS = ("true-O", "true-S")  #: Inputs made from the true motion, which only the benchmark knows.
REGIONS = ("strips", "face")
STABILIZATIONS = (*flow.MODES, "true-pose")
NORMALIZATIONS = ("sample", "fixed")

# Fixed scales: round numbers near the size of micro-expressions without head motion, from onset to apex, over both
# strips (53 of 12 training subjects, suite default). The median of the largest displacement is 0.99 pixels and 0.40 mm
# away; three in four stay below a strain of 0.1 and a slope of 0.034 over 95 % of the strips.
FLOW_SCALE_PX = 1.0  #: A micro-expression moves the face by about one pixel of a 128-pixel crop.
STRAIN_SCALE = 0.1  #: One pixel of motion that fades over ten.
SHIFT_SCALE_MM = 1.0  #: Right and down: what moves a pixel of such a crop moves by about a millimetre.
AWAY_SCALE_MM = 0.5  #: Away, and change of depth along the flow: the face moves half as far to and fro.
EYES_PX = 53.0  #: Between the eyes of a face in such a crop.
SLOPE_SCALE = 0.05  #: Millimetres per pixel of such a crop: half a millimetre that fades over ten pixels.


@dataclass(frozen=True)
class FeatureSettings:
    """How motion becomes planes.

    Another choice raises ValueError.

    Parameters
    ----------
    input : {"O", "S", "O+S", "D", "true-O", "true-S"}
        Three planes: ``O``, optical flow right and down (u, v) and optical strain, the input of MEAN. ``S``, scene
        flow right, down and away (x, y, z), the input of SFAMNet. ``O+S``, u and v of the optical flow and z of the
        scene flow. ``D``, the change of depth along the optical flow and its gradients to the right and down.
        ``true-O`` and ``true-S`` are ``O`` and ``S`` from the benchmark's true motion.
    region : {"strips", "face"}
        Brows above mouth, as in the released MEAN code (:func:`melib.face.strips`); or one grid over the whole face,
        aligned with the eyes of the first frame, each cell a mean (:func:`melib.features.compute.face_grid`).
    method : {"tvl1", "dis", "farneback"}
        Estimator of the optical flow, see :func:`melib.flow.optical_flow`.
    stabilization : {"none", "nose", "median", "affine", "relief", "rigid", "true-pose"}
        How head motion is removed, see :func:`melib.flow.stabilize`; ``"none"`` is the authors' way. For optical flow
        ``rigid`` takes a generic face in place of measured depth. ``true-pose`` is known on the benchmark alone.
    normalization : {"sample", "fixed"}
        ``sample``: each plane of each pair min-max scaled to [0, 1] over the whole crop, as in the released MEAN
        code; a still pair then looks as strong as an expression. ``fixed``: in units of :data:`FLOW_SCALE_PX` and its
        like, clipped (:func:`melib.flow.fixed_scale`); in region ``face`` as if the eyes were 53 pixels apart.
    """

    input: str = "O"
    region: str = "strips"
    method: str = "dis"
    stabilization: str = "median"
    normalization: str = "fixed"

    def __post_init__(self) -> None:
        choices = INPUTS, REGIONS, flow.METHODS, STABILIZATIONS, NORMALIZATIONS
        for name, allowed in zip((each.name for each in fields(self)), choices, strict=True):
            if getattr(self, name) not in allowed:
                raise InputError(f"unknown {name} {getattr(self, name)!r}: use one of {', '.join(allowed)}")

    @property
    def uses_torch(self) -> bool:
        """Whether the planes are computed with PyTorch, which other workers need not load."""
        return self.input in ("S", "O+S") or (self.method == "tvl1" and self.input not in TRUE_INPUTS)

    def scales(self, height: int, eyes_apart: float) -> tuple[float, ...]:
        """Fixed scale of each plane, in pixels, strain, metres or metres per pixel, of a crop and a face of a size."""
        enlarged = eyes_apart / EYES_PX if self.region == "face" else height / 128
        pixel, slope = FLOW_SCALE_PX * enlarged, SLOPE_SCALE / 1e3 * enlarged**-1.0
        strain, shift, away = STRAIN_SCALE, SHIFT_SCALE_MM / 1e3, AWAY_SCALE_MM / 1e3
        planes = {"O": (pixel, pixel, strain), "S": (shift, shift, away), "D": (away, slope, slope)}
        return (planes | {"O+S": (pixel, pixel, away)})[self.input.removeprefix("true-")]


def gap_frames(fps: float, gap_s: float) -> int:
    """Frames between the two members of a spotting pair, at least one; 0.1 s in the papers, 20 frames at 200 fps."""
    if not (fps > 0 and gap_s > 0):
        raise InputError(f"frame rate and gap must be positive, got {fps} fps and {gap_s} s")
    return max(1, round(fps * gap_s))


def spotting_pairs(video: Video, *, gap_s: float, stride: int = 1) -> Pairs:
    """Pairs ``(i, i + k)`` of the frames that a spotter compares: starts and ends, ``(n,)`` int positions in the video.

    They lie ``gap_s`` seconds apart, k frames (:func:`gap_frames`), pairs ``stride`` frames.
    """
    gap = gap_frames(video.fps, gap_s)
    starts = np.arange(0, video.n_frames - gap, stride)
    if len(starts) == 0:
        raise InputError(f"video {video.subject}/{video.name} has {video.n_frames} frames: too few for a gap of {gap}")
    return starts, starts + gap


def expression_pairs(expressions: Iterable[Expression]) -> Pairs:
    """Pairs (onset, apex) of expressions, which all must have an apex."""
    expressions = tuple(expressions)
    lacking = [each.onset for each in expressions if each.apex is None]
    if lacking:
        raise InputError(f"the expression at frame {lacking[0]} has no apex: onset-apex pairs need one")
    return np.array([e.onset for e in expressions], int), np.array([e.apex for e in expressions], int)
