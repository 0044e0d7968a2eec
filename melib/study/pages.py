"""A notebook with its parameters becomes a page of the book: executed by papermill, checked, and dressed.

``runs.yml`` declares the pages. Each says on itself what made it, and is made again when what decides it has changed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import jupytext
import nbformat
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

import melib
from melib import provenance
from melib.errors import InputError, find
from melib.files import source_hash, whole
from melib.study import _kernels
from melib.study.settings import TIERS, tier_sizes

#: One thread per compute process; Snakemake runs several processes. Results then do not depend on the number of cores.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1"
)
#: Cells whose code a reader may unfold but need not see, by tag, with the words to click on.
_FOLDED = {"parameters": "Show the parameters and their defaults", "injected-parameters": "Show the values of this run"}
#: What starts a kernel; what a line of code imports; parameters, and settings around, that name a file or folder.
_LAUNCH = "jupyter_client.provisioning.local_provisioner.launch_kernel"
_IMPORTED = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_PATHS, _PATHS_AROUND = ("data_root", "records", "reference", "rows"), ("MELIB_CACHE", "MELIB_REFERENCE")


class RunFailed(RuntimeError):
    """A cell raised, the kernel died, or the notebook stores a failure; the page was not written."""


@dataclass(frozen=True)
class Run:
    """One notebook (its MyST source in the checkout), executed with fixed parameters: the page ``book/runs/ID.ipynb``.

    ``minutes`` are expected for each tier at which the run makes sense; the tier is no parameter. ``experiments`` are
    those whose records the page shows, beside the one that its parameter ``experiment`` names.
    """

    id: str
    notebook: str
    title: str
    minutes: Mapping[str, float]
    parameters: Mapping[str, object] = field(default_factory=dict)
    experiments: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(self.id)):
            raise InputError(f"run {self.id!r}: an id is made of lower-case letters, digits and _")
        if not isinstance(self.parameters, dict) or "tier" in self.parameters:
            raise InputError(f"run {self.id}: parameters are names with values, without tier, which is chosen at start")
        if not isinstance(self.minutes, dict) or not set(self.minutes) <= set(TIERS):
            raise InputError(f"run {self.id}: minutes are expected minutes by tier ({', '.join(TIERS)})")

    def page(self, root: Path) -> Path:
        """Where the page lies for the book."""
        return root / "book" / "runs" / f"{self.id}.ipynb"

    def source(self, root: Path) -> NotebookNode:
        """The notebook, read from its MyST source."""
        path = root / self.notebook
        if not path.is_file():
            raise FileNotFoundError(f"run {self.id}: there is no notebook {self.notebook}")
        return jupytext.read(path)

    def command(self, tier: str) -> str:
        """What makes the page again."""
        return f"python -m melib run {self.id} --tier {tier}"


def load_runs(root: Path) -> dict[str, Run]:
    """The declared runs of a checkout by id."""
    path = root / "runs.yml"
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} in {root.resolve()}: start from the root of the checkout")
    runs: dict[str, Run] = {}
    needed = {"id", "notebook", "title", "minutes"}
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        name = f"{path.name}, run {entry.get('id', '(without id)')!r}"
        for key in entry:
            find(key, [each.name for each in fields(Run)], f"field in {name}")
        if missing := sorted(needed - set(entry)):
            raise InputError(f"{name}: missing {', '.join(missing)}")
        if entry["id"] in runs:
            raise InputError(f"{path.name} declares run {entry['id']!r} twice")
        runs[entry["id"]] = Run(**entry)
    return runs


def parameters_of(run: Run, tier: str, root: Path) -> dict[str, object]:
    """What the notebook will work with: its defaults, replaced by the run's values and, if it has one, the tier.

    A misspelt name, of which papermill only warns, is refused.
    """
    cells = [cell for cell in run.source(root).cells if "parameters" in cell.metadata.get("tags", ())]
    if len(cells) > 1:
        raise InputError(f"{run.notebook}: {len(cells)} cells are tagged parameters; papermill fills only the first")
    known: dict[str, object] = {}
    for statement in ast.parse(cells[0].source).body if cells else ():
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            known[statement.targets[0].id] = ast.literal_eval(statement.value)
    for name in run.parameters:
        find(name, known, f"parameter of {run.notebook}")
    chosen = {**known, **run.parameters}
    return {**chosen, "tier": tier} if "tier" in known else chosen


def experiments_of(run: Run, root: Path) -> list[str]:
    """Names of the experiments whose records a run shows."""
    own = parameters_of(run, "quick", root).get("experiment")
    return [*([own] if own else []), *run.experiments]


def page_key(run: Run, tier: str, root: Path) -> str:
    """SHA-256 of all that decides a page: melib, notebook and modules, parameters, tier, data files, records kept."""
    files = [root / run.notebook, *(root / "notebooks" / f"{name}.yml" for name in experiments_of(run, root))]
    # Data of melib count though no module names them: a page may read them by itself.
    files += [*modules_beside(root / run.notebook), *sorted((Path(melib.__file__).parent / "data").iterdir())]
    sent = parameters_of(run, tier, root).get("folder")  # of submissions
    kept = sorted([*(root / "results").glob("*.json"), *((root / sent).glob("*/*") if sent else ())])
    # At every tier a page also shows what is published.
    kept += sorted(path for name in experiments_of(run, root) for path in (root / "results/full" / name).glob("*"))
    parts = [
        source_hash("melib"),
        [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in (*files, *kept) if path.is_file()],
        [run.title, tier, asdict(tier_sizes(tier)), dict(run.parameters)],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def modules_beside(source: Path) -> list[Path]:
    """The modules in the folder of a notebook that it imports, and those that these import."""
    found, waiting = set(), {source}
    while waiting:
        names = {name for path in waiting for name in _IMPORTED.findall(path.read_text(encoding="utf-8"))}
        waiting = {path for name in names if (path := source.with_name(f"{name}.py")).is_file()} - found
        found |= waiting
    return sorted(found)


def execute(run: Run, tier: str, *, root: Path) -> bool:
    """Make the page of a run, or take the kept one when nothing that decides it has changed.

    The notebook's working folder is its own, as in Jupyter; files and folders that parameters name are meant from
    ``root``. The page appears whole or not at all: papermill works on a copy in ``.cache/runs``, left there as
    ``ID.TIER.failed.ipynb`` when a cell raises (:class:`RunFailed`). False if the kept page was still right.
    """
    tier_sizes(tier)
    if tier not in run.minutes:
        raise InputError(f"run {run.id} has no tier {tier}: runs.yml declares {', '.join(run.minutes)}")
    notebook, parameters, key = run.source(root), parameters_of(run, tier, root), page_key(run, tier, root)
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        raise InputError(f"{run.notebook} must open with its title, a line that starts with '# '")
    page = run.page(root)
    # Snakemake deletes a page before it asks for it again, so the last sound one is kept out of its reach.
    kept = root / ".cache" / "runs" / f"{run.id}.{tier}.ipynb"
    working, failed = kept.with_suffix(".working.ipynb"), kept.with_suffix(".failed.ipynb")
    for folder in (page.parent, kept.parent):
        folder.mkdir(parents=True, exist_ok=True)
    earlier = _read(kept)
    if earlier is not None and earlier.metadata.get("melib", {}).get("key") == key and not stored_errors(earlier):
        _write(earlier, page)
        return False
    for stale in (page, kept, failed):
        stale.unlink(missing_ok=True)
    folder = (root / run.notebook).parent
    injected = {**run.parameters, **({"tier": tier} if "tier" in parameters else {})}
    for name in _PATHS:
        if injected.get(name) and not os.path.isabs(str(injected[name])):
            injected[name] = os.path.relpath(root / str(injected[name]), folder)
    started = time.perf_counter()
    how = {"kernel_name": "python3", "language": "python", "cwd": folder, "progress_bar": False}
    try:
        with patch.dict(os.environ, _kernel_environment()), patch(_LAUNCH, _kernels.launch):
            executed = papermill.execute_notebook(notebook, working, injected, **how)
    except PapermillExecutionError as error:
        os.replace(working, failed)
        raise RunFailed(
            f"{error}\nrun {run.id} failed in cell [{error.exec_count}] of {run.notebook}: {error.ename}: "
            f"{error.evalue}\nthe notebook as far as it came: {failed.relative_to(root)}"
        ) from error
    except DeadKernelError as error:
        working.unlink(missing_ok=True)
        raise RunFailed(
            f"run {run.id}: the kernel of {run.notebook} was killed or crashed; most often the memory was not enough "
            "(take a smaller tier, or run less beside it)"
        ) from error
    if errors := stored_errors(executed):
        os.replace(working, failed)
        raise RunFailed(f"run {run.id} stores a failure: {'; '.join(errors)}\nthe notebook: {failed.relative_to(root)}")
    _dress(executed, run, tier, key=key, parameters=parameters, seconds=time.perf_counter() - started)
    _write(executed, kept)
    _write(executed, page)
    working.unlink(missing_ok=True)
    return True


def make(run: Run, tier: str, *, root: Path) -> bool:
    """Execute a run and say what became of it; False if its notebook failed."""
    if expected := run.minutes.get(tier):
        print(f"{run.id} ({tier}): {run.title}, about {expected:g} min", flush=True)
    try:
        executed = execute(run, tier, root=root)
    except RunFailed as error:
        print(error, file=sys.stderr, flush=True)
        return False
    page = run.page(root).relative_to(root)
    print(f"{page} written" if executed else f"{page} unchanged: nothing that decides it has changed", flush=True)
    return True


def _kernel_environment() -> dict[str, str]:
    """What a kernel inherits: one thread, the very melib whose files were hashed, and folders from anywhere."""
    here = str(Path(melib.__file__).parents[1])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    folders = {name: os.path.abspath(os.environ[name]) for name in _PATHS_AROUND if os.environ.get(name)}
    return {**ONE_THREAD, **folders, "PYTHONPATH": path, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def faults(root: Path, tier: str) -> list[str]:
    """What is wrong with the executed pages that the table of contents names, unseen by a build: a line each."""
    tier_sizes(tier)
    runs, found = load_runs(root), []
    for name in re.findall(r"book/runs/(\w+)", (root / "_toc.yml").read_text(encoding="utf-8")):
        if name not in runs:
            found.append(f"{name}: no such run in runs.yml")
        elif not runs[name].page(root).is_file():
            found.append(f"{name}: not there; `{runs[name].command(tier)}` makes it")
        else:
            notebook = nbformat.read(runs[name].page(root), as_version=4)
            problems = stored_errors(notebook) + figures_without_words(notebook)
            if notebook.metadata.get("melib", {}).get("key") != page_key(runs[name], tier, root):
                problems.append(f"stale: made by other code, parameters or tier than {tier} now has")
            found.extend(f"{name}: {problem}" for problem in problems)
    return found


def stored_errors(notebook: NotebookNode) -> list[str]:
    """Every failure that a notebook stores, a line each; empty for a sound one."""
    return [
        f"cell {number}: {output.get('ename', 'error')}: {output.get('evalue', '')}"
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", ())
        if output.output_type == "error"
    ]


def figures_without_words(notebook: NotebookNode) -> list[str]:
    """Shown figures whose cell has no caption or no alt text in its metadata, a line each."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        shown = not {"remove-cell", "remove-output"} & set(cell.metadata.get("tags", ()))
        drawn = any(kind.startswith("image/") for output in cell.get("outputs", ()) for kind in output.get("data", ()))
        if shown and drawn:
            words = cell.metadata.get("mystnb", {})
            if not words.get("image", {}).get("alt"):
                found.append(f"cell {number}: a figure without alt text (mystnb: image: alt)")
            if not words.get("figure", {}).get("caption"):
                found.append(f"cell {number}: a figure without caption (mystnb: figure: caption)")
    return found


def _dress(
    notebook: NotebookNode, run: Run, tier: str, *, key: str, parameters: dict[str, object], seconds: float
) -> None:
    """Turn a freshly executed notebook into a page, in place: the run's title and card, and its own metadata alone.

    Papermill's hold paths of the machine, jupytext's would pair the page with its source.
    """
    made = provenance.provenance()
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = list(cell.metadata.get("tags", ()))
        for tag in _FOLDED.keys() & tags:
            cell.metadata["tags"] = [*tags, "hide-input"]
            cell.metadata["mystnb"] = {"code_prompt_show": _FOLDED[tag]}
    rest = notebook.cells[0].source.partition("\n")[2].strip()
    card = nbformat.v4.new_markdown_cell(_card(run, tier, parameters, seconds, made), id="run-card")
    notebook.cells[0].source = f"# {run.title}"
    notebook.cells[1:1] = [card] + [nbformat.v4.new_markdown_cell(rest, id="after-run-card")] * bool(rest)
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("jupytext", None)
    said = {"run": run.id, "tier": tier, "key": key, "parameters": parameters, "seconds": round(seconds, 1)}
    notebook.metadata["melib"] = {**said, "provenance": made}


def _card(run: Run, tier: str, parameters: dict[str, object], seconds: float, made: Mapping[str, object]) -> str:
    when, commit = datetime.fromisoformat(str(made["time"])), str(made["commit"])
    shown_commit = commit[:9] + "+changes" * commit.endswith("+changes")
    size = f"Tier **{tier}**" if "tier" in parameters else "The same at every tier"
    seed = f", seed {parameters['seed']}" if "seed" in parameters else ""
    lasted = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
    return (
        "```{admonition} This run\n"
        ":class: note run-card\n\n"
        f"{size}{seed}. Run on {when.day} {when:%B %Y}, {when:%H:%M} UTC, in {lasted}, "
        f"at commit `{shown_commit}`.\n\n"
        f"To run it again, on records that are there: `{run.command(tier)}`\n"
        "```"
    )


def _read(path: Path) -> NotebookNode | None:
    try:
        return nbformat.read(path, as_version=4)
    except (FileNotFoundError, ValueError):  # none was kept, or it is no notebook: either way there is none to use
        return None


def _write(notebook: NotebookNode, path: Path) -> None:
    with whole(path) as part:
        nbformat.write(notebook, part)
