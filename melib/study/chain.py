"""Spot, then recognize: the experiment from end to end."""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch

from melib import provenance
from melib.models import choose_device
from melib.spotting import centred_smooth
from melib.study.data import EmotionSamples, Fold, Reader, fill, open_data
from melib.study.filmed import account
from melib.study.kept import Kept
from melib.study.measure import Found, measure
from melib.study.networks import stackable, training_settings
from melib.study.parameters import FLOOR_DRAWS, Parameters, tier_sizes
from melib.study.rules import Rule, choose_rule, released_rule
from melib.study.systems import Samples, System, Trained
from melib.video import Dataset, Video, truth_table, video_table

#: Kinds of devices on which one network at a time leaves most of the device idle.
STACKED_ON = ("cuda",)


@dataclass(frozen=True)
class Outcome:
    """What a study found.

    Attributes
    ----------
    record : dict
        Parameters, provenance and metrics with intervals; can be written as JSON.
    truth, videos : pandas.DataFrame
        Labels, emotions merged into classes, and all videos of the tested subjects
        (:func:`melib.video.truth_table`, :func:`melib.video.video_table`).
    found : Found
        By the experiment's network.
    floor : Found or None
        By the floor beside it; None where the floor is the experiment's own model.
    """

    record: dict
    truth: pd.DataFrame
    videos: pd.DataFrame
    found: Found
    floor: Found | None

    @property
    def predictions(self) -> pd.DataFrame:
        """Intervals that the network found, see :class:`melib.study.measure.Found`."""
        return self.found.predictions

    @property
    def named(self) -> pd.DataFrame:
        """Given expressions and the names they got."""
        return self.found.named

    @property
    def scores(self) -> dict[tuple[str, str], np.ndarray]:
        """``(subject, video)`` to the score of each frame."""
        return self.found.scores

    @property
    def smoothed(self) -> dict[tuple[str, str], np.ndarray]:
        """The same, smoothed."""
        return self.found.smoothed


def run(
    parameters: Parameters,
    *,
    store: Path | str,
    keep: Path | str | None = None,
    pool: Path | str | None = None,
    jobs: int = 1,
) -> Outcome:
    """Train on each fold, score and name the tested videos, and measure; the floor beside the network.

    Parameters
    ----------
    parameters : Parameters
    store : path
        Folder of the feature store; what it lacks is computed first.
    keep : path, optional
        Folder for each fold's weights and losses and the scores of each frame (:mod:`melib.study.kept`). A run that
        was killed goes on from there: what was trained is not trained again, and its record is that of a run that was
        not killed, times apart.
    pool : path, optional
        Folder of networks shared with other runs that keep their work: one that differs from another in its rule alone
        finds its networks there. The record is the same with and without, times apart.
    jobs : int
        Processes of one thread each, for features and, on the CPU, for folds; the result does not depend on their
        number. On a GPU the networks of all folds train as one stack (:mod:`melib.training.stack`), those of inner
        folds and controls one after the other.

    Returns
    -------
    Outcome
    """
    started = time.perf_counter()
    parameters = parameters.resolved()
    device = choose_device(parameters.device)
    dataset, folds = open_data(parameters, store=store, jobs=jobs)
    fill(dataset, folds, parameters, store=store, jobs=jobs)
    readers = tuple(Reader(dataset, part, Path(store)) for part in parameters.parts)
    kept = Kept(keep, _identity(parameters, dataset, folds, str(device)), pool=pool)
    system = System(readers, device, kept, floor=parameters.model == "floor")
    if device.type in STACKED_ON and len(folds) > 1 and stackable(parameters):
        names = [f"fold_{number}" for number in range(len(folds))]
        seeds = [_seed(parameters, number, 0) for number in range(len(folds))]
        system = system.together([system.samples(f.train, f.train_clips) for f in folds], seeds=seeds, names=names)
    systems = [system] if system.floor else [system, replace(system, floor=True)]
    at_once = joblib.Parallel(n_jobs=jobs if device.type == "cpu" else 1)
    tested = at_once(joblib.delayed(_test)(systems, parameters, fold, number) for number, fold in enumerate(folds))
    k_ps, by_fold = zip(*tested, strict=True)
    found, *floor = (_joined(parts) for parts in zip(*by_fold, strict=True))
    videos = [video for fold in folds for video in fold.test]
    truth = truth_table(videos)
    measured = {
        "truth": truth.assign(emotion=truth["emotion"].map(parameters.class_of)),
        "videos": video_table(videos),
        "found": found,
        "floor": floor[0] if floor else None,
    }
    record = {
        "experiment": "spot_then_recognize",
        "parameters": {**asdict(parameters), "data_root": ""},  # a folder says nothing elsewhere
        "sizes": _sizes(parameters),
        "training": None if system.floor else asdict(training_settings(parameters)),
        "dataset": {
            "name": dataset.name,
            "version": dataset.version,
            "synthetic": dataset.synthetic,
            **({"labels": account(dataset)} if parameters.filmed else {}),
        },
        "k_p": list(k_ps),
        "rules": found.rules,
        **measure(**measured, parameters=parameters),
        "provenance": provenance.provenance(device=str(device)),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": _peak_memory_mb(),
    }
    kept.finish(found.scores)
    return Outcome(record=record, **measured)


def _sizes(parameters: Parameters) -> dict[str, int]:
    """The sizes of the tier that this experiment uses."""
    sizes = asdict(tier_sizes(parameters.tier))
    if parameters.filmed:
        sizes = {name: sizes[name] for name in ("control_draws", "resamples")}
    return {**sizes, "stride": parameters.stride}


def _identity(parameters: Parameters, dataset: Dataset, folds: Sequence[Fold], device: str) -> dict[str, object]:
    """What decides every bit of a training, and so whether a kept one can be gone on with."""
    videos = [video for fold in folds for part in (fold.train, fold.train_clips, fold.test) for video in part]
    labels = truth_table(dict.fromkeys(videos)).to_csv(index=False)
    return {
        "parameters": {**asdict(parameters), "data_root": ""},
        "sizes": asdict(tier_sizes(parameters.tier)),
        "dataset": [dataset.name, dataset.version],
        "labels": hashlib.sha256(labels.encode()).hexdigest(),
        "device": device,
        "code": provenance.computing_hash(),
        "packages": provenance.package_versions(),
    }


def _test(systems: Sequence[System], parameters: Parameters, fold: Fold, number: int) -> tuple[int, list[Found]]:
    """Train each system on a fold and test it, in one thread: k_p of the fold, and what each found."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        samples = systems[0].samples(fold.train, fold.train_clips)
        given = tuple(reader.emotion_samples(fold.test + fold.test_clips) for reader in systems[0].readers)
        k_p = samples[0][0].k_p
        return k_p, [_found(system, parameters, fold, number, samples, given, k_p) for system in systems]
    finally:
        torch.set_num_threads(threads)


def _found(
    system: System,
    parameters: Parameters,
    fold: Fold,
    number: int,
    samples: Sequence[Samples],
    given: Sequence[EmotionSamples],
    k_p: int,
) -> Found:
    """What one system finds on the tested people of a fold."""
    name = f"fold_{number}"
    left_out = dict.fromkeys(video.subject for video in fold.test)
    trained = system.train(samples, seed=_seed(parameters, number, 0), name=name, left_out=tuple(left_out))
    rule, chosen = released_rule(parameters, k_p=k_p), {}
    if parameters.rule == "strict":
        rule, choice = choose_rule(system, fold, k_p=k_p, seeds=partial(_inner_seed, parameters, number), name=name)
        chosen = {"f1_inner": choice.f1}
    spotted = {(video.subject, video.name): spot(trained, video, rule=rule) for video in fold.test}
    named = trained.name(given)
    controls = [named.assign(draw=0).head(0)]
    draws = tier_sizes(parameters.tier).control_draws if parameters.shuffled else 0
    for draw in range(FLOOR_DRAWS if system.floor else draws):
        seed = _seed(parameters, number, draw + 1)
        control = system.train_on_shuffled(trained, samples, seed=seed, name=f"{name}/draw_{draw}")
        controls.append(control.name(given).assign(draw=draw))
    return Found(
        predictions=pd.concat([found for _, found in spotted.values()], ignore_index=True),
        named=named,
        scores={key: score for key, (score, _) in spotted.items()},
        smoothed={key: centred_smooth(score, k_p) for key, (score, _) in spotted.items()},
        controls=pd.concat(controls, ignore_index=True),
        rules=[rule.as_record() | chosen],
    )


def _joined(parts: Sequence[Found]) -> Found:
    """What a system found on all folds."""
    tables = {
        name: pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        for name in ("predictions", "named", "controls")
    }
    by_video = {
        name: {key: score for part in parts for key, score in getattr(part, name).items()}
        for name in ("scores", "smoothed")
    }
    return Found(**tables, **by_video, rules=[rule for part in parts for rule in part.rules])


def spot(trained: Trained, video: Video, *, rule: Rule) -> tuple[np.ndarray, pd.DataFrame]:
    """Score the frames of a video, make intervals of the scores by a rule, and name each.

    Returns
    -------
    score : ndarray, (T - k,) float32
        Interpolated where the stride left frames out.
    found : pandas.DataFrame
        A row per interval, clipped to the video: ``subject, video, onset, apex, offset, emotion, score``. SFAMNet may
        name an interval ``neutral``. Of intervals that are the same once clipped, the highest is kept.
    """
    score, probabilities = trained.score_frames(video)
    positions = rule.positions(score)
    classes = (*trained.readers[0].parameters.emotions, "neutral")
    named = rule.names(probabilities.argmax(axis=1), positions)
    frames = np.clip(positions * rule.frame_skip, 0, video.n_frames - 1)
    found = pd.DataFrame(frames, columns=["onset", "apex", "offset"])
    found.insert(0, "subject", video.subject)
    found.insert(1, "video", video.name)
    found["emotion"] = [classes[index] for index in named]
    found["score"] = rule.heights(score, positions)
    highest = found.sort_values("score", ascending=False, kind="stable").drop_duplicates(["onset", "offset"])
    return score, found.loc[sorted(highest.index)].reset_index(drop=True)


def _seed(parameters: Parameters, fold: int, draw: int) -> int:
    """One integer for each training of a study."""
    return int(np.random.SeedSequence([parameters.seed, fold, draw]).generate_state(1)[0])


def _inner_seed(parameters: Parameters, fold: int, inner: int) -> int:
    """One integer for each inner training of a fold, and for -1 one that splits its subjects."""
    # A trailing 0 would give the seed of the fold's own training.
    return int(np.random.SeedSequence([parameters.seed, fold, 0, inner + 2]).generate_state(1)[0])


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
