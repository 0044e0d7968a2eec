"""The gate on stored errors, and what a page says about its run."""

from __future__ import annotations

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from melib.engine.pages import check_title, dress, figures_without_words, page_key, stored_errors
from melib.engine.runs import Run

RUN = Run("small", "notebooks/small.md", "A small page", {"quick": 1.0})
MADE = {"time": "2026-01-02T03:04:05+00:00", "commit": "a" * 40 + "+changes", "code": "b" * 64}


def executed():
    """A sound notebook as papermill returns it."""
    cells = [
        new_markdown_cell("# A small page\n\nQuestion?"),
        new_code_cell("seed = 3", metadata={"tags": ["parameters"], "papermill": {"exception": False}}),
        new_code_cell("seed = 5", metadata={"tags": ["injected-parameters"], "papermill": {"exception": False}}),
        new_code_cell("print(seed)", outputs=[new_output("stream", name="stdout", text="5")]),
    ]
    metadata = {"papermill": {"exception": None, "input_path": "/somewhere/x.ipynb"}, "jupytext": {"formats": "md"}}
    return new_notebook(cells=cells, metadata=metadata)


def test_a_sound_notebook_passes_the_gate():
    assert stored_errors(executed()) == []


def with_error_output(notebook):
    notebook.cells[3].outputs.append(new_output("error", ename="KeyError", evalue="'x'", traceback=[]))


def with_marked_notebook(notebook):
    notebook.metadata["papermill"]["exception"] = True


def with_marked_cell(notebook):
    notebook.cells[3].metadata["papermill"] = {"exception": True}


def with_note(notebook):
    notebook.cells.insert(0, new_markdown_cell("An error", metadata={"tags": ["papermill-error-cell-tag"]}))


@pytest.mark.parametrize("spoil", [with_error_output, with_marked_notebook, with_marked_cell, with_note])
def test_the_gate_catches_a_stored_error_in_each_of_its_forms(spoil):
    notebook = executed()
    spoil(notebook)
    assert len(stored_errors(notebook)) == 1


def drawn(metadata):
    return new_notebook(
        cells=[new_code_cell("draw()", metadata=metadata, outputs=[new_output("display_data", {"image/png": ""})])]
    )


@pytest.mark.parametrize(
    ("metadata", "missing"),
    [
        ({}, ["alt text", "caption"]),
        ({"mystnb": {"image": {"alt": "A line."}}}, ["caption"]),
        ({"mystnb": {"figure": {"caption": "A line."}}}, ["alt text"]),
        ({"mystnb": {"image": {"alt": "A line."}, "figure": {"caption": "A line."}}}, []),
        ({"tags": ["remove-output"]}, []),
    ],
)
def test_a_shown_figure_needs_alt_text_and_caption(metadata, missing):
    found = figures_without_words(drawn(metadata))
    assert len(found) == len(missing)
    assert all(word in fault for word, fault in zip(missing, found, strict=True))


def dressed(**changes):
    notebook = executed()
    settings = {"key": "k" * 64, "parameters": {"tier": "quick", "seed": 5}, "seconds": 200.0, "made": MADE, **changes}
    dress(notebook, RUN, "quick", **settings)
    return notebook


def test_both_parameter_cells_are_folded_and_no_other():
    folded = [cell.source for cell in dressed().cells if "hide-input" in cell.metadata.get("tags", ())]
    assert folded == ["seed = 3", "seed = 5"]


def test_the_run_card_stands_below_the_title_and_says_what_a_reader_needs():
    title, card, rest = dressed().cells[:3]
    assert (title.source, rest.source) == ("# A small page", "Question?")
    for words in ("**quick**", "seed 5", "2 January 2026", "3.3 min", "`bbbbbbbbbbbb`", "`aaaaaaaaa+changes`"):
        assert words in card.source
    assert "python -m melib run small --tier quick" in card.source


def test_a_page_without_tier_or_seed_says_so():
    card = dressed(parameters={}).cells[1].source
    assert "The same at every tier, nothing drawn at random" in card


def test_the_page_keeps_the_record_of_its_run_and_no_path_of_the_machine():
    notebook = dressed()
    assert page_key(notebook) == "k" * 64
    assert notebook.metadata["melib"]["parameters"] == {"tier": "quick", "seed": 5}
    assert "somewhere" not in json.dumps(notebook)
    assert "jupytext" not in notebook.metadata


def test_a_notebook_that_no_run_made_has_no_key():
    assert page_key(executed()) is None


@pytest.mark.parametrize("first", [new_code_cell("1"), new_markdown_cell("Text"), new_markdown_cell("## Low")])
def test_a_notebook_must_open_with_its_title(first):
    check_title(executed(), "x.md")
    with pytest.raises(ValueError, match="x.md must open with its title"):
        check_title(new_notebook(cells=[first]), "x.md")
