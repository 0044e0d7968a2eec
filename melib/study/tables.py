"""Tables that pages show, made from records alone: rows, controls, and the numbers that papers print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from melib.metrics.uncertainty import FEWEST_SUBJECTS
from melib.study.compare import NAMES, beside_chance, chance, has, shuffled, value
from melib.study.experiments import Experiment
from melib.study.records import Kept


@dataclass(frozen=True)
class Folded:
    """A table behind a line that opens it, without a script; elsewhere the table as it is."""

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
        if first := next((each for each in experiment.measures if has(row, each)), None):
            cells[f"{NAMES[first]} against chance"] = beside_chance(row, first)
    return pd.DataFrame.from_dict(table, orient="index").fillna("")


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
            cells["Leaks"] = "yes: above guessing" if mean > null["high"] else "no"
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
