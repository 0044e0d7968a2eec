"""Every link inside the book leads to a place that exists; links to elsewhere are listed, and checked on demand."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import check_links
import pytest
from reading import Elements

#: The theme's own: the page of search has a field beside the one that every page hides until search is asked for.
TOLERATED = {"search.html: id 'search-input' given 2 times"}


def faults(html: Path) -> list[str]:
    """Links and sources that lead nowhere inside the pages below a folder, ids given twice, pictures without words."""
    files = (page for page in sorted(html.rglob("*.html")) if "_static" not in page.parts)
    pages = {page.resolve(): Elements(page).found for page in files}
    places = {
        page: Counter(
            given[kind]
            for tag, given in found
            for kind in (("id", "name") if tag == "a" else ("id",))
            if given.get(kind)
        )
        for page, found in pages.items()
    }
    wrong = []
    for page, found in pages.items():
        name = page.relative_to(html.resolve()).as_posix()
        wrong += [f"{name}: id {place!r} given {count} times" for place, count in places[page].items() if count > 1]
        for tag, given in found:
            if tag == "img" and not (given.get("alt") or "").strip():
                wrong.append(f"{name}: no words for {(given.get('src') or '')[:80]}")
            for address in filter(None, (given.get("href"), given.get("src"))):
                parts = urlsplit(address)
                if parts.scheme or parts.netloc:
                    continue
                target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
                place = unquote(parts.fragment)
                if not target.is_file():
                    wrong.append(f"{name}: {address} is not there")
                elif place and target in places and place not in places[target]:
                    wrong.append(f"{name}: {address} leads to no place of that page")
    return wrong


@pytest.mark.book
def test_every_link_inside_the_book_leads_to_a_place_and_every_place_has_one_name(html):
    assert set(faults(html)) <= TOLERATED


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ('<a href="b.html">page</a>', "b.html is not there"),
        ('<a href="a.html#gone">place</a>', "no place of that page"),
        ('<a href="#gone">place</a>', "no place of that page"),
        ('<script src="gone.js"></script>', "gone.js is not there"),
        ('<p id="here">twice</p>', "id 'here' given 2 times"),
        ('<img src="a.html">', "no words"),
        ('<a href="a.html#here">sound</a><a href="#%68ere">sound</a><img alt="words" src="a.html">', None),
    ],
)
def test_a_broken_page_is_found(tmp_path, markup, fault):
    (tmp_path / "a.html").write_text(f'<p id="here">place</p>{markup}', encoding="utf-8")
    found = faults(tmp_path)
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]


class Answers(BaseHTTPRequestHandler):
    """A server that answers with the status that the path names, and redirects /away to /200."""

    def do_GET(self) -> None:
        status = 302 if self.path == "/away" else int(self.path.strip("/"))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_external_links_are_listed_once_with_their_pages(tmp_path, capsys):
    assert check_links.main(["--list", "--html", str(tmp_path)]) == 1
    assert "`make book` builds it" in capsys.readouterr().err
    (tmp_path / "book").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="https://b.example/x#part">b</a><a href="book/one.html">inside</a><a href="mailto:x@b.example">m</a>',
        encoding="utf-8",
    )
    (tmp_path / "book" / "one.html").write_text(
        '<a\n class="external" href="https://a.example/?q=1&amp;r=2">a</a><a href="https://b.example/x#part">b</a>'
        '<code>https://no.example/link</code><a href="../index.html">inside</a>',
        encoding="utf-8",
    )
    assert check_links.external_links(tmp_path) == {
        "https://a.example/?q=1&r=2": ["book/one.html"],
        "https://b.example/x#part": ["book/one.html", "index.html"],
    }
    assert check_links.main(["--list", "--html", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["https://a.example/?q=1&r=2", "    book/one.html"]


def test_an_answer_says_whether_a_link_is_dead(server, monkeypatch):
    states = {"200": "fine", "away": "fine", "404": "dead", "410": "dead", "503": "dead", "403": "unsure"}
    asking = check_links.session()
    assert {path: check_links.ask(asking, f"{server}/{path}#part")[0] for path in states} == states
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as closed:
        port = closed.server_port
    state, words = check_links.ask(asking, f"http://127.0.0.1:{port}/")
    assert state == "dead" and "no answer" in words
    monkeypatch.setattr(check_links, "RESOLVERS", ("127.0.0.1",))
    assert check_links.ask(asking, f"{server}/away") == ("fine", "302 Found"), "a DOI, whatever its publisher answers"


def test_the_report_names_dead_links_and_their_pages(server, tmp_path, capsys):
    links = "".join(f'<a href="{server}/{path}">x</a>' for path in ("200", "404", "403"))
    (tmp_path / "one.html").write_text(links, encoding="utf-8")
    (tmp_path / "index.html").write_text(f'<a href="{server}/200">x</a>', encoding="utf-8")
    assert check_links.main(["--html", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert f"dead   {server}/404\n       404 Not Found; on one.html" in said
    assert f"unsure {server}/403" in said and f"{server}/200" not in said
    assert said.endswith("3 links: 1 fine, 1 dead, 1 unsure\n")
