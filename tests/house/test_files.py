import pytest

from melib.errors import InputError, in_one_line
from melib.files import check_folder, refresh_all, whole


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "record.json"
    path.write_text("old")
    return path


def test_the_old_file_stands_until_the_new_one_is_whole_and_two_writers_do_not_meet(path):
    with whole(path) as first, whole(path) as second:
        first.write_text("first")
        second.write_text("second")
        assert path.read_text() == "old"
        assert first.parent == path.parent, "only within a folder is a move one step"
    assert path.read_text() == "first", "the last to finish wins"
    assert names(path.parent) == ["record.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_beside_it(path, error):
    with pytest.raises(error), whole(str(path)) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert names(path.parent) == ["record.json"]


def test_a_folder_that_takes_no_file_is_named_and_one_that_can_be_made_is_not(tmp_path):
    check_folder(tmp_path / "new" / "below", "--folder")
    assert names(tmp_path) == []
    (tmp_path / "letter").touch()
    for folder in (tmp_path / "letter", tmp_path / "letter" / "below"):
        with pytest.raises(OSError, match=f"--folder {folder} cannot be written into"):
            check_folder(folder, "--folder")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("no such tier"), 2, "no such tier"),
        (FileNotFoundError(2, "No such file", "a\nb"), 2, "No such file"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_a_user_did_is_said_in_one_line(capsys, error, code, words):
    def run():
        raise error

    assert in_one_line("program", run) == code
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith("program: ") and words in said.err


def test_a_fault_of_the_program_is_not_hidden():
    for fault, error in {
        lambda: 1 // 0: ZeroDivisionError,
        lambda: {}["x"]: KeyError,
        lambda: int("a"): ValueError,
    }.items():
        with pytest.raises(error):
            in_one_line("program", fault)


def test_of_several_files_only_the_stale_are_written_a_check_names_each_and_none_is_deleted(tmp_path, capsys):
    same, stale, missing, left = (tmp_path / f"{name}.md" for name in ("same", "stale", "missing", "left"))
    for path, text in ((same, "one\n"), (stale, "old\n"), (left, "old\n")):
        path.write_text(text)
    wanted, tool = {same: "one\n", stale: "two\n", missing: "three\n"}, "tools/make_it.py"
    assert refresh_all(wanted, tool=tool, check=True) == 1
    said = capsys.readouterr()
    assert said.err == "".join(f"{path} is missing or stale: run python {tool}\n" for path in (stale, missing))
    assert said.out == "" and stale.read_text() == "old\n" and not missing.exists()
    before = same.stat().st_mtime_ns
    assert refresh_all(wanted, tool=tool, check=False, left_over=iter([left])) == 1
    said = capsys.readouterr()
    assert said.out == f"{stale}\n{missing}\n" and said.err == f"{left} has no source any more: delete it\n"
    assert {path: path.read_text() for path in wanted} == wanted and same.stat().st_mtime_ns == before
    assert left.read_text() == "old\n"
