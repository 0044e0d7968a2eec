"""The built pages in a real browser, without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = [pytest.mark.book, pytest.mark.browser]

#: What a sound page may say: a script of the theme (sphinx-thebe) is loaded twice.
ALLOWED = ("Identifier 'THEBE_JS_URL' has already been declared",)
PAGES = (
    *("index", "introduction", "playground", "ethics", "what_remains", "bring_a_dataset", "rerun", "glossary"),
    *("bibliography", "api/metrics", "runs/dataset_card"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: .ci/run installs it")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
        )
        yield browser
        browser.close()


def visit(browser: Browser, book: Path, name: str, scheme: str = "light") -> tuple[Page, list[str]]:
    """Open a page of the book; the page, and what went wrong while it was loaded."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"not loaded: {request.url}"))
    page.route("http*://**", lambda route: route.abort())
    page.goto((book / "_build" / "html" / "book" / f"{name}.html").as_uri(), wait_until="load")
    return page, said


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_without_an_error_and_fits_a_phone(browser, book, name):
    page, said = visit(browser, book, name)
    page.wait_for_load_state("networkidle")
    page.set_viewport_size({"width": 375, "height": 800})
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.close()
    assert [line for line in said if not any(allowed in line for allowed in ALLOWED)] == []
    assert over <= 1, f"{over} px too wide"


def test_formulas_are_drawn_without_a_network(browser, book):
    page, _ = visit(browser, book, "introduction")
    page.wait_for_selector("mjx-container")
    page.evaluate("MathJax.startup.promise")
    written = page.locator(".math").count()
    drawn = page.locator(".math mjx-container").count()
    wrong = page.locator("mjx-merror").count()
    page.close()
    assert (drawn, wrong) == (written, 0)
    assert written > 10


def test_a_page_follows_the_dark_scheme(browser, book):
    colours = []
    for scheme in ("light", "dark"):
        page, _ = visit(browser, book, "index", scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert colours[0] != colours[1]


def test_a_solution_opens_by_keyboard(browser, book):
    page, _ = visit(browser, book, "introduction")
    solution = page.locator(".solution.dropdown").first
    text = solution.get_by_text("The length is 12.")
    assert not text.is_visible()
    button = solution.locator("button.toggle-button, summary").first
    button.focus()
    page.keyboard.press("Enter")
    text.wait_for(state="visible", timeout=3000)
    page.close()
