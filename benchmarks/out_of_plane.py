"""Optical flow alone against scene flow, where faces move mostly along the camera axis.

    python -m benchmarks.out_of_plane [--train 30] [--test 40] [--clips 8] [--jobs 1] [--json FILE]

A small classifier learns the classes of suite ``out_of_plane`` on some people and names clips of others; see
``name_out_of_plane`` in ``notebooks/flow_truth.py``. The book's chapter on motion shows ``results/out_of_plane.json``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import flow_truth
import pandas as pd
import stored
import torch

from melib import provenance


def main() -> None:
    """Run, print the tables, and write the record where one was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=30, help="subjects to learn from")
    parser.add_argument("--test", type=int, default=40, help="subjects to be tested")
    parser.add_argument("--clips", type=int, default=8, help="clips of each subject")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="file to write the record to")
    options = parser.parse_args()
    torch.set_num_threads(1)

    start = time.perf_counter()
    made, measured = provenance.provenance(device="cpu"), stored.measured_hash()
    sizes = {"train_subjects": options.train, "test_subjects": options.test, "clips": options.clips}
    result = flow_truth.name_out_of_plane(**sizes, jobs=options.jobs)
    for name in ("scores", "differences", "likeness"):
        print(f"\n{name}\n{pd.DataFrame(result[name]).T.round(3).to_string()}")
    if options.json:
        record = {
            **result,
            "experiment": "out_of_plane",
            "command": f"python -m benchmarks.out_of_plane --train {options.train} --test {options.test} "
            f"--clips {options.clips}",
            "parameters": sizes,
            "seconds": time.perf_counter() - start,
            "measured": measured,
            "provenance": made,
        }
        print(f"\n{stored.save(record, options.json)} written")


if __name__ == "__main__":
    main()
