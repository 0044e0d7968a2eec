"""What the authors published, asked: printed numbers, MEAN's predictions on CASME II, and trained weights.

    python notebooks/released.py {predictions,weights} FOLDER [--save RECORD.json]

FOLDER holds any part of the release: ``STRS-Metric/data/{gt,pred}.csv``; SFAMNet's ``<K>emo/subject_<N>.pkl`` and label
file, MEAN's ``<DATASET>/{spot,recog,spot_recog}/s<N>.hdf5``; and recorded cases of the released code, ``golden/*.npz``.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import stored
import torch
from scipy import stats
from scipy.signal import find_peaks
from scipy.special import softmax
from torch import Tensor

from melib.errors import InputError, in_one_line
from melib.metrics import chance, intervals, spotting, strs, uncertainty
from melib.models import load_mean, load_sfamnet, nonfinite_tensors, predict
from melib.spotting import MICRO, box_smooth, mean_intervals
from melib.study.printed import printed_column, printed_tables
from melib.training.loop import fit
from melib.training.sfamnet import JointStage, SFAMNetSettings

#: Outputs agree if they differ by less: single precision, two implementations.
TOLERANCE = 1e-5
#: The label file of CAS(ME)^3 in SFAMNet's release.
LABELS = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
#: Where the weights of a layer are counted, in units of its initial range.
EDGES = np.linspace(-2.5, 2.5, 51)

_SHOWN = ("tp", "fp", "fn", "f1_spotting", "f1_analysis", "uf1_analysis", "uar_analysis", "strs", "f1_named")
_PROBES = 64  # random inputs put to every SFAMNet
_VIDEOS, _FRAMES = 200, 900  # of noise that is put to the rules


def arithmetic() -> pd.DataFrame:
    """Whether STRS is the product of the two F1 values, within rounding, in every printed row that has all three."""
    table = printed_tables().astype({"value": float})
    row = ["paper", "dataset", "method", "features"]
    spotted = table[(table["task"] == "spotting") & (table["metric"] == "F1")].set_index(row)["value"]
    analysis = table[table["task"] == "analysis"].pivot(index=[*row, "classes"], columns="metric", values="value")
    out = analysis[["F1", "STRS"]].rename(columns={"F1": "f1_analysis", "STRS": "strs"}).reset_index()
    out.insert(len(row) + 1, "f1_spotting", spotted.loc[list(out[row].itertuples(index=False, name=None))].to_numpy())
    out["product"] = out["f1_spotting"] * out["f1_analysis"]
    rounding = 5e-5 * (1 + out["f1_spotting"] + out["f1_analysis"])
    out["agrees"] = (out["product"] - out["strs"]).abs() <= rounding
    return out.astype({"classes": int}).rename_axis(columns=None)


def score_predictions(
    folder: str | os.PathLike, *, n_resamples: int = 2000, n_draws: int = 1000, seed: int = 0
) -> dict:
    """The record on MEAN's released predictions of 244 clips: scored again, beside what does not look at the clip."""
    data = Path(folder) / "STRS-Metric" / "data"
    truth, predictions, _ = strs.validate(data / "gt.csv", data / "pred.csv")
    scores = {name: strs.evaluate(truth, predictions, protocol=name) for name in strs.PROTOCOLS}
    for values in scores.values():
        del values["false_positives_per_minute"]  # the release does not say how long the clips are
    tally, ranked = strs.tally(truth, predictions), spotting.tally(truth, predictions, protocol="mean")
    limits = {}
    for method in ("studentised", "percentile"):
        options = {"n_resamples": n_resamples, "method": method, "seed": seed}
        by_count, by_rank = (uncertainty.bootstrap(each, **options).table for each in (tally, ranked))
        limits[method] = {key: by_count.loc[key, ["low", "high"]].tolist() for key in _SHOWN}
        limits[method]["ap_50_95"] = by_rank.loc["ap_50_95_micro", ["low", "high"]].tolist()
    null = chance.exchanged(truth, predictions, n_draws=n_draws, seed=seed).table
    hits = truth["emotion"].iloc[intervals.match(truth, predictions).truth]
    guess = chance.guessed(hits, n_draws=n_draws, seed=seed).table.loc["uf1_pooled"]
    rows, printed = strs.per_class(truth, predictions), printed_column()
    distance, nearest = min(
        (abs(strs.evaluate(truth, predictions, emotions=names)["uf1_analysis"] - printed["uf1_analysis"]), names)
        for size in range(1, len(rows) + 1)
        for names in itertools.combinations(rows.index, size)
    )
    ranking = {"file order": predictions, "reversed": predictions[::-1]}
    ranked_by = {
        order: spotting.average_precision(truth, each, protocol="mean")["ap_50_95"] for order, each in ranking.items()
    }
    floors = {rule: strs.evaluate(truth, fixed_interval(truth, rule=rule)) for rule in ("mean_iou", "hits")}
    return {
        "sha256": {name: _sha256(data / name) for name in ("pred.csv", "gt.csv")},
        "n_truth": len(truth),
        "n_predictions": len(predictions),
        "n_subjects": len(tally.subjects),
        "n_clips": len(truth[["subject", "video"]].drop_duplicates()),
        "most_predictions_in_a_clip": int(predictions.groupby(["subject", "video"]).size().max()),
        "prediction_lengths": sorted({int(n) for n in predictions["offset"] - predictions["onset"] + 1}),
        "printed": printed,
        "scores": scores,
        "ap_50_95": ranked_by,
        "intervals": limits,
        "caution": uncertainty.caution(len(tally.subjects), scores["strict"]["tp"]),
        "per_class": rows.reset_index().to_dict("records"),
        "uf1_of_subsets": {"nearest": list(nearest), "distance": distance},
        "exchanged": {key: {c: float(null.loc[key, c]) for c in null.columns} for key in _SHOWN},
        "guessed_uf1": {name: float(guess[name]) for name in guess.index},
        "fixed_interval": {rule: values["f1_spotting"] for rule, values in floors.items()},
        "withheld": withheld(truth, predictions),
        "settings": {"n_resamples": n_resamples, "n_draws": n_draws, "seed": seed},
    }


def fixed_interval(truth: pd.DataFrame, *, rule: str = "mean_iou") -> pd.DataFrame:
    """Answer every clip with one interval: that of largest ``mean_iou``, or with most ``hits``, on the other subjects.

    Among equals the earliest and shortest. A hit is an IoU of at least 0.5.
    """
    truth = truth.reset_index(drop=True)
    first, last = truth["onset"].min(), truth["offset"].max()
    longest = int((truth["offset"] - truth["onset"]).max()) + 1
    onset, length = (
        grid.ravel() for grid in np.meshgrid(np.arange(first, last), np.arange(1, longest + 1), indexing="ij")
    )
    labels = (truth[name].to_numpy()[:, None] for name in ("onset", "offset"))
    values = intervals.iou(*labels, onset, onset + length - 1)
    worth = {"mean_iou": values, "hits": values >= 0.5}[rule].astype(np.float64)
    answers = truth.copy()
    for subject in truth["subject"].unique():
        held_out = (truth["subject"] == subject).to_numpy()
        best = int(np.argmax(worth[~held_out].sum(axis=0).round(9)))
        answers.loc[held_out, ["onset", "offset"]] = onset[best], onset[best] + length[best] - 1
    return answers


def withheld(truth: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, list[float]]:
    """STRS after withholding 0, 1, ... hits: ``misnamed`` ones in order, or the ``named`` one that costs most."""
    found = intervals.match(truth, predictions)
    names = np.array(strs.classes(truth, None))
    true = np.searchsorted(names, truth["emotion"].to_numpy()[found.truth])
    named = np.searchsorted(names, predictions["emotion"].to_numpy()[found.prediction])
    confusion = np.zeros((len(names), len(names)))
    np.add.at(confusion, (true, named), 1)

    def score(table: np.ndarray, gone: int) -> float:
        f1 = 2 * table.sum() / (len(truth) + len(predictions) - gone)
        claimed, support = np.maximum(table.sum(axis=0), 1), np.maximum(table.sum(axis=1), 1)
        precision, recall = (table.diagonal() / claimed).mean(), (table.diagonal() / support).mean()
        return float(f1 * 2 * precision * recall / (precision + recall)) if precision + recall else 0.0

    wrong, table = [score(confusion, 0)], confusion.copy()
    for t, p in zip(true, named, strict=True):
        if t != p:
            table[t, p] -= 1
            wrong.append(score(table, len(wrong)))
    right, table = [score(confusion, 0)], confusion.copy()
    while table.diagonal().any():
        # One of each class at a time: the unit matrices are single hits.
        options = [
            (score(table - np.diag(one), len(right)), k) for k, one in enumerate(np.eye(len(names))) if table[k, k]
        ]
        value, k = min(options)
        table[k, k] -= 1
        right.append(value)
    return {"misnamed": wrong, "named": right}


def comparison(record: Mapping) -> pd.DataFrame:
    """Printed metric -> what is printed, what two protocols give, limits of 95 %, and who agrees."""
    words = {(True, True): "both", (True, False): "script", (False, True): "strict", (False, False): "neither"}
    rows = {}
    for key, printed in record["printed"].items():
        ours = [record["scores"][name].get(key, record["ap_50_95"]["file order"]) for name in ("strs-metric", "strict")]
        tolerance = 0 if key in ("tp", "fp", "fn") else 5.1e-5
        agrees = words[tuple(abs(value - printed) <= tolerance for value in ours)]
        rows[key] = (printed, *ours, *record["intervals"]["studentised"].get(key, (np.nan, np.nan)), agrees)
    columns = ["printed", "script", "strict", "low", "high", "agrees"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("metric")


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
    return {"sha256": _sha256(path), "tensors": len(tensors), "not_finite": nonfinite_tensors(tensors)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


def files(record: Mapping) -> pd.DataFrame:
    """The checkpoints that were looked at: kind -> how many files, of which folds, and where weights are not finite."""
    kinds: dict[str, list[Mapping]] = {}
    for row in (*record["sfamnet"], *record["mean"]):
        name = f"SFAMNet, {row['emotions']} emotions" if "emotions" in row else f"MEAN, {row['dataset']}"
        kinds.setdefault(name, []).append(row)
    lines = {}
    for name, rows in kinds.items():
        odd = [f"{row['subject']} ({len(row['not_finite'])} of {row['tensors']})" for row in rows if row["not_finite"]]
        folds = sorted({row["subject"] for row in rows})
        lines[name] = len(rows), ", ".join(map(str, folds)), ", ".join(odd)
    columns = ["files", "folds (subject left out)", "not finite (of its tensors)"]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns)


def parity_table(record: Mapping) -> pd.DataFrame:
    """Recorded case -> what was compared, how many numbers, the largest difference, and whether it is small enough."""
    columns = ["case", "network", "compared", "values", "largest_difference"]
    table = pd.DataFrame(record["parity"], columns=columns).set_index("case")
    table["agrees"] = table["largest_difference"] < TOLERANCE
    table["largest_difference"] = table["largest_difference"].map("{:.1e}".format)
    return table.rename(columns={"largest_difference": "largest difference"})


def criterion(record: Mapping) -> str:
    """Whether every recorded case agrees: ``met``, ``missed``, or ``not tested`` where there is none."""
    agrees = parity_table(record)["agrees"]
    return "not tested" if agrees.empty else "met" if agrees.all() else "missed"


def findings(record: Mapping) -> pd.DataFrame:
    """Finding -> how many cases, files or folds ``can show it``, in how many it ``holds``, and a ``word`` on that."""
    sfamnet, pairs = record["sfamnet"], [row for row in record["pairs"] if row["finite"]]
    bad = [row for row in sfamnet if row["not_finite"]]
    lines = {
        "Recorded cases: outputs agree": [row["largest_difference"] < TOLERANCE for row in record["parity"]],
        "SFAMNet: weights are not finite": [row["not_finite"] for row in sfamnet],
        "MEAN: weights are not finite": [row["not_finite"] for row in record["mean"]],
        "SFAMNet, not finite: no score, nothing spotted": [row["spots_nothing"] for row in bad],
        "SFAMNet, not finite: the first class named every time": [row["classes_named"] == [0] for row in bad],
        "SFAMNet, 4 and 7 emotions of a fold: tensors are shared": [row["identical"] for row in pairs],
        "MEAN: three files of a fold hold one network": [not row["different"] for row in record["triples"]],
    }
    for layer, emotions in (("fc_recog", 4), ("fc_recog", 7), ("conv2", 7)):
        finite = [row[layer] for row in sfamnet if row["emotions"] == emotions and row[layer]]
        within = [row["uniform_p"] for row in finite if row["within"]]
        # An even spread is contradicted at five percent over all files that can show it.
        even = [p >= 0.05 / len(within) for p in within]
        lines[f"SFAMNet, {emotions} emotions: {layer} within its first range"] = [row["within"] for row in finite]
        lines[f"SFAMNet, {emotions} emotions: {layer} within it and evenly spread"] = even
    counts = {name: (len(each), sum(map(bool, each))) for name, each in lines.items()}
    words = ["not shown" if not n else {0: "none", n: "all"}.get(k, "some") for n, k in counts.values()]
    return pd.DataFrame.from_dict(counts, orient="index", columns=["can show it", "holds"]).assign(word=words)


#: Stored record -> how it is made from the release.
BUILDERS = {"released_predictions": score_predictions, "released_weights": ask_weights}


def load(name: str, reference: str = "") -> tuple[dict, str]:
    """A record, ``computed`` from the folder ``reference`` or MELIB_REFERENCE, without either the ``stored`` one."""
    folder = str(reference or os.environ.get("MELIB_REFERENCE", ""))
    return (BUILDERS[name](folder), "computed") if folder else (stored.load(name), "stored")


def main(arguments: list[str] | None = None) -> int:
    """Print what a folder says; with ``--save`` keep the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("predictions", "weights"))
    parser.add_argument("folder", help="any part of the release")
    parser.add_argument("--save", metavar="RECORD.json", type=Path, help="write the record as JSON")
    asked = parser.parse_args(arguments)

    def run() -> int:
        record = BUILDERS[f"released_{asked.what}"](asked.folder)
        for table in (comparison,) if asked.what == "predictions" else (files, parity_table, findings):
            print(table(record).to_string(), end="\n\n")
        if asked.save:
            stored.save(record, asked.save)
        return 0

    return in_one_line("notebooks/released.py", run)


if __name__ == "__main__":
    sys.exit(main())
