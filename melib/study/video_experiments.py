"""Experiments on long videos: which rows, and what counts as success, fixed before the numbers."""

from __future__ import annotations

from melib.study.ceilings import CEILINGS
from melib.study.experiments import Contrast, Experiment
from melib.study.known_units import KNOWN_UNITS
from melib.study.rows import Row
from melib.study.videos import VIDEOS

#: Model of rows on videos -> what tables call it.
MODEL_NAMES = {"mean": "MEAN", "sfamnet": "SFAMNet", "floor": "Floor"}
#: Input -> what names of rows and tables call it.
_INPUTS = {
    "O": ("o", "O"),
    "S": ("s", "S"),
    "O+S": ("o+s", "O+S"),
    "O|S": ("o-and-s", "O|S"),
    "D": ("d", "D"),
    "true-O": ("true-o", "O, true motion"),
    "true-S": ("true-s", "S, true motion"),
}
_AUC = ("frames", "roc_auc_frames")
_F1 = ("spotting_and_naming", "f1_spotting")
_STRS = ("spotting_and_naming", "strs")
_UF1 = ("recognition", "uf1_pooled")


def video_row(model: str, seen: str, *, suffix: str = "", words: str = "", **more: object) -> Row:
    """A row under MEAN's released rule, so that rows of a table differ in nothing but what gives the score.

    The threshold of that rule lies between mean and maximum of a video's score and means the same on any scale. On
    shuffled labels, which costs SFAMNet a whole training, networks are trained for two of the inputs.
    """
    short, shown = _INPUTS[seen]
    label = f"{MODEL_NAMES[model]}, {shown}" + (f", {words}" if words else "")
    values = {"model": model, "input": seen, "intervals_by": "mean", **more}
    if not (seen in ("O", "S") and not suffix):
        values["shuffled"] = False
    return Row(f"{model}-{short}{suffix}", label, VIDEOS, values, once="split" in more)


_MAIN = tuple(video_row(model, seen) for model in MODEL_NAMES for seen in _INPUTS)
_LOSO = (
    video_row("mean", "O", suffix="-loso", words="leave one subject out", split="loso"),
    video_row("sfamnet", "S", suffix="-loso", words="leave one subject out", split="loso"),
)


def _depth(part: str, metric: str) -> tuple[Contrast, ...]:
    """Does depth help, and what does estimation cost, by one metric."""
    pairs = (
        ("s", "o", "Does scene flow serve better than optical flow?"),
        ("o+s", "o", "Does depth beside optical flow help, in one network?"),
        ("o-and-s", "o", "Does depth beside optical flow help, by late fusion?"),
        ("true-o", "o", "What does estimating optical flow cost?"),
        ("true-s", "s", "What does estimating scene flow cost?"),
    )
    contrasts = [
        Contrast(f"{model}-{first}", f"{model}-{second}", part, metric, question)
        for first, second, question in pairs
        for model in ("mean", "sfamnet")
    ]
    contrasts += [
        Contrast(f"{model}-{seen}", f"floor-{seen}", part, metric, "Does the network add to the floor?")
        for model in ("mean", "sfamnet")
        for seen in ("o", "s")
    ]
    return tuple(contrasts)


SPOTTING = Experiment(
    name="spotting",
    question="Who finds micro-expressions in long videos of people never seen, and does depth help?",
    criterion=(
        "A row finds something if the interval of its per-frame ROC-AUC (smoothed score) lies above 0.5. Depth helps "
        "a network if its ROC-AUC with depth is higher by at least 0.03 and the interval of the difference lies above "
        "0. Any other outcome is reported as it is, a loss included."
    ),
    rows=_MAIN,
    measures=(_AUC, _F1),
    contrasts=_depth(*_AUC),
)

SPOT_THEN_RECOGNIZE = Experiment(
    name="spot_then_recognize",
    question="How well do the networks find micro-expressions in long videos and name them, and does depth help?",
    criterion=(
        "A row succeeds if its STRS lies above what its own intervals reach at random times with random names. Depth "
        "helps a network if its STRS with depth is higher by at least 0.03 and the interval of the difference lies "
        "above 0. Leave-one-subject-out rows show the papers' design at work on the training population; they stand "
        "on other people and are not compared with the others."
    ),
    rows=(*_MAIN, *_LOSO),
    measures=(_F1, ("spotting_and_naming", "f1_analysis"), _STRS, _UF1),
    contrasts=_depth(*_STRS),
)

TRANSFER = Experiment(
    name="transfer_ablation",
    question="Does MEAN recognize better on what its spotting module has learnt than from scratch?",
    criterion=(
        "Transfer helps if UF1 of given expressions with it is higher by at least 0.03 and the interval of the "
        "difference lies above 0."
    ),
    rows=tuple(
        video_row("mean", seen, suffix=suffix, words=words, **more)
        for seen in ("O", "S")
        for suffix, words, more in (("", "", {}), ("-scratch", "from scratch", {"transfer": False}))
    ),
    measures=(_UF1, _STRS),
    contrasts=tuple(
        Contrast(f"mean-{seen}", f"mean-{seen}-scratch", *_UF1, question="Does transfer help?") for seen in "os"
    ),
)

ATTENTION_AUGMENTATION = Experiment(
    name="attention_augmentation",
    question="What do attention and augmentation bring SFAMNet?",
    criterion=(
        "A part helps if the ROC-AUC of frames, or UF1 of given expressions, falls by at least 0.03 without it and the "
        "interval of the difference lies above 0."
    ),
    rows=(
        video_row("sfamnet", "S"),
        video_row("sfamnet", "S", suffix="-no-attention", words="without attention", attention=False),
        video_row("sfamnet", "S", suffix="-no-augmentation", words="without augmentation", augmentation=False),
        video_row("sfamnet", "S", suffix="-plain", words="without either", attention=False, augmentation=False),
    ),
    measures=(_AUC, _F1, _UF1),
    contrasts=tuple(
        Contrast("sfamnet-s", f"sfamnet-s-{without}", *measure, question=question)
        for measure in (_AUC, _UF1)
        for without, question in (
            ("no-attention", "Does attention help?"),
            ("no-augmentation", "Does augmentation help?"),
            ("plain", "Do both together help?"),
        )
    ),
)


def by_rule(model: str, seen: str, finder: str, rule: str) -> Row:
    """A network under a rule; under MEAN's, as released, it is the network's main row."""
    if (finder, rule) == ("mean", "authors"):
        return video_row(model, seen)
    words = f"{MODEL_NAMES[finder]}'s rule, {rule}"
    return video_row(model, seen, suffix=f"-by-{finder}-{rule}", words=words, intervals_by=finder, rule=rule)


def _ceiling(finder: str, rule: str) -> Row:
    values = {"model": finder, "intervals_by": finder, "rule": rule}
    return Row(f"ceiling-{finder}-{rule}", f"Ceiling of {MODEL_NAMES[finder]}'s rule, {rule}", CEILINGS, values)


_RULES = tuple((finder, rule) for finder in ("mean", "sfamnet") for rule in ("authors", "strict"))
_NETWORKS = (("mean", "O"), ("sfamnet", "S"))

PROTOCOLS = Experiment(
    name="protocols",
    question="How much of a result is the spotting rule, and who chose its constants?",
    criterion=(
        "Protocol *strict* is a fair substitute for *authors* if F1 of spotting under it is not lower, beyond the "
        "interval of the difference, for either network under its own rule."
    ),
    rows=(
        *(by_rule(*network, *rule) for network in _NETWORKS for rule in _RULES),
        *(_ceiling(*rule) for rule in _RULES),
    ),
    measures=(("spotting_and_naming", "precision_spotting"), ("spotting_and_naming", "recall_spotting"), _F1),
    contrasts=(
        Contrast("mean-o-by-mean-strict", "mean-o", *_F1, question="Does MEAN lose by strict constants?"),
        Contrast(
            "sfamnet-s-by-sfamnet-strict",
            "sfamnet-s-by-sfamnet-authors",
            *_F1,
            question="Does SFAMNet lose by strict constants?",
        ),
        Contrast(
            "mean-o-by-sfamnet-strict",
            "mean-o-by-mean-strict",
            *_F1,
            question="Is SFAMNet's rule better for MEAN, both strict?",
        ),
        Contrast(
            "sfamnet-s-by-mean-strict",
            "sfamnet-s-by-sfamnet-strict",
            *_F1,
            question="Is MEAN's rule better for SFAMNet, both strict?",
        ),
    ),
)

CONTROLS = Experiment(
    name="controls",
    question="Does what must fail fail, and what must succeed succeed?",
    criterion=(
        "Training on shuffled labels must stay within what guessing by frequency reaches, in every row. On suite "
        "*sanity* the interval of the per-frame ROC-AUC must lie above 0.5. True action units must name better "
        "than guessing; if a network names better than they do, it reads more than which muscles moved."
    ),
    rows=(
        Row("units", "True action units, linear", KNOWN_UNITS),
        video_row("floor", "O"),
        video_row("mean", "O"),
        video_row("sfamnet", "S"),
        video_row("mean", "O", suffix="-sanity", words="suite sanity", suite="sanity"),
        video_row("sfamnet", "O", suffix="-sanity", words="suite sanity", suite="sanity"),
    ),
    measures=(_UF1, ("recognition", "uar_pooled"), _AUC),
    contrasts=(
        Contrast("units", "mean-o", *_UF1, question="Do true action units name better than MEAN?"),
        Contrast("units", "sfamnet-s", *_UF1, question="Do true action units name better than SFAMNet?"),
    ),
)

EXPERIMENTS = (SPOTTING, SPOT_THEN_RECOGNIZE, TRANSFER, ATTENTION_AUGMENTATION, PROTOCOLS, CONTROLS)
