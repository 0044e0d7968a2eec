"""``melib features``: compute the features that an experiment reads, ahead of time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "compute the features of an experiment into the store, videos in parallel; what is there already is kept"

#: Options that are parameters of the study, under the same names.
_PARAMETERS = {
    "dataset": ("synthetic", "name of the dataset"),
    "data_root": ("", "folder of a licensed dataset"),
    "suite": ("default", "suite of the benchmark"),
    "tier": ("quick", "smoke, quick or full"),
    "split": ("fresh", "fresh or loso"),
    "input": ("O", "the three planes: O, S, O+S, D, uv0, uvz, uvz-other, true-O or true-S"),
    "region": ("strips", "strips or face"),
    "stabilization": ("median", "none, nose, median, affine, rigid or true-pose"),
    "normalization": ("fixed", "fixed or sample"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    for name, (default, meaning) in _PARAMETERS.items():
        shown = f" (default: {default})" if default else ""
        parser.add_argument(f"--{name.replace('_', '-')}", default=default, help=meaning + shown)
    parser.add_argument("--store", type=Path, help="folder of the store (default: $MELIB_CACHE or .cache/features)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Fill the store."""
    from melib import study

    if arguments.jobs < 1:
        raise ValueError(f"--jobs must be at least 1, got {arguments.jobs}")
    parameters = study.Parameters(**{name: getattr(arguments, name) for name in _PARAMETERS})
    store = arguments.store or study.default_store()
    study.prepare(parameters, store=store, jobs=arguments.jobs, progress=sys.stderr.isatty())
    return 0
