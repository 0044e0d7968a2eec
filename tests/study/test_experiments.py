"""Experiments are data: what the files of the pages declare, and what a wrong file is told."""

import pytest
import yaml
from refusing import refused

from melib.study import experiments
from melib.study.settings import ClipSettings, differing

GRID = """
question: Is a flow better than none?
criterion: The interval lies above 0.
least: 0.03
measures: [uf1_pooled]
rows:
  - name: "{model}-{seen}"
    label: "{model}, {seen}"
    settings: {intervals_by: mean, shuffled: false}
    for:
      model: {mean: {label: MEAN, model: mean}, floor: {label: Floor, model: floor, once: true}}
      seen: {o: {label: O, input: O}, s: {label: S, input: S}}
comparisons:
  - question: "Does {model} gain?"
    metric: [uf1_pooled, strs]
    for: {model: {mean: MEAN, floor: the floor}}
    first: "{model}-s"
    second: "{model}-o"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "grid.yml").write_text(GRID)
    return tmp_path


def change(folder, old, new):
    path = folder / "grid.yml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_grid_has_a_row_for_each_combination(folder):
    grid = experiments.load("grid", "full", folder=folder)
    assert [row.name for row in grid.rows] == ["mean-o", "mean-s", "floor-o", "floor-s"]
    assert [row.label for row in grid.rows] == ["MEAN, O", "MEAN, S", "Floor, O", "Floor, S"]
    assert [len(row.seeds) for row in grid.rows] == [3, 3, 1, 1]
    assert {(row.settings.tier, row.settings.shuffled) for row in grid.rows} == {("full", False)}
    assert [(each.first, each.metric, each.question) for each in grid.comparisons] == [
        ("mean-s", "uf1_pooled", "Does MEAN gain?"),
        ("floor-s", "uf1_pooled", "Does the floor gain?"),
        ("mean-s", "strs", "Does MEAN gain?"),
        ("floor-s", "strs", "Does the floor gain?"),
    ]


def test_rows_of_another_experiment_are_the_same_rows(folder):
    other = "question: q\ncriterion: c\nleast: 0.1\nmeasures: [strs]\nrows: [{from: grid, only: [mean-s]}]\n"
    (folder / "other.yml").write_text(other)
    (row,) = experiments.load("other", "smoke", folder=folder).rows
    assert row == experiments.load("grid", "smoke", folder=folder).row("mean-s") and row.home == "grid"


def test_a_row_of_ones_own_stands_beside_the_others_or_in_the_place_of_one(folder):
    own = folder / "mine.yaml"
    mine = {"name": "mine", "label": "Mine", "settings": {"method": "farneback"}}
    other = {"name": "mean-o", "label": "Changed", "settings": {"input": "D"}}
    question = {"question": "Better?", "metric": "strs", "first": "mine", "second": "mean-o"}
    own.write_text(yaml.safe_dump({"rows": [mine, other], "comparisons": [question]}))
    grid = experiments.load("grid", "smoke", rows=own, folder=folder)
    assert [row.name for row in grid.rows] == ["mean-o", "mean-s", "floor-o", "floor-s", "mine"]
    assert grid.row("mean-o").settings.input == "D" and grid.row("mean-s").settings.input == "S"
    assert {row.home for row in grid.rows} == {"grid", "grid-mine"}, "records of others are not written over"
    assert grid.comparisons[-1].first == "mine" and grid.comparisons[-1].least == 0.03


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("measures:", "mesures:", "unknown entry in .*grid.yml 'mesures': did you mean 'measures'"),
        ("label:", "lable:", "unknown entry in rows of grid 'lable': did you mean 'label'"),
        ("input: S", "inptu: S", "unknown setting of a row of videos 'inptu': did you mean 'input'"),
        ('first: "{model}-s"', 'first: "{model}-z"', "unknown row in experiment grid 'mean-z'"),
        ('name: "{model}-{seen}"', 'name: "{model}"', "two rows called 'mean'"),
        ('name: "{model}-{seen}"', 'name: "{model} {seen}"', "row 'mean o': a name has lower-case letters"),
        ("rows:", "rows: [", "grid.yml is not YAML"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(folder, old, new, words):
    change(folder, old, new)
    refused(words, experiments.load, "grid", "smoke", folder=folder)


def test_an_unknown_experiment_or_tier_is_refused(folder):
    refused("unknown experiment 'gird': did you mean 'grid'", experiments.load, "gird", "smoke", folder=folder)
    refused("unknown tier 'qick'", experiments.load, "grid", "qick", folder=folder)


@pytest.mark.parametrize("name", experiments.names())
@pytest.mark.parametrize("tier", ["smoke", "full"])
def test_every_declared_experiment_is_sound(name, tier):
    declared = experiments.load(name, tier)
    assert declared.rows and declared.criterion.endswith(".") and declared.question.endswith("?")
    assert len({row.label for row in declared.rows}) == len(declared.rows)
    for each in declared.comparisons:
        assert differing(declared.row(each.first).settings, declared.row(each.second).settings), each


def test_a_name_means_one_row_in_the_whole_study_and_contrasts_of_depth_differ_in_the_third_plane_alone():
    rows = [row for name in experiments.names() for row in experiments.load(name, "full").rows]
    meant: dict[str, object] = {}
    for row in rows:
        assert meant.setdefault(row.name, row) == row, row.name
    declared = experiments.load("depth_ablation", "full")
    for each in (each for each in declared.comparisons if each.question.startswith("Does depth help")):
        first, second = (declared.row(name).settings for name in (each.first, each.second))
        assert isinstance(first, ClipSettings) and first.flow == second.flow
        assert set(differing(first, second)) == {"input", "depth"} and second.input == "uv0"
