"""Tables that pages show, made from records alone: rows, comparisons, controls, and the numbers that papers print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from melib.errors import InputError
from melib.metrics import spotting, uncertainty
from melib.metrics.uncertainty import FEWEST_SUBJECTS
from melib.metrics.verdict import judge
from melib.study.compare import NAMES, beside_chance, chance, differences, has, shuffled, value
from melib.study.experiments import Experiment
from melib.study.printed import MEASURED_AS, PRINTED_AS, READINGS, REBUILT, read_printed
from melib.study.records import Kept
from melib.study.settings import Settings, differing, usual_classes

#: The columns of :func:`printed` that say what a row is about.
_HEADS = dict(paper="Paper", dataset="Dataset (filmed)", classes="Classes", method="Network", features="Input")


@dataclass(frozen=True)
class Folded:
    """A table behind a line that opens it, by mouse or keyboard and without a script; elsewhere the table as it is."""

    table: pd.DataFrame
    words: str

    def _repr_html_(self) -> str:
        line = escape(f"Show {self.words} ({len(self.table)} in all)", quote=False)
        with pd.option_context("display.max_colwidth", None):
            table = self.table.to_html()
        return f'<details class="folded-table"><summary>{line}</summary>\n{table}\n</details>'

    def __repr__(self) -> str:
        return self.table.to_string()


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """A number as tables write it; what is undefined (None or NaN) is called so."""
    if value is None or pd.isna(value):
        return "undefined"
    return f"{value:{'+' if sign else ''}.{digits}f}"


def span(interval: Mapping[str, float | None], digits: int = 3) -> str:
    """The limits of an interval as tables write them."""
    return f"{number(interval['low'], digits)} to {number(interval['high'], digits)}"


def with_interval(found: Mapping[str, float | None], digits: int = 3, *, sign: bool = False) -> str:
    """A value with its interval, if it has one: ``0.020 (-0.010 to 0.050)``."""
    if found["low"] is None or pd.isna(found["low"]):
        return number(found["value"], digits, sign=sign)
    return f"{number(found['value'], digits, sign=sign)} ({span(found, digits)})"


def about(experiment: Experiment, kept: Mapping[str, Kept]) -> str:
    """The data file's question and criterion, on whom and how often they were asked, and what to know (Markdown)."""
    some = list(kept.values())
    data = some[0].first["dataset"]
    people = sorted({each.first["counts"]["subjects"] for each in some})
    seeds = sorted({len(each.records) for each in some})
    lines = {
        "Question": experiment.question,
        "Criterion, set before any number": experiment.criterion,
        "Data": f"{data['name']} {data['version']}, {'synthetic' if data['synthetic'] else 'filmed'} faces",
        "Tier": experiment.tier,
        "People tested": _ends(people),
        "Seeds a row": _ends(seeds),
    }
    if people[0] < FEWEST_SUBJECTS:
        lines["Intervals"] = f"none below {FEWEST_SUBJECTS} people: they would claim more than so few can tell"
    if not data["synthetic"]:
        lines["Use"] = "made from licensed data: **not for publication**"
    if any(each.stale for each in some):
        lines["Caution"] = "records are **stale**: other code, settings or data than today's made them"
    return "\n".join(f"- **{name}**: {words}" for name, words in lines.items())


def _ends(numbers: Sequence[int]) -> str:
    return " to ".join(dict.fromkeys(map(str, (numbers[0], numbers[-1]))))


def measured(experiment: Experiment, kept: Mapping[str, Kept]) -> pd.DataFrame:
    """Every row with the experiment's measures, each with its 95 % interval and its verdict beside chance."""
    faces = "synthetic" if next(iter(kept.values())).first["dataset"]["synthetic"] else "filmed"
    table: dict[str, dict[str, str]] = {}
    for row in kept.values():
        cells = table.setdefault(row.row.label, {})
        for metric in (each for each in experiment.measures if has(row, each)):
            cells[f"{NAMES[metric]}, {faces}"] = with_interval(value(row, metric))
        first = next((each for each in experiment.measures if has(row, each)), None)
        cells["Than chance"] = beside_chance(row, first) if first else ""
    return pd.DataFrame.from_dict(table, orient="index").fillna("")


def compared(experiment: Experiment, kept: Mapping[str, Kept], found: pd.DataFrame | None = None) -> pd.DataFrame:
    """The experiment's comparisons, one a line: what is asked, the difference, what could have been seen, one word."""
    found = differences(experiment, kept) if found is None else found
    rows = [
        {
            "Question": each.question,
            "First": experiment.row(each.first).label,
            "less second": experiment.row(each.second).label,
            "They differ in": ", ".join(
                differing(experiment.row(each.first).settings, experiment.row(each.second).settings)
            ),
            "Metric": NAMES[each.metric],
            "Difference (95 %)": with_interval(each._asdict(), sign=True),
            "Detectable": "more than 1" if each.detectable > 1 else number(each.detectable),
            "Verdict": each.verdict,
        }
        for each in found.itertuples()
    ]
    return pd.DataFrame(rows).set_index("Question").rename_axis(None) if rows else pd.DataFrame()


def controls(kept: Mapping[str, Kept]) -> pd.DataFrame:
    """What each row would score by luck, and after training on shuffled emotion labels (over all seeds)."""
    table = {}
    for row in kept.values():
        cells = {}
        for metric in ("f1_spotting", "strs", "uf1_pooled"):
            null = chance(row, metric)
            if has(row, metric) and null is not None:
                cells[f"{NAMES[metric]}, by chance (95 %)"] = span(null)
        if draws := shuffled(row):
            null, mean = chance(row, "uf1_pooled"), sum(draws) / len(draws)
            cells["UF1 after shuffled labels (mean of draws)"] = f"{number(mean)} ({len(draws)})"
            cells["Above guessing"] = "yes: something leaks" if mean > null["high"] else "no"
        table[row.row.label] = cells
    return pd.DataFrame.from_dict(table, orient="index").fillna("")


def remake(experiment: Experiment, kept: Mapping[str, Kept]) -> pd.DataFrame:
    """Where the numbers come from, and the command that makes them again."""
    records = [record.values for row in kept.values() for record in row.records]
    made = records[0]["provenance"]
    rows = {
        "Data file": f"notebooks/{experiment.name}.yml",
        "Command": f"python -m melib rows {experiment.name} --tier {experiment.tier}",
        "Records": f"{len(records)}, results/{experiment.tier}/{experiment.name}",
        "Made": f"{made['time'][:10]}, commit {made['commit'][:12]}, {made.get('device', 'cpu')}, {made['processor']}",
        "Time": f"{sum(record['seconds'] for record in records) / 60:.1f} min, one after the other",
        "Current": "no: made by other code" if any(row.stale for row in kept.values()) else "yes",
    }
    return pd.DataFrame({"": list(rows.values())}, index=list(rows))


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


def beside_papers(experiment: Experiment, kept: Mapping[str, Kept]) -> dict[str, pd.DataFrame]:
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
        usual = Settings(dataset=given.dataset, data_root=given.data_root, tier=given.tier, model=given.model)
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
