"""``melib record EXPERIMENT...``: compute the records of the rows of experiments."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from melib.errors import InputError
from melib.files import check_folder

HELP = "compute the records of experiments that are missing or stale, all rows or some"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("experiments", metavar="EXPERIMENT", nargs="+", help="a declared experiment, such as spotting")
    parser.add_argument("--dataset", default="synthetic", help="a licensed dataset (default: synthetic, the benchmark)")
    parser.add_argument("--data-root", default="", help="folder of the licensed dataset")
    parser.add_argument("--row", action="append", help="this row alone; may be given several times (default: all)")
    parser.add_argument("--seed", type=int, help="one seed alone (default: those of the tier)")
    parser.add_argument("--tier", default="quick", help="smoke, quick or full (default: quick)")
    parser.add_argument("--features", action="store_true", help="compute what the rows read, and no record")
    parser.add_argument("--folder", type=Path, default=Path(".cache", "records"), help="of the records")
    parser.add_argument("--store", type=Path, help="folder of the features (default: $MELIB_CACHE or .cache/features)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing."""
    from melib.study.catalogue import find_experiment
    from melib.study.data import default_store
    from melib.study.experiments import find
    from melib.study.filmed_experiments import on_dataset
    from melib.study.parameters import tier_sizes
    from melib.study.rows import ensure, fill, record_path

    if arguments.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {arguments.jobs}")
    tier_sizes(arguments.tier)
    if not arguments.features:
        check_folder(arguments.folder, "--folder")
    experiments = [
        on_dataset(find_experiment(name), arguments.dataset, arguments.data_root) for name in arguments.experiments
    ]
    known = {row.name: row for experiment in experiments for row in experiment.rows}
    where = f"row in {' and '.join(arguments.experiments)}"
    asked = [find(name, known, where) for name in arguments.row or known]
    store = arguments.store or default_store()
    if arguments.features:
        fill(asked, arguments.tier, store=store, jobs=arguments.jobs)
        return 0
    for experiment in experiments:
        seeds = experiment.seeds(arguments.tier) if arguments.seed is None else (arguments.seed,)
        rows = [row for row in asked if row in experiment.rows]
        kept = ensure(rows, arguments.tier, seeds=seeds, folder=arguments.folder, store=store, jobs=arguments.jobs)
        for row in kept.values():
            for seed, record in zip(row.row.seeds(seeds), row.records, strict=True):
                path = record_path(arguments.folder, row.row, arguments.tier, seed)
                print(f"{path}: {record['seconds']:.0f} s", file=sys.stderr)
    return 0
