"""Tables and figures of one run of the chain, for the page *Spot, then recognize*."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.figure
import numpy as np
import pandas as pd
import seaborn

from melib.errors import InputError
from melib.metrics.verdict import judge
from melib.plots.style import COLOURS, figure
from melib.study.compare import NAMES
from melib.study.long_videos import Outcome
from melib.study.settings import Settings, plain
from melib.study.tables import number, span, with_interval

_COUNTS = ("tp", "fp", "fn")


def settings_of(settings: Settings, values: Mapping) -> pd.DataFrame:
    """What one run was made of: data, people, settings, the rule's constants, and cost."""
    counts, data = values["counts"], values["dataset"]
    rows = {
        "Data": f"{data['name']} {data['version']}, {'synthetic' if data['synthetic'] else 'filmed'} faces",
        **({} if data["synthetic"] else {"Use": "made from licensed data: not for publication"}),
        **{f"Labels, {name.replace('_', ' ')}": count for name, count in data.get("labels", {}).items()},
        "Tested people, videos, minutes": f"{counts['subjects']}, {counts['videos']}, {counts['minutes']:.1f}",
        "Micro- and macro-expressions in them": f"{counts['micro_expressions']}, {counts['macro_expressions']}",
        "Expressions given for recognition": counts["given_expressions"],
        **{name: given for name, given in plain(settings).items() if name != "dataset"},
        "constants of the rule, by fold": "; ".join(dict.fromkeys(map(str, values["rules"]))),
        "Time": f"{values['seconds']:.0f} s",
    }
    return pd.DataFrame({"": [str(each) for each in rows.values()]}, index=list(rows))


def controls_of(values: Mapping) -> pd.DataFrame:
    """Recognition of given expressions in one run, beside the checks that should find nothing."""
    rows = {}
    for metric in ("uf1_pooled", "uar_pooled"):
        floor = values["floor"]
        draws = {"network": values["shuffled"], "floor": floor["shuffled"] if floor else ()}
        rows[NAMES[metric]] = {
            "Trained on true labels": number(values["recognition"][metric]["value"]),
            **{
                f"{who} on shuffled labels (mean of {len(some)})": number(
                    sum(each[metric] for each in some) / len(some)
                )
                for who, some in draws.items()
                if some
            },
            "Guessing by frequency (95 %)": span(values["chance"]["guessed"][metric]),
            "Always the commonest": number(values["chance"]["majority"][metric]["mean"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def run_of(values: Mapping) -> pd.DataFrame:
    """The main numbers of one run: value, interval, the floor on the same people, the paired difference, and luck."""
    shown = {
        "spotting_and_naming": (
            *(*_COUNTS, "false_positives_per_minute", "precision_spotting", "recall_spotting", "f1_spotting"),
            *("f1_analysis", "uf1_analysis", "strs", "f1_named"),
        ),
        "frames": ("roc_auc_frames", "average_precision_frames"),
        "frames_raw": ("roc_auc_frames", "average_precision_frames"),
        "recognition": ("uf1_pooled", "uar_pooled"),
    }
    nulls = {"spotting_and_naming": "shifted", "recognition": "guessed"}
    rows = {}
    for part, metrics in shown.items():
        for metric in metrics:
            digits = 0 if metric in _COUNTS else 3
            found, null = values[part][metric], values["chance"].get(nulls.get(part), {}).get(metric)
            row = {"Value": number(found["value"], digits), "95 % over subjects": span(found, digits)}
            if values["floor"] is not None:
                less = values["minus_floor"][part][metric]
                row["Floor"] = number(values["floor"][part][metric]["value"], digits)
                row["Value minus floor (95 %)"] = with_interval(less, digits, sign=True)
                row["Than the floor"] = judge(less["value"], less["low"], less["high"], 0.0)
            row["Chance (95 %)"] = "" if null is None else span(null, digits)
            rows[NAMES[metric] + (", before smoothing" if part == "frames_raw" else "")] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def score_timeline(
    outcome: Outcome, *, subject: str | None = None, video: str | None = None
) -> matplotlib.figure.Figure:
    """The score of each frame of a tested video, with true and found intervals.

    Without a name it is the video with most micro-expressions, the first of them in order.
    """
    micro = outcome.truth[outcome.truth["kind"] == "micro"]
    if subject is None and video is None:
        most = micro.groupby(["subject", "video"], sort=True).size()
        subject, video = most.idxmax() if len(most) else next(iter(outcome.scores))
    if (subject, video) not in outcome.scores:
        raise InputError(f"video {subject}/{video} was not tested: choose one of outcome.scores")
    score = outcome.scores[subject, video]
    fig, axes = figure(height=3.4)
    axes.plot(np.arange(len(score)), score, color=COLOURS["chance"], linewidth=0.8, label="score")
    smoothed = outcome.smoothed[subject, video]
    axes.plot(np.arange(len(score)), smoothed, color=COLOURS["score"], linewidth=1.6, label="smoothed")
    low, high = float(score.min()), float(score.max())
    unit = max(high - low, 1e-6)
    macro = outcome.truth[outcome.truth["kind"] == "macro"]
    lanes = {
        "true micro-expression": (micro, high + 0.18 * unit, COLOURS["truth"], ""),
        "macro-expression": (macro, high + 0.08 * unit, COLOURS["chance"], "//"),
        "found": (outcome.predictions, low - 0.18 * unit, COLOURS["found"], ""),
    }
    for label, (table, bottom, colour, hatch) in lanes.items():
        rows = table[(table["subject"] == subject) & (table["video"] == video)]
        for place, row in enumerate(rows.itertuples()):
            look = {"facecolor": colour, "edgecolor": "white", "hatch": hatch, "label": label if place == 0 else None}
            axes.broken_barh([(row.onset, row.offset - row.onset + 1)], (bottom, 0.07 * unit), **look)
            if isinstance(row.emotion, str) and label != "macro-expression":
                # Every other name stands higher, so that those of neighbours do not run into each other.
                axes.annotate(row.emotion, (row.onset, bottom + (0.08 + 0.07 * (place % 2)) * unit), fontsize=7)
    # Room for the higher row of names: what lies outside the axes is not drawn.
    axes.set_ylim(top=high + 0.44 * unit)
    axes.set(xlabel="frame", ylabel="spotting score (no unit)", title=f"subject {subject}, video {video}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=4)
    return fig


def confusions(values: Mapping) -> matplotlib.figure.Figure:
    """Two confusion matrices of a run: expressions that were given, and those that were spotted."""
    names = values["confusion"]["emotions"]
    fig, axes = figure(1, 2, height=3.4)
    for ax, key in zip(axes, ("given", "spotted"), strict=True):
        counts = np.array(values["confusion"][key])
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        how = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "square": True, "fmt": "d"}
        seaborn.heatmap(share, annot=counts, xticklabels=names, yticklabels=names, ax=ax, **how)
        ax.grid(visible=False)
        ax.tick_params(axis="x", rotation=30)
        ax.tick_params(axis="y", rotation=0)
        ax.set(xlabel="named", ylabel="true", title=f"expressions {key} (n = {counts.sum()})")
    return fig
