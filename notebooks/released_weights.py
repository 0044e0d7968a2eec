"""The authors' trained weights, asked: parity with recorded cases, what the files hold, what the rules can reach.

The command and the tables are in ``notebooks/released.py``, which does without PyTorch and so starts faster.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from released import EDGES, sha256
from scipy import stats
from scipy.signal import find_peaks
from scipy.special import softmax
from torch import Tensor

from melib.errors import InputError
from melib.models import load_mean, load_sfamnet, nonfinite_tensors, predict
from melib.spotting import MICRO, box_smooth, mean_intervals
from melib.training.loop import fit
from melib.training.sfamnet import JointStage, SFAMNetSettings

#: The label file of CAS(ME)^3 in SFAMNet's release.
LABELS = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
_PROBES = 64  # random inputs put to every SFAMNet
_VIDEOS, _FRAMES = 200, 900  # of noise that is put to the rules


def ask_weights(folder: str | os.PathLike, *, seed: int = 0) -> dict:
    """The record on every checkpoint below a folder.

    ``parity`` (a row per recorded case of the released code), ``sfamnet`` and ``mean`` (a row per checkpoint),
    ``pairs`` (SFAMNet's 4-class and 7-class file of a fold), ``triples`` (MEAN's three files of a fold), ``rules``.
    """
    ours, theirs = checkpoints(folder)
    if not ours and not theirs:
        raise FileNotFoundError(
            f"no checkpoint below {folder}: expected <K>emo/subject_<N>.pkl or <DATASET>/spot_recog/s<N>.hdf5"
        )
    probes = np.random.default_rng([seed, 0]).random((_PROBES, 3, 42, 42), dtype=np.float32)
    tensors = {key: _tensors(path) for key, path in ours.items()}
    both = [subject for emotions, subject in ours if emotions == 4 and (7, subject) in ours]
    triples = []
    for dataset, subject in sorted({key[:2] for key in theirs}):
        paths = [theirs.get((dataset, subject, kind)) for kind in ("spot_recog", "spot", "recog")]
        if all(paths):
            # A head that is not in a file is NaN, which tells nothing.
            whole, *parts = (load_mean(path, allow_nonfinite=True).state_dict() for path in paths)
            differ = sorted({name for part in parts for name in shared(whole, part)["different"]})
            triples.append({"dataset": dataset, "subject": subject, "different": differ})
    return {
        "parity": parity(folder),
        "sfamnet": [
            {"emotions": key[0], "subject": key[1], **_sfamnet_row(path, tensors[key], probes)}
            for key, path in ours.items()
        ],
        "pairs": [{"subject": subject, **shared(tensors[4, subject], tensors[7, subject])} for subject in both],
        "mean": [
            {"dataset": key[0], "subject": key[1], "kind": key[2], **_describe(path, _tensors(path))}
            for key, path in theirs.items()
        ],
        "triples": triples,
        "rules": rules(folder, seed=seed),
        "settings": {"seed": seed, "probes": _PROBES},
    }


def checkpoints(folder: str | os.PathLike) -> tuple[dict[tuple, Path], dict[tuple, Path]]:
    """SFAMNet's files below a folder by (emotions, subject), and MEAN's by (dataset, subject, kind)."""
    sfamnet, mean = {}, {}
    for path in Path(folder).rglob("*.*"):
        if found := re.search(r"(?:^|/)(\d+)emo/subject_(\d+)\.pkl$", path.as_posix()):
            sfamnet[int(found[1]), int(found[2])] = path
        elif found := re.search(r"([^/]+)/(spot|recog|spot_recog)/s(\d+)\.hdf5$", path.as_posix()):
            mean[found[1], int(found[3]), found[2]] = path
    return dict(sorted(sfamnet.items())), dict(sorted(mean.items()))


def _tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a released checkpoint under their own names; Keras' counters are left as they are."""
    if path.suffix == ".pkl":
        load_sfamnet(path, allow_nonfinite=True)  # refuses whatever is something else
        return torch.load(path, map_location="cpu", weights_only=True)
    load_mean(path, allow_nonfinite=True)
    names: list[str] = []
    with h5py.File(path) as file:
        root = file["model_weights"] if "model_weights" in file else file
        root.visit(names.append)
        arrays = {name: root[name][()] for name in names if isinstance(root[name], h5py.Dataset)}
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


def _describe(path: Path, tensors: Mapping[str, Tensor]) -> dict:
    return {"sha256": sha256(path), "tensors": len(tensors), "not_finite": nonfinite_tensors(tensors)}


def _sfamnet_row(path: Path, tensors: Mapping[str, Tensor], probes: np.ndarray) -> dict:
    score, logits = predict(load_sfamnet(path, allow_nonfinite=True), probes, device="cpu")
    # The released rule begins with the peaks of the smoothed score. Comparisons with NaN are false, so there are none.
    smooth = box_smooth(np.resize(score, _FRAMES), 2 * MICRO.half_width)
    peaks, _ = find_peaks(smooth, height=MICRO.threshold)
    layers = ("conv2", "fc_recog")  # those that no output but the names uses
    return {
        **_describe(path, tensors),
        **{each: against_initial_range(tensors[f"{each}.weight"], tensors[f"{each}.bias"]) for each in layers},
        "finite_scores": int(np.isfinite(score).sum()),
        "classes_named": sorted({int(name) for name in logits.argmax(axis=1)}),
        "spots_nothing": bool(len(peaks) == 0) if np.isnan(score).all() else None,
    }


def against_initial_range(weight: Tensor, bias: Tensor) -> dict | None:
    """Whether a layer can still be as PyTorch first filled it; None for values that are not finite.

    PyTorch draws weights and biases evenly within ``1 / sqrt(fan-in)``, the ``bound``. What lies beyond was changed;
    what lies within, evenly as a Kolmogorov-Smirnov test (``uniform_p``) sees it, looks untouched.
    """
    values = torch.cat([weight.flatten(), bias.flatten()])
    if not torch.isfinite(values).all():
        return None
    bound = float(np.float32(weight[0].numel() ** -0.5))
    largest = float(values.abs().max())
    relative = weight.flatten().double().numpy() / bound
    return {
        "largest": largest,
        "bound": bound,
        "within": largest <= bound,
        "uniform_p": float(stats.kstest(relative, stats.uniform(-1, 2).cdf).pvalue),
        "counts": np.histogram(np.clip(relative, EDGES[0], EDGES[-1]), EDGES)[0].tolist(),
    }


def shared(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> dict:
    """Names of the finite tensors that are ``identical`` bit for bit in two files, and of those that are not."""
    bad = {*nonfinite_tensors(first), *nonfinite_tensors(second)}
    names = [name for name in dict.fromkeys([*first, *second]) if name not in bad]
    same = {name for name in names if name in first and name in second and torch.equal(first[name], second[name])}
    return {
        "finite": not bad,
        "identical": [name for name in names if name in same],
        "different": [name for name in names if name not in same],
    }


def parity(folder: str | os.PathLike) -> list[dict]:
    """Run every recorded case of the released code whose checkpoint is below the folder; a row each."""
    ours, theirs = checkpoints(folder)
    rows = []
    for path in sorted(Path(folder).rglob("golden/*.npz")):
        kind = path.stem.split("_")[0]
        if kind not in ("mean", "sfamnet", "train"):
            continue
        with np.load(path) as file:
            case = dict(file)
        subject = int(case["subject"])
        if kind == "mean":
            network, checkpoint = "MEAN", theirs.get((str(case["dataset"]), subject, "spot_recog"))
        else:
            network, checkpoint = "SFAMNet", ours.get((int(case["emotions"]), subject))
        if checkpoint is not None:
            compared, pairs = _run(kind, checkpoint, case)
            found = [np.abs(np.ravel(got) - np.ravel(expected)) for got, expected in pairs]
            largest = float(np.concatenate(found).max())
            row = {"case": path.stem, "network": network, "compared": compared}
            rows.append(row | {"values": sum(map(len, found)), "largest_difference": largest})
    return rows


def _run(kind: str, checkpoint: Path, case: Mapping[str, np.ndarray]) -> tuple[str, list[tuple]]:
    """What is compared of a recorded case, and our outputs beside theirs."""
    if kind == "mean":
        score, logits = predict(load_mean(checkpoint), np.moveaxis(case["x"], 3, 1), device="cpu")
        return "score, class probabilities", [(score, case["spot"]), (softmax(logits, axis=1), case["recog"])]
    model = load_sfamnet(checkpoint)
    if kind == "sfamnet":
        score, logits = predict(model, case["x"], device="cpu")
        return "score, class logits", [(score, case["spot"]), (logits, case["recog"])]
    settings = SFAMNetSettings(spot_weight=float(case["loss_lambda"]))
    stage = JointStage(model, torch.from_numpy(case["class_weight"]), settings)
    batch = tuple(torch.from_numpy(case[name]) for name in ("x", "spot_target", "emotion_target"))
    batch += (torch.ones(len(batch[0])),)  # no augmentation
    losses = fit(stage, lambda: batch, steps=len(case["losses"]), rate=float(case["lr"]))
    score, logits = predict(model, case["x"][: len(case["spot_after"])], device="cpu")
    pairs = [(losses, case["losses"]), (score, case["spot_after"]), (logits, case["recog_after"])]
    return f"losses of {len(losses)} training steps, outputs after them", pairs


def rules(folder: str | os.PathLike, *, seed: int = 0) -> dict:
    """What MEAN's rule finds in pure ``noise``, and ``ceilings``: the highest recall that lengths of intervals allow.

    The ceilings are on the labels of CAS(ME)^3, None where their file is not below the folder.
    """
    noise = np.random.default_rng([seed, 1]).random((_VIDEOS, _FRAMES))
    found = [len(mean_intervals(score, k_p=8)) for score in noise]
    quiet = {"videos": len(found), "silent": found.count(0), "intervals": float(np.mean(found))}
    files = sorted(path for path in Path(folder).rglob("*.xlsx") if path.name == LABELS)
    if not files:
        return {"noise": quiet, "ceilings": None}
    raw, corrected = label_lengths(files[0])
    ceilings = {
        "labels": len(raw),
        "kept": len(corrected),
        # SFAMNet scores every second frame.
        "sfamnet": recall_ceiling(corrected, 2 * MICRO.min_length + 1, 2 * MICRO.max_length + 1),
        "mean": {str(k_p): recall_ceiling(corrected, 2 * k_p + 1, 2 * k_p + 1) for k_p in range(1, 26)},
        "k_p": int(corrected.mean() / 2),
        "k_p_raw": int(raw.mean() / 2),
    }
    return {"noise": quiet, "ceilings": ceilings}


def recall_ceiling(lengths: np.ndarray, shortest: int, longest: int) -> float:
    """The highest recall that intervals of limited length can reach, were each put where it fits best.

    All lengths are inclusive, in frames. A rule gives ``2 k_p + 1`` (MEAN's), or from ``frame_skip`` times the least
    ``offset - onset``, plus 1, to the same of the largest (SFAMNet's: 15 and 33).
    """
    best = np.clip(lengths, shortest, longest)
    return float(np.mean(np.minimum(lengths, best) / np.maximum(lengths, best) >= 0.5))


def label_lengths(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Inclusive lengths in frames of the micro-expressions in SFAMNet's label file: as labelled, and as corrected.

    By the release's rule an offset more than 30 frames after the onset is put as long after the apex as the onset lies
    before it; what then lasts one frame only is dropped.
    """
    table = pd.read_excel(path, sheet_name="label")
    missing = sorted({"Onset", "Apex", "Offset"} - set(table.columns))
    if missing:
        raise InputError(f"{path} is not the label file of CAS(ME)^3: its sheet 'label' lacks {', '.join(missing)}")
    onset, apex, offset = (table[name].to_numpy() for name in ("Onset", "Apex", "Offset"))
    mirrored = np.where(offset - onset > 30, 2 * apex - onset, offset)
    return offset - onset + 1, (mirrored - onset + 1)[~((onset == apex) & (apex == mirrored))]
