"""The declarations in runs.yml, and the agreement of a notebook with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from melib.engine import runs as runs_module
from melib.engine.runs import defaults, effective_parameters, find_run, load_runs, read_source, run_key


def small(checkout):
    return load_runs(checkout / "runs.yml")["small"]


def test_a_declaration_is_read(checkout):
    run = small(checkout)
    assert (run.notebook, run.parameters, run.minutes["smoke"]) == ("notebooks/small.md", {"seed": 5}, 0.1)


@pytest.mark.parametrize(
    ("line", "replacement", "words"),
    [
        ("title: A small page", "titel: A small page", "unknown field 'titel'; did you mean title"),
        ("title: A small page", "", "missing title"),
        ("id: small", "id: Small page", "lower-case letters"),
        ("{smoke: 0.1, quick: 0.2}", "{smoke: 0.1, quik: 0.2}", "unknown tier 'quik'"),
        ("{smoke: 0.1, quick: 0.2}", "{smoke: soon}", "positive number, not 'soon'"),
        ("{smoke: 0.1, quick: 0.2}", "3", "minutes must map tiers"),
        ("{seed: 5}", "{tier: quick}", "without tier"),
        ("{seed: 5}", "[seed]", "parameters must be a mapping"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(checkout, line, replacement, words):
    path = checkout / "runs.yml"
    path.write_text(path.read_text().replace(line, replacement))
    with pytest.raises(ValueError, match=words) as caught:
        load_runs(path)
    assert "\n" not in str(caught.value)


def test_the_same_id_twice_is_refused(checkout):
    path = checkout / "runs.yml"
    path.write_text(path.read_text() * 2)
    with pytest.raises(ValueError, match="'small' twice"):
        load_runs(path)


def test_a_folder_without_declarations_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="start from the root"):
        load_runs(tmp_path / "runs.yml")


def test_an_unknown_run_is_refused_with_the_nearest(checkout):
    with pytest.raises(ValueError, match="did you mean small"):
        find_run(load_runs(checkout / "runs.yml"), "smal")
    with pytest.raises(ValueError, match="declared are small"):
        find_run(load_runs(checkout / "runs.yml"), "q")


def test_a_missing_notebook_is_refused(checkout):
    with pytest.raises(FileNotFoundError, match="notebooks/gone.md"):
        read_source(replace(small(checkout), notebook="notebooks/gone.md"), checkout)


def test_a_misspelt_parameter_is_refused_with_the_nearest(checkout):
    run = replace(small(checkout), parameters={"sede": 5})
    with pytest.raises(ValueError, match=r"no parameter 'sede'; did you mean seed\?") as caught:
        effective_parameters(run, "quick", read_source(run, checkout))
    assert "\n" not in str(caught.value)


def test_the_run_and_the_tier_replace_defaults(checkout):
    run = small(checkout)
    parameters = effective_parameters(run, "smoke", read_source(run, checkout))
    assert parameters == {"tier": "smoke", "seed": 5, "fail": False}


def test_a_notebook_without_tier_is_given_none(checkout):
    source = checkout / "notebooks" / "small.md"
    source.write_text(source.read_text().replace('tier = "quick"\n', ""))
    run = small(checkout)
    assert "tier" not in effective_parameters(run, "smoke", read_source(run, checkout))


def test_defaults_are_read_from_plain_and_annotated_assignments(checkout):
    source = checkout / "notebooks" / "small.md"
    source.write_text(source.read_text().replace("seed = 3", "seed: int = 3\nfolder = os.curdir"))
    assert defaults(read_source(small(checkout), checkout), "small") == {
        "tier": "quick",
        "seed": 3,
        "folder": "os.curdir",
        "fail": False,
    }


def test_two_parameter_cells_are_refused(checkout):
    run = small(checkout)
    notebook = read_source(run, checkout)
    notebook.cells.append(notebook.cells[1])
    with pytest.raises(ValueError, match="2 cells are tagged parameters"):
        defaults(notebook, run.notebook)


def test_the_key_follows_everything_that_decides_a_page(checkout, monkeypatch):
    run = small(checkout)
    keys = [run_key(run, "quick", checkout), run_key(run, "smoke", checkout)]
    keys.append(run_key(replace(run, parameters={"seed": 6}), "quick", checkout))
    monkeypatch.setattr(runs_module, "computing_hash", lambda: "other code")
    keys.append(run_key(run, "quick", checkout))
    monkeypatch.undo()
    monkeypatch.setattr(runs_module, "presentation_hash", lambda: "other tables")
    keys.append(run_key(run, "quick", checkout))
    monkeypatch.undo()
    keys.append(run_key(replace(run, title="Another title"), "quick", checkout))
    source = checkout / "notebooks" / "small.md"
    original = source.read_text()
    source.write_text(original + "\nOne more sentence.\n")
    keys.append(run_key(run, "quick", checkout))
    assert len(set(keys)) == len(keys)
    source.write_text(original)
    assert run_key(run, "quick", checkout) == keys[0]


def test_the_key_follows_a_record_that_the_page_loads_and_no_other(checkout):
    run = small(checkout)
    source = checkout / "notebooks" / "small.md"
    without = run_key(run, "quick", checkout)
    results = checkout / "results"
    results.mkdir()
    (results / "speed.json").write_text("{}")
    (results / "other.json").write_text("{}")
    assert run_key(run, "quick", checkout) == without
    source.write_text(source.read_text().replace("import os\n", 'import os\nrecord = flow_truth.load("speed")\n'))
    loaded = run_key(run, "quick", checkout)
    (results / "other.json").write_text('{"value": 1}')
    assert run_key(run, "quick", checkout) == loaded
    (results / "speed.json").write_text('{"value": 1}')
    assert run_key(run, "quick", checkout) != loaded
