"""Numbers for spotting, recognition and spot-then-recognize, each with its protocol and its uncertainty.

The modules work on plain tables in the challenge's columns (``subject, video, onset, offset, emotion``; pandas frames
or CSV files) and know nothing of the rest of the package:

* :mod:`~melib.metrics.intervals`: IoU, and who is matched with whom;
* :mod:`~melib.metrics.spotting`: precision, recall, F1, average precision, ROC of frames, apexes;
* :mod:`~melib.metrics.recognition`: accuracy, UF1, UAR, weighted F1;
* :mod:`~melib.metrics.strs`: the spot-then-recognize score, under four named protocols;
* :mod:`~melib.metrics.uncertainty`: intervals over subjects, differences of two systems, coverage;
* :mod:`~melib.metrics.chance`: what luck scores.

Each module has ``evaluate(truth, predictions, ...)``, which returns all its metrics under stable names, and
``tally(...)``, which returns the counts per subject that :mod:`~melib.metrics.uncertainty` resamples. The reference
argument always stands first.

Frames are whole numbers, onset and offset inclusive. Names of subjects and videos are compared as text, except that a
name of digits only is compared as a number: ``"006"``, ``"6"`` and ``6`` are one subject.
"""

from melib.metrics import chance, intervals, recognition, spotting, strs, uncertainty
from melib.metrics._tally import Tally

__all__ = ["Tally", "chance", "intervals", "recognition", "spotting", "strs", "uncertainty"]
