"""Write the pages of the API reference, book/api/PACKAGE.md, from the modules that there are.

    python tools/make_reference.py [--check]

A page names the public modules of a package; what they say is taken from their docstrings when the book is built. With
``--check`` nothing is written, and a page that is missing, stale or left over is an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from melib.errors import in_one_line
from melib.files import refresh_all

#: What the reference covers, from the ground up.
PACKAGES = (
    *("video", "metrics", "flow", "face", "synthetic", "datasets", "features", "models", "training", "spotting"),
    *("study", "tables", "plots", "recording", "own_video", "provenance"),
)

_HEAD = "<!-- Written by tools/make_reference.py: change the docstrings, or that program. -->\n"


def modules(package: Path, name: str) -> list[str]:
    """Public modules of a package of ``melib``, the package itself first."""
    folder = package / name
    if not folder.is_dir():
        return [f"melib.{name}"]
    below = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return [f"melib.{name}", *(f"melib.{name}.{module}" for module in below)]


def page(package: Path, name: str) -> str:
    """The page of a package."""
    first, *rest = modules(package, name)
    parts = [_HEAD, f"(api-{name})=\n# {first}\n", _directive(first)]
    for module in rest:
        parts += [f"## {module}\n", _directive(module)]
    return "\n".join(parts)


def _directive(module: str) -> str:
    # What a package only imports is described where it is defined, once.
    return f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n   :ignore-module-all:\n```\n"


def main(arguments: list[str] | None = None) -> int:
    """Write what differs, or with ``--check`` name it and return 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is missing or stale")
    parser.add_argument("--package", type=Path, default=Path("melib"), help="default: melib")
    parser.add_argument("--folder", type=Path, default=Path("book", "api"), help="default: book/api")
    parsed = parser.parse_args(arguments)
    return in_one_line("tools/make_reference.py", lambda: run(parsed.package, parsed.folder, check=parsed.check))


def run(package: Path, folder: Path, *, check: bool) -> int:
    """Write or name what differs."""
    if not package.is_dir():
        raise FileNotFoundError(f"no package {package}: start from the root of the checkout, or name --package")
    wanted = {folder / f"{name}.md": page(package, name) for name in PACKAGES}
    left_over = [path for path in sorted(folder.glob("*.md")) if path not in wanted and path.stem != "index"]
    return refresh_all(wanted, tool="tools/make_reference.py", check=check, left_over=left_over)


if __name__ == "__main__":
    sys.exit(main())
