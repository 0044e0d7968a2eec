"""What the networks are trained towards: scores and emotions of frames, made from labelled expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from melib.errors import InputError
from melib.video import Expression


def half_length(expressions: Iterable[Expression]) -> int:
    """MEAN's k_p: half the mean length of the micro-expressions in frames, rounded down, at least 1.

    ``int((mean(offset - onset) + 1) / 2)`` as in the released code, with inclusive offsets. Give it the expressions of
    the training subjects only; the released code takes everybody's.
    """
    lengths = [expression.length for expression in expressions if expression.kind == "micro"]
    if not lengths:
        raise InputError("k_p is half the mean length of micro-expressions, and none was given")
    return max(1, int(np.mean(lengths) / 2))


def spotting_targets(frames: np.ndarray, expressions: Iterable[Expression], *, k_p: int) -> np.ndarray:
    """MEAN's pseudo-labels: 1 where the window ``[i, i + k_p)`` overlaps a micro-expression, else 0.

    Frames ``(n,)`` may come in any order, at any stride. Macro-expressions are negatives. The targets are float32.
    """
    if k_p < 1:
        raise InputError(f"k_p must be at least 1 frame, got {k_p}")
    frames = np.asarray(frames)
    targets = np.zeros(len(frames), np.float32)
    for expression in expressions:
        if expression.kind == "micro":
            targets[(frames + k_p > expression.onset) & (frames <= expression.offset)] = 1
    return targets


def sfamnet_labels(
    frames: np.ndarray,
    expressions: Iterable[Expression],
    classes: Sequence[str],
    *,
    merge: Mapping[str, str] | None = None,
    frame_skip: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """SFAMNet's pseudo-labels: the second half of the rise of a micro-expression, and its emotion there.

    Of frames ``(n,)`` the targets ``(n,)`` float32 are 1 from ``(onset + apex) // 2`` to the apex, compared in units of
    ``frame_skip`` frames (2 as published), rounded down. The labels ``(n,)`` int64 are positions in ``classes``, the
    emotions in the order of the network's logits; ``len(classes)`` is neutral. ``merge`` turns an expression's emotion
    into one of the classes, such as :data:`melib.video.SEVEN_TO_FOUR`. Macro-expressions count as neutral, as in the
    released code; where two expressions claim a frame, the later in order has it.

    A micro-expression without an apex, or with an emotion that is not among the classes, raises ValueError.
    """
    units = np.asarray(frames) // frame_skip
    targets = np.zeros(len(units), np.float32)
    labels = np.full(len(units), len(classes), np.int64)
    for expression in expressions:
        if expression.kind != "micro":
            continue
        if expression.apex is None:
            raise InputError(f"SFAMNet's labels need an apex, and {expression} has none")
        onset, apex = expression.onset // frame_skip, expression.apex // frame_skip
        rising = ((onset + apex) // 2 <= units) & (units <= apex)
        targets[rising] = 1
        labels[rising] = class_index(expression.emotion, classes, merge)
    return targets, labels


def class_index(emotion: str | None, classes: Sequence[str], merge: Mapping[str, str] | None = None) -> int:
    """Position of an emotion among the classes, after merging; ValueError if it is not there."""
    name = merge.get(emotion, emotion) if merge else emotion
    if name not in classes:
        raise InputError(f"emotion {name!r} is not among the classes {', '.join(classes)}")
    return list(classes).index(name)
