"""Make ``melib/assets/spotter.safetensors``, the network behind ``melib spot``.

    python tools/make_spotter.py [--out FILE] [--store DIR] [--jobs N]

MEAN learns on training subjects of the suite `default`; the constants of its rule are chosen on the same people, by
networks that did not see those they score. Then fresh subjects, seen by neither, are spotted, and the share of right
intervals is kept for bands of the score. The same commit gives the same weights on the same machine; the file names
the commit and the seed. About ten minutes on one quiet core.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from melib import features, provenance, spotting, training
from melib.errors import InputError, in_one_line
from melib.files import check_folder
from melib.metrics import intervals, uncertainty
from melib.metrics._tally import Tally, per_subject, ratio
from melib.models import MEAN, predict
from melib.own_video.spotter import SHIPPED, Band, Spotter, save_spotter
from melib.synthetic.dataset import FPS, open_benchmark, open_clips
from melib.video import EMOTIONS_4, SEVEN_TO_FOUR, Dataset, Expression, Video, truth_table

SUITE, SEED, BANDS, INNER_FOLDS = "default", 0, 3, 3
SETTINGS = features.FeatureSettings()
#: Seconds between the frames of a pair, and frames from one pair to the next.
GAP_S, STRIDE = 0.2, 2
#: As the study trains at tier full: a shorter and faster schedule than the published one.
TRAINING = training.MEANSettings(spot_steps=500, recognition_steps=150, batch=64, rate=3e-3)


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


def micro(video: Video) -> list[Expression]:
    """The micro-expressions of a video."""
    return [expression for expression in video.expressions if expression.kind == "micro"]


@dataclass(frozen=True)
class Samples:
    """The planes of some people's videos and clips, which the store holds or gets."""

    store: Path
    dataset: Dataset

    def planes(self, video: Video, pairs: features.Pairs) -> np.ndarray:
        """Planes ``(n, 3, 42, 42)`` of pairs of one video."""
        return features.stored_planes(self.store, self.dataset, video, pairs, SETTINGS)

    def fill(self, clips: Sequence[Video], jobs: int) -> None:
        """Compute what the store lacks, videos in parallel: all pairs, and the micro-expressions from onset to apex."""
        pairs = [(video, pairs_of(video)) for video in self.dataset.videos]
        apexes = [(video, features.expression_pairs(micro(video))) for video in (*self.dataset.videos, *clips)]
        features.fill_store(self.store, self.dataset, pairs + apexes * bool(clips), SETTINGS, jobs=jobs, progress=True)

    def train(self, videos: Sequence[Video], clips: Sequence[Video], seed: int, *, recognition: bool = True) -> MEAN:
        """MEAN, trained on the pseudo-labels and the named micro-expressions of these people alone."""
        k_p = half_length(videos)
        pairs = [pairs_of(video) for video in videos]
        targets = [training.spotting_targets(p[0], v.expressions, k_p=k_p) for v, p in zip(videos, pairs, strict=True)]
        shown = [video for video in (*videos, *clips) if micro(video)]
        named = [training.class_index(e.emotion, EMOTIONS_4, SEVEN_TO_FOUR) for video in shown for e in micro(video)]
        model, _ = training.train_mean(
            np.concatenate([self.planes(video, each) for video, each in zip(videos, pairs, strict=True)]),
            np.concatenate(targets),
            np.concatenate([self.planes(video, features.expression_pairs(micro(video))) for video in shown]),
            np.array(named),
            classes=len(EMOTIONS_4),
            settings=TRAINING if recognition else replace(TRAINING, recognition_steps=0),
            seed=seed,
            device="cpu",
        )
        return model

    def score(self, model: MEAN, video: Video) -> np.ndarray:
        """The score of every frame ``(T - k,)``, interpolated where the stride left frames out."""
        pairs = pairs_of(video)
        gap = features.gap_frames(video.fps, GAP_S)
        return spotting.per_frame(predict(model, self.planes(video, pairs))[0], pairs[0], video.n_frames - gap)


def pairs_of(video: Video) -> features.Pairs:
    """The pairs of a video at which the spotter looks."""
    return features.spotting_pairs(video, gap_s=GAP_S, stride=STRIDE)


def half_length(videos: Sequence[Video]) -> int:
    """MEAN's k_p of some people."""
    return training.half_length(expression for video in videos for expression in video.expressions)


def choose(samples: Samples, clips: Sequence[Video]) -> spotting.Choice:
    """The constants of the strict rule, chosen by scores that networks gave to training people they did not see."""
    dataset, scores, scored = samples.dataset, [], []
    number = min(INNER_FOLDS, len(dataset.subjects))
    for fold, (learnt, left_out) in enumerate(training.group_folds(dataset.subjects, number, seed=seed_of(1))):
        theirs = [clip for clip in clips if clip.subject in learnt]
        model = samples.train(dataset.of(learnt), theirs, seed_of(fold + 2), recognition=False)
        for video in dataset.of(left_out):
            scores.append(samples.score(model, video))
            scored.append(video)
    truths = [np.array([(e.onset, e.offset) for e in micro(video)], np.int64).reshape(-1, 2) for video in scored]
    candidates = spotting.mean_candidates(scores, half_length(dataset.videos))
    return spotting.choose(spotting.mean_intervals_strict, candidates, scores, truths, hits)


def hits(truth: np.ndarray, found: np.ndarray) -> int:
    """True positives among intervals ``(g, 2)`` and ``(m, 2)`` of one video: one to one, IoU of at least 0.5."""
    columns = [(np.zeros(len(each), np.int64), *each.astype(np.int64).T) for each in (truth, found)]
    return len(intervals.match_arrays(*columns))


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
    limits = uncertainty.bootstrap(tally, seed=SEED).table
    return tuple(
        Band(
            least=float(found["score"][band == b].min()),
            found=int((band == b).sum()),
            hits=int(hit[band == b].sum()),
            low=float(limits.loc[str(b), "low"]),
            high=float(limits.loc[str(b), "high"]),
        )
        for b in range(len(edges))
    )


def make(store: Path, jobs: int, sizes: Sizes) -> Spotter:
    """Train, choose the rule, and calibrate."""
    commit = provenance.git_commit()  # as the run begins: a checkout may move on while it lasts
    long = {"videos": sizes.videos, "frames": sizes.frames}
    learnt = Samples(store, open_benchmark(SUITE, subjects=sizes.training, population="train", **long))
    fresh = Samples(store, open_benchmark(SUITE, subjects=sizes.fresh, population="test", **long))
    clips = open_clips(SUITE, subjects=sizes.training, clips=sizes.clips).videos
    learnt.fill(clips, jobs)
    fresh.fill((), jobs)
    choice = choose(learnt, clips)
    print(f"rule {dict(choice.constants)}, F1 on training subjects left out {choice.f1:.3f}")
    spotter = Spotter(
        model=learnt.train(learnt.dataset.videos, clips, seed_of(0)),
        settings=SETTINGS,
        gap_s=GAP_S,
        half_length_s=choice.constants["k_p"] / FPS,
        threshold=choice.constants["threshold"],
        emotions=EMOTIONS_4,
        bands=(),
        origin={},
    )
    found = found_in(fresh, spotter)
    if found.empty:
        raise InputError("nothing was found in the videos of fresh people, so no score can be calibrated: take more")
    truth = truth_table(fresh.dataset.videos, kinds=("micro",))
    hit = np.zeros(len(found), bool)
    hit[intervals.match(truth, found).prediction] = True
    print(f"fresh people: {hit.sum()} hits among {len(found)} found, {len(truth)} true")
    origin = {
        "dataset": f"{learnt.dataset.name} {learnt.dataset.version}",
        "training_subjects": str(sizes.training),
        "fresh_subjects": str(sizes.fresh),
        "fresh_true": str(len(truth)),
        "fresh_minutes": f"{sizes.fresh * sizes.videos * sizes.frames / FPS / 60:g}",
        "seed": str(SEED),
        "commit": commit,
    }
    return replace(spotter, bands=bands_of(found, hit), origin=origin)


def found_in(samples: Samples, spotter: Spotter) -> pd.DataFrame:
    """What a spotter finds in long videos: ``subject, video, onset, apex, offset, score``."""
    tables = []
    for video in samples.dataset.videos:
        score = samples.score(spotter.model, video)
        table = pd.DataFrame(spotter.intervals(score, video.fps), columns=["onset", "apex", "offset"])
        table = table.assign(score=spotter.smoothed(score, video.fps)[table["apex"]])
        tables.append(table.assign(subject=video.subject, video=video.name))
    return pd.concat(tables, ignore_index=True)


def main() -> int:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    store = Path(os.environ.get("MELIB_CACHE") or Path(".cache", "features"))
    parser.add_argument("--out", type=Path, default=SHIPPED, help=f"default: {SHIPPED.name} of the package")
    parser.add_argument("--store", type=Path, default=store, help="folder of the feature store")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")
    parsed = parser.parse_args()
    return in_one_line("tools/make_spotter.py", lambda: run(parsed.out, parsed.store, parsed.jobs))


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
