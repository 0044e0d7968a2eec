"""``melib features``: compute the features that an experiment reads, ahead of time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from melib.errors import InputError

HELP = "compute the features of an experiment into the store, videos in parallel; what is there already is kept"

#: Options that are parameters of the study, under the same names; without a default the dataset decides.
_PARAMETERS = {
    "dataset": ("synthetic", "synthetic, or the name of a licensed dataset, such as casme3"),
    "data_root": ("", "folder of a licensed dataset"),
    "suite": ("default", "suite of the benchmark"),
    "tier": ("quick", "smoke, quick or full"),
    "split": (None, "fresh or loso (default: fresh on the benchmark, loso elsewhere)"),
    "model": ("mean", "mean, sfamnet or floor"),
    "rule": ("authors", "authors or strict; decides with the model which videos of a licensed dataset are read"),
    "input": ("O", "the three planes: O, S, O+S, D, uv0, uvz, uvz-other, true-O or true-S (or several, joined by |)"),
    "region": ("strips", "strips or face"),
    "method": (None, "optical flow: dis, tvl1 or farneback (default: dis on the benchmark, tvl1 elsewhere)"),
    "stabilization": ("median", "none, nose, median, affine, rigid or true-pose"),
    "normalization": ("fixed", "fixed or sample"),
}
#: Shorter names of some.
_ALIASES = {"data_root": ("--root",)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    for name, (default, meaning) in _PARAMETERS.items():
        shown = f" (default: {default})" if default else ""
        options = (f"--{name.replace('_', '-')}", *_ALIASES.get(name, ()))
        parser.add_argument(*options, default=default, help=meaning + shown)
    parser.add_argument(
        "--gap-s", type=float, help="seconds between paired frames (default: 0.2 on the benchmark, 0.1 elsewhere)"
    )
    parser.add_argument("--store", type=Path, help="folder of the store (default: $MELIB_CACHE or .cache/features)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Fill the store."""
    from melib import study

    if arguments.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {arguments.jobs}")
    parameters = study.Parameters(**{name: getattr(arguments, name) for name in (*_PARAMETERS, "gap_s")})
    store = arguments.store or study.default_store()
    study.prepare(parameters, store=store, jobs=arguments.jobs, progress=sys.stderr.isatty())
    return 0
