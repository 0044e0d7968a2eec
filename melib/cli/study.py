"""``melib rows``, ``run`` and ``reproduce``: records of experiments, pages of the book, and both computed anew."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from joblib import Parallel, delayed

from melib.errors import InputError, find
from melib.files import check_folder
from melib.study import experiments, places, records
from melib.study import reproduce as comparison


def rows(options) -> int:
    """Compute what is missing; with ``--missing`` 1 if there is any."""
    how = _processes(options)
    folder, store = options.folder or places.computed(), options.store or places.cache()
    names = experiments.names() if options.experiments == ["all"] else options.experiments
    data = {"dataset": options.dataset, "data_root": options.data_root, "rows": options.rows or ""}
    declared = [experiments.load(name, options.tier, **data) for name in names]
    known = {row.name: row for experiment in declared for row in experiment.rows}
    chosen = [find(name, known, f"row in {' and '.join(names)}") for name in options.row or known]
    if options.seed is not None:
        chosen = [replace(row, seeds=(options.seed,)) for row in chosen]
    lacking = records.missing(chosen, folder)
    if options.missing:
        for row, seed in lacking:
            print(f"missing or stale: {records.path(row, seed, folder)}")
        return 1 if lacking else 0
    if options.features:
        records.fill(chosen, store=store, **how)
        return 0
    check_folder(folder, "--folder")
    records.make(chosen, folder=folder, store=store, **how)
    for asked in ((row, seed) for row in chosen for seed in row.seeds):
        where, made = records.path(*asked, folder), "computed in" if asked in lacking else "was there, made in"
        print(f"{where}: {made} {records.read_values(where)['seconds']:.0f} s", file=sys.stderr)
    return 0


def _processes(options) -> dict[str, object]:
    """In how many processes is computed, and whether a bar shows how far."""
    if options.jobs < 1:
        raise InputError(f"--jobs must be at least 1, got {options.jobs}")
    return {"jobs": options.jobs, "progress": sys.stderr.isatty()}


def run(options) -> int:
    """Execute runs; 0 if their pages are there, 1 if a notebook failed."""
    from melib.study.pages import load_runs, make  # what renders is slow to load

    root, jobs = Path.cwd(), _processes(options)["jobs"]
    known = load_runs(root)
    chosen = [find(id, known, "run") for id in (known if options.ids == ["all"] else options.ids)]
    # The longest first, so that no core waits for it in the end.
    chosen.sort(key=lambda each: -each.minutes.get(options.tier, 0))
    made = Parallel(n_jobs=jobs, batch_size=1)(delayed(make)(each, options.tier, root=root) for each in chosen)
    return 0 if all(made) else 1


def reproduce(options) -> int:
    """Compute a tier and hold every metric against the kept records; 0 if every row agrees, 1 if one does not."""
    how, kept = _processes(options), options.kept or places.published()
    declared = [experiments.load(name, options.tier) for name in options.experiment or experiments.names()]
    asked = list({(row.home, row.name): row for experiment in declared for row in experiment.rows}.values())
    every = [records.path(row, seed, kept) for row in asked for seed in row.seeds]
    for where in every:
        records.read_values(where)  # a missing or damaged one is found before hours of computing, not after them
    disagreeing = 0
    with tempfile.TemporaryDirectory(prefix="melib-reproduce-") as folder:
        made, store = Path(folder, "records"), options.store or Path(folder, "features")
        records.make(asked, folder=made, store=store, **how)
        for answer in comparison.reproduce(asked, kept=kept, made=made):
            disagreeing += not answer.agrees
            exactly = "exactly" if answer.exact else "nearly"
            print(f"{'agree ' if answer.agrees else 'DIFFER'} {exactly:8} {answer.name}: {answer.words}", flush=True)
    print(f"{len(every) - disagreeing} of {len(every)} rows agree", file=sys.stderr)
    return 1 if disagreeing else 0
