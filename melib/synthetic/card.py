"""The counts and sizes that the dataset card states, computed from the videos themselves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from melib.synthetic.dataset import SyntheticVideo, true_labels
from melib.synthetic.timeline import Event
from melib.video import KINDS, Dataset

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def composition(dataset: Dataset) -> pd.Series:
    """How much a synthetic dataset holds: subjects, videos, frames, minutes, expressions, silent videos."""
    videos, labels = dataset.videos, true_labels(dataset)
    silent = [not any(e.kind == "micro" for e in video.true_expressions) for video in videos]
    frames = sum(video.n_frames for video in videos)
    return pd.Series(
        {
            "subjects": len(dataset.subjects),
            "videos": len(videos),
            "frames": frames,
            "minutes": round(sum(video.n_frames / video.fps for video in videos) / 60, 1),
            "micro-expressions": int((labels["kind"] == "micro").sum()),
            "macro-expressions": int((labels["kind"] == "macro").sum()),
            "videos without a micro-expression": f"{np.mean(silent):.0%}",
        },
        name="count",
    )


def class_counts(dataset: Dataset) -> pd.DataFrame:
    """Number of expressions of each class (rows, the dataset's order) and kind (columns)."""
    labels = true_labels(dataset)
    counts = pd.crosstab(labels["emotion"], labels["kind"])
    return counts.reindex(index=list(dataset.emotions), columns=list(KINDS), fill_value=0)


def action_unit_counts(dataset: Dataset) -> pd.DataFrame:
    """Number of expressions that show each action unit, by kind, and the share that shows it on one side only."""
    rows = []
    for video in dataset.videos:
        for expression in video.true_expressions:
            sides: dict[str, str] = {}
            for label in expression.action_units:
                unit = label.rstrip("LR")
                sides[unit] = sides.get(unit, "") + label[len(unit) :]
            rows += [(int(unit), expression.kind, len(side) == 1) for unit, side in sides.items()]
    seen = pd.DataFrame(rows, columns=["action unit", "kind", "one-sided"])
    counts = pd.crosstab(seen["action unit"], seen["kind"]).reindex(columns=list(KINDS), fill_value=0)
    return counts.assign(**{"one-sided": seen.groupby("action unit")["one-sided"].mean().round(2)})


def shape_quantiles(dataset: Dataset) -> pd.DataFrame:
    """Quantiles (5, 25, 50, 75, 95 %) of duration, rise and amplitude, for micro- and macro-expressions."""
    labels = true_labels(dataset)
    length = labels["offset"] - labels["onset"] + 1
    measures = {
        "duration (frames)": length,
        "rise (share of the duration)": (labels["apex"] - labels["onset"]) / length,
        "peak displacement (mm)": labels["amplitude_mm"],
    }
    rows = {
        (kind, name): values[labels["kind"] == kind].quantile(list(QUANTILES)).to_numpy()
        for kind in KINDS
        for name, values in measures.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[f"{q:.0%}" for q in QUANTILES])
    table.index = pd.MultiIndex.from_tuples(table.index, names=["kind", "measure"])
    return table


def micro_events(dataset: Dataset) -> list[tuple[SyntheticVideo, Event]]:
    """The micro-expressions of a synthetic dataset, each with its video."""
    return [(video, event) for video in dataset.videos for event in video.events if event.true.kind == "micro"]


def motion_sizes(pairs: Iterable[tuple[SyntheticVideo, Event]]) -> pd.DataFrame:
    """How far expressions alone move the face in the picture and along the camera axis.

    Parameters
    ----------
    pairs : iterable of (SyntheticVideo, Event)

    Returns
    -------
    pandas.DataFrame
        A row per expression: ``in_plane_px`` (99.5 % quantile over the face of the flow's length) and ``depth_mm``
        (99.5 % quantile of the change of depth, without its sign), head held still.
    """
    rows = []
    for video, event in pairs:
        flow, scene_flow, valid = video.expression_motion(event)
        in_plane = np.linalg.norm(flow, axis=0)[valid]
        along = np.abs(scene_flow[2])[valid]
        rows.append((float(np.quantile(in_plane, 0.995)), float(np.quantile(along, 0.995)) * 1e3))
    return pd.DataFrame(rows, columns=["in_plane_px", "depth_mm"])
