"""Tables of gains: what depth brings, with interval, detectable difference and verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from melib.study.depth_experiments import SMALLEST_EFFECT
from melib.study.depth_question import (
    FEWEST_SUBJECTS,
    depth_error_mm,
    largest_noise,
    real_shares,
    smallest_dose,
)
from melib.study.experiments import Experiment
from melib.study.rows import RowRecords
from melib.tables.rows import detectable, judge, short_names
from melib.tables.study import number, with_interval

#: The questions that hold depth against depth planes that tell nothing of the face at hand.
UNINFORMED = ("Is it this face's depth that helps?", "Is it more than a generic face tells?")


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """Gains in UF1 as text.

    Parameters
    ----------
    table : pandas.DataFrame
        From :mod:`melib.study.depth_question`: ``value, low, high, detectable, subjects``.

    Returns
    -------
    pandas.DataFrame
        Of the same rows: gain with its 95 % interval, what could have been seen, verdict.
    """
    rows = {
        name: {
            "Gain in UF1, synthetic faces (95 %)": with_interval(found),
            "Detectable": detectable(found["detectable"]),
            "Verdict": judge({**found, "least": SMALLEST_EFFECT}),
        }
        for name, found in table.to_dict(orient="index").items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(table.index.name)


def answers(
    experiment: Experiment,
    kept: Mapping[str, RowRecords],
    found: pd.DataFrame,
    *,
    doses: Mapping[str, pd.DataFrame] | None = None,
    units: pd.DataFrame | None = None,
    noises: Mapping[str, Mapping[str, pd.DataFrame]] | None = None,
) -> pd.DataFrame:
    """The depth question in short: an answer to each part, and what it rests on.

    Parameters
    ----------
    experiment : Experiment
        Whose questions that begin with "Does depth help" are answered first.
    kept : mapping of str to RowRecords
    found : pandas.DataFrame
        Its comparisons, from :func:`melib.study.compare.differences`.
    doses : mapping of str to pandas.DataFrame, optional
        Sensor -> :func:`melib.study.depth_question.dose_gains`.
    units : pandas.DataFrame, optional
        From :func:`melib.study.depth_question.gain_by_unit`.
    noises : mapping of str to mapping of str to pandas.DataFrame, optional
        Task -> kind of depth image -> :func:`melib.study.depth_question.noise_gains`.

    Returns
    -------
    pandas.DataFrame
        ``Answer`` and ``Rests on`` by part of the question. From fewer tested subjects than
        :data:`melib.study.depth_question.FEWEST_SUBJECTS` no answer is given.
    """
    subjects = next(iter(kept.values())).records[0]["counts"]["subjects"]
    lines = {"Does depth help?": _helps(experiment, found), "By how much?": _how_much(experiment, found)}
    if subjects < FEWEST_SUBJECTS:
        lines = {question: (_too_few(subjects), rests) for question, (_, rests) in lines.items()}
    for sensor, table in (doses or {}).items():
        lines[f"How much must move out of plane, {sensor}?"] = _dose(table)
    if units is not None:
        lines["For which action units?"] = _units(units, subjects)
    for task, by_label in (noises or {}).items():
        for label, table in by_label.items():
            lines[f"How noisy may the sensor be, {task}, {label}?"] = _noise(table)
    return pd.DataFrame.from_dict(lines, orient="index", columns=["Answer", "Rests on"])


def _helps(experiment: Experiment, found: pd.DataFrame) -> tuple[str, str]:
    """In how many comparisons depth helps by the criterion: against none, and against depth that tells nothing."""
    asked = _about_help(found)
    met = [
        name
        for name, each in zip(short_names(experiment, asked), asked.to_dict(orient="records"), strict=True)
        if judge(each) == "higher" and _beats_the_uninformed(each, found)
    ]
    verdicts = Counter(judge(each) for each in asked.to_dict(orient="records"))
    names = f"{'; '.join(met)}. " if met else ""
    return (
        f"in {len(met) or 'none'} of {len(asked)} comparisons",
        f"{names}Against no depth alone: {_counted(verdicts)}",
    )


def _counted(verdicts: Counter[str]) -> str:
    """How often each verdict was given; parted by semicolons, as verdicts hold commas."""
    return "; ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())


def _beats_the_uninformed(contrast: Mapping, found: pd.DataFrame) -> bool:
    """Whether a row is above those that see somebody else's depth or a generic face; true where there are none."""
    others = found[(found["first"] == contrast["first"]) & found["question"].isin(UNINFORMED)]
    return all(judge(each).startswith("higher") for each in others.to_dict(orient="records"))


def _how_much(experiment: Experiment, found: pd.DataFrame) -> tuple[str, str]:
    """The least and the largest gain over no depth."""
    asked = _about_help(found)
    asked = asked.assign(name=short_names(experiment, asked)).dropna(subset="value").sort_values("value", kind="stable")
    if asked.empty:
        return "undefined", "no difference could be made"
    least, most = (asked.iloc[place] for place in (0, -1))
    words = f"{number(least['value'], sign=True)} to {number(most['value'], sign=True)} in UF1"
    return words, "; ".join(f"{each['name']}: {with_interval(each)}" for each in (least, most))


def _about_help(found: pd.DataFrame) -> pd.DataFrame:
    return found[found["question"].str.startswith("Does depth help")]


def _dose(table: pd.DataFrame) -> tuple[str, str]:
    share, end = smallest_dose(table), table.sort_index().iloc[-1]
    words = None
    if share is not None:
        words = "only where all expressions do" if share == table.index.max() else f"from {100 * share:g} % on"
    real = real_shares().to_dict(orient="records")
    known = "; ".join(f"{100 * each['share']:.1f} % ({100 * each['least_share']:g} % of the motion)" for each in real)
    rests = (
        f"where all do: {with_interval(end)}; real labels with a unit that moves along the axis by at least so much: "
    )
    return _answer(table, words), rests + known


def _noise(table: pd.DataFrame) -> tuple[str, str]:
    noise, best = largest_noise(table), table.sort_index().iloc[0]
    words = None if noise is None else f"up to {noise:g} px ({depth_error_mm(noise):.2f} mm)"
    rests = f"at {table.index.min():g} px: {with_interval(best)}"
    if len(table) > 1:
        verdicts = Counter(judge({**found, "least": SMALLEST_EFFECT}) for found in table.to_dict(orient="records"))
        rests += f". Of {len(table)} levels: {_counted(verdicts)}"
    return _answer(table, words), rests


def _answer(table: pd.DataFrame, words: str | None) -> str:
    subjects = table["subjects"].min()
    return _too_few(subjects) if subjects < FEWEST_SUBJECTS else words or "no gain is shown"


def _units(table: pd.DataFrame, subjects: int) -> tuple[str, str]:
    """The action units whose interval leaves out zero, and how many would by luck."""
    above = [f"{unit}, {with_interval(found)}" for unit, found in table[table["low"] > 0].iterrows()]
    below = [f"{unit}, {with_interval(found)}" for unit, found in table[table["high"] < 0].iterrows()]
    said = [
        f"{what} in {', '.join(units)}"
        for what, units in (("gain", table.index[table["low"] > 0]), ("loss", table.index[table["high"] < 0]))
        if len(units)
    ]
    gained = "; ".join(said) or "none is shown"
    parts = [f"gain: {'; '.join(above)}"] * bool(above) + [f"loss: {'; '.join(below)}"] * bool(below)
    parts.append(f"of {len(table)} intervals {0.05 * len(table):.1f} leave out zero by luck")
    return gained if subjects >= FEWEST_SUBJECTS else _too_few(subjects), "; ".join(parts)


def _too_few(subjects: float) -> str:
    return f"no answer: {subjects:.0f} tested subjects are too few"


def unit_gains(table: pd.DataFrame) -> pd.DataFrame:
    """Gains by action unit as text, from :func:`melib.study.depth_question.gain_by_unit`."""
    rows = {
        name: {
            "Motion out of plane": f"{found['out_of_plane']:.0%}",
            "Clips": int(found["clips"]),
            "Gain in the share of right names, synthetic faces (95 %)": with_interval(found),
        }
        for name, found in table.to_dict(orient="index").items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(table.index.name)


def real_labels() -> pd.DataFrame:
    """How many real labels carry an action unit that moves out of plane, as text, by two limits of "out of plane"."""
    rows = {
        f"{100 * each['least_share']:g} % or more": {
            "Action units": each["action_units"].replace("+", ", "),
            "Labelled expressions": f"{each['expressions']} of {each['of']}",
            "Share": f"{100 * each['share']:.1f} %",
        }
        for each in real_shares().to_dict(orient="records")
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Motion along the camera axis")
