"""Two files of intervals: every metric of :mod:`melib.metrics.strs`, with intervals, chance and what to be wary of."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import pandas as pd

from melib.errors import InputError
from melib.metrics import chance, strs, uncertainty

_TITLES = {"tp": "true positives", "fp": "false positives", "fn": "false negatives"}
_TITLES |= {"precision_spotting": "precision", "recall_spotting": "recall", "f1_spotting": "F1 of spotting"}
_TITLES |= {"precision_analysis": "precision, mean over classes", "recall_analysis": "recall, mean over classes"}
_TITLES |= {"f1_analysis": "F1 of analysis", "uf1_analysis": "UF1", "uar_analysis": "UAR", "strs": "STRS"}
_TITLES |= {"false_positives_per_minute": "false positives per minute", "f1_named": "F1 of named intervals"}
_SECTIONS = {"tp": "Spotting", "precision_analysis": "Analysis of the intervals found", "strs": "Together"}
#: The metrics that are set beside chance.
_AGAINST_CHANCE = ("f1_spotting", "f1_analysis", "strs", "f1_named")


def report(
    truth: str,
    predictions: str,
    *,
    videos: str | None = None,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
    bootstrap: int = 0,
) -> dict:
    """All that can be said of two CSV files, as plain types; what is undefined is None.

    ``bootstrap`` is a number of resamples, 0 for no intervals; the rest is as for :func:`melib.metrics.strs.evaluate`.
    The keys: those of :data:`melib.metrics.strs.KEYS`, ``protocol, emotions``, ``subjects, videos, true_intervals,
    predicted_intervals`` (counts), ``intervals`` (metric -> [low, high]), ``chance`` (null -> metric -> ``mean, low,
    high, at_chance``), ``notes`` (sentences). InputError names file and line of the first bad row, or the first label
    behind the listed end of its video.
    """
    true, predicted, listed = strs.validate(truth, predictions, videos, emotions=emotions, refuse_unknown=True)
    if true.empty:
        raise InputError(f"{truth}, line 2: there is no labelled micro-expression to score against")
    labelled, found, known = _places(true), _places(true, predicted), _places(true, predicted)
    if listed is not None:
        known |= _places(listed)
        joined = true.merge(listed, on=["subject", "video"])
        # Frames may count from 0 or from 1.
        for row in joined[joined["offset"] > joined["frames"]].head(1).itertuples():
            raise InputError(
                f"{videos} lists {row.subject}/{row.video} with {row.frames} frames, but {truth} labels it up to frame "
                f"{row.offset}: give the number of frames of the whole video"
            )
    names = strs.classes(true, emotions)
    tally = strs.tally_checked(true, predicted, listed, names, protocol)
    scores = strs.evaluate(true, predicted, videos=listed, emotions=emotions, protocol=protocol)
    notes = []
    if predicted.empty:
        notes.append("There is no predicted interval.")
    elif not _places(predicted) & labelled:
        words = "check that both files spell subjects and videos alike."
        notes.append(f"No prediction lies in a video that has a label: {words}")
    if absent := [name for name in names if name not in {*true["emotion"], *predicted["emotion"]}]:
        notes.append(f"No row of either file names {', '.join(absent)}: check the spelling in --emotions.")
    if few := uncertainty.caution(len(tally.subjects), scores["tp"]):
        notes.append(few)
    limits = beside = None
    if bootstrap:
        table = uncertainty.bootstrap(tally, n_resamples=bootstrap).table
    if bootstrap and len(tally.subjects) >= uncertainty.FEWEST_SUBJECTS:
        limits = {key: [_plain(table.loc[key, "low"]), _plain(table.loc[key, "high"])] for key in scores}
    if listed is None:
        notes.append(
            "No false positives per minute, no silent videos and no chance level: they need the length of every video "
            "(--videos LIST.csv with the columns subject, video, frames, fps)."
        )
    elif missing := sorted(found - _places(listed)):
        notes.append(
            f"No false positives per minute and no chance level: {videos} lacks {len(missing)} of the videos scored, "
            f"such as {'/'.join(missing[0])}."
        )
    else:
        how = {"emotions": names, "protocol": protocol}
        nulls = {"shifted": chance.shifted(true, predicted, listed, **how)}
        nulls["exchanged"] = chance.exchanged(true, predicted, videos=listed, **how)
        beside = {name: _beside(null, {key: scores[key] for key in _AGAINST_CHANCE}) for name, null in nulls.items()}
    counts = {"subjects": len(tally.subjects), "videos": len(known)}
    counts |= {"true_intervals": len(true), "predicted_intervals": len(predicted)}
    said = {"intervals": limits, "chance": beside, "notes": notes}
    plain = {key: _plain(value) for key, value in scores.items()}
    return {**plain, "protocol": protocol, "emotions": list(names), **counts, **said}


def _places(*tables: pd.DataFrame) -> set[tuple[str, str]]:
    """The subjects and videos of tables."""
    return {tuple(row) for table in tables for row in table[["subject", "video"]].to_numpy()}


def _plain(value: float) -> float | int | None:
    """A number that JSON can hold; None for NaN."""
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None


def _beside(null: chance.Null, wanted: Mapping[str, float]) -> dict[str, dict]:
    """What a null reaches in each metric, and whether the value lies in there; None where either is undefined."""
    held, found = null.holds(wanted), {}
    for key, value in wanted.items():
        limits = {column: _plain(null.table.loc[key, column]) for column in ("mean", "low", "high")}
        defined = None not in (_plain(value), *limits.values())
        found[key] = limits | {"at_chance": bool(held[key]) if defined else None}
    return found


def text(found: Mapping) -> str:
    """A report as a table for people."""

    def line(key: str, value: float | None, limits: Sequence[float | None] | None) -> str:
        """Title, value and limits of a metric."""
        form = ".0f" if key in ("tp", "fp", "fn") else ".4f"
        numbers = ["undefined" if each is None else f"{each:{form}}" for each in (value, *(limits or ()))]
        return f"  {_TITLES[key]:<32}{numbers[0]:>9}" + (f"  [{numbers[1]}, {numbers[2]}]" if limits else "")

    lines = [
        f"protocol {found['protocol']}; emotions {', '.join(found['emotions'])}",
        f"{found['true_intervals']} true and {found['predicted_intervals']} predicted intervals, "
        f"{found['subjects']} subjects, {found['videos']} videos",
    ]
    for key in _TITLES:
        if key in _SECTIONS:
            lines += ["", _SECTIONS[key]]
        if key != "false_positives_per_minute" or found[key] is not None:  # a note says why there is none
            lines.append(line(key, found[key], (found["intervals"] or {}).get(key)))
    if found["intervals"]:
        lines += ["", "  [ , ]: 95 % interval over subjects"]
    for name, title in (("shifted", "shifted in time"), ("exchanged", "permuted among videos")):
        if found["chance"]:
            lines += ["", f"Chance: predictions {title} (mean and middle 95 % of the draws)"]
            for key, null in found["chance"][name].items():
                below = null["at_chance"] is False and found[key] < null["low"]
                verdict = "  below chance" if below else "  at chance" if null["at_chance"] else ""
                lines.append(line(key, null["mean"], [null["low"], null["high"]]) + verdict)
    if found["notes"]:
        lines += ["", *(textwrap.fill(note, 100) for note in found["notes"])]
    return "\n".join(lines)
