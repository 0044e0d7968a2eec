"""Tables that a run made, as a page shows them: named, with their command, sorted and saved in a browser."""

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from nbformat import v4
from playwright.sync_api import Locator, Page
from reading import ROOT, program, reader, sound, too_wide, write_page

from melib.study import pages
from melib.study.tables import Folded

MADE_TABLES = program("book/extensions/made_tables.py")
RUN = pages.Run("small", "notebooks/small.md", "A small page", {"quick": 1.0})
COMMAND = RUN.command("quick")

MIXED = pd.DataFrame(
    {
        "score": ["0.214 (0.078 to 0.378)", "-.006", "none", "12 %", "", "0.214 (0.1 to 0.2)", "−3 (-4 to 1)", "1e-05"],
        "interval": ["10-29", "8-27", "2026-01-02", "100-119", "", "p1", "60-79", "p0"],
    },
    index=["Row 10", 'A "quoted", label', "naïve ≥ 1", "<b>&amp;", "Row 9", "b", "a", "c"],
)
NAMED = pd.DataFrame({"tp": [3, 1], "f1": [0.75, 0.25]}, index=pd.Index(["happy", "angry"], name="emotion"))
CROSSED = pd.crosstab(pd.Series(list("aabb"), name="true"), pd.Series(list("abbb"), name="predicted"))
GROUPED = pd.DataFrame(
    [[1, 2, 3], [4, 5, 6]],
    index=["first", "second"],
    columns=pd.MultiIndex.from_tuples([("page", "x"), ("page", "y"), ("record", "x")]),
)
SPANNED = pd.DataFrame(
    {"mm": [3, 1, 2]},
    index=pd.MultiIndex.from_tuples([("micro", "a"), ("micro", "b"), ("macro", "a")], names=["k", "m"]),
)
LONG = pd.DataFrame({"number": range(59)}, index=[f"row {i}" for i in range(59)])
FACTS = pd.DataFrame({"": ["0, cpu", "26 s"]}, index=["Seed, device", "Time"])
FRAMES = {
    **{"mixed": MIXED, "named": NAMED, "crossed": CROSSED, "grouped": GROUPED, "spanned": SPANNED},
    **{"long": LONG, "facts": FACTS},
}


def shown(*outputs: str) -> list[str]:
    """Outputs as a page shows them that a run leaves, one by one under headings of their own."""
    cells = [v4.new_markdown_cell("# Any title\n\nA question.")]
    for number, html in enumerate(outputs):
        cells.append(v4.new_markdown_cell(f"## The *part* {number}\n\n```\n# no heading\n```"))
        output = v4.new_output("execute_result", {"text/html": html, "text/plain": "..."}, execution_count=1)
        cells.append(v4.new_code_cell("show()", outputs=[output]))
    notebook = v4.new_notebook(cells=cells)
    pages._dress(notebook, RUN, "quick", key="k" * 64, parameters={}, seconds=1.0)
    MADE_TABLES.frame_tables(notebook)
    return [output.data["text/html"] for cell in notebook.cells for output in cell.get("outputs", ())]


def html_of(frame: pd.DataFrame | Folded) -> str:
    return frame._repr_html_()


def table_of(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.search(r"<table.*</table>", html, re.DOTALL)[0])


def dressed(frame: pd.DataFrame) -> ElementTree.Element:
    (html,) = shown(html_of(frame))
    return table_of(html)


def heads(table: ElementTree.Element) -> list[list[tuple[str, str, str | None]]]:
    return [[(cell.tag, cell.text or "", cell.get("scope")) for cell in row] for row in table.find("thead")]


def test_every_table_of_a_page_has_its_number_its_name_and_its_command():
    found = shown(*map(html_of, FRAMES.values()), "<table><tr><td>one</td></tr></table>", "<p>no table</p>")
    assert found.pop() == "<p>no table</p>"
    for number, html in enumerate(found, start=1):
        assert html.count("<table") == html.count(f"<code>{COMMAND}</code>") == 1
        assert f"Table {number} of this page" in html
        assert table_of(html).get("aria-label") == f"Table {number}: The part {number - 1}"
        assert table_of(html).get("data-csv") == f"small-table-{number}.csv"
    first, then = shown(html_of(NAMED) * 2, html_of(NAMED))
    assert first.count(COMMAND) == 2, "two tables of one output are two tables"
    assert re.findall(r"Table (\d) of", first + then) == ["1", "2", "3"]
    (html,) = shown("<table><tr><td>one<br>two</td></tr></table>")
    assert "<td>one<br>two</td>" in html, "what is no XML stays as it is"
    assert 'aria-label="Table 1: The part 0"' in html and COMMAND in html


def test_no_word_of_a_table_is_changed():
    for frame in (MIXED, CROSSED, GROUPED, LONG):
        made = html_of(frame)
        before, after = ("".join(table_of(html).itertext()).split() for html in (made, *shown(made)))
        assert before == after


def test_a_folded_table_keeps_its_name_its_command_and_every_row():
    (html,) = shown(html_of(Folded(LONG, "every row & more")))
    assert "<summary>Show every row &amp; more (59 in all)</summary>" in html
    assert html.startswith("<details") and html.rstrip().endswith("</details>") and html.count(COMMAND) == 1
    assert len(table_of(html).findall("tbody/tr")) == 59
    many = pd.DataFrame({"number": range(500)})
    assert html_of(Folded(many, "all")).count("<tr") == 501, "pandas would leave out rows of so many"
    assert repr(Folded(many, "all")) == many.to_string()
    words = ", ".join(9 * ["not told apart"])
    assert words in html_of(Folded(pd.DataFrame({"verdict": [words]}), "all")), "pandas would cut so long a cell"


def test_header_cells_say_what_they_head():
    assert heads(dressed(NAMED)) == [[("th", "emotion", "col"), ("th", "tp", "col"), ("th", "f1", "col")]]
    assert heads(dressed(CROSSED))[1] == [("th", "true", "col"), ("td", "", None), ("td", "", None)]
    upper, lower = heads(dressed(GROUPED))
    assert upper == [("td", "", None), ("th", "page", "colgroup"), ("th", "record", "col")]
    assert lower[0] == ("th", "", "col"), "the only one of its column"
    assert dressed(GROUPED).findall("thead/tr")[1][0].get("aria-label") == "row"
    scopes = [cell.get("scope") for cell in dressed(SPANNED).find("tbody").iter("th")]
    assert scopes == ["rowgroup", "row", "row", "row", "row"]
    assert "style" not in ElementTree.tostring(dressed(SPANNED), encoding="unicode")


def test_the_book_loads_the_script_and_it_is_small():
    settings = (ROOT / "_config.yml").read_text(encoding="utf-8")
    assert "tables.js" in settings and "tables.css" in settings
    assert sum((ROOT / "book" / "assets" / f"tables.{kind}").stat().st_size for kind in ("js", "css")) < 10_000


ASSETS = '<link rel="stylesheet" href="../_static/tables.css"><script defer src="../_static/tables.js"></script>'


@pytest.fixture(scope="module")
def markup() -> str:
    return ASSETS + "\n".join(shown(*map(html_of, FRAMES.values())))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, markup: str) -> Path:
    return write_page(tmp_path_factory.mktemp("tables"), markup)


def table(page: Page, name: str) -> Locator:
    return page.locator(".made-table").nth(list(FRAMES).index(name))


def column(page: Page, name: str, number: int) -> list[str]:
    cells = table(page, name).locator(f"tbody tr > :nth-child({number + 1})")
    return cells.all_text_contents()


def head(page: Page, name: str, number: int) -> Locator:
    return table(page, name).locator("thead tr").last.locator("> *").nth(number)


def sort(page: Page, name: str, number: int, times: int = 1) -> None:
    for _ in range(times):
        head(page, name, number).get_by_role("button").click()


@pytest.mark.browser
def test_a_column_is_sorted_by_its_numbers_rows_move_whole_and_the_third_click_restores_it(page):
    score, made = head(page, "mixed", 1), column(page, "mixed", 1)
    same = ["0.214 (0.078 to 0.378)", "0.214 (0.1 to 0.2)"]
    assert made == list(MIXED["score"]) and score.get_attribute("aria-sort") is None
    sort(page, "mixed", 1)
    assert column(page, "mixed", 1) == ["−3 (-4 to 1)", "-.006", "1e-05", *same, "12 %", "none", ""]
    assert score.get_attribute("aria-sort") == "ascending"
    sort(page, "mixed", 1)
    assert column(page, "mixed", 1) == ["12 %", *same, "1e-05", "-.006", "−3 (-4 to 1)", "none", ""]
    assert score.get_attribute("aria-sort") == "descending"
    sort(page, "mixed", 1)
    assert column(page, "mixed", 1) == made and column(page, "mixed", 0) == list(MIXED.index)
    assert score.get_attribute("aria-sort") is None
    sort(page, "mixed", 1)
    sort(page, "mixed", 0)
    sorted_heads = table(page, "mixed").locator("[aria-sort]")
    assert sorted_heads.count() == sorted_heads.get_by_role("button", name="row").count() == 1
    labels = column(page, "mixed", 0)
    assert [label for label in labels if label.startswith("Row")] == ["Row 9", "Row 10"]
    assert column(page, "mixed", 1) == list(MIXED["score"].loc[labels])
    sort(page, "mixed", 2)
    words = ["8-27", "10-29", "60-79", "100-119", "2026-01-02", "p0", "p1", ""]
    assert column(page, "mixed", 2) == words, "intervals of frames and dates are words with numbers in them"


@pytest.mark.browser
def test_the_keyboard_reaches_every_head_and_sorts(page):
    focused = "document.activeElement.textContent"
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "score"
    for key, first in (("Enter", "−3 (-4 to 1)"), ("Space", "12 %")):
        page.keyboard.press(key)
        assert column(page, "mixed", 1)[0] == first
    assert page.evaluate(focused) == "score", "the focus stays"


@pytest.mark.browser
def test_every_column_has_one_head_that_sorts_it_and_a_label_of_several_rows_follows(page):
    for name, columns in {"crossed": 3, "grouped": 4, "spanned": 3, "facts": 0}.items():
        assert table(page, name).locator("thead button").count() == columns
    table(page, "crossed").get_by_role("button", name="a", exact=True).click()
    assert column(page, "crossed", 1) == sorted(map(str, CROSSED["a"]))
    sort(page, "grouped", 3, times=2)
    assert column(page, "grouped", 3) == ["6", "3"]
    spanned = table(page, "spanned")
    sort(page, "spanned", 2, times=3)
    assert spanned.locator("[rowspan]").count() == 1, "joined where rows meet again"
    sort(page, "spanned", 2)
    assert spanned.locator("[rowspan]").count() == 0
    rows = spanned.locator("tbody tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    assert rows == [["micro", "b", "1"], ["macro", "a", "2"], ["micro", "a", "3"]]


def download(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        table(page, name).get_by_role("button", name="Download CSV").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


@pytest.mark.browser
def test_the_download_is_what_pandas_writes_of_the_frame_in_the_order_that_is_seen(page):
    for name in ("mixed", "named", "grouped", "spanned", "long", "facts"):
        suggested, saved = download(page, name)
        assert suggested == f"small-table-{list(FRAMES).index(name) + 1}.csv"
        text = saved.decode("utf-8")
        assert list(csv.reader(io.StringIO(text, newline=""))) == list(csv.reader(io.StringIO(FRAMES[name].to_csv())))
        assert text.endswith("\r\n") and text.count("\r\n") == text.count("\n"), name
    sort(page, "named", 0)
    assert download(page, "named")[1].decode() == "emotion,tp,f1\r\nangry,1,0.25\r\nhappy,3,0.75\r\n"


@pytest.mark.browser
def test_the_keyboard_opens_a_folded_table_and_a_printer_does(browser, tmp_path):
    with sound(browser, write_page(tmp_path, ASSETS + shown(html_of(Folded(LONG, "every row")))[0])) as page:
        made = page.get_by_role("table", name="Table 1: The part 0")
        assert made.count() == 0, "what is folded is not read out"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Show every row (59 in all)"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert made.is_visible() and page.get_by_role("button", name="Download CSV").is_visible()
        page.keyboard.press("Enter")
        assert made.count() == 0
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert made.is_visible()


@pytest.mark.browser
def test_without_a_script_tables_and_commands_are_there(browser, written):
    with reader(browser, script=False) as (page, _):
        page.goto(written.as_uri())
        assert page.get_by_role("button").count() == 0
        assert page.get_by_role("table", name="Table 1: The part 0").is_visible()
        assert page.get_by_text(COMMAND).count() == len(FRAMES)
        assert column(page, "mixed", 1) == list(MIXED["score"])


@pytest.mark.browser
def test_a_wide_table_scrolls_in_its_box_and_the_heads_of_a_long_one_stay(browser, tmp_path, markup):
    wide = MIXED.assign(**{f"a long name of column {i}": "0.214 (0.078 to 0.378)" for i in range(5)})
    path = write_page(tmp_path, markup + shown(html_of(wide))[0])
    with sound(browser, path, width=375) as page:
        box = page.locator(".made-table-box").last
        page.wait_for_function("document.querySelectorAll('[data-wide]').length === 8")
        assert too_wide(page) <= 0
        assert box.evaluate("box => box.scrollWidth - box.clientWidth") > 100
        box.evaluate("box => { box.scrollLeft = 100; }")
        label = box.locator("tbody th").first
        assert label.bounding_box()["x"] == pytest.approx(box.bounding_box()["x"], abs=1), "the label of a row stays"
    with sound(browser, path) as page:
        table(page, "long").locator("tbody tr").last.scroll_into_view_if_needed()
        assert 0 <= table(page, "long").locator("thead").bounding_box()["y"] < 100
        assert page.evaluate("window.scrollY") > 500
