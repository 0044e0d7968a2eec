"""From the scores of a row to intervals: whose rule, and who chose its constants.

Under ``authors`` a rule has the constants of its release. Under ``strict`` they are chosen on the training subjects of
a fold alone, by the scores that networks of inner folds give to subjects they did not see: neither the people who are
tested nor the people who are scored have taught the network that scores them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np

from melib.errors import InputError
from melib.metrics.intervals import match_arrays
from melib.spotting import (
    MICRO,
    SFAMNetRule,
    Spotted,
    box_smooth,
    centred_smooth,
    choose,
    mean_candidates,
    mean_intervals,
    mean_intervals_strict,
    name_intervals,
    sfamnet_candidates,
    sfamnet_intervals,
    window_candidates,
)
from melib.study.data import Fold, micro
from melib.study.settings import CLIP_DATASETS, Settings
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


class Scored(NamedTuple):
    """What a model says of a video: a score and the probability of each class for n frames from the first on.

    ``score (n,)`` and ``probabilities (n, C)``, neutral perhaps last; of WindowNet also the intervals of its rows.
    """

    score: np.ndarray
    probabilities: np.ndarray
    spotted: Spotted | None = None


@dataclass(frozen=True)
class Rule:
    """A spotting rule: whose it is, by whom its constants are, and these (see :mod:`melib.spotting`)."""

    name: str
    protocol: str
    constants: Mapping[str, object]

    def found(self, scored: Scored) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Intervals in frames ``(m, 3)``, which may reach beyond the video, the score of each, and its class index."""
        if self.name == "window":
            kept = scored.spotted.above(self.constants["threshold"])
            return kept.intervals, kept.scores, kept.emotions
        positions = self.positions(scored.score)
        named = self.names(scored.probabilities.argmax(axis=1), positions)
        return positions * self.frame_skip, self.heights(scored.score, positions), named

    @property
    def frame_skip(self) -> int:
        """Frames from one of the rule's positions to the next."""
        return _FRAME_SKIP[self.name]

    def positions(self, score: np.ndarray) -> np.ndarray:
        """Onset, apex and offset ``(m, 3)`` in a score of every frame ``(n,)``, in units of ``frame_skip``."""
        return _FINDERS[self.name, self.protocol](score[:: self.frame_skip], **self.constants)

    @property
    def without_threshold(self) -> Rule:
        """The same rule with every peak of the score let through, however low and whatever its shape."""
        if self.name == "sfamnet":
            shape = {"min_length": 0, "max_length": np.inf, "max_mean": np.inf, "min_drop": -np.inf}
            rule = replace(self.constants["rule"], threshold=-np.inf, max_video_mean=np.inf, **shape)
            return replace(self, constants={"rule": rule})
        # Far below the lowest score, but finite: a level score has no peak at all.
        limit = {"p": -1e9} if self.protocol == "authors" else {"threshold": -np.inf}
        return replace(self, constants={**self.constants, **limit})

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


def released_rule(settings: Settings, *, k_p: int) -> Rule:
    """The rule with the constants of its release; k_p is that of the training subjects.

    The floor beside a network gets the same constants, so that the two differ in nothing but what gives the score.
    MEAN's threshold lies between mean and maximum of a video's score and is the same on any scale. SFAMNet's constants
    are levels of a score, and mean the same for both: SFAMNet learns from as many frames with as without a
    micro-expression, and the floor weighs the two alike, so either score is a probability at even odds.
    """
    if settings.intervals_by == "sfamnet":
        return Rule("sfamnet", "authors", {"rule": MICRO})
    return Rule("mean", "authors", {"k_p": k_p, "p": settings.p, **_fixed(settings)})


def _fixed(settings: Settings) -> dict[str, str]:
    """MEAN keeps the highest peak alone where a video is a clip of one expression, whoever chose the constants."""
    return {"keep": "max"} if settings.intervals_by == "mean" and settings.dataset in CLIP_DATASETS else {}


def inner_folds(fold: Fold, *, seed: int) -> list[tuple[tuple[Video, ...], tuple[Video, ...], tuple[Video, ...]]]:
    """The training subjects of a fold in three parts: videos and clips to learn from, and videos to score."""
    subjects = list(dict.fromkeys(video.subject for video in fold.train))
    if len(subjects) < 2:
        raise InputError(
            f"rule='strict' chooses its constants on training subjects and needs two, got {len(subjects)}: "
            "take more subjects, or rule='authors'"
        )
    return [
        (
            tuple(video for video in fold.train if video.subject in learnt),
            tuple(clip for clip in fold.train_clips if clip.subject in learnt),
            tuple(video for video in fold.train if video.subject in scored),
        )
        for learnt, scored in group_folds(subjects, min(INNER_FOLDS, len(subjects)), seed=seed)
    ]


def choose_rule(
    settings: Settings, scores: Sequence[Scored], videos: Sequence[Video], *, k_p: int
) -> tuple[Rule, float]:
    """The rule with the constants that find most in the scores of training videos, and the F1 they reach there."""
    truths = [np.array([(e.onset, e.offset) for e in micro(video)], np.int64).reshape(-1, 2) for video in videos]
    name, fixed = settings.intervals_by, _fixed(settings)
    if name == "window":
        candidates = window_candidates([each.spotted for each in scores])
    elif name == "mean":
        candidates = mean_candidates([each.score for each in scores], k_p)
    else:
        skip = _FRAME_SKIP[name]
        lengths = [offset // skip - onset // skip for truth in truths for onset, offset in truth]
        candidates = sfamnet_candidates([each.score[::skip] for each in scores], lengths)

    def find(scored: Scored, **constants: object) -> np.ndarray:
        return Rule(name, "strict", constants | fixed).found(scored)[0]

    chosen = choose(find, candidates, scores, truths, hits)
    return Rule(name, "strict", {**chosen.constants, **fixed}), chosen.f1


def hits(truth: np.ndarray, found: np.ndarray) -> int:
    """True positives among intervals ``(g, 2)`` and ``(m, 2)`` of one video: one to one, IoU of at least 0.5."""
    groups = [np.zeros(len(each), np.int64) for each in (truth, found)]
    columns = [(group, *each.astype(np.int64).T) for group, each in zip(groups, (truth, found), strict=True)]
    return len(match_arrays(*columns))
