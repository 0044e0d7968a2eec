"""Make ``melib/assets/spotter.safetensors``, the network behind ``melib spot``.

    python tools/make_spotter.py [--out FILE] [--store DIR] [--jobs N]

MEAN learns on training subjects of the suite `default`, as a row of the study at tier `full` does; the constants of its
rule are chosen on the same people, by networks that did not see those they score. Then fresh subjects, seen by neither,
are spotted, and the share of right intervals is kept for bands of the score. The same commit gives the same weights on
the same machine; the file names the commit and the seed. About ten minutes on one quiet core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from melib import provenance
from melib.errors import InputError, in_one_line
from melib.features import fill_store
from melib.files import check_folder
from melib.metrics import intervals, uncertainty
from melib.metrics._tally import Tally, per_subject, ratio
from melib.own_video.spotter import SHIPPED, Band, Spotter, save_spotter
from melib.study import places, rules
from melib.study.data import Fold, Reader, requests
from melib.study.long_videos import Learner, Trained
from melib.study.settings import Settings
from melib.synthetic.dataset import FPS, open_benchmark, open_clips
from melib.video import Video, truth_table

SEED, BANDS = 0, 3
#: How the network learns and what it sees.
SETTINGS = Settings(tier="full", model="mean", input="O", rule="strict", device="cpu")


@dataclass(frozen=True)
class Sizes:
    """How many people are learnt from and calibrated on, and how much of each there is."""

    training: int = 48
    fresh: int = 30
    videos: int = 2
    frames: int = 450
    clips: int = 12


def seed_of(purpose: int) -> int:
    """One integer for each training."""
    return int(np.random.SeedSequence([SEED, purpose]).generate_state(1)[0])


def choose(learner: Learner, people: Fold) -> tuple[rules.Rule, float]:
    """The strict rule, chosen by scores that networks gave to training people they did not see, and its F1 there."""
    scores, scored = [], []
    for number, (learnt, clips, left_out) in enumerate(rules.inner_folds(people, seed=seed_of(1))):
        model = learner.train(learner.samples(learnt, clips), seed=seed_of(number + 2), spotting_only=True)
        scores += [model.score_frames(video) for video in left_out]
        scored += left_out
    return rules.choose_rule(SETTINGS, scores, scored, k_p=people.k_p)


def bands_of(found: pd.DataFrame, hit: np.ndarray) -> tuple[Band, ...]:
    """Found intervals (``subject, score``) cut into bands of about equally many, with the share of hits in each."""
    edges = np.unique(np.quantile(found["score"], np.arange(BANDS) / BANDS))
    band = np.searchsorted(edges, found["score"], side="right") - 1
    subject, names = pd.factorize(found["subject"], sort=True)
    # Column 2 b counts the hits of band b, column 2 b + 1 all that was found in it.
    kinds = (hit, np.ones_like(hit))
    counts = [per_subject(subject[(band == b) & kind], len(names)) for b in range(len(edges)) for kind in kinds]

    def formula(totals: np.ndarray) -> dict[str, np.ndarray]:
        return {str(b): ratio(totals[..., 2 * b], totals[..., 2 * b + 1]) for b in range(len(edges))}

    tally = Tally(tuple(names), np.stack(counts, axis=1), tuple(range(2 * len(edges))), formula)
    limits = uncertainty.bootstrap(tally, seed=SEED).table.astype(float)
    bands = []
    for b, inside in enumerate(band == b for b in range(len(edges))):
        least = float(found["score"][inside].min())
        counted = {"found": int(inside.sum()), "hits": int(hit[inside].sum())}
        bands.append(Band(least=least, low=limits.loc[str(b), "low"], high=limits.loc[str(b), "high"], **counted))
    return tuple(bands)


def make(store: Path, jobs: int, sizes: Sizes) -> Spotter:
    """Train, choose the rule, and calibrate."""
    commit = provenance.git_commit()  # as the run begins: a checkout may move on while it lasts
    long = {"videos": sizes.videos, "frames": sizes.frames}
    learnt = open_benchmark(SETTINGS.suite, subjects=sizes.training, population="train", **long)
    fresh = open_benchmark(SETTINGS.suite, subjects=sizes.fresh, population="test", **long)
    clips = open_clips(SETTINGS.suite, subjects=sizes.training, clips=sizes.clips).videos
    people = Fold(learnt.videos, clips, (), ())
    for dataset, fold in ((learnt, people), (fresh, Fold((), (), fresh.videos, ()))):
        fill_store(store, dataset, requests([fold], SETTINGS), jobs=jobs, progress=True)
    learner = Learner((Reader(learnt, SETTINGS, store),), torch.device("cpu"))
    rule, f1 = choose(learner, people)
    print(f"rule {dict(rule.constants)}, F1 on training subjects left out {f1:.3f}")
    trained = learner.train(learner.samples(people.train, clips), seed=seed_of(0))
    sees = {"settings": SETTINGS.planes(SETTINGS.input), "gap_s": SETTINGS.gap_s, "emotions": SETTINGS.emotions}
    finds = {"half_length_s": rule.constants["k_p"] / FPS, "threshold": rule.constants["threshold"]}
    spotter = Spotter(model=trained.models[0], **sees, **finds, bands=(), origin={})
    found = found_in(fresh.videos, replace(trained, readers=(Reader(fresh, SETTINGS, store),)), spotter)
    if found.empty:
        raise InputError("nothing was found in the videos of fresh people, so no score can be calibrated: take more")
    truth = truth_table(fresh.videos, kinds=("micro",))
    hit = np.zeros(len(found), bool)
    hit[intervals.match(truth, found).prediction] = True
    print(f"fresh people: {hit.sum()} hits among {len(found)} found, {len(truth)} true")
    origin = {
        "dataset": f"{learnt.name} {learnt.version}",
        "training_subjects": str(sizes.training),
        "fresh_subjects": str(sizes.fresh),
        "fresh_true": str(len(truth)),
        "fresh_minutes": f"{sizes.fresh * sizes.videos * sizes.frames / FPS / 60:g}",
        "seed": str(SEED),
        "commit": commit,
    }
    return replace(spotter, bands=bands_of(found, hit), origin=origin)


def found_in(videos: Sequence[Video], trained: Trained, spotter: Spotter) -> pd.DataFrame:
    """What a spotter finds in long videos: ``subject, video, onset, apex, offset, score``."""
    tables = []
    for video in videos:
        score = trained.score_frames(video).score
        table = pd.DataFrame(spotter.intervals(score, video.fps), columns=["onset", "apex", "offset"])
        table = table.assign(score=spotter.smoothed(score, video.fps)[table["apex"]])
        tables.append(table.assign(subject=video.subject, video=video.name))
    return pd.concat(tables, ignore_index=True)


def main() -> int:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=SHIPPED, help=f"default: {SHIPPED.name} of the package")
    parser.add_argument("--store", type=Path, default=places.cache(), help="folder of the feature store")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")
    how = vars(parser.parse_args())
    return in_one_line("tools/make_spotter.py", lambda: run(**how))


def run(out: Path, store: Path, jobs: int, sizes: Sizes | None = None) -> int:
    """Make the file and say what its scores are worth; what would hinder at the end is refused at the beginning."""
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {jobs}")
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"--out {out} is no file in a folder that exists: name one")
    check_folder(out.parent, "the folder of --out")
    torch.set_num_threads(1)
    spotter = make(store, jobs, sizes or Sizes())
    save_spotter(spotter, out)
    for band in spotter.bands:
        print(f"score from {band.least:.3f}: {band.hits} of {band.found} right, {band.low:.2f} to {band.high:.2f}")
    print(f"{out.name}: {out.stat().st_size // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
