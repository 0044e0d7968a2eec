"""Time of every flow method on pairs of the benchmark, 128 x 128, with OpenCV's DualTVL1 as the peer in the same run.

    python -m benchmarks.flow_speed [--pairs 24] [--no-peer]

Each method is timed three times over all pairs and the fastest run counts, first on one thread, then on two. OpenCV's
DualTVL1 runs pair by pair, as it must; its time is the median of the pairs.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd
import torch

from benchmarks.micro_pairs import micro_pairs
from benchmarks.opencv_tvl1_peer import opencv_tvl1
from melib.flow import optical_flow, scene_flow

THREADS = (1, 2)


def fastest(work: Callable[[], object], runs: int = 3) -> float:
    """Seconds of the fastest of some runs, after one that does not count."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--no-peer", action="store_true", help="leave OpenCV's DualTVL1 out (it needs a package index)")
    options = parser.parse_args()

    pairs = micro_pairs(options.pairs, population="train", subjects=4)
    a, b = (np.stack([pair.gray[k] for pair in pairs]) for k in (0, 1))
    depth_a, depth_b = (np.stack([pair.depth[k] for pair in pairs]) for k in (0, 1))
    camera = pairs[0].camera
    methods = {
        "tvl1": lambda: optical_flow(a, b, method="tvl1"),
        "tvl1, local mean removed": lambda: optical_flow(a, b, method="tvl1", local_mean=3.0, attachment=0.3),
        "dis": lambda: optical_flow(a, b, method="dis"),
        "farneback": lambda: optical_flow(a, b, method="farneback"),
        # Time does not depend on the intrinsics, so one camera serves all pairs.
        "scene flow": lambda: scene_flow(a, depth_a, b, depth_b, camera),
    }
    rows = {}
    for threads in THREADS:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
        for name, work in methods.items():
            rows.setdefault(name, {})[f"ms, {threads} thread(s)"] = 1e3 * fastest(work) / len(pairs)
    if not options.no_peer:
        peer = opencv_tvl1(a, b, THREADS)
        rows["opencv DualTVL1"] = {f"ms, {n} thread(s)": 1e3 * seconds for n, seconds in peer.seconds.items()}
    table = pd.DataFrame(rows).T
    if not options.no_peer:
        for column in list(table):
            table[column.replace("ms", "times as fast as DualTVL1")] = (
                table.loc["opencv DualTVL1", column] / table[column]
            )
    versions = f"torch {torch.__version__}, OpenCV {cv2.__version__}"
    print(f"{len(pairs)} pairs of 128 x 128 pixels, {platform.machine()}, {versions}")
    print(table.round(1).to_string())


if __name__ == "__main__":
    main()
