"""``melib reproduce``: compute a tier anew and hold every metric against the records kept with the study."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HELP = "compute a tier anew, in a folder of its own, and compare every metric with the kept records"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--tier", default="smoke", help="smoke, quick or full (default: smoke)")
    parser.add_argument("--experiment", action="append", metavar="NAME", help="one experiment; may be given again")
    parser.add_argument("--kept", type=Path, help="folder of the kept records (default: results of the checkout)")
    parser.add_argument("--store", type=Path, help="folder of features to use (default: they are computed anew)")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each (default: 2)")


def run(arguments: argparse.Namespace) -> int:
    """Compute and compare; 0 if every row agrees, 1 if one does not."""
    from melib.errors import InputError
    from melib.study import experiments, places, records
    from melib.study.reproduce import reproduce

    if arguments.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {arguments.jobs}")
    kept = arguments.kept or places.published()
    names = arguments.experiment or experiments.names()
    declared = [experiments.load(name, arguments.tier) for name in names]
    rows = list({(row.home, row.name): row for experiment in declared for row in experiment.rows}.values())
    for where in (records.path(row, seed, kept) for row in rows for seed in row.seeds):
        records.read_values(where)  # a missing or damaged one is found before hours of computing, not after them
    disagreeing = 0
    with tempfile.TemporaryDirectory(prefix="melib-reproduce-") as folder:
        made, store = Path(folder, "records"), arguments.store or Path(folder, "features")
        records.make(rows, folder=made, store=store, jobs=arguments.jobs, progress=sys.stderr.isatty())
        for answer in reproduce(rows, kept=kept, made=made):
            disagreeing += not answer.agrees
            how = "exactly" if answer.exact else "nearly"
            print(f"{'agree ' if answer.agrees else 'DIFFER'} {how:8} {answer.name}: {answer.words}", flush=True)
    total = sum(len(row.seeds) for row in rows)
    print(f"{total - disagreeing} of {total} rows agree", file=sys.stderr)
    return 1 if disagreeing else 0
