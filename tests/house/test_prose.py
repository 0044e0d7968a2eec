"""No result is typed into the prose: the check finds planted ones and passes over what is none; the pages hold none."""

import re
from pathlib import Path

import check_prose
import pandas as pd
import pytest

from melib.metrics import intervals, strs

ROOT = Path(__file__).parents[2]
#: The pages that teach; the others are reference.
CHAPTERS = "introduction playground networks_in_detail what_remains where_the_field_went bring_a_dataset rerun ethics"
CHAPTERS = [f"book/{name}.md" for name in CHAPTERS.split()]
CHAPTERS += [f"notebooks/{name}.md" for name in "metrics_by_hand dataset_card motion networks".split()]
#: The pages that ask one question and answer it; they have the same frame, and one exercise at least.
STUDIES = """
spotting recognition spot_then_recognize depth_ablation what_makes_the_difference how_many_people where_spotting_fails
window_spotter protocols controls released_predictions released_weights viewer own_video
"""
STUDIES = [f"notebooks/{name}.md" for name in STUDIES.split()]
#: Executed for two pages of the book, on which a label would stand twice: its exercise has none.
TWICE = "notebooks/spot_then_recognize.md"


def test_no_page_holds_a_typed_number_and_away_from_the_checkout_the_check_does_not_pass(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    assert check_prose.main() == 0, capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="start from the root of the checkout"):
        check_prose.main()


RESULTS = [
    "SFAMNet reaches an F1 of .214 here.",
    "Depth adds −0.02 to it.",
    "It is right in 87 % of the cases, or 87%, or 87 percent.",
    "MEAN finds 17 of 57, the floor 9 out of 57.",
    "The interval runs from 3 to 12.",
    "UF1 41, UAR 40.",
    "There were 363 false alarms.",
    "| MEAN | 17 | 206 |",
    "```{list-table} Results\n* - MEAN\n  - 17\n```",
    "As a formula, $F_1 = 0.44$.",
    "$$\n\\mathrm{STRS} = 0.35\n$$",
    ":::{admonition} It reaches 0.39\nWell.\n:::",
    "```{code-cell} ipython3\n---\nmystnb:\n  figure:\n    caption: It reaches 0.39.\n---\ndraw();\n```",
    "```{code-cell} ipython3\n---\nmystnb:\n  image:\n    alt: A bar at 0.39.\n---\ndraw();\n```",
    '```{code-cell} ipython3\nMarkdown(f"Depth adds 0.02 to {name}.")\n```',
    "```{exercise}\nGiven 0.5, what follows?\n```\n\nIt follows 0.25.",
    "`code`, then 0.39, then `code`.",
]
NO_RESULTS = [
    "It lasts half a second, that is 15 frames at 30 frames per second.",
    "AU 12 pulls the corners of the mouth up; CAS(ME)$^3$ has seven classes since 2023.",
    "It scores {glue:text}`strs:.3f` ({glue:text}`low:.3f` to {glue:text}`high:.3f`), see {cite:p}`liong2023mean`.",
    "MEAN finds {printed}`MEAN; CAS(ME)²; spotting; TP` of them.",
    "See [the paper](https://doi.org/10.1016/j.image.2022.116875) or https://doi.org/10.1016/j.image.2022.116875.",
    "<!-- measured: 0.39 -->",
    "```bash\nmelib run --rate 0.001\n```",
    "```{raw} html\n<p style='opacity: 0.5'>\n```",
    '```{code-cell} ipython3\nrate = 0.5\nprint(f"{rate:.3f} to {rate:.3f} at {rate}")\n```',
    "```{exercise}\n:label: one\n\nSomebody reports 0.98. What is missing?\n```",
    '```{code-cell} ipython3\nassert found == 2, "two of three reach 0.7"\n```',
    "1. First.\n2. Second. See exercises 1 to 4.",
    "The F1 is 1, the range 0 to 1, and 0/0 is undefined. There are 3, both negative.",
]


@pytest.mark.parametrize("sentence", RESULTS + NO_RESULTS)
def test_a_planted_result_is_found_and_what_states_none_passes(sentence):
    found, _ = check_prose.typed_numbers(f"# Page\n\nBefore.\n\n{sentence}\n\nAfter.\n")
    assert bool(found) == (sentence in RESULTS)


def _exercises(source: str) -> tuple[list[str], list[str]]:
    """The labels of a page's exercises, and those that its solutions name."""
    set_, solved = (re.findall(rf"\{{{kind}\}}(.*)\n(.*)", source) for kind in ("exercise", "solution"))
    return [option.removeprefix(":label: ") for _, option in set_], [label.strip() for label, _ in solved]


@pytest.mark.parametrize("page", CHAPTERS + STUDIES)
def test_a_chapter_opens_with_objectives_and_closes_with_summary_exercises_and_further_reading(page):
    source = (ROOT / page).read_text(encoding="utf-8")
    parts = [source.index(head) for head in (":::{admonition} Objectives", "\n## Summary", "\n## Further reading")]
    assert parts == sorted(parts)
    if page != "book/playground.md":  # its puzzles check themselves
        assert parts[1] < source.index("\n## Exercises") < parts[2]
        labels, solved = _exercises(source)
        if page == TWICE:
            solutions = re.findall(r":::\{admonition\} Solution\n:class: dropdown\n", source)
            assert labels == [""] * len(solutions) and solutions and not solved
        else:
            assert len(labels) > (page in CHAPTERS) and labels == solved


def test_code_on_pages_is_at_most_84_columns_wide():
    """What a screen of 1280 pixels shows without scrolling; a caption in the head of a cell is no code."""
    wide = []
    for path in [path for pattern in check_prose.PAGES[1:] for path in sorted(ROOT.glob(pattern))]:
        text = path.read_text(encoding="utf-8")
        for block in re.finditer(r"^ *(`{3,})[^\n]*\n(?:---\n.*?\n---\n)?(.*?)^ *\1$", text, re.DOTALL | re.MULTILINE):
            if re.match(r" *`+(?:\{code-(?:cell|block)\}|\w+\n)", block[0]):
                wide += [f"{path.name}: {line}" for line in block[2].splitlines() if len(line) > 84]
    assert not wide, "\n".join(wide)


def test_a_fault_names_its_line_and_an_allowed_text_covers_its_own_number_and_no_other():
    page = "The limit\nis 0.5 pixels. It reaches 0.5 and 0.7.\n"
    found, _ = check_prose.typed_numbers(f"# Page\n\n```{{code-cell}} ipython3\ndraw()\n```\n\n{page}")
    assert found == ["8: decimal '0.5'", "8: decimal '0.5'", "8: decimal '0.7'"]
    found, used = check_prose.typed_numbers(page, {"limit is 0.5": "a definition", "limit is 0.9": "another"})
    assert found == ["2: decimal '0.5'", "2: decimal '0.7'"]
    assert used == {"limit is 0.5"}
    made = "<!-- findings: written by tools/make_findings.py -->\nUF1 is 0.61.\n<!-- end of findings -->\n"
    found, _ = check_prose.typed_numbers(made + "\nUF1 is 0.62.\n")
    assert "0.61" not in str(found) and "0.62" in str(found), "what a program writes passes, and what follows does not"


def test_an_idle_entry_and_a_missing_page_are_faults(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "one.md").write_text("# One\n\nNothing.\n")
    allowed = {"book/one.md": {"0.5 px": "gone"}, "book/two.md": {}, check_prose.EVERYWHERE: {"95 %": "?"}}
    missing, *idle = check_prose.faults(tmp_path, allowed)
    assert "two.md" in missing and len(idle) == 2 and all("does not need" in fault for fault in idle)


def test_the_worked_example_of_the_introduction_is_right():
    """Ten true ones and eight found, four of them right; three of the four are called positive, two of these truly."""
    columns = ["subject", "video", "onset", "offset", "emotion"]

    def at(numbers, names):
        return pd.DataFrame([("A", "a", 100 * n, 100 * n + 9, name) for n, name in zip(numbers, names, strict=True)])

    truth = at(range(10), ["positive", "positive", "negative", "negative"] + ["others"] * 6).set_axis(columns, axis=1)
    found = at([0, 1, 2, 3, 20, 21, 22, 23], ["positive"] * 3 + ["negative"] + ["others"] * 4).set_axis(columns, axis=1)
    scores = strs.evaluate(truth, found, emotions=["positive", "negative"])
    wanted = {"f1_spotting": 0.44, "precision_analysis": 0.83, "recall_analysis": 0.75, "f1_analysis": 0.79}
    wanted["strs"] = 0.35
    assert {name: round(scores[name], 2) for name in wanted} == wanted
    page = (ROOT / "book" / "introduction.md").read_text(encoding="utf-8")
    assert all(f"= {value}$" in page for value in wanted.values())
    # A shift by four of ten frames misses.
    assert intervals.iou(0, 9, 4, 13) == pytest.approx(6 / 14)
