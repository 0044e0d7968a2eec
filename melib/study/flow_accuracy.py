"""Error of every flow method, and what each way to remove head motion leaves, against the benchmark's true motion.

Every function takes the pairs of :func:`melib.study.motion_pairs.micro_pairs` and gives a *table*: row -> column ->
``{"mean", "error", "n"}``, the mean over pairs of the mean over a pair's pixels, its standard error over pairs, and
the number of pairs in which the region is large enough. :func:`show` makes it readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from melib.flow import average_depth, generic_face, optical_flow, rigid_motion, scene_flow, stabilize
from melib.study.motion_pairs import AFTER, BEFORE, Pair, gray
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.mesh import EYES_ABOVE_AXIS_MM, PIVOT_MM
from melib.synthetic.sensor import FOCAL_BASELINE

AXES = ("right", "down", "away")
#: The tables of :func:`measure` and what each holds.
TITLES = {
    "image_flow": "image flow: endpoint error",
    "scene_flow": "scene flow: absolute error",
    "head_motion": "head motion left over",
    "own_depth": "own motion away, head motion removed",
    "depth_noise": "depth noise",
}


@dataclass(frozen=True)
class Sizes:
    """How much the chapter on motion measures at a tier.

    Attributes
    ----------
    pairs : int
        Onset-apex pairs of suite ``default``.
    out_of_plane : dict of str to int
        ``train_subjects, test_subjects, clips`` of :func:`melib.study.out_of_plane.run`.
    resamples : int
        Bootstrap resamples over subjects.
    """

    pairs: int
    out_of_plane: dict[str, int]
    resamples: int


SIZES = {
    "smoke": Sizes(2, {"train_subjects": 2, "test_subjects": 2, "clips": 4}, 100),
    "quick": Sizes(12, {"train_subjects": 6, "test_subjects": 6, "clips": 8}, 1000),
    "full": Sizes(40, {"train_subjects": 20, "test_subjects": 20, "clips": 10}, 2000),
}

Table = dict[str, dict[str, dict[str, float | int | None]]]

#: Axes of the head (to the subject's left, up, to the camera) seen in camera axes.
_HEAD_TO_CAMERA = np.diag([1.0, -1.0, -1.0])
#: A region of fewer pixels is not measured.
_FEWEST_PIXELS = 20
#: Flow in pixels below which the expression leaves a part of the face still.
_STILL_PX = 0.05
#: Strongest own motion away, in millimetres, from which on a likeness to it is asked for.
_STRONG_MM = 0.2


def summary(values: Iterable[float]) -> dict[str, float | int | None]:
    """Mean, standard error (None from fewer than two) and number of the finite values; mean None if there is none."""
    known = np.asarray(list(values), float)
    known = known[np.isfinite(known)]
    return {
        "mean": float(known.mean()) if len(known) else None,
        "error": float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else None,
        "n": len(known),
    }


def show(table: Mapping[str, Mapping[str, Mapping]], *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table as text, ``mean ± standard error``; a cell that was not measured is empty."""

    def text(cell: Mapping | None) -> str:
        if cell is None or cell["mean"] is None:
            return ""
        return f"{cell['mean']:.3f}" + ("" if cell["error"] is None else f" ± {cell['error']:.3f}")

    names = list(dict.fromkeys(name for row in table.values() for name in row)) if columns is None else list(columns)
    rows = {label: {name: text(row.get(name)) for name in names} for label, row in table.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def worse_than_nothing(table: Mapping[str, Mapping[str, Mapping]]) -> list[str]:
    """The rows and columns of a table of errors whose mean is not below that of its row ``no motion``."""
    floor = table["no motion"]
    return [
        f"{label} ({column})"
        for label, row in table.items()
        for column, cell in row.items()
        if label != "no motion" and cell["mean"] is not None and cell["mean"] >= floor[column]["mean"]
    ]


def measure(pairs: Sequence[Pair], *, peers: Mapping[str, np.ndarray] | None = None) -> dict[str, Table]:
    """All tables of :data:`TITLES`.

    Parameters
    ----------
    pairs : sequence of Pair
    peers : mapping, optional
        Image flows ``(B, 2, H, W)`` of other programs on the same pairs, by name.
    """
    a, b = (np.stack([pair.gray[k] for pair in pairs]) for k in (0, 1))
    single = [pair.depth for pair in pairs]
    averaged = [over_time(pair.video, pair.onset, pair.apex, pair.face)[0] for pair in pairs]
    motions, joint = _scene_flows(pairs, single)
    published, published_joint = _scene_flows(pairs, single, smoothness=published_smoothness(pairs), local_mean=0.0)
    dis = optical_flow(a, b, method="dis")
    flows = {
        "no motion": np.zeros_like(dis),
        "tvl1": optical_flow(a, b, method="tvl1"),
        "tvl1, local mean removed": optical_flow(a, b, method="tvl1", local_mean=3.0, attachment=0.3),
        "dis": dis,
        "dis, stride 3": optical_flow(a, b, method="dis", patch_stride=3),
        "dis, 10 variational iterations": optical_flow(a, b, method="dis", variational_iterations=10),
        "farneback": optical_flow(a, b, method="farneback"),
        "scene flow": joint,
        "scene flow, published weights": published_joint,
        **(peers or {}),
    }
    noise = [sensor_noise(pair) for pair in pairs]
    scenes = {
        "no motion": [np.zeros_like(one) for one in motions],
        "dis and depth along it": [along_the_flow(pair, one) for pair, one in zip(pairs, dis, strict=True)],
        "scene flow": motions,
        "scene flow, published weights": published,
        "scene flow, depth smoother": _scene_flows(pairs, single, depth_smoothness=2.4)[0],
        "scene flow, depth weighted by its noise": _scene_flows(pairs, single, noise)[0],
        "scene flow, no local mean removed": _scene_flows(pairs, single, local_mean=0.0)[0],
        "scene flow, depth averaged over time": _scene_flows(pairs, averaged)[0],
    }
    return {
        "image_flow": image_flow_table(pairs, flows),
        "scene_flow": scene_flow_table(pairs, scenes),
        "head_motion": head_motion_table(pairs, dis, motions),
        "own_depth": own_depth_table(pairs, scenes | {"true scene flow": [pair.scene_flow for pair in pairs]}),
        "depth_noise": depth_noise_table(pairs, averaged),
    }


def image_flow_table(pairs: Sequence[Pair], flows: Mapping[str, np.ndarray]) -> Table:
    """Endpoint error of image flows, pixels, over the face and over the region that the expression moves."""
    table = {}
    for name, flow in flows.items():
        errors = [np.linalg.norm(found - pair.flow, axis=0) for found, pair in zip(flow, pairs, strict=True)]
        table[name] = {
            "face, px": summary(_over(e, p.face) for e, p in zip(errors, pairs, strict=True)),
            "moving region, px": summary(_over(e, p.moving) for e, p in zip(errors, pairs, strict=True)),
        }
    return table


def scene_flow_table(pairs: Sequence[Pair], motions: Mapping[str, Sequence[np.ndarray]]) -> Table:
    """Absolute error of scene flows per axis over the face, and away over the moving region, millimetres."""
    table = {}
    for name, found in motions.items():
        errors = [1e3 * np.abs(one - pair.scene_flow) for one, pair in zip(found, pairs, strict=True)]
        regions = [pair.face & np.isfinite(one).all(0) for one, pair in zip(found, pairs, strict=True)]
        row = {
            f"{axis}, mm": summary(_over(e[k], r) for e, r in zip(errors, regions, strict=True))
            for k, axis in enumerate(AXES)
        }
        row["away, moving region, mm"] = summary(
            _over(e[2], r & p.moving) for e, r, p in zip(errors, regions, pairs, strict=True)
        )
        table[name] = row
    return table


def head_motion_table(pairs: Sequence[Pair], flows: np.ndarray, motions: Sequence[np.ndarray]) -> Table:
    """What is left of head motion: distance to the expression's own flow over the part of the face it leaves still."""
    found: dict[str, dict[str, list[float]]] = {}
    for index, pair in enumerate(pairs):
        still = pair.face & (np.linalg.norm(pair.own_flow, axis=0) < _STILL_PX)
        pose = rigid_motion(pair.depth[0], pair.camera, *true_head_motion(pair))
        sources = {
            "true flow, px": (pair.flow, pair.own_flow, 0),
            "dis, px": (flows[index], pair.own_flow, 0),
            "true scene flow, mm": (1e3 * pair.scene_flow, 1e3 * pair.own_scene_flow, 1),
            "scene flow, mm": (1e3 * motions[index], 1e3 * pair.own_scene_flow, 1),
        }
        for column, (flow, own, kind) in sources.items():
            unit = 1e3 if kind else 1.0
            common = {"face": pair.face, "landmarks": pair.landmarks, "camera": pair.camera}
            modes = {m: stabilize(flow, m, **common) for m in ("none", "nose", "median", "affine")}
            modes["rigid, sensor depth"] = stabilize(flow / unit, "rigid", depth=pair.depth[0], **common) * unit
            if kind == 0:
                shape = generic_face(pair.landmarks, pair.camera)
                modes["rigid, generic face"] = stabilize(flow, "rigid", depth=shape, **common)
            modes["true pose"] = flow - unit * pose[kind]
            for mode, left in modes.items():
                error = _over(np.linalg.norm(left - own, axis=0), still)
                found.setdefault(mode, {}).setdefault(column, []).append(error)
    return {mode: {column: summary(values) for column, values in row.items()} for mode, row in found.items()}


def own_depth_table(pairs: Sequence[Pair], motions: Mapping[str, Sequence[np.ndarray]]) -> Table:
    """How much of the expression's own motion away from the camera is left after rigid stabilisation."""
    table = {}
    for name, found in motions.items():
        errors, likeness = [], []
        for pair, motion in zip(pairs, found, strict=True):
            use = pair.face & np.isfinite(motion).all(0)
            own, left = 1e3 * pair.own_scene_flow[2], np.nan_to_num(1e3 * motion)
            if motion.any():
                left = stabilize(left / 1e3, "rigid", face=use, depth=pair.depth[0], camera=pair.camera) * 1e3
            errors.append(_over(np.abs(left[2] - own), use & pair.moving))
            strong = np.abs(own[use]).max() > _STRONG_MM and motion.any()
            likeness.append(float(np.corrcoef(left[2][use], own[use])[0, 1]) if strong else np.nan)
        table[name] = {
            "error, moving region, mm": summary(errors),
            "correlation over the face": summary(likeness),
        }
    return table


def depth_noise_table(pairs: Sequence[Pair], averaged: Sequence[np.ndarray]) -> Table:
    """Error of the depth change along the true flow over the face, before and after the average over time."""
    table = {}
    for name, depths in {
        "single frames": [pair.depth for pair in pairs],
        f"{BEFORE} frames before the onset, {AFTER} about the apex": averaged,
    }.items():
        errors = []
        for pair, depth in zip(pairs, depths, strict=True):
            error = 1e3 * np.abs(_depth_change(pair.flow, depth) - pair.scene_flow[2])
            errors.append(_over(error, pair.face & np.isfinite(error)))
        table[name] = {"depth change, mm": summary(errors)}
    return table


def over_time(
    video: SyntheticVideo, onset: int, apex: int, face: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth and optical flow from more frames than two: those before the onset, and those about the apex.

    Parameters
    ----------
    video : SyntheticVideo
    onset, apex : int
    face : numpy.ndarray
        ``(H, W)`` bool, the face at the onset.

    Returns
    -------
    depth : numpy.ndarray
        ``(2, H, W)`` metres, onset and apex, each averaged by :func:`melib.flow.average_depth`.
    before, about : numpy.ndarray
        ``(N, 2, H, W)`` pixels, the flow of DIS from the onset to each frame before it (itself included), and to each
        frame about the apex.
    """
    averages, images = [], []
    for reference, start, stop in (
        (onset, max(0, onset - BEFORE + 1), onset + 1),
        (apex, apex - 1, min(apex - 1 + AFTER, video.n_frames)),
    ):
        images.append(gray(video.frames(start, stop)))
        depth = video.depth(start, stop)
        use = face & (depth[reference - start] > 0)
        flow = _flows(images[-1][reference - start], images[-1])
        averages.append(average_depth(depth, flow, use, reference=reference - start))
    before, about = (_flows(images[0][-1], others) for others in images)
    return np.stack(averages), before, about


def _flows(first: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Flow of DIS ``(N, 2, H, W)`` from one image to each of some."""
    return optical_flow(np.repeat(first[None], len(others), 0), others, method="dis")


def published_smoothness(pairs: Sequence[Pair]) -> float:
    """The weight 0.04 of Jaimez et al., whose surface weights are in 1 / m, at these cameras' metres per pixel."""
    per_metre = [2 * pair.camera.fx / np.median(pair.depth[0][pair.face]) for pair in pairs]
    return float(0.04 * np.mean(per_metre))


def sensor_noise(pair: Pair) -> np.ndarray:
    """Standard deviation of the first frame's readings, metres: the error of stereo grows with the distance squared."""
    z = np.where(pair.depth[0] > 0, pair.depth[0], 1.0)
    return 1e3 * pair.video.suite.depth.disparity_px / FOCAL_BASELINE * z**2


def true_head_motion(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Rotation vector and translation (metres) of the head from onset to apex, camera axes."""
    rotations, translations = pair.video.pose(pair.onset, pair.apex + 1)
    first, last = (cv2.Rodrigues(rotations[k])[0] for k in (0, -1))
    turn = _HEAD_TO_CAMERA @ last @ first.T @ _HEAD_TO_CAMERA
    # Where the pivot, which the rotation leaves alone, stands in the two frames.
    origin = np.array([0.0, -1e-3 * EYES_ABOVE_AXIS_MM, pair.video.person.distance])
    before, after = (origin + 1e-3 * _HEAD_TO_CAMERA @ (PIVOT_MM + translations[k]) for k in (0, -1))
    return cv2.Rodrigues(turn)[0][:, 0], after - turn @ before


def along_the_flow(pair: Pair, flow: np.ndarray) -> np.ndarray:
    """Scene flow ``(3, H, W)`` from an image flow and the depth change along it, nothing smoothed."""
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]]
    change = _depth_change(flow, pair.depth)
    first, second, camera = pair.depth[0], pair.depth[0] + change, pair.camera
    right = ((x + flow[0] - camera.cx) * second - (x - camera.cx) * first) / camera.fx
    down = ((y + flow[1] - camera.cy) * second - (y - camera.cy) * first) / camera.fy
    return np.stack([right, down, change])


def _depth_change(flow: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Depth of the second frame along a flow, minus that of the first: metres, NaN where a reading is missing."""
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]]
    there = (x + flow[0]).astype(np.float32), (y + flow[1]).astype(np.float32)
    known = cv2.remap((depth[1] > 0).astype(np.float32), *there, cv2.INTER_LINEAR) > 0.999
    return np.where(known & (depth[0] > 0), cv2.remap(depth[1], *there, cv2.INTER_LINEAR) - depth[0], np.nan)


def _scene_flows(
    pairs: Sequence[Pair], depths: Sequence[np.ndarray], noise: Sequence[np.ndarray] | None = None, **settings
) -> tuple[list[np.ndarray], np.ndarray]:
    """Scene flow of each pair, and the image flows ``(B, 2, H, W)`` they rest on."""
    found = []
    for index, (pair, depth) in enumerate(zip(pairs, depths, strict=True)):
        frames = pair.gray[0], depth[0], pair.gray[1], depth[1]
        found.append(scene_flow(*frames, pair.camera, depth_noise=noise and noise[index], **settings))
    return [one[0] for one in found], np.stack([one[1] for one in found])


def _over(error: np.ndarray, region: np.ndarray) -> float:
    """Mean of a pair's error over a region that is large enough."""
    return float(error[region].mean()) if region.sum() >= _FEWEST_PIXELS else np.nan
