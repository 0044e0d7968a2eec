"""``melib features``: compute the features that an experiment reads, ahead of time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "compute the features of an experiment into the store, videos in parallel; what is there already is kept"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dataset", default="synthetic", help="name of the dataset (default: synthetic)")
    parser.add_argument("--data-root", default="", help="folder of a licensed dataset")
    parser.add_argument("--suite", default="default", help="suite of the benchmark (default: default)")
    parser.add_argument("--tier", default="quick", help="smoke, quick or full (default: quick)")
    parser.add_argument("--split", default="fresh", help="fresh or loso (default: fresh)")
    parser.add_argument("--store", type=Path, help="folder of the store (default: $MELIB_CACHE or .cache/features)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Fill the store."""
    from melib import study

    if arguments.jobs < 1:
        raise ValueError(f"--jobs must be at least 1, got {arguments.jobs}")
    parameters = study.Parameters(
        dataset=arguments.dataset,
        data_root=arguments.data_root,
        suite=arguments.suite,
        tier=arguments.tier,
        split=arguments.split,
    )
    store = arguments.store or study.default_store()
    study.prepare(parameters, store=store, jobs=arguments.jobs, progress=sys.stderr.isatty())
    return 0
