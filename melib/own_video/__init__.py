"""A video of one's own: where does the face move briefly, in which region, and how sure can one be?

:func:`spot_file` is what ``melib spot`` runs; :func:`analyse` is the part of it that computes. The spotter was taught
on rendered heads. What it marks are brief movements and nothing more: no feeling, no intention, no lie.
"""

from melib.own_video.analysis import REGIONS, Finding, Scores, analyse, score_video
from melib.own_video.run import FILES, open_video, spot_file
from melib.own_video.spotter import SHIPPED, Band, Spotter, load_spotter, save_spotter

__all__ = ["FILES", "REGIONS", "SHIPPED", "Band", "Finding", "Scores", "Spotter", "analyse"]
__all__ += ["load_spotter", "open_video", "save_spotter", "score_video", "spot_file"]
