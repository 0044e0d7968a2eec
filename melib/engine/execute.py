"""Execute one declared run: source -> checked parameters -> papermill -> checked, dressed page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

import melib
from melib.engine.pages import check_title, dress, page_key, stored_errors
from melib.engine.runs import Run, check_tier, effective_parameters, read_source, run_key
from melib.errors import InputError
from melib.files import whole
from melib.provenance import provenance

#: One thread per compute process; Snakemake runs several processes. Results then do not depend on the number of cores.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}


class RunFailed(RuntimeError):
    """A cell raised, the kernel died, or the notebook stores a failure; the page was not written."""


def page_path(run_id: str, root: Path) -> Path:
    """Where the page of a run is published for the book."""
    return root / "book" / "runs" / f"{run_id}.ipynb"


def execute(run: Run, tier: str, *, root: Path) -> bool:
    """Make the page of a run, or take the kept one when nothing that decides it has changed.

    The notebook's working folder is ``root``. The page appears at :func:`page_path` whole or not at all: papermill
    works on a copy in ``.cache/runs``, which stays there, named ``ID.TIER.failed.ipynb``, when a cell raises.

    Parameters
    ----------
    run : Run
    tier : str
        One of the tiers that the run declares.
    root : Path
        Root of the checkout.

    Returns
    -------
    bool
        True if the notebook was executed, False if the kept page was still right.

    Raises
    ------
    ValueError
        If the tier or a parameter is unknown, or the notebook has no title.
    RunFailed
        If a cell raised or the kernel died; no page is left, not even an earlier one.
    """
    check_tier(tier)
    if tier not in run.minutes:
        raise InputError(f"run {run.id} has no tier {tier}: runs.yml declares {', '.join(run.minutes)}")
    notebook = read_source(run, root)
    check_title(notebook, run.notebook)
    parameters = effective_parameters(run, tier, notebook)
    key = run_key(run, tier, root)

    page = page_path(run.id, root)
    # Snakemake deletes a page before it asks for it again, so the last sound one is kept out of its reach.
    kept = root / ".cache" / "runs" / f"{run.id}.{tier}.ipynb"
    working = kept.with_suffix(".working.ipynb")
    failed = kept.with_suffix(".failed.ipynb")
    for folder in (page.parent, kept.parent):
        folder.mkdir(parents=True, exist_ok=True)
    earlier = _read(kept)
    if earlier is not None and page_key(earlier) == key and not stored_errors(earlier):
        _write(earlier, page)
        return False
    for stale in (page, kept, failed):
        stale.unlink(missing_ok=True)

    injected = {**run.parameters, **({"tier": tier} if "tier" in parameters else {})}
    started = time.perf_counter()
    try:
        with _kernel_environment():
            executed = papermill.execute_notebook(
                notebook,
                working,
                injected,
                kernel_name="python3",
                language="python",
                cwd=root,
                progress_bar=False,
            )
    except PapermillExecutionError as error:
        os.replace(working, failed)
        raise RunFailed(
            f"{error}\n"
            f"run {run.id} failed in cell [{error.exec_count}] of {run.notebook}: {error.ename}: {error.evalue}\n"
            f"the notebook as far as it came: {failed.relative_to(root)}"
        ) from error
    except DeadKernelError as error:
        working.unlink(missing_ok=True)
        raise RunFailed(
            f"run {run.id}: the kernel of {run.notebook} was killed or crashed; most often the memory was not enough "
            "(take a smaller tier, or run less beside it)"
        ) from error
    seconds = time.perf_counter() - started

    errors = stored_errors(executed)
    if errors:
        os.replace(working, failed)
        raise RunFailed(f"run {run.id} stores a failure: {'; '.join(errors)}\nthe notebook: {failed.relative_to(root)}")
    dress(executed, run, tier, key=key, parameters=parameters, seconds=seconds, made=provenance())
    _write(executed, kept)
    _write(executed, page)
    working.unlink(missing_ok=True)
    return True


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """Environment that a kernel inherits: one thread, and the very melib whose files were hashed."""
    before = dict(os.environ)
    here = str(Path(melib.__file__).parents[1])
    path = os.pathsep.join(filter(None, (here, before.get("PYTHONPATH"))))
    os.environ.update(ONE_THREAD, PYTHONPATH=path, MPLBACKEND="module://matplotlib_inline.backend_inline")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _read(path: Path) -> NotebookNode | None:
    try:
        return nbformat.read(path, as_version=4)
    except (FileNotFoundError, ValueError):  # none was kept, or it is no notebook: either way there is none to use
        return None


def _write(notebook: NotebookNode, path: Path) -> None:
    with whole(path) as part:
        nbformat.write(notebook, part)
