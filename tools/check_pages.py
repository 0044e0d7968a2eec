"""The gate before the book: every executed page that the table of contents names must be sound and current.

    python tools/check_pages.py TIER

A notebook that stores a traceback, or numbers from other code, builds into a book without a warning. So each page
under ``book/runs`` is asked for stored errors, for figures without caption or alt text, and for the key of its run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml

from melib.engine.execute import page_path
from melib.engine.pages import figures_without_words, page_key, stored_errors
from melib.engine.runs import check_tier, load_runs, run_key
from melib.errors import in_one_line


def named_files(entry: object) -> Iterator[str]:
    """All files that a table of contents names, at any depth."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key in ("file", "root"):
                yield value
            else:
                yield from named_files(value)
    elif isinstance(entry, list):
        for item in entry:
            yield from named_files(item)


def faults(root: Path, tier: str) -> list[str]:
    """What is wrong with the executed pages of the book, a line each."""
    runs = load_runs(root / "runs.yml")
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    found = []
    for name in named_files(contents):
        if not name.startswith("book/runs/"):
            continue
        run_id = name.removeprefix("book/runs/").removesuffix(".ipynb")
        page = page_path(run_id, root)
        if run_id not in runs:
            found.append(f"{name}: no such run in runs.yml")
        elif not page.is_file():
            found.append(f"{name}: not there; `python -m melib run {run_id} --tier {tier}` makes it")
        else:
            notebook = nbformat.read(page, as_version=4)
            problems = stored_errors(notebook) + figures_without_words(notebook)
            if page_key(notebook) != run_key(runs[run_id], tier, root):
                problems.append(f"stale: made by other code, parameters or tier than {tier} now has")
            found.extend(f"{name}: {problem}" for problem in problems)
    return found


def main(tier: str) -> int:
    """Print the faults; 1 if there is any."""
    check_tier(tier)
    found = faults(Path.cwd(), tier)
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(in_one_line("tools/check_pages.py", lambda: main(sys.argv[1])))
