"""A folder made to do harm is refused with a named error, or what is hostile in it stays inert.

What a reader opens is taken from the interpreter's audit events, not from what the reader says.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pickle
import re
import shutil
import signal
import struct
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import damage
import numpy as np
import openpyxl
import pytest
import torch

from melib import doctor, face, features
from melib.datasets import open_dataset, sheets
from melib.datasets.paths import inside
from melib.video import Dataset, Video, truth_table, video_table

READERS = pytest.mark.parametrize("name", damage.TREES)
NAMED = (ValueError, LookupError, OSError)
#: What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: No test comes near it; a reader that waits for ever is stopped.
MOST_SECONDS = 120

_seen: list[tuple[str, tuple]] | None = None


def _note(event: str, arguments: tuple) -> None:
    if _seen is not None and event.partition(".")[0] in ("open", "os", "shutil", "subprocess", "socket", "pickle"):
        _seen.append((event, arguments))


sys.addaudithook(_note)


class Endless(BaseException):
    """No error that a reader may catch."""


@contextlib.contextmanager
def watched() -> Iterator[list[tuple[str, tuple]]]:
    """What the interpreter does meanwhile, as audit events; stopped where it takes for ever."""
    global _seen

    def stop(*_):
        raise Endless("it does not come to an end")

    before, _seen = signal.signal(signal.SIGALRM, stop), []
    signal.alarm(MOST_SECONDS)
    try:
        yield _seen
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        _seen = None


def paths(events: list[tuple[str, tuple]]) -> set[Path]:
    """Files and folders that were opened, listed or changed."""
    # The second argument of opening is the mode; of a change it may be another path.
    arguments = (text for event, given in events for text in (given[:1] if event == "open" else given))
    named = {text for text in arguments if isinstance(text, str | bytes | os.PathLike)}
    return {Path(os.path.abspath(os.fsdecode(text))) for text in named if os.fsdecode(text)}


def changes(events: list[tuple[str, tuple]], root: Path) -> list[tuple]:
    """Events that write below a folder."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    found = []
    for event, arguments in events:
        reads = event in ("os.scandir", "os.listdir") or event == "open" and not (arguments[2] or 0) & writing
        if not reads and any(path.is_relative_to(root) for path in paths([(event, arguments)])):
            found.append((event, arguments))
    return found


def use(name: str, root: Path):
    """Do all that the package does with a dataset's folder: the dataset, or the named error; and the audit events."""
    with watched() as events:
        try:
            dataset = open_dataset(name, root)
            for video in dataset.videos:
                for read in (video.frames, video.depth):
                    with contextlib.suppress(*NAMED):
                        read(0, video.n_frames)
            result = doctor.examine(name, root, decode=True)
            doctor.report(result)
            json.dumps(result)
        except NAMED as error:
            dataset = error
    assert changes(events, root) == []
    assert not [event for event, _ in events if event.startswith(("pickle.", "subprocess.", "socket.", "os.system"))]
    return dataset, events


@pytest.fixture
def root(tmp_path):
    return (tmp_path / "data").resolve()


@pytest.fixture
def outside(tmp_path):
    """A folder beside the dataset, which is none of a reader's business."""
    folder = (tmp_path / "outside").resolve()
    folder.mkdir()
    (folder / "secret.txt").write_text("the secret")
    return folder


def assert_untouched(events, outside: Path) -> None:
    assert not [path for path in paths(events) if path.is_relative_to(outside)]


def hostile_rows(tree: damage.Tree, values: list[str]) -> int:
    """Add a label row for each value and each column of names, that value in it; how many rows there are now."""
    added = 0
    for book in tree.headers:
        sheet = tree.labels(book)
        pattern = list(sheet[tree.headers[book]])
        for value in values:
            for column in (0, 1):
                sheet.append([value if place == column else cell for place, cell in enumerate(pattern)])
                added += 1
    if tree.name == "casme_sq":
        (book,) = tree.books
        for value in values:
            # Sheets that give folders to subjects and codes to stimuli are as hostile as the labels.
            tree.books[book]["naming_rule1"].append([15, value, f"{value}!"])
            tree.books[book]["naming_rule2"].append([value, f"{value}1"])
            tree.labels(book).append([f"{value}!", f"{value}1_1", 2, 3, 5, "4", "negative", "micro-expression", ""])
            added += 1
    return added


def written_as_text(tree: damage.Tree, root: Path) -> None:
    """Write a tree whose cells are all values: a text that begins with ``=`` is a text and no formula."""
    tree.write(root)
    for path in (root / book for book in tree.books):
        book = openpyxl.load_workbook(path)
        for cell in (cell for sheet in book for row in sheet.iter_rows() for cell in row):
            if cell.data_type == "f":
                cell.data_type = "s"
        book.save(path)


def first_image(tree: damage.Tree) -> str:
    return next(image for image in tree.images if "depth" not in image)


# --- names ---------------------------------------------------------------------------------------------------------


@READERS
def test_names_in_label_files_lead_nowhere(name, root, outside, monkeypatch):
    plain, _ = use(name, written(damage.TREES[name](), root))
    tree = damage.TREES[name]()
    values = ["../outside", "../../outside/secret.txt", str(outside), "..\\outside", "C:\\outside", "\\\\host\\share"]
    values += ["file:///etc/passwd", "~/x", "..", ".", "x" * 32_000, "NUL\0", "spNO.1/../../outside", "s15/../.."]
    # No .xlsx holds a NUL, but an .xls may: the cell is given one on its way.
    real = sheets._plain
    marked = [value.replace("\0", "<nul>") for value in values]
    monkeypatch.setattr(
        sheets, "_plain", lambda cell: real(cell.replace("<nul>", "\0") if isinstance(cell, str) else cell)
    )
    added = hostile_rows(tree, marked)
    shutil.rmtree(root)
    tree.write(root)
    dataset, events = use(name, root)
    assert_untouched(events, outside)
    # Rows that differ in nothing else but a name are skipped each, and the labels are those of before.
    columns = ["subject", "video", "onset", "offset"]
    assert dataset.labels.rows[columns].values.tolist() == plain.labels.rows[columns].values.tolist()
    extra = len(dataset.labels.skipped) - len(plain.labels.skipped)
    # A micro-expression of CAS(ME)^3 stands in both of its files and is one row of the account.
    assert extra == (added // 2 if name == "casme3" else added)
    assert {video.colour.folder for video in dataset.videos} == {video.colour.folder for video in plain.videos}


def written(tree: damage.Tree, root: Path) -> Path:
    tree.write(root)
    return root


@pytest.mark.parametrize(
    "part", ["..", ".", "", "a/b", "a\\b", "C:", "C:x", "a\0b", "/etc", "../x", "\\\\host\\x", " .. ", "x" * 5000]
)
def test_a_part_of_a_path_is_one_plain_name(part, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError):
        inside(tmp_path, "folder", part)


@READERS
def test_no_name_of_a_dataset_is_a_formula(name, root):
    """Names go into CSV files that people open in spreadsheets."""
    values = ["=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://example.org")', "+1+cmd", "-2+3", "@SUM(1)", "\t=1"]
    tree = damage.TREES[name]()
    hostile_rows(tree, values)
    for image in list(tree.images):
        # Folders of the same names, so that a label and a folder agree.
        *above, video, file = image.split("/")
        if name == "casme3" and video in ("color", "depth"):
            *above, subject, _ = above
            tree.images += [
                f"{'/'.join(above)}/{subject}/{value}/{video}/{file}" for value in values if "/" not in value
            ]
        else:
            tree.images += ["/".join([*above, value, file]) for value in values if "/" not in value]
    written_as_text(tree, root)
    dataset, events = use(name, root)
    assert len(dataset.videos) >= 2 and len(dataset.labels.rows) >= 2
    for table in (truth_table(dataset.videos), video_table(dataset.videos)):
        for row in csv.reader(io.StringIO(table.to_csv(index=False))):
            assert not [cell for cell in row if cell.startswith(FORMULA)], row


@READERS
def test_formulas_are_never_computed(name, root):
    tree = damage.TREES[name]()
    plain = [row.copy() for row in tree.labels(next(iter(tree.books)))]
    hostile_rows(tree, ["=1+1", '=HYPERLINK("http://example.org")', "=CALL()", "=WEBSERVICE(A1)"])
    tree.write(root)
    dataset, _ = use(name, root)
    assert len(plain) >= 3 and not dataset.labels.skipped.empty
    assert not dataset.labels.skipped.astype(str).map(lambda cell: "example.org" in cell).any(axis=None)


class Named(Video):
    """Noise of 64 pixels a side, under whatever names."""

    fps, n_frames, expressions = 30.0, 6, ()

    def __init__(self, subject: str, name: str) -> None:
        self.subject, self.name = subject, name

    def frames(self, start: int, stop: int) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 255, (stop - start, 64, 64, 3), dtype=np.uint8)

    def landmarks(self, start: int, stop: int) -> np.ndarray:
        return np.repeat(np.random.default_rng(1).uniform(5, 60, (1, 68, 2)), stop - start, axis=0)


class Everywhere:
    """Takes every image for a face."""

    name = "everywhere"

    def detect(self, rgb: np.ndarray) -> list[face.Face]:
        box = face.Box(0, 0, 64, 64)
        return [face.Face(box, self.landmarks(rgb, box), 1.0)]

    def landmarks(self, rgb: np.ndarray, box: face.Box) -> np.ndarray:
        return np.random.default_rng(1).uniform(5, 60, (68, 2))


@pytest.mark.parametrize("hostile", ["../../up", "{away}", "a/b", "..", "nul\0", "=1+1", "\udcff", "x" * 5000])
def test_no_file_that_is_kept_of_a_video_is_named_by_it(hostile, tmp_path):
    """Names that readers refuse harm nothing either where features and detections are kept."""
    hostile = hostile.format(away=tmp_path / "away")
    video = Named(hostile, hostile)
    dataset = Dataset(hostile, hostile, (video,), ())
    with watched() as events:
        face.crop(video, detector=Everywhere(), cache=tmp_path / "kept", dataset=hostile)
        pairs = features.spotting_pairs(video, gap_s=0.1)
        settings = features.FeatureSettings(stabilization="none")
        features.stored_planes(tmp_path / "store", dataset, video, pairs, settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "store"]
    (detection,), (planes,) = ((tmp_path / "kept").iterdir(), (tmp_path / "store").iterdir())
    assert re.fullmatch("[0-9a-f]{40}", detection.stem) and re.fullmatch("[0-9a-f]{40}", planes.stem)
    changed = {path for event in changes(events, Path("/")) for path in paths([event])}
    assert not [path for path in changed if not path.is_relative_to(tmp_path)]


# --- links ---------------------------------------------------------------------------------------------------------


def moved_out(path: Path, outside: Path) -> None:
    """Move a file or folder out of the dataset, and leave a link in its place."""
    path.rename(outside / path.name)
    path.symlink_to(outside / path.name)


@READERS
def test_a_frame_behind_a_link_that_leads_out_is_not_read(name, root, outside):
    tree = damage.TREES[name]()
    tree.write(root)
    moved_out(root / first_image(tree), outside)
    dataset, events = use(name, root)
    assert_untouched(events, outside)
    assert dataset.labels.skipped.query("row == 0")["reason"].str.contains("leads out of").any()
    assert (root / first_image(tree)).parent not in {video.colour.folder for video in dataset.videos}


@READERS
@pytest.mark.parametrize("levels", [0, 1])
def test_a_folder_behind_a_link_that_leads_out_is_refused(name, root, outside, levels):
    tree = damage.TREES[name]()
    tree.write(root)
    moved_out((root / first_image(tree)).parents[levels], outside)
    error, events = use(name, root)
    assert isinstance(error, ValueError) and "leads out of" in str(error)
    assert_untouched(events, outside)


@READERS
def test_a_label_file_behind_a_link_that_leads_out_is_refused(name, root, outside):
    tree = damage.TREES[name]()
    tree.write(root)
    moved_out(root / next(iter(tree.books)), outside)
    error, events = use(name, root)
    assert isinstance(error, ValueError) and "leads out of" in str(error)
    assert_untouched(events, outside)


@READERS
def test_links_in_circles_are_refused(name, root):
    tree = damage.TREES[name]()
    tree.write(root)
    folder = (root / first_image(tree)).parents[1]
    for target, words in ((root, "leads back to"), (folder, "leads back to"), (folder / "zz", "cannot be followed")):
        (folder / "zz").symlink_to(target)
        error, _ = use(name, root)
        assert isinstance(error, ValueError) and words in str(error) and "zz" in str(error)
        (folder / "zz").unlink()


@READERS
def test_folders_that_link_to_one_another_are_each_looked_at_once(name, root):
    damage.TREES[name]().write(root)
    mesh = [root / f"mesh{number}" for number in range(12)]
    for folder in mesh:
        folder.mkdir()
    for folder in mesh:
        for other in mesh:
            if other != folder:
                (folder / other.name).symlink_to(other)
    dataset, events = use(name, root)
    assert len(dataset.videos) >= 2
    # Every way through the mesh would be thousands.
    listed = [event for event, _ in events if event in ("os.scandir", "os.listdir")]
    assert len(listed) < 800


# --- files that are none -------------------------------------------------------------------------------------------


@READERS
def test_a_pipe_in_place_of_a_file_is_not_waited_for(name, root):
    tree = damage.TREES[name]()
    tree.write(root)
    whole, _ = use(name, root)
    pipes = {root / [image for image in tree.images if image.startswith(str(Path(first_image(tree)).parent))][1]}
    pipes.add(root / tree.images[-1])
    for path in pipes:
        path.unlink()
        os.mkfifo(path)
    dataset, events = use(name, root)
    assert not pipes & paths(events)
    assert {(video.subject, video.name) for video in dataset.videos} == {(v.subject, v.name) for v in whole.videos}
    assert sum(
        video.colour.others + (video.depth_images is not None and video.depth_images.others) for video in dataset.videos
    ) in (1, 2)
    book = root / next(iter(tree.books))
    book.unlink()
    os.mkfifo(book)
    error, _ = use(name, root)
    assert isinstance(error, FileNotFoundError) and book.name in str(error)


@READERS
def test_pickles_are_never_opened(name, root, monkeypatch):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(root.parent / "harmed"),))

    def refuse(*_, **__):
        raise AssertionError("a pickle was opened")

    harm = pickle.dumps(Harm())
    tree = damage.TREES[name]()
    tree.write(root)
    folder = (root / first_image(tree)).parent
    for lure in ("labels.pkl", "features.pickle", "weights.pt", "subject_1.pkl", "annotation.xlsx", "index.npy"):
        for place in (root, folder, root / next(iter(tree.books))):
            ((place if place.is_dir() else place.parent) / lure).write_bytes(harm)
    (root / first_image(tree)).write_bytes(harm)
    for module, function in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load"), (np, "load")):
        monkeypatch.setattr(module, function, refuse)
    dataset, _ = use(name, root)
    assert len(dataset.videos) >= 2 and any(video.undecodable for video in dataset.videos)
    (root / next(iter(tree.books))).write_bytes(harm)
    error, _ = use(name, root)
    assert isinstance(error, ValueError) and "no Excel file" in str(error)
    assert not (root.parent / "harmed").exists()


# --- sizes ---------------------------------------------------------------------------------------------------------


def png_of(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9000))) + chunk(b"IEND", b"")


def jpeg_of(side: int) -> bytes:
    content = bytearray(damage.picture(".jpg"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


def bmp_of(side: int) -> bytes:
    content = bytearray(damage.picture(".bmp"))
    content[18:26] = struct.pack("<ii", side, side)
    return bytes(content)


@READERS
@pytest.mark.parametrize(
    "content", [png_of(100_000), jpeg_of(65_000), bmp_of(100_000)], ids=["100000x100000 PNG", "JPEG", "BMP"]
)
def test_an_image_that_declares_a_huge_size_costs_no_memory(name, root, content):
    tree = damage.TREES[name]()
    tree.write(root)
    (root / first_image(tree)).write_bytes(content)
    tracemalloc.start()
    try:
        dataset, _ = use(name, root)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**26
    refused = [reason for video in dataset.videos for reason in video.undecodable.values()]
    assert len(refused) == 1 and "cannot be read" in refused[0]


SPACE = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'"


def with_part(path: Path, part: str, content: bytes) -> None:
    """Write an .xlsx anew with one of its parts replaced."""
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    assert part in parts
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for entry, old in parts.items():
            archive.writestr(entry, content if entry == part else old)


@pytest.fixture
def book(root):
    tree = damage.TREES["casme2"]()
    tree.write(root)
    return root / next(iter(tree.books))


def refusal_of(book: Path, root: Path, most_bytes: int = 2**26) -> str:
    tracemalloc.start()
    try:
        error, _ = use("casme2", root)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(error, ValueError) and book.name in str(error) and peak < most_bytes
    return str(error)


def test_a_label_file_that_expands_without_end_is_refused(book, root):
    with_part(book, "xl/worksheets/sheet1.xml", bytes(sheets.MOST_BYTES + 1))
    assert book.stat().st_size < 2**21
    assert "expands to more than" in refusal_of(book, root)


def test_a_label_file_that_lies_about_how_far_it_expands_is_refused(book, root):
    size = 2**27 + 54321
    with_part(book, "xl/worksheets/sheet1.xml", bytes(size))
    content = book.read_bytes()
    assert content.count(struct.pack("<I", size)) == 2
    book.write_bytes(content.replace(struct.pack("<I", size), struct.pack("<I", 2000)))
    assert "is damaged" in refusal_of(book, root)


def test_entities_of_a_label_file_are_neither_multiplied_nor_fetched(book, root, outside):
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 40}">' for i in range(1, 9))
    for declared, used in (
        (f'<!ENTITY l0 "{"ha" * 40}">{laughs}', "&l8;"),
        (f'<!ENTITY far SYSTEM "{(outside / "secret.txt").as_uri()}">', "&far;"),
    ):
        cells = "".join(f"<row><c t='inlineStr'><is><t>{used}</t></is></c></row>" for _ in range(20))
        text = f"<!DOCTYPE worksheet [{declared}]><worksheet {SPACE}><sheetData>{cells}</sheetData></worksheet>"
        with_part(book, "xl/worksheets/sheet1.xml", text.encode())
        with watched() as events, pytest.raises(ValueError) as caught:
            open_dataset("casme2", root)
        assert book.name in str(caught.value) and "the secret" not in str(caught.value)
        assert_untouched(events, outside)


def test_a_sheet_of_endless_rows_is_refused(book, root, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_ROWS", 1000)
    rows = "<row r='1'><c r='A1'><v>1</v></c></row><row r='999999999'><c r='A999999999'><v>1</v></c></row>"
    with_part(
        book, "xl/worksheets/sheet1.xml", f"<worksheet {SPACE}><sheetData>{rows}</sheetData></worksheet>".encode()
    )
    assert "more than 1000 rows" in refusal_of(book, root)


def test_a_folder_of_very_many_files_is_read_and_those_that_are_no_frames_are_counted(root):
    tree = damage.TREES["casme_sq"]()
    tree.write(root)
    folder = (root / first_image(tree)).parent
    for number in range(10_000):
        (folder / f"note{number}.txt").touch()
        (root / f"junk{number}").touch()
    dataset, _ = use("casme_sq", root)
    video = next(video for video in dataset.videos if video.colour.folder == folder)
    assert (video.n_frames, video.missing, video.colour.others) == (damage.FRAMES, 0, 10_000)


@READERS
def test_a_stray_number_makes_no_endless_video(name, root):
    tree = damage.TREES[name]()
    tree.write(root)
    image = root / first_image(tree)
    shutil.copy(image, image.with_name(image.name.replace(image.stem, "999999999")))
    dataset, _ = use(name, root)
    assert max(video.n_frames for video in dataset.videos) < 100
    assert dataset.labels.skipped["reason"].str.contains("remove stray files").any()
