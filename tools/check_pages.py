"""The gate before the book: every executed page that the table of contents names must be sound and current.

python tools/check_pages.py TIER
"""

from __future__ import annotations

import sys
from pathlib import Path

from melib.errors import in_one_line
from melib.study.pages import faults


def main(tier: str) -> int:
    """Print the faults; 1 if there is any."""
    if found := faults(Path.cwd(), tier):
        print(*found, sep="\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(in_one_line("tools/check_pages.py", lambda: main(sys.argv[1])))
