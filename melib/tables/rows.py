"""Rows beside each other: values, differences and verdicts that follow from intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd
from scipy.stats import binom

from melib.study.compare import differences, value
from melib.study.experiments import Experiment
from melib.study.rows import RowRecords
from melib.tables.study import metric_name, number, shuffled_at_chance, span

#: Metric -> null that it is held against, by the part of the record that it belongs to.
_NULLS = {
    ("spotting_and_naming", "f1_spotting"): "shifted",
    ("spotting_and_naming", "strs"): "shifted",
    ("recognition", "uf1_pooled"): "guessed",
}

#: ROC-AUC of a score that knows nothing.
COIN = 0.5
#: Share of lucky guesses above the upper limit of an interval of 95 %.
_PASSING = 0.025
#: Of more rows than this, a sentence names the fewer and counts the others.
_FEW = 6
#: What parts the words of a label; the comma between u and v does not.
_COMMA = re.compile(r", (?!v\b)")
#: How verdicts begin, in the order in which sentences give them.
_VERDICTS = ("higher", "equal", "lower", "not told apart", "undefined")


def opening(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """Question, design and success criterion, in Markdown; no result is in it."""
    record = next(iter(kept.values())).records[0]
    sizes, seeds = record["sizes"], len(next(iter(kept.values())).records)
    amounts = ", ".join(f"{name.replace('_', ' ')} {amount}" for name, amount in sizes.items())
    return (
        f"**Question.** {experiment.question}\n\n"
        f"**Design.** {_data(record)}. Tier *{record['tier']}*: {amounts}. "
        f"{'Each row is trained with one seed' if seeds == 1 else f'Each row is trained with {seeds} seeds'}. "
        "Intervals hold 95 % over subjects (and seeds); differences are resampled in pairs over the same subjects.\n\n"
        f"**Success criterion, set before any number.** {experiment.criterion}"
    )


def power(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """How large a true difference must be for this table to show it (Markdown, a line a metric)."""
    lines = []
    for metric, found in differences(experiment, kept).groupby("metric", sort=False):
        seen = found["detectable"].dropna()
        if seen.empty:
            words = "no interval could be made"
        else:
            words = f"{number(seen.min())} to {number(seen.max())}" if len(seen) > 1 else number(seen.iloc[0])
        lines.append(f"- {metric_name(metric)}: {words}")
    record = next(iter(kept.values())).records[0]
    subjects, cautions = record["counts"]["subjects"], record.get("cautions", [])
    if not lines:
        return "\n".join(["No two rows are compared here.", *(f"\n{words}" for words in cautions)])
    return (
        f"**Detectable difference.** With {subjects} tested subjects, two rows must truly differ by this much for the "
        "interval of their difference to leave out zero four times in five (80 % power); less may be there and stay "
        "unseen.\n\n" + "\n".join([*lines, *(f"\n{words}" for words in cautions)])
    )


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
    """What each row would score by luck, and after training on shuffled emotion labels (the first seed)."""
    table = {}
    for row in kept.values():
        record, cells = row.records[0], {}
        for (part, metric), null in _NULLS.items():
            if part in record and null in record.get("chance", {}):
                cells[f"{metric_name(metric)}, by chance (95 %)"] = span(record["chance"][null][metric])
        draws = [draw["uf1_pooled"] for draw in record.get("shuffled", ())]
        if draws:
            mean = sum(draws) / len(draws)
            cells["UF1 after shuffled labels (mean of draws)"] = f"{number(mean)} ({len(draws)})"
        table[row.row.label] = cells
    return pd.DataFrame.from_dict(table, orient="index").fillna("")


def compared(experiment: Experiment, kept: Mapping[str, RowRecords]) -> pd.DataFrame:
    """The experiment's comparisons: difference with interval, what could have been seen, verdict."""
    rows = [
        {
            "Comparison": f"{_label(experiment, found.first)} less {_label(experiment, found.second)}",
            "Metric": metric_name(found.metric),
            "Difference (95 %)": f"{number(found.value)} ({span(found._asdict())})",
            "Detectable": number(found.detectable),
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
            cells.setdefault(name, {})[column] = f"{_gain(each)}: {judge(each)}"
    return pd.DataFrame.from_dict(cells, orient="index").fillna("")


def judge(found: Mapping[str, object]) -> str:
    """What an interval of a difference says, given the smallest difference of interest."""
    low, high, least = found["low"], found["high"], found["least"]
    # No spread at all: every resample gave the same, mostly because both rows score 0.
    if pd.isna(low) or pd.isna(high) or low == high:
        return "undefined"
    if low > 0:
        return "higher" if found["value"] >= least else f"higher, by less than {least:g}"
    if high < 0:
        return "lower" if found["value"] <= -least else f"lower, by less than {least:g}"
    return f"equal within {least:g}" if max(-low, high) < least else "not told apart"


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
        return f"*{verdict}* in " + "; ".join(f"{name}, {_gain(each)}" for name, each in group)
    words = f"*{verdict}* in " + "; ".join(name for name, _ in group)
    if verdict == "undefined":
        return words
    seen = [each["detectable"] for _, each in group]
    limits = number(seen[0]) if len(seen) == 1 else f"{number(min(seen))} to {number(max(seen))}"
    return f"{words} (differences below {limits} would mostly have stayed unseen)"


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
        (_label(experiment, first), _label(experiment, second))
        for first, second in zip(some["first"], some["second"], strict=True)
    ]
    shared = [[word for word in _COMMA.split(first) if word in _COMMA.split(second)] for first, second in pairs]
    everywhere |= set.intersection(*map(set, shared)) if shared else set()
    short = [", ".join(word for word in words if word not in everywhere) for words in shared]
    if all(short) and len(set(short)) == len(short):
        return short
    return [f"{first} against {second}" for first, second in pairs]


def _gain(found: Mapping[str, float]) -> str:
    return f"{number(found['value'], sign=True)} ({span(found)})"


def _against_chance(experiment: Experiment, kept: Mapping[str, RowRecords]) -> list[str]:
    """For each measure with a known chance level, the rows that are above it by the criteria, and the others."""
    lines = []
    for part, metric in experiment.measures:
        above, others = [], []
        for name, row in kept.items():
            if not all(part in record for record in row.records):
                continue
            if part == "frames":
                low = value(row, part, metric)["low"]
                beaten = low is not None and low > COIN
            elif (part, metric) in _NULLS:
                null = [record["chance"][_NULLS[part, metric]][metric]["high"] for record in row.records]
                # Recognition must keep its whole interval above guessing; the others, on few intervals, their value.
                reached = value(row, part, metric)["low" if part == "recognition" else "value"]
                beaten = reached is not None and reached > max(null)
            else:
                continue
            (above if beaten else others).append(_label(experiment, name))
        if above or others:
            lines.append(f"- **{metric_name(metric)}**: {_above_and_others(above, others)}.")
    return lines


def _above_and_others(above: Sequence[str], others: Sequence[str]) -> str:
    """Who is above chance and who is not; of many rows the fewer are named and the others counted."""
    count = len(above) + len(others)
    named = {True: "; ".join(above) or "nobody", False: "; ".join(others)}
    if count > _FEW and len(above) > len(others):
        named[True] = f"{len(above)} of {count} rows" if others else f"all {count} rows"
    elif count > _FEW:
        named[False] = f"the other {len(others)} of {count} rows"
    return f"above chance {named[True]}" + (f". Not told from chance, or below: {named[False]}" if others else "")


def _shuffled(experiment: Experiment, kept: Mapping[str, RowRecords]) -> list[str]:
    """Whether recognition after training on shuffled labels stayed within what guessing reaches.

    Among many rows one passes the limit by luck, so a leak is named where more do than luck explains.
    """
    rows = [row for row in kept.values() if row.records[0].get("shuffled")]
    if not rows:
        return []
    above = [_shuffled_words(experiment, row) for row in rows if not shuffled_at_chance(row.records[0])]
    if not above:
        words = "at chance, as it must be"
    elif binom.sf(len(above) - 1, len(rows), _PASSING) < 2 * _PASSING:
        words = f"**above chance, something leaks**: {'; '.join(above)}"
    else:
        expected = number(_PASSING * len(rows), 1)
        words = f"above the limit {'; '.join(above)}; by luck alone {expected} of {len(rows)} are: no leak is shown"
    return [f"- **Control.** Recognition after training on shuffled labels ({len(rows)} rows): {words}."]


def _shuffled_words(experiment: Experiment, row: RowRecords) -> str:
    """A row with what it reached on shuffled labels, and what guessing reaches."""
    record = row.records[0]
    reached = sum(draw["uf1_pooled"] for draw in record["shuffled"]) / len(record["shuffled"])
    limit = record["chance"]["guessed"]["uf1_pooled"]["high"]
    return f"{_label(experiment, row.row.name)} ({number(reached)}, guessing up to {number(limit)})"


def origin(kept: Mapping[str, RowRecords]) -> str:
    """Where the numbers come from: records, commits, time spent; says so if some are stale (Markdown)."""
    records = [record for row in kept.values() for record in row.records]
    commits = sorted({str(record["provenance"]["commit"])[:9] for record in records})
    minutes = sum(record.get("seconds", 0) for record in records) / 60
    stale = [row.row.name for row in kept.values() if row.stale]
    words = (
        f"{len(records)} records, {minutes:.1f} minutes of one core, made at "
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


def _label(experiment: Experiment, name: str) -> str:
    return experiment.row(name).label


def _faces(record: Mapping) -> str:
    return "synthetic faces" if record["dataset"]["synthetic"] else record["dataset"]["name"]


def _data(record: Mapping) -> str:
    dataset = record["dataset"]
    words = f"{dataset['name']} {dataset.get('version', '')}".strip()
    return f"Dataset {words}, **synthetic faces**" if dataset["synthetic"] else f"Dataset {words}"
