"""What the released predictions of MEAN on CASME II say, as one record.

The authors of STRS published predictions and labels of 244 clips (``STRS-Metric/data/pred.csv`` and ``gt.csv``). This
module scores them, sets the scores beside the printed table, and measures how much rests on how few intervals and how
much a system would score that does not look at the clip. The page *What the released predictions say* shows the
record; ``results/released_predictions.json`` keeps it for readers without the files.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from melib.files import whole
from melib.metrics import chance, intervals, spotting, strs, uncertainty

#: Printed metric of the MEAN table -> the key that carries the same name here.
PRINTED = {
    ("spotting", "TP"): "tp",
    ("spotting", "FP"): "fp",
    ("spotting", "FN"): "fn",
    ("spotting", "F1"): "f1_spotting",
    ("spotting", "AP@[.5:.95]"): "ap_50_95",
    ("analysis", "F1"): "f1_analysis",
    ("analysis", "UF1"): "uf1_analysis",
    ("analysis", "UAR"): "uar_analysis",
    ("analysis", "STRS"): "strs",
}

_SHOWN = ("tp", "fp", "fn", "f1_spotting", "f1_analysis", "uf1_analysis", "uar_analysis", "strs", "f1_named")


def printed_tables() -> pd.DataFrame:
    """The numbers printed by the two papers, one a row (columns in ``melib/data/README.md``)."""
    with (resources.files("melib") / "data" / "paper_tables.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def printed_column(dataset: str = "CASME II") -> dict[str, float]:
    """The printed results of MEAN on a dataset, under the keys of :mod:`melib.metrics`."""
    table = printed_tables()
    rows = table[(table["paper"] == "MEAN") & (table["dataset"] == dataset)]
    return {PRINTED[row.task, row.metric]: float(row.value) for row in rows.itertuples()}


def arithmetic() -> pd.DataFrame:
    """Whether STRS is the product of the two F1 values in every printed row that has all three.

    Returns
    -------
    pandas.DataFrame
        ``paper, dataset, classes, method, features, f1_spotting, f1_analysis, strs, product, agrees``; a row agrees
        where the product lies within what rounding to four digits allows.
    """
    table = printed_tables()
    row = ["paper", "dataset", "method", "features"]
    spotted = table[(table["task"] == "spotting") & (table["metric"] == "F1")].set_index(row)["value"]
    analysis = table[table["task"] == "analysis"].pivot(index=[*row, "classes"], columns="metric", values="value")
    out = analysis[["F1", "STRS"]].rename(columns={"F1": "f1_analysis", "STRS": "strs"}).reset_index()
    out["f1_spotting"] = spotted.loc[list(out[row].itertuples(index=False, name=None))].to_numpy()
    out["product"] = out["f1_spotting"] * out["f1_analysis"]
    rounding = 5e-5 * (1 + out["f1_spotting"] + out["f1_analysis"])
    out["agrees"] = (out["product"] - out["strs"]).abs() <= rounding
    out["classes"] = out["classes"].astype(int)
    return out[[*row, "classes", "f1_spotting", "f1_analysis", "strs", "product", "agrees"]]


def fixed_interval(truth: pd.DataFrame, *, rule: str = "mean_iou") -> pd.DataFrame:
    """Answer every clip with one interval, chosen on the other subjects: the floor of localisation in short clips.

    Parameters
    ----------
    truth : pandas.DataFrame
        One labelled interval per (subject, video).
    rule : {"mean_iou", "hits"}
        The interval of largest mean IoU with the labels of the other subjects, or the one that hits (IoU >= 0.5) most
        of them; among equals the earliest and shortest.

    Returns
    -------
    pandas.DataFrame
        Predictions in the columns of ``truth``, with its emotions.
    """
    truth = truth.reset_index(drop=True)
    first, last = truth["onset"].min(), truth["offset"].max()
    longest = int((truth["offset"] - truth["onset"]).max()) + 1
    onset, length = (
        grid.ravel() for grid in np.meshgrid(np.arange(first, last), np.arange(1, longest + 1), indexing="ij")
    )
    values = intervals.iou(
        truth["onset"].to_numpy()[:, None], truth["offset"].to_numpy()[:, None], onset, onset + length - 1
    )
    worth = {"mean_iou": values, "hits": values >= 0.5}[rule].astype(np.float64)
    answers = truth.copy()
    for subject in truth["subject"].unique():
        held_out = (truth["subject"] == subject).to_numpy()
        best = int(np.argmax(worth[~held_out].sum(axis=0).round(9)))
        answers.loc[held_out, ["onset", "offset"]] = onset[best], onset[best] + length[best] - 1
    return answers


def withheld(truth: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, list[float]]:
    """How STRS moves as predictions are taken away: the misnamed hits first, or the well-named ones.

    Returns
    -------
    dict
        ``misnamed``: STRS after withholding 0, 1, 2, ... misnamed hits, in the order of rows; ``named``: after
        withholding 0, 1, 2, ... well-named hits, each time the one that costs most.
    """
    found = intervals.match(truth, predictions)
    true, named = truth["emotion"].to_numpy()[found.truth], predictions["emotion"].to_numpy()[found.prediction]
    names = np.array(strs.classes(truth, None))
    confusion = np.zeros((len(names), len(names)))
    np.add.at(confusion, (np.searchsorted(names, true), np.searchsorted(names, named)), 1)

    def score(table: np.ndarray, gone: int) -> float:
        f1 = 2 * table.sum() / (len(truth) + len(predictions) - gone)
        claimed, support = np.maximum(table.sum(axis=0), 1), np.maximum(table.sum(axis=1), 1)
        precision, recall = (table.diagonal() / claimed).mean(), (table.diagonal() / support).mean()
        return float(f1 * 2 * precision * recall / (precision + recall)) if precision + recall else 0.0

    wrong, table = [score(confusion, 0)], confusion.copy()
    for t, p in zip(true, named, strict=True):
        if t != p:
            table[np.searchsorted(names, t), np.searchsorted(names, p)] -= 1
            wrong.append(score(table, len(wrong)))
    right, table = [score(confusion, 0)], confusion.copy()
    while table.diagonal().any():
        options = []
        for cell in np.flatnonzero(table.diagonal()):
            table[cell, cell] -= 1
            options.append((score(table, len(right)), cell))
            table[cell, cell] += 1
        value, cell = min(options)
        table[cell, cell] -= 1
        right.append(value)
    return {"misnamed": wrong, "named": right}


def build(folder: str | os.PathLike, *, n_resamples: int = 2000, n_draws: int = 1000, seed: int = 0) -> dict:
    """Score the released files.

    Parameters
    ----------
    folder : path
        The folder of reference artefacts, with ``STRS-Metric/data``.
    n_resamples, n_draws : int
        For intervals and for nulls.
    seed : int

    Returns
    -------
    dict
        Plain types, ready for JSON; NaN never occurs.

    Raises
    ------
    FileNotFoundError
        If the folder does not hold the files.
    """
    data = Path(folder) / "STRS-Metric" / "data"
    truth, predictions, _ = strs.validate(data / "gt.csv", data / "pred.csv")
    scores = {name: strs.evaluate(truth, predictions, protocol=name) for name in strs.PROTOCOLS}
    for values in scores.values():
        del values["false_positives_per_minute"]  # the release does not say how long the clips are
    tally = strs.tally(truth, predictions)
    limits = {
        method: uncertainty.bootstrap(tally, n_resamples=n_resamples, method=method, seed=seed).table
        for method in ("studentised", "percentile")
    }
    ranked = spotting.tally(truth, predictions, protocol="mean")
    for method, table in limits.items():
        by_rank = uncertainty.bootstrap(ranked, n_resamples=n_resamples, method=method, seed=seed).table
        table.loc["ap_50_95"] = by_rank.loc["ap_50_95_micro"]
    null = chance.exchanged(truth, predictions, n_draws=n_draws, seed=seed).table
    found = intervals.match(truth, predictions)
    guess = chance.guessed(truth["emotion"].iloc[found.truth], n_draws=n_draws, seed=seed).table.loc["uf1_pooled"]
    floors = {rule: strs.evaluate(truth, fixed_interval(truth, rule=rule)) for rule in ("mean_iou", "hits")}
    rows = strs.per_class(truth, predictions)
    subsets = [
        (
            abs(strs.evaluate(truth, predictions, emotions=names)["uf1_analysis"] - printed_column()["uf1_analysis"]),
            names,
        )
        for size in range(1, len(rows) + 1)
        for names in itertools.combinations(rows.index, size)
    ]
    distance, nearest = min(subsets)
    return {
        "sha256": {name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in ("pred.csv", "gt.csv")},
        "n_truth": len(truth),
        "n_predictions": len(predictions),
        "n_subjects": len(tally.subjects),
        "n_clips": len(truth[["subject", "video"]].drop_duplicates()),
        "most_predictions_in_a_clip": int(predictions.groupby(["subject", "video"]).size().max()),
        "prediction_lengths": sorted({int(n) for n in predictions["offset"] - predictions["onset"] + 1}),
        "printed": printed_column(),
        "scores": scores,
        "ap_50_95": {
            "file order": spotting.average_precision(truth, predictions, protocol="mean")["ap_50_95"],
            "reversed": spotting.average_precision(truth, predictions[::-1], protocol="mean")["ap_50_95"],
        },
        "intervals": {
            method: {key: table.loc[key, ["low", "high"]].tolist() for key in (*_SHOWN, "ap_50_95")}
            for method, table in limits.items()
        },
        "caution": uncertainty.caution(len(tally.subjects), scores["strict"]["tp"]),
        "per_class": rows.reset_index().to_dict("records"),
        "uf1_of_subsets": {"nearest": list(nearest), "distance": distance},
        "exchanged": {key: {c: float(null.loc[key, c]) for c in null.columns} for key in _SHOWN},
        "guessed_uf1": {name: float(guess[name]) for name in guess.index},
        "fixed_interval": {rule: values["f1_spotting"] for rule, values in floors.items()},
        "withheld": withheld(truth, predictions),
        "settings": {"n_resamples": n_resamples, "n_draws": n_draws, "seed": seed},
    }


def load(reference: str = "", *, start: str | os.PathLike = ".") -> tuple[dict, str]:
    """The record for the page: made from the released files where they are, else as stored in the repository.

    Parameters
    ----------
    reference : str
        The folder of reference artefacts; empty for the environment variable ``MELIB_REFERENCE``, and without that
        for the stored record.
    start : path
        Where to look for ``results/released_predictions.json``: here, or in a folder above.

    Returns
    -------
    tuple
        The record, and ``"computed"`` or ``"stored"``.

    Raises
    ------
    FileNotFoundError
        If the files are not in the folder named, or no stored record is found.
    """
    folder = reference or os.environ.get("MELIB_REFERENCE", "")
    if folder:
        return build(folder), "computed"
    return stored_record("released_predictions.json", start), "stored"


def stored_record(name: str, start: str | os.PathLike = ".") -> dict:
    """A record that the repository keeps in ``results``, seen from a folder of it.

    Raises
    ------
    FileNotFoundError
        If neither the folder nor one above has the file.
    """
    here = Path(start).resolve()
    for parent in (here, *here.parents):
        stored = parent / "results" / name
        if stored.is_file():
            return json.loads(stored.read_text(encoding="utf-8"))
    raise FileNotFoundError(
        f"no results/{name} in {here} or above it: run inside the repository, or name the folder of reference "
        "artefacts in MELIB_REFERENCE"
    )


def save(record: dict, path: str | os.PathLike) -> None:
    """Write a record as JSON, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def comparison(record: dict) -> pd.DataFrame:
    """Printed value beside what the released predictions give, a row per printed metric.

    Returns
    -------
    pandas.DataFrame
        ``printed, script`` (the released script's protocol), ``strict, low, high`` (95 % over subjects), ``agrees``
        (which of the two gives the printed digits: ``"both"``, ``"script"``, ``"strict"`` or ``"neither"``).
    """
    rows = []
    for key, printed in record["printed"].items():
        ours = [record["scores"][name].get(key, record["ap_50_95"]["file order"]) for name in ("strs-metric", "strict")]
        tolerance = 0 if key in ("tp", "fp", "fn") else 5.1e-5
        hits = [abs(value - printed) <= tolerance for value in ours]
        verdict = {(True, True): "both", (True, False): "script", (False, True): "strict"}.get(tuple(hits), "neither")
        low, high = record["intervals"]["studentised"].get(key, (np.nan, np.nan))
        rows.append((key, printed, *ours, low, high, verdict))
    columns = ["metric", "printed", "script", "strict", "low", "high", "agrees"]
    return pd.DataFrame(rows, columns=columns).set_index("metric")


def quantities(record: dict) -> dict[str, float | int | str]:
    """The numbers that the prose of the page names, by the name under which it does."""
    strict, script, printed = record["scores"]["strict"], record["scores"]["strs-metric"], record["printed"]
    rows = {row["emotion"]: row for row in record["per_class"]}
    fewest = min(rows.values(), key=lambda row: row["tp"])
    right = int(sum(row["tp"] for row in rows.values()))
    named, misnamed = record["withheld"]["named"], record["withheld"]["misnamed"]
    implied = arithmetic()
    odd = implied[~implied["agrees"]]
    values: dict[str, float | int | str] = {
        **{key: record[key] for key in ("n_truth", "n_predictions", "n_subjects", "n_clips")},
        "prediction_length": record["prediction_lengths"][0],
        **{key: strict[key] for key in ("tp", "fp", "fn", "f1_spotting", "f1_analysis", "strs", "f1_named")},
        "uf1": strict["uf1_analysis"],
        "uf1_printed": printed["uf1_analysis"],
        "uf1_nearest_distance": record["uf1_of_subsets"]["distance"],
        "uf1_nearest_classes": ", ".join(record["uf1_of_subsets"]["nearest"]),
        "uar_script": script["uar_analysis"],
        "precision_analysis": strict["precision_analysis"],
        "recall_analysis": strict["recall_analysis"],
        "uar_printed": printed["uar_analysis"],
        "ap": record["ap_50_95"]["file order"],
        "ap_reversed": record["ap_50_95"]["reversed"],
        "ap_printed": printed["ap_50_95"],
        "right": right,
        "fewest_class": fewest["emotion"],
        "fewest_right": int(fewest["tp"]),
        "fewest_found": int(fewest["tp"] + fewest["fn"]),
        "strs_without_5": named[5],
        "n_misnamed": len(misnamed) - 1,
        "strs_without_misnamed": misnamed[-1],
        "fixed_mean_iou": record["fixed_interval"]["mean_iou"],
        "fixed_hits": record["fixed_interval"]["hits"],
        "exchanged": record["exchanged"]["f1_spotting"]["mean"],
        "exchanged_strs": record["exchanged"]["strs"]["mean"],
        "exchanged_low": record["exchanged"]["f1_spotting"]["low"],
        "exchanged_high": record["exchanged"]["f1_spotting"]["high"],
        **{f"guessed_{key}": record["guessed_uf1"][key] for key in ("low", "high")},
        "n_rows_implied": len(implied),
        "n_rows_odd": len(odd),
        "implied_f1": float((odd["strs"] / odd["f1_spotting"]).iloc[0]),
        "caution": record["caution"],
    }
    for method, short in (("studentised", ""), ("percentile", "_percentile")):
        low, high = record["intervals"][method]["strs"]
        values |= {f"strs_low{short}": low, f"strs_high{short}": high}
    return values
