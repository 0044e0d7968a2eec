"""From a video to network inputs: planes of motion between two frames, 42x42 pixels each, kept in a store on disk.

A *pair* is two frames ``(start, end)`` of one video. For spotting, pairs lie a fixed time apart; for recognition, one
goes from the onset of an expression to its apex. Each becomes three planes, as :class:`FeatureSettings` sets out.
"""

from melib.features.compute import planes
from melib.features.settings import FeatureSettings, Pairs, expression_pairs, gap_frames, spotting_pairs
from melib.features.store import Request, fill_store, key, stored_planes

__all__ = ["FeatureSettings", "Pairs", "Request", "expression_pairs", "fill_store", "gap_frames"]
__all__ += ["key", "planes", "spotting_pairs", "stored_planes"]
