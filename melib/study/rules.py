"""From the scores of an experiment to intervals: whose rule, and who chose its constants.

Under protocol ``authors`` a rule has the constants of its release. Under ``strict`` they are chosen on the training
subjects of a fold alone, by the scores that networks of inner folds give to subjects they did not see: neither the
people who are tested nor the people who are scored have taught the network that scores them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from melib.errors import InputError
from melib.metrics.intervals import match_arrays
from melib.spotting import (
    MICRO,
    Choice,
    SFAMNetRule,
    box_smooth,
    centred_smooth,
    choose,
    mean_candidates,
    mean_intervals,
    mean_intervals_strict,
    name_intervals,
    sfamnet_candidates,
    sfamnet_intervals,
)
from melib.study.data import Fold, micro
from melib.study.parameters import CLIPS, Parameters
from melib.study.systems import System
from melib.training import group_folds
from melib.video import Video

INNER_FOLDS = 3

#: (rule, protocol) -> what finds intervals ``(m, 3)`` in a score.
_FINDERS: Mapping[tuple[str, str], Callable[..., np.ndarray]] = {
    ("mean", "authors"): mean_intervals,
    ("mean", "strict"): mean_intervals_strict,
    ("sfamnet", "authors"): sfamnet_intervals,
    ("sfamnet", "strict"): sfamnet_intervals,
}
#: SFAMNet's rule counts every second frame.
_FRAME_SKIP = {"mean": 1, "sfamnet": 2}
_VOTING = {"mean": "before_apex", "sfamnet": "to_apex"}


@dataclass(frozen=True)
class Rule:
    """A spotting rule with its constants.

    Attributes
    ----------
    name : {"mean", "sfamnet"}
    protocol : {"authors", "strict"}
    constants : mapping
        Keyword arguments of the rule's function in :mod:`melib.spotting`.
    """

    name: str
    protocol: str
    constants: Mapping[str, object]

    @property
    def frame_skip(self) -> int:
        """Frames from one of the rule's positions to the next."""
        return _FRAME_SKIP[self.name]

    def positions(self, score: np.ndarray) -> np.ndarray:
        """Onset, apex and offset ``(m, 3)`` in a score of every frame ``(n,)``, in units of ``frame_skip``."""
        return _FINDERS[self.name, self.protocol](score[:: self.frame_skip], **self.constants)

    def names(self, labels: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The vote of the frames, from the class of every frame ``(n,)``: ``(m,)``."""
        return name_intervals(labels[:: self.frame_skip], positions, span=_VOTING[self.name])

    def heights(self, score: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """The score at each apex as the rule smooths it: ``(m,)``."""
        score = score[:: self.frame_skip]
        if self.name == "sfamnet":
            smooth = box_smooth(score, 2 * self.constants["rule"].half_width)
        elif self.protocol == "authors":
            smooth = box_smooth(score, 2 * self.constants["k_p"])
        else:
            smooth = centred_smooth(score, self.constants["k_p"])
        return smooth[positions[:, 1]]

    def as_record(self) -> dict[str, object]:
        """The constants as plain types; a limit that is infinite, and so no limit, becomes None."""
        flat: dict[str, object] = {}
        for key, value in self.constants.items():
            flat.update(asdict(value) if isinstance(value, SFAMNetRule) else {key: value})
        return {key: None if value == np.inf else value for key, value in flat.items()}


def released_rule(parameters: Parameters, *, k_p: int) -> Rule:
    """The rule with the constants of its release; k_p is that of the training subjects.

    The floor beside a network gets the same rule with the same constants, so that the two rows differ in nothing but
    what gives the score. MEAN's threshold lies between mean and maximum of a video's score and is the same on any
    scale. SFAMNet's constants are levels of a score, and mean the same for both: SFAMNet learns from as many frames
    with as without a micro-expression, and the floor weighs the two alike, so either score is a probability at even
    odds.
    """
    name = parameters.finder
    constants = {"k_p": k_p, "p": parameters.p} | _one_a_clip(parameters) if name == "mean" else {"rule": MICRO}
    return Rule(name, "authors", constants)


def _one_a_clip(parameters: Parameters) -> dict[str, str]:
    """MEAN keeps the highest peak alone where a video is a clip of one expression, under either protocol."""
    return {"keep": "max"} if parameters.dataset in CLIPS else {}


def inner_folds(fold: Fold, *, seed: int) -> list[tuple[tuple[Video, ...], tuple[Video, ...], tuple[Video, ...]]]:
    """The training subjects of a fold, split once more: videos and clips to learn from, and videos to score.

    Every training subject is scored in exactly one of three parts (in fewer where there are fewer subjects); nobody
    in a part is both learnt from and scored.

    Raises
    ------
    ValueError
        If there are fewer than two training subjects.
    """
    subjects = list(dict.fromkeys(video.subject for video in fold.train))
    if len(subjects) < 2:
        raise InputError(
            f"rule='strict' chooses its constants on training subjects and needs two, got {len(subjects)}: "
            "take more subjects, or rule='authors'"
        )
    return [
        (
            tuple(video for video in fold.train if video.subject in train_names),
            tuple(clip for clip in fold.train_clips if clip.subject in train_names),
            tuple(video for video in fold.train if video.subject in scored_names),
        )
        for train_names, scored_names in group_folds(subjects, min(INNER_FOLDS, len(subjects)), seed=seed)
    ]


def choose_rule(system: System, fold: Fold, *, k_p: int, seeds: Callable[[int], int], name: str) -> tuple[Rule, Choice]:
    """The rule with constants chosen on the training subjects of a fold, by networks that did not see the scored ones.

    Parameters
    ----------
    system : System
        What scores; the floor chooses its own constants.
    fold : Fold
        Of which the tested videos are not looked at.
    k_p : int
        Of the training subjects; the half-lengths tried lie around it.
    seeds : callable
        The seed of each inner training, from its number; number -1 splits the subjects.
    name : str
        Of the fold, before those of its inner trainings.
    """
    scores, videos = [], []
    for number, (learnt, clips, scored) in enumerate(inner_folds(fold, seed=seeds(-1))):
        trained = system.train(
            system.samples(learnt, clips),
            seed=seeds(number),
            name=f"{name}/inner_{number}",
            passing=True,
            spotting_only=True,
        )
        scores += [trained.score_frames(video)[0] for video in scored]
        videos += scored
    truths = [np.array([(e.onset, e.offset) for e in micro(video)], np.int64).reshape(-1, 2) for video in videos]
    parameters = system.readers[0].parameters
    rule = parameters.finder
    fixed = _one_a_clip(parameters) if rule == "mean" else {}
    skip = _FRAME_SKIP[rule]
    if rule == "mean":
        candidates = mean_candidates(scores, k_p)
    else:
        lengths = [offset // skip - onset // skip for truth in truths for onset, offset in truth]
        candidates = sfamnet_candidates([score[::skip] for score in scores], lengths)
    chosen = choose(
        lambda score, **constants: Rule(rule, "strict", constants | fixed).positions(score) * skip,
        candidates,
        scores,
        truths,
        hits,
    )
    return Rule(rule, "strict", {**chosen.constants, **fixed}), chosen


def hits(truth: np.ndarray, found: np.ndarray) -> int:
    """True positives among intervals ``(g, 2)`` and ``(m, 2)`` of one video: one to one, IoU of at least 0.5."""
    groups = [np.zeros(len(each), np.int64) for each in (truth, found)]
    columns = [(group, *each.astype(np.int64).T) for group, each in zip(groups, (truth, found), strict=True)]
    return len(match_arrays(*columns))
