"""What tables of rows say follows from intervals, and the papers' numbers stand apart."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import melib.tables.rows
from melib import plots, tables
from melib.study.catalogue import find_experiment
from melib.study.compare import differences
from melib.study.experiments import Contrast, Experiment
from melib.study.rows import Chain, Row, RowRecords
from melib.tables.rows import _above_and_others, grouped, judge, short_names, widest_null

CHAIN = Chain("none", *(4 * [lambda *given: {}]))
ROWS = tuple(Row(name, label, CHAIN) for name, label in (("net", "Network"), ("floor", "Floor")))
EXPERIMENT = Experiment(
    "made_up",
    "Does it work?",
    "It works if it does.",
    ROWS,
    (("recognition", "uf1_pooled"),),
    (Contrast("net", "floor", "recognition", "uf1_pooled", "Does the network help?", least=0.03),),
)


def named(right: dict[str, int]) -> str:
    """Answers of eight people, ten expressions each: so many of each person's answers are right."""
    lines = ["subject,emotion,named,count"]
    for person, hits in right.items():
        for emotion, other in (("a", "b"), ("b", "a")):
            lines += [f"{person},{emotion},{emotion},{hits}", f"{person},{emotion},{other},{5 - hits}"]
    return "\n".join(lines) + "\n"


def kept(row: Row, right: dict[str, int]) -> RowRecords:
    record = {
        "tier": "smoke",
        "sizes": {"test_subjects": 8, "resamples": 400},
        "dataset": {"name": "synthetic", "version": "1", "synthetic": True},
        "confusion": {"emotions": ["a", "b"]},
        "counts": {"subjects": 8},
        "recognition": {"uf1_pooled": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "chance": {"guessed": {"uf1_pooled": {"mean": 0.5, "low": 0.45, "high": 0.55}}},
        "shuffled": [{"uf1_pooled": 0.4}, {"uf1_pooled": 0.5}],
        "tables": {"named": named(right)},
        "provenance": {"commit": "0123456789abcdef"},
        "seconds": 30.0,
    }
    return RowRecords(row, (record,), (pd.DataFrame(),))


def people(*hits: int) -> dict[str, int]:
    return {f"p{number}": each for number, each in enumerate(hits)}


@pytest.fixture
def better() -> dict[str, RowRecords]:
    right = (people(5, 4, 5, 5, 4, 5, 4, 5), people(2, 3, 2, 3, 3, 2, 2, 3))
    return {row.name: kept(row, hits) for row, hits in zip(ROWS, right, strict=True)}


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.1, 0.05, 0.15, "higher"),
        (0.02, 0.01, 0.025, "higher, by less than 0.03"),
        (0.02, 0.01, 0.16, "higher, perhaps by less than 0.03"),
        (-0.1, -0.2, -0.01, "lower"),
        (-0.02, -0.025, -0.01, "lower, by less than 0.03"),
        (-0.02, -0.16, -0.01, "lower, perhaps by less than 0.03"),
        (0.0, -0.02, 0.02, "equal within 0.03"),
        (0.05, -0.05, 0.15, "not told apart"),
        (float("nan"), float("nan"), float("nan"), "undefined"),
        (0.0, 0.0, 0.0, "undefined"),
    ],
)
def test_a_verdict_follows_from_the_interval_and_the_smallest_difference_of_interest(value, low, high, words):
    assert judge({"value": value, "low": low, "high": high, "least": 0.03}) == words


def test_a_clear_difference_is_found_and_stands_in_words(better):
    table = tables.compared(EXPERIMENT, better)
    assert table.loc["Network less Floor", "Verdict"] == "higher"
    words = tables.findings(EXPERIMENT, better)
    shown = table.loc["Network less Floor", "Difference (95 %)"]
    assert f"**Does the network help?** UF1, expressions given: *higher* in Network against Floor, {shown}." in words
    assert "synthetic faces" in words


def test_who_beats_chance_and_whether_controls_held_is_said(better):
    words = tables.findings(EXPERIMENT, better)
    assert "above chance nobody. Not told from chance, or below: Network; Floor." in words
    assert "after training on shuffled labels (2 rows): at chance, as it must be." in words
    record = {**better["net"].records[0], "shuffled": [{"uf1_pooled": 0.9}]}
    record["recognition"] = {"uf1_pooled": {"value": 0.8, "low": 0.7, "high": 0.9}}
    leaking = {**better, "net": RowRecords(ROWS[0], (record,), better["net"].predictions)}
    words = tables.findings(EXPERIMENT, leaking)
    assert "above chance Network. Not told from chance, or below: Floor." in words
    assert "something leaks**: Network (0.900, guessing up to" in words


def test_one_of_many_controls_above_the_limit_is_no_leak():
    rows = tuple(Row(f"row-{number}", f"Row {number}", ROWS[0].chain) for number in range(20))
    many = replace(EXPERIMENT, rows=rows, contrasts=())
    found = {row.name: kept(row, people(3, 4, 2, 5, 3, 4, 2, 5)) for row in rows}

    def spoilt(number: int) -> str:
        shown = dict(found)
        for row in rows[:number]:
            record = {**found[row.name].records[0], "shuffled": [{"uf1_pooled": 0.9}]}
            shown[row.name] = RowRecords(row, (record,), found[row.name].predictions)
        return tables.findings(many, shown)

    assert "a leak is not shown, and not ruled out" in spoilt(1) and "something leaks" not in spoilt(1)
    assert "within which every row should stay: Row 0 (0.900" in spoilt(1) and "0.5 of 20 there" in spoilt(1)
    assert "something leaks" in spoilt(6)


def made_of(labels: list[str], pairs: list[tuple[int, int, str]]) -> Experiment:
    """An experiment of rows with these labels, compared by their places, each pair under a question."""
    rows = tuple(Row(f"row-{place}", label, CHAIN) for place, label in enumerate(labels))
    contrasts = (Contrast(f"row-{a}", f"row-{b}", "recognition", "uf1_pooled", asked) for a, b, asked in pairs)
    return replace(EXPERIMENT, rows=rows, contrasts=tuple(contrasts))


DEPTH = made_of(
    [
        f"{model}, {seen}, 4 classes"
        for model in ("Floor", "Grid, DIS", "MEAN", "SFAMNet")
        for seen in ("u, v and z", "O")
    ],
    [*((place, place + 1, "Does depth help?") for place in (0, 2, 4, 6)), (0, 2, "Is the grid worse?")],
)
#: The differences of its comparisons: one higher, one lower, two that tell nothing, one without an interval.
FOUND = pd.DataFrame([vars(each) for each in DEPTH.contrasts]).assign(
    value=[0.1, 0.01, -0.2, 0.02, 0.0],
    low=[0.05, -0.1, -0.3, -0.2, float("nan")],
    high=[0.15, 0.12, -0.1, 0.24, float("nan")],
    detectable=[0.07, 0.16, 0.14, 0.31, float("nan")],
)


def test_the_comparisons_of_a_question_are_grouped_by_their_verdict():
    first, second = grouped(DEPTH, FOUND)
    assert first == (
        "- **Does depth help?** UF1, expressions given: *higher* in Floor, +0.100 (0.050 to 0.150). "
        "*lower* in MEAN, -0.200 (-0.300 to -0.100). *not told apart* in Grid, DIS; SFAMNet (differences below "
        "0.160 to 0.310 would mostly have stayed unseen)."
    )
    both = "Floor, u, v and z, 4 classes against Grid, DIS, u, v and z, 4 classes"
    assert second.endswith(f"*undefined* in {both}, as there is no interval.")


def test_no_comparison_is_left_out_where_they_stand_by_question():
    table = tables.by_question(DEPTH, FOUND)
    assert list(table.columns) == ["Does depth help?", "Is the grid worse?"]
    assert list(table.index)[:4] == ["Floor", "Grid, DIS", "MEAN", "SFAMNet"]
    assert (table != "").to_numpy().sum() == len(FOUND)
    assert table.loc["MEAN", "Does depth help?"] == "-0.200 (-0.300 to -0.100): lower"


@pytest.mark.parametrize(
    ("labels", "pairs", "names"),
    [
        (["A, x, 4", "A, y, 4", "B, x, 4", "B, y, 4"], [(0, 1), (2, 3)], ["A", "B"]),
        (["A, o", "A, o, true", "B, o", "B, o, true"], [(1, 0), (3, 2)], ["A", "B"]),
        (["A, x", "B, x", "A, y", "B, y"], [(0, 1), (2, 3)], ["x", "y"]),
        (["A, x", "B, x", "C, x", "D, y"], [(0, 1), (2, 1)], ["A, x against B, x", "C, x against B, x"]),
        (["A", "B"], [(0, 1)], ["A against B"]),
    ],
)
def test_a_comparison_is_named_by_what_tells_it_apart_or_in_full(labels, pairs, names):
    declared = made_of(labels, [(*pair, "?") for pair in pairs])
    assert short_names(declared, pd.DataFrame([vars(each) for each in declared.contrasts])) == names


@pytest.mark.parametrize("name", ["depth_ablation", "recognition", "stabilisation"])
def test_the_comparisons_of_a_long_page_have_short_names(name):
    experiment = find_experiment(name)
    contrasts = pd.DataFrame([vars(each) for each in experiment.contrasts])
    for _, some in contrasts.groupby(["question", "metric"], sort=False):
        assert not [words for words in short_names(experiment, some) if " against " in words]


def test_rows_that_answer_alike_are_not_called_different():
    alike = {row.name: kept(row, people(3, 4, 2, 5, 3, 4, 2, 5)) for row in ROWS}
    assert tables.compared(EXPERIMENT, alike).loc["Network less Floor", "Verdict"] in ("equal within 0.03", "undefined")


def test_words_beside_and_below_the_differences_are_whole(better):
    long = "Network, one flow and the change of depth of somebody else, min-max, without augmentation, 4 classes"
    rows = tuple(replace(row, label=f"{row.label}: {long}") for row in ROWS)
    fig = plots.differences_with_intervals(replace(EXPERIMENT, rows=rows), better)
    fig.draw_without_rendering()
    axes, page = fig.axes[0], fig.bbox
    assert axes.get_xlabel() == "difference in UF1, expressions given\nfirst less second (no unit)"
    (label,) = axes.get_yticklabels()
    assert " ".join(label.get_text().split()) == f"Network: {long} less Floor: {long}"
    for text in (label, axes.xaxis.label):
        box = text.get_window_extent()
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
    plt.close(fig)


def test_the_opening_gives_question_and_criterion_and_no_result(better):
    words = tables.opening(EXPERIMENT, better)
    assert "Does it work?" in words and "It works if it does." in words and "synthetic faces" in words
    assert "0.5" not in words
    assert "8 tested subjects" in tables.power(EXPERIMENT, better)


def test_every_number_says_that_the_faces_are_synthetic_and_stands_beside_chance(better):
    assert all("synthetic" in column for column in tables.measured(EXPERIMENT, better).columns)
    controls = tables.controls_of_rows(better)
    assert controls.loc["Floor"].tolist() == ["0.450 to 0.550", "0.450 (2)"]


def test_a_stale_record_is_called_so(better):
    assert "Stale" not in tables.origin(better)
    old = {**better, "net": RowRecords(ROWS[0], better["net"].records, better["net"].predictions, stale=True)}
    assert "**Stale** (other code or sizes than today's): net" in tables.origin(old)
    assert "melib record made_up --tier smoke" in tables.remake(EXPERIMENT, better)


def test_the_papers_numbers_keep_their_digits_and_are_not_comparable(better):
    table = tables.printed("spotting", metrics=("F1",))
    row = table[(table["Network"] == "SFAMNet") & (table["Input"] == "O+S")]
    assert row["F1"].tolist() == ["0.0716"]
    assert table["Beside synthetic rows"].str.startswith("not comparable").all()
    shown = next(part for part in tables.beside_papers(EXPERIMENT, better) if isinstance(part, pd.DataFrame))
    assert shown.index.names[-2:] == ["Network", "Input"] and ("MEAN", "O") in shown.index.droplevel([0, 1, 2])
    with pytest.raises(ValueError, match="print nothing"):
        tables.printed("spotting", methods=("nobody",))


@pytest.mark.parametrize(
    ("above", "others", "words"),
    [
        ("a", "bc", "above chance a. Not told from chance, or below: b; c"),
        ("", "abcdefg", "above chance nobody. Not told from chance, or below: the other 7 of 7 rows"),
        ("abcdefg", "", "above chance all 7 rows"),
        ("abcdef", "g", "above chance 6 of 7 rows. Not told from chance, or below: g"),
        ("a", "bcdefg", "above chance a. Not told from chance, or below: the other 6 of 7 rows"),
    ],
)
def test_of_many_rows_the_fewer_are_named(above, others, words):
    assert _above_and_others(list(above), list(others)) == words


def test_rows_whose_value_alone_is_above_chance_are_told_apart(better):
    said = _above_and_others(["a"], ["c"], ["b"])
    assert "By their value alone, while their intervals reach into chance: b. Not told from chance, or below: c" in said
    assert "3 of 7 rows. Not told" in _above_and_others(["a", "d"], ["c", "e"], ["b", "f", "g"])
    record = {**better["net"].records[0], "recognition": {"uf1_pooled": {"value": 0.7, "low": 0.5, "high": 0.9}}}
    words = tables.findings(EXPERIMENT, {**better, "net": replace(better["net"], records=(record,))})
    assert "above chance nobody. By their value alone, while their intervals reach into chance: Network" in words


def seeded(row: RowRecords, **changed: object) -> RowRecords:
    """The row with a second seed, whose record differs in something."""
    record = {**row.records[0], **changed}
    return replace(row, records=(row.records[0], record), predictions=2 * row.predictions)


def test_the_design_tells_rows_of_several_seeds_from_rows_of_one(better):
    once = tables.opening(EXPERIMENT, better)
    assert "Each row has one seed. Intervals hold 95 % over subjects, every training held fixed (studentised" in once
    mixed = tables.opening(EXPERIMENT, {**better, "net": seeded(better["net"])})
    assert "Of 2 rows 1 has 2 seeds, the others one." in mixed and "over seeds where there are several" in mixed
    both = tables.opening(EXPERIMENT, {name: seeded(row) for name, row in better.items()})
    assert "Each row has 2 seeds. Intervals hold 95 % over subjects and seeds" in both
    ranked = replace(EXPERIMENT, measures=(*EXPERIMENT.measures, ("frames", "roc_auc_frames")))
    assert "ROC-AUC of frames: bias-corrected and accelerated bootstrap" in tables.opening(ranked, better)


def test_the_warning_is_that_of_the_row_with_fewest_subjects_and_hits(better):
    part = "spotting_and_naming"
    asked = replace(EXPERIMENT, measures=((part, "f1_spotting"),))
    found = {
        name: replace(row, records=({**row.records[0], "counts": {"subjects": n}, part: {"tp": {"value": hits}}},))
        for (name, row), n, hits in zip(better.items(), (31, 12), (60.0, 4.0), strict=True)
    }
    words = tables.power(asked, found)
    assert "Few data: 12 to 31 subjects (fewer than 30) and 4 to 60 true positives a row (fewer than 50)." in words
    assert "true positives" not in tables.power(EXPERIMENT, found)


def test_a_detectable_difference_of_shares_is_never_above_one(better, monkeypatch):
    table = differences(EXPERIMENT, better).assign(low=-0.9, high=1.5, value=0.3, detectable=1.7)
    monkeypatch.setattr(melib.tables.rows, "differences", lambda *given: table)
    assert "- UF1, expressions given: more than 1" in tables.power(EXPERIMENT, better)
    assert tables.compared(EXPERIMENT, better)["Detectable"].tolist() == ["more than 1"]
    words = tables.findings(EXPERIMENT, better)
    assert "in Network against Floor (any difference would mostly have stayed unseen)." in words


def test_chance_is_the_widest_of_all_seeds(better):
    chance = {"guessed": {"uf1_pooled": {"mean": 0.5, "low": 0.3, "high": 0.52}}}
    row = seeded(better["floor"], chance=chance, shuffled=[{"uf1_pooled": 0.6}])
    assert widest_null(row, "recognition", "uf1_pooled") == {"low": 0.3, "high": 0.55}
    assert tables.controls_of_rows({"floor": row}).loc["Floor"].tolist() == ["0.300 to 0.550", "0.500 (3)"]


def test_long_computing_is_told_in_hours(better):
    long = seeded(better["net"], seconds=3 * 3600.0)
    assert "3 records, 3.0 hours of one core" in tables.origin({**better, "net": long})
