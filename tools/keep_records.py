"""Keep the records of a tier with the book: copy them from .cache/records to results.

    python tools/keep_records.py TIER

Nothing is copied while one is missing or stale; what lies there and is no longer declared is removed.
"""

from __future__ import annotations

import shutil
import sys

from melib.errors import InputError, in_one_line
from melib.files import whole
from melib.study import experiments, places, records


def main(tier: str) -> int:
    """Copy, or refuse."""
    made, kept = places.computed(), places.published()
    rows = {row.name: row for name in experiments.names() for row in experiments.load(name, tier).rows}.values()
    if lacking := records.missing(rows, made):
        what = f"{len(lacking)} records are missing or stale, such as {records.path(*lacking[0], made)}"
        raise InputError(f"{what}: python tools/build_book.py {tier} records makes them")
    wanted = set()
    for source in (records.path(row, seed, made) for row in rows for seed in row.seeds):
        people = records.read_values(source).get("people")
        shared = [made / tier / "people" / f"{people}.zip"] if people else []
        for path in (source, source.with_suffix(".zip"), *shared):
            wanted.add(path.relative_to(made))
    for path in sorted(wanted):
        (kept / path).parent.mkdir(parents=True, exist_ok=True)
        with whole(kept / path) as part:
            shutil.copyfile(made / path, part)
    for path in sorted((kept / tier).rglob("*.*")):
        if path.is_file() and path.relative_to(kept) not in wanted:
            path.unlink()
            print(f"{path.relative_to(kept)}: no longer declared, removed")
    print(f"{len(wanted)} files kept in {kept / tier}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(in_one_line("tools/keep_records.py", lambda: main(sys.argv[1])))
