"""Make ``melib/assets/spotter.safetensors``, the network behind ``melib spot``.

    python tools/make_spotter.py [--out FILE] [--store DIR] [--jobs N]

WindowNet learns from training people of the suites `default` and `everyday` together. The threshold is chosen on them,
by networks that did not see those they score: of the thresholds that leave two false marks a minute on `everyday` at
most, the one of the best F1 over both suites. On fresh people of `everyday` the share of right marks is kept for bands
of the score. The same commit gives the same weights on the same machine; the file names it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest

from melib import features, provenance
from melib.errors import InputError, in_one_line
from melib.metrics import intervals
from melib.models import WindowNet
from melib.own_video.spotter import SHIPPED, Band, Spotter, save_spotter
from melib.study import places, rules
from melib.study.data import Fold, Reader, requests
from melib.study.long_videos import TrainedWindow, training_settings
from melib.study.settings import Settings
from melib.synthetic.dataset import open_benchmark
from melib.training import group_folds, train_window
from melib.video import truth_table

SEED, BANDS = 0, 3
SUITES = ("default", "everyday")  # on the last, false marks are limited and scores calibrated
SETTINGS = Settings(tier="full", model="window", stabilization="relief", device="cpu")
MOST_FALSE, THRESHOLDS = 2.0, (np.arange(2, 96) / 100).tolist()  # false marks a minute; least scores that are tried


@dataclass(frozen=True)
class Sizes:
    """How many people of each suite are learnt from and calibrated on, and how much of each there is."""

    training: int = 72
    fresh: int = 60
    videos: int = 2
    frames: int = 450


def open_people(population: str, people: int, sizes: Sizes, store: Path, jobs: int) -> list[Reader]:
    """People of each suite, whose planes are in the store."""
    how, readers = {"videos": sizes.videos, "frames": sizes.frames, "population": population}, []
    for suite in SUITES:
        readers.append(Reader(open_benchmark(suite, subjects=people, **how), SETTINGS, store))
        asked = requests([Fold((), (), readers[-1].dataset.videos, ())], SETTINGS)
        features.fill_store(store, readers[-1].dataset, asked, jobs=jobs, progress=True)
    return readers


def learn(readers: Sequence[Reader], subjects: Iterable[str], seed: int) -> WindowNet:
    """A network that has learnt from the labels of some subjects of each suite."""
    planes, targets = [], []
    for samples in (reader.spotting_samples(reader.dataset.of(subjects)) for reader in readers):
        planes, targets = planes + samples.by_video(), [*targets, *samples.whole]
    how = {"classes": len(SETTINGS.emotions), "settings": training_settings(SETTINGS), "device": "cpu"}
    return train_window(planes, targets, seed=seed, **how)[0]


def spot(model: WindowNet, reader: Reader, subjects: Iterable[str]) -> pd.DataFrame:
    """All marks in the videos of some subjects, however low: ``subject, video, onset, apex, offset, score``."""
    tables, trained = [], TrainedWindow((model,), (reader,), torch.device("cpu"))
    for video in reader.dataset.of(subjects):
        marks = trained.score_frames(video).spotted
        table = pd.DataFrame(marks.intervals, columns=["onset", "apex", "offset"]).assign(score=marks.scores)
        tables.append(table.assign(subject=video.subject, video=video.name))
    return pd.concat(tables, ignore_index=True)


def judge(reader: Reader, found: pd.DataFrame, threshold: float) -> tuple[pd.Series, pd.DataFrame, np.ndarray]:
    """How many marks of a suite reach a threshold and are right; these marks, and which of them are right."""
    truth, kept = truth_table(reader.dataset.videos, kinds=("micro",)), found[found["score"] >= threshold]
    kept, hit = kept.reset_index(drop=True), np.zeros(len(kept), bool)
    hit[intervals.match(truth, kept).prediction] = True
    minutes = sum(video.n_frames / video.fps for video in reader.dataset.videos) / 60
    return pd.Series({"true": len(truth), "found": len(kept), "hits": hit.sum(), "minutes": minutes}), kept, hit


def choose(readers: Sequence[Reader]) -> float:
    """The threshold, chosen by scores that networks gave to training people they did not see."""
    subjects, f1 = readers[0].dataset.subjects, {}  # of the same names in each suite
    parts = list(group_folds(subjects, min(rules.INNER_FOLDS, len(subjects)), seed=SEED))
    scored = [(learn(readers, learnt, SEED + 1 + number), left_out) for number, (learnt, left_out) in enumerate(parts)]
    found = [pd.concat([spot(model, reader, left_out) for model, left_out in scored]) for reader in readers]
    for threshold in THRESHOLDS:
        counts = [judge(*each, threshold)[0] for each in zip(readers, found, strict=True)]
        if counts[-1]["found"] - counts[-1]["hits"] <= MOST_FALSE * counts[-1]["minutes"]:
            total = sum(counts)
            f1[threshold] = 2 * total["hits"] / (total["true"] + total["found"])
    if not f1:
        raise InputError(f"no threshold leaves {MOST_FALSE:g} false marks a minute at most: take more people")
    threshold = max(f1, key=f1.get)
    print(f"threshold {threshold}, F1 on training subjects left out {f1[threshold]:.3f}")
    return threshold


def bands_of(found: pd.DataFrame, hit: np.ndarray) -> tuple[Band, ...]:
    """Found intervals cut by ``score`` into bands of about equally many, with the share of hits in each."""
    edges = np.unique(np.quantile(found["score"], np.arange(BANDS) / BANDS))
    band, bands = np.searchsorted(edges, found["score"], side="right") - 1, []
    for inside in (band == b for b in range(len(edges))):
        least, count, right = float(found["score"][inside].min()), int(inside.sum()), int(hit[inside].sum())
        # Exact for few marks too; there is about one mark a person, so they are taken to be independent.
        limits = binomtest(right, count).proportion_ci(0.95, method="exact")
        bands.append(Band(least, count, right, float(limits.low), float(limits.high)))
    return tuple(bands)


def make(store: Path, jobs: int, sizes: Sizes) -> Spotter:
    """Train, choose the threshold, and calibrate."""
    commit = provenance.git_commit()  # as the run begins: a checkout may move on while it lasts
    training = open_people("train", sizes.training, sizes, store, jobs)
    threshold, model = choose(training), learn(training, training[0].dataset.subjects, SEED)
    for reader in open_people("test", sizes.fresh, sizes, store, jobs):
        counted, kept, hit = judge(reader, spot(model, reader, reader.dataset.subjects), threshold)
        print(f"fresh people of {reader.dataset.name}: {counted.to_dict()}")
    if kept.empty:
        raise InputError("nothing was found in the videos of fresh people, so no score can be calibrated: take more")
    trained_on = " and ".join(f"{reader.dataset.name} {reader.dataset.version}" for reader in training)
    origin = {"dataset": trained_on, "training_subjects": str(sizes.training * len(SUITES))}
    origin |= {"fresh_subjects": str(sizes.fresh), "fresh_true": str(int(counted["true"]))}
    origin |= {"fresh_minutes": f"{counted['minutes']:g}", "seed": str(SEED), "commit": commit}
    sees = SETTINGS.planes(SETTINGS.input), SETTINGS.gap_s
    return Spotter(model, *sees, threshold, SETTINGS.emotions, bands_of(kept, hit), origin)


def run(out: Path, store: Path, jobs: int, sizes: Sizes | None = None) -> int:
    """Make the file and say what its scores are worth."""
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"--out {out} is no file in a folder that exists: name one")
    torch.set_num_threads(1)
    spotter = make(store, jobs, sizes or Sizes())
    save_spotter(spotter, out)
    print(*spotter.bands, f"{out.name}: {out.stat().st_size // 1024} KiB", sep="\n")
    return 0


def main() -> int:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=SHIPPED, help=f"default: {SHIPPED.name} of the package")
    parser.add_argument("--store", type=Path, default=places.cache(), help="folder of the feature store")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")
    return in_one_line("tools/make_spotter.py", lambda: run(**vars(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
