"""Tables that a run made, as a page shows them: named, with their command, sorted and saved in a browser."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from alone import ROOT, open_page, write_page
from nbformat import NotebookNode, v4
from playwright.sync_api import Browser, Locator, Page

from melib import tables
from melib.engine.pages import dress
from melib.engine.runs import Run

RUN = Run("small", "notebooks/small.md", "A small page", {"quick": 1.0})
MADE = {"time": "2026-01-02T03:04:05+00:00", "commit": "a" * 40, "code": "b" * 64}
COMMAND = "python -m melib run small --tier quick"

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


def page_of(outputs: list[str]) -> NotebookNode:
    """A page as a run leaves it, whose outputs stand one by one under headings of their own."""
    cells = [v4.new_markdown_cell("# Any title\n\nA question.")]
    for number, html in enumerate(outputs):
        cells.append(v4.new_markdown_cell(f"## The *part* {number}\n\n```\n# no heading\n```"))
        output = v4.new_output("execute_result", {"text/html": html, "text/plain": "..."}, execution_count=1)
        cells.append(v4.new_code_cell("show()", outputs=[output]))
    notebook = v4.new_notebook(cells=cells)
    dress(notebook, RUN, "quick", key="k" * 64, parameters={}, seconds=1.0, made=MADE)
    return notebook


def shown(notebook: NotebookNode) -> list[str]:
    return [output.data["text/html"] for cell in notebook.cells for output in cell.get("outputs", ())]


def table_of(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.search(r"<table.*</table>", html, re.DOTALL)[0])


def dressed(frame: pd.DataFrame) -> ElementTree.Element:
    (html,) = shown(page_of([frame._repr_html_()]))
    return table_of(html)


def heads(table: ElementTree.Element) -> list[list[tuple[str, str, str | None]]]:
    return [[(cell.tag, cell.text or "", cell.get("scope")) for cell in row] for row in table.find("thead")]


def test_every_table_of_a_page_has_its_number_its_name_and_its_command():
    outputs = [*(frame._repr_html_() for frame in FRAMES.values()), "<table><tr><td>one</td></tr></table>"]
    found = shown(page_of([*outputs, "<p>no table</p>"]))
    assert found.pop() == "<p>no table</p>"
    for number, html in enumerate(found, start=1):
        assert html.count("<table") == html.count(f"<code>{COMMAND}</code>") == 1
        assert f"Table {number} of this page" in html
        assert table_of(html).get("aria-label") == f"Table {number}: The part {number - 1}"
        assert table_of(html).get("data-csv") == f"small-table-{number}.csv"


def test_two_tables_of_one_output_are_two_tables():
    first, then = shown(page_of([NAMED._repr_html_() * 2, NAMED._repr_html_()]))
    assert first.count(COMMAND) == 2
    assert re.findall(r"Table (\d) of", first + then) == ["1", "2", "3"]


def test_a_table_that_is_no_xml_has_its_command_all_the_same():
    (html,) = shown(page_of(["<table><tr><td>one<br>two</td></tr></table>"]))
    assert "<td>one<br>two</td>" in html
    assert 'aria-label="Table 1: The part 0"' in html and COMMAND in html


@pytest.mark.parametrize("name", ["mixed", "crossed", "grouped", "long"])
def test_no_word_of_a_table_is_changed(name):
    made = FRAMES[name]._repr_html_()
    (framed,) = shown(page_of([made]))
    words = [
        [text for text in "".join(table_of(html).itertext()).splitlines() if text.strip()] for html in (made, framed)
    ]
    assert words[0] == words[1]


def test_a_folded_table_keeps_its_name_its_command_and_every_row():
    (html,) = shown(page_of([tables.Folded(LONG, "every row & more")._repr_html_()]))
    assert "<summary>Show every row &amp; more (59 in all)</summary>" in html
    assert html.startswith("<details") and html.rstrip().endswith("</details>") and html.count(COMMAND) == 1
    assert len(table_of(html).findall("tbody/tr")) == 59
    many = pd.DataFrame({"number": range(500)})
    assert tables.Folded(many, "all")._repr_html_().count("<tr") == 501, "pandas would leave out rows of so many"
    assert repr(tables.Folded(many, "all")) == many.to_string()
    words = ", ".join(9 * ["not told apart"])
    wordy = pd.DataFrame({"verdict": [words]})
    assert words in tables.Folded(wordy, "all")._repr_html_(), "pandas would cut so long a cell"


def test_the_name_of_an_index_stands_in_the_one_row_of_heads():
    assert heads(dressed(NAMED)) == [[("th", "emotion", "col"), ("th", "tp", "col"), ("th", "f1", "col")]]


def test_an_empty_cell_of_the_head_is_no_header_unless_it_is_the_only_one_of_its_column():
    assert heads(dressed(CROSSED))[1] == [("th", "true", "col"), ("td", "", None), ("td", "", None)]
    upper, lower = heads(dressed(GROUPED))
    assert upper == [("td", "", None), ("th", "page", "colgroup"), ("th", "record", "col")]
    assert lower[0] == ("th", "", "col")
    assert dressed(GROUPED).findall("thead/tr")[1][0].get("aria-label") == "row"


def test_labels_of_rows_say_that_they_are():
    scopes = [cell.get("scope") for cell in dressed(SPANNED).find("tbody").iter("th")]
    assert scopes == ["rowgroup", "row", "row", "row", "row"]
    assert "style" not in ElementTree.tostring(dressed(SPANNED), encoding="unicode")


def test_the_book_loads_the_script_and_it_is_small():
    settings = (ROOT / "_config.yml").read_text(encoding="utf-8")
    assert "tables.js" in settings and "tables.css" in settings
    assert sum((ROOT / "book" / "assets" / f"tables.{kind}").stat().st_size for kind in ("js", "css")) < 10_000


@pytest.fixture(scope="module")
def markup() -> str:
    outputs = "\n".join(shown(page_of([frame._repr_html_() for frame in FRAMES.values()])))
    return (
        '<link rel="stylesheet" href="../_static/tables.css"><script defer src="../_static/tables.js"></script>'
        f"{outputs}"
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, markup: str) -> Path:
    return write_page(tmp_path_factory.mktemp("tables"), "tables", markup)


@pytest.fixture
def page(browser: Browser, written: Path) -> Iterator[Page]:
    page, said = open_page(browser, written)
    yield page
    page.close()
    assert said == []


def table(page: Page, name: str) -> Locator:
    return page.locator(".made-table").nth(list(FRAMES).index(name))


def column(page: Page, name: str, number: int) -> list[str]:
    cells = table(page, name).locator(f"tbody tr > :nth-child({number + 1})")
    return cells.all_text_contents()


def head(page: Page, name: str, number: int) -> Locator:
    return table(page, name).locator("thead tr").last.locator("> *").nth(number)


@pytest.mark.browser
def test_a_column_is_sorted_by_its_numbers_and_the_third_click_restores_it(page):
    score, button = head(page, "mixed", 1), head(page, "mixed", 1).get_by_role("button")
    made = column(page, "mixed", 1)
    same = ["0.214 (0.078 to 0.378)", "0.214 (0.1 to 0.2)"]
    assert made == list(MIXED["score"]) and score.get_attribute("aria-sort") is None
    button.click()
    assert column(page, "mixed", 1) == ["−3 (-4 to 1)", "-.006", "1e-05", *same, "12 %", "none", ""]
    assert score.get_attribute("aria-sort") == "ascending"
    button.click()
    assert column(page, "mixed", 1) == ["12 %", *same, "1e-05", "-.006", "−3 (-4 to 1)", "none", ""]
    assert score.get_attribute("aria-sort") == "descending"
    button.click()
    assert column(page, "mixed", 1) == made
    assert column(page, "mixed", 0) == list(MIXED.index)
    assert score.get_attribute("aria-sort") is None


@pytest.mark.browser
def test_rows_move_whole_and_only_one_column_is_the_sorted_one(page):
    head(page, "mixed", 1).get_by_role("button").click()
    head(page, "mixed", 0).get_by_role("button").click()
    sorted_heads = table(page, "mixed").locator("[aria-sort]")
    assert sorted_heads.count() == 1
    assert sorted_heads.get_by_role("button", name="row").count() == 1
    labels = column(page, "mixed", 0)
    assert [label for label in labels if label.startswith("Row")] == ["Row 9", "Row 10"]
    assert column(page, "mixed", 1) == list(MIXED["score"].loc[labels])


@pytest.mark.browser
def test_intervals_of_frames_and_dates_are_words_with_numbers_in_them(page):
    head(page, "mixed", 2).get_by_role("button").click()
    expected = ["8-27", "10-29", "60-79", "100-119", "2026-01-02", "p0", "p1", ""]
    assert column(page, "mixed", 2) == expected


@pytest.mark.browser
def test_the_keyboard_reaches_every_head_and_sorts(page):
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "score"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert column(page, "mixed", 1)[0] == "−3 (-4 to 1)"
    page.keyboard.press("Space")
    assert column(page, "mixed", 1)[0] == "12 %"
    assert head(page, "mixed", 1).get_attribute("aria-sort") == "descending"
    assert page.evaluate("document.activeElement.textContent") == "score", "the focus stays"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Download CSV"


@pytest.mark.browser
def test_every_column_has_one_head_that_sorts_it_under_heads_of_several_columns(page):
    for name, columns in {"crossed": 3, "grouped": 4, "spanned": 3, "facts": 0}.items():
        assert table(page, name).locator("thead button").count() == columns
    table(page, "crossed").get_by_role("button", name="a", exact=True).click()
    assert column(page, "crossed", 1) == sorted(map(str, CROSSED["a"]))
    head(page, "grouped", 3).get_by_role("button").click()
    head(page, "grouped", 3).get_by_role("button").click()
    assert column(page, "grouped", 3) == ["6", "3"]


@pytest.mark.browser
def test_a_label_of_several_rows_is_repeated_when_they_part_and_joined_when_they_meet_again(page):
    spanned = table(page, "spanned")
    for _ in range(2):
        head(page, "spanned", 2).get_by_role("button").click()
    head(page, "spanned", 2).get_by_role("button").click()
    assert spanned.locator("[rowspan]").count() == 1
    head(page, "spanned", 2).get_by_role("button").click()
    assert spanned.locator("[rowspan]").count() == 0
    rows = spanned.locator("tbody tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    assert rows == [["micro", "b", "1"], ["macro", "a", "2"], ["micro", "a", "3"]]


def download(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        table(page, name).get_by_role("button", name="Download CSV").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


@pytest.mark.browser
@pytest.mark.parametrize("name", ["mixed", "named", "grouped", "spanned", "long", "facts"])
def test_the_download_is_what_pandas_writes_of_the_frame(page, name):
    suggested, saved = download(page, name)
    assert suggested == f"small-table-{list(FRAMES).index(name) + 1}.csv"
    text = saved.decode("utf-8")
    assert list(csv.reader(io.StringIO(text, newline=""))) == list(csv.reader(io.StringIO(FRAMES[name].to_csv())))
    assert text.endswith("\r\n") and text.count("\r\n") == text.count("\n") == 1 + len(FRAMES[name]) + (
        name == "grouped"
    )


@pytest.mark.browser
def test_the_download_has_the_order_that_is_seen(page):
    head(page, "named", 0).get_by_role("button").click()
    _, saved = download(page, "named")
    assert saved.decode() == "emotion,tp,f1\r\nangry,1,0.25\r\nhappy,3,0.75\r\n"


@pytest.mark.browser
def test_the_keyboard_opens_a_folded_table_and_a_printer_does(browser, tmp_path, markup):
    (html,) = shown(page_of([tables.Folded(LONG, "every row")._repr_html_()]))
    assets = markup[: markup.index("</script>") + len("</script>")]
    page, said = open_page(browser, write_page(tmp_path, "folded", assets + html))
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
    page.close()
    assert said == []


@pytest.mark.browser
def test_without_a_script_tables_and_commands_are_there(browser, written):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(written.as_uri())
    assert page.get_by_role("button").count() == 0
    assert page.get_by_role("table", name="Table 1: The part 0").is_visible()
    assert page.get_by_text(COMMAND).count() == len(FRAMES)
    assert column(page, "mixed", 1) == list(MIXED["score"])
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_wide_table_scrolls_in_its_box_on_a_phone(browser, tmp_path, markup, theme):
    wide = MIXED.assign(**{f"a long name of column {i}": "0.214 (0.078 to 0.378)" for i in range(5)})
    (html,) = shown(page_of([wide._repr_html_()]))
    page, said = open_page(browser, write_page(tmp_path, "tables", markup + html, theme=theme), width=375)
    box = page.locator(".made-table-box").last
    page.wait_for_function("document.querySelectorAll('[data-wide]').length === 8")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") > 100
    box.evaluate("box => { box.scrollLeft = 100; }")
    label = box.locator("tbody th").first
    assert label.bounding_box()["x"] == pytest.approx(box.bounding_box()["x"], abs=1), "the label of a row stays"
    page.close()
    assert said == []


@pytest.mark.browser
def test_the_heads_of_a_long_table_stay_in_sight(page):
    last = table(page, "long").locator("tbody tr").last
    last.scroll_into_view_if_needed()
    place = table(page, "long").locator("thead").bounding_box()
    assert 0 <= place["y"] < 100
    assert page.evaluate("window.scrollY") > 500
