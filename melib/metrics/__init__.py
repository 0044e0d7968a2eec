"""Numbers for spotting, recognition and spot-then-recognize, each with its protocol and its uncertainty.

The modules take plain tables in the challenge's columns (``subject, video, onset, offset, emotion``; pandas frames or
CSV files) and know nothing of the rest of the package. A module's ``evaluate(truth, predictions, ...)`` returns its
metrics under stable names, ``tally(...)`` the counts per subject that :mod:`~melib.metrics.uncertainty` resamples.

Frames are whole numbers, onset and offset inclusive. Names of subjects and videos are compared as text, except that a
name of digits only is compared as a number: ``"006"``, ``"6"`` and ``6`` are one subject.
"""

from melib.metrics import chance, intervals, recognition, spotting, strs, uncertainty, verdict
from melib.metrics._tally import Tally

__all__ = ["Tally", "chance", "intervals", "recognition", "spotting", "strs", "uncertainty", "verdict"]
