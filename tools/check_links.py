"""The external links of the built book, and on demand whether they still lead somewhere.

    python tools/check_links.py --list     # every link and the pages it stands on; needs no network
    python tools/check_links.py            # ask for each over the network; exit code 1 if one is dead

The pages hold the links of prose, bibliography and docstrings alike, so they are what is read. Never part of the tests:
whether somebody else's server answers says nothing about this study.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import requests
from bs4 import BeautifulSoup, SoupStrainer
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

#: Seconds to wait for an answer to begin.
PATIENCE = 20
#: Answers of servers that answer browsers only.
BROWSERS_ONLY = (401, 403, 405, 406, 418, 429)
#: A DOI that is registered is redirected to a publisher, and publishers often answer browsers only.
RESOLVERS = ("doi.org", "dx.doi.org")


def external_links(html: Path) -> dict[str, list[str]]:
    """Addresses on other machines that the pages below a folder link to, each with its pages."""
    found: dict[str, set[str]] = {}
    for page in html.rglob("*.html"):
        anchors = BeautifulSoup(page.read_bytes(), "html.parser", parse_only=SoupStrainer("a", href=True))
        for anchor in anchors.find_all("a"):
            address = anchor["href"].strip()
            if urlsplit(address).scheme in ("http", "https"):
                found.setdefault(address, set()).add(page.relative_to(html).as_posix())
    return {address: sorted(found[address]) for address in sorted(found)}


def session() -> requests.Session:
    """A session that asks again where a server is busy."""
    made = requests.Session()
    again = Retry(total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), raise_on_status=False)
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=again))
    made.headers["User-Agent"] = "link check of a book (python-requests)"
    return made


def ask(asking: requests.Session, address: str) -> tuple[str, str]:
    """Whether an address leads somewhere: ``"fine"``, ``"dead"`` or ``"unsure"``, and why."""
    bare, _ = urldefrag(address)
    follow = urlsplit(bare).hostname not in RESOLVERS
    try:
        with asking.get(bare, timeout=PATIENCE, allow_redirects=follow, stream=True) as answer:
            status, words = answer.status_code, f"{answer.status_code} {answer.reason}"
    except requests.RequestException as error:
        return "dead", f"no answer ({type(error).__name__})"
    if status in BROWSERS_ONLY:
        return "unsure", f"{words}: open it in a browser"
    return ("fine" if status < 400 else "dead"), words


def report(links: dict[str, list[str]]) -> int:
    """Ask for every link and print what is not fine; 1 if any is dead."""
    asking, states = session(), []
    for address, pages in links.items():
        state, words = ask(asking, address)
        states.append(state)
        if state != "fine":
            print(f"{state:6} {address}\n       {words}; on {', '.join(pages)}", flush=True)
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("fine", "dead", "unsure"))
    print(f"{len(links)} links: {counts}")
    return 1 if "dead" in states else 0


def main(arguments: list[str] | None = None) -> int:
    """List or check the links."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="print the links and ask nobody")
    parser.add_argument("--html", type=Path, default=Path("_build/html"), help="folder of the built book")
    options = parser.parse_args(arguments)
    if not (options.html / "index.html").is_file():
        print(f"no book in {options.html}: `make book` builds it", file=sys.stderr)
        return 1
    links = external_links(options.html)
    if not options.list:
        return report(links)
    print("".join(f"{address}\n    {', '.join(pages)}\n" for address, pages in links.items()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
