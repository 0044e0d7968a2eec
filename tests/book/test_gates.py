"""The built pages in a real browser without a network: on a phone, in the dark, by keyboard, by the rules of axe."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from reading import contents, reader, settle, too_wide, visit, write_page

pytestmark = [pytest.mark.book, pytest.mark.browser]

SOURCE = "_modules/melib/metrics/verdict"
#: All pages of a book that was made in earnest (MELIB_BOOK); of stand-ins and of the reference, which are alike, some.
PAGES = ["search", SOURCE, *contents()]
if not os.environ.get("MELIB_BOOK"):
    SOME = ("runs/dataset_card", "runs/viewer", "api/index", "api/metrics", "api/video")
    PAGES = [name for name in PAGES if not name.startswith(("book/runs/", "book/api/")) or name.endswith(SOME)]
#: A page of each kind, for axe, or all.
KINDS = "index introduction networks_in_detail playground your_code glossary api/video".split()
KINDS = ["search", SOURCE, "book/runs/viewer", *(f"book/{name}" for name in KINDS)]
KINDS = PAGES if os.environ.get("MELIB_BOOK") else KINDS
#: Mean of red, green and blue behind the text of a page.
BRIGHTNESS = {"light": range(240, 256), "dark": range(0, 48)}
#: Rules of axe on what depends on colours alone, and on the width of the window.
COLOURS, NARROW = ["color-contrast", "link-in-text-block"], ["scrollable-region-focusable"]
UNFOLD = """() => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    for (const button of document.querySelectorAll(".toggle-hidden button.toggle-button")) button.click();
}"""
#: Code and output wider than its column, by the first words.
CUT = """() => [...document.querySelectorAll("pre")]
    .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText.slice(0, 80))"""
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


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A narrow window, and what goes wrong in it."""
    with reader(browser, width=375) as opened:
        yield opened


def faults(page: Page, said: list[str], path: Path) -> list[str]:
    """What is wrong with a page on a phone, by day and by night; it is left open, in the dark."""
    page.set_viewport_size({"width": 375, "height": 900})
    page.emulate_media(color_scheme="light")
    visit(page, said, path)
    wrong = [f"{over} px too wide"] if (over := too_wide(page)) > 1 else []
    for scheme, brightness in BRIGHTNESS.items():
        if scheme == "dark":
            page.emulate_media(color_scheme=scheme)
            settle(page)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
        if sum(colour[:3]) // 3 not in brightness:
            wrong.append(f"{scheme} is {colour}")
    return said + wrong


def breaches(page: Page, rules: list[str] | None = None) -> set[str]:
    """Grave breaches of the rules of axe, of all or of some, in what a page now shows."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    return {
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['html'][:120]}"
        for rule in Axe().run(page, options=options).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    }


def all_breaches(page: Page) -> set[str]:
    """Breaches on the page, all unfolded, that :func:`faults` left open: on a phone, wide in the dark, in the light."""
    page.evaluate(UNFOLD)
    settle(page)
    on_a_phone = breaches(page, NARROW)
    page.set_viewport_size({"width": 1280, "height": 900})
    settle(page)
    in_the_dark = breaches(page, COLOURS)
    page.emulate_media(color_scheme="light")
    settle(page)
    return on_a_phone | in_the_dark | breaches(page)


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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_an_error_fits_a_phone_by_day_and_by_night_and_breaks_no_grave_rule(phone, html, name):
    assert faults(*phone, html / f"{name}.html") == []
    page, _ = phone
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    if name in KINDS:
        assert all_breaches(page) == set()
        # Stand-ins have a line that is too long, for those who scroll by keyboard; the package is wider than a page.
        if name != SOURCE and (os.environ.get("MELIB_BOOK") or not name.startswith("book/runs/")):
            assert page.evaluate(CUT) == [], "at 1280 pixels a reader has to scroll"


def test_every_fault_of_a_page_is_found(phone, tmp_path):
    of_fault = {
        "px too wide": '<p style="width: 400px">wide</p>',
        "no_such_function": "<script>no_such_function()</script>",
        "told": "<script>console.error('told')</script>",
        "gone.png": '<img alt="gone" src="gone.png">',
        "elsewhere.js": '<script src="http://127.0.0.1:9/elsewhere.js"></script>',
    }
    found = faults(*phone, write_page(tmp_path, "".join(of_fault.values())))
    assert [fault for fault in of_fault if not any(fault in line for line in found)] == []


def test_formulas_are_drawn_no_icon_is_left_blank_and_a_solution_opens_by_keyboard(window, html):
    page, said = window
    visit(page, said, html / "book" / "introduction.html")
    drawn, wrong = (page.locator(what).count() for what in (".math mjx-container", "mjx-merror"))
    assert (drawn, wrong) == (page.locator(".math").count(), 0) and drawn > 10
    icons = page.eval_on_selector_all(
        ".fas, .far, .fab, .fa-solid, .fa-regular, .fa-brands",
        """icons => icons.map((icon) => {
            const drawn = getComputedStyle(icon, "::before");
            return [icon.className, drawn.content, drawn.fontFamily];
        })""",
    )
    assert len(icons) > 5
    assert [icon for icon in icons if icon[1] in ("none", "normal") or "Awesome" not in icon[2]] == []
    assert page.evaluate("[...document.fonts].filter((font) => font.status === 'error').length") == 0
    solution = page.locator(".solution.dropdown").first
    text = solution.get_by_text("The length is 12.")
    assert not text.is_visible()
    solution.locator("button.toggle-button, summary").first.focus()
    page.keyboard.press("Enter")
    text.wait_for(state="visible")


#: Rule of axe -> what breaks it, by day as by night.
BREACHES = {
    "image-alt": '<img src="../_static/filmstrip.png">',
    "button-name": '<button><i class="fas fa-file"></i></button>',
    "color-contrast": '<p style="color: #999; background: #fff">pale</p>',
    "scrollable-region-focusable": '<div style="width: 300px; overflow: auto"><table><tr>'
    f"{'<td>cell</td>' * 40}</tr></table></div>",
}
NIGHT = "<style>@media (prefers-color-scheme: dark) {p {color: #333; background: #222}}</style><p>dark"


@pytest.mark.parametrize(
    ("markup", "rules"),
    [("".join(BREACHES.values()), set(BREACHES)), (NIGHT, {"color-contrast"})],
    ids=["day", "night"],
)
def test_a_breach_is_found(phone, tmp_path, markup, rules):
    page, said = phone
    faults(page, said, write_page(tmp_path, f'{markup}<pre style="overflow: hidden">{"long " * 80}</pre>'))
    assert {line.partition(":")[0] for line in all_breaches(page)} == rules
    assert page.evaluate(CUT), "code that is cut"


@pytest.mark.parametrize(("wish", "some"), [("reduce", False), ("no-preference", True)])
def test_nothing_fades_for_readers_who_ask_for_less_motion(browser, html, wish, some):
    page = browser.new_page(reduced_motion=wish)
    page.goto((html / "book" / "runs" / "viewer.html").as_uri(), wait_until="load")
    settle(page)
    # Asked at once: a moment later a fade may be over.
    assert page.evaluate(f"() => {{ ({UNFOLD})(); return document.getAnimations().length > 0; }}") is some
    page.close()


@pytest.mark.parametrize("name", ["index", "playground", "runs/viewer"])
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
    page.get_by_role("link", name="Skip to main content").focus()
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
