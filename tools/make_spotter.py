"""Make ``melib/assets/spotter.safetensors``, the network behind ``melib spot``.

    python tools/make_spotter.py [--out FILE] [--store DIR] [--jobs N]

MEAN learns on training subjects of the suite `default`; the constants of its rule are chosen on the same people, by
networks that did not see those they score. Then fresh subjects, seen by neither, are spotted, and the share of right
intervals is kept for bands of the score. The same commit gives the same weights on the same machine; the file names
the commit and the seed. About ten minutes on one quiet core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from melib import features, provenance, study
from melib.errors import InputError, in_one_line
from melib.files import check_folder
from melib.metrics import intervals, uncertainty
from melib.metrics._tally import Tally, per_subject, ratio
from melib.own_video.spotter import SHIPPED, Band, Spotter, save_spotter
from melib.study.chain import spot
from melib.study.data import Fold, Reader, micro, spotting_pairs
from melib.study.networks import train
from melib.study.rules import choose_rule
from melib.synthetic.dataset import FPS, open_benchmark, open_clips
from melib.video import Dataset, truth_table

SEED = 0
TRAINING_SUBJECTS, FRESH_SUBJECTS = 48, 30
VIDEOS, FRAMES, CLIPS = 2, 450, 12
BANDS = 3
#: The network, its input and its schedule are those of the study's full tier.
PARAMETERS = study.Parameters(suite="default", tier="full", model="mean", rule="strict", seed=SEED, device="cpu")


def people(population: str, subjects: int) -> Dataset:
    """Long videos of the first subjects of a population."""
    return open_benchmark(PARAMETERS.suite, subjects=subjects, videos=VIDEOS, frames=FRAMES, population=population)


def seed_of(purpose: int) -> int:
    """One integer for each training."""
    return int(np.random.SeedSequence([SEED, purpose]).generate_state(1)[0])


def bands_of(found: pd.DataFrame, hit: np.ndarray) -> tuple[Band, ...]:
    """Found intervals cut into bands of about equally many, with the share of hits in each.

    Parameters
    ----------
    found : pandas.DataFrame
        Columns ``subject`` and ``score``.
    hit : ndarray, (n,) bool
    """
    edges = np.quantile(found["score"], np.arange(1, BANDS) / BANDS)
    band = np.searchsorted(edges, found["score"], side="right")
    subject, names = pd.factorize(found["subject"], sort=True)
    # Column 2 b counts the hits of band b, column 2 b + 1 all that was found in it.
    kinds = (hit, np.ones_like(hit))
    counts = [per_subject(subject[(band == b) & kind], len(names)) for b in range(BANDS) for kind in kinds]

    def formula(totals: np.ndarray) -> dict[str, np.ndarray]:
        return {str(b): ratio(totals[..., 2 * b], totals[..., 2 * b + 1]) for b in range(BANDS)}

    tally = Tally(tuple(names), np.stack(counts, axis=1), tuple(range(2 * BANDS)), formula)
    limits = uncertainty.bootstrap(tally, seed=SEED).table
    return tuple(
        Band(
            least=float(found["score"][band == b].min()),
            found=int((band == b).sum()),
            hits=int(hit[band == b].sum()),
            low=float(limits.loc[str(b), "low"]),
            high=float(limits.loc[str(b), "high"]),
        )
        for b in range(BANDS)
    )


def make(store: Path, jobs: int) -> Spotter:
    """Train, choose the rule, and calibrate."""
    commit = provenance.git_commit()  # as the run begins: a checkout may move on while it lasts
    learnt, clips = people("train", TRAINING_SUBJECTS), open_clips(subjects=TRAINING_SUBJECTS, clips=CLIPS)
    fresh = people("test", FRESH_SUBJECTS)
    settings = PARAMETERS.feature_settings()
    for dataset in (learnt, fresh):
        requests = [(video, spotting_pairs(video, PARAMETERS)) for video in dataset.videos]
        features.fill_store(store, dataset, requests, settings, jobs=jobs, progress=True)
    apexes = [(video, features.expression_pairs(micro(video))) for video in learnt.videos + clips.videos]
    features.fill_store(store, learnt, apexes, settings, jobs=jobs, progress=True)
    reader, device = Reader(learnt, PARAMETERS, store), torch.device("cpu")
    fold = Fold(train=learnt.videos, train_clips=clips.videos, test=(), test_clips=())
    samples = reader.spotting_samples(fold.train)
    emotions = reader.emotion_samples(fold.train + fold.train_clips)
    model = train(PARAMETERS, samples, emotions, seed=seed_of(0), device=device)
    rule, choice = choose_rule(reader, fold, k_p=samples.k_p, seeds=lambda number: seed_of(number + 2), device=device)
    print(f"rule {rule.as_record()}, F1 on training subjects left out {choice.f1:.3f}")
    reader = Reader(fresh, PARAMETERS, store)
    found = pd.concat([spot(model, reader, video, rule=rule, device=device)[1] for video in fresh.videos])
    found = found.reset_index(drop=True)
    truth = truth_table(fresh.videos, kinds=("micro",))
    hit = np.zeros(len(found), bool)
    hit[intervals.match(truth, found).prediction] = True
    print(f"fresh people: {hit.sum()} hits among {len(found)} found, {len(truth)} true")
    return Spotter(
        model=model,
        settings=settings,
        gap_s=PARAMETERS.gap_s,
        half_length_s=rule.constants["k_p"] / FPS,
        threshold=float(rule.constants["threshold"]),
        emotions=PARAMETERS.emotions,
        bands=bands_of(found, hit),
        origin={
            "dataset": f"{learnt.name} {learnt.version}",
            "training_subjects": str(TRAINING_SUBJECTS),
            "fresh_subjects": str(FRESH_SUBJECTS),
            "fresh_true": str(len(truth)),
            "fresh_minutes": f"{FRESH_SUBJECTS * VIDEOS * FRAMES / FPS / 60:g}",
            "seed": str(SEED),
            "commit": commit,
        },
    )


def main() -> int:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=SHIPPED, help=f"default: {SHIPPED.name} of the package")
    parser.add_argument("--store", type=Path, default=study.default_store(), help="folder of the feature store")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")
    parsed = parser.parse_args()
    return in_one_line("tools/make_spotter.py", lambda: run(parsed.out, parsed.store, parsed.jobs))


def run(out: Path, store: Path, jobs: int) -> int:
    """Make the file and say what its scores are worth; what would hinder at the end is refused at the beginning."""
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {jobs}")
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"--out {out} is no file in a folder that exists: name one")
    check_folder(out.parent, "the folder of --out")
    torch.set_num_threads(1)
    spotter = make(store, jobs)
    save_spotter(spotter, out)
    for band in spotter.bands:
        print(f"score from {band.least:.3f}: {band.hits} of {band.found} right, {band.low:.2f} to {band.high:.2f}")
    print(f"{out.name}: {out.stat().st_size // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
