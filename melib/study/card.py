"""The counts and sizes that the dataset card states, computed from the videos themselves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from melib.flow import face_mask
from melib.synthetic.dataset import SyntheticVideo, true_labels
from melib.synthetic.sensor import measure_depth, to_metres
from melib.synthetic.timeline import Event
from melib.synthetic.traits import ANCESTRIES
from melib.video import KINDS, Dataset

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def composition(dataset: Dataset) -> pd.Series:
    """How much a synthetic dataset holds: subjects, videos, frames, minutes, expressions, silent videos."""
    videos, kinds = dataset.videos, true_labels(dataset)["kind"]
    silent = [not any(e.kind == "micro" for e in video.true_expressions) for video in videos]
    return pd.Series(
        {
            "subjects": len(dataset.subjects),
            "videos": len(videos),
            "frames": sum(video.n_frames for video in videos),
            "minutes": round(sum(video.n_frames / video.fps for video in videos) / 60, 1),
            "micro-expressions": int((kinds == "micro").sum()),
            "macro-expressions": int((kinds == "macro").sum()),
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
    shown = true_labels(dataset).assign(label=lambda table: table["action_units"].str.split("+")).explode("label")
    shown["action unit"] = shown["label"].str.rstrip("LR").astype(int)
    # A label that names a side stands alone where the other side does not move.
    seen = shown.reset_index(names="expression").groupby(["expression", "kind", "action unit"])["label"].agg(list)
    seen = seen.map(lambda labels: labels[0][-1] in "LR" and len(labels) == 1).reset_index(name="one-sided")
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
    shapes = {
        (kind, name): values[labels["kind"] == kind].quantile(list(QUANTILES))
        for kind in KINDS
        for name, values in measures.items()
    }
    table = pd.DataFrame(shapes).T.rename_axis(index=["kind", "measure"])
    return table.set_axis([f"{q:.0%}" for q in QUANTILES], axis=1)


def traits(dataset: Dataset) -> pd.DataFrame:
    """What the subjects (rows) were drawn as; builds each of them, which takes about half a second."""
    rows = {}
    for subject in dataset.subjects:
        drawn = dataset.of([subject])[0].person.traits
        rows[subject] = dict(zip(ANCESTRIES, drawn.ancestry, strict=True)) | {
            **{name: getattr(drawn, name) for name in ("maleness", "age", "melanin")},
            "inter-ocular distance (mm)": drawn.iod_mm,
        }
    return pd.DataFrame.from_dict(rows, orient="index").round(2)


def micro_events(dataset: Dataset) -> list[tuple[SyntheticVideo, Event]]:
    """The micro-expressions of a synthetic dataset, each with its video."""
    return [(video, event) for video in dataset.videos for event in video.events if event.true.kind == "micro"]


def motion_sizes(pairs: Iterable[tuple[SyntheticVideo, Event]]) -> pd.DataFrame:
    """How far expressions alone move the face, head held still: 99.5 % quantiles over the face, a row each.

    ``in_plane_px`` is of the length of the flow, ``depth_mm`` of the change of depth without its sign.
    """
    rows = []
    for video, event in pairs:
        flow, scene_flow, valid = video.expression_motion(event)
        sizes = (np.linalg.norm(flow, axis=0)[valid], np.abs(scene_flow[2])[valid])
        rows.append([float(np.quantile(each, 0.995)) for each in sizes])
    return pd.DataFrame(rows, columns=["in_plane_px", "depth_mm"]) * (1, 1e3)


def depth_quality(video: SyntheticVideo, *, frame: int = 0, repeats: int = 100) -> pd.Series:
    """How a video's depth sensor errs, by ``repeats`` readings of one frozen frame; of the face the jaw is left out."""
    sensor, depth = video.suite.depth, video.true_depth(frame)
    readings = [to_metres(measure_depth(depth, sensor, video.seed, k), sensor) for k in range(repeats)]
    seen = np.where((stack := np.stack(readings)) > 0, stack.astype(np.float64), np.nan) * 1e3
    inside = face_mask(video.landmarks(frame, frame + 1)[0, 17:], *depth.shape)  # without the line of the jaw
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
