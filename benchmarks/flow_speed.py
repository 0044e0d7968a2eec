"""Time of every flow method on pairs of the benchmark, 128 x 128, with OpenCV's DualTVL1 as the peer in the same run.

    python -m benchmarks.flow_speed [--pairs 24] [--no-peer]

Ours are timed as the study runs them: one process of one thread, and two such processes that share the pairs; the
fastest of three runs counts. OpenCV's DualTVL1 runs pair by pair, as it must, with one and with two threads of its own;
the median of the pairs counts.
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
from flow_truth import micro_pairs
from joblib import Parallel, delayed

from benchmarks.opencv_tvl1_peer import opencv_tvl1
from melib.flow import optical_flow, scene_flow
from melib.video import Camera

CORES = (1, 2)
#: Times a process goes over its pairs, so that handing them over weighs little.
REPEATS = 5
IMAGE_METHODS = {
    "tvl1": {"method": "tvl1"},
    "tvl1, local mean removed": {"method": "tvl1", "local_mean": 3.0, "attachment": 0.3},
    "dis": {"method": "dis"},
    "farneback": {"method": "farneback"},
}
PEER = "opencv DualTVL1"


def compute(name: str, gray: np.ndarray, depth: np.ndarray, camera: Camera) -> None:
    """Run a method on pairs some times, ``gray`` and ``depth`` being ``(2, B, H, W)``, on one thread."""
    torch.set_num_threads(1)
    for _ in range(REPEATS):
        if name == "scene flow":
            # Time does not depend on the intrinsics, so one camera serves all pairs.
            scene_flow(gray[0], depth[0], gray[1], depth[1], camera)
        else:
            optical_flow(*gray, **IMAGE_METHODS[name])


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
    gray = np.stack([pair.gray for pair in pairs], axis=1)
    depth = np.stack([pair.depth for pair in pairs], axis=1)
    camera = pairs[0].camera

    rows: dict[str, dict[str, float]] = {}
    for cores in CORES:
        shares = [slice(start, None, cores) for start in range(cores)]
        with Parallel(n_jobs=cores) as pool:
            for name in [*IMAGE_METHODS, "scene flow"]:
                tasks = [delayed(compute)(name, gray[:, share], depth[:, share], camera) for share in shares]
                seconds = fastest(lambda tasks=tasks: pool(tasks))
                rows.setdefault(name, {})[f"ms a pair, {cores} core(s)"] = 1e3 * seconds / (REPEATS * len(pairs))
    if not options.no_peer:
        peer = opencv_tvl1(*gray, CORES)
        rows[PEER] = {f"ms a pair, {cores} core(s)": 1e3 * seconds for cores, seconds in peer.seconds.items()}
    table = pd.DataFrame(rows).T
    if not options.no_peer:
        for column in list(table):
            table[column.replace("ms a pair", "speed over DualTVL1")] = table.loc[PEER, column] / table[column]
    versions = f"torch {torch.__version__}, OpenCV {cv2.__version__}"
    print(f"{len(pairs)} pairs of 128 x 128 pixels, {platform.machine()}, {versions}")
    print(table.round(1).to_string())


if __name__ == "__main__":
    main()
