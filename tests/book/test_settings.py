"""The files that tell Jupyter Book and the engine what to do agree with each other and with those programs."""

from __future__ import annotations

import json
from pathlib import Path

import jupyter_book
import pytest
import yaml
from sphinx.config import Config
from sphinx_external_toc.parsing import parse_toc_yaml

from melib.engine.runs import effective_parameters, load_runs, read_source

ROOT = Path(__file__).parents[2]
RUNS = load_runs(ROOT / "runs.yml")


def settings() -> dict:
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


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


def contents() -> list[str]:
    site = parse_toc_yaml(ROOT / "_toc.yml")
    return sorted(site)


def test_jupyter_book_knows_every_key_of_the_settings():
    assert unknown_keys(settings(), known_keys()) == []


def test_a_misspelt_key_would_be_found():
    wrong = {**settings(), "only_build_toc_file": True, "execute": {"execute_notebook": "off"}}
    assert unknown_keys(wrong, known_keys()) == ["execute.execute_notebook", "only_build_toc_file"]


def test_sphinx_or_an_extension_knows_every_key_of_its_settings():
    # Names that extensions of this book add; each stands in the documentation of the extension.
    extensions = {"bibtex_reference_style", "mathjax_path", "mathjax3_config", "nb_merge_streams"}
    assert (
        set(settings()["sphinx"]["config"])
        <= set(Config.config_values)
        | {"html_context", "html_css_files", "html_js_files", "html_static_path"}
        | extensions
    )


def test_building_the_book_executes_nothing():
    assert settings()["execute"]["execute_notebooks"] == "off"
    assert settings()["only_build_toc_files"] is True


def test_no_folder_is_named_so_that_its_scripts_enter_every_page():
    assert not (ROOT / "_static").exists()


def test_every_entry_of_the_contents_is_prose_or_a_declared_run():
    for name in contents():
        run_id = name.removeprefix("book/runs/")
        if run_id != name:
            assert run_id in RUNS, f"{name} is not declared in runs.yml"
        else:
            # The students' labs are made from labs/NAME.md when the book is built.
            name = name.replace("labs/student/", "labs/")
            assert (ROOT / f"{name}.md").is_file(), f"{name}.md does not exist"


def test_every_declared_run_has_its_place_in_the_contents():
    assert {f"book/runs/{run_id}" for run_id in RUNS} <= set(contents())


def test_no_prose_page_is_forgotten():
    prose = {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")}
    assert prose <= set(contents())


@pytest.mark.parametrize("run_id", RUNS)
def test_a_declared_run_fits_its_notebook(run_id):
    run = RUNS[run_id]
    for tier in run.minutes:
        effective_parameters(run, tier, read_source(run, ROOT))


def test_every_notebook_is_declared():
    declared = {run.notebook for run in RUNS.values()}
    assert {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.md")} <= declared
