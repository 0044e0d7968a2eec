"""The built pages: no warning, no dead reference, a card on every run, links to the lines that compute."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import RUNS
from reading import program

pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def pages(book) -> dict[str, Path]:
    built = book / "_build" / "html" / "book"
    return {path.relative_to(built).with_suffix("").as_posix(): path for path in sorted(built.rglob("*.html"))}


def test_each_run_has_a_page_that_says_how_it_was_made(pages):
    for run_id in RUNS:
        html = pages[f"runs/{run_id}"].read_text(encoding="utf-8")
        card = html.split('class="note run-card admonition"')[1].split("</div>")[0]
        for words in ("Tier <strong>quick</strong>", "seed 0", "2 January 2026", "3.3 min", f"melib run {run_id}"):
            assert words in card.replace('<span class="pre">', "").replace("</span>", ""), run_id
        assert html.count('<details class="admonition hide above-input">') >= 1
        assert "Show the parameters and their defaults" in html


def test_from_a_page_two_links_lead_to_the_lines_that_compute_uf1(pages):
    """The first to the function in the reference, the second to its source."""
    page, function = pages["runs/depth_ablation"], "melib.metrics.recognition._scores"
    assert f'href="../api/metrics.html#{function}"' in page.read_text(encoding="utf-8")
    (source,) = re.findall(r'href="([^"]*recognition\.html#_scores)"', pages["api/metrics"].read_text(encoding="utf-8"))
    path, _, place = source.partition("#")
    shown = (pages["api/metrics"].parent / path).read_text(encoding="utf-8")
    # The place is a mark above the first line of the function.
    lines = re.sub(r"<[^>]*>", "", shown.partition(f'id="{place}"')[2]).partition("def tally(")[0]
    assert "ratio(2 * tp, answers)" in lines


def test_a_detail_leads_to_the_line_of_ours_and_of_theirs_and_words_that_start_no_line_or_several_are_refused(pages):
    html = pages["networks_in_detail"].read_text(encoding="utf-8")
    ours = set(re.findall(r'href="(\.\./_modules/melib/[\w/]+\.html)', html))
    assert len(ours) > 15 and all((pages["networks_in_detail"].parent / path).is_file() for path in ours)
    assert re.search(r'href="https://github.com/genbing99/SFAMNet/blob/\w{40}/network.py#L52">', html)
    details = program("book/extensions/details.py")
    assert details.line_of("melib/models/sfamnet.py: FLAT = ")[1] > 1
    for words in ("no such words", "def "):
        with pytest.raises(ValueError, match="not one"):
            details.line_of(f"melib/models/mean.py: {words}")


def test_a_broken_reference_fails_the_build_also_the_second_time(book, build, tmp_path):
    broken = tmp_path / "book"
    shutil.copytree(book, broken, ignore=shutil.ignore_patterns("_build"))
    # One page says as much as all of them, and sooner.
    (broken / "_toc.yml").write_text("format: jb-book\nroot: book/bibliography\n")
    with (broken / "book" / "bibliography.md").open("a") as page:
        page.write("\nSee {doc}`no_such_page` and {cite:p}`nobody2020`.\n")
    for attempt in ("first", "second"):
        result = build(broken)
        assert result.returncode != 0, f"{attempt} build"
        assert "no_such_page" in result.stderr and "nobody2020" in result.stderr, f"{attempt} build"
