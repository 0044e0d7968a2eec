"""Write what the STRS playground starts from, with the answers of melib.metrics beside it.

    python tools/playground_cases.py [--check]

``tools/playground_cases.yml`` holds the example and the seven puzzles. Into book/assets/playground go ``cases.js``
(these, each puzzle with its solution, and the scores of all), ``draws.js`` (the resamples of the bootstrap for each
number of subjects) and ``examples.csv`` (the same scores as a table, for readers without a script). With ``--check``
nothing is written, and a file that differs is an error.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from melib.files import refresh_all
from melib.metrics import strs, uncertainty

TARGET = Path(__file__).parents[1] / "book" / "assets" / "playground"
DECLARED = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
#: The puzzles in the order of the page.
PUZZLES = tuple(name for name in DECLARED if name != "free")
COLUMNS = ["subject", "video", "onset", "offset", "emotion"]
EMOTIONS = ("negative", "positive", "surprise")
FPS = 30
MOST_SUBJECTS = 8  # for which draws are kept
RESAMPLES = 2000
METHODS = ("studentised", "percentile")
#: What the page shows with an interval.
SHARES = ("f1_spotting", "f1_analysis", "strs", "uf1_analysis", "f1_named")


def case(truth: list[tuple], predictions: list[tuple], frames: Mapping[tuple[str, str], int]) -> dict:
    """A state of the playground: rows in the columns of melib.metrics, and the length of every video."""
    return {
        "subjects": sorted({subject for subject, _ in frames}),
        "videos": [{"subject": s, "video": v, "frames": n} for (s, v), n in frames.items()],
        "emotions": list(EMOTIONS),
        "protocol": "strict",
        "threshold": 0.5,
        "truth": [dict(zip(COLUMNS, row, strict=True)) for row in truth],
        "predictions": [dict(zip(COLUMNS, row, strict=True)) for row in predictions],
    }


def declared(name: str) -> dict[str, dict]:
    """The state from which an example or puzzle starts, and the one that solves it, if there is one."""
    entry = DECLARED[name]
    people = {video: person for video, (person, _) in entry["videos"].items()}

    def rows(given: list) -> list[tuple]:
        return [(people[video], video, *rest) for video, *rest in given]

    frames = {(person, video): number for video, (person, number) in entry["videos"].items()}
    method = {"method": entry["method"]} if "method" in entry else {}
    states = {"start": case(rows(entry["truth"]), rows(entry["predictions"]), frames) | method}
    if "solved" not in entry:
        return states
    how, solved = entry["solved"], copy.deepcopy(states["start"])
    found = solved["predictions"]
    for row, frames in how.get("move", {}).items():
        found[row] |= {end: found[row][end] + frames for end in ("onset", "offset")}
    for row, emotion in how.get("rename", {}).items():
        found[row]["emotion"] = emotion
    kept = [one for row, one in enumerate(found) if row not in how.get("remove", ())]
    solved["predictions"] = kept + [dict(zip(COLUMNS, row, strict=True)) for row in rows(how.get("add", []))]
    # As if one person had never been filmed.
    for name in ("videos", "truth", "predictions"):
        solved[name] = [one for one in solved[name] if one["subject"] != how.get("without")]
    solved["subjects"] = [one for one in solved["subjects"] if one != how.get("without")]
    return {**states, "solved": solved}


def _tables(state: dict) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Truth, predictions and the keyword arguments with which melib.metrics scores a state."""
    truth, predictions = (pd.DataFrame(state[name], columns=COLUMNS) for name in ("truth", "predictions"))
    videos = pd.DataFrame(state["videos"]).assign(fps=FPS)
    return truth, predictions, {"videos": videos, "emotions": state["emotions"], "protocol": state["protocol"]}


def scores(state: dict) -> dict[str, float]:
    """What melib.metrics says of a state."""
    truth, predictions, keys = _tables(state)
    found = strs.evaluate(truth, predictions, **keys)
    return {key: value for key, value in found.items() if key != "false_positives_per_minute"}


def limits(state: dict) -> dict[str, dict[str, list[float]]] | None:
    """Intervals of 95 % over subjects by method and metric; None for one subject."""
    if len(state["subjects"]) < 2:
        return None
    truth, predictions, keys = _tables(state)
    tally, made = strs.tally(truth, predictions, **keys), {}
    for method in METHODS:
        found = uncertainty.bootstrap(tally, n_resamples=RESAMPLES, method=method, fewest=2).table
        # The last digits are the processor's.
        made[method] = {key: found.loc[key, ["low", "high"]].round(12).tolist() for key in SHARES}
    return made


def draws(subjects: int) -> list[list[int]]:
    """The different resamples of the default bootstrap of so many subjects: copies of each, then how often drawn."""
    rng = np.random.default_rng([0, 1])
    drawn = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=RESAMPLES)
    return sorted([*row, times] for row, times in Counter(map(tuple, drawn.tolist())).items())


def cases() -> dict[str, dict]:
    """All states by name, each with its scores; a puzzle is ``{"start": ..., "solved": ...}``."""

    def scored(state: dict) -> dict:
        return {"state": state, "scores": scores(state), "limits": limits(state)}

    return {name: {which: scored(state) for which, state in declared(name).items()} for name in DECLARED}


def _as_csv(made: Mapping[str, dict]) -> str:
    """The scores of all states as CSV, for the page without a script."""
    columns = ["", "state", "TP", "FP", "FN", "F1 spotting", "F1 analysis", "STRS", "95 % over subjects", "UF1"]
    rows = []
    for name, states in made.items():
        for which, entry in states.items():
            found, method = entry["scores"], entry["state"].get("method", "studentised")
            low, high = entry["limits"][method]["strs"]
            shares = [f"{found[key]:.3f}" for key in ("f1_spotting", "f1_analysis", "strs", "uf1_analysis")]
            between = f"{low:.3f} to {high:.3f}" if low < high else "none"
            counts = [found[key] for key in ("tp", "fp", "fn")]
            rows.append([DECLARED[name]["title"], which, *counts, *shares[:3], between, shares[3]])
    return pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n")


def files() -> dict[Path, str]:
    """The text of each file that the playground needs."""
    note = "// Written by tools/playground_cases.py from melib.metrics; not to be edited.\n"
    made = cases()
    drawn = {n: json.dumps(draws(n), separators=(",", ":")) for n in range(2, MOST_SUBJECTS + 1)}
    texts = {"examples.csv": _as_csv(made)}
    told = {json.dumps(name): json.dumps(entry) for name, entry in made.items()}
    for name, parts in {"cases": told, "draws": drawn}.items():
        text = ",\n".join(f"{key}: {part}" for key, part in parts.items())
        texts[f"{name}.js"] = f"{note}melibPlayground.{name} = {{\n{text}\n}};\n"
    return {TARGET / name: text for name, text in texts.items()}


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with ``--check`` name those that differ and return 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is missing or stale")
    check = parser.parse_args(arguments).check
    return refresh_all(files(), tool="tools/playground_cases.py", check=check)


if __name__ == "__main__":
    sys.exit(main())
