"""The base-rate calculation: its counts are the published ones, and the page calculates as the table does."""

from __future__ import annotations

import shutil
from pathlib import Path

import make_base_rate
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]


def test_the_table_says_what_the_published_counts_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert make_base_rate.main(["--check"]) == 0, "run python tools/make_base_rate.py"


def test_a_changed_count_makes_the_table_stale(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / make_base_rate.COUNTS.parent).mkdir(parents=True)
    (tmp_path / make_base_rate.TABLE.parent).mkdir(parents=True)
    text = (ROOT / make_base_rate.COUNTS).read_text(encoding="utf-8")
    (tmp_path / make_base_rate.COUNTS).write_text(text, encoding="utf-8")
    assert make_base_rate.main([]) == 0
    assert make_base_rate.main(["--check"]) == 0
    (tmp_path / make_base_rate.COUNTS).write_text(text.replace("MEAN,O,FP,206", "MEAN,O,FP,207"), encoding="utf-8")
    assert make_base_rate.main(["--check"]) == 1


def test_the_counts_give_the_printed_f1_of_spotting():
    counts = make_base_rate.published_counts(ROOT / make_base_rate.COUNTS)
    assert len(counts) >= 2
    table = pd.read_csv(ROOT / make_base_rate.COUNTS)
    for row in counts.itertuples():
        of_row = (table["dataset"] == row.dataset) & (table["method"] == row.method) & (table["task"] == "spotting")
        (printed,) = table.loc[of_row & (table["metric"] == "F1"), "value"]
        assert 2 * row.TP / (2 * row.TP + row.FP + row.FN) == pytest.approx(printed, abs=5e-5)


def test_the_shares_are_what_a_count_of_invented_people_gives():
    rng = np.random.default_rng(8)
    people, liars, ratio, found, false = 400_000, 0.2, 3.0, 0.4, 0.9
    lying = rng.random(people) < liars
    marks_right = rng.poisson(0.1 * np.where(lying, ratio, 1.0) * found)
    marks_false = rng.poisson(false, people)
    right = marks_right.sum() / (marks_right.sum() + marks_false.sum())
    on_liars = (marks_right + marks_false)[lying].sum() / (marks_right + marks_false).sum()
    assert make_base_rate.share_from_liars(right, liars, ratio) == pytest.approx(on_liars, abs=0.003)
    assert make_base_rate.share_right(marks_right.sum(), marks_false.sum(), 1.0) == pytest.approx(right)


def test_a_mark_says_nothing_where_liars_show_no_more():
    assert make_base_rate.share_from_liars(0.5, 0.05, 1.0) == pytest.approx(0.05)


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    """The fragment alone, where its script and style are found as in the book."""
    (tmp_path / "_static").mkdir()
    for name in ("baserate.js", "baserate.css"):
        shutil.copy(ROOT / "book" / "assets" / name, tmp_path / "_static")
    (tmp_path / "book").mkdir()
    path = tmp_path / "book" / "page.html"
    fragment = (ROOT / make_base_rate.TABLE).read_text(encoding="utf-8")
    path.write_text(f'<!doctype html><meta charset="utf-8"><title>page</title>{fragment}', encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, **options: object) -> Page:
    page = browser.new_page(**options)
    page.goto(path.as_uri(), wait_until="load")
    return page


def choose(page: Page, name: str, value: int) -> None:
    page.locator(f"#base-rate-{name}").evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); }", value
    )


@pytest.mark.browser
@pytest.mark.parametrize(("system", "common", "liars", "ratio"), [(0, 100, 5, 3), (1, 10, 30, 20), (1, 200, 99, 1)])
def test_the_page_calculates_as_the_program_does(browser, page_file, system, common, liars, ratio):
    row = make_base_rate.published_counts(ROOT / make_base_rate.COUNTS).iloc[system]
    page = opened(browser, page_file)
    page.locator("#base-rate-system").select_option(index=system)
    for name, value in (("common", common), ("liars", liars), ("ratio", ratio)):
        choose(page, name, value)
    said = page.locator("#base-rate-said")
    right = make_base_rate.share_right(row["TP"], row["FP"], common / 100)
    assert float(said.get_attribute("data-right")) == pytest.approx(right)
    assert float(said.get_attribute("data-lying")) == pytest.approx(
        make_base_rate.share_from_liars(right, liars / 100, ratio)
    )
    counts = [int(cell) for cell in page.locator("#base-rate td[data-kind]").all_inner_texts()]
    assert abs(sum(counts) - 1000) <= 2
    assert abs(counts[0] + counts[1] - 1000 * right) <= 1
    page.close()


@pytest.mark.browser
def test_every_control_is_reached_and_moved_by_keyboard(browser, page_file):
    page = opened(browser, page_file)
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == [f"base-rate-{name}" for name in ("system", "common", "liars", "ratio")]
    before = page.locator("#base-rate-said").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#base-rate-said").inner_text() != before
    page.close()


@pytest.mark.browser
def test_the_controls_fit_a_phone(browser, page_file):
    page = opened(browser, page_file, viewport={"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 1
    page.close()


@pytest.mark.browser
def test_without_javascript_the_table_stands_alone(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator("#base-rate").inner_text() == ""
    assert page.locator("#base-rate-table tbody tr").count() == len(
        make_base_rate.published_counts(ROOT / make_base_rate.COUNTS)
    )
    context.close()
