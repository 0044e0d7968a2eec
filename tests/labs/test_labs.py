"""Each lab works when solved, and does not before. Labs are found by their sources, labs/*.md."""

from collections.abc import Iterator

import make_labs
import nbformat
import pytest
from lab_tool import KERNEL, LABS, ROOT, each_lab, error, sized, solved, unsolved
from nbclient import NotebookClient
from nbformat import NotebookNode


@pytest.fixture(scope="module")
def kernel() -> Iterator[NotebookClient]:
    """One kernel for all labs: most of their time goes into imports."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    client = NotebookClient(notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": str(ROOT)}})
    with client.setup_kernel():
        yield client


#: Remember all names, and come back to them.
KEEP = "_kept = {**globals()}"
BACK = (
    "for _each in [*globals()]:\n    _each[0] == '_' or _each in _kept or globals().pop(_each)\nglobals().update(_kept)"
)


def run(cells: list[NotebookNode | str], kernel: NotebookClient) -> None:
    """Execute cells to the last, whatever they say; their outputs are filled in."""
    for cell in (nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells):
        kernel.nb.cells.append(cell)
        kernel.execute_cell(cell, len(kernel.nb.cells) - 1)


def executed(lab, kernel) -> tuple[list, list, list]:
    """The code cells of a lab, run: solved, handed out, and then with the first exercise solved."""
    checks = lab.tagged("check")
    tasks = [each for each in lab.tagged("solution") if each.kind == "code" and each.exercise == checks[0].exercise]
    solved_cells, handed_out = sized(solved(lab), lab.small), sized(unsolved(lab), lab.small)
    again = [nbformat.v4.new_code_cell(cell.source) for cell in (*tasks, *checks)]
    # Between their start, where they differ, and the first exercise both are the same: what takes longest is run once.
    pairs = enumerate(zip(solved_cells, handed_out, strict=True))
    _, first, *_ = [k for k, (one, other) in pairs if one.source != other.source]
    students = handed_out[:1] + handed_out[first:] + again
    run(["%reset -f", *solved_cells[:first], KEEP, *solved_cells[first:], BACK, *students], kernel)
    return solved_cells, handed_out, again


@pytest.mark.notebook
@each_lab
def test_solutions_pass_every_check_and_a_check_fails_until_its_own_exercise_is_solved(lab, kernel):
    solved_cells, handed_out, again = executed(lab, kernel)
    failed = {cell.source.partition("\n")[0]: error(cell) for cell in solved_cells if error(cell)}
    assert not failed
    checks, found = lab.tagged("check"), [cell for cell in handed_out if "check" in cell.metadata.get("tags", ())]
    assert len(found) == len(checks)
    assert [cell.source for cell in found if error(cell) is None] == [], "a check that nothing was solved for"
    broken = [error(cell) for cell in found if error(cell)[0] not in ("NotImplementedError", "AssertionError")]
    assert not broken, "a check that breaks instead of failing: it needs what an earlier exercise makes"
    passes = [error(cell) is None for cell in again[-len(checks) :]]
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
