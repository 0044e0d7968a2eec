"""Each lab works when solved, and does not before. Labs are found by their sources, labs/*.md."""

import ast

import make_labs
import nbformat
import pytest
from lab_tool import LABS, ROOT, each_lab, error, run, sized, solved, unsolved


def executed(lab) -> tuple[list, list, list]:
    """The code cells of a lab, run: solved, handed out, and with the first exercise solved.

    One kernel runs all three, since most of the time goes into imports; its names are wiped in between.
    """
    checks = lab.tagged("check")
    first = [each for each in lab.tagged("solution") if each.kind == "code" and each.exercise == checks[0].exercise]
    parts = (
        sized(solved(lab), lab.small),
        [nbformat.v4.new_code_cell("%reset -f")] + sized(unsolved(lab), lab.small),
        [nbformat.v4.new_code_cell(cell.source) for cell in (*first, *checks)],
    )
    run([cell for part in parts for cell in part])
    return parts


@pytest.mark.notebook
@each_lab
def test_solutions_pass_every_check_and_a_check_fails_until_its_own_exercise_is_solved(lab):
    solved_cells, handed_out, again = executed(lab)
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
def test_students_see_nothing_of_a_solution(lab):
    text = make_labs.student_text(lab)
    handed_out = "\n".join(cell["source"] for cell in nbformat.reads(text, as_version=4).cells)
    for cell in lab.tagged("solution"):
        if cell.kind == "markdown":
            assert cell.source.strip() not in handed_out
            continue
        for function in ast.parse(cell.source).body:
            if isinstance(function, ast.FunctionDef):
                body = "\n".join(ast.get_source_segment(cell.source, node) for node in function.body[1:])
                assert body not in handed_out, f"{function.name} is handed out"
        comments = [line.partition("# ")[2] for line in cell.source.splitlines() if "# " in line]
        assert not [comment for comment in comments if comment in handed_out]


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


def test_there_are_five_labs_and_what_teachers_read_in_the_book_is_what_they_say(monkeypatch):
    assert [lab.name for lab in LABS] == [
        f"lab_{name}" for name in ("depth", "leakage", "metrics", "motion", "network")
    ]
    monkeypatch.chdir(ROOT)
    assert make_labs.main(["--check"]) == 0, "run python tools/make_labs.py"
