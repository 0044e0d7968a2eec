"""Rules of accessibility, checked by axe: no page of any kind breaks one whose breach shuts a reader out."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from reading import contents, reader, settle, write_page

pytestmark = [pytest.mark.book, pytest.mark.browser]

#: A page of each kind. A book that was made in earnest (MELIB_BOOK) is looked at whole.
PAGES = (
    ["search", *contents()]
    if os.environ.get("MELIB_BOOK")
    else [
        "search",
        *(f"book/{name}" for name in ("index", "introduction", "playground", "ethics", "rerun")),
        *(f"book/{name}" for name in ("bring_a_dataset", "glossary", "bibliography", "api/index", "api/video")),
        *("book/runs/dataset_card", "book/runs/viewer", "_modules/melib/metrics/recognition"),
    ]
)
GRAVE = ("serious", "critical")
#: What depends on colours alone, and on the width of the window.
COLOURS, NARROW = ["color-contrast", "link-in-text-block"], ["scrollable-region-focusable"]
UNFOLD = """() => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    for (const button of document.querySelectorAll(".toggle-hidden button.toggle-button")) button.click();
}"""


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    with reader(browser) as (page, _):
        yield page


def breaches(page: Page, rules: list[str] | None = None) -> set[str]:
    """Grave breaches of the rules, of all or of some, in what a page now shows."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    return {
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['html'][:120]}"
        for rule in Axe().run(page, options=options).response["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    }


def found(page: Page, address: str) -> set[str]:
    """Breaches on a phone, in a wide window, and in the dark, all that can be unfolded unfolded."""
    page.set_viewport_size({"width": 375, "height": 900})
    page.emulate_media(color_scheme="light")
    page.goto(address, wait_until="load")
    settle(page)
    page.evaluate(UNFOLD)
    settle(page)
    on_a_phone = breaches(page, NARROW)
    page.set_viewport_size({"width": 1280, "height": 900})
    settle(page)
    in_the_light = breaches(page)
    page.emulate_media(color_scheme="dark")
    settle(page)
    return on_a_phone | in_the_light | breaches(page, COLOURS)


@pytest.mark.parametrize("name", PAGES)
def test_no_rule_is_gravely_broken(window, html, name):
    broken = found(window, (html / f"{name}.html").as_uri())
    assert window.evaluate("document.documentElement.dataset.theme") == "dark"
    assert broken == set()


@pytest.mark.parametrize(
    ("markup", "rule"),
    [
        ('<img src="../_static/filmstrip.png">', "image-alt"),
        ("<input>", "label"),
        ('<button><i class="fas fa-file"></i></button>', "button-name"),
        ('<p style="color: #999; background: #fff">pale</p>', "color-contrast"),
        (
            "<style>@media (prefers-color-scheme: dark) { p { color: #333; background: #222 } }</style><p>dark</p>",
            "color-contrast",
        ),
        (
            f'<div style="width: 300px; overflow: auto"><table><tr>{"<td>cell</td>" * 40}</tr></table></div>',
            "scrollable-region-focusable",
        ),
        ('<div role="list"><a href="#">no item</a></div>', "aria-required-children"),
    ],
)
def test_a_breach_is_found(window, tmp_path, markup, rule):
    broken = found(window, write_page(tmp_path, markup).as_uri())
    assert {line.partition(":")[0] for line in broken} == {rule}


def test_what_fades_in_is_looked_at_when_it_stands(window, tmp_path):
    fading = """<style>
        @keyframes in { from { opacity: 0.2 } }
        @keyframes beat { to { opacity: 0.99 } }
        details[open] p { animation: in 4s step-end }
        h1 { animation: beat 1s infinite alternate }
    </style><details><summary>more</summary><p>words that become legible</p></details>"""
    address = write_page(tmp_path, fading).as_uri()
    assert found(window, address) == set()
    window.goto(address, wait_until="load")
    # Held where it begins, however long the look takes.
    window.evaluate(f"() => {{ ({UNFOLD})(); for (const one of document.getAnimations()) one.pause(); }}")
    assert {line.partition(":")[0] for line in breaches(window, COLOURS)} == {"color-contrast"}


@pytest.mark.parametrize(("wish", "some"), [("reduce", False), ("no-preference", True)])
def test_nothing_fades_for_readers_who_ask_for_less_motion(browser, html, wish, some):
    page = browser.new_page(reduced_motion=wish)
    page.goto((html / "book" / "runs" / "viewer.html").as_uri(), wait_until="load")
    settle(page)
    # Asked at once: a moment later a fade may be over.
    assert page.evaluate(f"() => {{ ({UNFOLD})(); return document.getAnimations().length > 0; }}") is some
    page.close()
