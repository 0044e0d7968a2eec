"""Run the chain once on a graphics card and once on the processor of the same machine: do they agree, and how fast?

    python tools/run_on_cuda.py [--tier quick] [--pairs 64] [--jobs N] [--json results/cuda_speed.json]

Measured side by side, in one run: TV-L1 and scene flow of onset-apex pairs of the benchmark, and the whole chain
(train, spot, name, measure) for MEAN and for SFAMNet, leaving one subject out. The features of the chain are computed
before, by the processor for both: DIS and the rendering know no graphics card. The processor may use all cores, as
threads for flow and as processes for folds; on the card, folds train as one stack. What is timed has run once before,
at the smallest size. ``tools/make_speed_table.py`` makes the table of the book from the JSON file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from melib import provenance, study
from melib.flow import optical_flow, scene_flow
from melib.models import choose_device
from melib.study import flow_truth
from melib.study.catalogue import find_experiment
from melib.study.flow_truth import Pair, micro_pairs

T = TypeVar("T")

#: The declared rows of :data:`EXPERIMENT` that are run as chains.
EXPERIMENT = "spot_then_recognize"
CHAINS = {"MEAN": "mean-o-loso", "SFAMNet": "sfamnet-s-loso"}
#: Pairs and tier of the run that does not count.
WARM_PAIRS, WARM_TIER = 2, "smoke"


def timed(work: Callable[[], T], device: torch.device) -> tuple[T, float]:
    """What some work gives, and the seconds until the device has finished it."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    wait()
    start = time.perf_counter()
    result = work()
    wait()
    return result, time.perf_counter() - start


def flows(pairs: list[Pair]) -> dict[str, Callable[[torch.device], np.ndarray]]:
    """The flow methods that are written in PyTorch, each as a function of the device it runs on."""
    gray = torch.from_numpy(np.stack([pair.gray for pair in pairs], axis=1))
    depth = torch.from_numpy(np.stack([pair.depth for pair in pairs], axis=1))

    def image(device: torch.device) -> np.ndarray:
        return optical_flow(*gray.to(device), method="tvl1").cpu().numpy()

    def scene(device: torch.device) -> np.ndarray:
        (a, b), (near, far) = gray.to(device), depth.to(device)
        # Time hardly depends on the intrinsics, so one camera serves all pairs.
        return scene_flow(a, near, b, far, pairs[0].camera)[0].cpu().numpy()

    return {"TV-L1 optical flow": image, "RGB-D scene flow": scene}


def chain_parameters(name: str, tier: str) -> study.Parameters:
    """The parameters of a declared row of the study."""
    row = find_experiment(EXPERIMENT).row(CHAINS[name])
    return study.Parameters.of({**row.values, "tier": tier, "seed": 0})


def compare_flows(pairs: list[Pair], devices: tuple[torch.device, torch.device]) -> list[dict[str, object]]:
    """Seconds on both devices and the mean absolute difference of the flow (pixels, metres), a row per method."""
    few, all_pairs = flows(pairs[:WARM_PAIRS]), flows(pairs)
    rows = []
    for name, work in all_pairs.items():
        results, seconds = [], []
        for device in devices:
            few[name](device)
            result, taken = timed(lambda work=work, device=device: work(device), device)
            results.append(result)
            seconds.append(taken)
        unit = "px" if name.startswith("TV-L1") else "m"
        apart = float(np.nanmean(np.abs(results[0] - results[1])))
        rows.append(_row(f"{name}, {len(pairs)} pairs", seconds, f"mean difference ({unit})", apart))
    return rows


def compare_chains(
    tier: str, devices: tuple[torch.device, torch.device], *, store: Path, jobs: int
) -> dict[str, object]:
    """Seconds of both chains on both devices and what they find, the seconds of their features, and the dataset."""
    rows, features, dataset = [], {}, {}
    for name in CHAINS:
        for each in dict.fromkeys((WARM_TIER, tier)):
            start = time.perf_counter()
            study.prepare(chain_parameters(name, each), store=store, jobs=jobs)
            features[name] = time.perf_counter() - start
        found, seconds = [], []
        for device in devices:

            def run(size: str, name: str = name, device: torch.device = device) -> study.Outcome:
                parameters = replace(chain_parameters(name, size), device=str(device))
                return study.run(parameters, store=store, jobs=jobs)

            run(WARM_TIER)
            outcome, taken = timed(lambda run=run: run(tier), device)
            found.append(float(outcome.record["frames"]["roc_auc_frames"]["value"]))
            seconds.append(taken)
            dataset = outcome.record["dataset"]
        rows.append(_row(f"{name}, the chain", seconds, "difference of ROC-AUC", abs(found[0] - found[1])))
    return {"rows": rows, "features_s": features, "dataset": dataset}


def _row(name: str, seconds: list[float], what: str, difference: float) -> dict[str, object]:
    slow, fast = seconds
    return {"work": name, "processor_s": slow, "card_s": fast, "ratio": slow / fast, "apart": what, "by": difference}


def measure(
    tier: str, count: int, devices: tuple[torch.device, torch.device], *, store: Path, jobs: int
) -> dict[str, object]:
    """Run everything on a first and on a second device.

    Parameters
    ----------
    tier : str
        Of the chains.
    count : int
        Pairs of the flows.
    devices : pair of torch.device
        The processor and the card.
    store : Path
        Folder of the features.
    jobs : int
        Processes of the processor's chain, and threads of its flow.

    Returns
    -------
    dict
        A record (:func:`melib.study.read_record`) with ``rows`` (``work, processor_s, card_s, ratio, apart, by``) and
        ``features_s``, by chain.
    """
    start = time.perf_counter()
    made = provenance.provenance(device=devices[1].type)
    torch.set_num_threads(jobs)
    rows = compare_flows(micro_pairs(count, population="test"), devices)
    torch.set_num_threads(1)
    chains = compare_chains(tier, devices, store=store, jobs=jobs)
    return {
        "experiment": "cuda_speed",
        "command": f"python tools/run_on_cuda.py --tier {tier} --pairs {count} --jobs {jobs}",
        "parameters": {"tier": tier, "pairs": count, "jobs": jobs, "rows": list(CHAINS.values())},
        **chains,
        "rows": [*rows, *chains["rows"]],
        "seconds": time.perf_counter() - start,
        "provenance": made,
    }


def show(record: Mapping) -> str:
    """The rows as text."""
    lines = [f"{'':32}{'processor':>11}{'card':>10}{'ratio':>8}"]
    for row in record["rows"]:
        lines.append(
            f"{row['work']:32}{row['processor_s']:>9.2f} s{row['card_s']:>8.2f} s{row['ratio']:>8.1f}"
            f"   {row['apart']} {row['by']:.2g}"
        )
    for name, seconds in record["features_s"].items():
        lines.append(f"{'features of ' + name:32}{seconds:>9.2f} s    by the processor for both")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, save; 1 with one message where there is no card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", choices=list(study.TIERS), default="quick")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the processor (default: all cores)")
    parser.add_argument("--store", type=Path, help="folder of features to use (default: they are computed anew)")
    parser.add_argument("--json", type=Path, help="file to write the record to, such as results/cuda_speed.json")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print(
            f"no graphics card: PyTorch {torch.__version__} sees no CUDA device here, so nothing was measured",
            file=sys.stderr,
        )
        return 1
    card = choose_device("cuda")
    print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name(card)}, {provenance.processor()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="melib-cuda-") as folder:
        store = arguments.store or Path(folder)
        devices = (torch.device("cpu"), card)
        record = measure(arguments.tier, arguments.pairs, devices, store=store, jobs=arguments.jobs)
    record["card"] = {"name": torch.cuda.get_device_name(card), "cuda": torch.version.cuda}
    print(show(record))
    if arguments.json:
        print(f"{flow_truth.save(record, arguments.json)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
