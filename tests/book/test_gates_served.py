"""The built book where readers meet it: opened from a folder, or served from a folder of somebody's site."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page
from reading import reader, settle, visit

pytestmark = [pytest.mark.book, pytest.mark.browser]

#: Bytes that the first page may load, everything counted as it lies on the disk.
FIRST_PAGE = 1_000_000
#: What a reader may look for, and a page among the first five that must come.
LOOKED_FOR = [
    ("optical strain", "book/api/flow.html"),
    ("false alarm", "book/glossary.html#term-false-alarm"),
    ("train_mean", "book/api/training.html#melib.training.mean.train_mean"),
    ("uf1", "book/api/index.html"),
    ("playground", "book/playground.html"),
]
#: A browser lets no page read another from a folder, so the words below a result of search are missing there.
NO_EXTRACTS = ("Failed to fetch", "Access to fetch at", "Failed to load resource", "not loaded: file:")


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that does not report."""

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module", params=["folder", "server"])
def root(request: pytest.FixtureRequest, html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the book begins: its folder, or a folder of a server that has nothing else."""
    if request.param == "folder":
        yield html.as_uri()
        return
    site = tmp_path_factory.mktemp("site")
    (site / "some" / "sub").mkdir(parents=True)
    (site / "favicon.ico").touch()  # which browsers ask of every site
    (site / "some" / "sub" / "path").symlink_to(html, target_is_directory=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/some/sub/path"
        serving.shutdown()


@pytest.fixture(scope="module")
def window(browser: Browser, root: str) -> Iterator[tuple[Page, list[str]]]:
    with reader(browser) as opened:
        yield opened


@pytest.fixture
def page(window: tuple[Page, list[str]], root: str) -> Iterator[Page]:
    """The window with some page; afterwards nothing may have gone wrong in it."""
    page, said = window
    visit(page, said, f"{root}/book/ethics.html")
    yield page
    assert [line for line in said if root.startswith("http") or not line.startswith(NO_EXTRACTS)] == []


def weight(browser: Browser, html: Path, root: str, start: str) -> tuple[int, list[str]]:
    """Bytes on the disk of all that a browser loads from an address on, and what goes wrong."""
    asked: list[str] = []
    with reader(browser) as (page, said):
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{root}/{start}", wait_until="networkidle")
        settle(page)
    files = {unquote(url.removeprefix(f"{root}/").partition("?")[0]) for url in asked if not url.startswith("data:")}
    return sum((html / name).stat().st_size for name in files), said


@pytest.mark.parametrize("root", ["server"], indirect=True, scope="module")
def test_the_first_page_loads_little(browser, html, root):
    first, wrong = weight(browser, html, root, "index.html")
    assert wrong == []
    least = sum((html / name).stat().st_size for name in ("book/index.html", "_static/styles/bootstrap.css"))
    assert least < first < FIRST_PAGE
    with_formulas, _ = weight(browser, html, root, "book/introduction.html")
    core = (html / "_static" / "mathjax" / "core.js").stat().st_size
    assert with_formulas > first + core - (html / "book" / "index.html").stat().st_size, "MathJax comes with formulas"


def test_the_first_address_leads_by_links_to_formulas_playground_and_viewer(page, root):
    page.goto(f"{root}/index.html", wait_until="load")
    page.wait_for_url(f"{root}/book/index.html")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Introduction to the task").click()
    page.wait_for_url(f"{root}/book/introduction.html*")
    settle(page)
    assert page.locator(".math mjx-container").count() == page.locator(".math").count() > 10
    page.get_by_role("navigation", name="Main").get_by_role("link", name="playground").click()
    page.wait_for_url(f"{root}/book/playground.html*")
    assert 0 < float(page.locator("[data-score=strs]").first.get_attribute("data-value")) < 1
    page.goto(f"{root}/book/runs/viewer.html", wait_until="load")
    page.wait_for_selector(".mev-on")
    assert page.locator(".mev-told").inner_text().startswith("Frame ")
    page.get_by_role("link", name="Spot, then recognize: facial").first.click()
    page.wait_for_url(f"{root}/book/index.html*")


def results(page: Page, root: str, words: str) -> list[str]:
    """Where the results of a search lead, below the root, best first."""
    page.goto(f"{root}/search.html?q={words.replace(' ', '+')}", wait_until="load")
    page.wait_for_function("/finished|did not match/.test(document.querySelector('.search-summary')?.textContent)")
    links = page.eval_on_selector_all("#search-results ul.search li a", "links => links.map((link) => link.href)")
    page.wait_for_load_state("networkidle")
    return [link.removeprefix(f"{root}/") for link in links]


def test_search_finds_what_is_there_and_its_field_leads_to_the_results(page, root):
    for words, wanted in LOOKED_FOR if root.startswith("http") else LOOKED_FOR[:2]:
        assert wanted in results(page, root, words)[:5], words
    assert results(page, root, "xylophonics") == []
    page.goto(f"{root}/book/ethics.html", wait_until="load")
    page.keyboard.press("Control+K")
    page.keyboard.type("base rate")
    with page.expect_navigation(url=f"{root}/search.html?*"):
        page.keyboard.press("Enter")
    page.wait_for_selector("#search-results ul.search li")
    page.wait_for_load_state("networkidle")
