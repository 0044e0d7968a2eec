"""Write book/tables/base_rate.html: what a mark of a published spotter is worth, from its published counts.

    python tools/make_base_rate.py [--check]

The counts are read from ``melib/data/paper_tables.csv``. The table is what a reader without JavaScript sees, and what
``book/assets/baserate.js`` reads its numbers from. With ``--check`` nothing is written, and a stale table is an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from melib.files import refresh_command

TABLE = Path("book", "tables", "base_rate.html")
COUNTS = Path("melib", "data", "paper_tables.csv")

#: Long videos, and how the book writes their names. CASME II and SMIC have one expression a clip: nothing can be said
#: of false alarms there.
LONG_VIDEOS = {"CAS(ME)^2": "CAS(ME)²", "SAMMLV": "SAMM Long Videos"}
#: How common micro-expressions are, as a multiple of how common they are in the dataset.
COMMON = {"as many": 1.0, "half as many": 0.5, "a tenth": 0.1}
#: The example of the last column, invented: the share of people who lie, and how many times as often they are granted
#: to show a micro-expression.
LIARS, RATIO = 0.05, 3.0


def share_right(tp: float, fp: float, common: float) -> float:
    """Share of marks that hold a micro-expression, where those are ``common`` times as frequent as in the dataset.

    The false alarms stay, since they come from the frames in between.
    """
    return common * tp / (common * tp + fp)


def share_from_liars(right: float, liars: float, ratio: float) -> float:
    """Share of marks that fall on people who lie, if a share ``right`` of the marks holds a micro-expression.

    A share ``liars`` of the people lies and shows ``ratio`` micro-expressions for one of somebody who does not. False
    marks fall on both alike.
    """
    shown_by_liars = liars * ratio / (liars * ratio + 1 - liars)
    return right * shown_by_liars + (1 - right) * liars


def published_counts(path: Path) -> pd.DataFrame:
    """Published spotting results on long videos: ``paper, dataset, TP, FP, FN`` for each row that prints all three."""
    table = pd.read_csv(path)
    table = table[(table["task"] == "spotting") & table["dataset"].isin(LONG_VIDEOS)]
    table = table[table["metric"].isin(["TP", "FP", "FN"])]
    wide = table.pivot(index=["method", "dataset"], columns="metric", values="value").dropna().astype(int)
    return wide.reset_index()[["method", "dataset", "TP", "FP", "FN"]]


def fragment(counts: pd.DataFrame) -> str:
    """The table, with the place for the controls and the script that fills it."""
    heads = ["spotter and dataset", "TP", "FP", "FN", *(f"right, if {name}" for name in COMMON), "on people who lie"]
    lines = [
        "<!-- Written by tools/make_base_rate.py from melib/data/paper_tables.csv: change those. -->",
        '<link rel="stylesheet" href="../_static/baserate.css">',
        '<div id="base-rate" class="base-rate"></div>',
        '<div class="base-rate-table" role="region" tabindex="0" aria-label="What a mark is worth, as a table">',
        '<table class="table" id="base-rate-table" aria-describedby="base-rate-caption">',
        "<thead><tr>",
        *(f'<th scope="col">{head}</th>' for head in heads),
        "</tr></thead>",
        "<tbody>",
    ]
    for row in counts.itertuples():
        name = f"{row.method}, {LONG_VIDEOS[row.dataset]}"
        right = [share_right(row.TP, row.FP, common) for common in COMMON.values()]
        liars = share_from_liars(right[0], LIARS, RATIO)
        cells = [f"{row.TP}", f"{row.FP}", f"{row.FN}", *(f"{share:.1%}" for share in right), f"{liars:.1%}"]
        lines.append(f'<tr data-tp="{row.TP}" data-fp="{row.FP}"><th scope="row">{name}</th>')
        lines.append("".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    lines += [
        "</tbody>",
        "</table>",
        "</div>",
        '<p id="base-rate-caption" class="base-rate-caption">Marks that hold a micro-expression, by how common those '
        f"are compared with the dataset; and marks on people who lie, where {LIARS:.0%} do and show {RATIO:g} times "
        "as many (an invented example). Made by <code>python tools/make_base_rate.py</code>.</p>",
        '<script src="../_static/baserate.js" defer></script>',
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write the table if it differs, or with ``--check`` say so and return 1."""
    how = {"tool": "tools/make_base_rate.py", "doc": __doc__, "arguments": arguments}
    return refresh_command(TABLE, lambda: fragment(published_counts(COUNTS)), **how)


if __name__ == "__main__":
    sys.exit(main())
