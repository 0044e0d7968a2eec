"""The reader that the book shows is run as it stands there."""

import re
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pandas as pd
import pytest

from melib import datasets
from melib.video import Dataset

PAGE = Path(__file__).parents[2] / "book" / "bring_a_dataset.md"


def block(name: str) -> str:
    """The code block of a name on the page."""
    (found,) = re.findall(
        rf"^```\{{code-block\}} python\n:name: {name}\n\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S
    )
    return found


@pytest.fixture(scope="module")
def reader() -> ModuleType:
    module = ModuleType("reader_of_the_book")
    exec(compile(block("a-reader"), PAGE.name, "exec"), module.__dict__)
    return module


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that the page describes, with the labels it shows, one more folder and one more row."""
    folder = tmp_path_factory.mktemp("our_lab")
    rng = np.random.default_rng(2)
    for video, frames in (("a", 30), ("b", 40), ("c", 25)):
        (folder / "p01" / video).mkdir(parents=True)
        for number in range(1, frames + 1):
            if (video, number) != ("a", 7):
                image = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
                assert cv2.imwrite(str(folder / "p01" / video / f"frame_{number:04d}.png"), image)
    shown = re.search(r"^```text\n(subject,.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)[1]
    (folder / "labels.csv").write_text(shown + "p01,b,5,6,9,bored\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def dataset(reader, root) -> Dataset:
    return reader.open_dataset(root)


def test_frames_become_positions_both_ends_count_and_a_missing_frame_keeps_the_places_of_the_others(dataset, root):
    first, second, silent = dataset.videos
    (smile,) = first.expressions
    assert (smile.onset, smile.apex, smile.offset, smile.length, smile.emotion) == (11, 14, 19, 9, "happy")
    # The label ends at frame 41 of 40, so it is cut, and the account says so.
    (sad,) = second.expressions
    assert (sad.onset, sad.apex, sad.offset, sad.emotion) == (32, None, 39, "sad")
    assert dataset.labels.changes[["column", "from", "to"]].values.tolist() == [["offset", 41, 40]]
    assert dataset.labels.skipped[["row", "reason"]].values.tolist() == [[4, "emotion 'bored' is none of ours"]]
    assert silent.expressions == ()
    assert (first.n_frames, first.missing) == (30, 1)
    eighth = cv2.cvtColor(cv2.imread(str(root / "p01" / "a" / "frame_0008.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(first.frames(7, 8)[0], eighth)


def test_the_questions_of_the_page_can_be_asked_and_its_reader_keeps_the_contract_of_the_package(reader, root, capsys):
    exec(compile(block("ask-a-reader"), PAGE.name, "exec"), {**reader.__dict__, "root": root})
    said = capsys.readouterr().out
    assert "bored" in said and "happy" in said
    known = datasets.reader("casme3")[0]
    for name in ("FPS", "EMOTIONS", "CLASSES", "MERGE", "read_labels", "open_dataset"):
        assert hasattr(reader, name) and hasattr(known, name)
    for number, names in reader.CLASSES.items():
        assert set(reader.MERGE[number]) == set(reader.EMOTIONS)
        assert {merged for merged in reader.MERGE[number].values() if merged} == set(names)
    assert isinstance(reader.read_labels(root).rows, pd.DataFrame)
    named = re.findall(r"(?<!})`([a-z0-9_]+)`", PAGE.read_text(encoding="utf-8").split("### First the doctor")[0])
    assert sorted(named) == sorted(datasets.DATASETS), "the page names the datasets that are read"
