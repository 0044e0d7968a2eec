"""Readers stay inside the folder that was named, change nothing there, and name what they leave out."""

import csv
import io
import itertools
import os
import pickle
import random
import shutil
import sys
from pathlib import Path

import dataset_trees as trees
import openpyxl
import pytest

from melib.datasets import doctor, open_dataset
from melib.video import truth_table, video_table

TREES = {
    "casme3": (trees.casme3_tree, trees.CASME3_MICRO),
    "casme_sq": (trees.casme_sq_tree, trees.CASME_SQ),
    "samm_lv": (trees.samm_lv_tree, trees.SAMM_LV),
    "casme2": (trees.casme2_tree, trees.CASME2),
    "smic_hs": (trees.smic_tree, trees.SMIC),
}
_seen: list[tuple[str, tuple]] | None = None


def _note(event: str, arguments: tuple) -> None:
    if _seen is not None and event.partition(".")[0] in ("open", "os", "shutil", "subprocess", "socket", "pickle"):
        _seen.append((event, arguments))


sys.addaudithook(_note)


def use(name: str, root: Path):
    """Open, read all, examine: the dataset or the error, and the paths that the interpreter opened."""
    global _seen
    _seen = events = []
    try:
        dataset = open_dataset(name, root)
        for video in dataset.videos:
            video.frames(0, video.n_frames)
        doctor.report(doctor.examine(name, root, decode=True))
    except (ValueError, OSError) as error:
        dataset = error
    finally:
        _seen = None
    assert not [event for event, _ in events if event.startswith(("pickle.", "subprocess.", "socket.", "os.system"))]
    named = [(event, Path(os.path.abspath(os.fsdecode(a[0])))) for event, a in events if a and isinstance(a[0], str)]
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    opened = [arguments for event, arguments in events if event == "open" and (arguments[2] or 0) & writing]
    changing = [path for event, path in named if event not in ("open", "os.scandir", "os.listdir")]
    changing += [Path(arguments[0]) for arguments in opened if isinstance(arguments[0], str)]
    assert not [path for path in changing if path.is_relative_to(root)]
    return dataset, {path for _, path in named}


@pytest.fixture(params=TREES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A tree of every reader."""
    return {name: make(tmp_path_factory.mktemp(name) / "data") for name, (make, _) in TREES.items()}


@pytest.fixture
def root(name, whole, tmp_path):
    return shutil.copytree(whole[name], (tmp_path / "data").resolve())


@pytest.fixture
def outside(tmp_path):
    """A folder beside the dataset, which is none of a reader's business."""
    (tmp_path / "outside").mkdir()
    return (tmp_path / "outside").resolve()


def first_image(root: Path) -> Path:
    return sorted(path for path in root.rglob("*.jpg") if "depth" not in path.as_posix().lower())[0]


def label_file(root: Path) -> Path:
    return sorted([*root.rglob("*.xlsx"), *root.rglob("*.xls")])[0]


def labels(name: str, root: Path, *changes: tuple[object, object, int]) -> None:
    """Write the label sheet anew; below it the first row for each change, of another subject, another name, moved."""
    make, known = TREES[name]
    subject, video, *rest = known[0]
    onset, rows = 1 if name in ("samm_lv", "casme2") else 0, list(known)
    for other, another, moved in changes:
        frames = [cell + moved if place in (onset, onset + 1) else cell for place, cell in enumerate(rest)]
        rows.append((other or subject, another or video, *frames))
    make(root, rows)


def test_names_in_label_sheets_lead_nowhere_and_become_no_formula(name, root, outside):
    plain = open_dataset(name, root)
    odd = ("../outside", "../../x", str(outside), "..\\outside", "C:\\x", "~/x", "..", "=1+1", "-2+3", "@SUM(1)")
    labels(name, root, *[(cell, None, 0) for cell in odd], *[(None, cell, 0) for cell in odd])
    dataset, opened = use(name, root)
    assert not [path for path in opened if path.is_relative_to(outside)]
    columns = ["subject", "video", "onset", "offset"]
    assert dataset.labels.rows[columns].values.tolist() == plain.labels.rows[columns].values.tolist()
    assert len(dataset.labels.skipped) == len(plain.labels.skipped) + 2 * len(odd)
    for table in (truth_table(dataset.videos), video_table(dataset.videos)):
        cells = [cell for row in csv.reader(io.StringIO(table.to_csv(index=False))) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_the_fullest_folder_of_a_video_is_read_and_what_a_mac_packs_is_not_looked_at(name, root):
    plain, clip = open_dataset(name, root), first_image(root).parent
    within = Path(*clip.relative_to(root).parts[1:])
    for files, folder in ((4, root / "0-unfinished" / within), (0, root / "1-empty" / within)):
        folder.mkdir(parents=True)
        for image in sorted(clip.iterdir())[:files]:
            shutil.copy(image, folder)
    for image in sorted(clip.iterdir()):
        packed = root / "__MACOSX" / clip.relative_to(root) / f"._{image.name}"
        packed.parent.mkdir(parents=True, exist_ok=True)
        packed.write_bytes(b"\0\5\26\7 Mac OS X")
        shutil.copy(packed, clip)
    found = open_dataset(name, root)
    assert found.version == plain.version and found.labels.rows.equals(plain.labels.rows)
    told = found.labels.skipped.query("row == 0 and reason.str.contains('is left out')")["reason"].tolist()
    assert len(told) == 2 and all(f"read from {clip}" in reason for reason in told)
    assert "0-unfinished" in told[0] and "1-empty" in told[1]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_label_is_the_same_whichever_way_a_spreadsheet_stored_its_cells(name, root, seed):
    plain, draw = open_dataset(name, root), random.Random(seed)
    wide = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
    for path in {*root.rglob("*.xls*")}:
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
        for cell in (cell for page in book for row in page for cell in row if cell.value is not None):
            value = str(cell.value)
            ways = [cell.value, value, f" {value}\u00a0", value.translate(wide)]
            whole = [int(value), float(value), f"{value}.0"] if value.isdecimal() and value[0] != "0" else []
            cell.value = draw.choice(ways + whole)
        book.save(path)
    found = open_dataset(name, root)
    assert found.labels.rows.equals(plain.labels.rows)
    assert found.labels.skipped["row"].tolist() == plain.labels.skipped["row"].tolist()


def test_a_copy_with_other_labels_or_frames_has_another_version_and_a_moved_one_the_same(name, root, tmp_path):
    version = open_dataset(name, root).version
    root = root.rename(tmp_path / "elsewhere")
    assert open_dataset(name, root).version == version
    image = sorted(first_image(root).parent.iterdir())[5]
    content = image.read_bytes()
    image.write_bytes(content + b" ")
    versions = {version, open_dataset(name, root).version}
    image.unlink()
    versions.add(open_dataset(name, root).version)
    image.write_bytes(content)
    assert open_dataset(name, root).version == version and len(versions) == 3
    labels(name, root, (None, None, 1))
    assert open_dataset(name, root).version not in versions


@pytest.mark.parametrize("what", ["frame", "folder of frames", "folder of a subject", "label file"])
def test_what_lies_behind_a_link_that_leads_out_is_not_read(name, root, outside, what):
    image = first_image(root)
    path = {"frame": image, "folder of frames": image.parent, "folder of a subject": image.parents[1]}.get(what)
    path = path or label_file(root)
    shutil.move(path, outside / path.name)
    path.symlink_to(outside / path.name)
    dataset, opened = use(name, root)
    assert not [path for path in opened if path.is_relative_to(outside)]
    said = dataset.labels.skipped.query("row == 0")["reason"].str.cat() if what == "frame" else str(dataset)
    assert "leads out of" in said and str(path) in said


def test_links_in_circles_are_refused_and_links_among_folders_followed_once(name, root):
    folder = first_image(root).parents[1]
    for target, words in ((root, "leads back to"), (folder, "leads back to"), (folder / "zz", "Too many levels")):
        (folder / "zz").symlink_to(target)
        error, _ = use(name, root)
        assert isinstance(error, ValueError | OSError) and words in str(error) and "zz" in str(error)
        (folder / "zz").unlink()
    mesh = [root / f"mesh{number}" for number in range(10)]
    for each in mesh:
        each.mkdir()
    for each, other in itertools.permutations(mesh, 2):
        (each / other.name).symlink_to(other)
    # Every way through the mesh would be thousands of folders.
    assert len(open_dataset(name, root).videos) >= 2


def test_a_pipe_a_pickle_or_a_stray_number_in_place_of_a_file_does_no_harm(name, root, tmp_path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harmed"),))

    image = first_image(root)
    stray = image.with_name(f"{image.stem.rstrip('0123456789')}999999999.jpg")
    shutil.copy(image, stray)
    dataset, _ = use(name, root)
    assert max(video.n_frames for video in dataset.videos) < 100
    assert dataset.labels.skipped["reason"].str.contains("remove stray files").any()
    stray.unlink()
    image.unlink()
    os.mkfifo(image)
    (image.parent / "labels.pkl").write_bytes(pickle.dumps(Harm()))
    image.with_name("x99.jpg").write_bytes(pickle.dumps(Harm()))
    _, opened = use(name, root)
    assert image not in opened and not (tmp_path / "harmed").exists()
    book = label_file(root)
    book.write_bytes(pickle.dumps(Harm()))
    error, _ = use(name, root)
    assert isinstance(error, ValueError) and book.name in str(error) and "no Excel file" in str(error)
