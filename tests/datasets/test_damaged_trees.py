"""Whatever is done to a tree, a reader gives a named error or an account in which no row is lost."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import damage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import ERROR_CODES

from melib.datasets import open_dataset

#: Per dataset and test: 7 x 2 x 20 trees in all.
EXAMPLES = 20
NAMED = (ValueError, LookupError, OSError)
SETTINGS = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def is_blank(cell: object) -> bool:
    """Whether a cell holds no stored value: nothing, blanks, a formula never computed, an error."""
    return (
        cell is None or isinstance(cell, str) and (not cell.strip() or cell in ERROR_CODES or cell[:1] == "=" != cell)
    )


def header_of(sheet: damage.Sheet) -> list[object]:
    """The first row that names subject and file."""
    return next(row for row in sheet if "Subject" in row and "Filename" in row)


def written_rows(tree: damage.Tree, book: str) -> list[tuple[int, list[object]]]:
    """Number and cells of the rows below the header that are not blank."""
    sheet = tree.labels(book)
    above = 1 + sheet.index(header_of(sheet)) if tree.headers[book] else 0
    return [(i, row) for i, row in enumerate(sheet, 1) if i > above and not all(map(is_blank, row))]


def account(labels) -> Counter:
    """How often each row of the label files is a label or skipped."""
    assert (labels.skipped["reason"].str.len() > 0).all()
    return Counter(labels.rows["row"].tolist() + labels.skipped.loc[labels.skipped["row"] > 0, "row"].tolist())


def check_account(tree: damage.Tree, labels) -> None:
    """Every written row is a label or skipped, once."""
    counted = account(labels)
    if tree.name != "casme3":
        (book,) = tree.headers
        assert counted == Counter(number for number, _ in written_rows(tree, book))
        return
    # A micro-expression stands in both files: its row of the second is accounted for by that of the first.
    first, second = (written_rows(tree, book) for book in tree.books)
    kind = header_of(tree.labels(list(tree.books)[1])).index("Expression type")
    twins = [number for number, row in second if str(row[kind]).strip().lower() == "micro-expression"]
    least = Counter(number for number, _ in first + second) - Counter(twins)
    assert least <= counted <= least + Counter(twins)


def listing(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): path.lstat().st_size for path in root.rglob("*")}


def check_damaged_images(video) -> None:
    """An image of which less than half is left is told to be damaged, with its name."""
    told = video.damaged()
    for images in filter(None, (video.colour, video.depth_images)):
        for path in map(images.path, range(len(images.numbers))):
            whole = damage.picture(path.suffix.lower(), depth=images is video.depth_images)
            assert not path.is_file() or path.stat().st_size > len(whole) // 2 or path.name in told[path]


def check_reading(root: Path, tree: damage.Tree, labels_known: bool) -> str:
    """Open a damaged tree and read all its frames; what came of it, in a word."""
    before = listing(root)
    try:
        dataset = open_dataset(tree.name, root)
    except NAMED as error:
        assert root.name in str(error), f"this error names no file: {error!r}"
        return "refused"
    finally:
        assert listing(root) == before
    if labels_known:
        check_account(tree, dataset.labels)
    assert sum(len(video.expressions) for video in dataset.videos) == len(dataset.labels.rows)
    for video in dataset.videos:
        for expression in video.expressions:
            assert 0 <= expression.onset <= expression.offset < video.n_frames
        for read in (video.frames, video.depth):
            try:
                assert len(read(0, min(video.n_frames, 40))) == min(video.n_frames, 40)
            except NAMED as error:
                assert root.name in str(error) or f"{video.subject}/{video.name} has no depth" in str(error)
        check_damaged_images(video)
    return "skipped" if len(dataset.labels.skipped) else "read"


def damaged(name: str, draw, root: Path, *, cells: int, files: int) -> tuple[damage.Tree, bool]:
    """Write a tree with some damages to its cells, then to its files; are the label files as they were written?"""
    tree = damage.TREES[name]()
    for harm in draw(st.lists(st.sampled_from(damage.CELL_DAMAGES), min_size=min(cells, 1), max_size=cells)):
        harm(tree, draw)
    tree.write(root)
    books = {root / book: (root / book).read_bytes() for book in tree.books}
    for harm in draw(st.lists(st.sampled_from(damage.FILE_DAMAGES), min_size=min(files, 1), max_size=files)):
        harm(root, draw)
    return tree, all(book.is_file() and book.read_bytes() == content for book, content in books.items())


@pytest.mark.parametrize("name", damage.TREES)
def test_an_undamaged_tree_is_read_whole(name, tmp_path):
    tree = damage.TREES[name]()
    tree.write(tmp_path)
    assert check_reading(tmp_path, tree, labels_known=True) in ("read", "skipped")
    dataset = open_dataset(name, tmp_path)
    assert sum(len(video.expressions) for video in dataset.videos) >= 2
    assert sum(video.missing for video in dataset.videos) == 0
    assert [video.damaged() for video in dataset.videos] == [{}] * len(dataset.videos)


def outcomes(name: str, *, cells: int, files: int) -> Counter:
    """What came of reading some damaged trees: how often each word of :func:`check_reading`."""
    seen = Counter()

    @SETTINGS
    @given(st.data())
    def over_examples(data):
        with tempfile.TemporaryDirectory(prefix="tree-") as folder:
            root = Path(folder).resolve()
            seen[check_reading(root, *damaged(name, data.draw, root, cells=cells, files=files))] += 1

    over_examples()
    return seen


@pytest.mark.parametrize("name", damage.TREES)
def test_damaged_cells_give_a_named_error_or_an_account_of_every_row(name):
    seen = outcomes(name, cells=3, files=0)
    assert seen.total() >= EXAMPLES and seen["refused"] and seen["skipped"], seen


@pytest.mark.parametrize("name", damage.TREES)
def test_damaged_files_and_folders_give_a_named_error_or_a_reported_skip(name):
    seen = outcomes(name, cells=1, files=2)
    assert seen.total() >= EXAMPLES and seen["refused"] and seen["skipped"], seen
