"""Tables of gains: what depth brings, with interval, detectable difference and verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from melib.study.compare import differences
from melib.study.depth_experiments import SMALLEST_EFFECT
from melib.study.experiments import Experiment
from melib.study.rows import RowRecords
from melib.tables.rows import judge
from melib.tables.study import number, span


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """Gains in UF1 as text.

    Parameters
    ----------
    table : pandas.DataFrame
        From :mod:`melib.study.depth_question`: ``value, low, high, detectable, subjects``.

    Returns
    -------
    pandas.DataFrame
        Of the same rows: gain with its 95 % interval, what could have been seen, verdict.
    """
    rows = {
        name: {
            "Gain in UF1, synthetic faces (95 %)": f"{number(found['value'], sign=True)} ({span(found)})",
            "Detectable": number(found["detectable"]),
            "Verdict": judge({**found, "least": SMALLEST_EFFECT}),
        }
        for name, found in table.to_dict(orient="index").items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(table.index.name)


def summary(experiment: Experiment, kept: Mapping[str, RowRecords]) -> str:
    """The verdicts on each question, counted, and how many of them luck alone would make (Markdown)."""
    table = differences(experiment, kept)
    verdicts = [judge(found._asdict()) for found in table.itertuples()]
    lines = [
        f"- **{question}** "
        + ", ".join(f"{count} of {len(some)} {verdict}" for verdict, count in Counter(some).most_common())
        + "."
        for question, some in pd.Series(verdicts).groupby(table["question"].to_numpy(), sort=False)
    ]
    by_luck = 0.05 * len(table)
    faces = " These are synthetic faces." * next(iter(kept.values())).records[0]["dataset"]["synthetic"]
    lines.append(
        f"- Of {len(table)} intervals of 95 %, {by_luck:.1f} leave out zero by luck where nothing differs.{faces}"
    )
    return "\n".join(lines)


def unit_gains(table: pd.DataFrame) -> pd.DataFrame:
    """Gains by action unit as text, from :func:`melib.study.depth_question.gain_by_unit`."""
    rows = {
        name: {
            "Motion out of plane": f"{found['out_of_plane']:.0%}",
            "Clips": int(found["clips"]),
            "Gain in the share of right names, synthetic faces (95 %)": (
                f"{number(found['value'], sign=True)} ({span(found)})"
            ),
        }
        for name, found in table.to_dict(orient="index").items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(table.index.name)
