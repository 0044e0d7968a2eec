"""From a video to network inputs: planes of motion between two frames, 42x42 pixels each.

A *pair* is two frames ``(start, end)`` of one video. For spotting, pairs lie a fixed time apart; for recognition, a
pair goes from the onset of an expression to its apex. Each pair becomes three planes, whose meaning
:class:`FeatureSettings` sets out. Planes are computed in small chunks of frames, so memory does not grow with the
length of a video, and kept in a store on disk whose file names hash everything that the numbers depend on.
"""

from melib.features.compute import planes
from melib.features.pairs import Pairs, expression_pairs, gap_frames, other_sample, spotting_pairs
from melib.features.settings import (
    AWAY_SCALE_MM,
    DEPTH_INPUTS,
    FLOW_SCALE_PX,
    INPUTS,
    NORMALIZATIONS,
    REGIONS,
    SHIFT_SCALE_MM,
    SLOPE_SCALE,
    STABILIZATIONS,
    STRAIN_SCALE,
    TRUE_INPUTS,
    FeatureSettings,
)
from melib.features.store import fill_store, stored_planes

__all__ = [
    "AWAY_SCALE_MM",
    "DEPTH_INPUTS",
    "FLOW_SCALE_PX",
    "INPUTS",
    "NORMALIZATIONS",
    "REGIONS",
    "SHIFT_SCALE_MM",
    "SLOPE_SCALE",
    "STABILIZATIONS",
    "STRAIN_SCALE",
    "TRUE_INPUTS",
    "FeatureSettings",
    "Pairs",
    "expression_pairs",
    "fill_store",
    "gap_frames",
    "other_sample",
    "planes",
    "spotting_pairs",
    "stored_planes",
]
