"""Experiments as data: ``notebooks/NAME.yml`` says what is asked, what counts as success, and which rows answer.

A file holds ``question``, ``criterion``, ``least`` (the smallest difference of interest), ``measures`` (columns of the
table of rows), ``rows`` and ``comparisons``. An entry of ``rows`` is a grid::

    - name: "{model}-{seen}"
      label: "{model}, {seen}"
      way: videos                       # or clips; videos unless said
      settings: {shuffled: false}       # of melib.study.settings, shared by the grid
      for:
        model: {mean: {label: MEAN, model: mean}, floor: {label: Floor, model: floor}}
        seen: {o: {label: O, input: O}, s: {label: S, input: S}}

with a row for each combination: ``{axis}`` becomes the key in names and the label in labels. Where an entry or a value
says so, its rows are trained ``once``, with the seeds of a ``headline``, or exist at tier ``full`` alone (comparisons
with them, too). ``from: spotting`` with ``only: [mean-o]`` takes rows of another experiment, which are computed once.
An entry of ``comparisons`` has ``question``, ``metric`` (one or several), ``first`` and ``second``, and ``for``
likewise. ``filmed`` holds ``rows`` and ``comparisons`` for filmed faces in place of those that need a benchmark.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from melib import datasets
from melib.errors import InputError, find
from melib.features.settings import DEPTH_INPUTS, TRUE_INPUTS
from melib.study.places import checkout
from melib.study.printed import READINGS, REBUILT, read_printed
from melib.study.settings import SYNTHETIC, ClipSettings, Settings, make, tier_sizes, usual_classes

_KEYS = {"title", "question", "criterion", "least", "measures", "rows", "comparisons", "filmed", "printed"}
#: Marks of rows that are no settings: see the top.
_MARKS = ("once", "headline", "full")
_ROW_KEYS = {"name", "label", "way", "settings", "for", *_MARKS, "from", "only"}
_COMPARISON_KEYS = {"question", "metric", "first", "second", "for", "least"}
#: Input -> what names of rows call it.
INPUT_NAMES = {"O": "o", "S": "s", "O+S": "o+s", "O|S": "o-and-s", "D": "d"}
_NAME = re.compile(r"[a-z0-9][a-z0-9_+.-]*")


@dataclass(frozen=True)
class Row:
    """One system of a table, with its settings at a tier; it is trained once with each of ``seeds``.

    ``name`` is unique in its experiment and names the files of its records, which lie in the folder of its ``home``,
    the experiment that declares it. Tables call it by its ``label``.
    """

    name: str
    label: str
    home: str
    settings: Settings | ClipSettings
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """Two rows whose difference, first less second, answers a question."""

    first: str
    second: str
    metric: str
    question: str
    least: float


@dataclass(frozen=True)
class Experiment:
    """A question, its criterion (set before the numbers), and the rows and comparisons that answer it."""

    name: str
    tier: str
    question: str
    criterion: str
    least: float
    rows: tuple[Row, ...]
    measures: tuple[str, ...]
    comparisons: tuple[Comparison, ...]

    def row(self, name: str) -> Row:
        """The row of that name; an unknown one is refused with the nearest."""
        return find(name, {row.name: row for row in self.rows}, f"row in experiment {self.name}")


def names(folder: Path | str | None = None) -> tuple[str, ...]:
    """Names of all experiments."""
    return tuple(sorted(path.stem for path in _folder(folder).glob("*.yml")))


def load(
    name: str,
    tier: str,
    *,
    dataset: str = SYNTHETIC,
    data_root: str = "",
    rows: Path | str = "",
    folder: Path | str | None = None,
) -> Experiment:
    """Read an experiment.

    InputError says that the file names something unknown, that two rows have one name, or that no row is left on filmed
    faces; FileNotFoundError, that there is no such experiment or dataset.

    Parameters
    ----------
    name : str
        ``notebooks/NAME.yml`` of the checkout.
    tier : {"smoke", "quick", "full"}
    dataset, data_root : str
        A licensed dataset and its folder: the same questions on filmed faces, one person left out at a time.
    rows : path
        A file with further ``rows`` and ``comparisons``, or with rows that take the place of those of the same name.
    folder : path, optional
        In place of the checkout's ``notebooks``.
    """
    # A parameter from a command line may have become a number: a folder named 2024.
    whole = _whole(name, tier, dataset, str(data_root), str(rows), folder)
    found = {row.name: row for row in whole.rows if row.seeds}
    asked = (each for each in whole.comparisons if {each.first, each.second} <= set(found))
    return replace(whole, rows=tuple(found.values()), comparisons=tuple(asked))


def _whole(
    name: str, tier: str, dataset: str, data_root: str, rows: Path | str, folder: Path | str | None
) -> Experiment:
    """An experiment with the rows that the tier has no seeds for."""
    tier_sizes(tier)
    files = {path.stem: path for path in _folder(folder).glob("*.yml")}
    declared = _read_file(find(name, files, "experiment"), _KEYS)
    more = _read_file(Path(rows), {"rows", "comparisons"}) if str(rows) else {}
    at, home = {}, name
    if dataset != SYNTHETIC:
        Settings(dataset=dataset, data_root=data_root)  # says what is wrong with either
        at, home = {"dataset": dataset, "data_root": data_root}, f"{name}-{dataset}"
        declared = _filmed(declared, dataset)
    found = {row.name: row for row in _rows(declared["rows"], home, tier, at, folder)}
    if at:
        for row in _rows(printed_rows(declared.get("printed", ()), dataset), home, tier, at, folder):
            found.setdefault(row.name, row)
        found = _with_their_planes(found, name, dataset, data_root)
    if more:
        found |= {row.name: row for row in _rows(more.get("rows", ()), f"{home}-{Path(rows).stem}", tier, at, folder)}
    asked = [*declared.get("comparisons", ()), *more.get("comparisons", ())]
    least = float(declared["least"])
    comparisons = [each for each in _comparisons(asked, least) if not at or {each.first, each.second} <= set(found)]
    for each in comparisons:
        for row in (each.first, each.second):
            find(row, found, f"row in experiment {name}")
    said = (declared["question"], declared["criterion"], least)
    return Experiment(name, tier, *said, tuple(found.values()), tuple(declared["measures"]), tuple(comparisons))


def _folder(folder: Path | str | None) -> Path:
    return checkout() / "notebooks" if folder is None else Path(folder)


#: The same as YAML's safe loader, in C where it was built, ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read_file(path: Path, known: set[str]) -> dict:
    """A data file, whose keys are all known."""
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), _LOADER) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {error}") from error
    return _known(read, known, str(path))


def _known(entry: object, keys: Iterable[str], where: str) -> dict:
    """The entry, whose keys are all known."""
    if not isinstance(entry, Mapping):
        raise InputError(f"{where} holds no names with values")
    for key in entry:
        find(key, sorted(keys), f"entry in {where}")
    return dict(entry)


def _rows(
    entries: Sequence[Mapping], home: str, tier: str, at: Mapping[str, str], folder: Path | str | None
) -> Iterator[Row]:
    """The rows of a file's entries."""
    seen = set()
    for entry in entries:
        _known(entry, _ROW_KEYS, f"rows of {home}")
        for row in _taken(entry, tier, at, folder) if "from" in entry else _grid(entry, home, tier, at):
            if row.name in seen:
                raise InputError(f"experiment {home} has two rows called {row.name!r}")
            seen.add(row.name)
            yield row


def _taken(entry: Mapping, tier: str, at: Mapping[str, str], folder: Path | str | None) -> Iterator[Row]:
    """Rows of another experiment."""
    other = _whole(entry["from"], tier, at.get("dataset", SYNTHETIC), at.get("data_root", ""), "", folder)
    there = [row.name for row in other.rows]
    return (other.row(name) for name in entry.get("only", there) if not at or name in there)


def _grid(entry: Mapping, home: str, tier: str, at: Mapping[str, str]) -> Iterator[Row]:
    way, sizes = entry.get("way", "videos"), tier_sizes(tier)
    for keys, labels, values in _combinations(entry.get("for", {})):
        name = entry["name"].format(**keys)
        if not _NAME.fullmatch(name):
            raise InputError(f"row {name!r}: a name has lower-case letters, digits, '-', '_', '+' and '.' alone")
        values = _merged(entry.get("settings", {}), values)
        marks = {mark for mark in _MARKS if entry.get(mark, False) | values.pop(mark, False)}
        seeds = 1 if "once" in marks else sizes.headline_seeds if "headline" in marks else sizes.seeds
        if "full" in marks and tier != "full" and not at:  # of filmed faces all is there at every tier
            seeds = 0
        if not at or _can_be_filmed(way, values):
            settings = make(way, {**values, **at, "tier": tier})
            yield Row(name, entry["label"].format(**labels), home, settings, tuple(range(seeds)))


def _combinations(axes: Mapping[str, object]) -> Iterator[tuple[dict, dict, dict]]:
    """Each combination of a grid: keys by axis, labels by axis, and the settings that both bring."""
    each = [[(axis, key, value) for key, value in _values(given).items()] for axis, given in axes.items()]
    for chosen in itertools.product(*each):
        keys = {axis: key for axis, key, _ in chosen}
        labels = {axis: value.get("label", key) for axis, key, value in chosen}
        settings = _merged(*({name: given for name, given in value.items() if name != "label"} for *_, value in chosen))
        yield keys, labels, settings


def _merged(*given: Mapping[str, object]) -> dict[str, object]:
    """Settings over settings; of a mapping, such as how depth is read, each part by itself."""
    found: dict[str, object] = {}
    for name, value in (item for each in given for item in each.items()):
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = {**found[name], **value} if both else value
    return found


def _values(given: object) -> dict[str, dict]:
    """The values of an axis: a list of keys, keys with labels, or keys with labels and settings."""
    if not isinstance(given, Mapping):
        given = dict.fromkeys(given)
    return {
        str(key): value if isinstance(value, Mapping) else {} if value is None else {"label": str(value)}
        for key, value in given.items()
    }


def _comparisons(entries: Sequence[Mapping], least: float) -> Iterator[Comparison]:
    for entry in entries:
        _known(entry, _COMPARISON_KEYS, "comparisons")
        for metric in [entry["metric"]] if isinstance(entry["metric"], str) else entry["metric"]:
            for keys, labels, _ in _combinations(entry.get("for", {})):
                both = (entry[side].format(**keys) for side in ("first", "second"))
                yield Comparison(*both, metric, entry["question"].format(**labels), float(entry.get("least", least)))


def _filmed(declared: dict, dataset: str) -> dict:
    """What a file asks of filmed faces: its own part for them, if it has one."""
    declared = {**declared, **declared.get("filmed", {})}
    return {**declared, "rows": [_of_printed_classes(entry, dataset) for entry in declared["rows"]]}


def _of_printed_classes(entry: Mapping, dataset: str) -> Mapping:
    """An entry whose axis ``classes`` is ``printed``: the numbers of classes that the papers print of recognition."""
    axes = entry.get("for", {})
    if axes.get("classes") != "printed":
        return entry
    usual = usual_classes(dataset)
    numbers = [int(number) for number in read_printed("recognition", dataset)["classes"].unique()] or [usual]
    classes = {"": {"label": "", "classes": usual}} if usual in numbers else {}
    classes |= {f"-{n}": {"label": f", {n} classes", "classes": n} for n in numbers if n != usual}
    return {**entry, "for": {**axes, "classes": classes}}


def printed_rows(tasks: Iterable[str], dataset: str) -> list[dict]:
    """The rows of the papers' tables that this study can make of a dataset, as entries of a data file.

    Networks go by their own papers' rules with the released constants; where an input can be read in two ways, both.
    """
    rows, usual = {}, usual_classes(dataset)
    for each in (each for task in tasks for each in read_printed(task, dataset).itertuples()):
        for seen in READINGS[each.features] if each.method in REBUILT else ():
            model, classes = REBUILT[each.method], int(each.classes or usual)
            name = f"{model}-{INPUT_NAMES[seen]}" + ("-by-sfamnet-authors" if model == "sfamnet" else "")
            name, words = (name, "") if classes == usual else (f"{name}-{classes}", f", {classes} classes")
            label = f"{each.method}, {seen}, own rule{words}"
            settings = {"model": model, "input": seen, "classes": classes, "shuffled": seen in ("O", "S")}
            rows.setdefault(name, {"name": name, "label": label, "settings": settings})
    return list(rows.values())


def _can_be_filmed(way: str, values: Mapping[str, object]) -> bool:
    """Whether a row is one of long videos and needs nothing that only the benchmark knows."""
    known = values.get("model") in ("labels", "action units") or values.get("input") in TRUE_INPUTS
    return way == "videos" and not known and not {"suite", "split"} & set(values)


def _with_their_planes(rows: dict[str, Row], name: str, dataset: str, data_root: str) -> dict[str, Row]:
    """The rows whose planes a copy of a dataset can give: those that see depth only where a video has it."""
    depth = any(video.camera is not None for video in datasets.open_dataset(dataset, data_root).videos)
    left = {key: row for key, row in rows.items() if depth or not set(row.settings.inputs) & set(DEPTH_INPUTS)}
    if not rows:
        raise InputError(
            f"experiment {name!r} asks what only the benchmark can answer: on filmed faces take 'recognition', "
            "'spotting' or 'spot_then_recognize', which compare inputs with depth and without"
        )
    if not left or (name == "depth_ablation" and not depth):
        raise InputError(f"experiment {name!r} is about depth, which no video in {data_root} has")
    return left
