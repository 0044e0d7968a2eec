"""The numbers that the papers print, and ours beside them where both are of the same filmed dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import spotting, uncertainty
from melib.metrics.verdict import judge
from melib.study.compare import value
from melib.study.experiments import Experiment
from melib.study.printed import MEASURED_AS, PRINTED_AS, READINGS, REBUILT, read_printed
from melib.study.records import Kept
from melib.study.settings import Settings, differing, usual_classes
from melib.study.tables import with_interval

#: The columns of :func:`printed` that say what a row is about.
_HEADS = dict(paper="Paper", dataset="Dataset (filmed)", classes="Classes", method="Network", features="Input")


def printed(task: str, metrics: Sequence[str]) -> pd.DataFrame:
    """The printed numbers of the two networks on filmed faces: a row per input and dataset, a column per metric.

    They cannot be held against rows on synthetic faces: other faces, cameras, labels and densities of expressions
    decide a score as much as the method does.
    """
    table = read_printed(task)
    chosen = table[table["method"].isin(REBUILT) & table["metric"].isin(metrics)]
    wide = chosen.rename(columns=_HEADS).set_index([*_HEADS.values(), "metric"])["value"]
    blocks: dict[tuple, dict[str, str]] = {}
    for index, text in wide.items():
        blocks.setdefault(index[:-1], {}).setdefault(index[-1], text)
    index = pd.MultiIndex.from_tuples(blocks, names=list(_HEADS.values()))
    return pd.DataFrame(list(blocks.values()), index=index).fillna("")


def tables_beside(experiment: Experiment, kept: Mapping[str, Kept]) -> dict[str, pd.DataFrame]:
    """The papers' tables of the tasks that an experiment measures, by title.

    On synthetic faces the printed numbers stand apart. On a filmed dataset rows, columns and order are those of the
    papers; below each printed line ours, ours less printed, and a verdict.
    """
    tasks: dict[str, list[str]] = {}
    for (task, name), metric in MEASURED_AS.items():
        if metric in experiment.measures:
            tasks.setdefault(task, []).append(name)
    some = next(iter(kept.values()))
    if some.first["dataset"]["synthetic"]:
        words = "printed, on filmed faces; not comparable with rows on synthetic ones"
        return {f"{task}: {words}": printed(task, names) for task, names in tasks.items()}
    tables = {task: beside_printed(kept, task) for task in tasks}
    name = PRINTED_AS.get(some.row.settings.dataset, some.row.settings.dataset)
    return {f"{task} on {name}": _as_printed(table) for task, table in tables.items() if not table.empty}


def beside_printed(kept: Mapping[str, Kept], task: str) -> pd.DataFrame:
    """Every number that the papers print on a task and the dataset at hand, and ours for the same row.

    A row of ours stands for a printed one if network, input, dataset and number of classes are the same, the network is
    whole, and intervals are made by the rule of its own paper (which recognition of given expressions does not need).
    Where a printed input can be read in two ways, or ours exists under both protocols, each has a line.

    Returns
    -------
    pandas.DataFrame
        In the printed order: ``paper, method, features, classes, metric, printed`` (text); ``row`` of ours; ``value,
        low, high``; ``difference, difference_low, difference_high``, ours less the printed number, which is taken as
        exact; ``verdict`` on that difference, or why no row was made.
    """
    settings = next(iter(kept.values())).row.settings
    if not getattr(settings, "filmed", False):
        raise InputError("printed numbers stand beside rows on filmed faces: rows on synthetic ones are not comparable")
    lines = []
    for each in read_printed(task, settings.dataset).itertuples():
        said = {name: getattr(each, name) for name in ("paper", "method", "features", "classes", "metric")}
        said["printed"] = each.value
        rows = _ours(kept, task, each.method, each.features, int(each.classes or usual_classes(settings.dataset)))
        if not rows:
            why = "no such row" if each.method in REBUILT else "a method that is not rebuilt here"
            lines.append(said | {"row": "", "verdict": f"not made: {why}"})
        for row in rows:
            found = _metric(row, MEASURED_AS[task, each.metric])
            less = {
                f"difference{end}": None if found[key] is None else found[key] - float(each.value)
                for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))
            }
            verdict = judge(*less.values(), 0.0)
            lines.append(said | {"row": row.row.label} | found | less | {"verdict": verdict})
    numbers = ["value", "low", "high", "difference", "difference_low", "difference_high"]
    text = ["paper", "method", "features", "classes", "metric", "printed", "row"]
    return pd.DataFrame(lines, columns=[*text, *numbers, "verdict"]).astype(dict.fromkeys(numbers, float))


def _ours(kept: Mapping[str, Kept], task: str, method: str, features: str, classes: int) -> list[Kept]:
    """Rows that stand for a printed one, one a reading and protocol."""
    model, first = REBUILT.get(method), {}
    for row in kept.values():
        given = row.row.settings
        same = {name: getattr(given, name) for name in ("dataset", "data_root", "tier", "model", "rule")}
        usual = Settings(**same)
        free = {"input", "classes", "rule", "shuffled", "device", *["intervals_by"] * (task == "recognition")}
        if given.model == model and given.input in READINGS[features] and given.classes == classes:
            if set(differing(given, usual)) <= free:
                first.setdefault((READINGS[features].index(given.input), given.rule), row)
    return [first[key] for key in sorted(first)]


def _metric(row: Kept, metric: str) -> dict[str, float | None]:
    """A metric of a row with its interval; average precision is counted from the intervals that the record keeps."""
    if metric != "ap_50_95_micro":
        return {key: value(row, metric)[key] for key in ("value", "low", "high")}
    counted = [
        spotting.tally(truth[truth["kind"] == "micro"], found, videos=videos)
        for truth, found, videos in zip(*(row.tables(name) for name in ("truth", "predictions", "videos")), strict=True)
    ]
    n_resamples = row.first["amounts"]["resamples"]
    found = uncertainty.bootstrap(counted, method="bca", n_resamples=n_resamples).table.loc[metric]
    return {key: float(found[key]) if np.isfinite(found[key]) else None for key in ("value", "low", "high")}


def _as_printed(table: pd.DataFrame) -> pd.DataFrame:
    """The layout of the papers: a block a printed row, a column a printed column."""
    blocks: dict[tuple[str, str, str], dict[str, str]] = {}
    for each in table.itertuples():
        column = f"{each.metric}, {each.classes} classes" if each.classes else each.metric
        digits = 0 if each.metric in ("TP", "FP", "FN") else 3
        cells = {"printed": each.printed}
        if each.row:
            less = {"value": each.difference, "low": each.difference_low, "high": each.difference_high}
            cells[f"ours: {each.row}"] = with_interval(each._asdict(), digits)
            cells[f"ours less printed: {each.row}"] = f"{with_interval(less, digits, sign=True)}: {each.verdict}"
        else:
            cells["ours"] = each.verdict
        for words, cell in cells.items():
            blocks.setdefault((each.method, each.features, words), {})[column] = cell
    index = pd.MultiIndex.from_tuples(blocks, names=["Method", "Input", ""])
    return pd.DataFrame(list(blocks.values()), index=index).fillna("")
