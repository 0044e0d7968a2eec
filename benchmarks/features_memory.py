"""What the planes of a long video cost: milliseconds a pair and the process's peak of memory, for every input.

    python -m benchmarks.features_memory [--frames 36000] [--stride 1] [--inputs O S ...]

Each input is computed in a process of its own with one thread, from the pairs of a spotter (0.2 s apart) of one video
of suite ``default``, and written to a store that is deleted afterwards. ``planes, ms`` is the time of a pair whose
frames are rendered already; ``in all, ms`` is the time of a pair of the long video, rendering and writing included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

import cv2
import pandas as pd

from melib import features
from melib.synthetic.dataset import open_benchmark

#: Pairs of the short run, few enough that the video keeps all their frames in memory.
FEW = 64


def cost(name: str, frames: int, stride: int) -> dict[str, float]:
    """Milliseconds a pair, and megabytes, of one input."""
    cv2.setNumThreads(1)
    settings = features.FeatureSettings(name)
    if settings.uses_torch:
        import torch

        torch.set_num_threads(1)
    dataset = open_benchmark("default", subjects=2, videos=1, frames=frames)
    video = dataset.videos[0]
    starts, ends = features.spotting_pairs(video, gap_s=0.2)
    few = starts[:FEW], ends[:FEW]
    for _ in range(2):  # the first time renders and compiles
        started = time.perf_counter()
        for _ in features.planes(video, few, settings):
            pass
        apart = time.perf_counter() - started
    pairs = starts[::stride], ends[::stride]
    with tempfile.TemporaryDirectory() as store:
        started = time.perf_counter()
        features.stored_planes(store, dataset, video, pairs, settings)
        in_all = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {
        "planes, ms": 1e3 * apart / FEW,
        "in all, ms": 1e3 * in_all / len(pairs[0]),
        "pairs": len(pairs[0]),
        "peak, MB": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=36_000, help="frames of the video (default: 36000)")
    parser.add_argument("--stride", type=int, default=1, help="frames between two pairs (default: 1)")
    parser.add_argument("--inputs", nargs="+", choices=features.settings.INPUTS, default=features.settings.INPUTS)
    options = parser.parse_args()
    rows = {}
    for name in options.inputs:
        # A fresh process for each, or the peak of one would hide the next.
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            rows[name] = pool.submit(cost, name, options.frames, options.stride).result()
    print(f"one video of {options.frames} frames")
    print(pd.DataFrame(rows).T.astype({"pairs": int}).round({"planes, ms": 1, "in all, ms": 1, "peak, MB": 0}))


if __name__ == "__main__":
    main()
