"""Does depth help, where, by how much, and how good must the sensor be? Answers that follow from the records.

A gain is UF1 with depth less UF1 without, on the same resampled subjects. Depth *helps* where the gain reaches the
smallest effect of interest and its interval lies above zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources

import numpy as np
import pandas as pd

from melib.metrics import recognition, uncertainty
from melib.study.clip_variants import AVERAGED_PX, NOISE_PX, noise_name
from melib.study.clips import ClipParameters, everyone
from melib.study.compare import difference
from melib.study.depth_experiments import (
    MULTIPLES,
    SENSOR_SWEEP,
    SHARES,
    SMALLEST_EFFECT,
    SPOTTED,
    dosed,
    flat,
    sensed,
    with_au14,
)
from melib.study.rows import Row, RowRecords
from melib.synthetic.action_units import BILATERAL, head_component
from melib.synthetic.head import load_head
from melib.synthetic.identity import DISTANCE_M
from melib.synthetic.sensor import DEPTH_LEVELS, FOCAL_BASELINE

#: What a gain holds.
GAIN = ("value", "low", "high", "detectable", "subjects")
#: From fewer tested subjects no answer is given: a bootstrap of so few shows too little of their spread.
FEWEST_SUBJECTS = 10
#: Fewer clips than this tell nothing about an action unit.
FEWEST_CLIPS = 5


def real_shares() -> pd.DataFrame:
    """How many real micro-expressions move out of plane: ``least_share, action_units, expressions, of, share``.

    Counted from the labels of CAS(ME)^3 with this benchmark's head; the data file names its source.
    """
    with resources.as_file(resources.files("melib") / "data" / "casme3_out_of_plane.csv") as path:
        table = pd.read_csv(path, comment="#")
    return table.assign(share=table["expressions"] / table["of"])


def out_of_plane_share(unit: str) -> float:
    """Share of an action unit's displacement energy along the camera axis, on the mean face seen from the front."""
    component = head_component(unit)[0]
    motion = load_head().units.entries(f"{component}L" if component in BILATERAL else component)[1]
    return float((motion[:, 2] ** 2).sum() / (motion**2).sum())


def depth_error_mm(noise_px: float, distance_m: float = DISTANCE_M) -> float:
    """Standard deviation of a reading, millimetres, of a stereo camera with that disparity noise."""
    return noise_px * (1e3 * distance_m) ** 2 / FOCAL_BASELINE


def distance_with_error(noise_px: float, camera_px: float = DEPTH_LEVELS["mid"].disparity_px) -> float:
    """From how many metres an ordinary stereo camera reads as badly as one with `noise_px` does on the benchmark."""
    return DISTANCE_M * float(np.sqrt(noise_px / camera_px))


def gain(kept: Mapping[str, RowRecords], with_depth: Row, without: Row) -> dict[str, float | None]:
    """UF1 of one row less that of another: ``value, low, high, detectable``, and the number of tested subjects."""
    found = difference(kept[with_depth.name], kept[without.name], "recognition", "uf1_pooled")
    return found | {"subjects": kept[with_depth.name].records[0]["counts"]["subjects"]}


def _table(kept: Mapping[str, RowRecords], rows: Mapping[object, tuple[Row, Row]], name: str) -> pd.DataFrame:
    gains = {key: gain(kept, *pair) for key, pair in rows.items()}
    return pd.DataFrame.from_dict(gains, orient="index", columns=list(GAIN), dtype=float).rename_axis(name)


def dose_gains(kept: Mapping[str, RowRecords], sensor: str) -> pd.DataFrame:
    """Gain by share of expressions out of plane, for the ordinary sensor (``mid``) or exact depth (``exact``)."""
    return _table(kept, {share: (dosed(share, sensor), dosed(share, "uv0")) for share in SHARES}, "share")


def au14_gains(kept: Mapping[str, RowRecords], sensor: str) -> pd.DataFrame:
    """Gain by multiple of AU14's usual share."""
    rows = {multiple: (with_au14(multiple, sensor), with_au14(multiple, "uv0")) for multiple in MULTIPLES}
    return _table(kept, rows, "multiple")


def noise_gains(kept: Mapping[str, RowRecords], question: str, *, averaged: bool = False) -> pd.DataFrame:
    """Gain by disparity noise, pixels, for ``recognition`` or ``spotting``; of single depth images, or averages."""
    name: Callable[[float], str] = (lambda noise: f"averaged, {noise_name(noise)}") if averaged else noise_name
    known = [noise for noise in (AVERAGED_PX if averaged else NOISE_PX) if _asked(name(noise), question)]
    return _table(kept, {noise: (sensed(name(noise), question), flat(question)) for noise in known}, "noise, px")


def _asked(variant: str, question: str) -> bool:
    return question == "recognition" or variant in SPOTTED


def sensor_gains(kept: Mapping[str, RowRecords]) -> pd.DataFrame:
    """Gain for recognition of every sensor of the sweep, by its label.

    Each error alone, delay, averages, named sensors, and learning from another sensor than the one that is tested.
    """
    asked = [row for row in SENSOR_SWEEP.rows if row.values["question"] == "recognition"]
    rows = [row for row in asked if row.values["input"] == "uvz"]
    label = {row.name: row.label.replace(", recognition", "") for row in rows}
    return _table(kept, {label[row.name]: (row, flat("recognition")) for row in rows}, "sensor")


def gain_by_unit(with_depth: RowRecords, without: RowRecords, tier: str) -> pd.DataFrame:
    """What depth does for the expressions that show an action unit.

    Returns
    -------
    pandas.DataFrame
        A row per action unit shown by at least :data:`FEWEST_CLIPS` test clips, most out of plane first: its
        ``out_of_plane`` share, ``clips``, and the difference of the share of right names among them, ``value, low,
        high`` (over subjects, first seed).
    """
    parameters = ClipParameters(**with_depth.row.values, tier=tier)
    dataset = everyone(parameters.sheet, tier)["test"].open()
    shown = {(clip.subject, clip.name): _units(clip) for clip in dataset.videos}
    named = _with_truth(with_depth, dataset, parameters), _with_truth(without, dataset, parameters)
    rows = {}
    for unit in sorted({unit for units in shown.values() for unit in units}, key=out_of_plane_share, reverse=True):
        has = np.array([unit in shown[key] for key in zip(named[0]["subject"], named[0]["video"], strict=True)])
        if has.sum() < FEWEST_CLIPS or named[0].loc[has, "subject"].nunique() < 2:
            continue
        tallies = (
            recognition.tally(each["emotion"], each["named"], each["subject"], classes=parameters.names)
            for each in (table[has] for table in named)
        )
        found = uncertainty.paired(*tallies, n_resamples=parameters.sizes.resamples).table.loc["accuracy"]
        rows[f"AU{unit}"] = {"out_of_plane": out_of_plane_share(unit), "clips": int(has.sum()), **found.to_dict()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("action unit")


def _units(clip) -> set[str]:
    return {label.rstrip("LR") for label in clip.events[0].true.action_units}


def _with_truth(row: RowRecords, dataset, parameters: ClipParameters) -> pd.DataFrame:
    emotions = {(clip.subject, clip.name): parameters.class_of(clip) for clip in dataset.videos}
    named = row.predictions[0]
    keys = zip(named["subject"], named["video"], strict=True)
    return named.assign(emotion=[emotions[key] for key in keys])


def helps(found: Mapping[str, float]) -> bool:
    """Whether a gain reaches the smallest effect of interest and its interval lies above zero."""
    return bool(found["value"] >= SMALLEST_EFFECT and found["low"] > 0)


def largest_noise(gains: pd.DataFrame) -> float | None:
    """The largest noise at which depth helps, and does so at every smaller noise; None if at none."""
    answer = None
    for noise, found in gains.sort_index().iterrows():
        if not helps(found):
            break
        answer = float(noise)
    return answer


def smallest_dose(gains: pd.DataFrame) -> float | None:
    """The smallest share from which on depth helps at every larger share too; None if not even at the largest."""
    answer = None
    for share, found in gains.sort_index(ascending=False).iterrows():
        if not helps(found):
            break
        answer = float(share)
    return answer
