"""Write book/tables/declared_runs.md: what runs.yml declares, as a table of the book.

    python tools/make_runs_table.py [--check]

With ``--check`` nothing is written, and a stale table is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from melib.files import refresh_command
from melib.study.pages import Run, load_runs
from melib.study.settings import TIERS

TABLE = Path("book", "tables", "declared_runs.md")


def table(runs: Mapping[str, Run]) -> str:
    """The table, a row for each run and one for their sum."""
    lines = [
        "<!-- Written by tools/make_runs_table.py from runs.yml: change that. -->",
        "",
        "```{list-table} Expected minutes of each run on two cores, from runs.yml (python tools/make_runs_table.py).",
        ":header-rows: 1",
        ":name: declared-runs",
        "",
        *_row("run", "page", *(f"`{tier}`" for tier in TIERS)),
    ]
    for run in runs.values():
        minutes = (f"{run.minutes[tier]:g}" if tier in run.minutes else "" for tier in TIERS)
        lines += _row(f"`{run.id}`", f"{{doc}}`{run.title} <runs/{run.id}>`", *minutes)
    sums = (f"{sum(run.minutes.get(tier, 0) for run in runs.values()):.3g}" for tier in TIERS)
    return "\n".join([*lines, *_row("all", "", *sums), "```", ""])


def _row(first: str, *rest: str) -> list[str]:
    return [f"* - {first}", *(f"  - {cell}".rstrip() for cell in rest)]


def main(arguments: list[str] | None = None) -> int:
    """Write the table if it differs, or with ``--check`` say so and return 1."""
    how = {"tool": "tools/make_runs_table.py", "doc": __doc__, "arguments": arguments}
    return refresh_command(TABLE, lambda: table(load_runs(Path())), **how)


if __name__ == "__main__":
    sys.exit(main())
