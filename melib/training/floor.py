"""The floor under every table: mean movement of four face regions, and a classifier of the shelf.

What a network adds to it is what its convolutions have learnt; a network below it has learnt nothing of use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from melib.errors import InputError
from melib.models import check_planes
from melib.training.sampling import check_samples, downsample_negatives


def region_means(planes: np.ndarray, batch: int = 4096) -> np.ndarray:
    """Means ``(N, 12)`` float64 of planes ``(N, 3, 42, 42)``: of each, brows left and right, mouth left and right."""
    check_planes(planes)
    parts = [  # the upper 21 rows show the brows, the lower 21 the mouth
        np.asarray(planes[i : i + batch], np.float64).reshape(-1, 3, 2, 21, 2, 21).mean((3, 5)).reshape(-1, 12)
        for i in range(0, len(planes), batch)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 12))


@dataclass(frozen=True)
class Floor:
    """A trained floor: one classifier a task, and the number of emotions."""

    spot: Pipeline
    recognition: Pipeline
    classes: int

    def predict(self, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probability of a micro-expression ``(N,)`` and log-probabilities of the emotions ``(N, C)``, float32.

        An emotion that was not among the training samples has the logit -inf.
        """
        means = region_means(planes)
        logits = np.full((len(means), self.classes), -np.inf, np.float32)
        if len(means) == 0:
            return np.empty(0, np.float32), logits
        logits[:, self.recognition.classes_] = self.recognition.predict_log_proba(means)
        return self.spot.predict_proba(means)[:, 1].astype(np.float32), logits


def train_floor(
    planes: np.ndarray,
    spot_targets: np.ndarray,
    emotion_planes: np.ndarray,
    emotion_labels: np.ndarray,
    *,
    classes: int,
    seed: int = 0,
) -> Floor:
    """Train the floor on the samples that the networks get.

    Negatives are down-sampled to five a positive, and classes weighted to balance. Logistic regression sees a movement
    in one direction and no other. The same samples and seed, given as for :func:`melib.training.train_mean`, give the
    same values. Samples that do not match, or that are all of one kind or one emotion, raise ValueError.
    """
    check_samples(planes, spot_targets, emotion_planes, emotion_labels, classes)
    rows = downsample_negatives(spot_targets, 5, seed)
    positive, emotions = np.asarray(spot_targets)[rows] > 0, np.asarray(emotion_labels)
    for what, labels in (("spotting samples", positive), ("emotions", emotions)):
        if len(np.unique(labels)) < 2:
            mend = "take more people, or a dataset with several classes"
            raise InputError(f"the {what} learnt from are all of one class, which nothing can be told from: {mend}")
    spot = _pipeline().fit(region_means(planes[rows]), positive)
    return Floor(spot, _pipeline().fit(region_means(emotion_planes), emotions), classes)


def _pipeline() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
