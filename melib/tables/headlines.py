"""What came out, in five findings: for the README and the first page of the book, from records alone.

Which comparisons a sentence is about stands here; what it says of them follows from their intervals.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from melib.study import depth_question
from melib.study.catalogue import find_experiment
from melib.study.compare import differences
from melib.study.rows import RowRecords
from melib.tables.gains import answers
from melib.tables.rows import judge, short_names
from melib.tables.study import metric_name, number, span

#: Experiments whose records the sentences read.
NEEDED = (
    *("depth_ablation", "dose_response", "sensor_sweep", "spotting", "spot_then_recognize", "normalization"),
    *("stabilisation", "recognition", "transfer_ablation", "attention_augmentation", "protocols"),
)
#: Question -> what it is about.
_PARTS = {
    "Does attention help?": "attention",
    "Does augmentation help?": "augmentation",
    "Do both together help?": "both",
}
_CHOSEN = {
    "Does MEAN lose by strict constants?": "MEAN with its rule",
    "Does SFAMNet lose by strict constants?": "SFAMNet with its rule",
}
#: Sensor, as sentences call it -> as rows do.
_SENSORS = {"exact depth": "exact", "ordinary sensor": "mid"}
#: More comparisons than this with one verdict are counted, not named.
_NAMED = 4


def headlines(kept: Mapping[str, Mapping[str, RowRecords]]) -> list[str]:
    """Five findings with intervals (Markdown).

    Parameters
    ----------
    kept : mapping of str to mapping of str to RowRecords
        Experiment -> its records, from :func:`melib.study.catalogue.obtain`, for each of :data:`NEEDED`.

    Raises
    ------
    KeyError
        If an experiment is missing.
    """
    found = {name: differences(find_experiment(name), kept[name]) for name in NEEDED}
    return [
        _depth(kept, found["depth_ablation"], found["recognition"]),
        _how_much_depth(kept, found["depth_ablation"]),
        _long_videos(kept, found["spotting"], found["spot_then_recognize"]),
        _inputs(found["normalization"], found["stabilisation"], found["recognition"]),
        _parts(found["transfer_ablation"], found["attention_augmentation"], found["protocols"]),
    ]


def _depth(kept: Mapping[str, Mapping[str, RowRecords]], found: pd.DataFrame, recognising: pd.DataFrame) -> str:
    rows = kept["depth_ablation"]
    asked = found["question"].str.startswith("Does depth help")
    whole = found["first"].map(lambda name: rows[name].row.values.get("sheet") != "sweeps")
    short = answers(find_experiment("depth_ablation"), rows, found)
    people = max(record["counts"]["subjects"] for row in rows.values() for record in row.records)
    joint = _said("depth_ablation", _about(found, "Does joint scene flow help?"))
    strain = _said("recognition", _about(recognising, "Does scene flow do better than optical flow?"))
    return (
        f"**Depth beside the same optical flow** meets its criterion {short.loc['Does depth help?', 'Answer']} of "
        f"recognition (UF1). The change of depth in place of a plane of zeros, on {people} people: "
        f"{_said('depth_ablation', found[asked & whole])}. Joint scene flow in place of flow and zeros: {joint}; in "
        f"place of flow and strain: {strain}."
    )


def _how_much_depth(kept: Mapping[str, Mapping[str, RowRecords]], found: pd.DataFrame) -> str:
    doses = {name: depth_question.dose_gains(kept["dose_response"], level) for name, level in _SENSORS.items()}
    noises = {
        asked: {"single": depth_question.noise_gains(kept["sensor_sweep"], asked)}
        for asked in ("recognition", "spotting")
    }
    short = answers(find_experiment("depth_ablation"), kept["depth_ablation"], found, doses=doses, noises=noises)[
        "Answer"
    ]

    def answer(start: str) -> str:
        (label,) = [label for label in short.index if label.startswith(start)]
        return short[label]

    dosed = "; ".join(
        f"{name} {answer(f'How much must move out of plane, {name}')} "
        f"(where all do {_gain(table.sort_index().iloc[-1])})"
        for name, table in doses.items()
    )
    sensed = "; ".join(
        f"for {asked} {answer(f'How noisy may the sensor be, {asked}')} (without noise "
        f"{_gain(table['single'].sort_index().iloc[0])})"
        for asked, table in noises.items()
    )
    real = depth_question.real_shares().set_index("least_share")["share"]
    return (
        f"**How many expressions must move out of plane** before depth helps the grid to recognize: {dosed}; of real "
        f"labels {100 * real[0.3]:.1f} % carry an action unit with at least 30 % of its motion along the axis. **How "
        f"noisy the sensor may be** at the benchmark's own share: {sensed}."
    )


def _gain(found: Mapping[str, float]) -> str:
    return f"{number(found['value'], sign=True)}, {span(found)}"


def _long_videos(kept: Mapping[str, Mapping[str, RowRecords]], spotting: pd.DataFrame, both: pd.DataFrame) -> str:
    people = max(record["counts"]["subjects"] for record in kept["spotting"]["mean-o"].records)
    asked = {
        "scene flow in place of optical flow": "Does scene flow serve better than optical flow?",
        "beside it in one network": "Does depth beside optical flow help, in one network?",
        "beside it by late fusion": "Does depth beside optical flow help, by late fusion?",
    }
    parts = [f"{words} {_said('spotting', _about(spotting, question))}" for words, question in asked.items()]
    strs = both[both["question"].isin(asked.values())]
    return (
        f"**Long videos of {people} people**, {metric_name(spotting['metric'].iloc[0])}: {'; '.join(parts)}. "
        f"The same comparisons in {metric_name(strs['metric'].iloc[0])}: {_said('spot_then_recognize', strs)}."
    )


def _inputs(scaling: pd.DataFrame, stabilising: pd.DataFrame, recognising: pd.DataFrame) -> str:
    cost = recognising[recognising["question"].str.startswith("Does it cost anything")]
    return (
        f"**What is fed in** (UF1). Min-max scaling of each sample in place of one fixed scale: "
        f"{_said('normalization', scaling)}. Taking the motion of the head out, in five ways: "
        f"{_said('stabilisation', stabilising)}. True motion in place of the estimated: {_said('recognition', cost)}."
    )


def _parts(transfer: pd.DataFrame, parts: pd.DataFrame, rules: pd.DataFrame) -> str:
    attention = "; ".join(
        f"{metric_name(metric)} {_said('attention_augmentation', some, _PARTS)}"
        for metric, some in parts.groupby("metric", sort=False)
    )
    chosen = rules[rules["question"].isin(_CHOSEN)]
    return (
        f"**Parts and rules of the networks.** Inductive transfer: {_said('transfer_ablation', transfer)} (UF1). "
        f"Attention and augmentation in SFAMNet, apart and together: {attention}. Constants of the spotting rules "
        f"chosen on training people, in place of those released: {_said('protocols', chosen, _CHOSEN)} (F1)."
    )


def _about(found: pd.DataFrame, question: str) -> pd.DataFrame:
    return found[found["question"] == question]


def _said(experiment: str, found: pd.DataFrame, names_of: Mapping[str, str] | None = None) -> str:
    """What the intervals of some comparisons say: a few by name, many by their number and range.

    Names are those of the questions asked, where ``names_of`` has them, else what tells the comparisons apart.
    """
    names = short_names(find_experiment(experiment), found)
    if names_of is not None:
        names = [names_of[question] for question in found["question"]]
    groups: dict[str, list[tuple[str, Mapping]]] = {}
    for name, each in zip(names, found.to_dict(orient="records"), strict=True):
        groups.setdefault(judge(each), []).append((name, each))
    return ", ".join(_group(verdict, group, len(found)) for verdict, group in groups.items())


def _group(verdict: str, group: list[tuple[str, Mapping]], total: int) -> str:
    if len(group) > _NAMED:
        said = f"*{verdict}* in {len(group)} of {total} comparisons"
        values = [each["value"] for _, each in group if pd.notna(each["value"])]
        if not values:
            return said
        reach = f"{number(min(values), sign=True)} to {number(max(values), sign=True)}"
        return f"{said}, {'by' if verdict.startswith(('higher', 'lower')) else 'differences'} {reach}"
    named = "; ".join(f"{name} {number(each['value'], sign=True)}, {span(each)}" for name, each in group)
    return f"*{verdict}* ({named})"
