"""The numbers that the papers print, as data, to stand beside ours and apart from them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import pandas as pd

#: Why a row on synthetic faces has no printed number to be held against.
NOT_COMPARABLE = "not comparable: other faces, other tasks"


def printed(
    task: str, *, methods: Sequence[str] = ("MEAN", "SFAMNet"), metrics: Sequence[str] | None = None
) -> pd.DataFrame:
    """The printed numbers of a task on filmed faces, a row per method, features and dataset, a column per metric.

    Parameters
    ----------
    task : {"spotting", "analysis", "recognition"}
    methods : sequence of str
        Rows to keep, as the papers call them.
    metrics : sequence of str, optional
        Columns to keep; by default all.

    Returns
    -------
    pandas.DataFrame
        Shares with the papers' digits, and the column ``Beside synthetic rows``, which says that they cannot be held
        against these.

    Raises
    ------
    LookupError
        If no number is printed for that.
    """
    with resources.as_file(resources.files("melib") / "data" / "paper_tables.csv") as path:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    chosen = table[(table["task"] == task) & table["method"].isin(methods)]
    if metrics is not None:
        chosen = chosen[chosen["metric"].isin(metrics)]
    if chosen.empty:
        raise LookupError(f"the papers print nothing on {task} for {', '.join(methods)}")
    names = {"dataset": "Dataset (filmed)", "classes": "Classes", "method": "Network", "features": "Input"}
    wide = (
        chosen.rename(columns={"paper": "Paper", **names})
        .assign(order=range(len(chosen)))
        .pivot_table(
            index=["Paper", *names.values()], columns="metric", values=["value", "order"], aggfunc="first", sort=False
        )["value"]
        .reindex(columns=list(dict.fromkeys(chosen["metric"])))
        .fillna("")
        .reset_index()
    )
    return wide.assign(**{"Beside synthetic rows": NOT_COMPARABLE}).rename_axis(columns=None)
