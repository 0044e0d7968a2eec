"""Rows beside each other: values, differences and verdicts that follow from intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd
from scipy.stats import binom

from melib.metrics.uncertainty import FEW_SUBJECTS, FEW_TRUE_POSITIVES
from melib.study.compare import PARTS, differences, value
from melib.study.experiments import Experiment
from melib.study.rows import RowRecords
from melib.tables.study import against_chance, against_half, metric_name, number, span, with_interval

#: What is held against a chance level that records keep: part of a record, and metric.
_NULLS = (
    ("spotting_and_naming", "f1_spotting"),
    ("spotting_and_naming", "strs"),
    ("recognition", "uf1_pooled"),
)

#: Share of lucky guesses above the upper limit of an interval of 95 %.
_PASSING = 0.025
#: Of more rows than this, a sentence names the fewer and counts the others.
_FEW = 6
#: Way to resample -> what it is called.
_METHODS = {"studentised": "studentised bootstrap", "bca": "bias-corrected and accelerated bootstrap, BCa"}
#: Minutes above which a time is given in hours.
_LONG = 90
#: What parts the words of a label; the comma between u and v does not.
_COMMA = re.compile(r", (?!v\b)")
#: How verdicts begin, in the order in which sentences give them.
_VERDICTS = ("higher", "equal", "lower", "not told apart", "undefined")


def opening(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """Question, design and success criterion, in Markdown; no result is in it."""
    record = next(iter(kept.values())).records[0]
    amounts = ", ".join(f"{name.replace('_', ' ')} {amount}" for name, amount in record["sizes"].items())
    return (
        f"**Question.** {experiment.question}\n\n"
        f"**Design.** {_data(record)}. Tier *{record['tier']}*: {amounts}. "
        f"{_seeds(kept)} ({_methods(experiment)}); differences are resampled in pairs over the same subjects.\n\n"
        f"**Success criterion, set before any number.** {experiment.criterion}"
    )


def _seeds(kept: Mapping[str, RowRecords]) -> str:
    """How often rows were trained, and what intervals are over."""
    trained = [len(row.records) for row in kept.values()]
    most, often = max(trained), sum(number > 1 for number in trained)
    if most == 1:
        return "Each row has one seed. Intervals hold 95 % over subjects, every training held fixed"
    if often == len(trained):
        return f"Each row has {most} seeds. Intervals hold 95 % over subjects and seeds"
    return (
        f"Of {len(trained)} rows {often} {'has' if often == 1 else 'have'} {most} seeds, the others one. "
        "Intervals hold 95 % over subjects, and over seeds where there are several"
    )


def _methods(experiment: Experiment) -> str:
    """How the intervals of the experiment's measures are made."""
    by_method: dict[str, list[str]] = {}
    for part, metric in experiment.measures:
        by_method.setdefault(PARTS[part], []).append(metric_name(metric))
    if len(by_method) == 1:
        return _METHODS[next(iter(by_method))]
    return "; ".join(f"{' and '.join(metrics)}: {_METHODS[method]}" for method, metrics in by_method.items())


def power(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """How large a true difference must be for this table to show it (Markdown, a line a metric)."""
    lines = []
    for metric, found in differences(experiment, kept).groupby("metric", sort=False):
        seen = found["detectable"].dropna()
        if seen.empty:
            words = "no interval could be made"
        else:
            words = " to ".join(dict.fromkeys([detectable(seen.min()), detectable(seen.max())]))
        lines.append(f"- {metric_name(metric)}: {words}")
    few = [f"\n{words}" for words in _few(experiment, kept)]
    if not lines:
        return "\n".join(["No two rows are compared here.", *few])
    return (
        f"**Detectable difference.** With {_subjects(kept)} tested subjects, two rows must truly differ by this much "
        "for the interval of their difference to leave out zero four times in five (80 % power); less may be there and "
        "stay unseen.\n\n" + "\n".join([*lines, *few])
    )


def detectable(value: float) -> str:
    """A detectable difference of shares, which no true difference can exceed once it is above 1."""
    return "more than 1" if value > 1 else number(value)


def _subjects(kept: Mapping[str, RowRecords]) -> str:
    counts = sorted({record["counts"]["subjects"] for row in kept.values() for record in row.records})
    return _range(counts)


def _few(experiment: Experiment, kept: Mapping[str, RowRecords]) -> list[str]:
    """A warning where a row has few subjects or, if what was spotted is measured, few true positives."""
    records = [record for row in kept.values() for record in row.records]
    few, spotted = [], "spotting_and_naming"
    if min(record["counts"]["subjects"] for record in records) < FEW_SUBJECTS:
        few.append(f"{_subjects(kept)} subjects (fewer than {FEW_SUBJECTS})")
    if spotted in {part for part, _ in experiment.measures} | {each.part for each in experiment.contrasts}:
        hits = [round(record[spotted]["tp"]["value"]) for record in records if spotted in record]
        if hits and min(hits) < FEW_TRUE_POSITIVES:
            few.append(f"{_range(hits)} true positives a row (fewer than {FEW_TRUE_POSITIVES})")
    if not few:
        return []
    return [f"Few data: {' and '.join(few)}. With so few, an interval can be narrower than it claims."]


def _range(numbers: Sequence[int]) -> str:
    return " to ".join(dict.fromkeys([str(min(numbers)), str(max(numbers))]))


def widest_null(row: RowRecords, part: str, metric: str) -> dict[str, float] | None:
    """What 95 % of lucky answers reach in a metric, the widest such range of a row's seeds.

    Parameters
    ----------
    row : RowRecords
    part, metric : str
        See :func:`melib.study.compare.value`.

    Returns
    -------
    dict or None
        ``low, high``; None where no record keeps a chance level.
    """
    null = "guessed" if part == "recognition" else "shifted"
    kept = [record.get("chance", {}).get(null, {}).get(metric) for record in row.records]
    kept = [each for each in kept if each is not None and each["low"] is not None and each["high"] is not None]
    if not kept:
        return None
    return {"low": min(each["low"] for each in kept), "high": max(each["high"] for each in kept)}


def measured(experiment: Experiment, kept: Mapping[str, RowRecords]) -> pd.DataFrame:
    """Every row with the experiment's measures: value and interval; the head says on what faces."""
    faces = _faces(next(iter(kept.values())).records[0])
    table = {}
    for name, row in kept.items():
        cells = {}
        for part, metric in experiment.measures:
            cells[f"{metric_name(metric)}, {faces}"] = _value(row, part, metric)
        table[experiment.row(name).label] = cells
    return pd.DataFrame.from_dict(table, orient="index")


def controls_of_rows(kept: Mapping[str, RowRecords]) -> pd.DataFrame:
    """What each row would score by luck, and after training on shuffled emotion labels (over all seeds)."""
    table = {}
    for row in kept.values():
        cells = {}
        for part, metric in _NULLS:
            null = widest_null(row, part, metric)
            if part in row.records[0] and null is not None:
                cells[f"{metric_name(metric)}, by chance (95 %)"] = span(null)
        draws = _shuffled_draws(row)
        if draws:
            mean = sum(draws) / len(draws)
            cells["UF1 after shuffled labels (mean of draws)"] = f"{number(mean)} ({len(draws)})"
        table[row.row.label] = cells
    return pd.DataFrame.from_dict(table, orient="index").fillna("")


def compared(experiment: Experiment, kept: Mapping[str, RowRecords]) -> pd.DataFrame:
    """The experiment's comparisons: difference with interval, what could have been seen, verdict."""
    rows = [
        {
            "Comparison": f"{experiment.row(found.first).label} less {experiment.row(found.second).label}",
            "Metric": metric_name(found.metric),
            "Difference (95 %)": with_interval(found._asdict()),
            "Detectable": detectable(found.detectable),
            "Verdict": judge(found._asdict()),
        }
        for found in differences(experiment, kept).itertuples()
    ]
    columns = ["Comparison", "Metric", "Difference (95 %)", "Detectable", "Verdict"]
    return pd.DataFrame(rows, columns=columns).set_index("Comparison").rename_axis(None)


def by_question(experiment: Experiment, found: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of an experiment in few rows: a column a question, a row for all that is asked of one thing.

    Parameters
    ----------
    experiment : Experiment
    found : pandas.DataFrame
        From :func:`melib.study.compare.differences`.

    Returns
    -------
    pandas.DataFrame
        Each difference with its 95 % interval and verdict, by what the two rows share (:func:`short_names`); empty
        where a question was not asked.
    """
    cells: dict[str, dict[str, str]] = {}
    several = found["metric"].nunique() > 1
    for (question, metric), some in found.groupby(["question", "metric"], sort=False):
        column = f"{question} ({metric_name(metric)})" if several else question
        for name, each in zip(short_names(experiment, some), some.to_dict(orient="records"), strict=True):
            cells.setdefault(name, {})[column] = f"{with_interval(each)}: {judge(each)}"
    return pd.DataFrame.from_dict(cells, orient="index").fillna("")


def judge(found: Mapping[str, object]) -> str:
    """What an interval of a difference says, given the smallest difference of interest.

    Parameters
    ----------
    found : mapping
        ``value, low, high`` (NaN where undefined) and ``least``, the smallest difference of interest.

    Returns
    -------
    str
        ``"higher"`` or ``"lower"`` where the interval leaves out zero and the difference is at least ``least``; with
        ``", by less than ..."`` where the whole interval, and with ``", perhaps by less than ..."`` where the value
        alone stays below that; ``"equal within ..."`` where the interval holds zero and stays below that on both
        sides; else ``"not told apart"``; ``"undefined"`` where no interval could be made.
    """
    low, high, least = found["low"], found["high"], found["least"]
    # No spread at all: every resample gave the same, mostly because both rows score 0.
    if pd.isna(low) or pd.isna(high) or low == high:
        return "undefined"
    if low > 0:
        return "higher" + _by_less(found["value"], high, least)
    if high < 0:
        return "lower" + _by_less(-found["value"], -low, least)
    return f"equal within {least:g}" if max(-low, high) < least else "not told apart"


def _by_less(size: float, largest: float, least: float) -> str:
    if size >= least:
        return ""
    return f", by less than {least:g}" if largest < least else f", perhaps by less than {least:g}"


def findings(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """Who beats chance, whether the controls held, and how each question came out, from intervals (Markdown).

    The comparisons of a question are grouped by their verdict; each stands in a row of :func:`compared`.
    """
    found = differences(experiment, kept)
    lines = [*_against_chance(experiment, kept), *_shuffled(experiment, kept), *grouped(experiment, found)]
    if len(found) > 1:
        lines.append(
            f"- **Luck.** Of {len(found)} intervals of 95 %, {0.05 * len(found):.1f} leave out zero by luck where "
            "nothing differs."
        )
    if next(iter(kept.values())).records[0]["dataset"]["synthetic"]:
        lines.append("- All of this is measured on synthetic faces and says nothing about filmed ones.")
    return "\n".join(lines)


def grouped(experiment: Experiment, found: pd.DataFrame) -> list[str]:
    """How each question came out: its comparisons by verdict, a line a question and metric (Markdown).

    Parameters
    ----------
    experiment : Experiment
    found : pandas.DataFrame
        From :func:`melib.study.compare.differences`.
    """
    lines = []
    for (question, metric), some in found.groupby(["question", "metric"], sort=False):
        groups: dict[str, list[tuple[str, Mapping]]] = {}
        for name, each in zip(short_names(experiment, some), some.to_dict(orient="records"), strict=True):
            groups.setdefault(judge(each), []).append((name, each))
        said = ". ".join(_group_words(verdict, groups[verdict]) for verdict in sorted(groups, key=_place))
        lines.append(f"- **{question}** {metric_name(metric)}: {said}.")
    return lines


def _place(verdict: str) -> tuple[int, str]:
    return next(place for place, start in enumerate(_VERDICTS) if verdict.startswith(start)), verdict


def _group_words(verdict: str, group: Sequence[tuple[str, Mapping]]) -> str:
    """A verdict and the comparisons that have it, with what they found or could have found."""
    if verdict not in ("not told apart", "undefined"):
        return f"*{verdict}* in " + "; ".join(f"{name}, {with_interval(each)}" for name, each in group)
    if verdict == "undefined":
        return f"*{verdict}* in " + "; ".join(f"{name}, {_why_undefined(each)}" for name, each in group)
    words = f"*{verdict}* in " + "; ".join(name for name, _ in group)
    seen = [each["detectable"] for _, each in group]
    if min(seen) > 1:
        return f"{words} (any difference would mostly have stayed unseen)"
    limits = detectable(min(seen)) + (f" to {detectable(max(seen))}" if len(seen) > 1 else "")
    return f"{words} (differences below {limits} would mostly have stayed unseen)"


def _why_undefined(found: Mapping[str, float]) -> str:
    return "as every resample gave the same" if found["low"] == found["high"] else "as there is no interval"


def short_names(experiment: Experiment, some: pd.DataFrame) -> list[str]:
    """What tells the comparisons of one question apart, as short as it can be said.

    That is what the labels of the two rows share, less what all rows of the experiment or all these comparisons share.
    Where this is nothing, or the same for two comparisons, and for a comparison that stands alone, it is both labels.

    Parameters
    ----------
    experiment : Experiment
    some : pandas.DataFrame
        With the columns ``first`` and ``second``, names of rows.
    """
    everywhere = set.intersection(*(set(_COMMA.split(row.label)) for row in experiment.rows))
    pairs = [
        (experiment.row(first).label, experiment.row(second).label)
        for first, second in zip(some["first"], some["second"], strict=True)
    ]
    shared = [[word for word in _COMMA.split(first) if word in _COMMA.split(second)] for first, second in pairs]
    everywhere |= set.intersection(*map(set, shared)) if shared else set()
    short = [", ".join(word for word in words if word not in everywhere) for words in shared]
    if all(short) and len(set(short)) == len(short):
        return short
    return [f"{first} against {second}" for first, second in pairs]


def _against_chance(experiment: Experiment, kept: Mapping[str, RowRecords]) -> list[str]:
    """For each measure with a known chance level, the rows that are above it by the criteria, and the others."""
    lines = []
    for part, metric in experiment.measures:
        said: dict[str, list[str]] = {"above": [], "by value": [], "others": []}
        for name, row in kept.items():
            known = part == "frames" or (part, metric) in _NULLS
            if known and all(part in record for record in row.records):
                said[_beside_chance(row, part, metric)].append(experiment.row(name).label)
        if any(said.values()):
            words = _above_and_others(said["above"], said["others"], said["by value"])
            lines.append(f"- **{metric_name(metric)}**: {words}.")
    return lines


def _beside_chance(row: RowRecords, part: str, metric: str) -> str:
    """Whether the interval of a row lies above chance, its value alone, or neither."""
    found = value(row, part, metric)
    if part == "frames":
        return "above" if against_half(found).startswith("above") else "others"
    null = widest_null(row, part, metric) or {"low": None, "high": None}
    words = against_chance(found, null)
    return {"above chance": "above", "above chance by its value alone": "by value"}.get(words, "others")


def _above_and_others(above: Sequence[str], others: Sequence[str], by_value: Sequence[str] = ()) -> str:
    """Who is above chance and who is not; of many rows the fewer are named and the others counted."""
    count = len(above) + len(others) + len(by_value)
    named = [("; ".join(each), each) for each in (above, by_value, others)]
    if count > _FEW:
        most = max((others, by_value, above), key=len)
        counted = f"all {count} rows" if len(most) == count else f"{len(most)} of {count} rows"
        counted = f"the other {len(most)} of {count} rows" if most is others else counted
        named = [(counted if each is most else words, each) for words, each in named]
    said = f"above chance {named[0][0] or 'nobody'}"
    if by_value:
        said += f". By their value alone, while their intervals reach into chance: {named[1][0]}"
    return said + (f". Not told from chance, or below: {named[2][0]}" if others else "")


def _shuffled(experiment: Experiment, kept: Mapping[str, RowRecords]) -> list[str]:
    """Whether recognition after training on shuffled labels stayed within what guessing reaches.

    Among many rows one passes the limit by luck, so a leak is named where more do than luck explains.
    """
    rows = shuffled_rows(kept)
    if not rows:
        return []
    above = [
        f"{experiment.row(name).label} ({number(reached)}, guessing up to {number(limit)})"
        for name, (reached, limit) in rows.items()
        if reached > limit
    ]
    if not above:
        words = "at chance, as it must be"
    elif binom.sf(len(above) - 1, len(rows), _PASSING) < 2 * _PASSING:
        words = f"**above chance, something leaks**: {'; '.join(above)}"
    else:
        words = (
            f"above the limit, within which every row should stay: {'; '.join(above)}. Luck alone would take "
            f"{number(_PASSING * len(rows), 1)} of {len(rows)} there, so a leak is not shown, and not ruled out"
        )
    count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    return [f"- **Control.** Recognition after training on shuffled labels ({count}): {words}."]


def shuffled_rows(kept: Mapping[str, RowRecords]) -> dict[str, tuple[float, float]]:
    """Row -> UF1 after training on shuffled labels (mean over draws and seeds), and the most that guessing reaches."""
    limits = {name: widest_null(row, "recognition", "uf1_pooled") for name, row in kept.items()}
    draws = {name: _shuffled_draws(row) for name, row in kept.items()}
    return {
        name: (sum(each) / len(each), limits[name]["high"]) for name, each in draws.items() if each and limits[name]
    }


def _shuffled_draws(row: RowRecords) -> list[float]:
    return [draw["uf1_pooled"] for record in row.records for draw in record.get("shuffled") or ()]


def origin(kept: Mapping[str, RowRecords]) -> str:
    """Where the numbers come from: records, commits, time spent; says so if some are stale (Markdown)."""
    records = [record for row in kept.values() for record in row.records]
    commits = sorted({str(record["provenance"]["commit"])[:9] for record in records})
    minutes = sum(record.get("seconds", 0) for record in records) / 60
    spent = f"{minutes:.1f} minutes" if minutes <= _LONG else f"{minutes / 60:.1f} hours"
    stale = [row.row.name for row in kept.values() if row.stale]
    words = (
        f"{len(records)} record{'s' if len(records) != 1 else ''}, {spent} of one core, made at "
        f"{'commit' if len(commits) == 1 else 'commits'} {', '.join(f'`{commit}`' for commit in commits)}."
    )
    return words + (f" **Stale** (other code or sizes than today's): {', '.join(stale)}." if stale else "")


def remake(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """The command that makes the records of an experiment (Markdown)."""
    record = next(iter(kept.values())).records[0]
    words = f"python -m melib record {experiment.name} --tier {record['tier']}"
    if not record["dataset"]["synthetic"]:
        words += f" --dataset {record['parameters']['dataset']} --data-root DIR"
    return f"To make the records behind these tables again: `{words}`"


def _value(row: RowRecords, part: str, metric: str) -> str:
    if not any(part in record for record in row.records):
        return ""
    found = value(row, part, metric)
    return f"{number(found['value'])} ({span(found)})"


def _faces(record: Mapping) -> str:
    return "synthetic faces" if record["dataset"]["synthetic"] else record["dataset"]["name"]


def _data(record: Mapping) -> str:
    dataset = record["dataset"]
    words = f"{dataset['name']} {dataset.get('version', '')}".strip()
    return f"Dataset {words}, **synthetic faces**" if dataset["synthetic"] else f"Dataset {words}"
