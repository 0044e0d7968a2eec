"""Whether an experiment's success criterion is met: said by the intervals, in the criterion's own words.

A criterion is *met* or *missed* where its words decide it, and *undecided* where the interval leaves both open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from melib.errors import InputError
from melib.study.compare import differences, value
from melib.study.experiments import Experiment
from melib.study.rows import RowRecords
from melib.tables.rows import judge, shuffled_rows, widest_null
from melib.tables.study import against_chance, against_half, metric_name, number, span, with_interval

MET, MISSED, UNDECIDED = "met", "missed", "undecided"
#: Question of a part of SFAMNet -> what its criterion asks for.
_ATTENTION = {
    "Does attention help?": "attention helps",
    "Does augmentation help?": "augmentation helps",
    "Do both together help?": "both together help",
}
#: How the experiment on stabilisation asks for a way of it.
_WAY = re.compile("Does stabilisation '(.+)' help\\?")
#: F1 under which a rule is said to find next to nothing.
_LOW_CEILING = 0.1


@dataclass(frozen=True)
class Outcome:
    """A part of a criterion: ``met``, ``missed`` or ``undecided``, and why."""

    state: str
    why: str


def criterion(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """Whether the success criterion is met, missed or undecided, and because of what (Markdown).

    Parameters
    ----------
    experiment : Experiment
        One of ``protocols, controls, transfer_ablation, attention_augmentation, stabilisation, convergence``, also on a
        dataset.
    kept : mapping of str to RowRecords

    Raises
    ------
    LookupError
        If no words are known for the experiment's criterion.
    """
    if experiment.name not in _WORDS:
        raise InputError(f"no words for the criterion of {experiment.name!r}: there are {', '.join(_WORDS)}")
    return _WORDS[experiment.name](experiment, kept)


def all_of(outcomes: Iterable[Outcome]) -> Outcome:
    """What must hold in every part: missed by one, met by all, else undecided."""
    outcomes = list(outcomes)
    states = {each.state for each in outcomes}
    state = MISSED if MISSED in states else MET if states == {MET} else UNDECIDED
    return Outcome(state, "; ".join(each.why for each in outcomes))


def any_of(outcomes: Iterable[Outcome]) -> Outcome:
    """What must hold in one part: met by one, missed by all, else undecided."""
    outcomes = list(outcomes)
    states = {each.state for each in outcomes}
    state = MET if MET in states else MISSED if states == {MISSED} else UNDECIDED
    return Outcome(state, "; ".join(each.why for each in outcomes))


def gains(found: Mapping[str, object]) -> str:
    """Whether a difference is at least the smallest of interest with an interval above zero; missed if ruled out."""
    said = judge(found)
    if said == "higher":
        return MET
    return UNDECIDED if said == "undefined" or found["high"] >= found["least"] else MISSED


def stays_small(found: Mapping[str, object]) -> str:
    """Whether a gain is below the smallest of interest: met if its whole interval is."""
    return {MET: MISSED, MISSED: MET, UNDECIDED: UNDECIDED}[gains(found)]


def not_lower(found: Mapping[str, object]) -> str:
    """Whether a difference is not below zero beyond its interval."""
    said = judge(found)
    if said == "undefined":
        # Equal in every resample is not lower; without an interval nothing can be said.
        return MET if found["low"] == found["high"] == 0 else UNDECIDED
    return MISSED if said.startswith("lower") else MET


def low_ceilings(kept: Mapping[str, RowRecords]) -> str:
    """What to say where a rule finds next to nothing even in a perfect score (Markdown; empty where none is so)."""
    found = {
        row.row.label: value(row, "spotting_and_naming", "f1_spotting")
        for row in kept.values()
        if row.row.chain.name == "ceilings"
    }
    low = [
        f"{label} ({number(each['value'])})"
        for label, each in found.items()
        if each["value"] is not None and each["value"] < _LOW_CEILING
    ]
    if not low:
        return ""
    return (
        f"**A ceiling near 0: {'; '.join(low)}.** With these constants the rule passes over nearly every expression of "
        "these videos although the score is perfect. They count samples of the score: expressions shorter than those "
        "for which they were chosen are smoothed away or sieved out. What a network finds under them says nothing "
        "about its scores, and a gain by other constants is one of the constants."
    )


def _protocols(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    outcomes = [
        Outcome(not_lower(found), _words(experiment, found) + _may_be_lower(found))
        for found in _differences(experiment, kept)
        if found["question"].endswith("lose by strict constants?")
    ]
    low = low_ceilings(kept)
    return _line("*strict* is a fair substitute for *authors*", all_of(outcomes)) + (f"\n\n{low}" if low else "")


def _may_be_lower(found: Mapping[str, object]) -> str:
    """A loss that an interval around zero does not rule out."""
    return f", a loss up to {number(-found['low'])} not ruled out" if judge(found) == "not told apart" else ""


def _transfer(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    return "\n".join(
        "- " + _line(f"transfer helps {experiment.row(found['first']).label}", _gain(experiment, found))
        for found in _differences(experiment, kept)
    )


def _attention(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    parts: dict[str, list[Outcome]] = {}
    for found in _differences(experiment, kept):
        outcome = Outcome(gains(found), f"{metric_name(found['metric'])} {with_interval(found)}: {_judged(found)}")
        parts.setdefault(found["question"], []).append(outcome)
    return "\n".join("- " + _line(_ATTENTION[question], any_of(each)) for question, each in parts.items())


def _stabilisation(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    ways: dict[str, list[Outcome]] = {}
    for found in _differences(experiment, kept):
        ways.setdefault(_WAY.fullmatch(found["question"])[1], []).append(Outcome(gains(found), ""))
    by_state: dict[str, list[str]] = {}
    for way, each in ways.items():
        by_state.setdefault(all_of(each).state, []).append(way)
    words = {MET: "by", MISSED: "by", UNDECIDED: "for"}
    said = [f"**{state}** {word} {', '.join(by_state[state])}" for state, word in words.items() if state in by_state]
    return f"**Criterion** (a way to stabilise helps whatever is asked): {'; '.join(said)}."


def _convergence(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    outcomes = [Outcome(stays_small(found), _words(experiment, found)) for found in _differences(experiment, kept)]
    least = f"{experiment.contrasts[0].least:g}"
    return _line(f"twice the updates bring less than {least}", all_of(outcomes))


def _controls(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    parts = {
        "shuffled labels": [
            Outcome(
                MET if reached <= limit else MISSED,
                f"{experiment.row(name).label} {number(reached)}, guessing up to {number(limit)}",
            )
            for name, (reached, limit) in shuffled_rows(kept).items()
        ],
        "suite *sanity* above 0.5": [
            _above(against_half(value(row, "frames", "roc_auc_frames")), row, "frames", "roc_auc_frames")
            for row in kept.values()
            if row.records[0]["parameters"].get("suite") == "sanity"
        ],
        "true action units above guessing": [
            _above(_against_guessing(row), row, "recognition", "uf1_pooled")
            for row in kept.values()
            if row.row.chain.name == "units"
        ],
    }
    lines = ["- " + _line(name, all_of(outcomes)) for name, outcomes in parts.items()]
    better = [
        experiment.row(found["second"]).label
        for found in _differences(experiment, kept)
        if judge(found).startswith("lower") and kept[found["first"]].row.chain.name == "units"
    ]
    if better:
        lines.append(f"- Better than the true action units, so by more than which muscles moved: {'; '.join(better)}.")
    return "\n".join(lines)


def _against_guessing(row: RowRecords) -> str:
    null = widest_null(row, "recognition", "uf1_pooled") or {"low": None, "high": None}
    return against_chance(value(row, "recognition", "uf1_pooled"), null)


def _above(words: str, row: RowRecords, part: str, metric: str) -> Outcome:
    """What :func:`against_chance` or :func:`against_half` said of a row, as an outcome."""
    found = value(row, part, metric)
    if words.startswith("undefined"):
        state = UNDECIDED
    else:
        state = MET if words in ("above chance", "above the 0.5 of a coin") else MISSED
    return Outcome(state, f"{row.row.label}: {metric_name(metric)} {number(found['value'])} ({span(found)}), {words}")


def _gain(experiment: Experiment, found: Mapping[str, object]) -> Outcome:
    return Outcome(gains(found), _words(experiment, found))


def _words(experiment: Experiment, found: Mapping[str, object]) -> str:
    first, second = (experiment.row(found[side]).label for side in ("first", "second"))
    return f"{first} less {second} is {with_interval(found)} in {metric_name(found['metric'])}: {_judged(found)}"


def _judged(found: Mapping[str, object]) -> str:
    """The verdict on a difference, with what it leaves open."""
    said = judge(found)
    if said != "not told apart":
        return said
    return said if found["high"] >= found["least"] else f"{said}, but a gain of {found['least']:g} is ruled out"


def _differences(experiment: Experiment, kept: Mapping[str, RowRecords]) -> list[dict]:
    return differences(experiment, kept).to_dict(orient="records")


def _line(what: str, outcome: Outcome) -> str:
    if not outcome.why:
        return f"**Criterion** ({what}): not asked here, as the rows for it are not there."
    return f"**Criterion** ({what}): **{outcome.state}**, because {outcome.why}."


_WORDS: dict[str, Callable[[Experiment, Mapping[str, RowRecords]], str]] = {
    "protocols": _protocols,
    "controls": _controls,
    "transfer_ablation": _transfer,
    "attention_augmentation": _attention,
    "stabilisation": _stabilisation,
    "convergence": _convergence,
}
