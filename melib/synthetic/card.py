"""The counts and sizes that the dataset card states, computed from the videos themselves."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pandas as pd

from melib.synthetic.dataset import SyntheticVideo, true_labels
from melib.synthetic.sensor import measure_depth, to_metres
from melib.synthetic.timeline import Event
from melib.synthetic.traits import ANCESTRIES
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


def traits(dataset: Dataset) -> pd.DataFrame:
    """What the subjects (rows) were drawn as; builds each of them, which takes about half a second."""
    rows = {}
    for subject in dataset.subjects:
        drawn = dataset.of([subject])[0].person.traits
        rows[subject] = {
            **dict(zip(ANCESTRIES, drawn.ancestry, strict=True)),
            "maleness": drawn.maleness,
            "age": drawn.age,
            "melanin": drawn.melanin,
            "inter-ocular distance (mm)": drawn.iod_mm,
        }
    return pd.DataFrame.from_dict(rows, orient="index").round(2)


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


def depth_quality(video: SyntheticVideo, *, frame: int = 0, repeats: int = 100) -> pd.Series:
    """The depth sensor of a video, measured by filming one frozen frame again and again.

    Parameters
    ----------
    video : SyntheticVideo
    frame : int
        The moment that is frozen.
    repeats : int
        Number of readings of it.

    Returns
    -------
    pandas.Series
        Mean distance of the face (mm); median over the face of the standard deviation over time (mm) and of the
        constant error (mm, without its sign); share of pixels without a reading inside the face (the hull of the
        landmarks of brows, eyes, nose and mouth) and in the whole picture.
    """
    sensor, depth = video.suite.depth, video.true_depth(frame)
    readings = [to_metres(measure_depth(depth, sensor, video.seed, k), sensor) for k in range(repeats)]
    seen = np.where((stack := np.stack(readings)) > 0, stack.astype(np.float64), np.nan) * 1e3
    face = np.zeros(depth.shape, np.uint8)
    hull = cv2.convexHull(np.rint(video.landmarks(frame, frame + 1)[0, 17:]).astype(np.int32))
    inside = cv2.fillConvexPoly(face, hull, 1) > 0
    read = inside & np.isfinite(seen).any(axis=0)
    constant = np.abs(np.nanmean(seen[:, read], axis=0) - depth[read] * 1e3)
    return pd.Series(
        {
            "distance of the face (mm)": float(depth[inside].mean() * 1e3),
            "noise over time (mm)": float(np.median(np.nanstd(seen[:, read], axis=0))),
            "constant error (mm)": float(np.median(constant)),
            "no reading inside the face": float(np.isnan(seen[:, inside]).mean()),
            "no reading in the picture": float(np.isnan(seen).mean()),
        },
        name=video.suite.name,
    )
