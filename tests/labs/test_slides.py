"""The slides of each lab, opened in chromium from a file and without a network."""

from collections.abc import Iterator

import make_labs
import pytest
from lab_tool import each_lab
from playwright.sync_api import Browser, Page

from tests.book import reading

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with reading.chromium() as started:
        yield started


def shown(page: Page) -> str:
    """The heading of the slide in view; fails if not exactly one is."""
    headings = page.locator("section.present :is(h1, h2, h3)")
    assert headings.first.is_visible()
    return headings.first.inner_text()


@each_lab
def test_every_slide_fits_its_page_and_arrow_keys_go_through_all_without_a_network(browser, tmp_path, lab):
    path = tmp_path / f"{lab.name}.html"
    path.write_text(make_labs.slides_text(lab), encoding="utf-8")
    with reading.sound(browser, path) as page:
        page.wait_for_selector(".reveal.ready")
        width, height = page.evaluate("[Reveal.getConfig().width, Reveal.getConfig().height]")
        sizes = page.evaluate(
            "Reveal.getSlides().map((s, i) => { Reveal.slide(i); return [s.scrollWidth, s.scrollHeight]; })"
        )
        too_large = [number for number, (wide, tall) in enumerate(sizes, start=1) if tall > height or wide > width]
        assert not too_large, f"slides {too_large} hold more than {width} x {height}: split them"
        page.evaluate("Reveal.slide(0)")
        seen = [shown(page)]
        for _ in sizes:
            page.keyboard.press("ArrowRight")
            if shown(page) != seen[-1]:
                seen.append(shown(page))
        assert len(seen) == len(sizes) >= 3, "each slide has a heading of its own and is reached by the right arrow"
        page.keyboard.press("ArrowLeft")
        assert shown(page) == seen[-2]
