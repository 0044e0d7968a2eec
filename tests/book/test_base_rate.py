"""Files that tools write for the book are current; and the base rate: its counts are the published ones, and the page
calculates as the table does."""

from __future__ import annotations

from pathlib import Path

import make_base_rate
import make_pipeline
import make_runs_table
import numpy as np
import pandas as pd
import playground_cases
import pytest
from playwright.sync_api import Browser
from reading import ROOT, reader, sound, too_wide, write_page

COUNTS = make_base_rate.published_counts(ROOT / make_base_rate.COUNTS)
FRAGMENT = (ROOT / make_base_rate.TABLE).read_text(encoding="utf-8")


@pytest.mark.parametrize("tool", [make_base_rate, make_pipeline, make_runs_table, playground_cases])
def test_what_a_tool_writes_is_current(monkeypatch, tool):
    monkeypatch.chdir(ROOT)
    assert tool.main(["--check"]) == 0, f"run python tools/{tool.__name__}.py"


def test_the_picture_of_the_chain_shows_its_stages_in_their_order():
    titles = "long video, two frames, motion, three planes, network, score, intervals, names, truth, STRS".split(", ")
    assert [title for title, _ in make_pipeline.STAGES] == titles


def test_the_counts_give_the_printed_f1_of_spotting():
    assert len(COUNTS) >= 2
    table = pd.read_csv(ROOT / make_base_rate.COUNTS)
    for row in COUNTS.itertuples():
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
    assert make_base_rate.share_from_liars(0.5, 0.05, 1.0) == pytest.approx(0.05), "liars who show no more"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_page(tmp_path, FRAGMENT)


@pytest.mark.browser
@pytest.mark.parametrize(("system", "common", "liars", "ratio"), [(0, 100, 5, 3), (1, 10, 30, 20), (1, 200, 99, 1)])
def test_the_page_calculates_as_the_program_does(browser, path, system, common, liars, ratio):
    change = "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); }"
    row = COUNTS.iloc[system]
    with sound(browser, path) as page:
        page.locator("#base-rate-system").select_option(index=system)
        for name, value in (("common", common), ("liars", liars), ("ratio", ratio)):
            page.locator(f"#base-rate-{name}").evaluate(change, value)
        said = page.locator("#base-rate-said")
        right = make_base_rate.share_right(row["TP"], row["FP"], common / 100)
        lying = make_base_rate.share_from_liars(right, liars / 100, ratio)
        assert float(said.get_attribute("data-right")) == pytest.approx(right)
        assert float(said.get_attribute("data-lying")) == pytest.approx(lying)
        counts = [int(cell) for cell in page.locator("#base-rate td[data-kind]").all_inner_texts()]
        assert abs(sum(counts) - 1000) <= 2
        assert abs(counts[0] + counts[1] - 1000 * right) <= 1


@pytest.mark.browser
def test_every_control_fits_a_phone_and_is_reached_and_moved_by_keyboard(browser: Browser, path):
    with sound(browser, path, width=375) as page:
        assert too_wide(page) <= 1
        reached = []
        for _ in range(4):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        assert reached == [f"base-rate-{name}" for name in ("system", "common", "liars", "ratio")]
        before = page.locator("#base-rate-said").inner_text()
        page.keyboard.press("ArrowRight")
        assert page.locator("#base-rate-said").inner_text() != before


@pytest.mark.browser
def test_without_javascript_the_table_stands_alone(browser, path):
    with reader(browser, script=False) as (page, _):
        page.goto(path.as_uri())
        assert page.locator("#base-rate").inner_text() == ""
        assert page.locator("#base-rate-table tbody tr").count() == len(COUNTS)
