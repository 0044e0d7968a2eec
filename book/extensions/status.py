"""Tables on how up to date the book is, made from the pages and records themselves while the book is built.

``{declared-runs}``
    A row for each run of runs.yml: its page and how long it should take.
``{pages-status}``
    A row for each declared run: tier, date, duration, commit, key, and whether the page is current.
``{pages-made-with}``
    The versions, and the machine, that the pages were made with.
``{records-status}``
    A row for each experiment: how many of its records there are at the tier of the pages, and from when.
``{stored-records}``
    A row for each record that a benchmark wrote, directly under ``results``.
``{results-changes}``
    What CHANGELOG.md says under *Results*, version by version.

Pages are those of the book; declarations, records and the changelog those of the checkout.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from melib.study import experiments, places, records
from melib.study.pages import load_runs, page_key
from melib.study.settings import TIERS

sys.path.insert(0, str(places.checkout() / "notebooks"))
import stored

#: Dates and durations stay on one line.
_BLANK = "\N{NO-BREAK SPACE}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    for name, text in {
        "declared-runs": declared_runs,
        "pages-status": pages_status,
        "pages-made-with": pages_made_with,
        "records-status": records_status,
        "stored-records": stored_records,
        "results-changes": results_changes,
    }.items():
        app.add_directive(name, _directive(text))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _directive(text) -> type[SphinxDirective]:
    """A directive without arguments; ``text`` gives its MyST from the pages of the book."""

    class Generated(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            self.env.note_reread()
            box = nodes.container()
            lines = text(made_pages(Path(self.env.srcdir) / "book" / "runs")).splitlines()
            self.state.nested_parse(StringList(lines, self.get_source_info()[0]), self.content_offset, box)
            return box.children

    return Generated


def made_pages(folder: Path) -> dict[str, dict]:
    """What each executed page says about its run, by the run's id; pages that no run made are left out."""
    pages = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.ipynb"))}
    return {run_id: page["metadata"]["melib"] for run_id, page in pages.items() if "melib" in page["metadata"]}


def declared_runs(pages: dict[str, dict]) -> str:
    """A table with a row for each declared run, and one for their sum."""
    runs, rows = load_runs(places.checkout()).values(), []
    for run in runs:
        minutes = (f"{run.minutes[tier]:g}" if tier in run.minutes else "" for tier in TIERS)
        rows.append([f"`{run.id}`", f"{{doc}}`{run.title} <runs/{run.id}>`", *minutes])
    rows.append(["all", "", *(f"{sum(run.minutes.get(tier, 0) for run in runs):.3g}" for tier in TIERS)])
    heads = ["run", "page", *(f"`{tier}`" for tier in TIERS)]
    return _table("Expected minutes of each run on two cores, from runs.yml.", heads, rows)


def pages_status(pages: dict[str, dict]) -> str:
    """A table with a row for each declared run."""
    root, rows = places.checkout(), []
    for run in load_runs(root).values():
        name = f"{{doc}}`{run.title} <runs/{run.id}>`"
        if run.id not in pages:
            rows.append([name, "", "", "", "", "", "not made"])
            continue
        page = pages[run.id]
        made, current = page["provenance"], page["key"] == page_key(run, page["tier"], root)
        rows.append(
            [
                *(name, f"`{page['tier']}`", _day(made["time"]), _duration(page["seconds"])),
                *(f"`{_short(made['commit'])}`", f"`{page['key'][:9]}`", "yes" if current else "**stale**"),
            ]
        )
    return _table(
        "Pages that a run made: when, in what time, at which commit (+: with changes not in it), and whether the key "
        "of all that decides them, code, text, data and parameters, is still that of today.",
        ["page", "tier", "made on", "in", "commit", "key", "current"],
        rows,
    )


def pages_made_with(pages: dict[str, dict]) -> str:
    """A table with a row for each environment in which pages were made."""
    made: dict[str, list[str]] = {}
    for run_id, page in pages.items():
        origin = page["provenance"]
        versions = {"Python": origin.get("python", ""), **origin.get("packages", {})}
        packages = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
        machine = ", ".join(filter(None, (origin.get("platform"), origin.get("processor"))))
        made.setdefault(f"{packages or 'not noted'}|{machine or 'not noted'}", []).append(run_id)
    return _table(
        "What the pages were made with.",
        ["pages", "versions", "machine"],
        [[str(len(runs)), *environment.split("|")] for environment, runs in made.items()],
    )


def records_status(pages: dict[str, dict]) -> str:
    """A table with a row for each experiment and tier of the pages."""
    rows = []
    for tier in sorted({page["tier"] for page in pages.values()}):
        folder = places.published() if tier == "full" else places.computed()
        for name in experiments.names():
            declared = [(row, seed) for row in experiments.load(name, tier).rows for seed in row.seeds]
            there = [(row, seed) for row, seed in declared if records.path(row, seed, folder).is_file()]
            current = sum(records.is_current(row, seed, folder) for row, seed in there)
            found = [records.read_values(records.path(row, seed, folder)) for row, seed in there]
            made = [record["provenance"] for record in found]
            rows.append(
                [
                    *(f"`{name}`", tier, f"{len(found)} of {len(declared)}", str(current)),
                    _between(origin["time"] for origin in made),
                    _duration(sum(record.get("seconds", 0.0) for record in found)) if found else "",
                    ", ".join(sorted({f"`{_short(origin['commit'])}`" for origin in made})),
                ]
            )
    return _table(
        "Records of the experiments' rows, one for each row and seed. Rows that two experiments show are counted with "
        "both.",
        ["experiment", "tier", "there", "current", "made on", "in all", "commit"],
        rows,
    )


def stored_records(pages: dict[str, dict]) -> str:
    """A table with a row for each file directly under ``results``."""
    rows = []
    for path in sorted(places.published().glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        made = record.get("provenance")
        state = "" if "measured" not in record else "yes" if stored.is_current(record) else "**stale**"
        when, commit = (_day(made["time"]), f"`{_short(made['commit'])}`") if made else ("not noted", "not noted")
        command = f"`{record['command']}`" if "command" in record else ""
        rows.append([f"`{path.stem}`", when, commit, command, state])
    return _table(
        "Records that pages show beside what they compute themselves.",
        ["record", "made on", "commit", "made by", "current"],
        rows,
    )


def results_changes(pages: dict[str, dict]) -> str:
    """The entries under *Results* of the changelog, a heading for each version that has any."""
    said = []
    versions = re.split(r"^## ", (places.checkout() / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[
        1:
    ]
    for version in versions:
        title, _, text = version.partition("\n")
        entries = re.search(r"^### Results\n(.*?)(?=^### |\Z)", text, flags=re.MULTILINE | re.DOTALL)
        if entries:
            said += [f"**{title.strip()}**", "", entries[1].strip(), ""]
    if len(versions) == 1:
        none = "This is the first version: no number was published before it, so none has changed."
    else:
        none = "No version has changed a published number yet."
    return "\n".join(said or [none])


def _table(caption: str, heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [f"```{{list-table}} {caption}", ":header-rows: 1", ""]
    for cells in (heads, *rows):
        lines += [f"{'* -' if number == 0 else '  -'} {cell}".rstrip() for number, cell in enumerate(cells)]
    return "\n".join([*lines, "```"])


def _day(time: str) -> str:
    when = datetime.fromisoformat(time)
    return f"{when.day}{_BLANK}{when:%b}{_BLANK}{when.year}"


def _between(times: Iterable[str]) -> str:
    """First and last day of some times in the form of ISO 8601."""
    ordered = sorted(times)
    return " to ".join(dict.fromkeys(_day(time) for time in ordered[:1] + ordered[-1:]))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f}{_BLANK}s"
    return f"{seconds / 60:.1f}{_BLANK}min" if seconds < 5400 else f"{seconds / 3600:.1f}{_BLANK}h"


def _short(commit: str) -> str:
    return commit[:9] + ("+" if commit.endswith("+changes") else "")
