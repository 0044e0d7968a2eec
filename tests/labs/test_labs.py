"""Each lab works when solved, and does not before. Labs are found by their sources, labs/*.md."""

import sys
from collections.abc import Iterator
from types import ModuleType

import make_labs
import pytest
from IPython.core.interactiveshell import InteractiveShell
from lab_tool import LABS, ROOT, each_lab, sized, solved, unsolved
from nbformat import NotebookNode
from traitlets.config import Config

#: A cell, and what it ended with.
Outcome = tuple[NotebookNode, BaseException | None]


class Quiet(InteractiveShell):
    """IPython as a kernel has it, but it prints no traceback: most cells that are handed out end with an error."""

    def showtraceback(self, *_: object, **__: object) -> None:
        """Print nothing."""

    def run(self, cells: list[NotebookNode]) -> list[Outcome]:
        """Execute cells to the last, whatever they say."""
        results = [self.run_cell(cell.source) for cell in cells]
        ended = [result.error_before_exec or result.error_in_exec for result in results]
        return list(zip(cells, ended, strict=True))


@pytest.fixture
def shell(monkeypatch, tmp_path) -> Iterator[Quiet]:
    """IPython within this process: what starting a kernel proves, tests/study/test_pages.py does."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "lab", ModuleType("lab"))
    kept = Config({"HistoryManager": {"enabled": False}})
    yield Quiet.instance(user_module=sys.modules["lab"], ipython_dir=str(tmp_path), config=kept)
    Quiet.clear_instance()


def executed(lab, shell: Quiet) -> tuple[list[Outcome], list[Outcome], list[Outcome]]:
    """The code cells of a lab, run: solved, handed out, and then with the first exercise solved."""
    checks = lab.tagged("check")
    tasks = [each for each in lab.tagged("solution") if each.kind == "code" and each.exercise == checks[0].exercise]
    solved_cells, handed_out = sized(solved(lab), lab.small), sized(unsolved(lab), lab.small)
    # Between their start, where they differ, and the first exercise both are the same: what takes longest is run once.
    pairs = enumerate(zip(solved_cells, handed_out, strict=True))
    _, first, *_ = [k for k, (one, other) in pairs if one.source != other.source]
    begun = shell.run(solved_cells[:first])
    kept = dict(shell.user_ns)
    finished = begun + shell.run(solved_cells[first:])
    shell.user_ns.clear()
    shell.user_ns.update(kept)
    start, *found = shell.run(handed_out[:1] + handed_out[first:])
    return finished, [start, *begun[1:], *found], shell.run([*tasks, *checks])


@pytest.mark.notebook
@each_lab
def test_solutions_pass_every_check_and_a_check_fails_until_its_own_exercise_is_solved(lab, shell):
    finished, handed_out, again = executed(lab, shell)
    assert {cell.source.partition("\n")[0]: error for cell, error in finished if error} == {}
    checks = lab.tagged("check")
    found = [(cell.source, error) for cell, error in handed_out if "check" in cell.metadata.get("tags", ())]
    assert len(found) == len(checks)
    assert [source for source, error in found if error is None] == [], "a check that nothing was solved for"
    broken = [error for _, error in found if type(error) not in (NotImplementedError, AssertionError)]
    assert not broken, "a check that breaks instead of failing: it needs what an earlier exercise makes"
    passes = [error is None for _, error in again[-len(checks) :]]
    assert passes == [cell.exercise == checks[0].exercise for cell in checks]


@each_lab
def test_a_lab_has_what_a_class_needs(lab):
    tasks = [cell for cell in lab.tagged("solution") if cell.kind == "code"]
    assert 4 <= len(tasks) <= 7, "exercises whose solutions are code"
    assert [cell.exercise for cell in tasks] == list(range(1, len(tasks) + 1)), "numbered in order"
    assert {cell.exercise for cell in tasks} == {cell.exercise for cell in lab.tagged("check")}, "each has a check"
    words = " ".join(cell.source for cell in lab.tagged("instructor")).lower()
    for topic in ("timing", "common mistakes", "marking"):
        assert topic in words, f"nothing for teachers about {topic}"
    prose = "\n".join(cell.source for cell in lab.cells if cell.kind == "markdown")
    for end in ("summary", "further reading"):
        assert end in prose.lower(), f"the lab closes without a {end}"


def test_there_are_six_labs_and_what_teachers_read_in_the_book_is_what_they_say(monkeypatch):
    assert [lab.name for lab in LABS] == [
        f"lab_{name}" for name in ("depth", "leakage", "metrics", "motion", "network", "window")
    ]
    monkeypatch.chdir(ROOT)
    assert make_labs.main(["--check"]) == 0, "run python tools/make_labs.py"
