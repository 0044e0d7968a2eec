"""How long scoring takes, against a plain loop over rows as research scripts write it.

    python benchmarks/metrics_speed.py [TRUTH.csv PRED.csv]

Without files, 244 clips of 26 subjects with one interval each are made up, the size of the released predictions.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from melib.metrics import chance, intervals, spotting, strs, uncertainty


def median_time(function: Callable[[], object], repeats: int) -> float:
    """Median wall time in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def clips(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One labelled and one predicted interval per clip, as many as in the released predictions."""
    n = 244
    frame = pd.DataFrame({"subject": np.sort(rng.integers(1, 27, n)), "video": [f"clip{i}" for i in range(n)]})
    frame["emotion"] = rng.choice(["disgust", "happiness", "others", "repression", "surprise"], n)
    onset, length = rng.integers(0, 60, n), rng.integers(30, 90, n)
    truth = frame.assign(onset=onset, offset=onset + length)
    shift = rng.integers(-25, 26, n)
    return truth, frame.assign(onset=onset + shift, offset=onset + shift + 68)


def many(rng: np.random.Generator, videos: int, per_video: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Half a million labelled and as many predicted intervals, crowded enough to compete."""
    n = videos * per_video
    video = np.repeat(np.arange(videos), per_video)
    onset = rng.integers(0, 60 * per_video, n)
    base = pd.DataFrame({"subject": video // 20, "video": video % 20, "onset": onset})
    emotion = rng.choice(["negative", "positive", "surprise"], (2, n))
    truth = base.assign(offset=onset + rng.integers(8, 40, n), emotion=emotion[0])
    moved = onset + rng.integers(-10, 11, n)
    predictions = base.assign(onset=moved, offset=moved + rng.integers(8, 40, n), emotion=emotion[1])
    return truth.drop_duplicates(), predictions.drop_duplicates()


def plain_loop(truth: pd.DataFrame, predictions: pd.DataFrame) -> float:
    """STRS by loops over the rows of data frames, the first free truth taken: the peer of the comparison."""
    pairs, taken = [], set()
    for _, p in predictions.iterrows():
        for row, t in truth[(truth.subject == p.subject) & (truth.video == p.video)].iterrows():
            if row not in taken and intervals.iou(t.onset, t.offset, p.onset, p.offset) >= 0.5:
                taken.add(row)
                pairs.append((t.emotion, p.emotion))
                break
    f1 = 2 * len(pairs) / (len(truth) + len(predictions))
    precisions, recalls = [], []
    for emotion in sorted(set(truth.emotion)):
        true, named = ([label == emotion for label in side] for side in zip(*pairs, strict=True))
        (_, fp), (fn, tp) = confusion_matrix(true, named, labels=[False, True])
        precisions.append(tp / (tp + fp) if tp + fp else 0)
        recalls.append(tp / (tp + fn) if tp + fn else 0)
    precision, recall = np.mean(precisions), np.mean(recalls)
    return f1 * 2 * precision * recall / (precision + recall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="TRUTH.csv PRED.csv")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    if arguments.files:
        truth, predictions = (pd.read_csv(path) for path in arguments.files)
    else:
        truth, predictions = clips(rng)

    ours = strs.evaluate(truth, predictions)["strs"]
    if abs(ours - plain_loop(truth, predictions)) > 1e-9:
        raise SystemExit("the peer disagrees on STRS: its matching is the same only with one interval per video")
    fast, slow = (
        median_time(lambda: strs.evaluate(truth, predictions), 30),
        median_time(lambda: plain_loop(truth, predictions), 5),
    )
    print(f"{len(predictions)} rows, strs.evaluate on frames   {1e3 * fast:9.1f} ms")
    if arguments.files:
        from_files = median_time(lambda: strs.evaluate(*arguments.files), 30)
        print(f"{len(predictions)} rows, strs.evaluate on files    {1e3 * from_files:9.1f} ms")
    print(f"{len(predictions)} rows, plain loop                {1e3 * slow:9.1f} ms  ({slow / fast:.0f} times longer)")
    tally = strs.tally(truth, predictions)
    for method in uncertainty.METHODS:
        taken = median_time(lambda method=method: uncertainty.bootstrap(tally, n_resamples=2000, method=method), 3)
        print(f"2,000 resamples, {method:<25}{1e3 * taken:9.1f} ms")
    taken = median_time(lambda: uncertainty.bootstrap(spotting.tally(truth, predictions, protocol="mean")), 1)
    print(f"2,000 resamples, studentised, with AP    {1e3 * taken:9.1f} ms")
    taken = median_time(lambda: chance.exchanged(truth, predictions, n_draws=200), 3)
    print(f"200 draws of a null                      {1e3 * taken:9.1f} ms")

    truth, predictions = many(rng, videos=10_000, per_video=50)
    start = time.perf_counter()
    tp = strs.evaluate(truth, predictions)["tp"]
    taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(truth) + len(predictions):,} intervals over 10,000 videos  {taken:9.1f} s, "
        f"{tp:,} true positives, peak memory {peak:.2f} GiB"
    )


if __name__ == "__main__":
    main()
