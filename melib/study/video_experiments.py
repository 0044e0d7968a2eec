"""Experiments on long videos: which rows, and what counts as success, fixed before the numbers."""

from __future__ import annotations

from melib.study.experiments import Contrast, Experiment
from melib.study.rows import Row
from melib.study.videos import VIDEOS

_MODELS = {"mean": "MEAN", "sfamnet": "SFAMNet"}
#: Input -> what tables call it.
_INPUTS = {"O": "O", "S": "S", "O+S": "O+S", "D": "D", "true-O": "O, true motion", "true-S": "S, true motion"}


def _row(model: str, seen: str) -> Row:
    return Row(f"{model}-{seen.lower()}", f"{_MODELS[model]}, {_INPUTS[seen]}", VIDEOS, {"model": model, "input": seen})


_MAIN = tuple(_row(model, seen) for model in _MODELS for seen in _INPUTS)

SPOTTING = Experiment(
    name="spotting",
    question="Who finds micro-expressions in long videos of people never seen, and does depth help?",
    criterion=(
        "A row finds something if the interval of its per-frame ROC-AUC (smoothed score) lies above 0.5. Depth helps "
        "if the ROC-AUC with it is higher by at least 0.03 and the interval of the difference lies above 0."
    ),
    rows=_MAIN,
    measures=(("frames", "roc_auc_frames"), ("spotting_and_naming", "f1_spotting")),
    contrasts=tuple(
        Contrast(f"{model}-{other}", f"{model}-o", "frames", "roc_auc_frames", question=f"{label}: {words}")
        for model, label in _MODELS.items()
        for other, words in (("s", "scene flow instead of optical flow"), ("o+s", "depth beside optical flow"))
    ),
)

EXPERIMENTS = (SPOTTING,)
