"""Write NAME.ipynb, without outputs, beside each notebooks/NAME.md.

    python tools/pair_notebooks.py [--check]

The MyST file is the source; its pair is what papermill, Colab and Jupyter open. The same source always gives the same
bytes: cells are numbered, not given random ids. With ``--check`` nothing is written, and a pair that is missing, stale
or without a source is an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import jupytext
import nbformat

from melib.errors import in_one_line
from melib.files import refresh_all

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def as_text(notebook: nbformat.NotebookNode) -> str:
    """The text of a notebook's ``.ipynb``, which depends on its cells alone."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    # Papermill asks for a kernel and its language; what else jupytext notes would change with its version.
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or with ``--check`` name it and return 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a pair is missing or stale")
    parser.add_argument("--folder", type=Path, default=Path("notebooks"), help="default: notebooks")
    parsed = parser.parse_args(arguments)
    folder, check = parsed.folder, parsed.check

    def run() -> int:
        sources, pairs = sorted(folder.glob("*.md")), sorted(folder.glob("*.ipynb"))
        if not sources and not pairs:
            raise FileNotFoundError(f"no notebook in {folder}: start from the root of the checkout, or name --folder")
        wanted = {source.with_suffix(".ipynb"): as_text(jupytext.read(source)) for source in sources}
        left_over = [pair for pair in pairs if pair not in wanted]
        return refresh_all(wanted, tool="tools/pair_notebooks.py", check=check, left_over=left_over)

    return in_one_line("tools/pair_notebooks.py", run)


if __name__ == "__main__":
    sys.exit(main())
