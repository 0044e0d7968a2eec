"""The depth question as experiments: contrasts, dose-response and sensors, and what counts as success.

A contrast that isolates depth shares one optical flow and one fixed scale; its rows differ in the third plane alone:
zero (``uv0``), strain, change of depth (``uvz``), that of somebody else's clip, or that of a generic face which no
sensor has seen. Scene flow estimates all three planes together and is a row of its own.
"""

from __future__ import annotations

from melib.features import STABILIZATIONS
from melib.study.clip_experiments import LABELS, UAR, UF1, by_mode, contrast, recognizer, row, with_depth_change
from melib.study.clip_variants import (
    AVERAGED_PX,
    AVERAGED_STILL_PX,
    BASE_NOISE_PX,
    DELAYS,
    FACTORS,
    NOISE_PX,
    SWEPT,
    noise_name,
)
from melib.study.experiments import Experiment
from melib.study.rows import Row

#: Smallest gain in UF1 that is of interest, fixed before any run.
SMALLEST_EFFECT = 0.03
#: Shares of expressions that move out of plane, and multiples of AU14's share.
SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
MULTIPLES = (0.5, 1.0, 2.0)

_CRITERION = (
    "Depth helps if UF1 with the change of depth as third plane is higher than with zero by at least "
    f"{SMALLEST_EFFECT:g}, the smallest effect of interest, and the interval of the paired difference lies above 0. It "
    "must also beat the change of depth of somebody else and that of a generic face, which no sensor has seen. "
    "'No' is an answer."
)
_THIRD = {
    "uv0": "u, v and zero",
    "strain": "u, v and strain",
    "uvz": "u, v and depth change",
    "uvz-other": "u, v and somebody else's depth change",
    "generic": "u, v and depth change of a generic face",
}


def _third(kind: str, flow: str, depth: str, generic: str) -> dict[str, object]:
    """Values of a row by its third plane."""
    return {
        "uv0": {"input": "uv0", "flow": flow},
        "uvz": {"input": "uvz", "flow": flow, "depth": depth},
        "uvz-other": {"input": "uvz-other", "flow": flow, "depth": depth},
        "generic": {"input": "uvz", "flow": flow, "depth": generic},
    }[kind]


def stabilised(mode: str, kind: str) -> Row:
    """The grid under one stabilisation, with one third plane; ordinary sensor, 4 classes."""
    if kind == "strain":
        return by_mode(mode, "4")
    values = _third(kind, f"O, {mode}", f"D, {mode}", f"generic, {mode}")
    return row(f"depth-{mode}-{kind}", f"Grid, DIS, {mode}, {_THIRD[kind]}, 4 classes", sheet="sweeps", **values)


def modelled(model: str, kind: str) -> Row:
    """A model with one third plane, or scene flow; ordinary sensor, median stabilisation, 4 classes."""
    known = {"scene flow": "S", "strain": "O"}
    if kind in known:
        return recognizer(model, known[kind], 4)
    if kind == "uvz":
        return with_depth_change(model)
    values = _third(kind, "O", "D", "D, generic")
    return row(f"depth-{model}-{kind}", f"{LABELS[model]}, {_THIRD[kind]}, 4 classes", model=model, classes=4, **values)


_AGAINST = (
    ("uvz", "uv0", "Does depth help?"),
    ("uvz", "strain", "Is depth worth more than strain?"),
    ("uvz", "uvz-other", "Is it this face's depth that helps?"),
    ("uvz", "generic", "Is it more than a generic face tells?"),
)

DEPTH_ABLATION = Experiment(
    name="depth_ablation",
    question="Does depth help to recognize micro-expressions, all else equal?",
    criterion=_CRITERION,
    rows=(
        *(modelled(model, kind) for model in LABELS for kind in (*_THIRD, "scene flow")),
        *(stabilised(mode, kind) for mode in STABILIZATIONS for kind in _THIRD),
    ),
    measures=(UF1, UAR),
    contrasts=(
        *(
            contrast(modelled(model, first), modelled(model, second), question)
            for model in LABELS
            for first, second, question in (*_AGAINST, ("scene flow", "uv0", "Does joint scene flow help?"))
        ),
        *(
            contrast(stabilised(mode, first), stabilised(mode, second), question)
            for mode in STABILIZATIONS
            for first, second, question in _AGAINST
        ),
    ),
)

_SENSORS = {"uv0": "no depth", "mid": "ordinary sensor", "exact": "exact depth"}


def _mixed(mixture: str, share: float, sensor: str) -> dict[str, object]:
    depth = {} if sensor == "uv0" else {"depth": f"D, {sensor}"}
    values = {"input": "uv0" if sensor == "uv0" else "uvz", "flow": "O", "mixture": mixture, "share": share}
    return {"sheet": "mixtures", **values, **depth}


def dosed(share: float, sensor: str) -> Row:
    """The grid where so large a share of the expressions moves out of plane; 7 classes."""
    name, label = f"dose-{share:g}-{sensor}", f"{share:.0%} out of plane, {_SENSORS[sensor]}"
    return row(name, label, classes=7, **_mixed("out-of-plane", share, sensor))


def with_au14(multiple: float, sensor: str) -> Row:
    """The grid where AU14 is so many times as frequent as in the suite; 4 classes."""
    name, label = f"au14-{multiple:g}-{sensor}", f"AU14 x {multiple:g}, {_SENSORS[sensor]}"
    return row(name, label, **_mixed("au14", multiple, sensor))


DOSE_RESPONSE = Experiment(
    name="dose_response",
    question="How much must move along the camera axis before depth helps?",
    criterion=_CRITERION,
    rows=(
        *(dosed(share, sensor) for share in SHARES for sensor in _SENSORS),
        *(with_au14(multiple, sensor) for multiple in MULTIPLES for sensor in _SENSORS),
    ),
    measures=(UF1, UAR),
    contrasts=tuple(
        contrast(make(dose, sensor), make(dose, "uv0"), f"Does depth help? ({_SENSORS[sensor]})")
        for make, doses in ((dosed, SHARES), (with_au14, MULTIPLES))
        for dose in doses
        for sensor in ("mid", "exact")
    ),
)

_FLOW = f"O, {SWEPT}"
#: Variants of the sensor sweep; the ordinary sensor is the one of the other experiments.
SENSORS = (
    *(noise_name(noise) for noise in NOISE_PX),
    *(f"{factor} {value}" for factor, values in FACTORS.items() for value in values),
    *(f"delay {delay}" for delay in DELAYS),
    *(f"averaged, {noise_name(noise)}" for noise in AVERAGED_PX),
    "level low",
    f"D, {SWEPT}",
)
#: Those of which still pairs were read, too.
SPOTTED = (
    *(noise_name(noise) for noise in NOISE_PX),
    f"averaged, {noise_name(AVERAGED_STILL_PX)}",
    "level low",
    f"D, {SWEPT}",
)
#: Learnt from one sensor and tested on another: (learnt, tested).
MISMATCHED = tuple(
    (noise_name(learnt), noise_name(tested))
    for learnt, tested in ((0.0, BASE_NOISE_PX), (0.0, 0.08), (0.0, 0.16), (0.08, 0.0))
)


def _slug(text: str) -> str:
    return text.lower().replace(",", "").replace("%", "pc").replace("/", "of").replace(" ", "-")


def _words(variant: str) -> str:
    return {"level low": "very good stereo camera", f"D, {SWEPT}": "ordinary stereo camera"}.get(variant, variant)


def flat(question: str) -> Row:
    """The grid on u and v alone, what every sensor is held against."""
    return row(
        f"sensor-none-{question}", f"no depth, {question}", sheet="sweeps", question=question, input="uv0", flow=_FLOW
    )


def sensed(variant: str, question: str = "recognition", *, learnt: str = "") -> Row:
    """The grid with the change of depth that one sensor reads."""
    name = f"sensor-{_slug(variant)}-{question}" + (f"-learnt-{_slug(learnt)}" if learnt else "")
    label = f"{_words(variant)}, {question}" + (f", learnt at {learnt}" if learnt else "")
    values = {"sheet": "sweeps", "question": question, "input": "uvz", "flow": _FLOW, "depth": variant}
    return row(name, label, **values, learnt_depth=learnt)


_SENSED = (
    *((sensed(variant), "recognition") for variant in SENSORS),
    *((sensed(variant, "spotting"), "spotting") for variant in SPOTTED),
    *((sensed(tested, learnt=learnt), "recognition") for learnt, tested in MISMATCHED),
)

SENSOR_SWEEP = Experiment(
    name="sensor_sweep",
    question="How good must the depth sensor be, for recognition and for spotting?",
    criterion=_CRITERION
    + " The answer is the largest disparity noise at which depth helps, and does so at every smaller noise too; 'none' "
    "is allowed.",
    rows=(flat("recognition"), flat("spotting"), *(each for each, _ in _SENSED)),
    measures=(UF1, UAR),
    contrasts=tuple(contrast(each, flat(question), "Does depth help?") for each, question in _SENSED),
)

EXPERIMENTS = (DEPTH_ABLATION, DOSE_RESPONSE, SENSOR_SWEEP)
