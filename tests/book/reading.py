"""Pages opened as a reader opens them: in chromium left as it comes, without a network, from a built book or alone."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]

#: What a sound page may say: a script of the theme (sphinx-thebe) is loaded twice.
ALLOWED = ("Identifier 'THEBE_JS_URL' has already been declared",)
#: Only this machine can be reached; the browser itself refuses the rest, with no word with Python on each request.
ALONE = ("--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")


def program(path: str) -> ModuleType:
    """A file below the root that is no part of a package, as a module."""
    specification = importlib.util.spec_from_file_location(f"program_{Path(path).stem}", ROOT / path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


class Elements(HTMLParser):
    """All start tags of a page with their attributes, and the words of its table cells."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._inside = False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "td":
            self._inside = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "td"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data.strip()


def contents() -> list[str]:
    """Every page that the table of contents names, from the root of the book."""
    return sorted(parse_toc_yaml(ROOT / "_toc.yml"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser; skips where it is missing, except on the machine that must have it."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: .ci/run installs it")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", *ALONE])
        yield browser
        browser.close()


def write_page(folder: Path, markup: str) -> Path:
    """A page below ``folder``, beside a copy of the book's assets, as the built book lays them out."""
    shutil.copytree(ROOT / "book" / "assets", folder / "_static", ignore=shutil.ignore_patterns("mathjax"))
    path = folder / "book" / "page.html"
    path.parent.mkdir(parents=True)
    path.write_text(
        '<!doctype html><html lang="en" style="--pst-color-background:#ffffff;--pst-color-text-base:#222832">'
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>page</title></head>'
        f'<body style="font-family:sans-serif"><main><h1>page</h1>{markup}</main></body></html>',
        encoding="utf-8",
    )
    return path


@contextmanager
def reader(browser: Browser, *, width: int = 1280, script: bool = True) -> Iterator[tuple[Page, list[str]]]:
    """A window for page after page, and a list of what goes wrong in it, as is what is asked of another machine."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, reduced_motion="reduce", java_script_enabled=script)
    page = context.new_page()
    said: list[str] = []

    def note(line: str) -> None:
        if not any(allowed in line for allowed in ALLOWED):
            said.append(line)

    page.on("console", lambda message: note(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: note(str(error)))
    page.on("requestfailed", lambda request: note(f"not loaded: {request.url}"))
    yield page, said
    context.close()


def visit(page: Page, said: list[str], address: str | Path) -> None:
    """Open a page; ``said`` then holds what went wrong with this one."""
    # What the page before still waits for is given up here, and not blamed on the next.
    page.goto("about:blank")
    said.clear()
    page.goto(address if isinstance(address, str) else address.as_uri(), wait_until="load")
    settle(page)


@contextmanager
def sound(browser: Browser, path: Path, *, width: int = 1000) -> Iterator[Page]:
    """A page in a window of its own, in which nothing may go wrong from the first to the last."""
    with reader(browser, width=width) as (page, said):
        visit(page, said, path)
        yield page
        assert said == []


def settle(page: Page) -> None:
    """Wait until formulas are drawn, what hangs on the size of the window has been done, and nothing fades any more.

    What moves for longer than five seconds, such as an arrow that nods a hundred times, is no fade.
    """
    page.evaluate(
        """async () => {
            const late = () => document.querySelector("script[src*=mathjax]") && !window.MathJax?.startup?.promise;
            while (late()) await new Promise((done) => setTimeout(done, 20));
            await window.MathJax?.startup?.promise;
            await document.fonts.ready;
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            const ends = ({ effect }) => effect.getComputedTiming().endTime < 5000;
            const moving = document.getAnimations().filter(ends).map((animation) => animation.finished);
            await Promise.allSettled(moving);
        }"""
    )


def too_wide(page: Page) -> int:
    """Pixels by which a page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
