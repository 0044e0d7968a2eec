"""Keep the records of a tier with the book: copy them from .cache/records to results.

    python tools/keep_records.py TIER

Only records of rows that are declared, whole and current are copied; a kept one that is no longer declared is removed.
Nothing is copied while one is missing.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from melib.engine.jobs import jobs_of
from melib.errors import in_one_line
from melib.files import whole
from melib.study.catalogue import EXPERIMENTS
from melib.study.parameters import tier_sizes
from melib.study.rows import is_there, record_path

#: Missing records that are named one by one; all are counted.
_NAMED = 5


def main(tier: str, *, made: Path = Path(".cache", "records"), kept: Path = Path("results")) -> int:
    """Copy; 1 if a record is missing or stale."""
    tier_sizes(tier)
    jobs = jobs_of(EXPERIMENTS.values(), tier)
    missing = [name for name, job in jobs.items() if not is_there(job.row, tier, job.seed, folder=made)]
    if missing:
        others = f" and {len(missing) - _NAMED} others" if len(missing) > _NAMED else ""
        print(
            f"{len(missing)} of {len(jobs)} records are missing or stale in {made / tier}: "
            f"{', '.join(missing[:_NAMED])}{others}; python tools/build_book.py {tier} records makes them",
            file=sys.stderr,
        )
        return 1
    wanted = set()
    for job in jobs.values():
        source = record_path(made, job.row, tier, job.seed)
        target = record_path(kept, job.row, tier, job.seed)
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".csv", ".json"):
            with whole(target.with_suffix(suffix)) as part:
                shutil.copyfile(source.with_suffix(suffix), part)
            wanted.add(target.with_suffix(suffix))
    for path in sorted((kept / tier).rglob("*.*")):
        if path.is_file() and path not in wanted:
            path.unlink()
            print(f"{path}: no longer declared, removed")
    print(f"{len(jobs)} records kept in {kept / tier}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(in_one_line("tools/keep_records.py", lambda: main(sys.argv[1])))
