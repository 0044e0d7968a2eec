"""Does depth help where a face moves along the camera axis? A small classifier on suite ``out_of_plane``.

Each clip becomes the mean motion, from annotated onset to apex, in the cells of a grid over the face. A support vector
machine learns the classes on some people and names them on others: once from optical flow alone, once with the motion
away from the camera beside it, from single depth images or from depth averaged over time. All are given the same
optical flow, so what differs is depth alone; inputs made from the true motion tell what a perfect estimate would be
worth.
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

from melib.flow import face_mask, generic_face, optical_flow, scene_flow, stabilize
from melib.metrics import recognition, uncertainty
from melib.study.flow_accuracy import averaged_depth
from melib.study.motion_pairs import gray
from melib.synthetic.dataset import SyntheticVideo, open_clips

SUITE = "out_of_plane"
#: Cells of the grid, down and across the face: about 16 pixels of a 128-pixel crop a side.
GRID = (7, 7)
#: Input -> where its motion comes from, and how many of the planes (right, down, away) it sees.
INPUTS = {
    "optical flow": ("single", 2),
    "scene flow": ("single", 3),
    "scene flow, depth averaged over time": ("averaged", 3),
    "true optical flow": ("true", 2),
    "true scene flow": ("true", 3),
}
#: Which inputs are compared: with motion away from the camera, and without.
PAIRS = {
    "scene flow": "optical flow",
    "scene flow, depth averaged over time": "optical flow",
    "true scene flow": "true optical flow",
}
SOURCES = ("single", "averaged", "true")
#: Strengths of the classifier's regularisation from which the training subjects choose.
_PENALTIES = (1.0, 10.0, 100.0)
_FOLDS = 4


@dataclass(frozen=True)
class Clips:
    """Clips as region means.

    Attributes
    ----------
    motion : dict of str to numpy.ndarray
        ``single`` (estimated from single depth images), ``averaged`` (depth averaged over time first), ``true``:
        ``(N, 3, 7, 7)``, right and down in pixels, away in millimetres; head motion removed from all in the same way.
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
    face = face_mask(landmarks, *first.shape)
    shape = generic_face(landmarks, camera)

    def means(flow: np.ndarray, motion: np.ndarray, valid: np.ndarray) -> np.ndarray:
        known = face & valid & (depth[0] > 0)
        across = stabilize(flow, "rigid", face=face, depth=shape, camera=camera)
        away = 1e3 * stabilize(motion, "rigid", face=known, depth=depth[0], camera=camera)[2:]
        return np.concatenate([region_means(across, face, landmarks), region_means(away, known, landmarks)])

    def estimated(readings: np.ndarray) -> np.ndarray:
        motion, _, valid = scene_flow(first, readings[0], second, readings[1], camera)
        return means(flow, motion, valid)

    flow = optical_flow(first, second, method="dis")
    return {
        "single": estimated(depth),
        "averaged": estimated(averaged_depth(video, expression.onset, expression.apex, face)),
        "true": means(*video.true_motion(expression.onset, expression.apex)),
    }


def read_clips(videos: Sequence[SyntheticVideo], *, jobs: int = 1) -> Clips:
    """All clips of some videos; the result does not depend on the number of processes."""
    read = Parallel(n_jobs=jobs)(delayed(read_clip)(video) for video in videos)
    return Clips(
        motion={source: np.stack([one[source] for one in read]) for source in SOURCES},
        labels=np.array([video.expressions[0].emotion for video in videos]),
        subjects=np.array([video.subject for video in videos]),
    )


def name_clips(train: Clips, test: Clips, source: str, planes: int, *, labels: np.ndarray | None = None) -> np.ndarray:
    """Learn the classes on some people, name the clips of others.

    Parameters
    ----------
    train, test : Clips
    source : {"single", "averaged", "true"}
    planes : {2, 3}
        The first so many of (right, down, away).
    labels : numpy.ndarray, optional
        ``(N,)`` in place of the training clips' own, for a control.

    Returns
    -------
    numpy.ndarray
        ``(M,)`` names of the test clips.

    Raises
    ------
    ValueError
        If a subject is in both sets.
    """
    common = sorted(set(train.subjects) & set(test.subjects))
    if common:
        raise ValueError(f"subjects to be tested were learnt from: {', '.join(common)}")
    known, asked = (clips.motion[source][:, :planes].reshape(len(clips.labels), -1) for clips in (train, test))
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
        (key of :data:`PAIRS` -> UF1 with motion away minus UF1 without, over the same resampled subjects), ``likeness``
        (plane -> correlation and root mean square error of its region means with the true ones, and their root mean
        square), ``confusion`` (input -> counts, a row per true class), ``caution``.
    """
    names = {label: name_clips(train, test, *which) for label, which in INPUTS.items()}
    shuffled = np.random.default_rng([seed, 0]).permutation(train.labels)
    names["shuffled labels"] = name_clips(train, test, *INPUTS["scene flow"], labels=shuffled)
    tallies = {
        label: recognition.tally(test.labels, named, test.subjects, classes=classes) for label, named in names.items()
    }
    options = {"n_resamples": resamples, "seed": seed}
    intervals = {label: uncertainty.bootstrap(tally, **options) for label, tally in tallies.items()}
    differences = {
        label: uncertainty.paired(tallies[label], tallies[without], **options) for label, without in PAIRS.items()
    }
    likeness = {
        "right, px": _likeness(test, "single", 0),
        "down, px": _likeness(test, "single", 1),
        "away, mm": _likeness(test, "single", 2),
        "away, depth averaged over time, mm": _likeness(test, "averaged", 2),
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


def verdict(result: Mapping) -> str:
    """Whether motion away from the camera makes the names better, in words that follow from the intervals."""
    said = []
    for label, without in PAIRS.items():
        row = result["differences"][label]
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
    found, true = (clips.motion[one][:, plane].ravel() for one in (source, "true"))
    return {
        "correlation": float(np.corrcoef(found, true)[0, 1]),
        "error": float(np.sqrt(np.mean((found - true) ** 2))),
        "size": float(np.sqrt(np.mean(true**2))),
    }
