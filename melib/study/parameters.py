"""What defines an experiment: its parameters, and how much of everything a tier has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path

from melib import datasets
from melib.errors import InputError
from melib.features import TRUE_INPUTS, FeatureSettings
from melib.synthetic.action_units import OUT_OF_PLANE_PATTERNS
from melib.synthetic.suites import SUITES
from melib.video import EMOTIONS_4, EMOTIONS_7, SEVEN_TO_FOUR

SYNTHETIC = "synthetic"
DATASETS = (SYNTHETIC, *datasets.DATASETS)
MODELS = ("mean", "sfamnet", "floor")
RULES = ("authors", "strict")
INTERVALS_BY = ("own", "mean", "sfamnet")
SPLITS = ("fresh", "loso")
CLASSES = {4: EMOTIONS_4, 7: EMOTIONS_7}
#: Number of classes unless another is asked for: that of the papers' main table for the dataset.
USUAL_CLASSES = {SYNTHETIC: 4, "casme3": 4, "casme_sq": 3, "samm_lv": 3, "casme2": 5} | dict.fromkeys(
    ("smic_hs", "smic_vis", "smic_nir"), 3
)


@dataclass(frozen=True)
class Sizes:
    """How much of everything a tier has; the benchmark's sizes, and the length of training.

    Parameters
    ----------
    train_subjects, test_subjects : int
        People to learn from, and fresh ones to be tested on (``loso`` uses the first alone).
    videos, frames : int
        Long videos of each subject, and frames of each.
    stride : int
        Frames between two scored pairs.
    clips : int
        Further expressions of each subject, of which only onset and apex are rendered: for recognition.
    spot_steps, recognition_steps : int
        Optimiser updates of MEAN's two stages.
    joint_steps : int
        Those of SFAMNet, which learns both tasks at once, and spotting in fewer.
    batch : int
        Samples of an update.
    control_draws : int
        Trainings of a network with shuffled emotion labels; of the floor, which takes no time, there are
        :data:`FLOOR_DRAWS` at every tier.
    resamples : int
        Bootstrap resamples over subjects.
    """

    train_subjects: int
    test_subjects: int
    videos: int
    frames: int
    stride: int
    clips: int
    spot_steps: int
    recognition_steps: int
    joint_steps: int
    batch: int
    control_draws: int
    resamples: int


TIERS = {
    "smoke": Sizes(3, 3, 2, 120, 4, 8, 40, 40, 40, 32, 1, 200),
    "quick": Sizes(6, 6, 2, 240, 3, 12, 400, 100, 200, 64, 3, 500),
    "full": Sizes(12, 12, 2, 450, 2, 20, 500, 150, 300, 64, 3, 2000),
}

#: Trainings of the floor with shuffled emotion labels.
FLOOR_DRAWS = 20

#: Short schedules need higher rates than the published 5e-4 (MEAN) and 1e-4 (SFAMNet): a stated departure.
LEARNING_RATES = {"mean": 3e-3, "sfamnet": 1e-3}

#: Datasets of clips that hold one expression each.
CLIPS = ("casme2", "smic_hs", "smic_vis", "smic_nir")

#: Joins the inputs of networks that are trained apart and asked together, as in ``O|S``.
FUSION = "|"
#: What a network has that another lacks: parameter -> model, for those whose default is the published value.
_OWN = {"transfer": "mean", "classifier": "floor"} | dict.fromkeys(
    ("attention", "augmentation", "spot_weight"), "sfamnet"
)


def tier_sizes(tier: str) -> Sizes:
    """The sizes of a tier.

    Raises
    ------
    ValueError
        If there is no such tier.
    """
    return TIERS[_choice("tier", tier, TIERS)]


def usual_classes(dataset: str) -> int:
    """Number of classes unless another is asked for; of a reader that is new, the first of its class sets."""
    return USUAL_CLASSES[dataset] if dataset in USUAL_CLASSES else next(iter(datasets.class_sets(dataset)))


@dataclass(frozen=True)
class Parameters:
    """What defines a spot-then-recognize experiment.

    Parameters
    ----------
    dataset : str
        ``synthetic``, the benchmark; or a licensed dataset of filmed faces, a key of :data:`melib.datasets.DATASETS`.
    data_root : str
        Folder of a licensed dataset; empty for the benchmark, which is rendered.
    suite : str
        Suite of the benchmark, a key of :data:`melib.synthetic.suites.SUITES`.
    tier : {"smoke", "quick", "full"}
        Of filmed faces all people and videos are used at every tier, and at tier ``full`` every frame; under protocol
        ``authors`` they are then learnt for as long and as fast as published.
    split : {"fresh", "loso"} or None
        None: ``fresh`` on the benchmark, ``loso`` on filmed faces, which have no fresh people.
    model : {"mean", "sfamnet", "floor"}
        All see the same planes, those of ``input``. The floor (:func:`melib.training.train_floor`) is measured beside
        every network; as a model of its own it learns MEAN's pseudo-labels.
    classes : int or None
        Emotion classes that are named: 4 or 7 on the benchmark, whose suite ``out_of_plane`` has seven of its own in
        either case; on filmed faces a number that the dataset's reader knows. None: :func:`usual_classes`. An
        expression whose emotion belongs to no class of the set is spotted, and neither learnt nor scored by name.
    input, region, normalization, stabilization : str
        What the network sees, see :class:`melib.features.FeatureSettings`. Inputs joined by ``|``, such as ``O|S``,
        are late fusion: a network for each, trained apart, and the mean of their scores and probabilities
        (:func:`melib.models.late_fusion`). The papers have an input "O + S" and do not say how the two are fused;
        input ``O+S`` is the other reading, one network whose three planes come from both.
    method : {"tvl1", "dis", "farneback"} or None
        Estimator of the optical flow. None: ``dis`` on the benchmark, for time, and ``tvl1`` on filmed faces, for
        fidelity to the papers.
    gap_s : float or None
        Seconds between the frames of a spotting pair. None: 0.1 on filmed faces, as in the papers, and 0.2 on the
        benchmark, where a micro-expression then moves further above the noise of the flow at 30 frames per second.
    transfer : bool
        MEAN alone: recognition on what spotting has learnt; False trains it from scratch.
    attention : bool
        SFAMNet alone: CBAM in the streams.
    augmentation : bool
        SFAMNet alone: samples magnified by 0.90 to 1.10.
    spot_weight : float
        SFAMNet alone: share of the spotting loss in the total, 0.9 as published.
    classifier : {"logistic"}
        The floor alone, see :func:`melib.training.train_floor`.
    intervals_by : {"own", "mean", "sfamnet"}
        Whose rule makes intervals of the scores; ``own`` is that of the network's paper.
    rule : {"authors", "strict"}
        Who chose the rule's constants: its release, or this study on the training subjects of each fold alone
        (:mod:`melib.study.rules`). Under ``authors`` MEAN (and the floor as a model) learns and is tested, of filmed
        faces, on videos with a micro-expression alone, as in its release; everything else takes all videos.
    p : float
        The threshold of MEAN's rule between mean and maximum of a video's score (0.55 as published); ``strict``
        chooses another.
    shuffled : bool
        Train the network again on shuffled emotion labels, as a control; the floor always is.
    seed : int
    device : str
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    ValueError
        If a value is not one of the choices.
    FileNotFoundError
        If ``data_root`` does not exist.
    """

    dataset: str = SYNTHETIC
    data_root: str = ""
    suite: str = "default"
    tier: str = "quick"
    split: str | None = None
    model: str = "mean"
    classes: int | None = None
    input: str = "O"
    region: str = "strips"
    normalization: str = "fixed"
    stabilization: str = "median"
    method: str | None = None
    gap_s: float | None = None
    transfer: bool = True
    attention: bool = True
    augmentation: bool = True
    spot_weight: float = 0.9
    classifier: str = "logistic"
    intervals_by: str = "own"
    rule: str = "authors"
    p: float = 0.55
    shuffled: bool = True
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        _choice("dataset", self.dataset, DATASETS)
        _choice("suite", self.suite, SUITES)
        _choice("tier", self.tier, TIERS)
        _choice("split", self.split, (None, *SPLITS))
        _choice("model", self.model, MODELS)
        _choice(f"classes of {self.dataset}" if self.filmed else "classes", self.classes, (None, *self._class_sets))
        _choice("intervals_by", self.intervals_by, INTERVALS_BY)
        _choice("rule", self.rule, RULES)
        _choice("classifier", self.classifier, ("logistic",))
        for part in self.parts:
            part.feature_settings()
        if len(set(self.parts)) < len(self.parts):
            raise InputError(f"input {self.input!r} joins an input with itself: name each once")
        for name, owner in _OWN.items():
            if getattr(self, name) != _DEFAULTS[name] and self.model != owner:
                raise InputError(f"{name} is a choice for model {owner!r}, not {self.model!r}: leave it out")
        if not 0 < self.spot_weight < 1:
            raise InputError(f"spot_weight lies between 0 and 1, got {self.spot_weight}")
        if self.gap_s is not None and not self.gap_s > 0:
            raise InputError(f"gap_s is a time in seconds above 0, got {self.gap_s}")
        self._check_data()
        if not 0 < self.p < 1:
            raise InputError(f"p lies between 0 and 1, got {self.p}")

    def _check_data(self) -> None:
        """Whether dataset, its folder and what rests on either agree."""
        if self.data_root and not Path(self.data_root).is_dir():
            raise FileNotFoundError(f"data_root {self.data_root} is not a folder: give the folder of the dataset")
        if not self.filmed:
            if self.data_root:
                raise InputError("the benchmark is rendered, not read: leave data_root empty for dataset 'synthetic'")
            return
        if not self.data_root:
            raise InputError(f"dataset {self.dataset!r} is read from a folder: give it as data_root")
        if self.split == "fresh":
            raise InputError(f"dataset {self.dataset!r} has no fresh people to be tested on: use split 'loso'")
        if self.suite != _DEFAULTS["suite"]:
            raise InputError(f"suite {self.suite!r} is one of the benchmark's: leave it out for {self.dataset!r}")
        true = [part.input for part in self.parts if part.input in TRUE_INPUTS]
        true += [self.stabilization] * (self.stabilization == "true-pose")
        if true:
            raise InputError(f"{true[0]!r} is known of the benchmark alone: choose another for {self.dataset!r}")

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Parameters:
        """Parameters from names and values; an unknown name raises and says which one may have been meant."""
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"the parameters are {', '.join(known)}"
                raise InputError(f"unknown parameter {name!r}: {hint}")
        return cls(**values)

    def resolved(self) -> Parameters:
        """The same parameters, those that were left to the dataset (None) filled in."""
        return replace(
            self,
            split=self.split or ("loso" if self.filmed else "fresh"),
            classes=self._classes,
            method=self._method,
            gap_s=self.gap_s or (0.1 if self.filmed else 0.2),
        )

    @property
    def filmed(self) -> bool:
        """Whether the faces are filmed and not rendered."""
        return self.dataset != SYNTHETIC

    @property
    def micro_videos_only(self) -> bool:
        """Whether videos without a micro-expression are left out, as in MEAN's release."""
        return self.filmed and self.rule == "authors" and self.labels_by == "mean"

    @property
    def stride(self) -> int:
        """Frames between two scored pairs."""
        return 1 if self.filmed and self.tier == "full" else tier_sizes(self.tier).stride

    @property
    def parts(self) -> tuple[Parameters, ...]:
        """The experiments whose networks are asked together: one for each of the inputs that ``|`` joins."""
        if FUSION not in self.input:
            return (self,)
        return tuple(replace(self, input=each) for each in self.input.split(FUSION))

    def feature_settings(self) -> FeatureSettings:
        """The settings of the feature store that this experiment reads; of a joined input, ask its parts."""
        return FeatureSettings(
            input=self.input,
            region=self.region,
            method=self._method,
            normalization=self.normalization,
            stabilization=self.stabilization,
        )

    @property
    def emotions(self) -> tuple[str, ...]:
        """Names of the classes, in the order of a network's logits."""
        return tuple(OUT_OF_PLANE_PATTERNS) if self._own_classes else self._class_sets[self._classes]

    @property
    def finder(self) -> str:
        """Whose rule makes intervals: ``mean`` or ``sfamnet``; the floor's own is MEAN's, as are its labels."""
        return self.labels_by if self.intervals_by == "own" else self.intervals_by

    @property
    def labels_by(self) -> str:
        """Whose pseudo-labels are learnt: ``mean`` or ``sfamnet``."""
        return "sfamnet" if self.model == "sfamnet" else "mean"

    @property
    def merge(self) -> Mapping[str, str | None]:
        """How the labels' own names become those of the classes; None where one belongs to no class."""
        if self.filmed:
            return datasets.class_sets(self.dataset)[self._classes][1]
        return SEVEN_TO_FOUR if self._classes == 4 and not self._own_classes else {}

    def class_of(self, emotion: str | None) -> str | None:
        """The class of a label's emotion; None where it belongs to no class of the set."""
        return self.merge.get(emotion, None if self.filmed else emotion)

    @property
    def _class_sets(self) -> Mapping[int, tuple[str, ...]]:
        if not self.filmed:
            return CLASSES
        return {number: names for number, (names, _) in datasets.class_sets(self.dataset).items()}

    @property
    def _classes(self) -> int:
        return self.classes or usual_classes(self.dataset)

    @property
    def _method(self) -> str:
        return self.method or ("tvl1" if self.filmed else "dis")

    @property
    def _own_classes(self) -> bool:
        return not self.filmed and SUITES[self.suite].timeline.classes == "out_of_plane"


_DEFAULTS = {field.name: field.default for field in fields(Parameters)}


def _choice(name: str, value, choices):
    if value not in choices:
        named = [str(choice) for choice in choices if choice is not None]
        raise InputError(f"unknown {name} {value!r}: use one of {', '.join(named)}")
    return value
