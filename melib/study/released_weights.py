"""What the released weights say, as one record.

    python -m melib.study.released_weights FOLDER [--save RECORD.json]

prints each finding of the page *What the released weights say* for whatever part of the release lies below FOLDER:
SFAMNet's ``<K>emo/subject_<N>.pkl``, MEAN's ``<DATASET>/{spot,recog,spot_recog}/s<N>.hdf5``, SFAMNet's label file,
and, where they are at hand, the reference artefacts ``golden/*.npz`` with inputs and outputs of the released code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.signal import find_peaks
from scipy.special import softmax

from melib.errors import InputError
from melib.metrics import released
from melib.models import load_mean, load_sfamnet, predict
from melib.models.contents import (
    RECOGNITION_LAYERS,
    against_initial_range,
    answers,
    describe,
    mean_files,
    mean_tensors,
    sfamnet_files,
    sfamnet_tensors,
    shared,
)
from melib.spotting import MICRO, box_smooth, mean_intervals, recall_ceiling
from melib.study import released_findings
from melib.training.loop import fit
from melib.training.sfamnet import JointStage, SFAMNetSettings

#: The label file of CAS(ME)^3 in SFAMNet's release.
LABELS = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"

#: Half-lengths for which the ceiling of MEAN's rule is computed.
HALF_LENGTHS = range(1, 26)

_PROBES = 64  # random inputs put to every SFAMNet
_NOISE = {"videos": 200, "frames": 900}  # score sequences of noise put to the rules


def build(folder: str | os.PathLike, *, seed: int = 0) -> dict:
    """Ask every file below a folder.

    Parameters
    ----------
    folder : path
        Any part of the release.
    seed : int
        Of the random inputs and of the noise.

    Returns
    -------
    dict
        ``parity`` (a row per recorded case of the released code), ``sfamnet`` and ``mean`` (a row per checkpoint),
        ``pairs`` (SFAMNet's 4-class and 7-class file of a fold), ``triples`` (MEAN's three files of a fold),
        ``rules``; plain types, ready for JSON.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint below the folder.
    ValueError
        If a file is not what its name says.
    """
    ours, theirs = sfamnet_files(folder), mean_files(folder)
    if not ours and not theirs:
        raise FileNotFoundError(
            f"no checkpoint below {folder}: expected <K>emo/subject_<N>.pkl or <DATASET>/spot_recog/s<N>.hdf5"
        )
    probes = np.random.default_rng([seed, 0]).random((_PROBES, 3, 42, 42), dtype=np.float32)
    tensors = {key: sfamnet_tensors(path) for key, path in ours.items()}
    both = sorted(subject for emotions, subject in ours if emotions == 4 and (7, subject) in ours)
    folds = sorted({(dataset, subject) for dataset, subject, _ in theirs})
    return {
        "parity": parity(folder),
        "sfamnet": [_sfamnet_row(key, path, tensors[key], probes) for key, path in ours.items()],
        "pairs": [{"subject": subject, **shared(tensors[4, subject], tensors[7, subject])} for subject in both],
        "mean": [
            {"dataset": key[0], "subject": key[1], "kind": key[2], **describe(path, mean_tensors(path))}
            for key, path in theirs.items()
        ],
        "triples": [
            {"dataset": dataset, "subject": subject, **_mean_triple(theirs, dataset, subject)}
            for dataset, subject in folds
            if all((dataset, subject, kind) in theirs for kind in ("spot", "recog", "spot_recog"))
        ],
        "rules": rules(folder, seed=seed),
        "settings": {"seed": seed, "probes": _PROBES},
    }


def _sfamnet_row(key: tuple[int, int], path: Path, tensors: Mapping[str, torch.Tensor], probes: np.ndarray) -> dict:
    score, names = answers(path, probes)
    # The released rule begins with the peaks of the smoothed score. Comparisons with NaN are false, so there are none.
    long_score = np.resize(score, _NOISE["frames"])
    peaks, _ = find_peaks(box_smooth(long_score, 2 * MICRO.half_width), height=MICRO.threshold)
    silent = bool(len(peaks) == 0) if np.isnan(score).all() else None
    return {
        "emotions": key[0],
        "subject": key[1],
        **describe(path, tensors),
        **{
            layer: against_initial_range(tensors[f"{layer}.weight"], tensors[f"{layer}.bias"])
            for layer in RECOGNITION_LAYERS
        },
        "finite_scores": int(np.isfinite(score).sum()),
        "classes_named": sorted({int(name) for name in names}),
        "spots_nothing": silent,
    }


def _mean_triple(files: Mapping[tuple[str, int, str], Path], dataset: str, subject: int) -> dict:
    """Whether the files of one task hold the tensors of the file of both; a head that is not in a file is NaN."""
    whole, *parts = (
        load_mean(files[dataset, subject, kind], allow_nonfinite=True).state_dict()
        for kind in ("spot_recog", "spot", "recog")
    )
    return {"different": sorted({name for part in parts for name in shared(whole, part)["different"]})}


def parity(folder: str | os.PathLike) -> list[dict]:
    """Run every recorded case of the released code, ``golden/*.npz``, whose checkpoint is below the folder.

    Returns
    -------
    list of dict
        ``case, network, compared, values`` (how many numbers were compared), ``largest_difference``.
    """
    ours, theirs = sfamnet_files(folder), mean_files(folder)
    rows = []
    for path in sorted(Path(folder).rglob("golden/*.npz")):
        with np.load(path) as file:
            case = dict(file)
        subject = int(case["subject"]) if "subject" in case else -1
        if path.stem.startswith("mean_"):
            checkpoint = theirs.get((str(case["dataset"]), subject, "spot_recog"))
            network, compared, run = "MEAN", "score, class probabilities", _run_mean
        elif path.stem.startswith("sfamnet_"):
            checkpoint = ours.get((int(case["emotions"]), subject))
            network, compared, run = "SFAMNet", "score, class logits", _run_sfamnet
        elif path.stem.startswith("train_sfamnet_"):
            checkpoint = ours.get((int(case["emotions"]), subject))
            compared = f"losses of {len(case['losses'])} training steps, outputs after them"
            network, run = "SFAMNet", _train_sfamnet
        else:
            continue
        if checkpoint is not None:
            rows.append({"case": path.stem, "network": network, "compared": compared} | _compare(run, checkpoint, case))
    return rows


def _compare(run: Callable, checkpoint: Path, case: Mapping[str, np.ndarray]) -> dict:
    pairs = run(checkpoint, case)
    differences = np.concatenate([np.abs(np.ravel(got) - np.ravel(expected)) for got, expected in pairs])
    return {"values": len(differences), "largest_difference": float(differences.max())}


def _run_mean(checkpoint: Path, case: Mapping[str, np.ndarray]) -> list[tuple]:
    score, logits = predict(load_mean(checkpoint), np.moveaxis(case["x"], 3, 1), device="cpu")
    return [(score, case["spot"]), (softmax(logits, axis=1), case["recog"])]


def _run_sfamnet(checkpoint: Path, case: Mapping[str, np.ndarray]) -> list[tuple]:
    score, logits = predict(load_sfamnet(checkpoint), case["x"], device="cpu")
    return [(score, case["spot"]), (logits, case["recog"])]


def _train_sfamnet(checkpoint: Path, case: Mapping[str, np.ndarray]) -> list[tuple]:
    model = load_sfamnet(checkpoint)
    settings = SFAMNetSettings(spot_weight=float(case["loss_lambda"]))
    stage = JointStage(model, torch.from_numpy(case["class_weight"]), settings)
    batch = tuple(torch.from_numpy(case[name]) for name in ("x", "spot_target", "emotion_target"))
    batch += (torch.ones(len(batch[0])),)  # no augmentation
    losses = fit(stage, lambda: batch, steps=len(case["losses"]), rate=float(case["lr"]))
    score, logits = predict(model, case["x"][: len(case["spot_after"])], device="cpu")
    return [(losses, case["losses"]), (score, case["spot_after"]), (logits, case["recog_after"])]


def rules(folder: str | os.PathLike, *, seed: int = 0) -> dict:
    """What the released rules can reach and cannot do, whatever the weights.

    Returns
    -------
    dict
        ``noise``: how many score sequences of pure noise MEAN's rule passed over in silence, and how many intervals it
        found in a sequence; ``ceilings``: the highest recall on the labels of CAS(ME)^3 that the interval lengths
        allow, None where the label file is not below the folder.
    """
    noise = np.random.default_rng([seed, 1]).random((_NOISE["videos"], _NOISE["frames"]))
    found = [len(mean_intervals(score, k_p=8)) for score in noise]
    quiet = {"videos": len(found), "silent": found.count(0), "intervals": float(np.mean(found))}
    files = sorted(path for path in Path(folder).rglob("*.xlsx") if path.name == LABELS)
    if not files:
        return {"noise": quiet, "ceilings": None}
    raw, corrected = label_lengths(files[0])
    return {
        "noise": quiet,
        "ceilings": {
            "labels": len(raw),
            "kept": len(corrected),
            "sfamnet": recall_ceiling(corrected, *_sfamnet_lengths()),
            "mean": {str(k_p): recall_ceiling(corrected, 2 * k_p + 1, 2 * k_p + 1) for k_p in HALF_LENGTHS},
            "k_p": int(corrected.mean() / 2),
            "k_p_raw": int(raw.mean() / 2),
        },
    }


def _sfamnet_lengths() -> tuple[int, int]:
    """Shortest and longest interval of SFAMNet's rule in frames: every second frame is scored."""
    return 2 * MICRO.min_length + 1, 2 * MICRO.max_length + 1


def label_lengths(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Inclusive lengths of the micro-expressions in SFAMNet's label file of CAS(ME)^3, in frames.

    Returns
    -------
    raw : ndarray, (n,) int
        As labelled.
    corrected : ndarray, (m,) int
        By the release's rule: where the offset comes more than 30 frames after the onset it is put as long after the
        apex as the onset lies before it; what then lasts one frame only is dropped.
    """
    table = pd.read_excel(path, sheet_name="label")
    missing = sorted({"Onset", "Apex", "Offset"} - set(table.columns))
    if missing:
        raise InputError(f"{path} is not the label file of CAS(ME)^3: its sheet 'label' lacks {', '.join(missing)}")
    onset, apex, offset = (table[name].to_numpy() for name in ("Onset", "Apex", "Offset"))
    mirrored = np.where(offset - onset > 30, 2 * apex - onset, offset)
    return offset - onset + 1, (mirrored - onset + 1)[~((onset == apex) & (apex == mirrored))]


def load(reference: str = "", *, start: str | os.PathLike = ".") -> tuple[dict, str]:
    """The record for the page: made from a folder where one is named, else as stored in the repository.

    Parameters
    ----------
    reference : str
        A folder with files of the release; empty for the environment variable ``MELIB_REFERENCE``, and without that
        for the stored record.
    start : path
        Where to look for ``results/released_weights.json``: here, or in a folder above.

    Returns
    -------
    tuple
        The record, and ``"computed"`` or ``"stored"``.

    Raises
    ------
    FileNotFoundError
        If the folder holds no checkpoint, or no stored record is found.
    """
    folder = reference or os.environ.get("MELIB_REFERENCE", "")
    if folder:
        return build(folder), "computed"
    return released.stored_record("released_weights.json", start), "stored"


def main(arguments: list[str] | None = None) -> int:
    """Print the findings of a folder; with ``--save`` keep the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="any part of the release")
    parser.add_argument("--save", metavar="RECORD.json", help="write the record as JSON")
    parsed = parser.parse_args(arguments)
    try:
        if parsed.save and not Path(parsed.save).absolute().parent.is_dir():
            raise FileNotFoundError(f"--save {parsed.save}: there is no such folder")
        record = build(parsed.folder)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for row in released_findings.findings(record).itertuples():
        print(f"{row.Index}\n  asked: {row.asked}\n  found: {row.found}\n")
    if parsed.save:
        released.save(record, parsed.save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
