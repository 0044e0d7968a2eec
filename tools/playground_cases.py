"""Write what the STRS playground starts from, with the answers of melib.metrics beside it.

    python tools/playground_cases.py [--check]

Into book/assets/playground go ``cases.js`` (the example and the seven puzzles, each with a solution and the scores of
both), ``draws.js`` (the resamples of the bootstrap for each number of subjects) and ``examples.csv`` (the same scores
as a table, for readers without a script). With ``--check`` nothing is written, and a file that differs is an error.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from melib.files import refresh_all
from melib.metrics import intervals, spotting, strs, uncertainty

TARGET = Path(__file__).parents[1] / "book" / "assets" / "playground"
COLUMNS = ["subject", "video", "onset", "offset", "emotion"]
EMOTIONS = ("negative", "positive", "surprise")
FPS = 30

#: The most subjects for which draws are kept.
MOST_SUBJECTS = 8
RESAMPLES = 2000
METHODS = ("studentised", "percentile")

#: What the page shows with an interval.
SHARES = ("f1_spotting", "f1_analysis", "strs", "uf1_analysis", "f1_named")


def case(truth: list[tuple], predictions: list[tuple], frames: dict[tuple[str, str], int]) -> dict:
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


def at_threshold(state: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables that STRS, whose threshold is fixed, scores as the state's would be scored at its own threshold.

    Matched rows are laid upon each other, all others apart.
    """
    truth, predictions = (pd.DataFrame(state[name], columns=COLUMNS) for name in ("truth", "predictions"))
    how = spotting.PROTOCOLS[state["protocol"]]
    found = intervals.match(truth, predictions, how=how, threshold=state["threshold"])
    place_t, place_p = np.arange(len(truth)), len(truth) + np.arange(len(predictions))
    place_p[found.prediction] = found.truth
    return tuple(
        table.assign(onset=20 * place, offset=20 * place + 9)
        for table, place in ((truth, place_t), (predictions, place_p))
    )


def tables(state: dict) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Truth, predictions and the keyword arguments with which melib.metrics scores a state."""
    if state["threshold"] == 0.5:
        truth, predictions = (pd.DataFrame(state[name], columns=COLUMNS) for name in ("truth", "predictions"))
    else:
        truth, predictions = at_threshold(state)
    videos = pd.DataFrame(state["videos"]).assign(fps=FPS)
    return truth, predictions, {"videos": videos, "emotions": state["emotions"], "protocol": state["protocol"]}


def scores(state: dict) -> dict[str, float]:
    """What melib.metrics says of a state."""
    truth, predictions, keys = tables(state)
    found = strs.evaluate(truth, predictions, **keys)
    del found["false_positives_per_minute"]
    return found


def limits(state: dict) -> dict[str, dict[str, list[float]]] | None:
    """Intervals of 95 % over subjects by method and metric; None for one subject."""
    if len(state["subjects"]) < 2:
        return None
    truth, predictions, keys = tables(state)
    tally, made = strs.tally(truth, predictions, **keys), {}
    for method in METHODS:
        found = uncertainty.bootstrap(tally, n_resamples=RESAMPLES, method=method).table
        made[method] = {key: found.loc[key, ["low", "high"]].tolist() for key in SHARES}
    return made


def draws(subjects: int) -> list[list[int]]:
    """The different resamples of the default bootstrap of so many subjects: copies of each, then how often drawn."""
    rng = np.random.default_rng([0, 1])
    drawn = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=RESAMPLES)
    return sorted([*row, times] for row, times in Counter(map(tuple, drawn.tolist())).items())


def example() -> dict:
    """The example of the page "The metrics by hand"."""
    truth = [
        ("Ann", "A", 10, 29, "negative"),
        ("Ann", "A", 20, 39, "surprise"),
        ("Ann", "A", 60, 79, "positive"),
        ("Ben", "B", 0, 19, "negative"),
        ("Ben", "B", 20, 39, "surprise"),
        ("Ben", "B", 60, 79, "negative"),
        ("Ben", "B", 100, 119, "surprise"),
        ("Ben", "B", 140, 159, "positive"),
    ]
    predictions = [
        ("Ann", "A", 8, 27, "negative"),
        ("Ann", "A", 14, 33, "negative"),
        ("Ann", "A", 64, 81, "surprise"),
        ("Ben", "B", 0, 39, "negative"),
        ("Ben", "B", 62, 81, "negative"),
        ("Ben", "B", 103, 120, "surprise"),
        ("Ben", "B", 138, 155, "positive"),
        ("Ben", "C", 30, 49, "positive"),
    ]
    # Two people give no spread of the studentised interval.
    state = case(truth, predictions, {("Ann", "A"): 90, ("Ben", "B"): 170, ("Ben", "C"): 90})
    return {**state, "method": "percentile"}


def three_people(given: str, *, late: int = 1) -> dict:
    """Ann, Ben and Cem show two expressions each; ``given`` names the predictions, a letter an emotion."""
    names = {emotion[0]: emotion for emotion in EMOTIONS}
    places = [
        (person, video, onset) for person, video in (("Ann", "A"), ("Ben", "B"), ("Cem", "C")) for onset in (20, 80)
    ]
    truth, predictions = [], []
    for (person, video, onset), true, said in zip(places, "nnppss", given, strict=True):
        truth.append((person, video, onset, onset + 14, names[true]))
        predictions.append((person, video, onset + late, onset + late + 14, names[said]))
    return case(truth, predictions, {(person, video): 120 for person, video, _ in places})


def withheld() -> tuple[dict, dict]:
    """Withhold the two misnamed hits."""
    start = three_people("nnpssp")
    return start, edited(start, remove=(3, 5))


def one_frame() -> tuple[dict, dict]:
    """The interval of the introduction's exercise, five frames late; four frames are a hit."""
    truth = [("Ann", "A", 10, 21, "negative"), ("Ben", "B", 30, 41, "positive")]
    predictions = [("Ann", "A", 15, 26, "negative"), ("Ben", "B", 31, 42, "positive")]
    start = case(truth, predictions, {("Ann", "A"): 60, ("Ben", "B"): 60})
    return start, edited(start, move={0: -1})


def fifty() -> tuple[dict, dict]:
    """Fifty false alarms in a long video in which nothing happens."""
    start = three_people("nnppsn")
    start["videos"].append({"subject": "Ann", "video": "long", "frames": 1200})
    alarms = [dict(zip(COLUMNS, ("Ann", "long", 16 * k, 16 * k + 11, "negative"), strict=True)) for k in range(50)]
    solved = edited(start)
    solved["predictions"] += alarms
    return start, solved


def opposite() -> tuple[dict, dict]:
    """Finds all and names half; its opposite finds half, raises as many false alarms, and names all it finds."""
    start = three_people("npspsn")
    return start, edited(start, move={1: 16, 2: 16, 5: 16})


def doubled() -> tuple[dict, dict]:
    """A second interval on a truth that is found already."""
    truth = [("Ann", "A", 20, 39, "negative"), ("Ben", "B", 40, 59, "positive"), ("Cem", "C", 30, 49, "surprise")]
    predictions = [("Ann", "A", 18, 35, "negative"), ("Ben", "B", 43, 60, "positive")]
    start = case(truth, predictions, {(person, video): 90 for person, video, *_ in truth})
    solved = edited(start)
    solved["predictions"].append(dict(zip(COLUMNS, ("Ann", "A", 22, 41, "negative"), strict=True)))
    return start, solved


def seven_names() -> tuple[dict, dict]:
    """Seven hits with the right names, of which one class has a single one."""
    rows = [("Ann", "A", "nnp"), ("Ben", "B", "nn"), ("Cem", "C", "ss")]
    names = {emotion[0]: emotion for emotion in EMOTIONS}
    truth = [
        (person, video, 15 + 40 * k, 29 + 40 * k, names[letter])
        for person, video, letters in rows
        for k, letter in enumerate(letters)
    ]
    late = [(*row[:2], row[2] + 1, row[3] + 1, row[4]) for row in truth]
    start = case(truth, late, {(person, video): 130 for person, video, _ in rows})
    solved = edited(start)
    solved["predictions"][2]["emotion"] = "surprise"
    return start, solved


def three_subjects() -> tuple[dict, dict]:
    """Three people, one of whom the system serves badly; she is left out."""
    truth, predictions = [], []
    for person, video, true, said, late in (
        ("Ann", "A", "npsn", "npsn", (1, 1, 1, 1)),
        ("Ben", "B", "npsn", "nnsn", (1, 2, 1, 12)),
        ("Cem", "C", "npsp", "ppnp", (1, 12, 11, 14)),
    ):
        for k, (t, p, shift) in enumerate(zip(true, said, late, strict=True)):
            onset = 10 + 30 * k
            names = {emotion[0]: emotion for emotion in EMOTIONS}
            truth.append((person, video, onset, onset + 14, names[t]))
            predictions.append((person, video, onset + shift, onset + shift + 14, names[p]))
    start = case(truth, predictions, {("Ann", "A"): 130, ("Ben", "B"): 130, ("Cem", "C"): 130})
    return {**start, "method": "percentile"}, {**without(start, "Cem"), "method": "percentile"}


def without(state: dict, person: str) -> dict:
    """The state as if this person had never been filmed."""
    kept = {
        name: [one for one in state[name] if one["subject"] != person] for name in ("videos", "truth", "predictions")
    }
    return {**state, **kept, "subjects": [one for one in state["subjects"] if one != person]}


def edited(state: dict, *, remove: tuple[int, ...] = (), move: dict[int, int] | None = None) -> dict:
    """A copy of a state with some predictions removed or moved by frames."""
    after = copy.deepcopy(state)
    for row, frames in (move or {}).items():
        after["predictions"][row]["onset"] += frames
        after["predictions"][row]["offset"] += frames
    after["predictions"] = [one for row, one in enumerate(after["predictions"]) if row not in remove]
    return after


#: The puzzles in the order of the page: name, its words in the table, and what makes start and solution.
PUZZLES = {
    "withhold": ("Say less, score more", withheld),
    "one-frame": ("One frame", one_frame),
    "fifty": ("Fifty false alarms", fifty),
    "opposite": ("Opposite systems", opposite),
    "doubled": ("Two on one", doubled),
    "seven": ("One of seven names", seven_names),
    "three": ("One of three people", three_subjects),
}


def cases() -> dict[str, dict]:
    """All states by name, each with its scores; a puzzle is ``{"start": ..., "solved": ...}``."""

    def with_answers(state: dict) -> dict:
        return {"state": state, "scores": scores(state), "limits": limits(state)}

    made = {"free": {"start": with_answers(example())}}
    for name, (_, make) in PUZZLES.items():
        start, solved = make()
        made[name] = {"start": with_answers(start), "solved": with_answers(solved)}
    return made


def as_csv(made: dict[str, dict]) -> str:
    """The scores of all states as CSV, for the page without a script."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["", "state", "TP", "FP", "FN", "F1 spotting", "F1 analysis", "STRS", "95 % over subjects", "UF1"])
    for name, states in made.items():
        words = PUZZLES[name][0] if name in PUZZLES else "The example"
        for which, entry in states.items():
            found, method = entry["scores"], entry["state"].get("method", "studentised")
            low, high = entry["limits"][method]["strs"]
            shares = [f"{found[key]:.3f}" for key in ("f1_spotting", "f1_analysis", "strs", "uf1_analysis")]
            between = f"{low:.3f} to {high:.3f}" if low < high else "none"
            counts = [found[key] for key in ("tp", "fp", "fn")]
            writer.writerow([words, which, *counts, *shares[:3], between, shares[3]])
    return out.getvalue()


def files() -> dict[Path, str]:
    """The text of each file that the playground needs."""
    note = "// Written by tools/playground_cases.py from melib.metrics; not to be edited.\n"
    made = cases()
    drawn = {n: draws(n) for n in range(2, MOST_SUBJECTS + 1)}
    parts = {"cases": ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in made.items())}
    parts["draws"] = ",\n".join(f"{n}: {json.dumps(rows, separators=(',', ':'))}" for n, rows in drawn.items())
    scripts = {
        TARGET / f"{name}.js": f"{note}melibPlayground.{name} = {{\n{text}\n}};\n" for name, text in parts.items()
    }
    return {**scripts, TARGET / "examples.csv": as_csv(made)}


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with ``--check`` name those that differ and return 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is missing or stale")
    check = parser.parse_args(arguments).check
    return refresh_all(files(), tool="tools/playground_cases.py", check=check)


if __name__ == "__main__":
    sys.exit(main())
