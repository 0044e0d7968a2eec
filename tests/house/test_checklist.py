"""What the reviewer's checklist of the book says of the repository is so."""

import re
from pathlib import Path

import jupytext
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "checklist.md").read_text(encoding="utf-8")
#: Lines of the longest cell that still fits a screen.
LONGEST_CELL = 40
LONGEST_FOLDED = 90  # of those that a reader may unfold


def test_named_files_are_there_points_have_one_of_two_answers_and_a_doi_is_missed_while_there_is_none():
    named = {name for name in re.findall(r"`([\w./-]+)`", PAGE) if re.search(r"/|\.(cff|md|lock|yml)$|^LICENSE$", name)}
    # A page of the book is named by its role, and checked by the build.
    files = {name for name in named if f"{{doc}}`{name}`" not in PAGE and name != "RELEASING.md"} | {"RELEASING.md"}
    assert len(files) > 20
    assert sorted(name for name in files if not (ROOT / name).exists()) == []
    found = re.findall(r"^\* - .+?\n(?:    .+\n)*  - (.+)\n", PAGE, flags=re.MULTILINE)
    assert len(found) > 40 and set(found) <= {"Met?", "yes", "in part"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert ("It has no DOI" in PAGE) != ("doi" in citation)


@pytest.mark.parametrize("source", sorted((ROOT / "notebooks").glob("*.md")), ids=lambda path: path.stem)
def test_the_cells_of_a_notebook_are_short(source):
    cells = [cell for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    assert cells
    for cell in cells:
        folded = {"hide-input", "remove-input", "remove-cell"} & {*cell.metadata.get("tags", ())}
        assert len(cell.source.splitlines()) <= (LONGEST_FOLDED if folded else LONGEST_CELL)
