"""The numbers that the papers print, as data, and what they are called here."""

from __future__ import annotations

from importlib import resources

import pandas as pd

#: Dataset -> what the papers call it.
PRINTED_AS = {
    "casme3": "CAS(ME)³",
    "casme_sq": "CAS(ME)²",
    "samm_lv": "SAMM-LV",
    "casme2": "CASME II",
    "smic_hs": "SMIC-E-HS",
    "smic_vis": "SMIC-E-VIS",
    "smic_nir": "SMIC-E-NIR",
}
#: Method -> the model that rebuilds it.
REBUILT = {"MEAN": "mean", "SFAMNet": "sfamnet"}
#: What the papers call the input -> the inputs that it may mean. How "O + S" was fused is not said.
READINGS = {"O": ("O",), "S": ("S",), "D": ("D",), "O+S": ("O+S", "O|S")}
#: Printed number -> the metric of ours that measures it.
MEASURED_AS = {
    ("spotting", "TP"): "tp",
    ("spotting", "FP"): "fp",
    ("spotting", "FN"): "fn",
    ("spotting", "F1"): "f1_spotting",
    ("spotting", "AP@[.5:.95]"): "ap_50_95_micro",
    ("analysis", "F1"): "f1_analysis",
    ("analysis", "UF1"): "uf1_analysis",
    ("analysis", "UAR"): "uar_analysis",
    ("analysis", "STRS"): "strs",
    ("recognition", "UF1"): "uf1_pooled",
    ("recognition", "UAR"): "uar_pooled",
}


def printed_tables() -> pd.DataFrame:
    """All numbers that the papers print, one a row, all text: values keep the papers' digits."""
    with (resources.files("melib") / "data" / "paper_tables.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def read_printed(task: str, dataset: str | None = None) -> pd.DataFrame:
    """The printed numbers of a task (``spotting``, ``analysis``, ``recognition``), perhaps of one dataset alone."""
    table = printed_tables()
    chosen = table["task"] == task
    if dataset is not None:
        chosen &= table["dataset"] == PRINTED_AS.get(dataset)
    return table[chosen].reset_index(drop=True)


def printed_column(dataset: str = "CASME II") -> dict[str, float]:
    """The printed results of MEAN on a dataset, under the keys of :mod:`melib.metrics`."""
    table = printed_tables()
    rows = table[(table["paper"] == "MEAN") & (table["dataset"] == dataset)]
    keys = [MEASURED_AS[row.task, row.metric].removesuffix("_micro") for row in rows.itertuples()]
    return dict(zip(keys, rows["value"].astype(float), strict=True))
