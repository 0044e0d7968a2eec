"""The benchmark's suites: frozen specifications, each with a version and a seed.

What moves a bit of a suite takes a new version string, so that a record names what it was measured on.
"""

from __future__ import annotations

from dataclasses import dataclass

from melib.errors import InputError, find
from melib.synthetic.sensor import DEPTH_LEVELS, DepthSensor
from melib.synthetic.timeline import TimelineSettings

#: Disjoint people: models learn on the first and are tested on the second.
POPULATIONS = ("train", "test")

#: Videos that a subject can have.
MOST_VIDEOS = 1_000
_MOST_SUBJECTS = 100_000


@dataclass(frozen=True)
class Suite:
    """A frozen specification of videos.

    Attributes
    ----------
    name, version, purpose : str
    seed : int
        From which the seeds of its subjects and videos follow.
    timeline : TimelineSettings
    depth : DepthSensor
    """

    name: str
    version: str
    seed: int
    purpose: str  # in a sentence
    timeline: TimelineSettings = TimelineSettings()
    depth: DepthSensor = DEPTH_LEVELS["mid"]


# Chosen before any model saw a frame: the first six and twelve subjects, too, have near one silent video in five.
_ALL = (
    Suite(
        name="sanity",
        version="1.0",
        seed=181,
        purpose="Strong micro-expressions on a quiet face: whatever fails here is broken.",
        timeline=TimelineSettings(amplitude=2.0, head_motion=0.15, macro_rate=0.0, eyes=False),
        depth=DEPTH_LEVELS["low"],
    ),
    Suite(
        name="default",
        version="1.0",
        seed=134,
        purpose="Micro-expressions of at most half a second among everything that looks like one.",
    ),
    Suite(
        name="everyday",
        version="1.0",
        seed=304,
        purpose="People as they film themselves: speech, gestures and a poor camera, all of it no expression.",
        timeline=TimelineSettings(everyday=True),
    ),
    Suite(
        name="out_of_plane",
        version="1.0",
        seed=252,
        purpose="Single action units that differ mostly along the camera axis: here depth has to help.",
        timeline=TimelineSettings(classes="out_of_plane"),
    ),
)
SUITES = {suite.name: suite for suite in _ALL}


def find_suite(name: str) -> Suite:
    """The suite of that name."""
    return find(name, SUITES, "suite")


def subject_seed(suite: Suite, population: str, index: int) -> int:
    """Seed of a subject; no two subjects of any suite and population share one."""
    find(population, POPULATIONS, "population")
    if not 0 <= index < _MOST_SUBJECTS:
        raise InputError(f"subject {index} does not exist: a population has {_MOST_SUBJECTS}, counted from 0")
    return (suite.seed * len(POPULATIONS) + POPULATIONS.index(population)) * _MOST_SUBJECTS + index


def video_seed(suite: Suite, population: str, subject: int, video: int) -> int:
    """Seed of a subject's video; no two videos share one."""
    if not 0 <= video < MOST_VIDEOS:
        raise InputError(f"video {video} does not exist: a subject has {MOST_VIDEOS}, counted from 0")
    return subject_seed(suite, population, subject) * MOST_VIDEOS + video
