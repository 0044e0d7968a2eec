"""The figure of scores along a video names every interval that it shows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from melib.plots.study import score_timeline

COLUMNS = ["subject", "video", "onset", "offset", "kind", "emotion"]


def test_every_name_of_an_interval_lies_within_the_axes():
    onsets = (10, 40, 70, 90)
    names = ("positive", "negative", "surprise", "others")
    truth = [("p", "v", at, at + 8, "micro", name) for at, name in zip(onsets, names, strict=True)]
    found = [("p", "v", at + 2, at + 10, "micro", name) for at, name in zip(onsets, names, strict=True)]
    score = np.random.default_rng(0).random(120)
    outcome = SimpleNamespace(
        truth=pd.DataFrame(truth, columns=COLUMNS),
        predictions=pd.DataFrame(found, columns=COLUMNS),
        scores={("p", "v"): score},
        smoothed={("p", "v"): score},
    )
    axes = score_timeline(outcome).axes[0]
    low, high = axes.get_ylim()
    within = [text.get_text() for text in axes.texts if low < text.xy[1] < high]
    assert sorted(within) == sorted(2 * names), "what lies outside the axes is not drawn"
