"""The spotting rules against the intervals that the released code returned."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from melib.spotting import MACRO, MICRO, mean_intervals, name_intervals, sfamnet_intervals

ROOT = os.environ.get("MELIB_REFERENCE")
pytestmark = pytest.mark.skipif(not ROOT, reason="MELIB_REFERENCE names no folder of reference artefacts")


def golden(pattern):
    return sorted((Path(ROOT) / "golden").glob(pattern)) if ROOT else []


@pytest.mark.parametrize("path", golden("post_mean*.json"), ids=lambda path: path.stem)
def test_mean_intervals_are_those_of_the_released_rule(path):
    case = json.loads(path.read_text())
    assert case["videos"]
    for number, video in enumerate(case["videos"]):
        found = mean_intervals(np.array(video["score"]), k_p=case["k_p"], p=case["p"], dummy=True)
        onset_offset_apex = found[:, [0, 2, 1]].tolist()
        assert onset_offset_apex == video["pred"], f"video {number}"


@pytest.mark.parametrize("path", golden("post_sfamnet*.json"), ids=lambda path: path.stem)
@pytest.mark.parametrize(("rule", "expected"), [(MICRO, "pred_micro"), (MACRO, "pred_macro")], ids=["micro", "macro"])
def test_sfamnet_intervals_and_names_are_those_of_the_released_rule(path, rule, expected):
    case = json.loads(path.read_text())
    assert case["videos"]
    threshold = case["micro_threshold" if rule is MICRO else "macro_threshold"]
    rule = replace(rule, threshold=threshold, max_video_mean=case["video_threshold"])
    for number, video in enumerate(case["videos"]):
        intervals = sfamnet_intervals(np.array(video["score"]), rule)
        names = name_intervals(np.array(video["emotion"]), intervals, span="to_apex")
        frames = intervals[:, [0, 2]] * case["frame_skip"]
        assert np.column_stack([frames, names]).tolist() == video[expected], f"video {number}"


def test_every_golden_file_is_found():
    assert golden("post_mean*.json") and golden("post_sfamnet*.json")
