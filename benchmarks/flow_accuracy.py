"""Error of every flow method, and what each way to remove head motion leaves, against the benchmark's true motion.

    python -m benchmarks.flow_accuracy [--pairs 100] [--peer] [--json FILE] [--csv FOLDER]

Measured on test subjects (parameters were chosen on training subjects), from onset to apex of micro-expressions of
suite ``default``, head motion, flicker and sensor noise included, over the face (five pixels from its outline) and over
the region that the expression alone moves by more than 0.4 pixels. Each figure is the mean over pairs of the mean over
pixels, with its standard error over pairs. The book's chapter on motion shows ``results/flow_accuracy.json``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import flow_truth
import numpy as np
import torch

from benchmarks.opencv_tvl1_peer import opencv_tvl1
from melib import provenance
from melib.study import stored


def main() -> None:
    """Measure, print the tables, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--peer", action="store_true", help="OpenCV's DualTVL1 too (it needs a package index)")
    parser.add_argument("--json", type=Path, help="file to write the record to")
    parser.add_argument("--csv", type=Path, help="folder to write the tables to")
    options = parser.parse_args()
    torch.set_num_threads(1)

    start = time.perf_counter()
    made, measured = provenance.provenance(device="cpu"), stored.measured_hash()
    pairs = flow_truth.micro_pairs(options.pairs, population="test")
    a, b = (np.stack([pair.gray[k] for pair in pairs]) for k in (0, 1))
    peers = {"opencv DualTVL1": opencv_tvl1(a, b, threads=(1,)).flow} if options.peer else {}
    tables = flow_truth.measure(pairs, peers=peers)
    subjects = len({pair.video.subject for pair in pairs})
    print(f"{len(pairs)} micro-expressions of {subjects} subjects, onset to apex")
    for name, table in tables.items():
        print(f"\n{name}\n{flow_truth.show(table).to_string()}")
        if options.csv:
            options.csv.mkdir(parents=True, exist_ok=True)
            flow_truth.show(table).to_csv(options.csv / f"{name}.csv")
    if options.json:
        suite = pairs[0].video.suite
        record = {
            "experiment": "flow_accuracy",
            "command": f"python -m benchmarks.flow_accuracy --pairs {options.pairs}{' --peer' * options.peer}",
            "dataset": {"name": f"synthetic-{suite.name}", "version": suite.version, "synthetic": True},
            "parameters": {"pairs": len(pairs), "subjects": subjects, "population": "test", "peer": options.peer},
            "tables": tables,
            "seconds": time.perf_counter() - start,
            "measured": measured,
            "provenance": made,
        }
        print(f"\n{stored.save(record, options.json)} written")


if __name__ == "__main__":
    main()
