"""Write book/assets/pipeline.svg: the chain from a video to a score, as the introduction shows it.

    python tools/make_pipeline.py [--check]

The same bits with the same version of matplotlib. With ``--check`` nothing is written, and a stale picture is an error.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import matplotlib

from melib.files import refresh_command
from melib.plots.pipeline import pipeline

PICTURE = Path("book", "assets", "pipeline.svg")


def drawn() -> str:
    """The picture as SVG, without the date."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "melib", "svg.fonttype": "path"}):
        pipeline().savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the picture if it differs, or with ``--check`` say so and return 1."""
    return refresh_command(PICTURE, drawn, tool="tools/make_pipeline.py", doc=__doc__, arguments=arguments)


if __name__ == "__main__":
    sys.exit(main())
