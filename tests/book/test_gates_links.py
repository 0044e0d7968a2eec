"""Every link inside the book leads to a place that exists."""

import os
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from reading import Elements

#: The theme's own: the page of search has a field beside the one that every page hides until search is asked for.
TOLERATED = {"search.html: id 'search-input' given 2 times"}


def faults(html: Path) -> list[str]:
    """Links and sources that lead nowhere inside the pages below a folder, ids given twice, pictures without words."""
    files = (page for page in sorted(html.rglob("*.html")) if "_static" not in page.parts)
    pages = {page.resolve(): Elements(page).found for page in files}
    target_of = cache(lambda folder, path: Path(os.path.normpath(f"{folder}/{unquote(path)}")))
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
            words = (given.get("alt") or "").strip()
            if tag == "img" and (not words or words.endswith(".png")):
                wrong.append(f"{name}: no words for {(given.get('src') or '')[:80]}")
            for address in filter(None, (given.get("href"), given.get("src"))):
                parts = urlsplit(address)
                if parts.scheme or parts.netloc:
                    continue
                target = target_of(page.parent, parts.path) if parts.path else page
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
        ('<img alt="../_images/1.png" src="a.html">', "no words"),
        ('<a href="a.html#here">sound</a><a href="#%68ere">sound</a><img alt="words" src="a.html">', None),
    ],
)
def test_a_broken_page_is_found(tmp_path, markup, fault):
    (tmp_path / "a.html").write_text(f'<p id="here">place</p>{markup}', encoding="utf-8")
    found = faults(tmp_path)
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]
