"""Frames per second and peak memory of rendering the synthetic benchmark, on one core.

Renders 128x128 frames with measured depth in a process that does nothing else and prints both figures beside the
study's goals. Run from the repository root: ``python benchmarks/render_speed.py [--frames N] [--suite NAME]``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

GOAL_FRAMES_PER_SECOND = 100
GOAL_MEGABYTES = 300

_WORK = """
import json, resource, sys, time
began = time.perf_counter()
import cv2
cv2.setNumThreads(1)
from melib.synthetic.dataset import open_benchmark
video = open_benchmark(sys.argv[1], subjects=1, videos=1, frames=max(60, int(sys.argv[2]) + 30)).videos[0]
video.frames(0, 30), video.true_motion(0, 6)
ready, ready_cpu = time.perf_counter(), time.process_time()
for i in range(30, 30 + int(sys.argv[2])):
    video.frames(i, i + 1), video.depth(i, i + 1)
done, done_cpu = time.perf_counter(), time.process_time()
for i in range(30, 60):
    video.true_motion(i, i - 6)
moved = time.perf_counter()
print(json.dumps({
    "torch": "torch" in sys.modules,
    "start_s": ready - began,
    "frames_per_s": int(sys.argv[2]) / (done - ready),
    "frames_per_cpu_s": int(sys.argv[2]) / (done_cpu - ready_cpu),
    "true_motion_ms": (moved - done) / 30 * 1e3,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def measure(suite: str, frames: int) -> dict[str, float]:
    """Render `frames` frames of a suite in a fresh process of one thread; times in seconds, memory in megabytes."""
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _WORK, suite, str(frames)],
        env={**os.environ, **one_thread, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--suite", default="default")
    chosen = parser.parse_args()
    result = measure(chosen.suite, chosen.frames)
    print(f"suite {chosen.suite}, 128x128, colour and measured depth, one core")
    print(f"  {result['frames_per_s']:6.0f} frames/s      (goal: at least {GOAL_FRAMES_PER_SECOND})")
    print(f"  {result['frames_per_cpu_s']:6.0f} frames per second of processor time (not slowed by other work)")
    print(f"  {result['peak_mb']:6.0f} MB resident   (goal: at most {GOAL_MEGABYTES})")
    print(f"  {result['true_motion_ms']:6.1f} ms for the true motion of a pair")
    print(f"  {result['start_s']:6.1f} s from the start of Python to the 30th frame; torch loaded: {result['torch']}")


if __name__ == "__main__":
    main()
