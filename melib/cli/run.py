"""``python -m melib run ID``: execute one run of ``runs.yml``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "execute one run of runs.yml and write its page, book/runs/ID.ipynb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", metavar="ID", help="a run declared in runs.yml")
    parser.add_argument("--tier", default="quick", help="smoke, quick or full (default: quick)")


def run(arguments: argparse.Namespace) -> int:
    """Execute the run; 0 if its page is there, 1 if the notebook failed."""
    from melib.errors import find
    from melib.study.pages import RunFailed, execute, load_runs

    root = Path.cwd()
    declared = find(arguments.id, load_runs(root), "run")
    page = declared.page(root).relative_to(root)
    expected = declared.minutes.get(arguments.tier)
    if expected:
        print(f"{declared.id} ({arguments.tier}): {declared.title}, about {expected:g} min", flush=True)
    try:
        executed = execute(declared, arguments.tier, root=root)
    except RunFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{page} written" if executed else f"{page} unchanged: nothing that decides it has changed", flush=True)
    return 0
