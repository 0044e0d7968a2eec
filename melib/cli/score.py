"""``melib score PRED.csv TRUTH.csv``: spot-then-recognize metrics of two files."""

from __future__ import annotations

import argparse
import json
import math
import textwrap

from melib.errors import InputError

HELP = "Score predicted micro-expressions against labelled ones (STRS and what stands behind it)."

_PROTOCOLS = ("strict", "strs-metric", "mean", "sfamnet")

_EPILOG = """\
PRED.csv and TRUTH.csv have the columns subject, video, onset, offset, emotion (frames, both ends inclusive);
kind (micro or macro) is optional, and macro rows are left aside. Names that are digits are compared as numbers:
006 is 6. Intervals are over subjects (studentised bootstrap, 95 %). Bad input: one line on stderr, exit code 2."""

_TITLES = {
    "tp": "true positives",
    "fp": "false positives",
    "fn": "false negatives",
    "precision_spotting": "precision",
    "recall_spotting": "recall",
    "f1_spotting": "F1 of spotting",
    "precision_analysis": "precision, mean over classes",
    "recall_analysis": "recall, mean over classes",
    "f1_analysis": "F1 of analysis",
    "uf1_analysis": "UF1",
    "uar_analysis": "UAR",
    "strs": "STRS",
    "false_positives_per_minute": "false positives per minute",
    "f1_named": "F1 of named intervals",
}
_SECTIONS = {"tp": "Spotting", "precision_analysis": "Analysis of the intervals found", "strs": "Together"}

#: The metrics that are set beside chance.
_AGAINST_CHANCE = ("f1_spotting", "f1_analysis", "strs", "f1_named")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("predictions", metavar="PRED.csv", help="the predicted intervals")
    parser.add_argument("truth", metavar="TRUTH.csv", help="the labelled intervals")
    parser.add_argument(
        "--protocol", choices=_PROTOCOLS, default="strict", help="rules of matching and counting (default: strict)"
    )
    parser.add_argument(
        "--emotions", metavar="A,B,...", help="the classes of the analysis (default: the emotions of the truth)"
    )
    parser.add_argument(
        "--videos",
        metavar="LIST.csv",
        help="all videos, silent ones too (subject, video, frames, fps): for false positives per minute and chance",
    )
    parser.add_argument(
        "--bootstrap", metavar="N", type=int, default=0, help="intervals over subjects from N resamples, such as 2000"
    )
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Score the two files and print a table or JSON."""
    result = score(
        arguments.predictions,
        arguments.truth,
        protocol=arguments.protocol,
        emotions=_names(arguments.emotions),
        videos=arguments.videos,
        bootstrap=arguments.bootstrap,
    )
    print(json.dumps(result, indent=2, allow_nan=False) if arguments.json else _table(result))
    return 0


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise InputError(f"--emotions {text!r} names an empty emotion: write names with commas between them")
    return names


def score(
    predictions: str,
    truth: str,
    *,
    protocol: str = "strict",
    emotions: tuple[str, ...] | None = None,
    videos: str | None = None,
    bootstrap: int = 0,
) -> dict:
    """What the command prints, as plain types.

    Parameters
    ----------
    predictions, truth, videos : str
        Paths of CSV files.
    protocol, emotions
        As for :func:`melib.metrics.strs.evaluate`.
    bootstrap : int
        Number of resamples; 0 for no intervals.

    Returns
    -------
    dict
        The keys of :data:`melib.metrics.strs.KEYS` (undefined values are None), ``protocol``, ``emotions``,
        ``subjects, videos, true_intervals, predicted_intervals``, ``intervals`` (metric -> [low, high], or None),
        ``chance`` (null -> metric -> mean, low, high, at_chance, each None where undefined; or None) and ``notes``
        (list of str).

    Raises
    ------
    ValueError
        Naming file and line of the first bad row, or the first label behind the listed end of its video.
    FileNotFoundError
        If a file does not exist.
    """
    from melib.metrics import strs, uncertainty

    true, predicted, listed = strs.validate(truth, predictions, videos, emotions=emotions, refuse_unknown=True)
    if true.empty:
        raise InputError(f"{truth}, line 2: there is no labelled micro-expression to score against")
    if listed is not None:
        _check_lengths(true, listed, truth, videos)
    names = strs.classes(true, emotions)
    tally = strs.tally_checked(true, predicted, listed, names, protocol)
    scores = strs.evaluate(true, predicted, videos=listed, emotions=emotions, protocol=protocol)
    found = {tuple(row) for table in (true, predicted) for row in table[["subject", "video"]].to_numpy()}
    known = found if listed is None else found | {tuple(row) for row in listed[["subject", "video"]].to_numpy()}
    result = {key: _plain(value) for key, value in scores.items()}
    result |= {
        "protocol": protocol,
        "emotions": list(names),
        "subjects": len(tally.subjects),
        "videos": len(known),
        "true_intervals": len(true),
        "predicted_intervals": len(predicted),
        "intervals": None,
        "chance": None,
        "notes": _notes(true, predicted, names, known),
    }
    few = uncertainty.caution(len(tally.subjects), scores["tp"])
    result["notes"] += [few] if few else []
    if bootstrap:
        limits = uncertainty.bootstrap(tally, n_resamples=bootstrap).table
        result["intervals"] = {key: [_plain(limits.loc[key, "low"]), _plain(limits.loc[key, "high"])] for key in scores}
    if listed is None:
        result["notes"].append(
            "No false positives per minute, no silent videos and no chance level: they need the length of every video "
            "(--videos LIST.csv with the columns subject, video, frames, fps)."
        )
    elif missing := sorted(found - {tuple(row) for row in listed[["subject", "video"]].to_numpy()}):
        result["notes"].append(
            f"No false positives per minute and no chance level: {videos} lacks {len(missing)} of the videos scored, "
            f"such as {'/'.join(missing[0])}."
        )
    else:
        result["chance"] = _chance(true, predicted, listed, names, protocol, scores)
    return result


def _check_lengths(true, listed, truth: str, videos: str) -> None:
    """Refuse a list by which a label lies behind the end of its video, whether frames count from 0 or from 1."""
    joined = true.merge(listed, on=["subject", "video"])
    for row in joined[joined["offset"] > joined["frames"]].head(1).itertuples():
        raise InputError(
            f"{videos} lists {row.subject}/{row.video} with {row.frames} frames, but {truth} labels it up to frame "
            f"{row.offset}: give the number of frames of the whole video"
        )


def _plain(value: float) -> float | int | None:
    """A number that JSON can hold; None for NaN."""
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None


def _notes(true, predicted, names, known) -> list[str]:
    notes = []
    if predicted.empty:
        notes.append("There is no predicted interval.")
    elif not set(map(tuple, predicted[["subject", "video"]].to_numpy())) & set(
        map(tuple, true[["subject", "video"]].to_numpy())
    ):
        notes.append(
            "No prediction lies in a video that has a label: check that both files spell subjects and videos alike."
        )
    absent = [name for name in names if not ((true["emotion"] == name).any() or (predicted["emotion"] == name).any())]
    if absent:
        notes.append(f"No row of either file names {', '.join(absent)}: check the spelling in --emotions.")
    return notes


def _chance(true, predicted, listed, names, protocol, scores) -> dict:
    from melib.metrics import chance

    options = {"emotions": names, "protocol": protocol}
    nulls = {
        "shifted": chance.shifted(true, predicted, listed, **options),
        "exchanged": chance.exchanged(true, predicted, videos=listed, **options),
    }
    wanted = {key: scores[key] for key in _AGAINST_CHANCE}
    return {name: _beside(null, wanted) for name, null in nulls.items()}


def _beside(null, wanted: dict[str, float]) -> dict[str, dict]:
    """What a null reaches in each metric, and whether the value lies in there; None where either is undefined."""
    table, held, found = null.table, null.holds(wanted), {}
    for key, value in wanted.items():
        limits = {column: _plain(table.loc[key, column]) for column in ("mean", "low", "high")}
        defined = None not in (_plain(value), *limits.values())
        found[key] = limits | {"at_chance": bool(held[key]) if defined else None}
    return found


def _table(result: dict) -> str:
    """The result as text for people."""
    lines = [
        f"protocol {result['protocol']}; emotions {', '.join(result['emotions'])}",
        f"{result['true_intervals']} true and {result['predicted_intervals']} predicted intervals, "
        f"{result['subjects']} subjects, {result['videos']} videos",
    ]
    for key, title in _TITLES.items():
        if key in _SECTIONS:
            lines += ["", _SECTIONS[key]]
        if key == "false_positives_per_minute" and result[key] is None:
            continue  # a note says why
        limits = (result["intervals"] or {}).get(key)
        lines.append(f"  {title:<32}{_number(key, result[key]):>9}{_limits(key, limits)}")
    if result["intervals"]:
        lines += ["", "  [ , ]: 95 % interval over subjects"]
    for name, title in (("shifted", "shifted in time"), ("exchanged", "permuted among videos")):
        if result["chance"]:
            lines += ["", f"Chance: predictions {title} (mean and middle 95 % of the draws)"]
            for key, null in result["chance"][name].items():
                below = null["at_chance"] is False and result[key] < null["low"]
                verdict = "  below chance" if below else "  at chance" if null["at_chance"] else ""
                limits = _limits(key, [null["low"], null["high"]])
                lines.append(f"  {_TITLES[key]:<32}{_number(key, null['mean']):>9}{limits}{verdict}")
    if result["notes"]:
        lines += ["", *(textwrap.fill(note, 100) for note in result["notes"])]
    return "\n".join(lines)


def _number(key: str, value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.0f}" if key in ("tp", "fp", "fn") else f"{value:.4f}"


def _limits(key: str, limits: list | None) -> str:
    if limits is None:
        return ""
    return f"  [{_number(key, limits[0])}, {_number(key, limits[1])}]"
