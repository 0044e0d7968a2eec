"""Tiny trees of every dataset, and what can be done to them.

A tree is held as names and cells, damaged there or after it was written, so that a test knows what the files hold
without asking a reader.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import clip_trees
import cv2
import numpy as np
from dataset_trees import write_book
from hypothesis import strategies as st

FRAMES = 8

Sheet = list[list[object]]


@dataclass
class Tree:
    """A dataset as it is to be written.

    Attributes
    ----------
    name : str
        Of the dataset.
    images : list of str
        Paths below the root.
    books : dict
        Path below the root -> title -> rows. The labels are the first sheet of the first book.
    headers : dict
        Book -> rows above the labels, header included.
    """

    name: str
    images: list[str]
    books: dict[str, dict[str, Sheet]]
    headers: dict[str, int] = field(default_factory=dict)

    def labels(self, book: str) -> Sheet:
        """The sheet of a book that holds labels: its first one, a sheet put before it left out."""
        return next(rows for title, rows in self.books[book].items() if title != "Notes")

    def write(self, root: Path) -> None:
        """Write everything below a root."""
        for image in self.images:
            path = root / image
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(path.suffix, depth="depth" in image))
        for book, sheets in self.books.items():
            write_book(root / book, **sheets)


@functools.cache
def picture(suffix: str, *, depth: bool = False) -> bytes:
    """A file of 8x6 pixels, of 16 bits where it is depth."""
    pixels = np.full((6, 8), 700, np.uint16) if depth else np.full((6, 8, 3), 90, np.uint8)
    done, content = cv2.imencode(suffix, pixels)
    assert done
    return content.tobytes()


def _numbers(first: int = 1) -> range:
    return range(first, first + FRAMES)


def casme3() -> Tree:
    places = [("spNO.1", "a"), ("spNO.1", "b"), ("spNO.12", "a")]
    images = [f"RGB/{s}/{v}/color/{n}.jpg" for s, v in places for n in _numbers()]
    images += [f"Depth/{s}/{v}/depth/{n}.png" for s, v in places[:2] for n in _numbers()]
    columns = ["Subject", "Filename", "Onset", "Apex", "Offset", "AU"]
    micro = [["spNO.1", "a", 2, 3, 5, "4+7"], ["spNO.1", "b", 1, 2, 4, "12"], ["spNO.12", "A", 3, 4, 8, "R1"]]
    macro = [["spNO.1", "a", 6, 7, 8, "12"], ["spNO.12", "a", 1, 1, 2, "25"]]
    emotions = ["disgust", "happy", "Others"]
    first = [[*columns, "Objective class", "emotion"]]
    first += [[*row, "VII", emotion] for row, emotion in zip(micro, emotions, strict=True)]
    both = [[*columns, "Expression type", "Objective class"]]
    both += [[*row, "Micro-expression", "VII"] for row in micro] + [[*row, "Macro-expression", "I"] for row in macro]
    books = {
        "annotation/cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx": {"label": first},
        "annotation/CAS(ME)3_part_A_v2.xlsx": {"AU+Emotion": both},
    }
    return Tree("casme3", images, books, dict.fromkeys(books, 1))


def casme_sq() -> Tree:
    folders = ["s15/15_0101disgustingteeth", "s15/15_0502funny", "s16/16_0101disgustingteeth"]
    images = [f"rawpic/{folder}/img{n:03d}.jpg" for folder in folders for n in _numbers()]
    labels = [
        [1, "disgust1_1", 2, 3, 5, "4", "negative", "micro-expression", "disgust"],
        [1, "disgust1_2", 5, 7, 0, "4+7", "negative", "macro-expression", "disgust"],
        [1, "happy1_1", 1, 2, 8, "12", "positive", "macro-expression", "happyiness"],
        [2, "disgust1_1", 3, 4, 6, "4", "others", "micro-expression", "fear"],
    ]
    people = [[15, "s15", 1], [16, "s16", 2]]
    stimuli = [["0101", "disgust1"], ["0502", "happy1"]]
    book = "CAS(ME)^2code_final(Updated).xlsx"
    sheets = {"CASFEcode_final": labels, "naming_rule1": people, "naming_rule2": stimuli}
    return Tree("casme_sq", images, {book: sheets}, {book: 0})


def samm_lv() -> Tree:
    images = [f"SAMM_longvideos/{v}/{v}_{n:04d}.jpg" for v in ("006_1", "006_2", "011_1") for n in _numbers()]
    rows = [
        clip_trees.samm_lv_row("006_1_1", 2, 3, 5, "Micro - 1/2", "4+L14"),
        clip_trees.samm_lv_row("006_1_2", 4.4, 5.6, 7.6, "Macro"),
        clip_trees.samm_lv_row("006_2_1", 0, 3, 6, "Macro"),
        clip_trees.samm_lv_row("011_1_1", 3, -1, 6, "Micro - 1/2"),
    ]
    book, codes = "SAMM_LongVideos_V2_Release.xlsx", "SAMM_20181215_Micro_FACS_Codes_v2.xlsx"
    emotions = clip_trees.samm_sheet([("006_1_1", "Anger"), ("011_1_1", "Other")])
    books = {book: {"FACS": clip_trees.samm_lv_sheet(rows)}, codes: {"MICRO": emotions}}
    return Tree("samm_lv", images, _lists(books), {book: 10})


def casme2() -> Tree:
    rows = [
        clip_trees.casme2_row(1, "EP02_01f", 2, 4, 6, "happiness"),
        clip_trees.casme2_row(1, "EP03_02", 1, 3, 8, "others"),
        clip_trees.casme2_row(4, "EP12_01f", 3, "/", 7, "disgust"),
    ]
    images = [f"CASME2-RAW/sub{row[0]:02d}/{row[1]}/img{n}.jpg" for row in rows for n in _numbers()]
    book = "CASME2-coding-20190701.xlsx"
    return Tree("casme2", images, _lists({book: {"Sheet1": clip_trees.casme2_sheet(rows)}}), {book: 1})


def smic(sensor: str) -> Tree:
    home = f"{sensor}_long/SMIC-{sensor}-E"
    rows = [
        clip_trees.smic_row("s01_ne_01", 101, 103, 106),
        clip_trees.smic_row("s01_po_02", 121, 122, 127),
        clip_trees.smic_row("s03_sur_01", 7, 7, 14),
    ]
    images = [f"{home}/{sensor}/{r[1][:3]}/{r[1]}/image{n:06d}.jpg" for r in rows for n in _numbers(r[4])]
    book = f"{home}/SMIC-{sensor}-E_annotation.xlsx"
    return Tree(f"smic_{sensor.lower()}", images, _lists({book: {"Sheet1": clip_trees.smic_sheet(rows)}}), {book: 1})


def _lists(books: dict) -> dict[str, dict[str, Sheet]]:
    return {
        book: {name: [list(row) for row in rows] for name, rows in sheets.items()} for book, sheets in books.items()
    }


TREES: dict[str, Callable[[], Tree]] = {
    "casme3": casme3,
    "casme_sq": casme_sq,
    "samm_lv": samm_lv,
    "casme2": casme2,
    "smic_hs": lambda: smic("HS"),
    "smic_vis": lambda: smic("VIS"),
    "smic_nir": lambda: smic("NIR"),
}

CELLS = st.one_of(
    st.sampled_from(
        [None, "", "/", "?", "nan", "inf", "-inf", "1e999", -1, -5, 0, 0.4, 7.5, 10**6, 10**15, 1e300, True]
        + [
            "../..",
            "../../../etc/passwd",
            "/etc/passwd",
            "C:\\x",
            "=1+1",
            "=HYPERLINK(A1)",
            "#REF!",
            "a/b",
            "a\\b",
            ".",
        ]
        + ["x" * 5000, "\u202e", "１２", "٣", "0x10", "1_000", "  3  ", "12,5", "spNO.1/../x", "s01_ne_01", "006_1_1"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=8),
    st.integers(-(10**12), 10**12),
    st.floats(-1e12, 1e12),
)


# --- what is done to the cells -------------------------------------------------------------------------------------


def _body(tree: Tree, draw: Callable) -> tuple[Sheet, int]:
    book = draw(st.sampled_from(sorted(tree.books)))
    title = draw(st.sampled_from(sorted(tree.books[book])))
    return tree.books[book][title], tree.headers.get(book, 0)


def put_into_a_cell(tree: Tree, draw: Callable) -> None:
    sheet, header = _body(tree, draw)
    if len(sheet) > header:
        row = sheet[draw(st.integers(header, len(sheet) - 1))]
        if row:
            row[draw(st.integers(0, len(row) - 1))] = draw(CELLS)


def swap_columns(tree: Tree, draw: Callable) -> None:
    sheet, header = _body(tree, draw)
    width = max(map(len, sheet), default=0)
    if width > 1:
        a, b = draw(st.lists(st.integers(0, width - 1), min_size=2, max_size=2, unique=True))
        # With the names above them, which only moves the columns, or without, which makes every cell a wrong one.
        for row in sheet[0 if draw(st.booleans()) else header :]:
            row += [None] * (width - len(row))
            row[a], row[b] = row[b], row[a]


def repeat_a_row(tree: Tree, draw: Callable) -> None:
    sheet, header = _body(tree, draw)
    if len(sheet) > header:
        sheet.append(list(sheet[draw(st.integers(header, len(sheet) - 1))]))


def blank_a_row(tree: Tree, draw: Callable) -> None:
    sheet, header = _body(tree, draw)
    sheet.insert(draw(st.integers(min(header, len(sheet)), len(sheet))), [])


def drop_a_row(tree: Tree, draw: Callable) -> None:
    sheet, _ = _body(tree, draw)
    if sheet:
        del sheet[draw(st.integers(0, len(sheet) - 1))]


def empty_the_sheet(tree: Tree, draw: Callable) -> None:
    sheet, header = _body(tree, draw)
    del sheet[draw(st.sampled_from([0, header])) :]


def rename_a_column(tree: Tree, draw: Callable) -> None:
    sheet, header = _body(tree, draw)
    if 0 < header <= len(sheet) and sheet[header - 1]:
        row = sheet[header - 1]
        row[draw(st.integers(0, len(row) - 1))] = draw(st.sampled_from(["Onset", "Subject", "AU", None, 5]))


def another_sheet_first(tree: Tree, draw: Callable) -> None:
    book = draw(st.sampled_from(sorted(tree.books)))
    tree.books[book] = {"Notes": [["nothing to see"]], **tree.books[book]}


def rename_the_sheet(tree: Tree, draw: Callable) -> None:
    book = draw(st.sampled_from(sorted(tree.books)))
    tree.books[book] = {f"Copy{i}": rows for i, rows in enumerate(tree.books[book].values())}


CELL_DAMAGES = (
    *(put_into_a_cell, put_into_a_cell, swap_columns, repeat_a_row, blank_a_row, drop_a_row, empty_the_sheet),
    *(rename_a_column, another_sheet_first, rename_the_sheet),
)


# --- what is done to files and folders -----------------------------------------------------------------------------


def _entries(root: Path, *, folders: bool = False) -> list[Path]:
    found = [
        Path(above, name)
        for above, below, names in os.walk(root)
        for name in (below if folders else names)
        if not Path(above, name).is_symlink()
    ]
    return sorted(found)


def _any(root: Path, draw: Callable, *, folders: bool = False) -> Path | None:
    entries = _entries(root, folders=folders)
    if not folders and draw(st.integers(0, 3)) == 3:
        # There are far more images than label files.
        entries = [path for path in entries if path.suffix == ".xlsx"] or entries
    return draw(st.sampled_from(entries)) if entries else None


def delete_a_file(root: Path, draw: Callable) -> None:
    if path := _any(root, draw):
        path.unlink()


def cut_a_file(root: Path, draw: Callable) -> None:
    if path := _any(root, draw):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * draw(st.integers(0, 99)) // 100])


def overwrite_a_file(root: Path, draw: Callable) -> None:
    if path := _any(root, draw):
        beginning = draw(
            st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x80\x04.", b"\xff\xd8"])
        )
        path.write_bytes(beginning + draw(st.binary(max_size=64)))


def flip_bytes(root: Path, draw: Callable) -> None:
    path = _any(root, draw)
    if path and (content := bytearray(path.read_bytes())):
        # Places as shares: the length of an Excel file, which holds the time, must not decide what is drawn.
        for place in draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=8)):
            content[int(place * len(content))] ^= draw(st.integers(1, 255))
        path.write_bytes(content)


def declare_a_huge_image(root: Path, draw: Callable) -> None:
    path = _any(root, draw)
    if path and path.suffix != ".xlsx":
        header = bytearray(picture(".bmp"))
        header[18:26] = np.array([60_000, 60_000], "<i4").tobytes()
        path.write_bytes(header)


def a_folder_in_place_of_a_file(root: Path, draw: Callable) -> None:
    if path := _any(root, draw):
        path.unlink()
        path.mkdir()


def a_file_in_place_of_a_folder(root: Path, draw: Callable) -> None:
    if path := _any(root, draw, folders=True):
        shutil.rmtree(path)
        path.write_bytes(b"not a folder")


def delete_a_folder(root: Path, draw: Callable) -> None:
    if path := _any(root, draw, folders=True):
        shutil.rmtree(path)


def rename_something(root: Path, draw: Callable) -> None:
    path = _any(root, draw, folders=draw(st.booleans()))
    if path is None:
        return
    new = draw(
        st.sampled_from(
            [path.name.upper(), path.name.lower(), path.name.swapcase(), f" {path.name} ", "x" * 250]
            + [os.fsdecode(b"\xff\xfe\x80"), "999999999.jpg", "00000000000000000001.jpg", "…\u202e", "-rf", "%s{0}"]
        )
    )
    if not (path.parent / new).exists():
        path.rename(path.parent / new)


def copy_a_folder(root: Path, draw: Callable) -> None:
    path = _any(root, draw, folders=True)
    if path:
        new = path.with_name(draw(st.sampled_from([path.name.swapcase(), f"0{path.name}", f"{path.name} (2)"])))
        if not new.exists():
            shutil.copytree(path, new, symlinks=True)


def link_somewhere(root: Path, draw: Callable) -> None:
    place = draw(st.sampled_from([root, *_entries(root, folders=True)]))
    target = draw(
        st.sampled_from([place, root, root.parent, place / "itself", Path("/"), Path("/dev/null"), Path("nowhere")])
    )
    name = draw(st.sampled_from(["itself", "9.jpg", "spNO.3", "s99", "sub09", "006_9", "s01_ne_09", "img009.jpg"]))
    if not os.path.lexists(place / name):
        (place / name).symlink_to(target)


FILE_DAMAGES = (
    *(delete_a_file, cut_a_file, cut_a_file, overwrite_a_file, flip_bytes, declare_a_huge_image),
    *(a_folder_in_place_of_a_file, a_file_in_place_of_a_folder, delete_a_folder, rename_something, copy_a_folder),
    link_somewhere,
)
