"""Write what the published records say: all their comparisons as results/differences.json, the headlines as
book/tables/findings.md, and those about naming drawn as book/assets/overview.svg.

    python tools/make_findings.py [--check]

One line a comparison, one verdict each. With ``--check`` nothing is written, and a stale file is an error.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
from pathlib import Path

import matplotlib
import pandas as pd
import yaml

from melib.errors import in_one_line
from melib.files import refresh_all
from melib.study import compare
from melib.study.tables import with_interval

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

import answers

#: Experiment -> the comparisons that the first page shows: first, second, metric.
HEADLINES = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
TABLE, OVERVIEW = Path("book", "tables", "findings.md"), Path("book", "assets", "overview.svg")
DIFFERENCES = Path("results", "differences.json")


def table(found: pd.DataFrame) -> str:
    """The comparisons as a Markdown table."""
    lines = ["| A | minus B | metric | difference (95 %) | verdict |", "|---|---|---|---|---|"]
    for each in found.itertuples():
        words = [
            *each.labels,
            compare.NAMES[each.metric],
            with_interval(each._asdict(), sign=True),
            f"*{each.verdict}*",
        ]
        lines.append("| " + " | ".join(word.replace("|", "&#124;") for word in words) + " |")
    return "\n".join(lines) + "\n"


def overview(found: pd.DataFrame, asked: list[answers.Asked], kept: str, findings: str) -> str:
    """What is asked of naming, with intervals, as SVG; the figure that is there, if drawn of the same findings."""
    mark, drawn = f"<!-- {hashlib.sha256(findings.encode()).hexdigest()} -->\n", io.StringIO()
    if kept.endswith(mark):
        return kept
    shown = found["low"].notna() & (found["metric"] == "uf1_pooled")  # differences of F1 are of another size
    asked = [each for each, there in zip(asked, shown, strict=True) if there]
    with matplotlib.rc_context({"svg.hashsalt": "melib"}):
        figure = answers.draw(asked, found[shown], words="difference of UF1")
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue() + mark


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or with ``--check`` name it and return 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table is stale")
    check = parser.parse_args(arguments).check

    def run() -> int:
        if not TABLE.parent.is_dir():
            raise FileNotFoundError(f"no {TABLE.parent} here: start from the root of the checkout")
        found, asked = answers.headlines(HEADLINES)
        findings, kept = table(found), OVERVIEW.read_text(encoding="utf-8") if OVERVIEW.is_file() else ""
        wanted = {TABLE: findings, OVERVIEW: overview(found, asked, kept, findings)}
        wanted[DIFFERENCES] = json.dumps(answers.every_difference(), indent=1, sort_keys=True) + "\n"
        return refresh_all(wanted, tool="tools/make_findings.py", check=check)

    return in_one_line("tools/make_findings.py", run)


if __name__ == "__main__":
    sys.exit(main())
