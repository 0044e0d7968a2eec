"""The depth question in short: each answer follows from intervals, and from few people there is none."""

from __future__ import annotations

import pandas as pd
import pytest

from melib.study.depth_experiments import DEPTH_ABLATION
from melib.study.experiments import Contrast, Experiment
from melib.study.rows import Chain, Row, RowRecords
from melib.tables.gains import UNINFORMED, answers, real_labels

CHAIN = Chain("none", *(4 * [lambda *given: {}]))
ROWS = tuple(
    Row(f"{model.lower()}-{seen}", f"{model}, {seen}", CHAIN)
    for model in ("Grid", "MEAN")
    for seen in ("depth", "none", "other", "generic")
)
ASKED = ("Does depth help?", *UNINFORMED)
EXPERIMENT = Experiment(
    "made_up",
    "Does it help?",
    "It helps if it does.",
    ROWS,
    (("recognition", "uf1_pooled"),),
    tuple(
        Contrast(ROWS[first].name, ROWS[first + second].name, "recognition", "uf1_pooled", question)
        for first in (0, 4)
        for second, question in enumerate(ASKED, start=1)
    ),
)
HIGHER, UNSURE, LOWER = (0.08, 0.04, 0.12), (0.08, -0.01, 0.17), (-0.05, -0.09, -0.01)


def kept(subjects: int = 40) -> dict[str, RowRecords]:
    record = {"counts": {"subjects": subjects}}
    return {row.name: RowRecords(row, (record,), (pd.DataFrame(),)) for row in EXPERIMENT.rows}


def found(*intervals: tuple[float, float, float]) -> pd.DataFrame:
    numbers = pd.DataFrame(intervals, columns=["value", "low", "high"])
    return pd.DataFrame([vars(each) for each in EXPERIMENT.contrasts]).join(numbers.assign(detectable=0.05))


def gains(rows: dict[float, tuple[float, float, float]], subjects: int = 40) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])
    return table.assign(detectable=0.02, subjects=subjects)


@pytest.mark.parametrize(
    ("grid", "answer"),
    [
        ((HIGHER, HIGHER, HIGHER), "in 1 of 2 comparisons"),
        ((HIGHER, UNSURE, HIGHER), "in none of 2 comparisons"),
        ((HIGHER, HIGHER, LOWER), "in none of 2 comparisons"),
        ((UNSURE, HIGHER, HIGHER), "in none of 2 comparisons"),
        (((0.02, 0.01, 0.03), HIGHER, HIGHER), "in none of 2 comparisons"),
    ],
)
def test_depth_helps_where_it_beats_none_and_depth_that_tells_nothing_of_this_face(grid, answer):
    table = answers(EXPERIMENT, kept(), found(*grid, LOWER, HIGHER, HIGHER))
    assert table.loc["Does depth help?", "Answer"] == answer
    assert table.loc["Does depth help?", "Rests on"].startswith("Grid. ") == (answer[3] == "1")
    assert "1 lower" in table.loc["Does depth help?", "Rests on"]
    assert table.loc["By how much?", "Answer"] == f"-0.050 to {grid[0][0]:+.3f} in UF1"


def test_each_part_has_its_answer_from_the_intervals_it_rests_on():
    units = gains({"AU12": HIGHER, "AU4": UNSURE, "AU1": LOWER})
    table = answers(
        EXPERIMENT,
        kept(),
        found(*6 * [UNSURE]),
        doses={"exact depth": gains({0.0: LOWER, 0.5: HIGHER, 1.0: HIGHER})},
        units=units,
        noises={
            "spotting": {"averaged": gains({0.0: HIGHER, 0.04: HIGHER, 0.08: UNSURE}), "single": gains({0.0: LOWER})}
        },
    )
    said = table["Answer"].to_dict()
    assert said["How much must move out of plane, exact depth?"] == "from 50 % on"
    assert said["For which action units?"] == "gain in AU12; loss in AU1"
    assert table.loc["For which action units?", "Rests on"].split("; ")[1] == "loss: AU1, -0.050 (-0.090 to -0.010)"
    assert said["How noisy may the sensor be, spotting, averaged?"].startswith("up to 0.04 px (")
    assert said["How noisy may the sensor be, spotting, single?"] == "no gain is shown"
    rests = table.loc["How noisy may the sensor be, spotting, averaged?", "Rests on"]
    assert rests.endswith("Of 3 levels: 2 higher; 1 not told apart")


def test_a_gain_at_the_largest_share_alone_is_said_to_need_all_expressions():
    only_all = {"ordinary sensor": gains({0.5: UNSURE, 1.0: HIGHER})}
    line = answers(EXPERIMENT, kept(), found(*6 * [UNSURE]), doses=only_all).loc[
        "How much must move out of plane, ordinary sensor?"
    ]
    assert line["Answer"] == "only where all expressions do"
    assert "5.9 % (30 % of the motion); 28.0 % (20 % of the motion)" in line["Rests on"]


def test_real_labels_are_counted_by_how_much_of_a_unit_moves_along_the_axis():
    table = real_labels()
    assert table.loc["30 % or more"].tolist() == ["17, 18, 22, 23, 26, 28", "51 of 860", "5.9 %"]
    assert table.loc["20 % or more", "Share"] == "28.0 %"


def test_few_people_give_no_answer_but_what_was_measured_is_shown():
    few = gains({0.0: HIGHER, 1.0: HIGHER}, subjects=4)
    table = answers(
        EXPERIMENT,
        kept(4),
        found(*6 * [HIGHER]),
        doses={"exact depth": few},
        units=gains({"AU12": HIGHER}),
        noises={"spotting": {"single": few}},
    )
    assert set(table["Answer"]) == {"no answer: 4 tested subjects are too few"}
    assert table["Rests on"].str.contains("0.080").sum() == 4


def test_the_experiment_asks_what_the_criterion_needs():
    asked = {}
    for each in DEPTH_ABLATION.contrasts:
        asked.setdefault(each.first, set()).add(each.question)
    helped = [questions for questions in asked.values() if "Does depth help?" in questions]
    assert helped and all(set(UNINFORMED) <= questions for questions in helped)
