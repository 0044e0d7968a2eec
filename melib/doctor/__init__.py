"""What is wrong with a copy of a licensed dataset, and what it will cost to use it.

:func:`examine` opens a dataset as the study does and holds what it finds against what was published: labels, videos,
frames, depth, damaged files, faces. It also measures on this machine how long the features will take. It writes
nothing; the command ``melib doctor`` prints what it says.
"""

from melib.doctor.examine import AS_PUBLISHED, DIFFERENT, UNUSABLE, examine
from melib.doctor.known import KNOWN, Known, published
from melib.doctor.report import catalogue, report

__all__ = [
    "AS_PUBLISHED",
    "DIFFERENT",
    "KNOWN",
    "UNUSABLE",
    "Known",
    "catalogue",
    "examine",
    "published",
    "report",
]
