"""The emotion of an interval: the vote of its frames."""

from __future__ import annotations

import numpy as np

from melib.errors import InputError

SPANS = ("before_apex", "to_apex", "whole")


def name_intervals(labels: np.ndarray, intervals: np.ndarray, *, span: str = "before_apex") -> np.ndarray:
    """Majority label ``(m,)`` int64 of the frames of each interval ``(m, 3)``: onset, apex, offset, inclusive.

    ``labels`` ``(n,)`` are the most probable classes of all frames. The frames that vote are those from the onset to
    the frame before the apex (MEAN), with ``to_apex`` to the apex (SFAMNet), with ``whole`` all, inside the video. Of
    labels with equally many votes the one met first wins; without any vote, the nearest frame to the apex decides.
    """
    if span not in SPANS:
        raise InputError(f"unknown span={span!r}: use one of {', '.join(SPANS)}")
    labels = np.asarray(labels)
    if labels.ndim != 1 or len(labels) == 0:
        raise InputError(f"labels must have the shape (n,) with n > 0, got {labels.shape}")
    names = np.empty(len(intervals), np.int64)
    for row, (onset, apex, offset) in enumerate(np.asarray(intervals, np.int64).reshape(-1, 3)):
        stop = {"before_apex": apex, "to_apex": apex + 1, "whole": offset + 1}[span]
        voting = labels[max(onset, 0) : max(stop, 0)]
        if len(voting) == 0:
            voting = labels[[np.clip(apex, 0, len(labels) - 1)]]
        found, first, votes = np.unique(voting, return_index=True, return_counts=True)
        names[row] = found[np.lexsort((first, -votes))[0]]
    return names
