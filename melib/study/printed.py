"""The numbers that the papers print, and which rows of this study they belong to."""

from __future__ import annotations

from importlib import resources

import pandas as pd

#: Dataset -> what the papers call it.
PRINTED_AS = {
    "casme3": "CAS(ME)^3",
    "casme_sq": "CAS(ME)^2",
    "samm_lv": "SAMMLV",
    "casme2": "CASME II",
    "smic_hs": "SMIC-E-HS",
    "smic_vis": "SMIC-E-VIS",
    "smic_nir": "SMIC-E-NIR",
}
#: Method -> the model that rebuilds it.
REBUILT = {"MEAN": "mean", "SFAMNet": "sfamnet"}
#: What the papers call the input -> the inputs that it may mean. How "O + S" was fused is not said.
READINGS = {"O": ("O",), "S": ("S",), "D": ("D",), "O+S": ("O+S", "O|S")}
#: Printed number -> part of a record and metric.
MEASURED_AS = {
    ("spotting", "TP"): ("spotting_and_naming", "tp"),
    ("spotting", "FP"): ("spotting_and_naming", "fp"),
    ("spotting", "FN"): ("spotting_and_naming", "fn"),
    ("spotting", "F1"): ("spotting_and_naming", "f1_spotting"),
    ("spotting", "AP@[.5:.95]"): ("intervals", "ap_50_95_micro"),
    ("analysis", "F1"): ("spotting_and_naming", "f1_analysis"),
    ("analysis", "UF1"): ("spotting_and_naming", "uf1_analysis"),
    ("analysis", "UAR"): ("spotting_and_naming", "uar_analysis"),
    ("analysis", "STRS"): ("spotting_and_naming", "strs"),
    ("recognition", "UF1"): ("recognition", "uf1_pooled"),
    ("recognition", "UAR"): ("recognition", "uar_pooled"),
}


def read_printed(task: str, dataset: str | None = None) -> pd.DataFrame:
    """The printed numbers of a task in the order of the papers, one a row.

    Parameters
    ----------
    task : {"spotting", "analysis", "recognition"}
    dataset : str, optional
        Name of one dataset, as :data:`melib.datasets.DATASETS` has it; by default all.

    Returns
    -------
    pandas.DataFrame
        Columns ``paper, table, dataset, task, classes, method, features, metric, value``, all text: values keep the
        papers' digits. Without rows where the papers print nothing.
    """
    with resources.as_file(resources.files("melib") / "data" / "paper_tables.csv") as path:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    chosen = table["task"] == task
    if dataset is not None:
        chosen &= table["dataset"] == PRINTED_AS.get(dataset)
    return table[chosen].reset_index(drop=True)
