"""Records: whole or not at all, current while nothing that decides them has changed, found from any folder."""

from dataclasses import replace

import pandas as pd
import pytest
from refusing import refused

from melib.__main__ import main
from melib.study import experiments, places, records
from melib.study.record import Record
from melib.study.settings import Settings

CALLS: list[tuple[str, int]] = []


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """A way to compute rows that takes no time, and notes who was asked for."""
    CALLS.clear()

    class Way:
        @staticmethod
        def run(settings, seed, *, store):
            CALLS.append((settings.input, seed))
            named = {"subject": ["006", "1"], "emotion": ["None", "fear"], "named": "fear", "count": [1, 2]}
            truth = pd.DataFrame({"subject": ["006"], "kind": "micro", "emotion": "fear", "onset": [3]})
            return Record({"dataset": {"name": "none"}, "seconds": 1.0}, {"named": pd.DataFrame(named), "truth": truth})

        @staticmethod
        def prepare(settings, *, store, jobs, progress):
            CALLS.extend((each.input, "features") for each in settings)

    monkeypatch.setattr(records, "import_module", lambda name: Way)
    return CALLS


def row(name="good", seeds=(0,), **values):
    return experiments.Row(name, name.title(), "grid", Settings(tier="smoke", **values), seeds)


def test_a_row_is_computed_once_for_each_seed_and_then_read(tmp_path):
    rows = [row(seeds=(0, 1)), row("other", input="S")]
    records.make(rows, folder=tmp_path, store=tmp_path)
    records.make(rows, folder=tmp_path, store=tmp_path)
    features = [("O", "features"), ("O", "features"), ("S", "features")]
    assert CALLS == [*features, ("O", 0), ("O", 1), ("S", 0)], "once, and features before all"
    kept = records.read(rows, tmp_path)
    assert list(kept) == ["good", "other"] and not kept["good"].stale
    assert [record.values["seed"] for record in kept["good"].records] == [0, 1]
    named = kept["good"].tables("named")[0]
    assert named["subject"].tolist() == ["006", "1"] and named["emotion"].tolist() == ["None", "fear"]
    refused("row good keeps no table 'frames'", kept["good"].tables, "frames")


def test_labels_lie_once_for_all_rows_and_are_read_in_the_classes_of_each(tmp_path):
    rows = [row(), row("seven", classes=7)]
    records.make(rows, folder=tmp_path, store=tmp_path)
    assert len(list((tmp_path / "smoke" / "people").iterdir())) == 1
    kept = records.read(rows, tmp_path)
    assert [kept[name].tables("truth")[0]["emotion"].item() for name in ("good", "seven")] == ["negative", "fear"]


@pytest.mark.parametrize("change", ["code", "settings", "amounts", "data", "table", "labels"])
def test_a_record_that_today_would_not_make_is_made_again(tmp_path, monkeypatch, change):
    one = row()
    records.make([one], folder=tmp_path, store=tmp_path)
    if change == "code":
        monkeypatch.setitem(records._SOURCE, (Settings, False), "other code")
    elif change == "settings":
        one = row(method="farneback")
    elif change == "amounts":
        monkeypatch.setattr(Settings, "amounts", {"people": (1, 1)})
    elif change == "data":
        monkeypatch.setattr(records, "_data_version", lambda settings: "another copy")
    else:
        where = "people/*" if change == "labels" else "grid/good.0.zip"
        next((tmp_path / "smoke").glob(where)).unlink()
    assert records.missing([one], tmp_path) == [(one, 0)]
    records.make([one], folder=tmp_path, store=tmp_path)
    assert CALLS.count(("O", 0)) == 2 and not records.missing([one], tmp_path)


def test_words_do_not_make_a_record_stale_and_the_same_numbers_are_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        records.make([row()], folder=tmp_path / name, store=tmp_path)
    assert not records.missing([replace(row(), label="Said otherwise")], tmp_path / "a")
    first, second = ((tmp_path / name / "smoke" / "grid" / "good.0.zip").read_bytes() for name in "ab")
    assert first == second


def test_filmed_data_have_a_version_of_their_own_in_the_key(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "_filmed_version", lambda dataset, root: f"version of {root}")
    keys = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        keys.add(records.key(Settings(dataset="casme3", data_root=str(tmp_path / name)), 0))
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [('{"row": ', "is not JSON"), ("{}", "is not a record of a row: it lacks one of"), ("[]", "is not a record")],
)
def test_a_damaged_record_is_named(tmp_path, text, words):
    path = tmp_path / "x.json"
    path.write_text(text)
    refused(words, records.read_values, path)
    refused("run the experiment first", records.read_values, tmp_path / "y.json", kind=FileNotFoundError)


def test_damaged_tables_are_named(tmp_path):
    records.make([row()], folder=tmp_path, store=tmp_path)
    (tmp_path / "smoke" / "grid" / "good.0.zip").write_bytes(b"PK half")
    refused("good.0.zip is damaged", records.read, [row()], tmp_path)


def test_a_notebook_in_its_own_folder_finds_the_checkout(monkeypatch, tmp_path):
    for name in ("notebooks", "results"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("MELIB_CACHE", raising=False)
    assert places.checkout() == tmp_path
    assert places.published() == tmp_path / "results" and places.cache() == tmp_path / ".cache" / "features"


@pytest.fixture
def declared(monkeypatch):
    grid = experiments.Experiment("grid", "smoke", "?", "!", 0.03, (row(), row("bad", input="S")), (), ())
    monkeypatch.setattr(experiments, "load", lambda name, tier, **_: grid)


def test_the_command_computes_the_rows_that_are_asked_for(tmp_path, declared, capsys):
    options = ["--tier", "smoke", "--folder", str(tmp_path), "--store", str(tmp_path)]
    assert main(["rows", "grid", "--missing", *options]) == 1
    assert capsys.readouterr().out.count("missing or stale") == 2
    assert main(["rows", "grid", "--row", "good", "--features", *options]) == 0
    assert CALLS == [("O", "features")] and not list(tmp_path.iterdir())
    assert main(["rows", "grid", "--row", "bad", "--seed", "1", *options]) == 0
    assert CALLS[1:] == [("S", "features"), ("S", 1)] and "bad.1.json: computed in 1 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--row", "god"], "unknown row in grid 'god': did you mean 'good'"),
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["--folder", "letter"], "--folder letter cannot be written into"),
    ],
)
def test_a_wrong_request_computes_nothing_and_gets_one_line(tmp_path, declared, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter").touch()
    assert main(["rows", "grid", *arguments, "--store", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line and CALLS == []
