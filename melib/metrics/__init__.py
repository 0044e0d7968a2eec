"""Numbers for spotting, recognition and spot-then-recognize, each with its protocol and its uncertainty.

The modules work on plain tables in the challenge's columns (``subject, video, onset, offset, emotion``; pandas frames
or CSV files) and know nothing of the rest of the package:

* :mod:`~melib.metrics.intervals`: IoU, and who is matched with whom;
* :mod:`~melib.metrics.spotting`: precision, recall, F1, average precision, ROC of frames, apexes;
* :mod:`~melib.metrics.recognition`: accuracy, UF1, UAR, weighted F1;
* :mod:`~melib.metrics.strs`: the spot-then-recognize score, under four named protocols;

Each module has ``evaluate(truth, predictions, ...)``, which returns all its metrics under stable names, and
``tally(...)``, which returns the counts per subject behind them. The reference argument always stands first.
"""

from melib.metrics import intervals, recognition, spotting, strs
from melib.metrics._tally import Tally

__all__ = ["Tally", "intervals", "recognition", "spotting", "strs"]
