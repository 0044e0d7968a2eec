"""The slides of each lab, opened in chromium from a file and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import make_labs
import pytest
from lab_tool import ROOT, labs, module
from playwright.sync_api import Browser, Page

alone = module(ROOT / "tests" / "book" / "alone.py")
LABS = labs()
each_lab = pytest.mark.parametrize("lab", LABS, ids=[lab.name for lab in LABS])

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with alone.chromium() as browser:
        yield browser


def shown(page: Page) -> str:
    """The heading of the slide in view; fails if not exactly one is."""
    headings = page.locator("section.present :is(h1, h2, h3)")
    assert headings.first.is_visible()
    return headings.first.inner_text()


def opened(browser: Browser, folder: Path, lab: make_labs.Lab) -> tuple[Page, list[str]]:
    """The slides of a lab, ready to be shown, and what went wrong while they were loaded."""
    path = folder / f"{lab.name}.html"
    path.write_text(make_labs.slides_text(lab), encoding="utf-8")
    page, said = alone.open_page(browser, path)
    page.wait_for_selector(".reveal.ready")
    return page, said


@each_lab
def test_arrow_keys_go_through_the_slides_without_an_error_or_a_network(browser, tmp_path, lab):
    page, said = opened(browser, tmp_path, lab)
    seen = [shown(page)]
    n_slides = page.locator(".slides > section").count()
    assert n_slides >= 3
    for _ in range(n_slides):
        page.keyboard.press("ArrowRight")
        if shown(page) != seen[-1]:
            seen.append(shown(page))
    assert len(seen) == n_slides, "each slide has a heading of its own and is reached by the right arrow"
    page.keyboard.press("ArrowLeft")
    assert shown(page) == seen[-2]
    assert said == [], "an error, or a file that would have come from elsewhere"
    page.close()


@each_lab
def test_every_slide_fits_its_page(browser, tmp_path, lab):
    page, _ = opened(browser, tmp_path, lab)
    height = page.evaluate("Reveal.getConfig().height")
    heights = page.evaluate(
        "Reveal.getSlides().map((s, i) => { Reveal.slide(i); return [s.scrollHeight, s.scrollWidth]; })"
    )
    width = page.evaluate("Reveal.getConfig().width")
    too_large = [number for number, (tall, wide) in enumerate(heights, start=1) if tall > height or wide > width]
    assert not too_large, f"slides {too_large} hold more than {width} x {height}: split them"
    page.close()
