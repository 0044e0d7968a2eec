"""Experiments on clips: which rows, and what counts as success, fixed before the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from melib.features import STABILIZATIONS
from melib.study.clip_rows import CLIPS
from melib.study.clip_variants import SWEPT
from melib.study.clips import NETWORKS
from melib.study.compare import value
from melib.study.experiments import Contrast, Experiment
from melib.study.rows import Row, RowRecords

UF1 = ("recognition", "uf1_pooled")
UAR = ("recognition", "uar_pooled")
LABELS = {"floor": "Floor", "grid": "Grid", "mean": "MEAN", "sfamnet": "SFAMNet"}
CLASSES = (4, 7)


def row(name: str, label: str, **values) -> Row:
    """A row of clips; a classifier that draws nothing at random is trained once."""
    return Row(name, label, CLIPS, values, once=values.get("model") not in NETWORKS)


def contrast(first: Row, second: Row, question: str) -> Contrast:
    """UF1 of the first row less that of the second."""
    return Contrast(first.name, second.name, *UF1, question=question)


# Recognition: what the papers call O, S, D and O+S, and the true motion in place of either.

_SEEN = {
    "O": {"input": "flow", "flow": "O"},
    "S": {"input": "depth", "depth": "S"},
    "O+S": {"input": "uvz", "flow": "O", "depth": "S"},
    "D": {"input": "depth", "depth": "D"},
    "true-O": {"input": "flow", "flow": "true-O"},
    "true-S": {"input": "depth", "depth": "true-S"},
}
_SHOWN = {name: name for name in _SEEN} | {"true-O": "O, true motion", "true-S": "S, true motion"}


def recognizer(model: str, seen: str, classes: int) -> Row:
    """A model that names emotions from one kind of planes."""
    return row(
        f"{model}-{seen.lower()}-{classes}",
        f"{LABELS[model]}, {_SHOWN[seen]}, {classes} classes",
        model=model,
        classes=classes,
        controls=seen == "O",
        **_SEEN[seen],
    )


def _upper(classes: int) -> Row:
    return row(
        f"action-units-{classes}", f"True action units, {classes} classes", model="action units", classes=classes
    )


_ASKED = (
    ("O+S", "O", "Does depth help beside optical flow?"),
    ("S", "O", "Does scene flow do better than optical flow?"),
    ("true-O", "O", "Does it cost anything that the optical flow is estimated?"),
    ("true-S", "S", "Does it cost anything that the scene flow is estimated?"),
)

RECOGNITION = Experiment(
    name="recognition",
    question="Which emotion does a clip with one micro-expression show, and does it help to see depth?",
    criterion=(
        "A row recognizes something if the interval of its UF1 lies above that of guessing. Depth helps a model if its "
        "UF1 with depth is higher by at least 0.03 (the smallest effect of interest) and the interval of the "
        "difference lies above 0. Training on shuffled labels must bring a row down to what guessing gives. True "
        "motion is a row like the others: its difference is reported, whatever its sign."
    ),
    rows=tuple(
        each
        for classes in CLASSES
        for each in (
            _upper(classes),
            *(recognizer(model, seen, classes) for model in LABELS for seen in _SEEN),
        )
    ),
    measures=(UF1, UAR),
    contrasts=tuple(
        contrast(recognizer(model, first, classes), recognizer(model, second, classes), question)
        for classes in CLASSES
        for model in LABELS
        for first, second, question in _ASKED
    ),
)

#: Multiples of a tier's updates at which the networks are looked at.
EFFORTS = (0.25, 0.5, 1.0, 2.0)


def learner(model: str, effort: float) -> Row:
    """A network after so many of its tier's updates, tested on training subjects that it did not learn from."""
    return row(
        f"{model}-effort-{effort:g}",
        f"{LABELS[model]}, {effort:g} x the updates",
        model=model,
        effort=effort,
        population="train",
        **_SEEN["O"],
    )


def learning_curves(kept: Mapping[str, RowRecords]) -> dict[str, pd.DataFrame]:
    """UF1 of each network, ``value, low, high``, by number of updates, from the records of :data:`CONVERGENCE`."""
    steps = next(iter(kept.values())).records[0]["sizes"]["steps"]
    return {
        LABELS[model]: pd.DataFrame.from_dict(
            {effort * steps: value(kept[learner(model, effort).name], *UF1) for effort in EFFORTS}, orient="index"
        )
        for model in ("mean", "sfamnet")
    }


CONVERGENCE = Experiment(
    name="convergence",
    question="Are the networks trained for long enough?",
    criterion=(
        "Twice the updates of the tier bring less than 0.03 UF1 on training subjects that were left out of learning. "
        "Nobody who is tested elsewhere is looked at."
    ),
    rows=tuple(learner(model, effort) for model in ("mean", "sfamnet") for effort in EFFORTS),
    measures=(UF1,),
    contrasts=tuple(
        contrast(learner(model, 2.0), learner(model, 1.0), f"Does {LABELS[model]} gain from twice the updates?")
        for model in ("mean", "sfamnet")
    ),
)

# Smaller experiments, mostly by the grid.

_METHODS = {"dis": "DIS", "tvl1": "TV-L1", "farneback": "Farneback", "true": "true motion"}
_QUESTIONS = {
    "4": ("4 classes", {"classes": 4}),
    "7": ("7 classes", {"classes": 7}),
    "pairs": ("moving or still", {"question": "spotting"}),
}


def by_mode(mode: str, asked: str) -> Row:
    """The grid on optical flow from which head motion was removed in one way."""
    label, values = _QUESTIONS[asked]
    return row(f"{mode}-o-{asked}", f"Grid, DIS, {mode}, {label}", sheet="sweeps", flow=f"O, {mode}", **values)


def _by_flow(method: str, asked: str) -> Row:
    if method == "dis":
        return by_mode(SWEPT, asked)
    label, values = _QUESTIONS[asked]
    variant = "true-O" if method == "true" else f"O, {method}"
    return row(
        f"flow-{method}-{asked}", f"Grid, {_METHODS[method]}, {SWEPT}, {label}", sheet="sweeps", flow=variant, **values
    )


FLOW_CHOICE = Experiment(
    name="flow_choice",
    question="Does it matter which optical flow is used, and what would the true motion be worth?",
    criterion=(
        "A method is better than another if the interval of the difference in UF1 lies above 0; it matters if the "
        "difference is at least 0.03. The true motion is a row, not a bound."
    ),
    rows=tuple(_by_flow(method, asked) for asked in _QUESTIONS for method in _METHODS),
    measures=(UF1, UAR),
    contrasts=tuple(
        contrast(_by_flow(method, asked), _by_flow("dis", asked), question)
        for asked in _QUESTIONS
        for method, question in (
            ("tvl1", "Is TV-L1 as good as DIS?"),
            ("farneback", "Is Farneback's method as good as DIS?"),
            ("true", "What is the true motion worth?"),
        )
    ),
)


STABILISATION = Experiment(
    name="stabilisation",
    question="How should head motion be taken out of optical flow?",
    criterion=(
        "A way to stabilise helps if its UF1 is higher than without by at least 0.03 and the interval of the "
        "difference lies above 0. `true-pose` subtracts the head's true motion: what no stabilisation can be expected "
        "to beat, though nothing forces it to win."
    ),
    rows=tuple(by_mode(mode, asked) for asked in _QUESTIONS for mode in STABILIZATIONS),
    measures=(UF1, UAR),
    contrasts=tuple(
        contrast(by_mode(mode, asked), by_mode("none", asked), f"Does stabilisation '{mode}' help?")
        for asked in _QUESTIONS
        for mode in STABILIZATIONS
        if mode != "none"
    ),
)


def with_depth_change(model: str) -> Row:
    """A model that sees u, v and the change of depth along the flow; ordinary sensor, 4 classes."""
    label = f"{LABELS[model]}, u, v and depth change, 4 classes"
    return row(f"{model}-uvz-4", label, model=model, classes=4, input="uvz", flow="O", depth="D")


def _scaled(model: str, seen: str, *, by_sample: bool) -> Row:
    if not by_sample:
        return recognizer(model, "O", 4) if seen == "O" else with_depth_change(model)
    planes = {"O": "O", "uvz": "u, v and depth change"}[seen]
    values = {"input": "flow"} if seen == "O" else {"input": "uvz", "depth": "D, min-max"}
    label = f"{LABELS[model]}, {planes}, min-max, 4 classes"
    return row(f"{model}-{seen.lower()}-min-max", label, model=model, classes=4, flow="O, min-max", **values)


def _pairs(models: Sequence[str]) -> list[tuple[Row, Row, str]]:
    return [
        (_scaled(model, seen, by_sample=True), _scaled(model, seen, by_sample=False), model)
        for seen in ("O", "uvz")
        for model in models
    ]


NORMALIZATION = Experiment(
    name="normalization",
    question="Min-max scaling of every sample, as in the released code, or one fixed scale for all?",
    criterion=(
        "One way is better for a model if the interval of the difference in UF1 leaves out 0; it matters if the "
        "difference is at least 0.03. Min-max makes a still pair look as strong as an expression, so it is asked for "
        "recognition, where an expression is given."
    ),
    rows=tuple(each for pair in _pairs(tuple(LABELS)) for each in pair[:2]),
    measures=(UF1, UAR),
    contrasts=tuple(
        contrast(first, second, f"Does {LABELS[model]} gain from min-max scaling?")
        for first, second, model in _pairs(tuple(LABELS))
    ),
)

EXPERIMENTS = (RECOGNITION, CONVERGENCE, FLOW_CHOICE, STABILISATION, NORMALIZATION)
