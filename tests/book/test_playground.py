"""The STRS playground: its scores are those of melib.metrics, its puzzles can be solved, and a keyboard is enough."""

import ast
import re
from pathlib import Path

import jupytext
import numpy as np
import playground_cases as cases
import pytest
from playwright.sync_api import Page
from reading import ROOT, settle, write_page

PUZZLES = list(cases.PUZZLES)
SOURCE = (ROOT / "book" / "playground.md").read_text(encoding="utf-8")
(MARKUP,) = re.findall(r"^```\{raw\} html\n(.*?)^```", SOURCE, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def made() -> dict[str, dict]:
    """The states of the page with the scores of melib.metrics."""
    return cases.cases()


@pytest.fixture(scope="module")
def example(made) -> dict:
    return made["free"]["start"]["state"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("playground"), MARKUP)


def shown(page: Page) -> dict[str, float]:
    settle(page)
    found = page.eval_on_selector_all("[data-score]", "cells => cells.map(c => [c.dataset.score, +c.dataset.value])")
    return dict(found)


def limits(page: Page) -> list[float] | None:
    settle(page)
    return page.eval_on_selector("[data-limits=strs]", "c => c.dataset.low ? [+c.dataset.low, +c.dataset.high] : null")


def bar(page: Page, row: str):
    return page.locator(f"[data-id={row}]")


def press(page: Page, row: str, key: str, times: int = 1) -> None:
    bar(page, row).focus()
    for _ in range(times):
        page.keyboard.press(key)


def random_state(rng: np.random.Generator) -> dict:
    """A small case; crowded, so that intervals compete, and now and then with exact ties."""
    people = [f"s{k}" for k in range(int(rng.integers(1, 6)))]
    videos = [(person, f"v{k}") for person in people for k in range(int(rng.integers(1, 3)))]

    def table(most: int) -> list[tuple]:
        found = {}
        for _ in range(int(rng.integers(0, most * len(videos) + 1))):
            person, video = videos[rng.integers(len(videos))]
            onset, length = int(rng.integers(0, 16)), int(rng.integers(4, 12))
            emotion = ("negative", "positive", "surprise", "others")[rng.integers(4)]
            found[person, video, onset, onset + length - 1] = emotion
        return [(*place, emotion) for place, emotion in found.items()]

    state = cases.case(table(4), table(4), dict.fromkeys(videos, 60))
    state["protocol"] = ("strict", "mean")[int(rng.random() < 0.3)]
    return state


def computed(page: Page, states: list[dict]) -> list[dict]:
    """What the page's script says of states, under the names of melib.metrics."""
    return page.evaluate(
        """states => states.map((state) => {
            const { counts, scores } = melibPlayground.metrics.evaluate(state);
            return { scores, limits: melibPlayground.bootstrap(counts, state.emotions.length, state.protocol) };
        })""",
        states,
    )


def assert_agrees(page: Page, entries: list[dict]) -> None:
    """Scores and, where they are given, limits to 1e-9."""
    states = [entry["state"] for entry in entries]
    for state, entry, found in zip(states, entries, computed(page, states), strict=True):
        assert found["scores"] == pytest.approx(entry["scores"], abs=1e-9), state
        if "limits" not in entry:
            continue
        ends = entry["limits"]
        assert (found["limits"] is None) == (ends is None), state
        for method, table in (ends or {}).items():
            for key, pair in table.items():
                assert found["limits"][method][key] == pytest.approx(pair, abs=1e-9), (method, key, state)


def test_the_example_is_that_of_the_page_on_metrics(example):
    source = jupytext.read(ROOT / "notebooks" / "metrics_by_hand.md")
    tree = ast.parse(next(cell.source for cell in source.cells if "truth = pd.DataFrame" in cell.source))
    tables = {
        node.targets[0].id: ast.literal_eval(node.value.args[0])
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    }
    for name in ("truth", "predictions"):
        assert [tuple(row.values()) for row in example[name]] == tables[name]


@pytest.mark.browser
def test_scores_and_limits_agree_with_python_on_the_states_of_the_page_and_many_others(page, made):
    wanted = made["free"]["start"]
    assert shown(page) == pytest.approx({key: wanted["scores"][key] for key in shown(page)}, abs=1e-9)
    assert limits(page) == pytest.approx(wanted["limits"]["percentile"]["strs"], abs=1e-9)
    assert_agrees(page, [entry for states in made.values() for entry in states.values()])
    rng = np.random.default_rng(8)
    others = [{"state": state, "scores": cases.scores(state)} for state in (random_state(rng) for _ in range(120))]
    for entry in others[:8]:
        entry["limits"] = cases.limits(entry["state"])
    assert_agrees(page, others)
    assert sum(entry["scores"]["tp"] > 1 for entry in others) > 50


def solve_fifty(page: Page) -> None:
    for _ in range(5):
        assert page.locator(".pg-verdict").get_attribute("data-solved") == "false", "forty are not enough"
        page.locator('[data-add="Ann/long/10"]').press("Enter")
        settle(page)


def solve_doubled(page: Page) -> None:
    page.locator('[data-add="Ann/A/1"]').press("Enter")
    settle(page)
    press(page, "p2", "ArrowRight", 22)
    press(page, "p2", "Shift+ArrowRight", 8)


#: Puzzle -> what solves it by keyboard.
SOLVE = {
    "withhold": lambda page: [press(page, row, "Delete") for row in ("p5", "p3")],
    "one-frame": lambda page: press(page, "p0", "ArrowLeft"),
    "fifty": solve_fifty,
    "opposite": lambda page: [press(page, row, "ArrowRight", 16) for row in ("p1", "p2", "p5")],
    "doubled": solve_doubled,
    "seven": lambda page: press(page, "p2", "Enter"),
    "three": lambda page: page.locator('[data-subject="Cem"]').press("Space"),
}
#: Puzzle -> what does not solve it: two names at once; leaving out somebody else.
WRONG = {
    "seven": lambda page: [press(page, row, "Enter") for row in ("p2", "p0")],
    "three": lambda page: page.locator('[data-subject="Ann"]').uncheck(),
}


@pytest.mark.browser
@pytest.mark.parametrize("name", PUZZLES)
def test_a_puzzle_starts_unsolved_and_the_keyboard_solves_it(page, made, name):
    page.locator(f"[data-puzzle={name}]").press("Enter")
    verdict = page.locator(".pg-verdict")
    before = shown(page)
    assert before == pytest.approx({key: made[name]["start"]["scores"][key] for key in before}, abs=1e-9)
    assert verdict.inner_text() == "Not solved yet."
    if name in WRONG:
        WRONG[name](page)
        settle(page)
        assert verdict.inner_text() == "Not solved yet."
        page.get_by_role("button", name="Reset").press("Enter")
    SOLVE[name](page)
    after = shown(page)
    assert verdict.inner_text().startswith("Solved.")
    assert after == pytest.approx({key: made[name]["solved"]["scores"][key] for key in after}, abs=1e-9)
    page.get_by_role("button", name="Reset").press("Enter")
    assert shown(page) == before
    assert verdict.inner_text() == "Not solved yet."
    assert page.locator(f"[data-puzzle={name}]").inner_text().endswith("✓"), "what was solved stays marked"


@pytest.mark.browser
def test_a_pointer_drags_a_prediction_and_its_end(page):
    page.locator("[data-puzzle=one-frame]").click()
    settle(page)
    box = bar(page, "p0").bounding_box()
    frame = box["width"] / 12

    def drag(x: float, by: float) -> None:
        y = box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by / 2, y)
        page.mouse.move(x + by, y)
        page.mouse.up()
        settle(page)

    drag(box["x"] + box["width"] / 2, -5 * frame)
    assert "frames 10 to 21, negative, hit" in bar(page, "p0").get_attribute("aria-valuetext")
    assert shown(page)["tp"] == 2
    drag(box["x"] - 5 * frame + box["width"] - 2, 3 * frame)
    assert "frames 10 to 24" in bar(page, "p0").get_attribute("aria-valuetext")


@pytest.mark.browser
def test_tab_reaches_every_interval_keys_stop_at_the_ends_and_the_numbers_are_announced(page, example):
    page.locator("[data-subject=Ann]").focus()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.id"))
    wanted = {f"t{k}" for k in range(len(example["truth"]))} | {f"p{k}" for k in range(len(example["predictions"]))}
    assert wanted <= set(reached)
    for key, times, frames in (("ArrowLeft", 3, "frames 0 to 39"), ("Shift+ArrowLeft", 50, "frames 0 to 0")):
        press(page, "p3", key, times)
        settle(page)
        assert frames in bar(page, "p3").get_attribute("aria-valuetext")
    page.get_by_role("button", name="Reset").click()
    press(page, "p7", "Delete")
    page.locator(".pg-live", has_text="7 true positives, 0 false positives, 1 false negatives").wait_for()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


@pytest.mark.browser
def test_threshold_rule_truth_and_people_can_be_changed_in_free_play_only(page, example):
    reset = page.get_by_role("button", name="Reset")
    page.locator("#pg-threshold").fill("0.95")
    assert shown(page)["tp"] == 0
    reset.click()
    page.locator("#pg-rule").select_option("mean")
    assert shown(page)["strs"] == pytest.approx(cases.scores({**example, "protocol": "mean"})["strs"], abs=1e-9)
    assert bar(page, "t0").get_attribute("role") == "slider"
    reset.click()
    for person in ("Ann", "Ben"):
        page.locator(f'[data-subject="{person}"]').uncheck()
    assert set(shown(page).values()) == {0} and limits(page) is None, "nobody is left"
    reset.click()
    press(page, "p0", "Delete", len(example["predictions"]))
    found = shown(page)
    assert (found["tp"], found["fp"], found["fn"], found["strs"]) == (0, 0, len(example["truth"]), 0)
    page.locator("[data-puzzle=withhold]").click()
    settle(page)
    assert page.locator("#pg-threshold").is_disabled() and page.locator("#pg-rule").is_disabled()
    assert bar(page, "t0").get_attribute("role") == "img"


def test_without_a_script_the_page_still_says_what_it_would_show():
    assert "<noscript>" in MARKUP and ":file: assets/playground/examples.csv" in SOURCE
    script = (ROOT / "book" / "assets" / "playground" / "puzzles.js").read_text(encoding="utf-8")
    titles = re.findall(r'title: "(.*?)"', script)
    assert len(titles) == len(PUZZLES) and [title for title in titles if title not in SOURCE] == []
