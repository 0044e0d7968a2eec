"""The icons of the pages: those that they show, cut out of the theme's font."""

import base64
import io
import re
from pathlib import Path

import pydata_sphinx_theme
from fontTools.ttLib import TTFont
from reading import program

LIGHT = program("book/extensions/light.py")
THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme"
(AWESOME,) = (THEME / "static" / "vendor" / "fontawesome").iterdir()
FONT = AWESOME / "webfonts" / "fa-solid-900.ttf"


NAMED = LIGHT.characters((AWESOME / "css" / "all.min.css").read_text(encoding="utf-8"))


def test_the_sheet_holds_the_icons_asked_for_and_no_others():
    style = '.a{color:red}.fa-b:before,.fa-c-2:before{content:"\\f002"}.fa-d:before{content:"\\2b"}'
    assert LIGHT.characters(style) == {"fa-b": "\uf002", "fa-c-2": "\uf002", "fa-d": "+"}
    assert NAMED["fa-bars"] == "\uf0c9" and len(NAMED) > 1000
    sheet = LIGHT.style_sheet(FONT, {"fa-bars": NAMED["fa-bars"]}, {"\uf0eb"})
    (packed,) = re.findall(r"base64,([^\"]+)\"", sheet)
    font = TTFont(io.BytesIO(base64.b64decode(packed)))
    assert set(font.getBestCmap()) == {0xF0C9, 0xF0EB}
    assert re.findall(r"\.(fa-[a-z]+)::before", sheet) == ["fa-bars"]
    assert len(sheet) < 5_000
    assert font["head"].modified == TTFont(FONT)["head"].modified, "no time of the build is in the font"


def test_icons_are_found_in_pages_scripts_and_styles(tmp_path):
    (tmp_path / "vendor").mkdir()
    (tmp_path / "page.html").write_text('<i class="fa-solid fa-bars"></i>', encoding="utf-8")
    (tmp_path / "script.js").write_text('icon.classList = "fa-xmark";', encoding="utf-8")
    (tmp_path / "vendor" / "all.js").write_text("fa-monero", encoding="utf-8")
    assert LIGHT.names(tmp_path) == {"fa-solid", "fa-bars", "fa-xmark"}
    assert LIGHT.private_characters('a{content:"\\f107"}b{content:"\uf0eb"}c{content:"x"}') == {"\uf107", "\uf0eb"}
