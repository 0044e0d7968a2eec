"""The floor under every table: mean movement of four face regions, and a classifier of the shelf.

What a network adds to it is what its convolutions have learnt; a network below it has learnt nothing of use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from melib.errors import InputError
from melib.models import check_planes
from melib.training.checks import check_samples
from melib.training.sampling import all_rows, thinned_rows

CLASSIFIERS = ("logistic", "svm")


def region_means(planes: np.ndarray, batch: int = 4096) -> np.ndarray:
    """Mean of each plane over four regions: brows and mouth, left and right half of the image.

    Parameters
    ----------
    planes : ndarray, (N, 3, 42, 42)
        The upper 21 rows show the brows, the lower 21 the mouth.
    batch : int
        Samples read at a time.

    Returns
    -------
    ndarray, (N, 12) float64
        Plane by plane: brows left, right, mouth left, right.
    """
    check_planes(planes)
    parts = [
        np.asarray(planes[i : i + batch], np.float64).reshape(-1, 3, 2, 21, 2, 21).mean((3, 5)).reshape(-1, 12)
        for i in range(0, len(planes), batch)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 12))


@dataclass(frozen=True)
class Floor:
    """A trained floor: one classifier a task.

    Attributes
    ----------
    classes : int
        Number of emotions C.
    """

    spot: Pipeline
    recognition: Pipeline
    classes: int

    def predict(self, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A score ``(N,)`` and logits of the emotions ``(N, C)``, float32.

        Of logistic regression, the probability of a micro-expression and the log-probabilities of the emotions; of a
        support vector machine, decision values, the score's above 0 on the side of micro-expressions. An emotion that
        was not among the training samples has the logit -inf.
        """
        means = region_means(planes)
        logits = np.full((len(means), self.classes), -np.inf, np.float32)
        if len(means) == 0:
            return np.empty(0, np.float32), logits
        if isinstance(self.spot[-1], SVC):
            logits[:, self.recognition.classes_] = _decisions(self.recognition, means)
            return self.spot.decision_function(means).astype(np.float32), logits
        logits[:, self.recognition.classes_] = self.recognition.predict_log_proba(means)
        return self.spot.predict_proba(means)[:, 1].astype(np.float32), logits


def train_floor(
    planes: np.ndarray,
    spot_targets: np.ndarray,
    emotion_planes: np.ndarray,
    emotion_labels: np.ndarray,
    *,
    classes: int,
    classifier: str = "logistic",
    seed: int = 0,
    rows: np.ndarray | None = None,
    emotion_rows: np.ndarray | None = None,
) -> Floor:
    """Train the floor on the samples that the networks get.

    Negatives are down-sampled to five a positive, and classes weighted to balance. The same samples and seed give the
    same values.

    Parameters
    ----------
    planes, spot_targets, emotion_planes, emotion_labels, classes, seed, rows, emotion_rows
        As for :func:`melib.training.train_mean`.
    classifier : {"logistic", "svm"}
        Logistic regression sees a movement in one direction and no other. A support vector machine with Gaussian
        kernel, scikit-learn's default, also sees that there is movement at all.

    Returns
    -------
    Floor

    Raises
    ------
    ValueError
        If the classifier is unknown, the samples do not match, no spotting sample is positive or none is negative, or
        all emotion samples carry the same emotion.
    """
    check_samples(planes, spot_targets, emotion_planes, emotion_labels, classes)
    if classifier not in CLASSIFIERS:
        raise InputError(f"unknown classifier {classifier!r}: use one of {', '.join(CLASSIFIERS)}")
    emotion_rows = all_rows(emotion_rows, emotion_planes)
    spot_targets, emotion_labels = np.asarray(spot_targets), np.asarray(emotion_labels)
    rows = thinned_rows(spot_targets, all_rows(rows, planes), 5, seed)
    return Floor(
        _pipeline(classifier).fit(region_means(planes[rows]), spot_targets[rows] > 0),
        _pipeline(classifier).fit(region_means(emotion_planes[emotion_rows]), emotion_labels[emotion_rows]),
        classes,
    )


def _pipeline(classifier: str) -> Pipeline:
    if classifier == "svm":
        return make_pipeline(StandardScaler(), SVC(class_weight="balanced"))
    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))


def _decisions(pipeline: Pipeline, means: np.ndarray) -> np.ndarray:
    """Decision values with a column for each class, of which scikit-learn gives one alone if there are two."""
    values = pipeline.decision_function(means)
    return values if values.ndim == 2 else np.stack([-values, values], axis=1)
