"""The built pages: no warning, no dead reference, words for every picture, nothing from the network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from reading import Elements

from melib.engine.runs import load_runs

ROOT = Path(__file__).parents[2]
RUNS = load_runs(ROOT / "runs.yml")

pytestmark = pytest.mark.book


def pages(book: Path) -> list[Path]:
    return sorted((book / "_build" / "html" / "book").rglob("*.html"))


def test_the_first_page_is_where_make_book_says(book):
    assert (book / "_build" / "html" / "index.html").is_file()


def test_all_pages_of_the_contents_are_built(book):
    names = {page.stem for page in pages(book)}
    assert {"index", "introduction", "glossary", "bibliography", *RUNS} <= names


@pytest.mark.parametrize("run_id", RUNS)
def test_a_page_says_how_it_was_made(book, run_id):
    html = (book / "_build" / "html" / "book" / "runs" / f"{run_id}.html").read_text(encoding="utf-8")
    card = html.split('class="note run-card admonition"')[1].split("</div>")[0]
    for words in ("Tier <strong>quick</strong>", "seed 0", "2 January 2026", "3.3 min", f"melib run {run_id}"):
        assert words in card.replace('<span class="pre">', "").replace("</span>", "")


def test_parameters_are_folded(book):
    html = (book / "_build" / "html" / "book" / "runs" / "dataset_card.html").read_text(encoding="utf-8")
    assert html.count('<details class="admonition hide above-input">') == 1
    assert "Show the parameters and their defaults" in html


def test_every_picture_has_words(book):
    drawn = 0
    for page in pages(book):
        for tag, attributes in Elements(page).found:
            if tag == "img":
                drawn += 1
                alt = attributes.get("alt") or ""
                assert alt and "_images" not in alt and not alt.endswith(".png"), f"{page.name}: {attributes}"
    assert drawn >= len(RUNS)


def test_no_page_needs_the_network(book):
    for page in pages(book):
        for tag, attributes in Elements(page).found:
            loads = attributes.get("href") if tag == "link" and attributes.get("rel") == "stylesheet" else None
            loads = attributes.get("src") if tag in ("script", "img", "iframe") else loads
            assert not (loads or "").startswith(("http:", "https:", "//")), f"{page.name} loads {loads}"


def test_a_broken_reference_fails_the_build_also_the_second_time(book, build, tmp_path):
    broken = tmp_path / "book"
    shutil.copytree(book, broken, ignore=shutil.ignore_patterns("_build"))
    with (broken / "book" / "glossary.md").open("a") as page:
        page.write("\nSee {doc}`no_such_page` and {cite:p}`nobody2020`.\n")
    for attempt in ("first", "second"):
        result = build(broken)
        assert result.returncode != 0, f"{attempt} build"
        assert "no_such_page" in result.stderr and "nobody2020" in result.stderr, f"{attempt} build"
