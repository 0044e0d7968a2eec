"""A page's own markup in a file, without a build of the book, opened in chromium from file://."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser; skips where it is missing, except on the machine that must have it."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: .ci/run installs it")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def write_page(folder: Path, name: str, markup: str, *, theme: str = "light") -> Path:
    """A page ``name`` below ``folder``, beside a copy of the book's assets, as the built book lays them out."""
    shutil.copytree(ROOT / "book" / "assets", folder / "_static", ignore=shutil.ignore_patterns("mathjax"))
    path = folder / "book" / f"{name}.html"
    path.parent.mkdir(parents=True)
    colours = {"light": "#ffffff", "dark": "#14181e"}
    text = {"light": "#222832", "dark": "#ced6dd"}
    # The theme's names of its colours, with the values it gives them.
    variables = (
        f"--pst-color-background:{colours[theme]};--pst-color-text-base:{text[theme]};"
        f"--pst-color-surface:{'#f3f4f5' if theme == 'light' else '#29313d'};"
        f"--pst-color-border:{'#c9c9c9' if theme == 'light' else '#48566b'};"
        f"--pst-color-text-muted:{'#48566b' if theme == 'light' else '#9ca4af'}"
    )
    path.write_text(
        f'<!doctype html><html lang="en" data-theme="{theme}" style="{variables}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{name}</title></head>'
        f'<body style="background:{colours[theme]};color:{text[theme]};font-family:sans-serif">'
        f"<main><h1>{name}</h1>{markup}</main></body></html>",
        encoding="utf-8",
    )
    return path


def open_page(browser: Browser, path: Path, *, width: int = 1000) -> tuple[Page, list[str]]:
    """The page without a network, and what went wrong while it loaded."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"not loaded: {request.url}"))
    page.route("http*://**", lambda route: route.abort())
    page.goto(path.as_uri(), wait_until="load")
    return page, said
