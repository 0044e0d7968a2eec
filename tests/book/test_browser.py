"""The built pages in a real browser, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from reading import contents, reader, too_wide, visit, write_page

pytestmark = [pytest.mark.book, pytest.mark.browser]

#: Mean of red, green and blue behind the text of a page.
BRIGHTNESS = {"light": range(240, 256), "dark": range(0, 48)}


@pytest.fixture(scope="module")
def phones(browser: Browser) -> Iterator[dict[str, tuple[Page, list[str]]]]:
    """A narrow window of either scheme, and what goes wrong in it."""
    with reader(browser, scheme="light", width=375) as light, reader(browser, scheme="dark", width=375) as dark:
        yield {"light": light, "dark": dark}


def faults(page: Page, said: list[str], path: Path) -> list[str]:
    """What is wrong with a page on a phone."""
    visit(page, said, path)
    over = too_wide(page)
    return [*said, *([f"{over} px too wide"] if over > 1 else [])]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*contents(), "_modules/melib/metrics/recognition"])
def test_a_page_opens_without_an_error_and_fits_a_phone(phones, html, name, scheme):
    page, said = phones[scheme]
    assert faults(page, said, html / f"{name}.html") == []
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert sum(colour[:3]) // 3 in BRIGHTNESS[scheme]


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ('<p style="width: 400px">wide</p>', "px too wide"),
        ("<script>no_such_function()</script>", "no_such_function"),
        ("<script>console.error('told')</script>", "told"),
        ('<img alt="gone" src="gone.png">', "gone.png"),
        ('<script src="http://127.0.0.1:9/elsewhere.js"></script>', "elsewhere.js"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(phones, tmp_path, markup, fault):
    found = faults(*phones["light"], write_page(tmp_path, markup))
    assert any(fault in line for line in found), found


def test_formulas_are_drawn_and_a_solution_opens_by_keyboard(browser, html):
    with reader(browser) as (page, said):
        visit(page, said, html / "book" / "introduction.html")
        drawn, wrong = (page.locator(what).count() for what in (".math mjx-container", "mjx-merror"))
        assert (drawn, wrong) == (page.locator(".math").count(), 0) and drawn > 10
        solution = page.locator(".solution.dropdown").first
        text = solution.get_by_text("The length is 12.")
        assert not text.is_visible()
        solution.locator("button.toggle-button, summary").first.focus()
        page.keyboard.press("Enter")
        text.wait_for(state="visible")


def test_no_icon_is_left_blank(browser, html):
    with reader(browser) as (page, said):
        visit(page, said, html / "book" / "runs" / "dataset_card.html")
        icons = page.eval_on_selector_all(
            ".fas, .far, .fab, .fa-solid, .fa-regular, .fa-brands",
            """icons => icons.map((icon) => {
                const drawn = getComputedStyle(icon, "::before");
                return [icon.className, drawn.content, drawn.fontFamily];
            })""",
        )
        fonts = page.evaluate("[...document.fonts].filter((font) => font.status === 'error').length")
    assert len(icons) > 5
    assert [icon for icon in icons if icon[1] in ("none", "normal") or "Awesome" not in icon[2]] == []
    assert fonts == 0
