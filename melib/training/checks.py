"""Is the training data what it should be?"""

from __future__ import annotations

import numpy as np

from melib.errors import InputError
from melib.models import check_planes


def check_samples(
    planes: np.ndarray,
    spot_targets: np.ndarray,
    emotion_planes: np.ndarray,
    emotion_labels: np.ndarray,
    emotions: int,
) -> None:
    """Raise ValueError unless shapes and numbers agree and every label is one of ``0 .. emotions - 1``."""
    check_planes(planes)
    check_planes(emotion_planes)
    if len(planes) != len(spot_targets) or len(emotion_planes) != len(emotion_labels):
        raise InputError(
            f"{len(planes)} planes for {len(spot_targets)} spotting targets, "
            f"{len(emotion_planes)} for {len(emotion_labels)} emotion labels: the numbers must agree"
        )
    labels = np.asarray(emotion_labels)
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= emotions:
        raise InputError(f"emotion labels must be 0 to {emotions - 1} and at least one, got {np.unique(labels)}")
