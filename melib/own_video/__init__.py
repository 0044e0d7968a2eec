"""A video of one's own: where does the face move briefly, in which region, and how sure can one be?

:func:`spot_file` is what ``melib spot`` runs; :func:`analyse` is the part of it that computes. The spotter was taught
on rendered heads. What it marks are brief movements and nothing more: no feeling, no intention, no lie.
"""

from melib.own_video.analysis import Finding, Movement, analyse, onset_to_apex, score_video
from melib.own_video.regions import REGIONS, Motion, face_flow, region_masks, strongest_motion
from melib.own_video.run import FILES, open_video, spot_file
from melib.own_video.spotter import SHIPPED, Band, Spotter, load_spotter, save_spotter

__all__ = ["FILES", "REGIONS", "SHIPPED", "Band", "Finding", "Motion", "Movement", "Spotter", "analyse", "face_flow"]
__all__ += ["load_spotter", "onset_to_apex", "open_video", "region_masks", "save_spotter", "score_video", "spot_file"]
__all__ += ["strongest_motion"]
