"""Write the headline comparisons of the published records into README.md and book/tables/findings.md.

    python tools/make_findings.py [--check]

One line a comparison, one verdict each. With ``--check`` nothing is written, and a stale table is an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from melib.errors import InputError, in_one_line
from melib.files import refresh_all
from melib.metrics.verdict import judge
from melib.study import compare, experiments, places, records
from melib.study.tables import with_interval

TIER = "full"
#: Experiment -> the comparisons that README and first page show: first, second, metric.
HEADLINES = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
README, TABLE = Path("README.md"), Path("book", "tables", "findings.md")
BEGIN, END = "<!-- findings: written by tools/make_findings.py -->\n", "<!-- end of findings -->\n"


def table() -> str:
    """The comparisons as a Markdown table."""
    lines = ["| first | less second | metric | difference (95 %) | verdict |", "|---|---|---|---|---|"]
    for name, pairs in HEADLINES.items():
        declared = experiments.load(name, TIER)
        for first, second, metric in pairs:
            rows = [declared.row(each) for each in (first, second)]
            kept = records.read(rows, places.published())
            found = compare.difference(kept[first], kept[second], metric)
            verdict = judge(found["value"], found["low"], found["high"], declared.least)
            labels, shown = [row.label for row in rows], with_interval(found, sign=True)
            words = [*labels, compare.NAMES[metric], shown, f"*{verdict}*"]
            lines.append("| " + " | ".join(word.replace("|", "&#124;") for word in words) + " |")
    return "\n".join(lines) + "\n"


def in_readme(text: str, findings: str) -> str:
    """The README with the findings between their marks."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise InputError(f"{README} holds the marks of the findings once each: {BEGIN.strip()} and {END.strip()}")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{findings}\n{END}{rest.split(END)[1]}"


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or with ``--check`` name it and return 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table is stale")
    check = parser.parse_args(arguments).check

    def run() -> int:
        if not README.is_file():
            raise FileNotFoundError(f"no {README} here: start from the root of the checkout")
        findings = table()
        wanted = {README: in_readme(README.read_text(encoding="utf-8"), findings), TABLE: findings}
        return refresh_all(wanted, tool="tools/make_findings.py", check=check)

    return in_one_line("tools/make_findings.py", run)


if __name__ == "__main__":
    sys.exit(main())
