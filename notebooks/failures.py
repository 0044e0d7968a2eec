"""Where spotting fails: each missed micro-expression and each false alarm by its kind, and what every step could reach.

What the benchmark holds at a false alarm (a blink, a glance, a turn of the head) is exact knowledge that no filmed
dataset has; of filmed faces only its labels are told.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.figure
import numpy as np
import pandas as pd

from melib.metrics import intervals
from melib.plots.style import COLOURS, SERIES, figure
from melib.study.data import open_data
from melib.study.records import Kept
from melib.study.settings import Settings
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.head import load_head
from melib.synthetic.timeline import draw_timeline

#: Why an expression was missed, from the score to the boundaries.
MISSES = ("no peak", "below the threshold", "wrong boundaries")
#: What the truth holds at a false alarm; the first that applies.
ALARMS = ("micro-expression", "macro-expression", "blink", "glance", "head motion", "nothing")
#: A head that moves faster than this share of all frames' speeds is told of.
FAST = 0.9


def what_happens(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of the tested videos: their micro-expressions, and all that else is known to move in them.

    The first table has ``subject, video, onset, offset`` as labelled, ``frames``, the first ``action_unit`` and, of the
    benchmark, ``amplitude_mm``; the second ``subject, video, kind, onset, offset`` with the kinds of :data:`ALARMS`.
    """
    _, folds = open_data(settings)
    expressions, moves, speeds = [], [], []
    for video in (video for fold in folds for video in fold.test):
        here = {"subject": video.subject, "video": video.name}
        size = {} if settings.filmed else {event.annotated: event.amplitude_mm for event in video.events}
        for note in video.expressions:
            span = {"onset": note.onset, "offset": note.offset}
            moves.append({**here, "kind": f"{note.kind}-expression", **span})
            if note.kind == "micro":
                unit = note.action_units[0].rstrip("LR") if note.action_units else "none"
                said = {"amplitude_mm": size[note]} if note in size else {}
                expressions.append({**here, **span, **said, "frames": note.length, "action_unit": unit})
        if settings.filmed:
            continue
        plan = _timeline(video)
        moves += [{**here, "kind": "blink", "onset": a, "offset": b} for a, b in plan.blinks.tolist()]
        shifts = np.abs(np.diff(plan.gaze, axis=0)).sum(axis=1) > 1e-4
        moves += [{**here, "kind": "glance", "onset": a, "offset": b} for a, b in _runs(shifts)]
        turned = np.linalg.norm(np.diff(plan.rotation, axis=0), axis=1) * 1e3  # a radian at arm's length, in mm
        speeds.append((here, turned + np.linalg.norm(np.diff(plan.translation, axis=0), axis=1)))
    fast = np.quantile(np.concatenate([speed for _, speed in speeds]), FAST) if speeds else np.inf
    for here, speed in speeds:
        moves += [{**here, "kind": "head motion", "onset": a, "offset": b} for a, b in _runs(speed > fast)]
    return pd.DataFrame(expressions), pd.DataFrame(moves)


def _timeline(video: SyntheticVideo):
    head = load_head()
    return draw_timeline(video.seed, video.n_frames, video.suite.timeline, head.action_units, head.peak_mm)


def _runs(marked: np.ndarray) -> list[tuple[int, int]]:
    """First and last position of each run of marked ones, as frames from before the first step to after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(int)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def tables_of(kept: Kept) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Labelled micro-expressions, found intervals and all peaks of a row's first seed."""
    truth, found, peaks = (kept.records[0].tables[name] for name in ("truth", "predictions", "peaks"))
    return truth[truth["kind"] == "micro"].reset_index(drop=True), found, peaks


def misses(truth: pd.DataFrame, found: pd.DataFrame, peaks: pd.DataFrame) -> pd.Series:
    """For each true micro-expression ``found`` or one of :data:`MISSES`."""
    said = pd.Series("no peak", index=truth.index)
    crossed = crossing(truth, peaks, apex=True)
    said[crossed] = "below the threshold"
    said[crossing(truth, found)] = "wrong boundaries"
    said.iloc[intervals.match(truth, found).truth] = "found"
    return said


def false_alarms(truth: pd.DataFrame, found: pd.DataFrame, moves: pd.DataFrame) -> pd.Series:
    """For each found interval ``right`` or what the truth holds there, the first of :data:`ALARMS` that applies."""
    said = pd.Series("nothing", index=found.index)
    for kind in reversed(ALARMS[:-1]):
        of_kind = moves[moves["kind"] == kind]
        said[crossing(found, of_kind)] = kind
    said.iloc[intervals.match(truth, found).prediction] = "right"
    return said


def crossing(asked: pd.DataFrame, others: pd.DataFrame, *, apex: bool = False) -> np.ndarray:
    """Which intervals share a frame with one of the others, or hold the apex of one: ``(n,)`` bool."""
    keys = ["subject", "video"]
    ends = others[[*keys, "apex", "apex"] if apex else [*keys, "onset", "offset"]].to_numpy()
    others = pd.DataFrame(ends, columns=[*keys, "first", "last"])
    pairs = asked[[*keys, "onset", "offset"]].reset_index(drop=True).reset_index().merge(others, on=keys)
    hits = pairs[(pairs["first"] <= pairs["offset"]) & (pairs["last"] >= pairs["onset"])]
    return np.isin(np.arange(len(asked)), hits["index"])


def ceilings(truth: pd.DataFrame, found: pd.DataFrame, peaks: pd.DataFrame) -> dict[str, float]:
    """F1 as it is and with true boundaries, with the best threshold for each video, and recall if every peak counted.

    The threshold for each video is chosen on its truth: an oracle, which no rule can be.
    """
    hits = len(intervals.match(truth, found).truth)
    bounded = _with_true_boundaries(truth, found)
    return {
        "F1 as it is": _f1(hits, len(truth), len(found)),
        "F1, best threshold a video (oracle)": _oracle(truth, peaks),
        "F1, true boundaries": _f1(len(intervals.match(truth, bounded).truth), len(truth), len(bounded)),
        "Recall, every peak counted": len(intervals.match(truth, peaks).truth) / max(len(truth), 1),
    }


def _f1(hits: int, true: int, found: int) -> float:
    return 2 * hits / max(true + found, 1)


def _with_true_boundaries(truth: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Found intervals, each whose apex lies in a true one with its boundaries."""
    keys, bounded = ["subject", "video"], found.reset_index(drop=True)
    pairs = bounded[[*keys, "apex"]].reset_index().merge(truth[[*keys, "onset", "offset"]], on=keys)
    inside = pairs[pairs["apex"].between(pairs["onset"], pairs["offset"])].drop_duplicates("index", keep="last")
    bounded.loc[inside["index"], ["onset", "offset"]] = inside[["onset", "offset"]].to_numpy()
    return bounded.drop_duplicates(["subject", "video", "onset", "offset"]).reset_index(drop=True)


def _oracle(truth: pd.DataFrame, peaks: pd.DataFrame) -> float:
    """The highest pooled F1 that a threshold for each video can reach.

    By Dinkelbach's method: for a guessed F1 each video takes the threshold where twice its hits less F1 times what it
    finds is largest, which gives the next guess, until it stays.
    """
    options = []
    true_of = dict(iter(truth.groupby(["subject", "video"])))
    for key, of_video in peaks.groupby(["subject", "video"]):
        chosen = [(0, 0)]
        if key in true_of:
            ordered = of_video.sort_values("score", ascending=False, kind="stable")
            true, candidates = (_arrays(table) for table in (true_of[key], ordered))
            # What matches no expression by itself adds no hit.
            useful, hits = intervals.match_arrays(true, candidates, how="every-pair").prediction, 0
            for count in range(1, len(ordered) + 1):
                if count - 1 in useful:
                    hits = len(intervals.match_arrays(true, tuple(column[:count] for column in candidates)).truth)
                chosen.append((hits, count))
        options.append(np.array(chosen))
    best = 0.0
    while True:
        taken = [each[np.argmax(2 * each[:, 0] - best * each[:, 1])] for each in options]
        hits, found = np.reshape(taken, (-1, 2)).sum(axis=0)
        reached = _f1(hits, len(truth), found)
        if reached <= best + 1e-12:
            return float(best)
        best = reached


def _arrays(of_video: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intervals of one video as :func:`melib.metrics.intervals.match_arrays` takes them."""
    return np.zeros(len(of_video), np.int64), *(of_video[end].to_numpy(np.int64) for end in ("onset", "offset"))


def anywhere(found: pd.DataFrame, videos: pd.DataFrame) -> pd.DataFrame:
    """The same intervals at random times of their videos, whose number of ``frames`` a table tells."""
    length = found["offset"] - found["onset"]
    frames = found.merge(videos, on=["subject", "video"], how="left")["frames"].to_numpy()
    onset = np.random.default_rng(0).integers(0, np.maximum(frames - length, 1))
    return found.assign(onset=onset, offset=onset + length)


def recall_by(expressions: pd.DataFrame, said: pd.Series, column: str, bins: int = 4) -> pd.DataFrame:
    """Share found of micro-expressions, and their number, by a column: in bins of equally many where it is a number."""
    groups = expressions[column]
    if groups.dtype == bool:
        groups = groups.map({False: "no", True: "yes"})
    elif pd.api.types.is_numeric_dtype(groups):
        groups = pd.qcut(groups, bins, labels=False, duplicates="drop")
    counted = (said == "found").groupby(groups.to_numpy()).agg(["mean", "size"])
    if pd.api.types.is_numeric_dtype(groups):
        ends = expressions[column].groupby(groups).agg(["min", "max"])
        counted.index = [f"{low:.3g} to {high:.3g}" for low, high in ends.itertuples(index=False)]
    else:  # action units by their number
        number = {name: int(name) if name.isdigit() else 100 for name in counted.index}
        counted = counted.sort_index(key=lambda index: index.map(number), kind="stable")
    return counted.rename(columns={"mean": "recall", "size": "expressions"}).rename_axis(column)


def stacked(counts: pd.DataFrame, xlabel: str) -> matplotlib.figure.Figure:
    """A bar a row, cut into the shares of its columns, each with its number."""
    fig, axes = figure(height=1.0 + 0.34 * len(counts))
    shares, left = counts.div(counts.sum(axis=1).clip(lower=1), axis=0), np.zeros(len(counts))
    hatches = ("", "//", "..", "xx", "--", "++")
    colours = (*SERIES, COLOURS["chance"], COLOURS["missed"])
    for number, name in enumerate(counts.columns):
        look = {"color": colours[number % 6], "hatch": hatches[number % 6], "edgecolor": "white", "linewidth": 0.5}
        axes.barh(range(len(counts)), shares[name], left=left, label=name, **look)
        for row, (share, count) in enumerate(zip(shares[name], counts[name], strict=True)):
            if share > 0.05:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85}
                axes.text(left[row] + share / 2, row, str(count), ha="center", va="center", fontsize=8, bbox=box)
        left += shares[name].to_numpy()
    axes.set_yticks(range(len(counts)), counts.index)
    axes.set(xlabel=xlabel, xlim=(0, 1))
    axes.invert_yaxis()
    fig.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8)
    return fig


def steps(reached: Mapping[str, Mapping[str, float]]) -> matplotlib.figure.Figure:
    """What each row reaches as it is, and with each step made perfect, on one axis."""
    table = pd.DataFrame(reached).T
    fig, axes = figure(height=1.2 + 0.34 * len(table))
    for number, name in enumerate(table.columns):
        axes.plot(table[name], range(len(table)), "os^D"[number % 4], color=SERIES[number % 4], label=name)
    axes.set_yticks(range(len(table)), table.index)
    axes.set(xlabel="F1 of spotting, or recall (no unit)", xlim=(0, 1.02))
    axes.grid(axis="x", alpha=0.3)
    axes.invert_yaxis()
    fig.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    return fig
