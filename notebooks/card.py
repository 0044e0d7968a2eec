"""What the dataset card states and shows: counts and sizes from the videos themselves, faces and micro-expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from melib.features.settings import STRAIN_SCALE, spotting_pairs
from melib.files import whole
from melib.flow import face_mask, optical_flow, stabilize, strain
from melib.plots.motion import draw_wheel, flow_colours
from melib.plots.style import bare, figure, panels
from melib.synthetic.dataset import SyntheticVideo, open_benchmark, true_labels
from melib.synthetic.head import load_head
from melib.synthetic.identity import IDENTITY
from melib.synthetic.sensor import measure_depth, to_metres
from melib.synthetic.timeline import Event
from melib.synthetic.traits import ANCESTRIES, sample_shape
from melib.video import KINDS, Dataset


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
    seen = seen.map(lambda labels: labels[0][-1] in "LR" and len(labels) == 1).reset_index(name="share one-sided")
    counts = pd.crosstab(seen["action unit"], seen["kind"]).reindex(columns=list(KINDS), fill_value=0)
    return counts.assign(**{"share one-sided": seen.groupby("action unit")["share one-sided"].mean().round(2)})


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
        (kind, name): values[labels["kind"] == kind].quantile([0.05, 0.25, 0.5, 0.75, 0.95])
        for kind in KINDS
        for name, values in measures.items()
    }
    return pd.DataFrame(shapes).T.rename_axis(index=["kind", "measure"]).rename(columns="{:.0%}".format)


def traits(dataset: Dataset) -> pd.DataFrame:
    """What the subjects (rows) were drawn as; their faces, which take half a second each, are not built for it."""
    rows = {}
    for subject in dataset.subjects:
        stream = np.random.default_rng([dataset.of([subject])[0].subject_seed, IDENTITY])
        drawn, _ = sample_shape(stream, load_head())
        rows[subject] = dict(zip(ANCESTRIES, drawn.ancestry, strict=True)) | {
            **{name: getattr(drawn, name) for name in ("maleness", "age", "melanin")},
            "inter-ocular distance (mm)": drawn.iod_mm,
        }
    return pd.DataFrame.from_dict(rows, orient="index").round(2)


def micro_events(dataset: Dataset) -> list[tuple[SyntheticVideo, Event]]:
    """The micro-expressions of a synthetic dataset, each with its video."""
    return [(video, event) for video in dataset.videos for event in video.events if event.true.kind == "micro"]


def motion_sizes(pairs: Iterable[tuple[SyntheticVideo, Event]]) -> pd.DataFrame:
    """99.5 % quantiles over the face of how far expressions alone move it, head held still: flow, change of depth."""
    rows = []
    for video, event in pairs:
        flow, scene_flow, valid = video.expression_motion(event)
        sizes = (np.linalg.norm(flow, axis=0)[valid], np.abs(scene_flow[2])[valid])
        rows.append([float(np.quantile(each, 0.995)) for each in sizes])
    return pd.DataFrame(rows, columns=["in the picture (px)", "along the camera axis (mm)"]) * [1, 1e3]


def picture_motion(videos: Sequence[SyntheticVideo], *, pairs: int = 12) -> pd.DataFrame:
    """How the picture of a face moves over .2 s, a row for each of some evenly spaced pairs of frames of each video.

    Means over the face of the estimated optical flow's length as it is and less its median, of its divergence, and of
    its strain in units of the scale that a network sees.
    """
    rows = []
    for video in videos:
        starts, ends = (side[:: max(1, len(side) // pairs)] for side in spotting_pairs(video, gap_s=0.2))
        grey = [
            np.stack([cv2.cvtColor(video.frames(i, i + 1)[0], cv2.COLOR_RGB2GRAY) for i in side.tolist()])
            for side in (starts, ends)
        ]
        flow = optical_flow(*grey, method="dis")
        face = face_mask(video.landmarks(0, 1)[0], *flow.shape[2:])
        still = stabilize(flow, "median", face=np.repeat(face[None], len(flow), axis=0))
        spread = np.gradient(flow[:, 0], axis=-1) + np.gradient(flow[:, 1], axis=-2)
        lengths = (np.linalg.norm(each, axis=1) for each in (flow, still))
        measured = (*lengths, 100 * np.abs(spread), strain(still) / STRAIN_SCALE)
        rows += list(zip(*(each[:, face].mean(axis=1) for each in measured), strict=True))
    names = ("motion (px)", "less the face's median (px)", "divergence (%)", "strain (of the scale)")
    return pd.DataFrame(rows, columns=list(names))


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


def faces(dataset: Dataset, *, columns: int = 6) -> Figure:
    """The first frame of each subject's first video, under its own light."""
    fig, axes = panels(len(dataset.subjects), columns, height=1.35)
    for axis, subject in zip(axes, dataset.subjects, strict=True):
        axis.imshow(dataset.of([subject])[0].frames(0, 1)[0])
        axis.set_title(subject, fontsize=8)
    return fig


def filmstrip(shown: Sequence[tuple[SyntheticVideo, Event]], *, longest: float = 1.5) -> Figure:
    """Micro-expressions as rows: three frames, depth, and the true motion to the apex without and with the head's.

    Flow of ``longest`` pixels has full colour; depth spans the range of the face, its change 1 mm either way.
    """
    titles = ("onset", "apex", "offset", "measured depth", "flow: face", "flow: all", "depth: all")
    fig, axes = figure(len(shown), len(titles), height=1.0 * len(shown) + 0.55, squeeze=False)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=7)
    for axis in axes.flat:
        bare(axis)
    for row, (video, event) in zip(axes, shown, strict=True):
        true = event.true
        for axis, at in zip(row, (true.onset, true.apex, true.offset), strict=False):
            axis.imshow(video.frames(at, at + 1)[0])
        units = "+".join(dict.fromkeys(label.rstrip("LR") for label in true.action_units))
        row[0].set_ylabel(f"{true.emotion}\nAU {units}\n{event.amplitude_mm:.1f} mm", fontsize=6)
        depth = video.depth(true.apex, true.apex + 1)[0]
        alone, _, seen = video.expression_motion(event)
        flow, scene_flow, valid = video.true_motion(true.onset, true.apex)
        near, far = np.quantile(depth[valid & (depth > 0)], [0.01, 0.95])
        row[3].imshow(np.where(depth > 0, depth, np.nan), cmap="viridis_r", vmin=near, vmax=far)
        row[4].imshow(flow_colours(np.where(seen, alone, np.nan), longest))
        row[5].imshow(flow_colours(np.where(valid, flow, np.nan), longest))
        change = row[6].imshow(np.where(valid, scene_flow[2] * 1e3, np.nan), cmap="RdBu_r", vmin=-1, vmax=1)
    wheel = axes[0][4].inset_axes([0.0, 0.0, 0.24, 0.24])
    draw_wheel(wheel, longest)
    wheel.set_title("")  # too long for so small a picture; the label below the column says it
    axes[-1][4].set_xlabel(f"full colour: {longest:g} px", fontsize=6)
    bar = fig.colorbar(change, ax=axes[:, 6].tolist(), aspect=30)
    bar.set_label("away from the camera (mm)", fontsize=6)
    bar.ax.tick_params(labelsize=6)
    return fig


def main() -> None:
    """Write the README's picture, ``book/assets/filmstrip.png``; the same bits on the same machine."""
    people = open_benchmark("default", population="test", subjects=4, videos=1, frames=300)
    # One expression of each person who has one: faces, not one face, are what a reader should see.
    chosen = list({event[0].subject: event for event in reversed(micro_events(people))}.values())[::-1][:3]
    with whole(Path(__file__).parents[1] / "book" / "assets" / "filmstrip.png") as part:
        filmstrip(chosen).savefig(part, dpi=110, format="png", metadata={"Software": None})


if __name__ == "__main__":
    main()
