"""Executed notebooks as pages: what must not be in them, and what every one of them says about itself."""

from __future__ import annotations

import re
from datetime import datetime

import nbformat
from nbformat import NotebookNode

from melib.engine.markup import count_tables, framed
from melib.engine.runs import Run
from melib.errors import InputError

#: Cells whose code a reader may unfold but need not see, by tag, with the words to click on.
_FOLDED = {"parameters": "Show the parameters and their defaults", "injected-parameters": "Show the values of this run"}
#: A fenced block, in which a line that starts with # is no heading; a heading; markup in the words of a heading.
_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_MARKUP = re.compile(r"\{[a-z:]+\}|[`*$]")


def stored_errors(notebook: NotebookNode) -> list[str]:
    """Every trace of a failure that a notebook stores, a line each; empty for a sound one.

    A page that stores a traceback builds without a warning, so each published notebook is asked: an output of type
    error, papermill's mark in the metadata of the notebook or of a cell, papermill's cell about the error.
    """
    found = []
    if notebook.metadata.get("papermill", {}).get("exception"):
        found.append("papermill marked the notebook as failed")
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.metadata.get("papermill", {}).get("exception"):
            found.append(f"cell {number}: papermill marked it as failed")
        if "papermill-error-cell-tag" in cell.metadata.get("tags", ()):
            found.append(f"cell {number}: papermill's note about an error")
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                found.append(f"cell {number}: {output.get('ename', 'error')}: {output.get('evalue', '')}")
    return found


def figures_without_words(notebook: NotebookNode) -> list[str]:
    """Shown figures whose cell has no caption or no alt text in its metadata, a line each.

    Without them a page shows no caption and reads the file name of the figure to those who cannot see it.
    """
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        shown = not {"remove-cell", "remove-output"} & set(cell.metadata.get("tags", ()))
        drawn = any(kind.startswith("image/") for output in cell.get("outputs", ()) for kind in output.get("data", ()))
        if not (shown and drawn):
            continue
        settings = cell.metadata.get("mystnb", {})
        if not settings.get("image", {}).get("alt"):
            found.append(f"cell {number}: a figure without alt text (mystnb: image: alt)")
        if not settings.get("figure", {}).get("caption"):
            found.append(f"cell {number}: a figure without caption (mystnb: figure: caption)")
    return found


def check_title(notebook: NotebookNode, name: str) -> None:
    """Raise ValueError unless the notebook opens with a line ``# Title``, below which its run card goes."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        raise InputError(f"{name} must open with its title, a line that starts with '# '")


def dress(
    notebook: NotebookNode,
    run: Run,
    tier: str,
    *,
    key: str,
    parameters: dict[str, object],
    seconds: float,
    made: dict[str, object],
) -> None:
    """Turn a freshly executed notebook into a page, in place.

    Gives the page the run's own title, since one notebook may serve several runs, folds the two parameter cells, puts
    the run card below the title and the command that makes it again below every table, replaces papermill's metadata
    (it holds paths of the machine) by the run's own, and drops jupytext's, which would pair the page with its source.

    Parameters
    ----------
    key : str
        What :func:`melib.engine.runs.run_key` gave before the run.
    parameters : dict
        What the notebook worked with.
    seconds : float
        Measured wall time.
    made : dict
        What :func:`melib.provenance.provenance` gave.
    """
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = list(cell.metadata.get("tags", ()))
        for tag in _FOLDED.keys() & tags:
            cell.metadata["tags"] = [*tags, "hide-input"]
            cell.metadata["mystnb"] = {"code_prompt_show": _FOLDED[tag]}
    _, _, rest = notebook.cells[0].source.partition("\n")
    card = nbformat.v4.new_markdown_cell(_card(run, tier, parameters, seconds, made), id="run-card")
    notebook.cells[0].source = f"# {run.title}"
    following = [nbformat.v4.new_markdown_cell(rest.strip(), id="after-run-card")] if rest.strip() else []
    notebook.cells[1:1] = [card, *following]
    _frame_tables(notebook, run, tier)
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["melib"] = {
        "run": run.id,
        "tier": tier,
        "key": key,
        "parameters": parameters,
        "seconds": round(seconds, 1),
        "provenance": made,
    }


def page_key(notebook: NotebookNode) -> str | None:
    """The key of the run that made a page, or None for a notebook that no run made."""
    return notebook.metadata.get("melib", {}).get("key")


def _frame_tables(notebook: NotebookNode, run: Run, tier: str) -> None:
    """Number the tables of a page, name each by the heading it stands under, and put its command below it."""
    number, heading = 1, run.title
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = _HEADING.findall(_FENCED.sub("", cell.source))
            heading = _MARKUP.sub("", headings[-1]) if headings else heading
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            tables = count_tables(html)
            if tables:
                output.data["text/html"] = framed(
                    html, first=number, heading=heading, file=run.id, command=_command(run, tier)
                )
                number += tables


def _command(run: Run, tier: str) -> str:
    return f"python -m melib run {run.id} --tier {tier}"


def _card(run: Run, tier: str, parameters: dict[str, object], seconds: float, made: dict[str, object]) -> str:
    when = datetime.fromisoformat(str(made["time"]))
    commit = str(made["commit"])
    shown_commit = commit[:9] + ("+changes" if commit.endswith("+changes") else "")
    size = f"Tier **{tier}**" if "tier" in parameters else "The same at every tier"
    seed = f"seed {parameters['seed']}" if "seed" in parameters else "nothing drawn at random"
    return (
        "```{admonition} This run\n"
        ":class: note run-card\n\n"
        f"{size}, {seed}. Run on {when.day} {when:%B %Y}, {when:%H:%M} UTC, in {_duration(seconds)}, "
        f"by code `{str(made['code'])[:12]}` at commit `{shown_commit}`.\n\n"
        f"To re-run it in about the same time: `{_command(run, tier)}`\n"
        "```"
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
