"""What flow is worth where the truth is known: the errors of every method, and whether depth tells expressions apart.

A *table* is row -> column -> ``{"mean", "error", "n"}``: the mean over onset-apex pairs of the mean over a pair's
pixels, its standard error over pairs, and the number of pairs in which the region is large enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from stored import is_current

from melib.errors import InputError
from melib.flow import face_mask, generic_face, optical_flow, rigid_motion, scene_flow, stabilize
from melib.metrics import recognition, uncertainty
from melib.metrics.verdict import judge
from melib.synthetic.dataset import SyntheticVideo, open_benchmark, open_clips
from melib.synthetic.sensor import FOCAL_BASELINE
from melib.synthetic.views import average_depth
from melib.video import Camera

BEFORE, AFTER = 10, 3  # frames up to the onset and about the apex that averages over time use
GRID = (7, 7)  # cells down and across the face: about 16 pixels of a 128-pixel crop a side
#: Input of the classifier -> source of its optical flow, and of its motion away from the camera (None: it has none).
INPUTS = {
    "optical flow": ("two frames", None),
    "scene flow": ("two frames", "two frames"),
    "scene flow, depth averaged": ("two frames", "averages"),
    "optical flow averaged": ("averages", None),
    "scene flow, both averaged": ("averages", "averages"),
    "true optical flow": ("truth", None),
    "true scene flow": ("truth", "truth"),
}
#: With motion away from the camera -> the same optical flow without.
CONTRASTS = {
    "scene flow": "optical flow",
    "scene flow, depth averaged": "optical flow",
    "scene flow, both averaged": "optical flow averaged",
    "true scene flow": "true optical flow",
}


class Pair(NamedTuple):
    """Onset and apex of a micro-expression with the true motion, all of it and what the expression makes of it."""

    video: SyntheticVideo
    onset: int
    apex: int
    gray: np.ndarray  # (2, H, W) uint8
    depth: np.ndarray  # (2, H, W) float32 metres, as the sensor reads it
    flow: np.ndarray  # (2, H, W) pixels
    scene_flow: np.ndarray  # (3, H, W) metres
    own_flow: np.ndarray
    own_scene_flow: np.ndarray
    face: np.ndarray  # (H, W) bool: the head, away from its outline, seen in both frames and with depth
    moving: np.ndarray  # (H, W) bool: where the expression alone moves the face by more than 0.4 pixels
    camera: Camera
    landmarks: np.ndarray  # (68, 2) pixels at the onset
    head: tuple[np.ndarray, np.ndarray]  # how it turned and moved since the onset, as for rigid_motion
    averaged: np.ndarray  # (2, H, W) depth averaged over time, see over_time


def micro_pairs(count: int, *, population: str, subjects: int = 20, frames: int = 240) -> list[Pair]:
    """The first micro-expressions of suite ``default`` in a population, spread evenly over its first subjects."""
    dataset = open_benchmark("default", population=population, subjects=subjects, videos=12, frames=frames)
    pairs: list[Pair] = []
    for subject in dataset.subjects:
        micro = (
            (video, event)
            for video in dataset.of([subject])
            for event in video.events
            # With room for averages on both sides.
            if event.true.kind == "micro" and event.true.onset >= BEFORE and event.true.apex + AFTER <= video.n_frames
        )
        for video, event in islice(micro, -(-count // subjects)):
            onset, apex = event.true.onset, event.true.apex
            images, depth = _look(video, (onset, apex))
            flow, motion, valid = video.true_motion(onset, apex)
            own_flow, own_motion, _ = video.expression_motion(event)
            # Five pixels from the outline: there, no method can know what a pixel half off the head does.
            face = cv2.erode(valid.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & (depth[0] > 0)
            moving, landmarks = face & (np.linalg.norm(own_flow, axis=0) > 0.4), video.landmarks(onset, onset + 1)[0]
            truth, head = (flow, motion, own_flow, own_motion), video.head_motion(onset, apex)
            # All that needs the person is asked for now: to make one anew takes half a second.
            more = video.camera, landmarks, head, over_time(video, onset, apex, face)[0]
            pairs.append(Pair(video, onset, apex, images, depth, *truth, face, moving, *more))
            if len(pairs) == count:
                return pairs
    raise InputError(f"{subjects} {population} subjects hold {len(pairs)} micro-expressions, not {count}")


def _look(video: SyntheticVideo, frames: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Grey images and depth ``(n, H, W)`` of some frames."""
    images = [cv2.cvtColor(video.frames(i, i + 1)[0], cv2.COLOR_RGB2GRAY) for i in frames]
    return np.stack(images), np.concatenate([video.depth(i, i + 1) for i in frames])


def measure(pairs: Sequence[Pair], *, peers: Mapping[str, np.ndarray] | None = None) -> dict[str, dict]:
    """Tables of the errors of every method, ``peers`` (image flows ``(B, 2, H, W)``) too, and of head motion left."""
    a, b = (np.stack([pair.gray[k] for pair in pairs]) for k in (0, 1))
    single = [pair.depth for pair in pairs]
    averaged = [pair.averaged for pair in pairs]
    motions, joint = _scene_flows(pairs, single)
    # The weight 0.04 of Jaimez et al. is in 1 / m; here it stands at these cameras' metres per pixel.
    per_metre = [2 * pair.camera.fx / np.median(pair.depth[0][pair.face]) for pair in pairs]
    weights = _scene_flows(pairs, single, smoothness=float(0.04 * np.mean(per_metre)), local_mean=0.0)
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
        "scene flow, published weights": weights[1],
        **(peers or {}),
    }
    scenes = {
        "no motion": [np.zeros_like(one) for one in motions],
        "dis and depth along it": [along_the_flow(pair, one) for pair, one in zip(pairs, dis, strict=True)],
        "scene flow": motions,
        "scene flow, published weights": weights[0],
        "scene flow, depth smoother": _scene_flows(pairs, single, depth_smoothness=2.4)[0],
        "scene flow, depth weighted by its noise": _scene_flows(pairs, single, weighted=True)[0],
        "scene flow, no local mean removed": _scene_flows(pairs, single, local_mean=0.0)[0],
        "scene flow, depth averaged over time": _scene_flows(pairs, averaged)[0],
    }
    truth = [pair.scene_flow for pair in pairs]
    seen = {"true flow, px": [pair.flow for pair in pairs], "dis, px": dis}
    left = tabulate(head_motion_left, pairs, seen | {"true scene flow, mm": truth, "scene flow, mm": motions})
    many = f"{BEFORE} frames before the onset, {AFTER} about the apex"
    return {
        "image_flow": tabulate(image_flow_errors, pairs, flows),
        "scene_flow": tabulate(scene_flow_errors, pairs, scenes),
        # A mode a row; the shape of a generic face is of no use for scene flow.
        "head_motion": {
            mode: {name: row[mode] for name, row in left.items() if mode in row} for mode in left["dis, px"]
        },
        "own_depth": tabulate(own_depth_errors, pairs, scenes | {"true scene flow": truth}),
        "depth_noise": tabulate(depth_change_errors, pairs, {"single frames": single, many: averaged}),
    }


def tabulate(errors: Callable, pairs: Sequence[Pair], methods: Mapping[str, Iterable[np.ndarray]]) -> dict[str, dict]:
    """Method -> column -> :func:`summary` over pairs of what ``errors(pair, found)`` says of what a method found."""
    rows = {name: [errors(*one) for one in zip(pairs, found, strict=True)] for name, found in methods.items()}
    return {name: {column: summary(one[column] for one in row) for column in row[0]} for name, row in rows.items()}


def summary(values: Iterable[float]) -> dict[str, float | int | None]:
    """Mean, standard error (None from fewer than two) and number of the finite values; mean None if there is none."""
    known = np.asarray([one for one in values if np.isfinite(one)], float)
    error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else None
    return {"mean": float(known.mean()) if len(known) else None, "error": error, "n": len(known)}


def image_flow_errors(pair: Pair, flow: np.ndarray) -> dict[str, float]:
    """Endpoint error over the face and over the region that the expression moves."""
    error = np.linalg.norm(flow - pair.flow, axis=0)
    return {"face, px": _over(error, pair.face), "moving region, px": _over(error, pair.moving)}


def scene_flow_errors(pair: Pair, motion: np.ndarray) -> dict[str, float]:
    """Absolute error along each axis over the face, and away over the moving region."""
    error, known = 1e3 * np.abs(motion - pair.scene_flow), pair.face & np.isfinite(motion).all(0)
    along = {f"{axis}, mm": _over(error[k], known) for k, axis in enumerate(("right", "down", "away"))}
    return along | {"away, moving region, mm": _over(error[2], known & pair.moving)}


def head_motion_left(pair: Pair, flow: np.ndarray) -> dict[str, float]:
    """Mode -> distance to the expression's own flow over the part of the face that it leaves still, px or mm."""
    still = pair.face & (np.linalg.norm(pair.own_flow, axis=0) < 0.05)
    in_space = len(flow) == 3
    unit, own = (1e3, pair.own_scene_flow) if in_space else (1.0, pair.own_flow)
    flow = unit * flow
    common = {"face": pair.face, "landmarks": pair.landmarks, "camera": pair.camera}
    left = {mode: stabilize(flow, mode, **common) for mode in ("none", "nose", "median", "affine")}
    left["rigid, sensor depth"] = stabilize(flow / unit, "rigid", depth=pair.depth[0], **common) * unit
    if not in_space:
        shape = generic_face(pair.landmarks, pair.camera)
        left["rigid, generic face"] = stabilize(flow, "rigid", depth=shape, **common)
    left["true pose"] = flow - unit * rigid_motion(pair.depth[0], pair.camera, *pair.head)[in_space]
    return {mode: _over(np.linalg.norm(one - unit * own, axis=0), still) for mode, one in left.items()}


def own_depth_errors(pair: Pair, motion: np.ndarray) -> dict[str, float]:
    """How much of the expression's own motion away is left after rigid stabilisation: error, and correlation."""
    known = pair.face & np.isfinite(motion).all(0)
    own, left = 1e3 * pair.own_scene_flow[2], np.nan_to_num(1e3 * motion)
    if motion.any():
        left = stabilize(left / 1e3, "rigid", face=known, depth=pair.depth[0], camera=pair.camera) * 1e3
    # A likeness is asked for where there is something to be like.
    strong = np.abs(own[known]).max() > 0.2 and motion.any()
    return {
        "error, moving region, mm": _over(np.abs(left[2] - own), known & pair.moving),
        "correlation over the face": float(np.corrcoef(left[2][known], own[known])[0, 1]) if strong else np.nan,
    }


def depth_change_errors(pair: Pair, depth: np.ndarray) -> dict[str, float]:
    """Error of the depth change along the true flow over the face."""
    error = 1e3 * np.abs(_depth_change(pair.flow, depth) - pair.scene_flow[2])
    return {"depth change, mm": _over(error, pair.face & np.isfinite(error))}


def _over(error: np.ndarray, region: np.ndarray) -> float:
    """Mean of a pair's error over a region that is large enough."""
    return float(error[region].mean()) if region.sum() >= 20 else np.nan


def over_time(video: SyntheticVideo, onset: int, apex: int, face: np.ndarray) -> tuple[np.ndarray, ...]:
    """Depth ``(2, H, W)`` averaged up to the onset, about the apex; flows ``(N, 2, H, W)`` from the onset to each."""

    def flows(first: np.ndarray, others: np.ndarray) -> np.ndarray:
        return optical_flow(np.repeat(first[None], len(others), 0), others, method="dis")

    averages, images = [], []
    for reference, start, stop in (
        (onset, max(0, onset - BEFORE + 1), onset + 1),
        (apex, apex - 1, min(apex - 1 + AFTER, video.n_frames)),
    ):
        gray, depth = _look(video, range(start, stop))
        index, there = reference - start, flows(gray[reference - start], gray)
        images.append(gray)
        averages.append(average_depth(depth, there, face & (depth[index] > 0), reference=index))
    return np.stack(averages), *(flows(images[0][-1], others) for others in images)


def _scene_flows(pairs: Sequence[Pair], depths: Sequence[np.ndarray], *, weighted: bool = False, **settings) -> tuple:
    """Scene flow of each pair, and the image flows ``(B, 2, H, W)`` they rest on."""
    found = []
    for pair, depth in zip(pairs, depths, strict=True):
        noise = None
        if weighted:  # metres: the error of stereo grows with the distance squared
            z = np.where(pair.depth[0] > 0, pair.depth[0], 1.0)
            noise = 1e3 * pair.video.suite.depth.disparity_px / FOCAL_BASELINE * z**2
        frames = pair.gray[0], depth[0], pair.gray[1], depth[1]
        found.append(scene_flow(*frames, pair.camera, depth_noise=noise, **settings))
    return [one[0] for one in found], np.stack([one[1] for one in found])


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


class Clips(NamedTuple):
    """Region means of clips: ``two frames``, ``averages`` and ``truth`` -> ``(N, 3, 7, 7)``, in px, px and mm."""

    motion: dict[str, np.ndarray]
    labels: np.ndarray
    subjects: np.ndarray


def name_out_of_plane(
    *, train_subjects: int, test_subjects: int, clips: int, resamples: int = 2000, seed: int = 0, jobs: int = 1
) -> dict:
    """Whether depth helps where faces move along the camera axis; does not depend on ``jobs``, the processes."""
    people, sets = {"train_subjects": train_subjects, "test_subjects": test_subjects}, []
    for population, subjects in zip(("train", "test"), people.values(), strict=True):
        dataset = open_clips("out_of_plane", subjects=subjects, clips=clips, population=population)
        read = Parallel(n_jobs=jobs)(delayed(read_clip)(video) for video in dataset.videos)
        labels = np.array([video.expressions[0].emotion for video in dataset.videos])
        motion = {source: np.stack([one[source] for one in read]) for source in read[0]}
        sets.append(Clips(motion, labels, np.array([video.subject for video in dataset.videos])))
    train, test = sets
    return compare_inputs(train, test, dataset.emotions, resamples=resamples, seed=seed) | {
        "dataset": {"name": dataset.name, "version": dataset.version, "synthetic": True},
        "counts": people | {"train_clips": len(train.labels), "test_clips": len(test.labels)},
    }


def read_clip(video: SyntheticVideo) -> dict[str, np.ndarray]:
    """Region means ``(3, 7, 7)`` of a clip's motion from annotated onset to apex, head motion removed, by source."""
    onset, apex, camera = video.expressions[0].onset, video.expressions[0].apex, video.camera
    (first, second), depth = _look(video, (onset, apex))
    landmarks = video.landmarks(onset, onset + 1)[0]
    face, shape = face_mask(landmarks, *first.shape), generic_face(landmarks, camera)

    def across(flows: np.ndarray) -> np.ndarray:  # stabilised without the depth sensor
        faces, shapes = (np.stack([one] * len(flows)) for one in (face, shape))
        still = stabilize(flows, "rigid", face=faces, depth=shapes, camera=camera)
        return region_means(still.mean(axis=0), face, landmarks)

    def away(motion: np.ndarray, valid: np.ndarray) -> np.ndarray:
        known = face & valid & (depth[0] > 0)
        still = stabilize(motion, "rigid", face=known, depth=depth[0], camera=camera)
        return region_means(1e3 * still[2:], known, landmarks)

    averaged, before, about = over_time(video, onset, apex, face)
    from_two, from_many = (scene_flow(first, z[0], second, z[1], camera)[::2] for z in (depth, averaged))
    flow, motion, valid = video.true_motion(onset, apex)
    planes = {
        "two frames": (across(optical_flow(first[None], second[None], method="dis")), away(*from_two)),
        "averages": (across(about) - across(before), away(*from_many)),
        "truth": (across(flow[None]), away(motion, valid)),
    }
    return {source: np.concatenate(both) for source, both in planes.items()}


def region_means(planes: np.ndarray, use: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Mean ``(C, 7, 7)`` of planes in each cell of a grid over the landmarks' box; 0 where no pixel counts."""
    y, x = np.nonzero(use)
    (left, top), (right, bottom) = landmarks.min(axis=0), landmarks.max(axis=0)
    row = np.floor((y - top) / (bottom - top) * GRID[0]).astype(int)
    column = np.floor((x - left) / (right - left) * GRID[1]).astype(int)
    inside = (row >= 0) & (row < GRID[0]) & (column >= 0) & (column < GRID[1])
    cell, size = (row * GRID[1] + column)[inside], GRID[0] * GRID[1]
    sums = [np.bincount(cell, plane[y[inside], x[inside]], size) for plane in planes]
    return (np.stack(sums) / np.maximum(np.bincount(cell, minlength=size), 1)).reshape(len(planes), *GRID)


def name_clips(train: Clips, test: Clips, given: str) -> np.ndarray:
    """Learn the classes on some people from one of :data:`INPUTS`, name the clips of others."""
    if common := sorted(set(train.subjects) & set(test.subjects)):
        raise InputError(f"subjects to be tested were learnt from: {', '.join(common)}")
    across, away = INPUTS[given]
    known, asked = (
        np.concatenate([clips.motion[across][:, :2], *([clips.motion[away][:, 2:]] if away else [])], axis=1)
        for clips in (train, test)
    )
    # What the classifier may choose, it chooses on the training subjects, by subject.
    folds = GroupKFold(min(4, len(set(train.subjects))))
    search = GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": (1.0, 10.0, 100.0)}, cv=folds)
    search.fit(known.reshape(len(known), -1), train.labels, groups=train.subjects)
    return search.predict(asked.reshape(len(asked), -1))


def compare_inputs(train: Clips, test: Clips, classes: Sequence[str], *, resamples: int = 2000, seed: int = 0) -> dict:
    """UF1 over test subjects of each input, what motion away adds, and how like the truth the region means are."""
    names = {given: name_clips(train, test, given) for given in INPUTS}
    shuffled = train._replace(labels=np.random.default_rng([seed, 0]).permutation(train.labels))
    names["shuffled labels"] = name_clips(shuffled, test, "scene flow")
    tallies = {key: recognition.tally(test.labels, one, test.subjects, classes=classes) for key, one in names.items()}
    options = {"n_resamples": resamples, "seed": seed}
    scores = {key: uncertainty.bootstrap(tally, **options) for key, tally in tallies.items()}
    gains = {key: uncertainty.paired(tallies[key], tallies[other], **options) for key, other in CONTRASTS.items()}
    likeness = {}
    for source in ("two frames", "averages"):
        for k, plane in enumerate(("right, px", "down, px", "away, mm")):
            found, true = test.motion[source][:, k], test.motion["truth"][:, k]
            likeness[f"{plane}, from {source}"] = {
                "correlation": float(np.corrcoef(found.ravel(), true.ravel())[0, 1]),
                "error": float(np.sqrt(np.mean((found - true) ** 2))),
                "size": float(np.sqrt(np.mean(true**2))),
            }
    found = [{key: one.table.loc["uf1_pooled"].to_dict() for key, one in each.items()} for each in (scores, gains)]
    said = {"classes": list(classes), "scores": found[0], "differences": found[1], "likeness": likeness}
    return said | {"caution": scores["scene flow"].caution}


def written(name: str) -> str:
    """The name of a method with its estimators as they are written."""
    words = {"opencv DualTVL1": "OpenCV's TV-L1", "tvl1": "TV-L1", "dis": "DIS", "farneback": "Farneback"}
    return re.sub(rf"\b({'|'.join(words)})\b", lambda short: words[short[0]], name)


def show(table: Mapping, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table as text, ``mean ± standard error``; a cell that was not measured is empty."""

    def text(one: Mapping | float) -> str:
        if not isinstance(one, Mapping) or one["mean"] is None:
            return ""
        return f"{one['mean']:.3f}" + ("" if one["error"] is None else f" ± {one['error']:.3f}")

    shown = pd.DataFrame(table).T
    return shown[columns or list(shown)].map(text)


def against_no_motion(tables: Mapping[str, Mapping]) -> pd.DataFrame:
    """Each method's error as a share of the motion itself, in the column where that is largest, and a word on it."""
    lines = [
        (kind, written(method), max(one["mean"] / table["no motion"][column]["mean"] for column, one in row.items()))
        for kind, table in tables.items()
        for method, row in table.items()
        if method != "no motion"
    ]
    found = pd.DataFrame(lines, columns=["measured", "method", "error / motion"])
    found = found.set_index(["measured", "method"])
    return found.assign(**{"than no motion": np.where(found["error / motion"] < 1, "closer", "not closer")})


def differences(result: Mapping) -> pd.DataFrame:
    """What motion away from the camera adds to the UF1 of the same optical flow, its interval, and the verdict."""
    found = pd.DataFrame(result["differences"]).T.rename(lambda given: f"{given} less {CONTRASTS[given]}")
    return found.assign(verdict=[judge(**one, least=0.0) for one in result["differences"].values()])


def origin(record: Mapping) -> pd.DataFrame:
    """Where a record comes from, and whether the code that it measured is still the same."""
    made, same = record["provenance"], "the same" if is_current(record) else "changed since: stale"
    told = {"made on": made["time"][:10], "by": record["command"], "at commit": made["commit"][:12]}
    return pd.DataFrame({record["experiment"]: told | {"code measured": same}}).T
