"""From a score per frame to intervals, and from intervals to emotions.

A rule takes scores alone and returns intervals ``(m, 3)``: onset, apex, offset, inclusive frames.
"""

from melib.spotting.choice import Choice, choose, mean_candidates, sfamnet_candidates, window_candidates
from melib.spotting.mean import mean_intervals, mean_intervals_strict
from melib.spotting.naming import name_intervals
from melib.spotting.sfamnet import MACRO, MICRO, SFAMNetRule, sfamnet_intervals
from melib.spotting.smoothing import box_smooth, centred_smooth, per_frame
from melib.spotting.window import Spotted, window_intervals

__all__ = ["MACRO", "MICRO", "Choice", "SFAMNetRule", "Spotted", "box_smooth", "centred_smooth", "choose"]
__all__ += ["mean_candidates", "mean_intervals", "mean_intervals_strict", "name_intervals", "per_frame"]
__all__ += ["sfamnet_candidates", "sfamnet_intervals", "window_candidates", "window_intervals"]
