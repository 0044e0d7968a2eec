"""Pages of the built book, opened as a reader opens them: without a network, in a browser left as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

from playwright.sync_api import Browser, Page
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]

#: What a sound page may say: a script of the theme (sphinx-thebe) is loaded twice.
ALLOWED = ("Identifier 'THEBE_JS_URL' has already been declared",)


class Elements(HTMLParser):
    """All start tags of a page with their attributes."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def contents() -> list[str]:
    """Every page that the table of contents names, from the root of the book."""
    return sorted(parse_toc_yaml(ROOT / "_toc.yml"))


@contextmanager
def reader(
    browser: Browser, *, scheme: str = "light", width: int = 1280, within: str = "file:"
) -> Iterator[tuple[Page, list[str]]]:
    """A window for page after page, and a list of what goes wrong in it.

    Whatever is requested from elsewhere than ``within`` is refused, and stands in the list.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    said: list[str] = []

    def note(line: str) -> None:
        if not any(allowed in line for allowed in ALLOWED):
            said.append(line)

    page.on("console", lambda message: note(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: note(str(error)))
    page.on("requestfailed", lambda request: note(f"not loaded: {request.url}"))
    page.route(lambda address: not address.startswith((within, "data:", "blob:")), lambda route: route.abort())
    yield page, said
    context.close()


def visit(page: Page, said: list[str], address: str) -> None:
    """Open a page; ``said`` then holds what went wrong with this one."""
    # What the page before still waits for is given up here, and not blamed on the next.
    page.goto("about:blank")
    said.clear()
    page.goto(address, wait_until="load")
    settle(page)


def settle(page: Page) -> None:
    """Wait until formulas are drawn, what hangs on the size of the window has been done, and nothing fades any more."""
    page.evaluate(
        """async () => {
            await window.MathJax?.startup?.promise;
            await document.fonts.ready;
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            const ends = ({ effect }) => Number.isFinite(effect.getComputedTiming().endTime);
            const moving = document.getAnimations().filter(ends).map((animation) => animation.finished);
            await Promise.allSettled(moving);
        }"""
    )


def too_wide(page: Page) -> int:
    """Pixels by which a page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
