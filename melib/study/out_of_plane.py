"""Does depth help where a face moves along the camera axis? A small classifier on suite ``out_of_plane``.

Each clip becomes the mean motion, from annotated onset to apex, in the cells of a grid over the face. A support vector
machine learns the classes on some people and names them on others: once from optical flow alone, once with the motion
away from the camera beside the same optical flow, so what differs is depth alone. Either comes from two frames or from
averages over more; the true motion tells what a perfect estimate would be worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from melib.errors import InputError
from melib.flow import face_mask, generic_face, optical_flow, scene_flow, stabilize
from melib.metrics import recognition, uncertainty
from melib.study.flow_accuracy import over_time
from melib.study.motion_pairs import gray
from melib.synthetic.dataset import SyntheticVideo, open_clips

SUITE = "out_of_plane"
#: Cells of the grid, down and across the face: about 16 pixels of a 128-pixel crop a side.
GRID = (7, 7)
#: Sources of motion: estimated from two frames, estimated from averages over time, and the truth.
SOURCES = ("two frames", "averages", "truth")
#: Input -> source of its optical flow, and of its motion away from the camera (None: it has none).
INPUTS = {
    "optical flow": ("two frames", None),
    "scene flow": ("two frames", "two frames"),
    "scene flow, depth averaged": ("two frames", "averages"),
    "optical flow averaged": ("averages", None),
    "scene flow, both averaged": ("averages", "averages"),
    "true optical flow": ("truth", None),
    "true scene flow": ("truth", "truth"),
}
#: Which inputs are compared: with motion away from the camera, and without.
CONTRASTS = {
    "scene flow": "optical flow",
    "scene flow, depth averaged": "optical flow",
    "scene flow, both averaged": "optical flow averaged",
    "true scene flow": "true optical flow",
}
#: Strengths of the classifier's regularisation from which the training subjects choose.
_PENALTIES = (1.0, 10.0, 100.0)
_FOLDS = 4


@dataclass(frozen=True)
class Clips:
    """Clips as region means.

    Attributes
    ----------
    motion : dict of str to numpy.ndarray
        Source (:data:`SOURCES`) -> ``(N, 3, 7, 7)``, right and down in pixels, away in millimetres; head motion removed
        from all in the same way.
    labels, subjects : numpy.ndarray
        ``(N,)`` class and subject of each clip.
    """

    motion: dict[str, np.ndarray]
    labels: np.ndarray
    subjects: np.ndarray


def region_means(planes: np.ndarray, use: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Mean of some planes in each cell of a grid over the box around the landmarks.

    Parameters
    ----------
    planes : numpy.ndarray
        ``(C, H, W)``.
    use : numpy.ndarray
        ``(H, W)`` bool, the pixels that count.
    landmarks : numpy.ndarray
        ``(68, 2)`` pixels (x, y).

    Returns
    -------
    numpy.ndarray
        ``(C, 7, 7)``; 0 where no pixel of a cell counts.
    """
    y, x = np.nonzero(use)
    (left, top), (right, bottom) = landmarks.min(axis=0), landmarks.max(axis=0)
    row = np.floor((y - top) / (bottom - top) * GRID[0]).astype(int)
    column = np.floor((x - left) / (right - left) * GRID[1]).astype(int)
    inside = (row >= 0) & (row < GRID[0]) & (column >= 0) & (column < GRID[1])
    cell, size = (row * GRID[1] + column)[inside], GRID[0] * GRID[1]
    count = np.bincount(cell, minlength=size)
    sums = [np.bincount(cell, plane[y[inside], x[inside]], size) for plane in planes]
    return (np.stack(sums) / np.maximum(count, 1)).reshape(len(planes), *GRID)


def read_clip(video: SyntheticVideo) -> dict[str, np.ndarray]:
    """Region means ``(3, 7, 7)`` of a clip's motion from annotated onset to apex, by source (:class:`Clips`).

    Optical flow is that of DIS and is stabilised with the shape of a generic face, so that it owes nothing to the depth
    sensor; scene flow is stabilised with the sensor's depth.
    """
    expression = video.expressions[0]
    frames = [(i, i + 1) for i in (expression.onset, expression.apex)]
    first, second = (gray(video.frames(*one))[0] for one in frames)
    depth = np.stack([video.depth(*one)[0] for one in frames])
    landmarks, camera = video.landmarks(*frames[0])[0], video.camera
    face, shape = face_mask(landmarks, *first.shape), generic_face(landmarks, camera)

    def across(flows: np.ndarray) -> np.ndarray:
        faces, shapes = (np.stack([one] * len(flows)) for one in (face, shape))
        still = stabilize(flows, "rigid", face=faces, depth=shapes, camera=camera)
        return region_means(still.mean(axis=0), face, landmarks)

    def away(motion: np.ndarray, valid: np.ndarray) -> np.ndarray:
        known = face & valid & (depth[0] > 0)
        still = stabilize(motion, "rigid", face=known, depth=depth[0], camera=camera)
        return region_means(1e3 * still[2:], known, landmarks)

    averaged, before, about = over_time(video, expression.onset, expression.apex, face)
    estimates = {}
    for source, readings in (("two frames", depth), ("averages", averaged)):
        motion, _, valid = scene_flow(first, readings[0], second, readings[1], camera)
        estimates[source] = away(motion, valid)
    flow, motion, valid = video.true_motion(expression.onset, expression.apex)
    planes = {
        "two frames": (across(optical_flow(first[None], second[None], method="dis")), estimates["two frames"]),
        "averages": (across(about) - across(before), estimates["averages"]),
        "truth": (across(flow[None]), away(motion, valid)),
    }
    return {source: np.concatenate(both) for source, both in planes.items()}


def read_clips(videos: Sequence[SyntheticVideo], *, jobs: int = 1) -> Clips:
    """All clips of some videos; the result does not depend on the number of processes."""
    read = Parallel(n_jobs=jobs)(delayed(read_clip)(video) for video in videos)
    return Clips(
        motion={source: np.stack([one[source] for one in read]) for source in SOURCES},
        labels=np.array([video.expressions[0].emotion for video in videos]),
        subjects=np.array([video.subject for video in videos]),
    )


def name_clips(train: Clips, test: Clips, input: str, *, labels: np.ndarray | None = None) -> np.ndarray:
    """Learn the classes on some people, name the clips of others.

    Parameters
    ----------
    train, test : Clips
    input : str
        A key of :data:`INPUTS`.
    labels : numpy.ndarray, optional
        ``(N,)`` in place of the training clips' own, for a control.

    Returns
    -------
    numpy.ndarray
        ``(M,)`` names of the test clips.

    Raises
    ------
    ValueError
        If a subject is in both sets, or the input is unknown.
    """
    common = sorted(set(train.subjects) & set(test.subjects))
    if common:
        raise InputError(f"subjects to be tested were learnt from: {', '.join(common)}")
    if input not in INPUTS:
        raise InputError(f"unknown input {input!r}: use one of {', '.join(INPUTS)}")
    known, asked = (_features(clips, *INPUTS[input]) for clips in (train, test))
    # What the classifier may choose, it chooses on the training subjects, by subject.
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SVC()),
        {"svc__C": _PENALTIES},
        cv=GroupKFold(min(_FOLDS, len(set(train.subjects)))),
        scoring="accuracy",
    )
    search.fit(known, train.labels if labels is None else labels, groups=train.subjects)
    return search.predict(asked)


def compare(train: Clips, test: Clips, classes: Sequence[str], *, resamples: int = 2000, seed: int = 0) -> dict:
    """Optical flow alone against scene flow, as estimated and as it is: every input of :data:`INPUTS`.

    Returns
    -------
    dict
        ``scores`` (input -> UF1 as ``value, low, high``, and ``shuffled labels`` from scene flow), ``differences``
        (key of :data:`CONTRASTS` -> UF1 with motion away minus UF1 without, over the same resampled subjects),
        ``likeness`` (plane -> correlation and root mean square error of its region means with the true ones, and their
        root mean square), ``confusion`` (input -> counts, a row per true class), ``caution``.
    """
    names = {label: name_clips(train, test, label) for label in INPUTS}
    shuffled = np.random.default_rng([seed, 0]).permutation(train.labels)
    names["shuffled labels"] = name_clips(train, test, "scene flow", labels=shuffled)
    tallies = {
        label: recognition.tally(test.labels, named, test.subjects, classes=classes) for label, named in names.items()
    }
    options = {"n_resamples": resamples, "seed": seed}
    intervals = {label: uncertainty.bootstrap(tally, **options) for label, tally in tallies.items()}
    differences = {
        label: uncertainty.paired(tallies[label], tallies[without], **options) for label, without in CONTRASTS.items()
    }
    likeness = {
        f"{plane}, from {source}": _likeness(test, source, k)
        for source in ("two frames", "averages")
        for k, plane in enumerate(("right, px", "down, px", "away, mm"))
    }
    return {
        "classes": list(classes),
        "scores": {label: _limits(one) for label, one in intervals.items()},
        "differences": {label: _limits(one) for label, one in differences.items()},
        "likeness": likeness,
        "confusion": {
            label: recognition.confusion_matrix(test.labels, names[label], classes=classes).to_numpy().tolist()
            for label in INPUTS
        },
        "caution": intervals["scene flow"].caution,
    }


def run(
    *, train_subjects: int, test_subjects: int, clips: int, resamples: int = 2000, seed: int = 0, jobs: int = 1
) -> dict:
    """Open the clips of both populations and :func:`compare`; its result with ``counts`` and ``dataset`` added."""
    sets = {
        population: open_clips(SUITE, subjects=subjects, clips=clips, population=population)
        for population, subjects in (("train", train_subjects), ("test", test_subjects))
    }
    train, test = (read_clips(dataset.videos, jobs=jobs) for dataset in sets.values())
    result = compare(train, test, sets["train"].emotions, resamples=resamples, seed=seed)
    return result | {
        "dataset": {"name": sets["train"].name, "version": sets["train"].version, "synthetic": True},
        "counts": {
            "train_subjects": train_subjects,
            "test_subjects": test_subjects,
            "train_clips": len(train.labels),
            "test_clips": len(test.labels),
        },
    }


def _features(clips: Clips, across: str, away: str | None) -> np.ndarray:
    """What the classifier sees of clips: ``(N, 98)``, or ``(N, 147)`` with motion away."""
    parts = [clips.motion[across][:, :2]] + ([] if away is None else [clips.motion[away][:, 2:]])
    return np.concatenate(parts, axis=1).reshape(len(clips.labels), -1)


def verdict(result: Mapping) -> str:
    """Whether motion away from the camera makes the names better, in words that follow from the intervals."""
    said = []
    for label, row in result["differences"].items():
        without = CONTRASTS[label]
        words = f"({row['value']:+.3f}, {row['low']:+.3f} to {row['high']:+.3f})"
        if row["low"] > 0:
            said.append(f"{label} is better than {without} {words}")
        elif row["high"] < 0:
            said.append(f"{label} is worse than {without} {words}")
        else:
            said.append(f"{label} is not shown to differ from {without} {words}")
    return "UF1 on held-out subjects: " + "; ".join(said) + "."


def _limits(intervals: uncertainty.Intervals) -> dict[str, float]:
    return {key: float(value) for key, value in intervals.table.loc["uf1_pooled"].items()}


def _likeness(clips: Clips, source: str, plane: int) -> dict[str, float]:
    found, true = (clips.motion[one][:, plane].ravel() for one in (source, "truth"))
    return {
        "correlation": float(np.corrcoef(found, true)[0, 1]),
        "error": float(np.sqrt(np.mean((found - true) ** 2))),
        "size": float(np.sqrt(np.mean(true**2))),
    }
