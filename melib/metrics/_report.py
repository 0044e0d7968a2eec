"""Two files of intervals: every metric of :mod:`melib.metrics.strs`, with intervals, chance and what to be wary of."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import pandas as pd

from melib.errors import InputError, find, printable
from melib.metrics import _tables, chance, spotting, strs, uncertainty
from melib.metrics._tally import ratio

_TITLES = {"tp": "true positives", "fp": "false positives", "fn": "false negatives"}
_TITLES |= {"precision_spotting": "precision", "recall_spotting": "recall", "f1_spotting": "F1 of spotting"}
_TITLES |= {"precision_analysis": "precision, mean over classes", "recall_analysis": "recall, mean over classes"}
_TITLES |= {"f1_analysis": "F1 of analysis", "uf1_analysis": "UF1", "uar_analysis": "UAR", "strs": "STRS"}
_TITLES |= {"false_positives_per_minute": "false positives per minute", "f1_named": "F1 of named intervals"}
_SECTIONS = {"tp": "Spotting", "precision_analysis": "Analysis of the intervals found", "strs": "Together"}
#: The metrics that are set beside chance.
_AGAINST_CHANCE = ("f1_spotting", "f1_analysis", "strs", "f1_named")
#: The metrics that need a true emotion to be named.
_ANALYSIS = strs.KEYS[strs.KEYS.index("precision_analysis") : strs.KEYS.index("strs") + 1]


def report(
    truth: str,
    predictions: str,
    *,
    videos: str | None = None,
    emotions: Sequence[str] | None = None,
    protocol: str = "strict",
    bootstrap: int = 0,
    columns: Mapping[str, str] | None = None,
) -> dict:
    """All that can be said of two CSV files, as plain types; what is undefined is None.

    ``bootstrap`` is a number of resamples, 0 for none; ``columns``: our name -> that of the files; the rest is as for
    :func:`melib.metrics.strs.evaluate`. A file without emotions leaves undefined what rests on them. The keys: those of
    :data:`melib.metrics.strs.KEYS`, ``protocol, emotions``, ``subjects, videos, true_intervals,
    predicted_intervals`` (counts), ``intervals`` (metric -> [low, high]), ``chance`` (null -> metric -> ``mean, low,
    high, at_chance``), ``per_video`` (``subject, video, tp, fp, fn, precision, recall`` each), ``notes`` (sentences).
    InputError names file and line of the first bad row, or the first label behind the listed end of its video.
    """
    files = [_tables.read(path, columns) for path in (truth, predictions, videos) if path is not None]
    for name, theirs in (columns or {}).items():
        find(name, (*_tables.COLUMNS, "kind", "score", "frames", "fps"), "column to rename")
        if not theirs or not any(name in file for file in files):
            raise InputError(f"--columns {name}={theirs}: no file has a column {theirs!r}")
    unnamed = "emotion" not in files[1]
    for file, default in zip(files, ("", "neutral"), strict=False):
        if "emotion" not in file:
            file["emotion"] = default
    true, predicted, listed = strs.validate(*files, *[None] * (3 - len(files)), emotions=emotions, refuse_unknown=True)
    if true.empty:
        raise InputError(f"{truth}, line 2: there is no labelled micro-expression to score against")
    labelled, found, known = _places(true), _places(true, predicted), _places(true, predicted)
    if listed is not None:
        known |= _places(listed)
        joined = true.merge(listed, on=["subject", "video"])
        # Frames may count from 0 or from 1.
        for row in joined[joined["offset"] > joined["frames"]].head(1).itertuples():
            lists = f"{videos} lists {row.subject}/{row.video} with {row.frames} frames, but {truth} labels up to frame"
            raise InputError(f"{lists} {row.offset}: give the number of frames of the whole video")
    names = strs.classes(true, emotions)
    tally = strs.tally_checked(true, predicted, listed, names, protocol)
    scores = strs.evaluate(true, predicted, videos=listed, emotions=emotions, protocol=protocol)
    notes = []
    for name, file, table in ((truth, files[0], true), (predictions, files[1], predicted)):
        if macro := len(file) - len(table):
            notes.append(f"{name}: {macro} macro-expressions are left aside.")
    if nameless := int((true["emotion"] == "").sum()):
        notes.append(f"{truth}: {nameless} of {len(true)} intervals name no emotion: spotted, never analysed.")
    undefined = [*_ANALYSIS] if unnamed or not true["emotion"].isin(names).any() else []
    undefined += ["f1_named"] * (unnamed or nameless == len(true))
    if undefined:
        which = predictions if unnamed else truth
        notes.append(f"{which} names no emotion that can be scored: analysis and STRS are undefined.")
    scores |= dict.fromkeys(undefined, math.nan)
    if predicted.empty:
        notes.append("There is no predicted interval.")
    elif not _places(predicted) & labelled:
        notes.append("No prediction lies in a video that has a label: do both files spell subjects and videos alike?")
    else:
        spelt = [] if listed is None else [listed]  # a video without prediction was silent
        notes += [*_one_sided(truth, true, predicted, *spelt), *_one_sided(predictions, predicted, true, *spelt)]
    if absent := [name for name in names if name not in {*true["emotion"], *predicted["emotion"]}]:
        notes.append(f"No row of either file names {', '.join(absent)}: check the spelling in --emotions.")
    if few := uncertainty.caution(len(tally.subjects), scores["tp"]):
        notes.append(few)
    limits = beside = None
    if bootstrap:
        table = uncertainty.bootstrap(tally, n_resamples=bootstrap).table
    if bootstrap and len(tally.subjects) >= uncertainty.FEWEST_SUBJECTS:
        table.loc[undefined] = math.nan
        limits = {key: [_plain(table.loc[key, "low"]), _plain(table.loc[key, "high"])] for key in scores}
    if listed is None:
        need = "they need the length of every video (--videos LIST.csv: subject, video, frames, fps)"
        notes.append(f"No false positives per minute, no silent videos and no chance level: {need}.")
    elif missing := sorted(found - _places(listed)):
        lacks = f"{videos} lacks {len(missing)} of the videos scored, such as {'/'.join(missing[0])}"
        notes.append(f"No false positives per minute and no chance level: {lacks}.")
    else:
        how = {"emotions": names, "protocol": protocol}
        nulls = {"shifted": chance.shifted(true, predicted, listed, **how)}
        nulls["exchanged"] = chance.exchanged(true, predicted, videos=listed, **how)
        against = {key: scores[key] for key in _AGAINST_CHANCE if key not in undefined}
        beside = {name: _beside(null, against) for name, null in nulls.items()}
    counts = {"subjects": len(tally.subjects), "videos": len(known)}
    counts |= {"true_intervals": len(true), "predicted_intervals": len(predicted)}
    said = {"intervals": limits, "chance": beside, "per_video": _per_video(true, predicted, listed, protocol)}
    plain = {key: _plain(value) for key, value in scores.items()}
    return {**plain, "protocol": protocol, "emotions": list(names), **counts, **said, "notes": notes}


def _places(*tables: pd.DataFrame) -> set[tuple[str, str]]:
    """The subjects and videos of tables."""
    return {tuple(row) for table in tables for row in table[["subject", "video"]].to_numpy()}


def _one_sided(name: str, table: pd.DataFrame, *others: pd.DataFrame) -> list[str]:
    """A sentence about the subjects and videos that one file alone has, or none."""
    people = {*table["subject"]}.difference(*(other["subject"] for other in others))
    videos = _places(table) - _places(*others)
    counted = ((sorted(people), "subjects"), (sorted(map("/".join, videos)), "videos"))
    told = [f"{len(some)} {what} ({', '.join(some[:3])}{', ...' * (len(some) > 3)})" for some, what in counted if some]
    return [f"{name} alone has {' and '.join(told)}: is the spelling right?"] if told else []


def _per_video(true: pd.DataFrame, predicted: pd.DataFrame, listed: pd.DataFrame | None, protocol: str) -> list[dict]:
    """Counts, precision and recall of every video, in the order of the tables; the counts sum to those of the whole."""
    tables = [true, predicted] + ([] if listed is None else [listed])
    places = pd.concat([table[["subject", "video"]] for table in tables]).drop_duplicates()
    true, predicted, *_ = _tables.numbered(*tables)  # videos get their numbers in this order, too
    _, tp, fp, fn = spotting.count(true, predicted, len(places), protocol, by="where")
    shares = {"precision": ratio(tp, tp + fp, math.nan), "recall": ratio(tp, tp + fn, math.nan)}
    counts = {"tp": tp.astype(int), "fp": fp.astype(int), "fn": fn.astype(int)}
    rows = places.assign(**counts, **shares).to_dict("records")
    return [{key: _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: float | str) -> float | int | str | None:
    """A value that JSON can hold; None for NaN."""
    return value if isinstance(value, int | str) else float(value) if math.isfinite(value) else None


def _beside(null: chance.Null, wanted: Mapping[str, float]) -> dict[str, dict]:
    """What a null reaches in each metric, and whether the value lies in there; None where either is undefined."""
    held, found = null.holds(wanted), {}
    for key, value in wanted.items():
        limits = {column: _plain(null.table.loc[key, column]) for column in ("mean", "low", "high")}
        defined = None not in (_plain(value), *limits.values())
        found[key] = limits | {"at_chance": bool(held[key]) if defined else None}
    return found


def text(found: Mapping, *, per_video: bool = False) -> str:
    """A report as a table for people, with a row for every video if that is asked for."""

    def line(key: str, value: float | None, limits: Sequence[float | None] | None) -> str:
        """Title, value and limits of a metric."""
        form = ".0f" if key in ("tp", "fp", "fn") else ".4f"
        numbers = ["undefined" if each is None else f"{each:{form}}" for each in (value, *(limits or ()))]
        return f"  {_TITLES[key]:<32}{numbers[0]:>9}" + (f"  [{numbers[1]}, {numbers[2]}]" if limits else "")

    lines = [
        f"protocol {found['protocol']}; emotions {', '.join(found['emotions']) or 'none'}",
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
    if per_video:
        total = {"subject": "total", "video": ""} | {key: found[key] for key in ("tp", "fp", "fn")}
        total |= {key: found[f"{key}_spotting"] for key in ("precision", "recall")}
        table = pd.DataFrame([*found["per_video"], total])
        lines += ["", *table.to_string(index=False, na_rep="-", float_format="{:.4f}".format).splitlines()]
    if found["notes"]:
        lines += ["", *(line for note in found["notes"] for line in textwrap.wrap(note, 100))]
    return "\n".join(map(printable, lines))
