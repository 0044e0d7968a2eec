"""Intervals that somebody found on the tested people of the benchmark, scored as the rows of this book are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import answers
import numpy as np
import pandas as pd
import yaml

from melib.errors import InputError
from melib.metrics import Tally, _tables, strs, uncertainty
from melib.study import places, records
from melib.study.experiments import load
from melib.study.settings import tier_sizes
from melib.synthetic.dataset import open_benchmark
from melib.synthetic.export import FIRST_PERSON, VIDEO_NAMES
from melib.video import EMOTIONS_4, EMOTIONS_7, SEVEN_TO_FOUR, truth_table

#: What ``about.yml`` says of a submission.
ABOUT = ("name", "by", "date", "code", "learnt_from", "sees")
METRICS = ("f1_spotting", "f1_named", "strs", "false_positives_per_minute")


@cache
def tested() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Micro-expressions and videos of the tested people, under the names that ``melib render`` gives them."""
    sizes = tier_sizes("full")
    size = {"subjects": sizes.people[1], "videos": sizes.videos, "frames": sizes.frames}
    videos = open_benchmark("default", population="test", **size).videos
    names = {
        (video.subject, video.name): (f"spNO.{FIRST_PERSON['test'] + number // sizes.videos}", letter)
        for number, video in enumerate(videos)
        for letter in VIDEO_NAMES[number % sizes.videos]
    }
    truth = truth_table(videos, kinds=("micro",)).replace({"emotion": SEVEN_TO_FOUR})
    listed = pd.DataFrame(
        [(video.subject, video.name, video.n_frames, video.fps) for video in videos],
        columns=["subject", "video", "frames", "fps"],
    )
    for table in (truth, listed):
        table[["subject", "video"]] = [names[pair] for pair in zip(table["subject"], table["video"], strict=True)]
    return truth, listed


def tally(predictions: pd.DataFrame) -> Tally:
    """Counts per person of predicted intervals, whose emotions are of the four classes or of the seven."""
    truth, videos = tested()
    listed = predictions.merge(videos, on=["subject", "video"], how="left")
    for row in listed[listed["frames"].isna()].itertuples():
        raise InputError(f"{row.subject} {row.video} is no video of a tested person: name both as on disk")
    for row in listed[(listed["onset"] < 0) | (listed["offset"] >= listed["frames"])].itertuples():
        raise InputError(
            f"{row.subject} {row.video} has frames 0 to {row.frames - 1:.0f}, not {row.onset}..{row.offset}"
        )
    named = predictions.assign(emotion=predictions["emotion"].replace(SEVEN_TO_FOUR))
    return strs.tally(truth, named, videos=videos, emotions=EMOTIONS_4)


def score(predictions: pd.DataFrame) -> pd.DataFrame:
    """The metrics of predicted intervals: ``value, low, high``."""
    return uncertainty.bootstrap(tally(predictions)).table.loc[list(METRICS)].astype(float)


def of_the_book(experiment: str, row: str) -> pd.DataFrame | None:
    """The metrics of a published row, likewise; None if it is not published, or was tested on other people."""
    declared = load(experiment, "full").row(row)
    first = records.path(declared, declared.seeds[0], places.published())
    if not first.is_file() or records.read_values(first)["counts"]["subjects"] != tier_sizes("full").people[1]:
        return None
    return answers.published_values(experiment, row, METRICS)


def by_luck(experiment: str, row: str) -> pd.DataFrame:
    """What the intervals of a published row reach at random times: the mean of many draws, and 95 % of them."""
    declared = load(experiment, "full").row(row)
    drawn = records.read_values(records.path(declared, declared.seeds[0], places.published()))["chance"]["shifted"]
    found = pd.DataFrame({metric: drawn[metric] for metric in METRICS}).T
    return found.rename(columns={"mean": "value"})[["value", "low", "high"]].astype(float)


def read(folder: Path) -> tuple[dict[str, str], pd.DataFrame]:
    """What a submission says of itself, and its intervals; InputError says what is missing or wrong."""
    for name in ("about.yml", "predictions.csv"):
        if not (folder / name).is_file():
            raise InputError(f"{folder} holds no {name}")
    about = yaml.safe_load((folder / "about.yml").read_text(encoding="utf-8"))
    if missing := [name for name in ABOUT if not about.get(name)]:
        raise InputError(f"{folder / 'about.yml'} does not say: {', '.join(missing)}")
    known = {*EMOTIONS_7, *EMOTIONS_4}
    predictions = _tables.intervals(folder / "predictions.csv", "predictions", emotion="each", known=known)
    if predictions.empty:
        raise InputError(f"{folder / 'predictions.csv'} holds no interval")
    return about, predictions


def most_motion(planes: np.ndarray, starts: np.ndarray, reach: int = 5) -> tuple[int, int]:
    """Onset and offset about the pair whose planes ``(n, 3, 42, 42)`` hold the longest mean motion."""
    length = np.hypot(planes[:, 0], planes[:, 1]).mean(axis=(1, 2))
    middle = int(starts[length.argmax()]) + 3
    return max(0, middle - reach), middle + reach
