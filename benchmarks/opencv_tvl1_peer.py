"""OpenCV contrib's DualTVL1 as a peer, run in a throw-away environment.

The two OpenCV wheels cannot live in one environment, so this file plays two parts: imported, it makes a virtual
environment in a temporary folder and runs itself there; started with two file names, it is the program that runs there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REQUIREMENTS = ("opencv-contrib-python-headless==5.0.0.93", "numpy")


@dataclass(frozen=True)
class Peer:
    """What the peer found: flow ``(B, 2, H, W)`` and, by number of threads, its median seconds per pair."""

    flow: np.ndarray
    seconds: dict[int, float]


def opencv_tvl1(a: np.ndarray, b: np.ndarray, threads: tuple[int, ...] = (1, 2)) -> Peer:
    """DualTVL1 with its default parameters, pair by pair.

    Parameters
    ----------
    a, b : numpy.ndarray
        ``(B, H, W)`` uint8.
    threads : tuple of int
        Numbers of threads to take the time with.

    Raises
    ------
    subprocess.CalledProcessError
        If the environment cannot be made (it needs a package index) or the peer fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        np.savez(folder / "pairs.npz", a=a, b=b, threads=threads)
        subprocess.run([python, __file__, folder / "pairs.npz", folder / "flow.npz"], check=True)
        with np.load(folder / "flow.npz") as found:
            return Peer(found["flow"], dict(zip(threads, found["seconds"].tolist(), strict=True)))


def _run(source: str, target: str) -> None:
    import time

    import cv2

    pairs = np.load(source)
    medians = []
    for threads in pairs["threads"].tolist():
        cv2.setNumThreads(threads)
        flow, seconds = [], []
        for first, second in zip(pairs["a"], pairs["b"], strict=True):
            # A fresh object for each pair: it remembers the number of scales of the smallest image it has seen.
            method = cv2.optflow.DualTVL1OpticalFlow_create()
            start = time.perf_counter()
            flow.append(method.calc(first, second, None).transpose(2, 0, 1))
            seconds.append(time.perf_counter() - start)
        medians.append(float(np.median(seconds)))
    np.savez(target, flow=np.stack(flow), seconds=medians)


if __name__ == "__main__":
    _run(*sys.argv[1:])
