"""The gate before publication: every declared record of a tier lies under results, whole and current.

    python tools/check_records.py TIER

Prints a line for each that is missing or stale, and fails if there is any.
"""

from __future__ import annotations

import sys
from pathlib import Path

from melib.engine.jobs import jobs_of
from melib.errors import in_one_line
from melib.study.catalogue import EXPERIMENTS
from melib.study.parameters import tier_sizes
from melib.study.rows import is_there, record_path


def main(tier: str, *, kept: Path = Path("results")) -> int:
    """Print the faults; 1 if there is any."""
    tier_sizes(tier)
    jobs = jobs_of(EXPERIMENTS.values(), tier).values()
    missing = [job for job in jobs if not is_there(job.row, tier, job.seed, folder=kept)]
    for job in missing:
        print(f"missing or stale: {record_path(kept, job.row, tier, job.seed)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(in_one_line("tools/check_records.py", lambda: main(sys.argv[1])))
