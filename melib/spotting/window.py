"""WindowNet's rule: each row points at an interval, rows that agree are one, and one threshold says which are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import maximum_filter1d

from melib.errors import InputError
from melib.video import iou

if TYPE_CHECKING:  # whoever scores with NumPy alone need not load PyTorch
    from melib.models import FrameValues

LISTENED = 0.03  # least probability of a row that points
AGREEING = 0.6  # IoU with the best of the intervals that are averaged
SPREAD = 0.3  # of the Gaussian of the IoU by which what overlaps a found interval loses score
FAINTEST = 0.004  # score below which nothing is sought


@dataclass(frozen=True)
class Spotted:
    """Intervals of a video, in falling order of score."""

    intervals: np.ndarray  # (m, 3) int64: onset, apex, offset, inclusive frames
    scores: np.ndarray  # (m,), between 0 and 1
    emotions: np.ndarray  # (m,) int64: class indices

    def above(self, threshold: float) -> Spotted:
        """Those whose score reaches a threshold."""
        kept = self.scores >= threshold
        return Spotted(self.intervals[kept], self.scores[kept], self.emotions[kept])


def window_intervals(values: FrameValues, frames: np.ndarray, n_frames: int) -> Spotted:
    """All intervals of a video that rows point at, to be thresholded.

    The score is the probability of the row that points, and of an onset and an offset where it points to. What the best
    row and those that agree with it point at is averaged; others lose score by how far they overlap it, and so on.

    The values are those of the T rows of a video (:func:`melib.models.score_frames`); ``frames`` ``(T,)`` tell where in
    it each row lies, evenly spaced: halfway between the frames of its pair. ValueError: below two rows, or not as many.
    """
    if len(frames) != len(values.kinds) or len(frames) < 2:
        raise InputError(f"{len(values.kinds)} rows at {len(frames)} frames: the numbers must agree and be at least 2")
    step, micro = frames[1] - frames[0], values.kinds[:, 0]
    rows = np.flatnonzero(micro > LISTENED)
    # A row lies half a row within the onset and the offset at least.
    ends = frames[rows, None] + (values.ends[rows] - 0.5) * step * (-1, 1)
    ends, scores = ends.clip(0, n_frames - 1), micro[rows].astype(np.float64)
    places = np.rint((ends - frames[0]) / step).astype(int).clip(0, len(frames) - 1)
    near = maximum_filter1d(values.marks, 3, axis=0)  # a mark may lie a row beside the place
    scores *= (near[places[:, 0], 0] * near[places[:, 1], 2]) ** 0.25
    found = []
    while len(scores) and scores.max() > FAINTEST:
        best = scores.argmax()
        overlap = iou(*ends[best], *ends.T)
        agreeing = overlap > AGREEING
        onset, offset = np.rint(np.average(ends, axis=0, weights=scores * agreeing))
        inside = np.arange(places[best, 0], places[best, 1] + 1)
        apex = np.rint(frames[inside[values.marks[inside, 1].argmax()]]).clip(onset, offset)
        emotion = (micro[inside, None] * values.emotions[inside]).sum(axis=0).argmax()
        found.append((onset, apex, offset, scores[best], emotion))
        scores = np.where(agreeing, 0, scores * np.exp(-(overlap**2) / SPREAD))
    table = np.array(found, np.float64).reshape(-1, 5)
    return Spotted(table[:, :3].astype(np.int64), table[:, 3], table[:, 4].astype(np.int64))
