"""Whether a criterion is met, missed or undecided follows from intervals, and is said with its reason."""

from __future__ import annotations

import pandas as pd
import pytest

from melib import tables
from melib.study.catalogue import find_experiment
from melib.study.experiments import Experiment
from melib.study.rows import RowRecords
from melib.tables import criteria
from melib.tables.criteria import MET, MISSED, UNDECIDED

NAN = float("nan")


def found(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "least": 0.03}


@pytest.mark.parametrize(
    ("difference", "gains", "small", "not_lower"),
    [
        (found(0.1, 0.05, 0.15), MET, MISSED, MET),
        (found(0.02, 0.01, 0.025), MISSED, MET, MET),
        (found(0.02, 0.01, 0.16), UNDECIDED, UNDECIDED, MET),
        (found(0.0, -0.3, 0.02), MISSED, MET, MET),
        (found(0.0, -0.3, 0.3), UNDECIDED, UNDECIDED, MET),
        (found(-0.1, -0.2, -0.05), MISSED, MET, MISSED),
        (found(NAN, NAN, NAN), UNDECIDED, UNDECIDED, UNDECIDED),
        (found(0.0, 0.0, 0.0), UNDECIDED, UNDECIDED, MET),
    ],
)
def test_an_interval_decides_a_criterion_or_leaves_it_open(difference, gains, small, not_lower):
    assert criteria.gains(difference) == gains
    assert criteria.stays_small(difference) == small
    assert criteria.not_lower(difference) == not_lower


@pytest.mark.parametrize(
    ("states", "every", "one"),
    [
        ((MET, MET), MET, MET),
        ((MET, MISSED), MISSED, MET),
        ((MET, UNDECIDED), UNDECIDED, MET),
        ((MISSED, UNDECIDED), MISSED, UNDECIDED),
        ((MISSED, MISSED), MISSED, MISSED),
    ],
)
def test_parts_are_joined_by_all_or_by_one(states, every, one):
    outcomes = [criteria.Outcome(state, state) for state in states]
    assert criteria.all_of(outcomes).state == every and criteria.any_of(outcomes).state == one
    assert criteria.all_of(outcomes).why == "; ".join(states)


def interval(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def kept(experiment: Experiment, rights: dict[str, tuple[int, ...]], **more: dict) -> dict[str, RowRecords]:
    """Records of an experiment's rows: so many of five answers of each person and class right, other rows half."""
    rows = {}
    for row in experiment.rows:
        lines = ["subject,emotion,named,count"]
        for person, right in enumerate(rights.get(row.name, (2, 3, 2, 3, 3, 2, 2, 3))):
            for emotion, other in (("a", "b"), ("b", "a")):
                lines += [f"p{person},{emotion},{emotion},{right}", f"p{person},{emotion},{other},{5 - right}"]
        record = {
            "tier": "smoke",
            "sizes": {"resamples": 400},
            "parameters": {"suite": row.values.get("suite", "default")},
            "confusion": {"emotions": ["a", "b"]},
            "counts": {"subjects": 8},
            "recognition": {"uf1_pooled": interval(0.9, 0.8, 0.95)},
            "chance": {"guessed": {"uf1_pooled": {"low": 0.4, "high": 0.6}}},
            "tables": {"named": "\n".join(lines) + "\n"},
            **more.get(row.name.replace("-", "_"), {}),
        }
        rows[row.name] = RowRecords(row, (record,), (pd.DataFrame(),))
    return rows


GOOD, POOR = (5, 4, 5, 5, 4, 5, 4, 5), (1, 2, 1, 1, 2, 1, 1, 2)


def test_transfer_is_judged_input_by_input():
    experiment = find_experiment("transfer_ablation")
    rights = {"mean-o": GOOD, "mean-o-scratch": POOR, "mean-s": POOR, "mean-s-scratch": GOOD}
    first, second = tables.criterion(experiment, kept(experiment, rights)).splitlines()
    assert first.startswith("- **Criterion** (transfer helps MEAN, O): **met**, because MEAN, O less MEAN, O, from")
    assert "(transfer helps MEAN, S): **missed**" in second and second.endswith(": lower.")


def test_longer_training_is_judged_for_both_networks_together():
    experiment = find_experiment("convergence")
    alike = tables.criterion(experiment, kept(experiment, {"mean-effort-2": POOR, "sfamnet-effort-2": POOR}))
    assert alike.startswith("**Criterion** (twice the updates bring less than 0.03): **met**, because MEAN, 2 x")
    gained = kept(experiment, {"mean-effort-2": GOOD, "mean-effort-1": POOR, "sfamnet-effort-2": POOR})
    assert ": **missed**, because" in tables.criterion(experiment, gained)


def test_ways_to_stabilise_are_told_apart_by_what_they_do_in_every_question():
    experiment = find_experiment("stabilisation")
    rights = {f"affine-o-{asked}": GOOD for asked in ("4", "7", "pairs")}
    rights |= {"rigid-o-4": GOOD, "rigid-o-7": GOOD, "rigid-o-pairs": POOR}
    said = tables.criterion(experiment, kept(experiment, rights))
    assert said.endswith(": **met** by affine; **missed** by rigid; **undecided** for nose, median, true-pose.")


def ranked(low: float) -> dict:
    return {"frames_smoothed": {"roc_auc_frames": interval(0.7, low, 0.9)}, "frames": {}}


def test_controls_are_judged_one_by_one():
    experiment = find_experiment("controls")
    drawn = {"shuffled": [{"uf1_pooled": 0.5}, {"uf1_pooled": 0.6}]}
    more = {"mean_o_sanity": ranked(0.6), "sfamnet_o_sanity": ranked(0.55), "mean_o": drawn}
    rights = {"units": POOR, "mean-o": GOOD, "sfamnet-s": POOR}
    shuffled, sanity, units, better = tables.criterion(experiment, kept(experiment, rights, **more)).splitlines()
    assert "(shuffled labels): **met**, because MEAN, O 0.550, guessing up to 0.600." in shuffled
    assert "(suite *sanity* above 0.5): **met**" in sanity and "0.700 (0.550 to 0.900)" in sanity
    assert "(true action units above guessing): **met**" in units
    assert better.endswith("so by more than which muscles moved: MEAN, O.")

    leak, blind = {"shuffled": [{"uf1_pooled": 0.7}]}, {"recognition": {"uf1_pooled": interval(0.9, 0.5, 0.95)}}
    more |= {"mean_o": leak, "sfamnet_o_sanity": ranked(0.45), "units": blind}
    shuffled, sanity, units, *_ = tables.criterion(experiment, kept(experiment, rights, **more)).splitlines()
    assert all(": **missed**, because" in line for line in (shuffled, sanity, units))


def test_what_is_not_asked_is_called_so():
    experiment = find_experiment("controls")
    some = {name: row for name, row in kept(experiment, {}).items() if name == "floor-o"}
    only = Experiment("controls", "?", "!", (experiment.row("floor-o"),), experiment.measures)
    assert tables.criterion(only, some).count("not asked here") == 3
    with pytest.raises(ValueError, match="no words for the criterion of 'spotting'"):
        tables.criterion(find_experiment("spotting"), {})


def test_a_ceiling_near_zero_is_explained_and_no_other():
    experiment = find_experiment("protocols")
    near = {"spotting_and_naming": {"f1_spotting": interval(0.0, 0.0, 0.0)}}
    high = {"spotting_and_naming": {"f1_spotting": interval(0.9, 0.8, 1.0)}}
    names = [row.name.replace("-", "_") for row in experiment.rows]
    rows = kept(experiment, {}, **(dict.fromkeys(names, high) | {"ceiling_sfamnet_authors": near}))
    assert "near 0: Ceiling of SFAMNet's rule, authors (0.000).**" in criteria.low_ceilings(rows)
    assert criteria.low_ceilings(kept(experiment, {}, **dict.fromkeys(names, high))) == ""
