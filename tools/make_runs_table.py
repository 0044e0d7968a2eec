"""Write book/tables/declared_runs.md: what runs.yml declares, as a table of the book.

    python tools/make_runs_table.py [--check]

With ``--check`` nothing is written, and a stale table is an error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from melib.engine.runs import TIERS, Run, load_runs
from melib.files import refresh

TABLE = Path("book", "tables", "declared_runs.md")
RUNS = Path("runs.yml")


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is missing or stale")
    parsed = parser.parse_args(arguments)
    text = table(load_runs(RUNS))
    if refresh(TABLE, text, check=parsed.check):
        return 0
    if parsed.check:
        print(f"{TABLE} is missing or stale: run python tools/make_runs_table.py", file=sys.stderr)
        return 1
    print(TABLE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
