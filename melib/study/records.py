"""What is kept of a row: a record of numbers with their origin, and the small tables from which differences follow.

A record is ``FOLDER/TIER/EXPERIMENT/ROW.SEED.json`` and, beside it, ``ROW.SEED.zip`` with a CSV file a table. Labels
and lists of tested videos, which many rows share, lie once in ``FOLDER/TIER/people``. A record's key is made of all
that decides its numbers: settings, sizes, seed, the version of the data, and the source of every module that the
computing function imports, as it was when this process began. Words, tables, figures and pages are outside it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from melib import datasets, provenance
from melib.errors import InputError
from melib.files import FILMED_ONLY, source_hash, whole
from melib.study import experiments, places
from melib.study.experiments import Experiment, Row
from melib.study.record import Record
from melib.study.settings import ClipSettings, Settings, plain
from melib.synthetic.suites import SUITES

#: Settings of a row -> the module whose ``run(settings, seed, store=...)`` computes it.
WAYS = {Settings: "melib.study.long_videos", ClipSettings: "melib.study.clips"}
#: Settings of rows -> the module whose ``prepare`` computes what they read.
PREPARED_BY = {Settings: "melib.study.data", ClipSettings: "melib.study.clips"}
#: Columns of tables that are text, though a name may be all digits.
_TEXT = dict.fromkeys(("subject", "video", "emotion", "named", "kind"), str)
#: Tables that stand once for many rows.
_SHARED = ("truth", "videos")
#: Keys without which a file is no record.
_NEEDED = {"key", "settings", "amounts", "dataset", "provenance"}
# Editing a file while a process runs does not change what it computes, nor what its records say of themselves.
_SOURCE = {(kind, False): source_hash(module, without=FILMED_ONLY) for kind, module in WAYS.items()}
_SOURCE[Settings, True] = source_hash(WAYS[Settings])


@dataclass(frozen=True)
class Kept:
    """A row with its records, one a seed; ``stale`` where today's code, settings or data would make another."""

    row: Row
    records: tuple[Record, ...]
    stale: bool = False

    @property
    def first(self) -> dict:
        """The values of the first seed."""
        return self.records[0].values

    def tables(self, name: str) -> list[pd.DataFrame]:
        """A table that each record keeps, one a seed; labels with the emotions of the row's classes."""
        if any(name not in record.tables for record in self.records):
            raise InputError(f"row {self.row.name} keeps no table {name!r}: {', '.join(self.records[0].tables)}")
        found = [record.tables[name] for record in self.records]
        if name == "truth":
            found = [each.assign(emotion=each["emotion"].map(self.row.settings.class_of)) for each in found]
        return found


def key(settings: Settings | ClipSettings, seed: int) -> str:
    """64 hexadecimal digits over all that decides the numbers of a row."""
    source = _SOURCE[type(settings), getattr(settings, "filmed", False)]
    decides = [plain(settings), settings.amounts, seed, _data_version(settings), source]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _data_version(settings: Settings | ClipSettings) -> str:
    if getattr(settings, "filmed", False):
        return _filmed_version(settings.dataset, settings.data_root)
    return SUITES[getattr(settings, "suite", "default")].version


@cache
def _filmed_version(dataset: str, data_root: str) -> str:
    return datasets.open_dataset(dataset, data_root).version


def path(row: Row, seed: int, folder: Path | str) -> Path:
    """Where the record of a row lies."""
    return Path(folder, row.settings.tier, row.home, f"{row.name}.{seed}.json")


def compute(row: Row, seed: int, *, folder: Path | str, store: Path | str) -> Path:
    """Compute a row with one seed and write its record; each file appears whole or not at all, the record last."""
    made = import_module(WAYS[type(row.settings)]).run(row.settings, seed, store=Path(store))
    said = {
        "row": row.name,
        "label": row.label,
        "experiment": row.home,
        "tier": row.settings.tier,
        "seed": seed,
        "settings": plain(row.settings),
        "amounts": row.settings.amounts,
        "key": key(row.settings, seed),
        "provenance": provenance.provenance(device=made.values.get("device", "cpu")),
    }
    return write(Record({**made.values, **said}, made.tables), path(row, seed, folder))


def write(record: Record, where: Path) -> Path:
    """Write a record and its tables."""
    where.parent.mkdir(parents=True, exist_ok=True)
    how = {"index": False, "float_format": "%.6g", "lineterminator": "\n"}
    text = {name: table.to_csv(**how) for name, table in record.tables.items()}
    values = dict(record.values)
    shared = {name: text.pop(name) for name in _SHARED if name in text}
    if shared:
        values["people"] = hashlib.sha256("".join(shared.values()).encode()).hexdigest()[:12]
        _write_zip(where.parents[1] / "people" / f"{values['people']}.zip", shared)
    _write_zip(where.with_suffix(".zip"), text)
    with whole(where) as part:
        part.write_text(json.dumps(values, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    return where


def _write_zip(where: Path, files: Mapping[str, str]) -> None:
    """CSV files in one archive, the same bytes for the same content."""
    where.parent.mkdir(parents=True, exist_ok=True)
    with whole(where) as part, zipfile.ZipFile(part, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(f"{name}.csv")
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED, 9)


def read_values(where: Path | str) -> dict:
    """The JSON file of a record; a file that is missing or no record is named."""
    where = Path(where)
    if not where.is_file():
        raise FileNotFoundError(f"no record {where}: run the experiment first")
    try:
        values = json.loads(where.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{where} is not JSON ({error}): delete it and run the experiment again") from error
    if not isinstance(values, dict) or not set(values) >= _NEEDED:
        raise InputError(f"{where} is not a record of a row: it lacks one of {', '.join(sorted(_NEEDED))}")
    return values


def read_record(where: Path | str) -> Record:
    """A record with its tables."""
    where = Path(where)
    values = read_values(where)
    tables = _read_zip(where.with_suffix(".zip"))
    if "people" in values:
        tables |= _read_zip(where.parents[1] / "people" / f"{values['people']}.zip")
    return Record(values, tables)


def _read_zip(where: Path) -> dict[str, pd.DataFrame]:
    try:
        with zipfile.ZipFile(where) as archive:
            files = {name.removesuffix(".csv"): archive.read(name).decode() for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise InputError(f"{where} is damaged ({error}): delete it and run the experiment again") from error
    how = {"dtype": _TEXT, "keep_default_na": False, "na_values": [""]}
    return {name: pd.read_csv(io.StringIO(text), **how) for name, text in files.items()}


def is_current(row: Row, seed: int, folder: Path | str) -> bool:
    """Whether the record lies in the folder, whole, and today's code, settings and data would make the same."""
    where = path(row, seed, folder)
    if not (where.is_file() and where.with_suffix(".zip").is_file()):
        return False
    values = read_values(where)
    people = where.parents[1] / "people" / f"{values.get('people')}.zip"
    return values["key"] == key(row.settings, seed) and ("people" not in values or people.is_file())


def read(rows: Iterable[Row], folder: Path | str | Callable[[Row], Path]) -> dict[str, Kept]:
    """The records of rows as they are, stale or not; of a row that has some of its seeds, those."""
    kept = {}
    for row in rows:
        where = folder(row) if callable(folder) else Path(folder)
        seeds = [seed for seed in row.seeds if path(row, seed, where).is_file()] or row.seeds
        records = tuple(read_record(path(row, seed, where)) for seed in seeds)
        wanted = [key(row.settings, seed) for seed in row.seeds]
        kept[row.name] = Kept(row, records, stale=[record.values["key"] for record in records] != wanted)
    return kept


def missing(rows: Iterable[Row], folder: Path | str) -> list[tuple[Row, int]]:
    """Rows and seeds whose record is not there, or stale."""
    return [(row, seed) for row in rows for seed in row.seeds if not is_current(row, seed, folder)]


def fill(rows: Iterable[Row], *, store: Path | str, jobs: int = 1, progress: bool = False) -> None:
    """Compute the features that rows read and the store lacks."""
    by_way: dict[type, list] = {}
    for row in rows:
        by_way.setdefault(type(row.settings), []).append(row.settings)
    for kind, settings in by_way.items():
        import_module(PREPARED_BY[kind]).prepare(settings, store=Path(store), jobs=jobs, progress=progress)


def make(rows: Sequence[Row], *, folder: Path | str, store: Path | str, jobs: int = 1, progress: bool = False) -> None:
    """Compute what is missing or stale, features first, then rows in processes of one thread each.

    Rows of long videos that differ in their rule alone share networks: they stay together, and come first.
    """
    asked = missing(rows, folder)
    fill([row for row, _ in asked], store=store, jobs=jobs, progress=progress)
    alike: dict[object, list[tuple[Row, int]]] = {}
    for row, seed in asked:
        same = row.settings
        if isinstance(same, Settings):
            same = replace(same, intervals_by=None, rule=None, p=0.5, shuffled=False)
        alike.setdefault((seed, str(same)), []).append((row, seed))
    groups = sorted(alike.values(), key=lambda some: (isinstance(some[0][0].settings, ClipSettings), -len(some)))
    Parallel(n_jobs=jobs, batch_size=1)(delayed(_compute_all)(some, folder=folder, store=store) for some in groups)


def _compute_all(asked: Sequence[tuple[Row, int]], *, folder: Path | str, store: Path | str) -> None:
    for row, seed in asked:
        compute(row, seed, folder=folder, store=store)


def batches(tier: str, size: int | None = None) -> dict[str, tuple[int, list[Row]]]:
    """All declared rows in batches of a seed, for a job each: a name, which holds the rows' keys -> seed and rows."""
    of_seed: dict[int, list[Row]] = {}
    for name in experiments.names():
        for row in (row for row in experiments.load(name, tier).rows if row.home == name):
            for seed in row.seeds:
                of_seed.setdefault(seed, []).append(row)
    found = {}
    for seed, rows in of_seed.items():
        for some in (rows[start : start + (size or len(rows))] for start in range(0, len(rows), size or len(rows))):
            keys = "".join(key(row.settings, seed) for row in some)
            found[f"{seed}-{hashlib.sha256(keys.encode()).hexdigest()[:16]}"] = (seed, some)
    return found


def obtain(experiment: Experiment, *, folder: Path | str = "", jobs: int = 2) -> dict[str, Kept]:
    """The records of an experiment by name of row, in its order, for a page.

    What is missing in ``folder`` is computed, by ``jobs`` processes, and written there. Without one, records of tier
    ``full`` are read from those kept with the book, if they are there, and all others from the checkout's cache.
    """
    mine = Path(str(folder)) if str(folder) else places.computed()
    published = places.published()

    def where(row: Row) -> Path:
        kept = experiment.tier == "full" and not str(folder) and path(row, 0, published).is_file()
        return published if kept else mine

    make([row for row in experiment.rows if where(row) == mine], folder=mine, store=places.cache(), jobs=jobs)
    return read(experiment.rows, where)
