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
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import stored

from melib.errors import in_one_line
from melib.metrics import chance, intervals, spotting, strs, uncertainty
from melib.study.printed import printed_column, printed_tables

#: Outputs agree if they differ by less: single precision, two implementations.
TOLERANCE = 1e-5
#: Where the weights of a layer are counted, in units of its initial range.
EDGES = np.linspace(-2.5, 2.5, 51)

_SHOWN = ("tp", "fp", "fn", "f1_spotting", "f1_analysis", "uf1_analysis", "uar_analysis", "strs", "f1_named")


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
        "sha256": {name: sha256(data / name) for name in ("pred.csv", "gt.csv")},
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


def sha256(path: Path) -> str:
    """The checksum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
    last, before = ("fc_recog", "last layer for names"), ("conv2", "convolution before it")
    for (layer, called), emotions in ((last, 4), (last, 7), (before, 7)):
        finite = [row[layer] for row in sfamnet if row["emotions"] == emotions and row[layer]]
        within = [row["uniform_p"] for row in finite if row["within"]]
        # An even spread is contradicted at five percent over all files that can show it.
        even = [p >= 0.05 / len(within) for p in within]
        lines[f"SFAMNet, {emotions} emotions: {called} within its first range"] = [row["within"] for row in finite]
        lines[f"SFAMNet, {emotions} emotions: {called} within it and evenly spread"] = even
    counts = {name: (len(each), sum(map(bool, each))) for name, each in lines.items()}
    words = ["not shown" if not n else {0: "none", n: "all"}.get(k, "some") for n, k in counts.values()]
    return pd.DataFrame.from_dict(counts, orient="index", columns=["can show it", "holds"]).assign(verdict=words)


def load(name: str, reference: str = "") -> tuple[dict, str]:
    """A record, ``computed`` from the folder ``reference`` or MELIB_REFERENCE, without either the ``stored`` one."""
    folder = str(reference or os.environ.get("MELIB_REFERENCE", ""))
    return (_build(name, folder), "computed") if folder else (stored.load(name), "stored")


def _build(name: str, folder: str | os.PathLike) -> dict:
    if name == "released_predictions":
        return score_predictions(folder)
    import released_weights  # it loads PyTorch, which predictions do without

    return released_weights.ask_weights(folder)


def main(arguments: list[str] | None = None) -> int:
    """Print what a folder says; with ``--save`` keep the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("predictions", "weights"))
    parser.add_argument("folder", help="any part of the release")
    parser.add_argument("--save", metavar="RECORD.json", type=Path, help="write the record as JSON")
    asked = parser.parse_args(arguments)

    def run() -> int:
        record = _build(f"released_{asked.what}", asked.folder)
        for table in (comparison,) if asked.what == "predictions" else (files, parity_table, findings):
            print(table(record).to_string(), end="\n\n")
        if asked.save:
            stored.save(record, asked.save)
        return 0

    return in_one_line("notebooks/released.py", run)


if __name__ == "__main__":
    sys.exit(main())
