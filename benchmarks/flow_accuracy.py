"""Error of every flow method, and what each way to remove head motion leaves, against the benchmark's true motion.

    python -m benchmarks.flow_accuracy [--pairs 100] [--peer] [--csv FOLDER]

Measured on test subjects (parameters were chosen on training subjects), from onset to apex of micro-expressions of
suite ``default``, head motion, flicker and sensor noise included, over the face (five pixels from its outline) and over
the region that the expression alone moves by more than 0.4 pixels. Each figure is the mean over pairs of the mean over
pixels, with its standard error over pairs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from benchmarks.micro_pairs import AFTER, BEFORE, Pair, gray, micro_pairs
from benchmarks.opencv_tvl1_peer import opencv_tvl1
from melib.flow import average_depth, generic_face, optical_flow, rigid_motion, scene_flow, stabilize
from melib.synthetic.mesh import EYES_ABOVE_AXIS_MM, PIVOT_MM
from melib.synthetic.sensor import FOCAL_BASELINE

AXES = ("right", "down", "away")
#: Axes of the head (to the subject's left, up, to the camera) seen in camera axes.
HEAD_TO_CAMERA = np.diag([1.0, -1.0, -1.0])


def mean_and_error(values: list[float]) -> str:
    """Mean and standard error over pairs."""
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def over(error: np.ndarray, region: np.ndarray) -> float:
    """Mean of a pair's error over a region of at least 20 pixels."""
    return float(error[region].mean()) if region.sum() >= 20 else np.nan


def depth_change(pair: Pair, flow: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Depth of the second frame along a flow, minus that of the first: metres, NaN where a reading is missing."""
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]]
    there = (x + flow[0]).astype(np.float32), (y + flow[1]).astype(np.float32)
    known = cv2.remap((depth[1] > 0).astype(np.float32), *there, cv2.INTER_LINEAR) > 0.999
    return np.where(known & (depth[0] > 0), cv2.remap(depth[1], *there, cv2.INTER_LINEAR) - depth[0], np.nan)


def averaged_depth(pair: Pair) -> np.ndarray:
    """Depth ``(2, H, W)`` of both frames, averaged over the frames before the onset and about the apex."""
    averages = []
    for reference, start, stop in (
        (pair.onset, pair.onset - BEFORE + 1, pair.onset + 1),
        (pair.apex, pair.apex - 1, pair.apex - 1 + AFTER),
    ):
        images = gray(pair.video.frames(start, stop))
        first = np.repeat(images[reference - start][None], len(images), 0)
        flow = optical_flow(first, images, method="dis")
        depth = pair.video.depth(start, stop)
        face = pair.face & (depth[reference - start] > 0)
        averages.append(average_depth(depth, flow, face, reference=reference - start))
    return np.stack(averages)


def published_smoothness(pairs: list[Pair]) -> float:
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
    turn = HEAD_TO_CAMERA @ last @ first.T @ HEAD_TO_CAMERA
    # Where the pivot, which the rotation leaves alone, stands in the two frames.
    origin = np.array([0.0, -1e-3 * EYES_ABOVE_AXIS_MM, pair.video.person.distance])
    before, after = (origin + 1e-3 * HEAD_TO_CAMERA @ (PIVOT_MM + translations[k]) for k in (0, -1))
    return cv2.Rodrigues(turn)[0][:, 0], after - turn @ before


def image_flow_table(pairs: list[Pair], flows: dict[str, np.ndarray]) -> pd.DataFrame:
    """Endpoint error of image flows, pixels."""
    rows = {}
    for name, flow in flows.items():
        errors = [np.linalg.norm(found - pair.flow, axis=0) for found, pair in zip(flow, pairs, strict=True)]
        rows[name] = {
            "face, px": mean_and_error([over(e, p.face) for e, p in zip(errors, pairs, strict=True)]),
            "moving region, px": mean_and_error([over(e, p.moving) for e, p in zip(errors, pairs, strict=True)]),
        }
    return pd.DataFrame(rows).T


def scene_flow_table(pairs: list[Pair], motions: dict[str, list[np.ndarray]]) -> pd.DataFrame:
    """Absolute error of scene flows per axis over the face, and away over the moving region, millimetres."""
    rows = {}
    for name, found in motions.items():
        errors = [1e3 * np.abs(one - pair.scene_flow) for one, pair in zip(found, pairs, strict=True)]
        regions = [pair.face & np.isfinite(one).all(0) for one, pair in zip(found, pairs, strict=True)]
        row = {
            f"{axis}, mm": mean_and_error([over(e[k], r) for e, r in zip(errors, regions, strict=True)])
            for k, axis in enumerate(AXES)
        }
        row["away, moving region, mm"] = mean_and_error(
            [over(e[2], r & p.moving) for e, r, p in zip(errors, regions, pairs, strict=True)]
        )
        rows[name] = row
    return pd.DataFrame(rows).T


def head_motion_table(pairs: list[Pair], flows: np.ndarray, motions: list[np.ndarray]) -> pd.DataFrame:
    """What is left of head motion: distance to the expression's own flow over the part of the face it leaves still."""
    rows: dict[str, dict[str, list[float]]] = {}
    for index, pair in enumerate(pairs):
        still = pair.face & (np.linalg.norm(pair.own_flow, axis=0) < 0.05)
        pose = rigid_motion(pair.depth[0], pair.camera, *true_head_motion(pair))
        sources = {
            "true flow, px": (pair.flow, pair.own_flow, 0),
            "DIS, px": (flows[index], pair.own_flow, 0),
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
                error = over(np.linalg.norm(left - own, axis=0), still)
                rows.setdefault(mode, {}).setdefault(column, []).append(error)
    table = pd.DataFrame({m: {c: mean_and_error(v) for c, v in row.items()} for m, row in rows.items()}).T
    return table.fillna("")


def own_depth_table(pairs: list[Pair], motions: dict[str, list[np.ndarray]]) -> pd.DataFrame:
    """How much of the expression's own motion away from the camera is left after rigid stabilisation."""
    rows = {}
    for name, found in motions.items():
        errors, likeness = [], []
        for pair, motion in zip(pairs, found, strict=True):
            use = pair.face & np.isfinite(motion).all(0)
            own, left = 1e3 * pair.own_scene_flow[2], np.nan_to_num(1e3 * motion)
            if motion.any():
                left = stabilize(left / 1e3, "rigid", face=use, depth=pair.depth[0], camera=pair.camera) * 1e3
            errors.append(over(np.abs(left[2] - own), use & pair.moving))
            # Over the whole face, and only where there is something to be alike to: 0.2 mm at its strongest.
            strong = np.abs(own[use]).max() > 0.2 and motion.any()
            likeness.append(float(np.corrcoef(left[2][use], own[use])[0, 1]) if strong else np.nan)
        rows[name] = {
            "error, moving region, mm": mean_and_error(errors),
            "correlation over the face": mean_and_error(likeness) if np.isfinite(likeness).any() else "",
        }
    return pd.DataFrame(rows).T


def depth_noise_table(pairs: list[Pair], averaged: list[np.ndarray]) -> pd.DataFrame:
    """Error of the depth change along the true flow over the face, before and after the average over time."""
    rows = {}
    for name, depths in {
        "single frames": [pair.depth for pair in pairs],
        f"{BEFORE} frames before the onset, {AFTER} about the apex": averaged,
    }.items():
        errors = []
        for pair, depth in zip(pairs, depths, strict=True):
            error = 1e3 * np.abs(depth_change(pair, pair.flow, depth) - pair.scene_flow[2])
            errors.append(over(error, pair.face & np.isfinite(error)))
        rows[name] = {"depth change, mm": mean_and_error(errors)}
    return pd.DataFrame(rows).T


def along_the_flow(pair: Pair, flow: np.ndarray) -> np.ndarray:
    """Scene flow ``(3, H, W)`` from an image flow and the depth change along it, nothing smoothed."""
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]]
    change = depth_change(pair, flow, pair.depth)
    first, second, camera = pair.depth[0], pair.depth[0] + change, pair.camera
    right = ((x + flow[0] - camera.cx) * second - (x - camera.cx) * first) / camera.fx
    down = ((y + flow[1] - camera.cy) * second - (y - camera.cy) * first) / camera.fy
    return np.stack([right, down, change])


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--peer", action="store_true", help="OpenCV's DualTVL1 too (it needs a package index)")
    parser.add_argument("--csv", type=Path, help="folder to write the tables to")
    options = parser.parse_args()
    torch.set_num_threads(1)

    pairs = micro_pairs(options.pairs, population="test")
    a, b = (np.stack([pair.gray[k] for pair in pairs]) for k in (0, 1))
    averaged = [averaged_depth(pair) for pair in pairs]

    def motions_of(depths: list[np.ndarray], noise_of=None, **settings) -> tuple[list[np.ndarray], np.ndarray]:
        found = []
        for pair, depth in zip(pairs, depths, strict=True):
            noise = None if noise_of is None else noise_of(pair)
            frames = pair.gray[0], depth[0], pair.gray[1], depth[1]
            found.append(scene_flow(*frames, pair.camera, depth_noise=noise, **settings))
        return [one[0] for one in found], np.stack([one[1] for one in found])

    single = [pair.depth for pair in pairs]
    motions, joint = motions_of(single)
    published, published_joint = motions_of(single, smoothness=published_smoothness(pairs), local_mean=0.0)
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
    }
    if options.peer:
        flows["opencv DualTVL1"] = opencv_tvl1(a, b, threads=(1,)).flow
    scenes = {
        "no motion": [np.zeros_like(one) for one in motions],
        "dis and depth along it": [along_the_flow(pair, one) for pair, one in zip(pairs, dis, strict=True)],
        "scene flow": motions,
        "scene flow, published weights": published,
        "scene flow, depth smoother": motions_of(single, depth_smoothness=2.4)[0],
        "scene flow, depth weighted by its noise": motions_of(single, noise_of=sensor_noise)[0],
        "scene flow, no local mean removed": motions_of(single, local_mean=0.0)[0],
        "scene flow, depth averaged over time": motions_of(averaged)[0],
    }
    tables = {
        "image flow: endpoint error": image_flow_table(pairs, flows),
        "scene flow: absolute error": scene_flow_table(pairs, scenes),
        "head motion left over": head_motion_table(pairs, dis, motions),
        "own motion away, head motion removed": own_depth_table(
            pairs, scenes | {"true scene flow": [pair.scene_flow for pair in pairs]}
        ),
        "depth noise": depth_noise_table(pairs, averaged),
    }
    print(f"{len(pairs)} micro-expressions of {len({pair.video.subject for pair in pairs})} subjects, onset to apex")
    for title, table in tables.items():
        print(f"\n{title}\n{table.to_string()}")
        if options.csv:
            options.csv.mkdir(parents=True, exist_ok=True)
            table.to_csv(options.csv / f"{title.replace(':', '').replace(',', '').replace(' ', '_')}.csv")


if __name__ == "__main__":
    main()
