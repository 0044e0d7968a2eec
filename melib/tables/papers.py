"""The numbers that the papers print: apart from ours on synthetic faces, beside ours on the dataset they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import spotting, uncertainty
from melib.study.compare import RESAMPLES, value
from melib.study.experiments import Experiment
from melib.study.parameters import usual_classes
from melib.study.released import MEASURED_AS, PRINTED_AS, READINGS, REBUILT, read_printed
from melib.study.rows import RowRecords
from melib.tables.study import number, span

#: Why a row on synthetic faces has no printed number to be held against.
NOT_COMPARABLE = "not comparable: other faces, other tasks"


#: The parts of a network, of which a row of an ablation lacks some, and how this study computes planes.
_WHOLE = {
    **{"transfer": True, "attention": True, "augmentation": True, "spot_weight": 0.9, "p": 0.55},
    **{"region": "strips", "normalization": "fixed", "stabilization": "median", "method": "tvl1", "gap_s": 0.1},
}
_COUNTS = ("TP", "FP", "FN")
#: The columns of :func:`printed` that say what a row is about.
_HEADS = ["Paper", "Dataset (filmed)", "Classes", "Network", "Input"]


def printed(
    task: str, *, methods: Sequence[str] = ("MEAN", "SFAMNet"), metrics: Sequence[str] | None = None
) -> pd.DataFrame:
    """The printed numbers of a task on filmed faces, a row per method, features and dataset, a column per metric.

    Parameters
    ----------
    task : {"spotting", "analysis", "recognition"}
    methods : sequence of str
        Rows to keep, as the papers call them.
    metrics : sequence of str, optional
        Columns to keep; by default all.

    Returns
    -------
    pandas.DataFrame
        Shares with the papers' digits, and the column ``Beside synthetic rows``, which says that they cannot be held
        against these.

    Raises
    ------
    LookupError
        If no number is printed for that.
    """
    table = read_printed(task)
    chosen = table[table["method"].isin(methods)]
    if metrics is not None:
        chosen = chosen[chosen["metric"].isin(metrics)]
    if chosen.empty:
        raise InputError(f"the papers print nothing on {task} for {', '.join(methods)}")
    names = {"dataset": "Dataset (filmed)", "classes": "Classes", "method": "Network", "features": "Input"}
    wide = (
        chosen.rename(columns={"paper": "Paper", **names})
        .assign(order=range(len(chosen)))
        .pivot_table(
            index=["Paper", *names.values()], columns="metric", values=["value", "order"], aggfunc="first", sort=False
        )["value"]
        .reindex(columns=list(dict.fromkeys(chosen["metric"])))
        .fillna("")
        .reset_index()
    )
    return wide.assign(**{"Beside synthetic rows": NOT_COMPARABLE}).rename_axis(columns=None)


def printed_tasks(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """The tasks of the papers' tables that an experiment measures, each with the printed metrics among its measures."""
    tasks: dict[str, tuple[str, ...]] = {}
    for (task, metric), measure in MEASURED_AS.items():
        if measure in experiment.measures:
            tasks[task] = (*tasks.get(task, ()), metric)
    return tasks


def beside_printed(kept: Mapping[str, RowRecords], task: str) -> pd.DataFrame:
    """Every number that the papers print on a task and the dataset at hand, and ours for the same row.

    A row of ours stands for a printed one if network, input, dataset and number of classes are the same, the network
    is whole, and intervals are made by the rule of its own paper (which recognition of given expressions does not
    need). Where a printed input can be read in two ways, or ours exists under both protocols, each has a line.

    Parameters
    ----------
    kept : mapping of str to RowRecords
        Rows on one filmed dataset.
    task : {"spotting", "analysis", "recognition"}

    Returns
    -------
    pandas.DataFrame
        In the printed order: ``paper, method, features, classes, metric, printed`` (text, as printed); ``reading``,
        ``protocol`` and ``row`` of ours; ``value, low, high``, ours with its 95 % interval over subjects (and seeds);
        ``difference, difference_low, difference_high``, ours less the printed number, which is taken as exact;
        ``verdict``: ``agrees`` where the interval holds the printed number, ``ours lower``, ``ours higher``,
        ``undefined`` where ours has no spread, or ``not made`` with the reason. Numbers are NaN where undefined.

    Raises
    ------
    ValueError
        If the rows are on synthetic faces, with which no printed number can be compared.
    """
    record = next(iter(kept.values())).records[0]
    if record["dataset"]["synthetic"]:
        raise InputError(f"printed numbers stand beside rows on filmed faces: these are {NOT_COMPARABLE}")
    dataset, lines = record["parameters"]["dataset"], []
    for each in read_printed(task, dataset).itertuples():
        said = {name: getattr(each, name) for name in ("paper", "method", "features", "classes", "metric")}
        said["printed"] = each.value
        rows, reason = _ours(kept, task, each.method, each.features, int(each.classes or usual_classes(dataset)))
        lines += [said | {"reading": "", "protocol": "", "row": "", "verdict": f"not made: {reason}"}] * (not rows)
        for row in rows:
            parameters = row.records[0]["parameters"]
            reading = parameters["input"] if len(READINGS[each.features]) > 1 else ""
            ours = {"reading": reading, "protocol": parameters["rule"], "row": row.row.label}
            found = _value(row, *MEASURED_AS[task, each.metric])
            lines.append(said | ours | _held_against(found, float(each.value)))
    numbers = ["value", "low", "high", "difference", "difference_low", "difference_high"]
    text = ["paper", "method", "features", "classes", "metric", "printed", "reading", "protocol", "row"]
    return pd.DataFrame(lines, columns=[*text, *numbers, "verdict"]).astype(dict.fromkeys(numbers, float))


def _held_against(found: Mapping[str, float | None], printed_value: float) -> dict[str, object]:
    """A value with its interval, less a number that is taken as exact, and the verdict."""
    value_, low, high = (np.nan if found[key] is None else found[key] for key in ("value", "low", "high"))
    if not low < high:
        verdict = "undefined: no spread over subjects"
    elif low <= printed_value <= high:
        verdict = "agrees"
    else:
        verdict = "ours lower" if high < printed_value else "ours higher"
    differences = dict(
        zip(
            ("difference", "difference_low", "difference_high"),
            (value_ - printed_value, low - printed_value, high - printed_value),
            strict=True,
        )
    )
    return {"value": value_, "low": low, "high": high, **differences, "verdict": verdict}


def _ours(
    kept: Mapping[str, RowRecords], task: str, method: str, features: str, classes: int
) -> tuple[list[RowRecords], str]:
    """Rows that stand for a printed one, one a reading and protocol; without any, the reason."""
    if method not in REBUILT:
        return [], "a method that is not rebuilt here"
    model = REBUILT[method]
    wanted = {
        f"no row of {method}": lambda given: given.get("model") == model,
        f"no row of {method} with input {features}": lambda given: given.get("input") in READINGS[features],
        f"no row of {method}, input {features}, with {classes} classes": lambda given: given["classes"] == classes,
        "no row of the whole network with the usual planes": lambda given: all(
            given[name] == usual for name, usual in _WHOLE.items()
        ),
        f"no row under the rule of {method}'s paper": lambda given: (
            task == "recognition" or given["intervals_by"] in ("own", model)
        ),
    }
    rows = list(kept.values())
    for reason, fits in wanted.items():
        rows = [row for row in rows if fits(row.records[0]["parameters"])]
        if not rows:
            return [], reason
    first: dict[tuple[str, str], RowRecords] = {}
    for row in rows:
        parameters = row.records[0]["parameters"]
        first.setdefault((parameters["input"], parameters["rule"]), row)
    return [first[key] for key in sorted(first, key=lambda key: (READINGS[features].index(key[0]), key[1]))], ""


def _value(row: RowRecords, part: str, metric: str) -> dict[str, float | None]:
    """A metric of a row with its interval; average precision is counted from the intervals that the record keeps."""
    if part != "intervals":
        return value(row, part, metric)
    counted = [
        spotting.tally(truth[truth["kind"] == "micro"], found, videos=videos)
        for truth, found, videos in zip(row.tables("truth"), row.predictions, row.tables("videos"), strict=True)
    ]
    resamples = row.records[0]["sizes"].get("resamples", RESAMPLES)
    found = uncertainty.bootstrap(counted, method="bca", n_resamples=resamples).table.loc[metric]
    return {key: float(found[key]) if np.isfinite(found[key]) else None for key in ("value", "low", "high")}


def beside_papers(experiment: Experiment, kept: Mapping[str, RowRecords]) -> list[str | pd.DataFrame]:
    """What stands beside the papers: sentences (Markdown) and tables, in the order of reading.

    Parameters
    ----------
    experiment : Experiment
    kept : mapping of str to RowRecords

    Returns
    -------
    list of str or pandas.DataFrame
        On synthetic faces the printed numbers of the experiment's tasks, apart (:func:`printed`, each row headed by
        what it is about). On a filmed dataset a table a task, with rows, columns and order as printed; below each
        printed line ours, ours less printed, and the verdict (:func:`beside_printed`). A sentence where nothing is
        printed.
    """
    tasks = printed_tasks(experiment)
    record = next(iter(kept.values())).records[0]
    if record["dataset"]["synthetic"]:
        words = (
            "Numbers that the papers print, on filmed faces of licensed datasets. They are **not comparable** with "
            "rows on synthetic faces: other faces, other cameras, other labels and other densities of expressions "
            "decide a score as much as the method does."
        )
        return [words, *(printed(task, metrics=metrics).set_index(_HEADS) for task, metrics in tasks.items())]
    dataset, parts = record["parameters"]["dataset"], []
    name = PRINTED_AS.get(dataset, dataset)
    for task in tasks:
        table = beside_printed(kept, task)
        if table.empty:
            parts.append(f"The papers print no numbers of {_TASKS[task]} for {name}: nothing can stand beside ours.")
            continue
        paper = " and ".join(table["paper"].unique())
        parts += [f"**{_TASKS[task].capitalize()} on {name}, beside the table of the paper on {paper}.**", _wide(table)]
    if any(isinstance(part, pd.DataFrame) for part in parts):
        parts.insert(0, _reading_guide(record))
    return parts


_TASKS = {
    "spotting": "spotting",
    "analysis": "analysis of what was spotted",
    "recognition": "recognition of given expressions",
}


def _reading_guide(record: Mapping) -> str:
    """How ours were made and how they are held against printed numbers."""
    subjects = record["counts"]["subjects"]
    tier = record["tier"]
    trained = (
        "under protocol *authors* networks learn for as long as published"
        if tier == "full"
        else f"tier *{tier}* trains for less long than published, so that a difference may be one of training"
    )
    return (
        f"Rows, columns and order are those of the papers. Ours: one subject left out at a time ({subjects} subjects), "
        "with 95 % intervals over subjects; protocol *authors* takes the released constants of the spotting rule, "
        f"*strict* chooses them on training subjects; {trained}. MEAN takes videos with a micro-expression alone under "
        "*authors*, as its release does; planes have a fixed scale, where its release scales every sample. Found and "
        "labelled intervals are matched one to one, answers are pooled over subjects; the papers' own evaluators "
        "differ in details. A printed number comes without an interval and is taken as exact. *Agrees* means that the "
        "interval of ours holds the printed number, which a wide interval does easily."
    )


def _wide(table: pd.DataFrame) -> pd.DataFrame:
    """The layout of the papers: a block a printed row, a column a printed column."""
    digits = table["metric"].isin(_COUNTS).map({True: 0, False: 3})
    made = ~table["verdict"].str.startswith("not made")
    cells = table.assign(
        column=[
            f"{metric}, {classes} classes" if classes else metric
            for classes, metric in zip(table["classes"], table["metric"], strict=True)
        ],
        ours=[
            "ours" + "".join(f", {word}" for word in words if word) for words in _pairs(table, "reading", "protocol")
        ],
    )
    columns = list(dict.fromkeys(cells["column"]))
    blocks: dict[tuple[str, str, str], dict[str, str]] = {}
    for (method, features), block in cells.groupby(["method", "features"], sort=False):
        line = blocks.setdefault((method, features, "printed"), {})
        line.update(zip(block["column"], block["printed"], strict=True))
        for found in block[made[block.index]].itertuples():
            places = digits[found.Index]
            limits = {"low": found.difference_low, "high": found.difference_high}
            less = f"{number(found.difference, places, sign=True)} ({span(limits, places)})"
            said = {
                found.ours: f"{number(found.value, places)} ({span(found._asdict(), places)})",
                f"{found.ours}, less printed": less,
                f"{found.ours}, verdict": found.verdict,
            }
            for words, cell in said.items():
                blocks.setdefault((method, features, words), {})[found.column] = cell
        for found in block[~made[block.index]].itertuples():
            blocks.setdefault((method, features, "not made"), {})[found.column] = found.verdict.removeprefix(
                "not made: "
            )
    index = pd.MultiIndex.from_tuples(blocks, names=["Method", "Input", ""])
    return pd.DataFrame(list(blocks.values()), index=index, columns=columns).fillna("")


def _pairs(table: pd.DataFrame, *columns: str) -> list[tuple[str, ...]]:
    return list(table[list(columns)].itertuples(index=False, name=None))
