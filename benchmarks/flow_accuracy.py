"""Error of every flow method, and what each way to remove head motion leaves, against the benchmark's true motion.

    python -m benchmarks.flow_accuracy [--pairs 100] [--peer] [--json FILE] [--csv FOLDER]

Measured on test subjects (parameters were chosen on training subjects), from onset to apex of micro-expressions of
suite ``default``, head motion, flicker and sensor noise included, over the face (five pixels from its outline) and over
the region that the expression alone moves by more than 0.4 pixels. Each figure is the mean over pairs of the mean over
pixels, with its standard error over pairs. The book's chapter on motion shows ``results/flow_accuracy.json``.

With ``--peer``, OpenCV's DualTVL1 finds the same flows, and both meet textures that are no faces: noise smoothed over
0.6 to 3 pixels, moved smoothly by up to 1.5 pixels, with noise of 1.2 grey levels. Errors and times of both, measured
in the same run, stand in the record under ``beside_the_peer``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import flow_truth
import numpy as np
import stored
import torch
from joblib import Parallel, delayed
from scipy import ndimage

from benchmarks.opencv_tvl1_peer import opencv_tvl1
from melib import provenance
from melib.flow import optical_flow

PEER = "opencv DualTVL1"
#: Processes or threads to take times with, and runs of which the median counts.
CORES, RUNS = (1, 2), 5
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


def against_peer(a, b, truth: np.ndarray, where: np.ndarray, kinds: dict[str, slice]) -> tuple[dict, np.ndarray]:
    """Errors over ``where (B, H, W)`` by kind of pair and milliseconds a pair of TV-L1 and DualTVL1; the latter's flow.

    Both take the median: ours of runs over all pairs, in one process of one thread and in two that share them; the
    peer's of pairs, with one and two threads of its own.
    """
    peer = opencv_tvl1(a, b, CORES)
    ours, seconds = optical_flow(a, b, method="tvl1"), {}
    for cores in CORES:
        shares = [slice(start, None, cores) for start in range(cores)]
        with Parallel(n_jobs=cores) as pool:
            runs = []
            for _ in range(RUNS + 1):
                start = time.perf_counter()
                pool(delayed(_tvl1)(a[share], b[share]) for share in shares)
                runs.append((time.perf_counter() - start) / len(a))
        seconds[cores] = float(np.median(runs[1:]))
    rows = {}
    for name, flow, took in (("tvl1", ours, seconds), (PEER, peer.flow, peer.seconds)):
        errors = np.linalg.norm(flow - truth, axis=1)
        means = [error[region].mean() for error, region in zip(errors, where, strict=True)]
        rows[name] = {f"{kind}, px": flow_truth.summary(means[part]) for kind, part in kinds.items()}
        for cores in CORES:
            rows[name][f"ms a pair, {cores} core(s)"] = flow_truth.summary([1e3 * took[cores]])
            rows[name][f"speed over the peer, {cores} core(s)"] = flow_truth.summary(
                [peer.seconds[cores] / took[cores]]
            )
    return rows, peer.flow


def _tvl1(a: np.ndarray, b: np.ndarray) -> None:
    """TV-L1 on one thread, for its time alone."""
    torch.set_num_threads(1)
    optical_flow(a, b, method="tvl1")


def on_textures() -> dict[str, dict]:
    """What :func:`against_peer` says of textures that are no faces."""
    many = [moved_texture(smoothed, seed) for smoothed in SMOOTHED for seed in range(TEXTURES)]
    a, b, truth = (np.stack(arrays) for arrays in zip(*many, strict=True))
    parts = [slice(start, start + TEXTURES) for start in range(0, len(many), TEXTURES)]
    kinds = {f"smoothed over {size} px": part for size, part in zip(SMOOTHED, parts, strict=True)}
    return against_peer(a, b, truth, np.ones(a.shape, bool), kinds)[0]


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
    peers, beside = {}, {}
    if options.peer:
        truth, face = (np.stack([getattr(pair, name) for pair in pairs]) for name in ("flow", "face"))
        beside["rendered faces"], peers[PEER] = against_peer(a, b, truth, face, {"face": slice(None)})
        beside["textures"] = on_textures()
    tables = flow_truth.measure(pairs, peers=peers)
    subjects = len({pair.video.subject for pair in pairs})
    print(f"{len(pairs)} micro-expressions of {subjects} subjects, onset to apex")
    for name, table in tables.items():
        print(f"\n{name}\n{flow_truth.show(table).to_string()}")
        if options.csv:
            options.csv.mkdir(parents=True, exist_ok=True)
            flow_truth.show(table).to_csv(options.csv / f"{name}.csv")
    for kind, table in beside.items():
        print(f"\n{kind}\n{flow_truth.show(table).to_string()}")
    if options.json:
        suite = pairs[0].video.suite
        record = {
            "experiment": "flow_accuracy",
            "command": f"python -m benchmarks.flow_accuracy --pairs {options.pairs}{' --peer' * options.peer}",
            "dataset": {"name": f"synthetic-{suite.name}", "version": suite.version, "synthetic": True},
            "parameters": {"pairs": len(pairs), "subjects": subjects, "population": "test", "peer": options.peer},
            "tables": tables,
            "beside_the_peer": beside,
            "seconds": time.perf_counter() - start,
            "measured": measured,
            "provenance": made,
        }
        print(f"\n{stored.save(record, options.json)} written")


if __name__ == "__main__":
    main()
