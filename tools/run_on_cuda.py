"""Run the chain once on a graphics card and once on the processor of the same machine: do they agree, and how fast?

    python tools/run_on_cuda.py [--tier quick] [--pairs 64] [--jobs N] [--json]
    python tools/run_on_cuda.py --table [--check]

Measured side by side, in one run: TV-L1, scene flow and planes (images to what a network sees) of onset-apex pairs of
the benchmark, and the whole chain (train, spot, name, measure) for MEAN and SFAMNet, leaving one subject out, features
made before. The processor may use all cores, as threads for flow and as processes for folds; on the card, folds train
as one stack. What is timed has run once before, at the smallest size. ``--json`` keeps the record as
results/cuda_speed.json; ``--table`` only writes book/tables/cuda_speed.md from it, and needs no card.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

import flow_truth
import numpy as np
import stored
import torch

from melib import provenance
from melib.errors import in_one_line
from melib.features import FeatureSettings, compute
from melib.files import refresh_all
from melib.flow import face_mask, optical_flow, scene_flow
from melib.models import choose_device
from melib.study import data, experiments, long_videos
from melib.study.settings import TIERS, Settings

#: The declared rows that are run as chains.
EXPERIMENT, CHAINS = "spot_then_recognize_rows", {"MEAN": "mean-o-loso", "SFAMNet": "sfamnet-s-loso"}
#: Pairs and tier of the run that does not count.
WARM_PAIRS, WARM_TIER = 2, "smoke"
RECORD, TABLE = Path("results", "cuda_speed.json"), Path("book", "tables", "cuda_speed.md")

_HEAD = "<!-- Written by tools/run_on_cuda.py from results/cuda_speed.json: change that. -->\n\n"
_UNMEASURED = "How much faster a card is was **not measured**: `python tools/run_on_cuda.py --json` has not been run "
_UNMEASURED += "for this book on\na machine that has one.\n"


def timed(work: Callable[[], object], device: torch.device) -> tuple:
    """What some work gives, and the seconds until the device has finished it."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    start = now()
    return work(), now() - start


def flows(pairs: list[flow_truth.Pair]) -> dict[str, Callable[[torch.device], np.ndarray]]:
    """What is written in PyTorch, each as a function of the device it runs on: flows, and planes of networks."""
    sides = [np.stack([getattr(pair, name) for pair in pairs], axis=1) for name in ("gray", "depth")]
    # Time hardly depends on the place of a face and the intrinsics, so those of one pair serve all.
    first, ends, (gray, depth) = pairs[0], np.zeros((len(pairs), 2), int), map(torch.from_numpy, sides)
    mask = face_mask(first.landmarks, *gray.shape[-2:])

    def scene(device: torch.device) -> np.ndarray:
        (a, b), (near, far) = gray.to(device), depth.to(device)
        return scene_flow(a, near, b, far, first.camera)[0].cpu().numpy()

    def planes(how: FeatureSettings, device: torch.device) -> np.ndarray:
        where = compute.place(how, device)
        made = compute.network_planes(compute.Chunk(first.video, how, where, ends, first.landmarks, mask, *sides))[0]
        return made if where is None else made.cpu().numpy()

    image, ways = partial(optical_flow, method="tvl1"), {"O": FeatureSettings(method="tvl1"), "S": FeatureSettings("S")}
    both = {"TV-L1 optical flow": lambda on: image(*gray.to(on)).cpu().numpy(), "RGB-D scene flow": scene}
    return both | {f"planes {name}": partial(planes, how) for name, how in ways.items()}


def chain_settings(name: str, tier: str) -> Settings:
    """The settings of a declared row of the study."""
    return replace(experiments.load(EXPERIMENT, "full").row(CHAINS[name]).settings, tier=tier)


def compare_flows(pairs: list[flow_truth.Pair], devices: tuple[torch.device, torch.device]) -> list[dict]:
    """Seconds on both devices and the mean absolute difference of the flow (pixels, metres), a row per method."""
    few, rows = flows(pairs[:WARM_PAIRS]), []
    for name, work in flows(pairs).items():
        found = []
        for device in devices:
            few[name](device)
            found.append(timed(partial(work, device), device))
        results, seconds = zip(*found, strict=True)
        unit = {"TV-L1 optical flow": "px", "RGB-D scene flow": "m"}.get(name, "fixed scale")
        apart = float(np.nanmean(np.abs(results[0] - results[1])))
        rate = "and ".join(f"{len(pairs) / each:.0f} " for each in seconds)
        rows.append(_row(f"{name}, {len(pairs)} pairs, {rate}a second", seconds, f"mean difference ({unit})", apart))
    return rows


def compare_chains(tier: str, devices: tuple[torch.device, torch.device], *, store: Path, jobs: int) -> dict:
    """Seconds of both chains on both devices and what they find, and the dataset."""
    rows, dataset = [], {}
    for name in CHAINS:
        data.prepare([chain_settings(name, each) for each in (WARM_TIER, tier)], store=store, jobs=jobs)
        found, seconds = [], []
        for device in devices:
            run = partial(long_videos.run, store=store, jobs=jobs)
            # With another seed: networks are kept, and what is timed must not find its own.
            run(replace(chain_settings(name, WARM_TIER), device=device.type), 1)
            made, taken = timed(partial(run, replace(chain_settings(name, tier), device=device.type), 0), device)
            found.append(float(made.values["frames"]["roc_auc_frames"]["value"]))
            seconds.append(taken)
            dataset = made.values["dataset"]
        rows.append(_row(f"{name}, the chain", seconds, "difference of ROC-AUC", abs(found[0] - found[1])))
    return {"rows": rows, "dataset": dataset}


def _row(name: str, seconds: Sequence[float], what: str, difference: float) -> dict[str, object]:
    slow, fast = seconds
    return {"work": name, "processor_s": slow, "card_s": fast, "ratio": slow / fast, "apart": what, "by": difference}


def measure(tier: str, count: int, devices: tuple[torch.device, torch.device], *, jobs: int) -> dict[str, object]:
    """Run everything on the processor and on the card, with features computed anew: the record."""
    made = provenance.provenance(device=devices[1].type)
    torch.set_num_threads(jobs)
    rows = compare_flows(flow_truth.micro_pairs(count, population="test"), devices)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="melib-cuda-") as folder:
        chains = compare_chains(tier, devices, store=Path(folder), jobs=jobs)
    return {
        "experiment": "cuda_speed",
        "command": f"python tools/run_on_cuda.py --tier {tier} --pairs {count} --jobs {jobs}",
        "parameters": {"tier": tier, "pairs": count, "jobs": jobs, "rows": list(CHAINS.values())},
        **chains,
        "rows": [*rows, *chains["rows"]],
        "card": {"name": torch.cuda.get_device_name(devices[1]), "cuda": torch.version.cuda},
        "provenance": made,
    }


def table(record: Mapping | None) -> str:
    """The table of a record, with where it comes from; without one, a sentence that says so."""
    if record is None:
        return _HEAD + _UNMEASURED
    made, how, card = record["provenance"], record["parameters"], record["card"]
    lines = [
        f"```{{list-table}} Seconds on a processor ({made['processor']}, {how['jobs']} cores) and on a card "
        f"({card['name']}, CUDA {card['cuda']}, PyTorch {made['packages']['torch']}), tier `{how['tier']}`; "
        f"made on {made['time'][:10]} by `{record['command']}` at commit {made['commit'][:12]}.",
        ":header-rows: 1\n:name: cuda-speed\n",
        *("* -", "  - processor", "  - card", "  - ratio", "  - apart by"),
    ]
    for row in record["rows"]:
        apart = f"{row['by']:.2g} ({row['apart']})"
        numbers = f"{row['processor_s']:.2f}", f"{row['card_s']:.2f}", f"{row['ratio']:.1f}"
        lines += [f"* - {row['work']}", *(f"  - {cell}" for cell in (*numbers, apart))]
    return _HEAD + "\n".join([*lines, "```", ""])


def run(options: argparse.Namespace) -> int:
    """Measure and keep, or write the table; one line where there is no card."""
    if not options.table:
        if not torch.cuda.is_available():
            words = f"PyTorch {torch.__version__} sees no CUDA device here; nothing was measured"
            raise OSError(f"no graphics card: {words}")
        record = measure(options.tier, options.pairs, (torch.device("cpu"), choose_device("cuda")), jobs=options.jobs)
        print(table(record))
        if options.json:
            print(f"{stored.save(record, RECORD)} written")
        return 0
    if not TABLE.parent.is_dir():
        raise FileNotFoundError(f"no folder {TABLE.parent}: start from the root of the checkout")
    text = table(stored.load(RECORD.stem) if RECORD.is_file() else None)
    return refresh_all({TABLE: text}, tool="tools/run_on_cuda.py --table", check=options.check)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", choices=list(TIERS), default="quick")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the processor (default: all cores)")
    parser.add_argument("--json", action="store_true", help=f"keep the record as {RECORD}")
    parser.add_argument("--table", action="store_true", help=f"measure nothing; write {TABLE}")
    parser.add_argument("--check", action="store_true", help="with --table: write nothing; fail if it is stale")
    options = parser.parse_args(arguments)
    return in_one_line("tools/run_on_cuda.py", lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
