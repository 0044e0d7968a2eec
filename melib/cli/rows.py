"""``melib rows EXPERIMENT...``: compute the records of the rows of experiments."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "compute the records of experiments that are missing or stale, all rows or some"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("experiments", metavar="EXPERIMENT", nargs="+", help="notebooks/EXPERIMENT.yml, or 'all'")
    parser.add_argument("--tier", default="quick", help="smoke, quick or full (default: quick)")
    parser.add_argument("--row", action="append", help="this row alone; may be given several times (default: all)")
    parser.add_argument("--seed", type=int, help="one seed alone (default: those of the tier)")
    parser.add_argument("--rows", type=Path, help="a file with further rows, as in an experiment's file")
    parser.add_argument("--dataset", default="synthetic", help="a licensed dataset (default: synthetic, the benchmark)")
    parser.add_argument("--data-root", default="", help="folder of the licensed dataset")
    parser.add_argument("--features", action="store_true", help="compute what the rows read, and no record")
    parser.add_argument("--missing", action="store_true", help="compute nothing; name what is missing or stale")
    parser.add_argument("--folder", type=Path, help="of the records (default: .cache/records of the checkout)")
    parser.add_argument("--store", type=Path, help="folder of the features (default: $MELIB_CACHE or .cache/features)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing; with ``--missing`` 1 if there is any."""
    from dataclasses import replace

    from melib.errors import InputError
    from melib.files import check_folder
    from melib.study import experiments, places, records

    if arguments.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {arguments.jobs}")
    folder, store = arguments.folder or places.computed(), arguments.store or places.cache()
    names = experiments.names() if arguments.experiments == ["all"] else arguments.experiments
    how = {"dataset": arguments.dataset, "data_root": arguments.data_root, "rows": arguments.rows or ""}
    declared = [experiments.load(name, arguments.tier, **how) for name in names]
    known = {row.name: row for experiment in declared for row in experiment.rows}
    rows = [experiments.find(name, known, f"row in {' and '.join(names)}") for name in arguments.row or known]
    if arguments.seed is not None:
        rows = [replace(row, seeds=(arguments.seed,)) for row in rows]
    if arguments.missing:
        lacking = records.missing(rows, folder)
        for row, seed in lacking:
            print(f"missing or stale: {records.path(row, seed, folder)}")
        return 1 if lacking else 0
    progress = sys.stderr.isatty()
    if arguments.features:
        records.fill(rows, store=store, jobs=arguments.jobs, progress=progress)
        return 0
    check_folder(folder, "--folder")
    records.make(rows, folder=folder, store=store, jobs=arguments.jobs, progress=progress)
    for where in (records.path(row, seed, folder) for row in rows for seed in row.seeds):
        print(f"{where}: {records.read_values(where)['seconds']:.0f} s", file=sys.stderr)
    return 0
