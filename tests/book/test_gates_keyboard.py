"""The book by keyboard: Tab reaches everything in order, shows where it is, and is caught nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from reading import reader, visit, write_page

pytestmark = [pytest.mark.book, pytest.mark.browser]

#: What can have the focus by Tab and is to be seen; of radio buttons only one of a group has it.
STOPS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true }))
    .filter((e) => e.type !== "radio" || e.checked)"""
#: Of an element and what is in it, what a style may change to show the focus.
LOOK = """(e) => [e, ...e.children].map((part) => {
    const style = getComputedStyle(part);
    const outline = style.outlineStyle === "none" || style.outlineWidth === "0px" ? "none" : style.outlineColor;
    return [outline, style.boxShadow, style.backgroundColor, style.textDecorationLine].join(" ");
}).join()"""


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    with reader(browser) as opened:
        yield opened


def walk(page: Page) -> tuple[list[str], list[str]]:
    """Press Tab through a page: what had the focus, in order, and what is wrong."""
    page.evaluate(f"() => {{ window.stops = ({STOPS})(); window.before = window.stops.map({LOOK}); }}")
    count = page.evaluate("window.stops.length")
    order, wrong = [], []
    for _ in range(count + 5):
        page.keyboard.press("Tab")
        # A shadow may need a moment to grow where a style asks for it.
        where, name, seen = page.evaluate(
            f"""async () => {{
                const e = document.activeElement;
                if (e === document.body) return [-2, "", true];
                const at = window.stops.indexOf(e);
                const name = (e.getAttribute("aria-label") || e.innerText || e.id || e.outerHTML).trim().slice(0, 60);
                for (let turn = 0; turn < 20; turn++) {{
                    if (({LOOK})(e) !== window.before[at]) return [at, name, true];
                    await new Promise((done) => setTimeout(done, 20));
                }}
                return [at, name, false];
            }}"""
        )
        if where == -2:
            break
        order.append((where, name))
        if not seen:
            wrong.append(f"no focus to be seen: {name}")
    else:
        wrong.append(f"the focus does not leave the page: {order[-1][1]}")
    reached = {where for where, _ in order}
    missed = page.evaluate(
        "(at) => at.map((k) => window.stops[k].outerHTML.slice(0, 80))", sorted(set(range(count)) - reached)
    )
    wrong += [f"not reached: {html}" for html in missed]
    return [name for _, name in order], wrong


@pytest.mark.parametrize("name", ["index", "playground", "runs/dataset_card", "runs/viewer"])
def test_tab_reaches_all_and_shows_where_it_is(window, html, name):
    page, said = window
    visit(page, said, html / "book" / f"{name}.html")
    order, wrong = walk(page)
    assert wrong == []
    assert order[0] == "Skip to main content"
    links = page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()
    at = order.index(links[0].strip())
    assert order[at : at + 3] == [link.strip() for link in links[:3]], "the contents come in their order"
    assert at <= 3, "and before the page"


def test_the_first_link_leads_past_the_navigation(window, html):
    page, said = window
    visit(page, said, html / "book" / "index.html")
    page.keyboard.press("Tab")
    assert page.get_by_role("link", name="Skip to main content").is_visible()
    for key in ("Enter", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("document.querySelector('#main-content').contains(document.activeElement)")


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ('<style>a:focus { outline: none }</style><a href="#">link</a>', "no focus to be seen: link"),
        (
            '<a href="#" onkeydown="event.preventDefault()">trap</a><a href="#">link</a>',
            "the focus does not leave the page",
        ),
        (
            '<a href="#">one</a><a href="#" onfocus="this.nextSibling.nextSibling.focus()">two</a><a href="#">three</a>'
            '<a href="#">four</a>',
            "not reached",
        ),
        ('<a href="#">one</a><button>two</button><div tabindex="0">three</div>', None),
    ],
)
def test_a_page_that_keeps_the_keyboard_out_is_found(window, tmp_path, markup, fault):
    page, said = window
    visit(page, said, write_page(tmp_path, markup))
    _, wrong = walk(page)
    assert (wrong == []) if fault is None else any(fault in line for line in wrong), wrong
