"""The base rate: its table is that of the published counts, and the page calculates as the table does."""

import re

import pandas as pd
import playground_cases
import pytest
from reading import ROOT, sound, write_page

FRAGMENT = (ROOT / "book" / "tables" / "base_rate.html").read_text(encoding="utf-8")
#: Long videos as the book writes their names. CASME II and SMIC have one expression a clip: nothing can be said of
#: false alarms there.
LONG_VIDEOS = {"CAS(ME)²": "CAS(ME)²", "SAMM-LV": "SAMM Long Videos"}


def published() -> pd.DataFrame:
    """Spotting on long videos: a row for each that prints all counts, with ``TP, FP, FN, F1``."""
    table = pd.read_csv(ROOT / "melib" / "data" / "paper_tables.csv")
    table = table[(table["task"] == "spotting") & table["dataset"].isin(LONG_VIDEOS)]
    table = table[table["metric"].isin(["TP", "FP", "FN", "F1"])]
    wide = table.pivot(index=["method", "dataset"], columns="metric", values="value")
    return wide.dropna(subset=["TP", "FP", "FN"]).reset_index()


COUNTS = published()


def share_right(tp: float, fp: float, common: float) -> float:
    """Share of marks that hold an expression, ``common`` times as frequent as there; the false alarms stay."""
    return common * tp / (common * tp + fp)


def share_from_liars(right: float, liars: float, ratio: float) -> float:
    """Share of marks on people who lie, who show ``ratio`` expressions for one; false marks fall on all alike."""
    shown_by_liars = liars * ratio / (liars * ratio + 1 - liars)
    return right * shown_by_liars + (1 - right) * liars


def test_the_scores_of_the_playground_are_current():
    assert playground_cases.main(["--check"]) == 0, "run python tools/playground_cases.py"


def test_every_cell_of_the_table_follows_from_the_published_counts():
    assert len(COUNTS) >= 2
    for row, found in zip(COUNTS.itertuples(), re.findall(r"<tr (data.*?)</tr>", FRAGMENT, re.DOTALL), strict=True):
        assert 2 * row.TP / (2 * row.TP + row.FP + row.FN) == pytest.approx(row.F1, abs=5e-5), "the printed F1"
        shares = [share_right(row.TP, row.FP, common) for common in (1.0, 0.5, 0.1)]
        shares.append(share_from_liars(shares[0], 0.05, 3.0))
        cells = [f"{row.method}, {LONG_VIDEOS[row.dataset]}", *(f"{n:.0f}" for n in (row.TP, row.FP, row.FN))]
        assert re.findall(r">([^<\n]+)</t", found) == [*cells, *(f"{share:.1%}" for share in shares)]
        assert f'data-tp="{row.TP:.0f}" data-fp="{row.FP:.0f}"' in found


@pytest.mark.browser
def test_the_page_calculates_as_the_program_does(browser, tmp_path):
    change = "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); }"
    with sound(browser, write_page(tmp_path, FRAGMENT)) as page:
        for system, common, liars, ratio in ((0, 100, 5, 3), (1, 10, 30, 20), (1, 200, 99, 1)):
            page.locator("#base-rate-system").select_option(index=system)
            for name, value in (("common", common), ("liars", liars), ("ratio", ratio)):
                page.locator(f"#base-rate-{name}").evaluate(change, value)
            said, row = page.locator("#base-rate-said"), COUNTS.iloc[system]
            right = share_right(row["TP"], row["FP"], common / 100)
            lying = share_from_liars(right, liars / 100, ratio)
            assert float(said.get_attribute("data-right")) == pytest.approx(right)
            assert float(said.get_attribute("data-lying")) == pytest.approx(lying)
            counts = [int(cell) for cell in page.locator("#base-rate td[data-kind]").all_inner_texts()]
            assert abs(sum(counts) - 1000) <= 2
            assert abs(counts[0] + counts[1] - 1000 * right) <= 1
