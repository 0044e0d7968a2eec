"""The declared runs: what ``runs.yml`` may say, and whether a notebook agrees with it."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import jupytext
import yaml
from nbformat import NotebookNode

from melib.errors import InputError
from melib.provenance import computing_hash, presentation_hash

TIERS = ("smoke", "quick", "full")
#: The tier whose records are kept with the book, in ``results``, and are not computed when a page is made.
PUBLISHED_TIER = "full"
#: How a page asks for a small record that is kept with the book, whatever the tier.
_STORED = re.compile(r'\.load\("(\w+)"')


@dataclass(frozen=True)
class Run:
    """One notebook, executed with fixed parameters, that becomes one page.

    Parameters
    ----------
    id : str
        Lower-case letters, digits and ``_``; the page is ``book/runs/ID.ipynb``.
    notebook : str
        Path of the MyST source, relative to the root of the checkout.
    title : str
        Title of the page.
    minutes : mapping of str to float
        Expected minutes for each tier at which the run makes sense.
    parameters : mapping
        Values that replace defaults of the notebook's ``parameters`` cell. The tier is not among them.
    experiments : sequence of str
        Experiments whose records the page shows, beside the one that its parameter ``experiment`` names.
    """

    id: str
    notebook: str
    title: str
    minutes: Mapping[str, float]
    parameters: Mapping[str, object] = field(default_factory=dict)
    experiments: Sequence[str] = ()


def load_runs(path: Path) -> dict[str, Run]:
    """Read and check ``runs.yml``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If an entry lacks a field, has an unknown one, or holds a wrong value.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} in {path.parent.resolve()}: start from the root of the checkout")
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path.name} must be a list of runs, each a mapping with an id")
    runs: dict[str, Run] = {}
    for entry in entries:
        run = _checked(entry, path.name)
        if run.id in runs:
            raise InputError(f"{path.name} declares run {run.id!r} twice")
        runs[run.id] = run
    return runs


def _checked(entry: Mapping[str, object], file_name: str) -> Run:
    name = f"{file_name}, run {entry.get('id', '(without id)')!r}"
    known = {item.name for item in fields(Run)}
    for key in entry:
        if key not in known:
            raise InputError(f"{name}: unknown field {key!r}{_suggestion(str(key), known)}")
    missing = sorted(known - {"experiments", "parameters"} - set(entry))
    if missing:
        raise InputError(f"{name}: missing {', '.join(missing)}")
    run = Run(**{**entry, "parameters": entry.get("parameters") or {}})
    if not re.fullmatch(r"[a-z][a-z0-9_]*", str(run.id)):
        raise InputError(f"{name}: an id is made of lower-case letters, digits and _")
    if not isinstance(run.parameters, dict) or "tier" in run.parameters:
        raise InputError(f"{name}: parameters must be a mapping without tier, which is chosen when the run is started")
    if isinstance(run.experiments, str) or not all(isinstance(each, str) for each in run.experiments):
        raise InputError(f"{name}: experiments must be a list of names, not {run.experiments!r}")
    if not isinstance(run.minutes, dict) or not run.minutes:
        raise InputError(f"{name}: minutes must map tiers to expected minutes")
    for tier, minutes in run.minutes.items():
        check_tier(tier)
        if isinstance(minutes, bool) or not isinstance(minutes, int | float) or minutes <= 0:
            raise InputError(f"{name}: minutes of tier {tier} must be a positive number, not {minutes!r}")
    return run


def check_tier(tier: object) -> None:
    """Raise ValueError unless ``tier`` is the name of a tier."""
    if tier not in TIERS:
        raise InputError(f"unknown tier {tier!r}: choose one of {', '.join(TIERS)}")


def find_run(runs: Mapping[str, Run], run_id: str) -> Run:
    """The run of that id.

    Raises
    ------
    LookupError
        If none is declared, with the nearest id or else all of them.
    """
    if run_id not in runs:
        hint = _suggestion(run_id, runs) or f"; declared are {', '.join(runs)}"
        raise InputError(f"no run {run_id!r} in runs.yml{hint}")
    return runs[run_id]


def read_source(run: Run, root: Path) -> NotebookNode:
    """The notebook of a run, read from its MyST source.

    Raises
    ------
    FileNotFoundError
        If the source does not exist.
    """
    source = root / run.notebook
    if not source.is_file():
        raise FileNotFoundError(f"run {run.id}: there is no notebook {run.notebook}")
    return jupytext.read(source)


def defaults(notebook: NotebookNode, name: str) -> dict[str, object]:
    """Names and default values of the cell tagged ``parameters``; empty when no cell has the tag.

    A default that is not a literal is given as its source text.

    Raises
    ------
    ValueError
        If several cells have the tag.
    """
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    if len(cells) > 1:
        raise InputError(f"{name}: {len(cells)} cells are tagged parameters; papermill fills only the first")
    found: dict[str, object] = {}
    for statement in ast.parse(cells[0].source).body if cells else ():
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                found[target.id] = _literal(value)
    return found


def _literal(value: ast.expr) -> object:
    try:
        return ast.literal_eval(value)
    except ValueError:
        return ast.unparse(value)


def effective_parameters(run: Run, tier: str, notebook: NotebookNode) -> dict[str, object]:
    """What the notebook will work with: its defaults, replaced by the run's values and, if it has one, the tier.

    Papermill takes a misspelt name without a word and computes with the default; here it is an error.

    Raises
    ------
    ValueError
        If a parameter is not a name of the ``parameters`` cell, with the nearest name.
    """
    known = defaults(notebook, run.notebook)
    for name in run.parameters:
        if name not in known:
            hint = _suggestion(name, known) or f"; it has {', '.join(known) or 'none'}"
            raise InputError(f"run {run.id}: {run.notebook} has no parameter {name!r}{hint}")
    chosen = {**known, **run.parameters}
    return {**chosen, "tier": tier} if "tier" in known else chosen


def run_key(run: Run, tier: str, root: Path) -> str:
    """SHA-256 of all that decides a page: code that computes or shows, notebook text, parameters and tier.

    A page is also decided by the records that it shows. Those that are kept with the book and not computed for it count
    with their contents: what the notebook loads from ``results`` by name, and for an experiment those of the full tier.
    The others follow from the code.
    """
    source = (root / run.notebook).read_text(encoding="utf-8")
    parts = {
        "code": computing_hash(),
        "shown_by": presentation_hash(),
        "notebook": source,
        "parameters": dict(run.parameters),
        "tier": tier,
        "title": run.title,
    }
    if tier == PUBLISHED_TIER and "experiment" in effective_parameters(run, tier, read_source(run, root)):
        files = sorted(path for path in (root / "results" / tier).rglob("*") if path.is_file())
        parts["records"] = _contents(files)
    stored = [root / "results" / f"{name}.json" for name in sorted(set(_STORED.findall(source)))]
    if stored:
        parts["stored"] = _contents(path for path in stored if path.is_file())
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _contents(files: Iterable[Path]) -> list[list[str]]:
    return [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""
