"""What defines a row of the study: its settings, complete once they are made, and how much of everything a tier has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import yaml

from melib import datasets
from melib.errors import InputError, find
from melib.features.settings import TRUE_INPUTS, FeatureSettings
from melib.synthetic.action_units import OUT_OF_PLANE_PATTERNS
from melib.synthetic.readings import Reading
from melib.synthetic.suites import SUITES
from melib.video import EMOTIONS_4, EMOTIONS_7, SEVEN_TO_FOUR

SYNTHETIC = "synthetic"
CLASSES = {4: EMOTIONS_4, 7: EMOTIONS_7}
#: Number of classes of the papers' main table for a dataset.
USUAL_CLASSES = {SYNTHETIC: 4, "casme3": 4, "casme_sq": 3, "samm_lv": 3, "casme2": 5}
USUAL_CLASSES |= {"smic_hs": 3, "smic_vis": 3, "smic_nir": 3}
#: Datasets of clips that hold one expression each.
CLIP_DATASETS = ("casme2", "smic_hs", "smic_vis", "smic_nir")
#: What learns and answers in long videos. ``labels`` answers with the pseudo-labels themselves: the ceiling of a
#: rule. ``action units`` names expressions by their true action units. Neither looks at a video.
MODELS = ("mean", "sfamnet", "window", "floor", "labels", "action units")
#: Whose rule makes intervals of scores.
RULES = ("mean", "sfamnet", "window")
#: What learns on clips; see :mod:`melib.study.clips`.
CLIP_MODELS = ("floor", "grid", "mean", "sfamnet", "window", "action units")
NETWORKS = ("mean", "sfamnet", "window")
#: Joins the inputs of networks that are trained apart and asked together, as in ``O|S``.
FUSION = "|"
#: Choices that one model alone has.
_OWN = {"transfer": "mean", "attention": "sfamnet", "augmentation": "sfamnet", "context": "window", "labels": "window"}
#: Short schedules need higher rates than the published 5e-4 (MEAN) and 1e-4 (SFAMNet): a stated departure.
LEARNING_RATES = {"mean": 3e-3, "sfamnet": 1e-3}
#: Trainings of the floor with shuffled emotion labels.
FLOOR_DRAWS = 20
#: Model -> the sizes that decide how it is trained.
_TRAINED_BY = {"mean": ("spot_steps", "recognition_steps"), "sfamnet": ("joint_steps",), "window": ("window_steps",)}


@dataclass(frozen=True)
class Sizes:
    """How much of everything a tier has; ``tiers.yml`` beside this file is the one table, and says what each is."""

    seeds: int
    headline_seeds: int
    people: tuple[int, int]
    loso_people: int
    videos: int
    frames: int
    stride: int
    clips: int
    spot_steps: int
    recognition_steps: int
    joint_steps: int
    window_steps: int
    batch: int
    control_draws: int
    chance_draws: int
    resamples: int
    clip_people: tuple[int, int]
    clips_each: int
    sweep_people: tuple[int, int]
    sweep_clips_each: int
    clip_steps: int
    clip_batch: int
    clip_guesses: int
    clip_resamples: int
    motion_pairs: int
    out_of_plane: tuple[int, int, int]
    motion_resamples: int


def _read_tiers() -> dict[str, Sizes]:
    # A record's key holds the sizes that decide it, so the table itself is outside of the source that is hashed.
    table = yaml.safe_load(Path(__file__).with_name("tiers.yml").read_text(encoding="utf-8"))
    tiers = table.pop("tiers")
    sizes = {name: [tuple(each) if isinstance(each, list) else each for each in row] for name, row in table.items()}
    return {tier: Sizes(**{name: row[column] for name, row in sizes.items()}) for column, tier in enumerate(tiers)}


#: Tier -> its sizes.
TIERS = _read_tiers()


def tier_sizes(tier: str) -> Sizes:
    """The sizes of a tier; an unknown one is refused."""
    return find(tier, TIERS, "tier")


def usual_classes(dataset: str) -> int:
    """Number of classes unless another is asked for; of a reader that is new, the first of its class sets."""
    return USUAL_CLASSES[dataset] if dataset in USUAL_CLASSES else next(iter(datasets.class_sets(dataset)))


@dataclass(frozen=True)
class Settings:
    """A row of long videos: what is learnt, by what, from whom, and how scores become intervals.

    What is None is filled in when the settings are made: no value is resolved later.

    InputError says which value is no choice, or which two do not fit; FileNotFoundError: there is no ``data_root``.

    Parameters
    ----------
    tier : {"smoke", "quick", "full"}
        Of filmed faces all people and videos are used at every tier, and at tier ``full`` every frame; under rule
        ``authors`` they are then learnt for as long and as fast as published.
    dataset, data_root : str
        ``synthetic``, the benchmark, which is rendered; or a key of :data:`melib.datasets.DATASETS` and its folder.
    suite : str
        Suite of the benchmark.
    split : {"fresh", "loso"}
        People to learn from and others to be tested, the benchmark's default; or one person left out at a time.
    learnt : float
        Of split ``fresh``: people who are learnt from as a multiple of the tier's, at least two, always the first.
    model : str
        One of :data:`MODELS`. All see the planes of ``input``; the floor is also measured beside every network.
    classes : int
        Emotion classes that are named: 4 or 7 on the benchmark (suite ``out_of_plane`` has seven of its own), or a
        number that the reader knows. An expression of no class is spotted, neither learnt nor scored by name.
    input : str
        What the network sees, see :class:`melib.features.FeatureSettings`. Inputs joined by ``|``, such as ``O|S``,
        are late fusion: a network each, trained apart, and the mean of their answers.
    region, normalization, stabilization, method : str
        See :class:`melib.features.FeatureSettings`. ``region`` is ``face`` for WindowNet, ``strips`` for all others, as
        published; ``method`` is ``dis`` on the benchmark, for time, and ``tvl1`` on filmed faces, for fidelity.
        ``stabilization`` is ``median``, under rule ``strict`` ``affine``, and for WindowNet ``relief``.
    stride : int
        Frames between two scored pairs. 0, for WindowNet: as many as make about 30 pairs a second.
    gap_s : float
        Seconds between the frames of a spotting pair: 0.1 on filmed faces, as in the papers, and 0.2 for WindowNet and
        on the benchmark, where a micro-expression then moves further above the noise of the flow at 30 frames a second.
    transfer : bool
        MEAN: recognition on what spotting has learnt; False trains it from scratch.
    attention, augmentation : bool
        SFAMNet: CBAM in the streams; samples magnified by 0.90 to 1.10.
    context : bool
        WindowNet: convolutions over time; False judges each pair alone.
    labels : bool
        WindowNet: True learns from what filmed datasets are labelled with, False also from the blinks of the benchmark,
        which is exact knowledge that no filmed dataset has.
    intervals_by : {"mean", "sfamnet", "window"}
        Whose rule makes intervals of the scores; by default the network's own. That of WindowNet is for its scores.
    rule : {"authors", "strict"}
        Who chose the rule's constants: its release, or this study on the training people of each fold alone. Under
        ``authors`` MEAN learns and is tested, of filmed faces, on videos with a micro-expression alone, as released.
    p : float
        Threshold of MEAN's rule between mean and maximum of a video's score; ``strict`` chooses another.
    shuffled : bool
        Train the network again on shuffled emotion labels, as a control; the floor always is.
    device : {"auto", "cpu", "cuda"}
    """

    tier: str = "quick"
    dataset: str = SYNTHETIC
    data_root: str = ""
    suite: str = "default"
    split: str | None = None
    learnt: float = 1.0
    model: str = "mean"
    classes: int | None = None
    input: str = "O"
    region: str | None = None
    normalization: str = "fixed"
    stabilization: str | None = None
    stride: int | None = None
    method: str | None = None
    gap_s: float | None = None
    transfer: bool = True
    attention: bool = True
    augmentation: bool = True
    context: bool = True
    labels: bool = True
    intervals_by: str | None = None
    rule: str | None = None
    p: float = 0.55
    shuffled: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        find(self.dataset, (SYNTHETIC, *datasets.DATASETS), "dataset")
        find(self.tier, TIERS, "tier")
        window = self.model == "window"
        filled = {
            "split": "loso" if self.filmed else "fresh",
            "classes": usual_classes(self.dataset),
            "method": "tvl1" if self.filmed else "dis",
            "gap_s": 0.1 if self.filmed and not window else 0.2,
            "region": "face" if window else "strips",
            "stride": 0 if window else 1 if self.filmed and self.tier == "full" else self.sizes.stride,
            "intervals_by": "window" if window else self.labels_by,
        }
        rule = self.rule or ("strict" if "window" == (self.intervals_by or filled["intervals_by"]) else "authors")
        filled |= {"rule": rule, "stabilization": "relief" if window else "affine" if rule == "strict" else "median"}
        for name, value in filled.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        find(self.suite, SUITES, "suite")
        find(self.split, ("fresh", "loso"), "split")
        find(self.model, MODELS, "model")
        find(self.classes, self._class_sets, f"classes of {self.dataset}")
        find(self.intervals_by, RULES, "intervals_by")
        find(self.rule, ("authors", "strict"), "rule")
        find(self.device, ("auto", "cpu", "cuda"), "device")
        for part in self.inputs:
            self.planes(part)
        if len(set(self.inputs)) < len(self.inputs):
            raise InputError(f"input {self.input!r} joins an input with itself: name each once")
        for name, owner in _OWN.items():
            if not getattr(self, name) and self.model != owner:
                raise InputError(f"{name} is a choice for model {owner!r}, not {self.model!r}: leave it out")
        if not self.learnt > 0 or (self.learnt != 1 and self.split == "loso"):
            raise InputError(f"learnt is a multiple above 0 of the people of split 'fresh', got {self.learnt}")
        if self.intervals_by == "window" and not (window and self.rule == "strict"):
            raise InputError("intervals_by 'window' is for model 'window' with rule 'strict': it has no other")
        if window and len(self.inputs) > 1:
            raise InputError(f"model 'window' takes one input, not {self.input!r}")
        if self.stride < 0:
            raise InputError(f"stride is a number of frames from 0, got {self.stride}")
        if not self.gap_s > 0:
            raise InputError(f"gap_s is a time in seconds above 0, got {self.gap_s}")
        if not 0 < self.p < 1:
            raise InputError(f"p lies between 0 and 1, got {self.p}")
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
        if not self.labels:
            raise InputError(f"no dataset tells of blinks: leave labels=False out for {self.dataset!r}")
        if self.suite != "default":
            raise InputError(f"suite {self.suite!r} is one of the benchmark's: leave it out for {self.dataset!r}")
        for each in (*self.inputs, self.stabilization, self.model):
            if each in (*TRUE_INPUTS, "true-pose", "action units"):
                raise InputError(f"{each!r} is known of the benchmark alone: choose another for {self.dataset!r}")

    @property
    def sizes(self) -> Sizes:
        """The sizes of the tier."""
        return TIERS[self.tier]

    @property
    def people(self) -> tuple[int, int]:
        """People of the benchmark who are learnt from, and others who are tested: none where one is left out."""
        if self.split == "loso":
            return self.sizes.loso_people, 0
        return max(2, round(self.learnt * self.sizes.people[0])), self.sizes.people[1]

    @property
    def amounts(self) -> dict[str, object]:
        """The sizes that decide this row's numbers; a dataset has the people and videos that it has."""
        names = ["batch", "control_draws", "chance_draws", "resamples", *_TRAINED_BY.get(self.model, ())]
        names += [] if self.filmed else ["videos", "frames", "clips"]
        found = {name: getattr(self.sizes, name) for name in names}
        return found if self.filmed else {**found, "people": list(self.people)}

    @property
    def filmed(self) -> bool:
        """Whether the faces are filmed and not rendered."""
        return self.dataset != SYNTHETIC

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs, one for each network that is asked."""
        return tuple(self.input.split(FUSION))

    def planes(self, input: str) -> FeatureSettings:
        """How the planes of one of the inputs are made."""
        how = {name: getattr(self, name) for name in ("region", "method", "normalization", "stabilization")}
        return FeatureSettings(input=input, **how)

    def alone(self, input: str) -> Settings:
        """The same row with one of its inputs."""
        return replace(self, input=input)

    @property
    def labels_by(self) -> str:
        """Whose pseudo-labels are learnt: ``mean`` (by the floor, too) or ``sfamnet``."""
        return "sfamnet" if "sfamnet" in (self.model, self.model == "labels" and self.intervals_by) else "mean"

    @property
    def micro_videos_only(self) -> bool:
        """Whether videos without a micro-expression are left out, as in MEAN's release."""
        return self.filmed and self.rule == "authors" and self.labels_by == "mean"

    @property
    def emotions(self) -> tuple[str, ...]:
        """Names of the classes, in the order of a network's logits."""
        return tuple(OUT_OF_PLANE_PATTERNS) if self._own_classes else self._class_sets[self.classes]

    def class_of(self, emotion: str | None) -> str | None:
        """The class of a label's emotion; None where it belongs to no class of the set."""
        if self.filmed:
            return datasets.class_sets(self.dataset)[self.classes][1].get(emotion)
        return SEVEN_TO_FOUR.get(emotion, emotion) if self.classes == 4 and not self._own_classes else emotion

    @property
    def _class_sets(self) -> Mapping[int, tuple[str, ...]]:
        if not self.filmed:
            return CLASSES
        return {number: names for number, (names, _) in datasets.class_sets(self.dataset).items()}

    @property
    def _own_classes(self) -> bool:
        return not self.filmed and SUITES[self.suite].timeline.classes == "out_of_plane"


@dataclass(frozen=True)
class ClipSettings:
    """A row of clips: each holds one expression and all that looks like one; what is it, or is there one at all?

    InputError says which value is not one of the choices, or which two do not go together.

    Parameters
    ----------
    tier : {"smoke", "quick", "full"}
    question : {"recognition", "spotting"}
        Name the emotion of the pair from onset to apex, or tell such pairs from still ones.
    people : {"networks", "sweeps"}
        Whose clips, of those that :class:`Sizes` has.
    model : str
        One of :data:`CLIP_MODELS`.
    classes : {4, 7}
    input : {"flow", "depth", "uv0", "uvz", "uvz-other"}
        ``flow`` and ``depth``: the three planes of the reading of that name. The others have u and v of ``flow``, and
        as third plane zero, the motion away of ``depth``, or that of a clip of somebody else.
    flow, depth : Reading or None
        What is read (from YAML a mapping, see :meth:`Reading.of`); None where the input takes none.
    learnt_depth : Reading or None
        In place of ``depth`` for the clips that are learnt from.
    mixture : {"", "out-of-plane", "au14"}
        Which clips: as the suite has them; a share of expressions that move out of plane; AU14 in a multiple of its
        usual share.
    share : float
        That share in [0, 1], or the multiple in [0, 2].
    controls : bool
        Whether the row also learns, several times, from labels dealt out anew.
    effort : float
        Updates of a network as a multiple of the tier's.
    population : {"test", "train"}
        Who is tested: fresh people, or, for choices, every second of the training population, then not learnt from.
    """

    tier: str = "quick"
    question: str = "recognition"
    people: str = "networks"
    model: str = "grid"
    classes: int = 4
    input: str = "flow"
    flow: Reading | None = None
    depth: Reading | None = None
    learnt_depth: Reading | None = None
    mixture: str = ""
    share: float = 0.0
    controls: bool = False
    effort: float = 1.0
    population: str = "test"

    def __post_init__(self) -> None:
        for name in ("flow", "depth", "learnt_depth"):
            if isinstance(getattr(self, name), Mapping):
                object.__setattr__(self, name, Reading.of(getattr(self, name)))
        find(self.tier, TIERS, "tier")
        find(self.question, ("recognition", "spotting"), "question")
        find(self.people, ("networks", "sweeps"), "people")
        find(self.model, CLIP_MODELS, "model")
        find(self.classes, CLASSES, "classes")
        find(self.input, ("flow", "depth", "uv0", "uvz", "uvz-other"), "input")
        find(self.mixture, ("", "out-of-plane", "au14"), "mixture")
        find(self.population, ("test", "train"), "population")
        if self.question == "spotting" and self.model in NETWORKS:
            raise InputError(f"'spotting' on clips is for 'floor' and 'grid': {self.model!r} spots in long videos")
        most = 2.0 if self.mixture == "au14" else 1.0
        if not 0 <= self.share <= most:
            raise InputError(f"the share of mixture {self.mixture!r} lies between 0 and {most:g}, got {self.share}")
        for name in self.needs:
            if getattr(self, name) is None:
                raise InputError(f"input {self.input!r} needs a reading as {name}: give its planes")

    @property
    def needs(self) -> tuple[str, ...]:
        """The readings that the model needs: ``flow``, ``depth``, both or none."""
        if self.model == "action units":
            return ()
        return {"flow": ("flow",), "uv0": ("flow",), "depth": ("depth",)}.get(self.input, ("flow", "depth"))

    @property
    def sizes(self) -> Sizes:
        """The sizes of the tier."""
        return TIERS[self.tier]

    @property
    def _people(self) -> tuple[str, str]:
        return ("clip_people", "clips_each") if self.people == "networks" else ("sweep_people", "sweep_clips_each")

    @property
    def clips(self) -> dict[str, tuple[int, int]]:
        """People of each population, and clips of each of them."""
        people, each = (getattr(self.sizes, name) for name in self._people)
        return {"train": (people[0], each), "test": (people[1], each)}

    @property
    def amounts(self) -> dict[str, object]:
        """The sizes that decide this row's numbers."""
        names = (*self._people, "clip_steps", "clip_batch", "clip_guesses", "clip_resamples")
        return {name: getattr(self.sizes, name) for name in names}

    @property
    def emotions(self) -> tuple[str, ...]:
        """The answers, in the order of a network's logits."""
        return CLASSES[self.classes] if self.question == "recognition" else ("still", "moving")


#: Name in a data file -> the settings of such a row.
WAYS = {"videos": Settings, "clips": ClipSettings}


def make(way: str, values: Mapping[str, object]) -> Settings | ClipSettings:
    """Settings from plain names and values; an unknown name is refused with the nearest that is known."""
    kind = find(way, WAYS, "way")
    for name in values:
        find(name, [each.name for each in fields(kind)], f"setting of a row of {way}")
    return kind(**values)


def plain(settings: Settings | ClipSettings) -> dict[str, object]:
    """Settings as plain types, without what differs from machine to machine (``data_root``, ``device``)."""
    return _finite({name: value for name, value in asdict(settings).items() if name not in ("data_root", "device")})


def _finite(value: object) -> object:
    """The same with None for an infinite limit, which JSON lacks, and lists for tuples."""
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if value == float("inf") else value


def differing(first: Settings | ClipSettings, second: Settings | ClipSettings) -> tuple[str, ...]:
    """Names of the settings in which two rows differ."""
    if type(first) is not type(second):
        return ("way",)
    return tuple(e.name for e in fields(first) if getattr(first, e.name) != getattr(second, e.name))
