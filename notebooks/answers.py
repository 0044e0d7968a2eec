"""What an experiment asked and what came out: published and in this run, in one figure and one table."""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import matplotlib.figure
import numpy as np
import pandas as pd

from melib.errors import find
from melib.files import source_hash, whole
from melib.metrics.verdict import UNDECIDED, judge
from melib.plots.style import COLOURS, cut_beyond_one, figure
from melib.study import compare, experiments, places, records
from melib.study.experiments import SYNTHETIC, Comparison, Experiment, Row, load
from melib.study.records import Kept
from melib.study.settings import differing
from melib.study.tables import Folded, number, with_interval

#: Characters in a line of a question, at the width of the figure.
_LINE = 58
#: Whose numbers: colour and marker, from top to bottom.
_LOOKS = {"published": (COLOURS["first"], "o"), "this run": (COLOURS["second"], "s")}
#: What readers call settings; those that only make controls beside a row are no difference of it.
_CALLED = {
    "intervals_by": "rule",
    "rule": "who chose the rule's constants",
    "learnt": "people to learn from",
    "stabilization": "stabilisation",
    "context": "time around a pair",
    "labels": "exact knowledge to learn from",
    "effort": "number of updates",
    "flow": "how flow is read",
    "depth": "how depth is read",
    "learnt_depth": "depth to learn from",
}
_BESIDE = ("shuffled", "controls")


@dataclass(frozen=True)
class Asked:
    """An experiment with the records of this run and those that are published, which only the benchmark has."""

    declared: Experiment
    kept: Mapping[str, Kept]
    published: Experiment | None
    kept_published: Mapping[str, Kept]

    def found(self, which: str = "") -> pd.DataFrame:
        """The comparisons whose question holds some words, one a line: ``value, low, high`` of this run, as
        ``published_value`` and so on those published, and both verdicts.
        """
        sides = {"this run": (self.declared, self.kept)}
        if self.published is not None:
            sides = {"published": (self.published, self.kept_published), **sides}
        lines: dict[Comparison, dict[str, object]] = {}
        for side, (experiment, kept) in sides.items():
            for each in (each for each in experiment.comparisons if which in each.question):
                found = difference(kept[each.first], kept[each.second], each.metric)
                found["verdict"] = judge(found["value"], found["low"], found["high"], each.least)
                start = "published_" if side == "published" else ""
                lines.setdefault(each, {}).update({f"{start}{name}": value for name, value in found.items()})
        table = pd.DataFrame([{**vars(each), **found} for each, found in lines.items()])
        numbers = [f"{start}{name}" for start in ("published_", "") for name in ("value", "low", "high", "detectable")]
        words = ["question", "first", "second", "metric", "least", "published_verdict", "verdict"]
        return table.reindex(columns=[*words, *numbers]).astype(dict.fromkeys(numbers, float))

    @property
    def sides(self) -> dict[str, str]:
        """Whose numbers are shown -> how their columns begin; at tier ``full`` the published ones are this run's."""
        sides = {"published": "published_"} if self.published is not None else {}
        return sides if sides and self.declared.tier == "full" else {**sides, "this run": ""}

    def people(self, side: str) -> int:
        """How many people were tested at most."""
        kept = self.kept_published if side == "published" else self.kept
        return max(row.first["counts"]["subjects"] for row in kept.values())


def along(asked: Asked, found: pd.DataFrame, dose: str, panel: str) -> dict[str, dict[str, pd.DataFrame]]:
    """Comparisons as :func:`doses.gains_along` takes them: a panel for each value of one column, published and this
    run in it, over the doses of another column.
    """
    panels: dict[str, dict[str, pd.DataFrame]] = {}
    for title, some in found.groupby(panel, sort=False):
        for side, start in asked.sides.items():
            columns = {f"{start}{name}": name for name in ("value", "low", "high")}
            values = some.set_index(dose)[list(columns)].rename(columns=columns).dropna(subset="value")
            panels.setdefault(title, {})[side] = values
    return panels


def values_along(
    asked: Asked, metric: str, dose: Callable[[Row], float], panel: Callable[[Row], str]
) -> dict[str, dict[str, pd.DataFrame]]:
    """A metric of the rows, likewise: ``dose`` and ``panel`` say where a row stands."""
    values: dict[str, dict[str, dict[float, dict]]] = {}
    for side in asked.sides:
        for each in (asked.kept_published if side == "published" else asked.kept).values():
            if compare.has(each, metric):
                of_side = values.setdefault(panel(each.row), {}).setdefault(side, {})
                of_side[dose(each.row)] = compare.value(each, metric)
    return {
        title: {side: pd.DataFrame.from_dict(some, orient="index").astype(float) for side, some in of_side.items()}
        for title, of_side in values.items()
    }


def ask(
    name: str, tier: str, *, dataset: str = SYNTHETIC, data_root: str = "", rows: str = "", records_in: str = ""
) -> Asked:
    """An experiment with its records; what is missing of this run is computed first, into ``records_in``."""
    declared = load(name, tier, dataset=dataset, data_root=data_root, rows=rows)
    kept = records.obtain(declared, folder=records_in)
    if dataset != SYNTHETIC:
        return Asked(declared, kept, None, {})
    published, known = _published(name)
    return Asked(declared, kept, published, known)


def _published(name: str) -> tuple[Experiment | None, Mapping[str, Kept]]:
    """An experiment with the rows and comparisons that are published, None without any comparison; and the rows."""
    declared = load(name, "full")
    there = [row for row in declared.rows if _is_published(row)]
    known = records.read(there, places.published())
    # A row that was published at another size was tested on other people.
    comparisons = tuple(
        each
        for each in declared.comparisons
        if {each.first, each.second} <= set(known) and compare.same_people(known[each.first], known[each.second])
    )
    return (replace(declared, rows=tuple(there), comparisons=comparisons) if comparisons else None), known


def _is_published(row: Row) -> bool:
    return any(records.path(row, seed, places.published()).is_file() for seed in row.seeds)


def every_difference() -> dict[str, dict[str, float | None]]:
    """All published comparisons, as ``results/differences.json`` keeps them."""
    found = {}
    for experiment, known in map(_published, experiments.names()):
        for each in experiment.comparisons if experiment is not None else ():
            asked = known[each.first], known[each.second], each.metric
            found[_said(*asked)] = difference(*asked)
    return found


@cache
def _kept_differences(published: Path) -> dict[str, dict[str, float | None]]:
    path = published / "differences.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _said(first: Kept, second: Kept, metric: str) -> str:
    of_both = [[record.values for record in side.records] for side in (first, second)]
    decides = json.dumps([of_both, metric, source_hash("melib.study.compare")], sort_keys=True)
    return hashlib.sha256(decides.encode()).hexdigest()[:24]


def difference(first: Kept, second: Kept, metric: str) -> dict[str, float | None]:
    """A difference, which takes a second to compute: as it was kept with the records, or in the cache."""
    said = _said(first, second, metric)
    kept = _kept_differences(places.published())
    if said in kept:
        return dict(kept[said])
    path = places.checkout() / ".cache" / "differences" / f"{said}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(json.dumps(compare.difference(first, second, metric)), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def headlines(chosen: Mapping[str, Sequence[Sequence[str]]]) -> tuple[pd.DataFrame, list[Asked]]:
    """Published comparisons, a line each, and the experiment of each: from experiments to first, second, metric."""
    found, asked = [], []
    for name, pairs in chosen.items():
        declared = load(name, "full")
        known = {(each.first, each.second, each.metric): each for each in declared.comparisons}
        for first, second, metric in pairs:
            question = find((first, second, metric), known, f"comparison of {name}")
            kept = records.read([declared.row(first), declared.row(second)], places.published())
            values = difference(kept[first], kept[second], metric)
            values["verdict"] = judge(values["value"], values["low"], values["high"], question.least)
            published = {f"published_{key}": value for key, value in values.items()}
            labels = [row.row.label for row in kept.values()]
            found.append({**vars(question), "labels": labels, **values, **published})
            asked.append(Asked(declared, kept, declared, kept))
    return pd.DataFrame(found), asked


def published_values(
    name: str, row: str, metrics: Sequence[str], *, of: Callable[[str], bool] | None = None
) -> pd.DataFrame | None:
    """Metrics of a published row, ``value, low, high``: of all who were tested, or those whom ``of`` names.

    None if the row is not published.
    """
    declared = load(name, "full").row(row)
    if not _is_published(declared):
        return None
    kept = records.read([declared], places.published())[row]
    return pd.DataFrame({metric: compare.value(kept, metric, of=of) for metric in metrics}).T.astype(float)


def means(kept: Mapping[str, Kept], shown: Mapping[str, str]) -> pd.DataFrame:
    """Metrics of rows as means over their trainings, a line each, without intervals; ``shown`` has their words."""
    lines = {}
    for row in kept.values():
        of = {metric: [one.values[compare.part_of(metric)][metric]["value"] for one in row.records] for metric in shown}
        lines[row.row.label] = {words: np.mean(of[metric]) for metric, words in shown.items()}
    return pd.DataFrame(lines).T.rename_axis("Published run").round(2)


def draw(
    asked: Asked | Sequence[Asked],
    found: pd.DataFrame,
    *,
    words: str = "",
    ends: Sequence[str] = ("worse", "better"),
) -> matplotlib.figure.Figure:
    """Questions from top to bottom; below each the difference with its 95 % interval, published and in this run.

    A filled mark is decided, a hollow one is not. Grey is what was declared too small to matter. ``words`` names what
    the axis shows, ``ends`` what lies left and right of zero.
    """
    all_asked = [asked] if isinstance(asked, Asked) else list(asked)
    names = [textwrap.wrap(each, _LINE) for each in found["question"]]
    sides = {side: start for each in all_asked for side, start in each.sides.items()}
    heights, top = [], 0.0
    for lines in names:
        heights.append(top)
        top += 0.85 * len(lines) + 0.75 * len(sides) + 0.55
    fig, axes = figure(width=5.2, height=1.15 + 0.19 * top)
    if found.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no such rows have been run at this size", ha="center")
        return fig
    least = found["least"].max()
    axes.axvspan(-least, least, color=COLOURS["chance"], alpha=0.25, linewidth=0)
    axes.axvline(0, color=COLOURS["score"], linewidth=1)
    for side, start in sides.items():
        colour, marker = _LOOKS[side]
        where = [
            at + 0.85 * len(lines) + 0.35 + 0.75 * list(sides).index(side)
            for at, lines in zip(heights, names, strict=True)
        ]
        values, low, high = (found[f"{start}{name}"] for name in ("value", "low", "high"))
        axes.hlines(where, low, high, color=colour, linewidth=2.5)
        decided = (found[f"{start}verdict"] != UNDECIDED).to_numpy()
        for some, inside in ((decided, colour), (~decided, "white")):
            look = {"markerfacecolor": inside, "markeredgecolor": colour, "markersize": 6.5}
            axes.plot(values[some], np.array(where)[some], marker, zorder=3, **look)
        people = sorted(each.people(side) for each in all_asked if side in each.sides)
        tier = "full" if side == "published" else all_asked[0].declared.tier
        tested = " to ".join(dict.fromkeys(map(str, (people[0], people[-1]))))
        label = f"{side} ({tier}, {tested} people)"
        axes.plot([], [], marker, color=colour, label=label)
        if found["metric"].str.contains("f1|uar|strs|auc|precision|recall").all():
            cut_beyond_one(axes, where, low, high)
    look = {"transform": axes.get_yaxis_transform(), "va": "top", "fontsize": 9, "linespacing": 1.1}
    look["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.5}  # above the lines at zero
    for at, lines in zip(heights, names, strict=True):
        axes.text(0, at, "\n".join(lines), **look)
    axes.set_ylim(top, -0.2)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    metrics = " or ".join(compare.NAMES[each] for each in found["metric"].unique())
    axes.set(xlabel=f"← {ends[0]}      {words or f'difference in {metrics}'}      {ends[1]} →")
    fig.legend(loc="outside upper left", ncols=len(sides), fontsize=9, frameon=False, handletextpad=0.2)
    return fig


def table(asked: Asked, found: pd.DataFrame, words: str = "every comparison with its numbers") -> Folded:
    """One line a comparison: what is asked, the difference published and in this run, and one word for each.

    ``Detectable difference``, the smallest that so many people would have shown, is that of the published run, or of
    this one where none is published.
    """
    told, sides = [], [asked.declared, *([] if asked.published is None else [asked.published])]
    for each in found.itertuples():
        # Both of one tier, or their sizes would differ, too.
        known = [{row.name: row for row in side.rows} for side in sides]
        rows = next([rows[each.first], rows[each.second]] for rows in known if {each.first, each.second} <= set(rows))
        apart = [name for name in differing(*(row.settings for row in rows)) if name not in _BESIDE]
        line = {"Question": each.question, "Measure": compare.NAMES[each.metric]}
        words_of = [word if isinstance(word, str) else "" for word in (each.published_verdict, each.verdict)]
        if asked.published is not None:
            shown = {name: getattr(each, f"published_{name}") for name in ("value", "low", "high")}
            line["Published"] = "" if pd.isna(each.published_value) else with_interval(shown, sign=True)
            line["Verdict, published"] = words_of[0]
        line["This run"] = "" if pd.isna(each.value) else with_interval(each._asdict(), sign=True)
        line["Verdict, this run" if asked.published is not None else "Verdict"] = words_of[1]
        seen = each.published_detectable if words_of[0] else each.detectable
        line["Detectable difference"] = "" if pd.isna(seen) else "more than 1" if seen > 1 else number(seen)
        line |= {"A": rows[0].label, "minus B": rows[1].label}
        line["A and B differ in"] = ", ".join(_CALLED.get(name, name) for name in apart)
        told.append(line)
    lines = pd.DataFrame(told)
    return Folded(lines if lines.empty else lines.set_index("Question").rename_axis(None), words)
