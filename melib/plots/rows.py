"""Rows beside each other: a dot and an interval each."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import matplotlib.axes
import matplotlib.figure
import numpy as np
from matplotlib.ticker import MaxNLocator

from melib.errors import InputError
from melib.plots.style import COLOURS, cut_beyond_one, figure
from melib.study.compare import differences, value
from melib.study.experiments import Experiment
from melib.study.rows import RowRecords
from melib.tables.rows import widest_null
from melib.tables.study import metric_name

#: Metrics that are no shares: they and their differences have no upper end.
_UNBOUNDED = frozenset(("tp", "fp", "fn", "false_positives_per_minute"))
#: Characters in a line of a label beside an axis, and below one, at the width of a page.
_TICK_LABEL, _X_LABEL = 50, 52


def rows_with_intervals(
    experiment: Experiment, kept: Mapping[str, RowRecords], part: str, metric: str, *, chance: float | None = None
) -> matplotlib.figure.Figure:
    """A metric of every row, with its 95 % interval.

    Parameters
    ----------
    experiment : Experiment
    kept : mapping of str to RowRecords
    part, metric : str
        See :func:`melib.study.compare.value`.
    chance : float, optional
        Where to draw the line of chance; without it, the null interval that records keep is drawn as a band, the
        widest of a row's seeds.
    """
    shown = [name for name in kept if all(part in record for record in kept[name].records)]
    fig, axes = figure(height=0.8 + 0.26 * len(shown))
    for height, name in enumerate(shown):
        found = value(kept[name], part, metric)
        if chance is None:
            band = widest_null(kept[name], part, metric)
            if band is not None:
                axes.barh(
                    height, band["high"] - band["low"], left=band["low"], height=0.8, color=COLOURS["chance"], alpha=0.4
                )
        if found["low"] is not None:
            _bar(axes, found["low"], found["high"], height, color=COLOURS["found"], linewidth=2)
        if found["value"] is not None:
            axes.plot(found["value"], height, "o", color=COLOURS["score"], markersize=5)
    if chance is not None:
        axes.axvline(chance, color=COLOURS["chance"], linestyle="--", linewidth=1)
    axes.set_yticks(range(len(shown)), [experiment.row(name).label for name in shown])
    # The same room around the outer rows, with and without bands.
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    axes.set(xlabel=f"{metric_name(metric)} (no unit)")
    axes.grid(axis="x", alpha=0.3)
    return fig


def differences_with_intervals(experiment: Experiment, kept: Mapping[str, RowRecords]) -> matplotlib.figure.Figure:
    """The experiment's comparisons with their 95 % intervals, beside zero and the smallest difference of interest."""
    table = differences(experiment, kept)
    metrics = [metric_name(each) for each in table["metric"].unique()]
    names = [_comparison(experiment, each, tell_metric=len(metrics) > 1) for each in table.itertuples()]
    # Each comparison takes the height of its words.
    lines = np.array([name.count("\n") + 1.7 for name in names])
    heights = np.cumsum(lines) - lines / 2
    fig, axes = figure(height=0.8 + 0.14 * lines.sum())
    for height, found in zip(heights, table.itertuples(), strict=True):
        _bar(axes, -found.least, found.least, height, color=COLOURS["chance"], linewidth=8, alpha=0.35)
        _bar(axes, found.low, found.high, height, color=COLOURS["found"], linewidth=2)
        axes.plot(found.value, height, "o", color=COLOURS["score"], markersize=5)
    axes.axvline(0, color=COLOURS["score"], linewidth=1)
    if not _UNBOUNDED & set(table["metric"]):
        cut_beyond_one(axes, heights, table["low"], table["high"])
    axes.set_yticks(heights, names, fontsize=8)
    axes.set_ylim(lines.sum() or 1, 0)
    # Signed numbers of three digits are wide: more of them run into each other.
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set(xlabel=f"{textwrap.fill('difference in ' + ' or '.join(metrics), _X_LABEL)}\nfirst less second (no unit)")
    axes.grid(axis="x", alpha=0.3)
    return fig


def _bar(axes: matplotlib.axes.Axes, low: float, high: float, height: float, **look: object) -> None:
    """A horizontal bar that ends where it says: a line's usual caps would make it longer by its own width."""
    axes.plot([low, high], [height, height], solid_capstyle="butt", **look)


def _comparison(experiment: Experiment, contrast, *, tell_metric: bool) -> str:
    """The two rows of a comparison in lines that leave room for the plot."""
    words = [experiment.row(contrast.first).label, f"less {experiment.row(contrast.second).label}"]
    words += [f"({metric_name(contrast.metric)})"] * tell_metric
    return "\n".join(textwrap.fill(each, _TICK_LABEL) for each in words)


def learning_curves(kept: Mapping[str, RowRecords]) -> matplotlib.figure.Figure:
    """The training loss of every row over its steps, a panel for each stage of training (first seed, first fold).

    A curve that still falls at its end belongs to a network that was stopped early.

    Raises
    ------
    LookupError
        If no row keeps a learning curve.
    """
    curves = [
        (name, stage, curve)
        for name, row in kept.items()
        if "learning" in row.records[0]["tables"]
        for (fold, stage), curve in row.tables("learning")[0].groupby(["fold", "stage"], sort=False)
        if fold == "fold_0"
    ]
    if not curves:
        raise InputError("no row keeps a learning curve")
    stages = list(dict.fromkeys(stage for _, stage, _ in curves))
    fig, axes = figure(1, len(stages), height=2.8, squeeze=False)
    names = list(dict.fromkeys(name for name, _, _ in curves))
    # Colours come round again; the marker tells rows of one colour apart.
    palette = [COLOURS[key] for key in ("first", "second", "third", "fourth", "truth", "missed", "score")]
    look = {name: (palette[i % len(palette)], "os^vDPX*<>phd"[i % 13]) for i, name in enumerate(names)}
    for ax, stage in zip(axes[0], stages, strict=True):
        for name, _, curve in (each for each in curves if each[1] == stage):
            for _, one in curve.groupby("input"):
                colour, marker = look[name]
                ax.plot(
                    one["step"] + 1, one["loss"], color=colour, marker=marker, linewidth=1, markersize=3, label=name
                )
        ax.set(title=stage, xlabel="step", yscale="log")
    axes[0][0].set_ylabel("training loss (no unit)")
    handles = {label: handle for ax in axes[0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=7)
    return fig
