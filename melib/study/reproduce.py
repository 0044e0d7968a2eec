"""Does a machine get the numbers that are kept with the study? Rows computed anew against their kept records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from melib.study.experiments import Row
from melib.study.records import path, read_values
from melib.study.settings import NETWORKS

#: Parts of a record that hold metrics: numbers, however deeply nested.
PARTS = ("spotting_and_naming", "frames", "frames_raw", "recognition", "floor", "chance", "shuffled", "counts")
#: What a record may differ by where it is not made on the same machine with the same versions.
TOLERANCE = 0.02
#: Taken for the standard deviation over seeds of a network that was trained once: another rounding is another training.
ONE_TRAINING = 0.05
#: Parts of provenance that must agree for numbers to be the same to the last bit.
_SAME = ("packages", "python", "platform", "device", "processor")
_COUNTS = ("tp", "fp", "fn")


@dataclass(frozen=True)
class Answer:
    """How one row came out: whether it agrees, whether equality was asked for (same machine), and in words how far."""

    name: str
    agrees: bool
    exact: bool
    words: str


def reproduce(rows: Iterable[Row], *, kept: Path, made: Path) -> Iterator[Answer]:
    """Hold the records of some rows against the kept ones, a record at a time."""
    for row in rows:
        before = [read_values(path(row, seed, kept)) for seed in row.seeds]
        flat = [numbers(values) for values in before]
        shared = set.intersection(*(set(each) for each in flat))
        alone = ONE_TRAINING if row.settings.model in NETWORKS else 0.0
        spread = {name: np.std([each[name] for each in flat], ddof=1) if flat[1:] else alone for name in shared}
        for seed, values in zip(row.seeds, before, strict=True):
            yield compare(f"{row.home}/{row.name}.{seed}", values, read_values(path(row, seed, made)), spread)


def numbers(values: Mapping) -> dict[str, float]:
    """Every metric of a record by its path, such as ``recognition/uf1_pooled/value``; undefined ones are NaN."""
    return dict(_numbers({part: values[part] for part in PARTS if part in values}, ""))


def _numbers(value: object, where: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping | list):
        for key in sorted(value) if isinstance(value, Mapping) else range(len(value)):
            yield from _numbers(value[key], f"{where}/{key}" if where else str(key))
    elif value is None or isinstance(value, int | float):
        yield where, math.nan if value is None else float(value)


def compare(name: str, kept: Mapping, made: Mapping, spread: Mapping[str, float]) -> Answer:
    """Hold a record against the kept one.

    On the same machine and versions every number must be the same. Elsewhere values of metrics must lie within
    ``max(0.02, two standard deviations over seeds)``, a count within that share of itself or two; where a count of
    intervals differs, that is said, and the rates that rest on it are not compared. Limits of intervals never are.
    """
    before, after = numbers(kept), numbers(made)
    if before.keys() != after.keys():
        return Answer(name, False, True, f"other metrics: {', '.join(sorted(before.keys() ^ after.keys())[:3])}")
    if _machine(kept) == _machine(made):
        off = [each for each in before if not np.array_equal(before[each], after[each], equal_nan=True)]
        words = f"{off[0]}: {before[off[0]]:g} kept, {after[off[0]]:g} now" if off else "the same to the last bit"
        return Answer(name, not off, True, words + (f" ({len(off)} numbers differ)" if len(off) > 1 else ""))
    steps = {part: _largest_step(part, before, after) for part in ("spotting_and_naming", "floor/spotting_and_naming")}
    worst, farthest = "no metric", -1.0
    for each in before:
        part = each.rpartition("/")[0].rpartition("/")[0]
        rests_on_counts = 0 < steps.get(part, 0) <= 2 and each.rpartition("/")[0].rpartition("/")[2] not in _COUNTS
        if (each.endswith(("/value", "/mean")) or "shuffled/" in each) and not rests_on_counts:
            ratio = _ratio(before[each], after[each], spread.get(each, 0.0))
            if ratio > farthest:
                worst, farthest = f"{each}: {before[each]:g} kept, {after[each]:g} now", ratio
    step = max(steps.values())
    note = f"; a count of intervals differs by {step:g}, as on another processor it can" if 0 < step <= 2 else ""
    return Answer(name, farthest <= 1, False, worst + note)


def _largest_step(part: str, before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """By how much a count of intervals differs at most."""
    names = (f"{part}/{count}/value" for count in _COUNTS)
    return max((abs(before[name] - after[name]) for name in names if name in before), default=0.0)


def _machine(values: Mapping) -> dict[str, object]:
    """What must be the same for the same bits; the code of melib is no part of it, it is what is tried."""
    made = values["provenance"]
    return {part: made.get(part) for part in _SAME} | {"packages": {**made.get("packages", {}), "melib": None}}


def _ratio(before: float, after: float, deviation: float) -> float:
    """How far two values are apart, in units of what is allowed."""
    if math.isnan(before) or math.isnan(after):
        return 0.0 if math.isnan(before) and math.isnan(after) else math.inf
    allowed = max(TOLERANCE, 2 * deviation)
    if max(abs(before), abs(after)) > 1:
        allowed = max(2.0, allowed * abs(before), abs(before) ** 0.5 if deviation else 0.0)
    return abs(before - after) / allowed
