"""Write book/tables/cuda_speed.md: what results/cuda_speed.json says, or that nothing was measured.

    python tools/make_speed_table.py [--check]

``tools/run_on_cuda.py`` makes the record on a machine with a graphics card. With ``--check`` nothing is written, and a
stale table is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from melib.files import refresh_command
from melib.study.record import read_record

TABLE = Path("book", "tables", "cuda_speed.md")
RECORD = Path("results", "cuda_speed.json")

_HEAD = "<!-- Written by tools/make_speed_table.py from results/cuda_speed.json: change that. -->\n\n"
_UNMEASURED = """\
How much faster a card is was **not measured**: `python tools/run_on_cuda.py --json results/cuda_speed.json` has not
been run for this book on a machine that has one.
"""


def table(record: Mapping) -> str:
    """The table of a record of ``tools/run_on_cuda.py``, with where it comes from."""
    made, parameters = record["provenance"], record["parameters"]
    card = f"{record['card']['name']}, CUDA {record['card']['cuda']}, PyTorch {made['packages']['torch']}"
    lines = [
        f"```{{list-table}} Seconds on a processor ({made['processor']}, {parameters['jobs']} cores) and on a card "
        f"({card}), tier `{parameters['tier']}`; made on {made['time'][:10]} by `{record['command']}` at commit "
        f"{made['commit'][:12]}.",
        ":header-rows: 1",
        ":name: cuda-speed",
        "",
        *_row("", "processor", "card", "ratio", "apart by"),
    ]
    for row in record["rows"]:
        apart = f"{row['by']:.2g} ({row['apart']})"
        lines += _row(row["work"], f"{row['processor_s']:.2f}", f"{row['card_s']:.2f}", f"{row['ratio']:.1f}", apart)
    for name, seconds in record["features_s"].items():
        lines += _row(f"features of {name}", f"{seconds:.2f}", "by the processor", "", "")
    return "\n".join([*lines, "```", ""])


def _row(first: str, *rest: str) -> list[str]:
    return [f"* - {first}".rstrip(), *(f"  - {cell}".rstrip() for cell in rest)]


def text() -> str:
    """What the file has to hold."""
    return _HEAD + (table(read_record(RECORD)) if RECORD.is_file() else _UNMEASURED)


def main(arguments: list[str] | None = None) -> int:
    """Write the table if it differs, or with ``--check`` say so and return 1."""
    return refresh_command(TABLE, text, tool="tools/make_speed_table.py", doc=__doc__, arguments=arguments)


if __name__ == "__main__":
    sys.exit(main())
