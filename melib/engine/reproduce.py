"""Does a machine get the numbers that are kept with the study? Rows computed anew against their kept records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from melib.engine.jobs import Job
from melib.study.record import read_record
from melib.study.rows import record_path

#: Parts of a record that hold metrics: numbers, however deeply nested.
PARTS = ("spotting_and_naming", "frames", "frames_smoothed", "recognition", "floor", "chance", "shuffled", "counts")
#: What a record may differ by where it is not made on the same machine with the same versions.
TOLERANCE = 0.02
#: Parts of provenance that must agree for numbers to be the same to the last bit.
_SAME = ("packages", "python", "platform", "device", "processor")


@dataclass(frozen=True)
class Answer:
    """How one row came out.

    Attributes
    ----------
    name : str
        Of the job.
    agrees : bool
    exact : bool
        Whether equality was asked for (same machine and versions), not nearness.
    words : str
        The largest disagreement, or how far the numbers are apart at most.
    """

    name: str
    agrees: bool
    exact: bool
    words: str


def numbers(record: Mapping) -> dict[str, float]:
    """Every metric of a record by its path, such as ``recognition/uf1_pooled/value``; undefined ones are NaN."""
    return dict(_numbers({part: record[part] for part in PARTS if part in record}, ""))


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _numbers(value[key], f"{path}/{key}" if path else str(key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _numbers(each, f"{path}/{index}")
    elif value is None:
        yield path, math.nan
    elif isinstance(value, int | float):
        yield path, float(value)


def same_machine(first: Mapping, second: Mapping) -> bool:
    """Whether two records name the same versions and the same kind of machine.

    The version of melib is left out: what it computes has a hash of its own, by which a record is current or not.
    """
    named = [
        {part: record["provenance"].get(part) for part in _SAME}
        | {"packages": {k: v for k, v in (record["provenance"].get("packages") or {}).items() if k != "melib"}}
        for record in (first, second)
    ]
    return named[0] == named[1]


def compare(name: str, kept: Mapping, made: Mapping, spread: Mapping[str, float]) -> Answer:
    """Hold a record against the kept one.

    Parameters
    ----------
    name : str
    kept, made : mapping
        Records.
    spread : mapping of str to float
        Standard deviation of a metric over the seeds of the row, where there are several.

    Returns
    -------
    Answer
        On the same machine and versions, every number must be the same. Elsewhere, the values of metrics must lie
        within ``max(0.02, two standard deviations over seeds)``; a metric above 1, such as a count, within that share
        of itself or two, whichever is more. The limits of intervals are not held against each other.
    """
    before, after = numbers(kept), numbers(made)
    if before.keys() != after.keys():
        return Answer(name, False, True, f"other metrics: {', '.join(sorted(before.keys() ^ after.keys())[:3])}")
    exact = same_machine(kept, made)
    if exact:
        off = [path for path in before if not _equal(before[path], after[path])]
        words = f"{off[0]}: {before[off[0]]:g} kept, {after[off[0]]:g} now" if off else "the same to the last bit"
        return Answer(name, not off, True, words + (f" ({len(off)} numbers differ)" if len(off) > 1 else ""))
    worst, farthest = "", -1.0
    for path in before:
        if path.endswith(("/value", "/mean")) or "shuffled/" in path:
            ratio = _ratio(before[path], after[path], spread.get(path, 0.0))
            if ratio > farthest:
                worst, farthest = path, ratio
    words = f"{worst}: {before[worst]:g} kept, {after[worst]:g} now" if worst else "no metric"
    return Answer(name, farthest <= 1, False, words)


def _equal(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def _ratio(before: float, after: float, deviation: float) -> float:
    """How far two values are apart, in units of what is allowed."""
    if math.isnan(before) or math.isnan(after):
        return 0.0 if math.isnan(before) and math.isnan(after) else math.inf
    allowed = max(TOLERANCE, 2 * deviation)
    if max(abs(before), abs(after)) > 1:
        allowed = max(2.0, allowed * abs(before))
    return abs(before - after) / allowed


def reproduce(jobs: Iterable[Job], tier: str, *, kept: Path, made: Path) -> Iterator[Answer]:
    """Hold the records of some jobs against the kept ones, a job at a time.

    Parameters
    ----------
    jobs : iterable of Job
    tier : str
    kept, made : Path
        Folders of records.

    Raises
    ------
    FileNotFoundError
        If a record is missing in either.
    """
    jobs = list(jobs)
    seeds: dict[str, list[Job]] = {}
    for job in jobs:
        seeds.setdefault(f"{job.row.chain.name}/{job.row.name}", []).append(job)
    for group in seeds.values():
        before = [read_record(record_path(kept, job.row, tier, job.seed)) for job in group]
        spread = _spread([numbers(record) for record in before])
        for job, record in zip(group, before, strict=True):
            yield compare(job.name, record, read_record(record_path(made, job.row, tier, job.seed)), spread)


def _spread(values: list[dict[str, float]]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    shared = set.intersection(*(set(each) for each in values))
    return {path: float(np.std([each[path] for each in values], ddof=1)) for path in shared}
