"""Error of every flow method, and what each way to remove head motion leaves, against the benchmark's true motion.

    python -m benchmarks.flow_accuracy [--pairs 100] [--peer] [--json FILE] [--csv FOLDER]

Measured on test subjects (parameters were chosen on training subjects), from onset to apex of micro-expressions of
suite ``default``, head motion, flicker and sensor noise included, over the face (five pixels from its outline) and over
the region that the expression alone moves by more than 0.4 pixels. Each figure is the mean over pairs of the mean over
pixels, with its standard error over pairs. The book's chapter on motion shows ``results/flow_accuracy.json``.

With ``--peer``, OpenCV's DualTVL1 finds the same flows, and both meet textures that are no faces: noise smoothed over
0.6 to 3 pixels, moved smoothly by up to 1.5 pixels, with noise of 1.2 grey levels. Their errors and times are printed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import flow_truth
import numpy as np
import pandas as pd
import stored
import torch
from scipy import ndimage

from benchmarks.opencv_tvl1_peer import opencv_tvl1
from melib import provenance
from melib.flow import optical_flow

#: Standard deviations of the Gaussian that smooths a texture, pixels; textures of each.
SMOOTHED, TEXTURES = (0.6, 1.0, 2.0, 3.0), 6


def moved_texture(smoothed: float, seed: int, side: int = 128) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two images ``(H, W)`` uint8 of a texture that moves, and its flow ``(2, H, W)``."""
    random = np.random.default_rng([seed, 0])
    image = ndimage.gaussian_filter(random.normal(size=(side + 16, side + 16)), smoothed)
    image = 128 + 40 * image / image.std()
    flow = np.stack([ndimage.gaussian_filter(random.normal(size=(side, side)), 20) for _ in range(2)])
    flow *= 1.5 / np.linalg.norm(flow, axis=0).max()
    at = np.mgrid[8 : side + 8, 8 : side + 8] + flow[::-1]
    pair = ndimage.map_coordinates(image, at, order=5), image[8:-8, 8:-8]
    return *(np.rint(one + random.normal(0, 1.2, one.shape)).clip(0, 255).astype(np.uint8) for one in pair), flow


def on_textures() -> pd.DataFrame:
    """Endpoint errors in pixels and milliseconds a pair on one core, of TV-L1 and of OpenCV's DualTVL1."""
    many = [moved_texture(smoothed, seed) for smoothed in SMOOTHED for seed in range(TEXTURES)]
    a, b, truth = (np.stack(arrays) for arrays in zip(*many, strict=True))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        ours = optical_flow(a, b, method="tvl1")
        seconds.append((time.perf_counter() - start) / len(a))
    peer = opencv_tvl1(a, b, threads=(1,))
    rows = {}
    for name, flow, duration in (("tvl1", ours, min(seconds)), ("opencv DualTVL1", peer.flow, peer.seconds[1])):
        errors = np.linalg.norm(flow - truth, axis=1).reshape(len(SMOOTHED), -1).mean(axis=1)
        rows[name] = dict(zip((f"smoothed over {size} px" for size in SMOOTHED), errors, strict=True))
        rows[name] |= {"ms a pair": 1e3 * duration, "speed": peer.seconds[1] / duration}
    return pd.DataFrame(rows).T


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
    if options.peer:
        print(f"\ntextures, endpoint error, px\n{on_textures().round(4).to_string()}")
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
