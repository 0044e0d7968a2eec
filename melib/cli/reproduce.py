"""``melib reproduce``: compute a tier anew and hold every metric against the records kept with the study."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from melib.errors import InputError

HELP = "compute a tier anew, in a folder of its own, and compare every metric with the kept records"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--tier", default="smoke", help="smoke, quick or full (default: smoke)")
    parser.add_argument("--experiment", action="append", metavar="NAME", help="one experiment; may be given again")
    parser.add_argument("--kept", type=Path, default=Path("results"), help="folder of the kept records")
    parser.add_argument("--store", type=Path, help="folder of features to use (default: they are computed anew)")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each (default: 2)")


def run(arguments: argparse.Namespace) -> int:
    """Compute and compare; 0 if every row agrees, 1 if one does not."""
    from melib.engine.jobs import jobs_of
    from melib.engine.reproduce import reproduce
    from melib.study.catalogue import EXPERIMENTS, find_experiment
    from melib.study.parameters import tier_sizes
    from melib.study.record import read_record
    from melib.study.rows import ensure, record_path

    if arguments.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {arguments.jobs}")
    tier_sizes(arguments.tier)
    names = arguments.experiment or list(EXPERIMENTS)
    jobs = jobs_of([find_experiment(name) for name in names], arguments.tier).values()
    for job in jobs:
        path = record_path(arguments.kept, job.row, arguments.tier, job.seed)
        if not path.is_file():
            raise FileNotFoundError(
                f"no kept record {path} of row {job.row.name}: start from the root of the checkout, or name --kept"
            )
        read_record(path)  # a damaged one is found before hours of computing, not after them
    with tempfile.TemporaryDirectory(prefix="melib-reproduce-") as folder:
        made, store = Path(folder, "records"), arguments.store or Path(folder, "features")
        for seed in sorted({job.seed for job in jobs}):
            rows = [job.row for job in jobs if job.seed == seed]
            ensure(rows, arguments.tier, seeds=(seed,), folder=made, store=store, jobs=arguments.jobs)
        disagreeing = 0
        for answer in reproduce(jobs, arguments.tier, kept=arguments.kept, made=made):
            disagreeing += not answer.agrees
            how = "exactly" if answer.exact else "nearly"
            print(f"{'agree ' if answer.agrees else 'DIFFER'} {how:8} {answer.name}: {answer.words}", flush=True)
    print(f"{len(jobs) - disagreeing} of {len(jobs)} rows agree", file=sys.stderr)
    return 1 if disagreeing else 0
