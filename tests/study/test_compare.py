"""Rows beside each other, from records alone: values, differences with one verdict, tables and figures."""

from dataclasses import replace

import answers
import doses
import numpy as np
import pandas as pd
import papers
import pytest
from refusing import refused

from melib.metrics import recognition, strs, uncertainty
from melib.study import compare, figures, tables
from melib.study.experiments import Comparison, Experiment, Row
from melib.study.record import Record, plain_table
from melib.study.records import Kept
from melib.study.settings import Settings

EMOTIONS = ("negative", "positive", "surprise", "others")
N_PEOPLE = 24


def made(skill: float, seed: int, *, synthetic: bool = True) -> Record:
    """A record of a row that names and finds rightly in so many cases of a hundred."""
    rng = np.random.default_rng([seed, round(100 * skill)])
    truth, found, named = [], [], []
    for person in range(N_PEOPLE):
        for number in range(4):
            emotion = EMOTIONS[(person + number) % 4]
            guess = emotion if rng.random() < skill else EMOTIONS[rng.integers(4)]
            onset = 40 * number + 5
            shift = 0 if rng.random() < skill else 14
            truth.append((str(person), "v", "micro", onset, onset + 5, onset + 10, emotion))
            found.append((str(person), "v", onset + shift, onset + 10 + shift, guess, 1.0))
            named.append({"subject": str(person), "emotion": emotion, "named": guess, "count": 1})
    truth = pd.DataFrame(truth, columns=["subject", "video", "kind", "onset", "apex", "offset", "emotion"])
    found = pd.DataFrame(found, columns=["subject", "video", "onset", "offset", "emotion", "score"])
    named = pd.DataFrame(named)
    videos = pd.DataFrame({"subject": map(str, range(N_PEOPLE)), "video": "v", "frames": 170, "fps": 30.0})
    levels = pd.DataFrame({"subject": np.repeat(videos["subject"], 2), "level": [1, 5] * N_PEOPLE})
    levels["inside"], levels["outside"] = [4, round(40 * skill) + 4] * N_PEOPLE, [100, 26] * N_PEOPLE
    tallied = {
        "spotting_and_naming": strs.tally(truth, found, videos=videos, emotions=EMOTIONS),
        "recognition": recognition.tally(named["emotion"], named["named"], named["subject"], classes=EMOTIONS),
    }
    values = {part: plain_table(uncertainty.bootstrap(each, n_resamples=200).table) for part, each in tallied.items()}
    values["frames"] = {"roc_auc_frames": {"value": 0.7, "low": 0.6, "high": 0.8}}
    null = {"mean": 0.25, "low": 0.2, "high": 0.3}
    values |= {
        "dataset": {"name": "made up", "version": "1", "synthetic": synthetic},
        "confusion": {"emotions": list(EMOTIONS)},
        "counts": {"subjects": N_PEOPLE, "micro_expressions": len(truth)},
        "chance": {"guessed": {"uf1_pooled": null}, "shifted": {"f1_spotting": null, "strs": null}},
        "shuffled": [{"uf1_pooled": 0.2}, {"uf1_pooled": 0.24}],
        "amounts": {"resamples": 200},
        "seconds": 60.0,
        "provenance": {"time": "2026-01-02T03:04:05+00:00", "commit": "a" * 40, "processor": "any"},
    }
    return Record(values, {"truth": truth, "videos": videos, "predictions": found, "named": named, "frames": levels})


def kept(name: str, skill: float, seeds=(0,), **settings) -> Kept:
    row = Row(name, name.title(), "grid", Settings(tier="smoke", classes=4, **settings), tuple(seeds))
    return Kept(row, tuple(made(skill, seed) for seed in seeds))


@pytest.fixture(scope="module")
def rows() -> dict[str, Kept]:
    return {"good": kept("good", 0.9, input="S"), "same": kept("same", 0.9), "bad": kept("bad", 0.3, input="D")}


@pytest.fixture(scope="module")
def asked(rows) -> Experiment:
    comparisons = tuple(
        Comparison(first, second, metric, f"Is {first} better?", 0.03)
        for first, second in (("good", "bad"), ("bad", "good"), ("good", "same"))
        for metric in ("uf1_pooled", "f1_spotting")
    )
    measures = ("f1_spotting", "strs", "roc_auc_frames", "uf1_pooled")
    declared = tuple(each.row for each in rows.values())
    return Experiment("grid", "smoke", "Which?", "It is.", 0.03, declared, measures, comparisons)


def test_tallies_from_the_kept_tables_give_the_metrics_of_the_record(rows):
    for part in ("spotting_and_naming", "recognition"):
        (tally,) = compare.tallies(rows["good"], part)
        again = uncertainty.bootstrap(tally, n_resamples=200).table
        for metric, found in rows["good"].first[part].items():
            np.testing.assert_equal(again.loc[metric, "value"], np.nan if found["value"] is None else found["value"])


def test_frames_counted_by_level_rank_as_the_frames_themselves(rows):
    (tally,) = compare.tallies(rows["good"], "frames")
    auc = uncertainty.bootstrap(tally, method="percentile", n_resamples=50).table.loc["roc_auc_frames", "value"]
    levels = rows["good"].tables("frames")[0]
    score = np.concatenate([np.repeat(levels["level"], levels[side]) for side in ("inside", "outside")])
    n_inside = levels["inside"].sum()
    inside, outside = score[:n_inside, None], score[None, n_inside:]
    assert auc == pytest.approx(((inside > outside) + 0.5 * (inside == outside)).mean())


def test_one_seed_is_what_its_record_says_and_several_are_their_mean(rows):
    assert compare.value(rows["good"], "strs") == pytest.approx(rows["good"].first["spotting_and_naming"]["strs"])
    several = kept("several", 0.6, seeds=(0, 1, 2))
    values = [record.values["recognition"]["uf1_pooled"]["value"] for record in several.records]
    assert compare.value(several, "uf1_pooled")["value"] == pytest.approx(np.mean(values))


@pytest.fixture
def answered(asked, rows, monkeypatch, tmp_path):
    """The experiment in this run, and as if the same had been published; its cache is a folder of its own."""
    monkeypatch.setattr(answers.places, "checkout", lambda: tmp_path)
    return answers.Asked(asked, rows, asked, rows)


def test_each_comparison_has_a_difference_and_one_word(answered):
    found = answered.found().set_index(["first", "second", "metric"])
    assert (found["published_verdict"] == found["verdict"]).all(), "the same records say the same"
    assert found.loc[("good", "bad", "uf1_pooled"), "verdict"] == "higher"
    assert found.loc[("bad", "good", "f1_spotting"), "verdict"] == "lower"
    assert found.loc[("good", "same", "uf1_pooled"), "verdict"] == "undecided", "no spread at all"
    forth, back = found.loc[("good", "bad", "uf1_pooled")], found.loc[("bad", "good", "uf1_pooled")]
    assert forth["value"] == pytest.approx(-back["value"]) and forth["detectable"] > 0


def test_rows_are_told_from_chance(rows):
    assert compare.beside_chance(rows["good"], "uf1_pooled") == "higher"
    assert compare.beside_chance(rows["good"], "roc_auc_frames") == "higher"
    assert compare.chance(rows["good"], "strs") == {"low": 0.2, "high": 0.3}
    assert compare.chance(rows["good"], "tp") is None


def test_tables_say_what_the_records_hold(asked, rows):
    uf1 = tables.measured(asked, rows).loc["Good", "UF1, expressions given, synthetic"]
    assert uf1.startswith(f"{rows['good'].first['recognition']['uf1_pooled']['value']:.3f} (")
    controls = tables.controls(rows)
    assert controls.loc["Good", "STRS, by chance (95 %)"] == "0.200 to 0.300"
    assert controls.loc["Good", "Leaks"] == "no"
    said = tables.about(asked, rows)
    assert "Which?" in said and "synthetic faces" in said and f"People tested**: {N_PEOPLE}" in said
    stale = {"x": Kept(rows["good"].row, rows["good"].records, True)}
    assert "stale" not in said and "stale" in tables.about(asked, stale)
    assert tables.remake(asked, rows).loc["Command"].item() == "python -m melib rows grid --tier smoke"


def test_a_comparison_is_one_line_with_published_and_own_numbers_and_a_word_for_each(answered):
    found = answered.found()
    lines = answers.table(answered, found).table
    assert len(lines) == len(found) and set(lines["Verdict, published"]) == {"higher", "lower", "undecided"}
    assert lines["Verdict, this run"].tolist() == found["verdict"].tolist()
    # A row that only the published run has leaves its cells empty.
    line = answers.table(answered, found[:1].assign(value=np.nan, verdict=np.nan)).table.iloc[0]
    assert line["This run"] == line["Verdict, this run"] == ""
    assert line["Verdict, published"] == found["published_verdict"][0]
    assert lines["A and B differ in"].tolist()[0] == "input" and (lines["Published"] == lines["This run"]).all()
    assert answered.found("no such words").empty


def test_printed_numbers_stand_apart_from_synthetic_rows(asked, rows):
    parts = papers.tables_beside(asked, rows)
    assert parts and all("not comparable" in title for title in parts)
    refused("not comparable", papers.beside_printed, rows, "spotting")


def test_a_value_of_some_people_counts_these_alone_and_rows_of_other_people_are_not_compared(rows):
    kept, whole = rows["good"], compare.value(rows["good"], "uf1_pooled")["value"]
    assert compare.value(kept, "uf1_pooled", of=lambda who: True)["value"] == pytest.approx(whole)
    assert compare.value(kept, "uf1_pooled", of=lambda who: int(who) < 20)["value"] != pytest.approx(whole)
    other = replace(kept, records=tuple(replace(one, values={**one.values, "people": "x"}) for one in kept.records))
    refused("tested on other people", compare.difference, kept, other, "strs")


def test_a_figure_draws_every_row(asked, rows):
    (axes,) = figures.rows_with_intervals(asked, rows, "strs").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Good", "Same", "Bad"]


def test_a_mark_is_hollow_where_nothing_is_decided_and_an_interval_beyond_what_is_possible_ends_in_an_arrow(answered):
    found = answered.found()
    fig = answers.draw(answered, found)
    hollow = [line for line in fig.axes[0].lines if line.get_markerfacecolor() == "white"]
    undecided = (found[["published_verdict", "verdict"]] == "undecided").to_numpy().sum()
    assert sum(len(line.get_xdata()) for line in hollow) == undecided > 0
    assert "published (full" in fig.legends[0].get_texts()[0].get_text()
    fig = answers.draw(answered, found.assign(low=-3.0, high=0.5))
    assert fig.axes[0].get_xlim() == (-1.08, 1.08) and "goes on beyond" in fig.get_supxlabel()


def test_gains_stand_over_the_steps_of_a_dose():
    series = {"a": pd.DataFrame({"value": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.3]}, index=[0.5, 0.1])}
    fig = doses.gains_along({"one": series, "two": series}, xlabel="dose", ylabel="gain", least=0.03)
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == ["0.1", "0.5"]
    assert fig.axes[1].get_title() == "two"
