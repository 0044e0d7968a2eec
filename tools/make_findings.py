"""Write what came out into README.md and book/tables/findings.md: five findings from the records of tier full.

    python tools/make_findings.py [--check]

The sentences follow from the intervals (:mod:`melib.tables.headlines`). Resampling takes about a minute; the
fingerprint of the records that is written beside them tells in no time whether they are still those of
``results/full``. With ``--check`` nothing is written, and a file that does not agree with its records is an error.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import textwrap
from pathlib import Path

from melib.errors import InputError, in_one_line
from melib.files import refresh_all

RECORDS = Path("results", "full")
TABLE = Path("book", "tables", "findings.md")
README = Path("README.md")
#: What stands around the sentences in the README.
BEGIN, END = "<!-- findings: written by tools/make_findings.py -->\n", "<!-- end of findings -->\n"


def fingerprint(records: Path = RECORDS) -> str:
    """SHA-256 over names and contents of the records of the tier, as 16 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If there is no record.
    """
    paths = sorted(records.rglob("*.json"))
    if not paths:
        raise FileNotFoundError(f"no record in {records}: start from the root of the checkout")
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(records).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def sentences() -> str:
    """The findings as a numbered list (Markdown)."""
    from melib.study.catalogue import find_experiment, obtain
    from melib.tables.headlines import NEEDED, headlines

    found = headlines({name: obtain(find_experiment(name), "full") for name in NEEDED})
    items = (
        textwrap.fill(f"{number}. {each}", 120, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)
        for number, each in enumerate(found, start=1)
    )
    return f"<!-- Records: {fingerprint()} -->\n\n" + "\n".join(items) + "\n"


def in_readme(text: str, findings: str) -> str:
    """The README with the findings between their marks.

    Raises
    ------
    ValueError
        If the marks are missing.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise InputError(f"{README} needs the lines {BEGIN.strip()} and {END.strip()}, once each")
    head, rest = text.split(BEGIN)
    return head + BEGIN + findings + END + rest.split(END)[1]


def stale() -> list[Path]:
    """Files whose findings are not those of the records, going by the fingerprint and by each other."""
    records = f"<!-- Records: {fingerprint()} -->"
    kept = TABLE.read_text(encoding="utf-8") if TABLE.is_file() else ""
    readme = README.read_text(encoding="utf-8")
    wrong = [] if records in kept else [TABLE]
    return wrong + ([] if in_readme(readme, kept) == readme else [README])


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or with ``--check`` name it and return 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    check = parser.parse_args(arguments).check
    return in_one_line("tools/make_findings.py", lambda: check_both() if check else write_both())


def check_both() -> int:
    """Name the files that are stale; 1 if one is."""
    wrong = stale()
    for path in wrong:
        print(f"{path} does not hold the findings of {RECORDS}: run python tools/make_findings.py", file=sys.stderr)
    return 1 if wrong else 0


def write_both() -> int:
    """Write what differs."""
    fingerprint()  # a minute of resampling is spent only where there are records
    readme = README.read_text(encoding="utf-8")
    findings = sentences()
    texts = {TABLE: findings, README: in_readme(readme, findings)}
    return refresh_all(texts, tool="tools/make_findings.py", check=False)


if __name__ == "__main__":
    sys.exit(main())
