"""The files that tell Jupyter Book and the study what to do agree with each other and with those programs."""

import json
from pathlib import Path

import jupyter_book
import pytest
import yaml
from conftest import RUNS
from reading import ROOT, contents
from sphinx.config import Config

from melib.study.pages import parameters_of

SETTINGS = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
CONTENTS = set(contents())


def known_keys() -> dict:
    """What Jupyter Book knows: its schema, and its defaults, which name some keys that the schema forgot."""
    folder = Path(jupyter_book.__file__).parent
    defaults = yaml.safe_load((folder / "default_config.yml").read_text(encoding="utf-8"))
    schema = json.loads((folder / "config_schema.json").read_text(encoding="utf-8"))

    def keys(node: dict) -> dict:
        return {name: keys(value) if "properties" in value else None for name, value in node["properties"].items()}

    merged = keys(schema)
    for name, value in defaults.items():
        merged.setdefault(name, None)
        if isinstance(value, dict):
            merged[name] = {**dict.fromkeys(value), **(merged[name] or {})}
    return merged


def unknown_keys(given: dict, known: dict) -> list[str]:
    found = []
    for name, value in given.items():
        if name not in known:
            found.append(name)
        elif isinstance(value, dict) and isinstance(known[name], dict):
            found.extend(f"{name}.{inner}" for inner in unknown_keys(value, known[name]))
    return found


def test_jupyter_book_and_sphinx_know_every_key_of_the_settings_and_a_misspelt_one_is_found():
    assert unknown_keys(SETTINGS, known_keys()) == []
    wrong = {**SETTINGS, "only_build_toc_file": True, "execute": {"execute_notebook": "off"}}
    assert unknown_keys(wrong, known_keys()) == ["execute.execute_notebook", "only_build_toc_file"]
    # Names that extensions of this book add; each stands in the documentation of the extension.
    added = {"bibtex_reference_style", "mathjax_path", "mathjax3_config", "nb_merge_streams"}
    added |= {"html_context", "html_css_files", "html_js_files", "html_static_path"}
    added |= {"linkcheck_anchors", "linkcheck_timeout"}
    assert set(SETTINGS["sphinx"]["config"]) <= set(Config.config_values) | added


def test_building_the_book_executes_nothing_and_takes_in_no_folder_unasked():
    assert SETTINGS["execute"]["execute_notebooks"] == "off"
    assert SETTINGS["only_build_toc_files"] is True
    assert not (ROOT / "_static").exists(), "its scripts would enter every page"


def test_the_contents_are_the_declared_runs_and_all_prose_and_every_notebook_is_declared():
    runs = {name.removeprefix("book/runs/") for name in CONTENTS if name.startswith("book/runs/")}
    assert runs == set(RUNS)
    # The students' labs are made from labs/NAME.md when the book is built.
    prose = {name.replace("labs/student/", "labs/") for name in CONTENTS if not name.startswith("book/runs/")}
    assert [name for name in prose if not (ROOT / f"{name}.md").is_file()] == []
    assert {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")} <= prose
    declared = {run.notebook for run in RUNS.values()}
    assert {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.md")} <= declared


@pytest.mark.parametrize("run_id", RUNS)
def test_a_declared_run_fits_its_notebook(run_id):
    for tier in RUNS[run_id].minutes:
        parameters_of(RUNS[run_id], tier, ROOT)
