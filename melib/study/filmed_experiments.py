"""The experiments on a licensed dataset: its videos, one subject left out at a time, and the rows that papers print.

What only a benchmark can have falls away: fresh people, other suites, true motion, true action units, sensors and
shares that are set. Rows on clips become rows on the dataset's own videos: a record of these keeps, beside what was
spotted, how the labelled expressions were named from onset and apex, which is what the papers call recognition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from melib import datasets, flow
from melib.errors import InputError
from melib.features import DEPTH_INPUTS
from melib.study.experiments import Contrast, Experiment
from melib.study.parameters import FUSION, SYNTHETIC, Parameters, usual_classes
from melib.study.released import READINGS, REBUILT, read_printed
from melib.study.rows import Row
from melib.study.video_experiments import MODEL_NAMES, by_rule, video_row

#: Experiments to which the rows of the papers' tables of these tasks are added.
COMPLETED = {"spotting": ("spotting",), "spot_then_recognize": ("spotting", "analysis")}
#: Experiments of which nothing is left to ask without depth.
_ABOUT_DEPTH = ("depth_ablation",)
#: Inputs of recognition, those with depth behind the first.
_SEEN = ("O", "S", "O+S", "O|S", "D")
_UF1 = ("recognition", "uf1_pooled")
_Rows = tuple[list[Row], list[Contrast]]


def on_dataset(experiment: Experiment, dataset: str, data_root: str) -> Experiment:
    """The same experiment on a licensed dataset, one subject left out at a time.

    Parameters
    ----------
    experiment : Experiment
        On the benchmark, ``dataset`` being ``"synthetic"``, it stays as it is.
    dataset, data_root : str
        As :class:`melib.study.Parameters` has them.

    Returns
    -------
    Experiment
        With the rows that can be made of filmed faces; those that see depth only if a video of this copy has it. To
        the experiments of :data:`COMPLETED` the rows of the papers' tables are added, each network under the rule of
        its own paper with the released constants (protocol ``authors``).

    Raises
    ------
    ValueError
        If the dataset is unknown, the folder is not named, or no row is left.
    FileNotFoundError
        If the folder is not there or holds no such dataset.
    """
    Parameters(dataset=dataset, data_root=data_root)  # says what is wrong with either
    if dataset == SYNTHETIC:
        return experiment
    depth = any(video.camera is not None for video in datasets.open_dataset(dataset, data_root).videos)
    if experiment.name in _REMADE:
        rows, contrasts = _REMADE[experiment.name](dataset)
    else:
        rows = [row for row in experiment.rows if _can_be_filmed(row)]
        rows += [row for row in printed_rows(COMPLETED.get(experiment.name, ()), dataset) if row not in rows]
        contrasts = list(experiment.contrasts)
    if not rows:
        raise InputError(
            f"experiment {experiment.name!r} asks what only the benchmark can answer: on filmed faces take "
            "'recognition', 'spotting' or 'spot_then_recognize', which compare inputs with depth and without"
        )
    rows = [row for row in rows if depth or not _sees_depth(row)]
    if not rows or (experiment.name in _ABOUT_DEPTH and not depth):
        raise InputError(f"experiment {experiment.name!r} is about depth, which no video in {data_root} has")
    return replace(experiment, **_moved(rows, contrasts, dataset, data_root))


def printed_rows(tasks: Iterable[str], dataset: str) -> list[Row]:
    """The rows of the papers' tables that this study can make of a dataset, in the printed order.

    Parameters
    ----------
    tasks : iterable of {"spotting", "analysis", "recognition"}
    dataset : str

    Returns
    -------
    list of Row
        Networks under their own papers' rules, released constants; where an input can be read in two ways, both.
    """
    rows: dict[str, Row] = {}
    for task in tasks:
        for each in read_printed(task, dataset).itertuples():
            if each.method in REBUILT:
                for seen in READINGS[each.features]:
                    row = _of_classes(REBUILT[each.method], seen, int(each.classes or usual_classes(dataset)), dataset)
                    rows.setdefault(row.name, row)
    return list(rows.values())


def _of_classes(model: str, seen: str, classes: int, dataset: str) -> Row:
    """A model under its own paper's rule, which names so many classes."""
    if classes != usual_classes(dataset):
        words = f"{classes} classes"
        return video_row(model, seen, suffix=f"-{classes}", words=words, classes=classes, intervals_by="own")
    return by_rule(model, seen, "sfamnet" if model == "sfamnet" else "mean", "authors")


def _recognition(dataset: str) -> _Rows:
    """Recognition of labelled expressions, for each number of classes that the papers print.

    The spotting rule has no say in it: with the usual number of classes the rows are those of spotting.
    """
    printed = read_printed("recognition", dataset)["classes"].unique()
    rows, contrasts = [], []
    for classes in [int(number) for number in printed] or [usual_classes(dataset)]:
        some, compared = _by_input(dataset, classes)
        rows, contrasts = rows + some, contrasts + compared
    return rows, contrasts


def _by_input(dataset: str, classes: int) -> _Rows:
    """Each model with each input, held against the same model on optical flow."""
    rows, contrasts = [], []
    for model in MODEL_NAMES:
        usual = classes == usual_classes(dataset)
        seen = {name: video_row(model, name) if usual else _of_classes(model, name, classes, dataset) for name in _SEEN}
        rows += seen.values()
        contrasts += _against(seen["O"], [seen[name] for name in _SEEN[1:]], "Does depth help, input {}?", _SEEN[1:])
    return rows, contrasts


def _flow_choice(dataset: str) -> _Rows:
    """The floor on three estimators of optical flow; on filmed faces TV-L1 is the usual one."""
    others = [
        video_row("floor", "O", suffix=f"-{method}", words=words, method=method)
        for method, words in (("dis", "DIS"), ("farneback", "Farneback"))
    ]
    first = video_row("floor", "O")
    return [first, *others], _against(first, others, "Is {} as good as TV-L1?", ("DIS", "Farneback's method"))


def _stabilisation(dataset: str) -> _Rows:
    """The floor on optical flow from which head motion was taken out in several ways."""
    rows = {
        mode: video_row("floor", "O")
        if mode == "median"
        else video_row("floor", "O", suffix=f"-{mode}", words=f"stabilised by {mode}", stabilization=mode)
        for mode in flow.MODES
    }
    modes = [mode for mode in rows if mode != "none"]
    question = "Does stabilisation '{}' help?"
    return list(rows.values()), _against(rows["none"], [rows[mode] for mode in modes], question, modes)


def _normalization(dataset: str) -> _Rows:
    """Each model on optical flow in a fixed scale and scaled by sample."""
    rows, contrasts = [], []
    for model in MODEL_NAMES:
        fixed = video_row(model, "O")
        by_sample = video_row(model, "O", suffix="-min-max", words="min-max", normalization="sample")
        rows += [fixed, by_sample]
        contrasts += _against(fixed, [by_sample], "Does {} gain from min-max scaling?", [MODEL_NAMES[model]])
    return rows, contrasts


#: Experiments on clips -> their rows on videos.
_REMADE: dict[str, Callable[[str], _Rows]] = {
    "recognition": _recognition,
    "depth_ablation": lambda dataset: _by_input(dataset, usual_classes(dataset)),
    "flow_choice": _flow_choice,
    "stabilisation": _stabilisation,
    "normalization": _normalization,
}


def _against(base: Row, rows: Sequence[Row], question: str, words: Sequence[str]) -> list[Contrast]:
    return [Contrast(row.name, base.name, *_UF1, question.format(each)) for row, each in zip(rows, words, strict=True)]


def _can_be_filmed(row: Row) -> bool:
    """Whether a row is one of long videos and needs nothing that only the benchmark knows."""
    named = row.chain.name == "videos" and not {"suite", "split"} & set(row.values)
    return named and not str(row.values["input"]).startswith("true")


def _sees_depth(row: Row) -> bool:
    return bool(set(str(row.values["input"]).split(FUSION)) & set(DEPTH_INPUTS))


def _moved(rows: Iterable[Row], contrasts: Iterable[Contrast], dataset: str, data_root: str) -> dict[str, tuple]:
    """Rows that read the dataset, and the contrasts between them."""
    at = {"dataset": dataset, "data_root": data_root}
    moved = {
        row.name: replace(row, name=f"{row.name}-{dataset.replace('-', '_')}", values={**row.values, **at})
        for row in rows
    }
    kept = [
        replace(each, first=moved[each.first].name, second=moved[each.second].name)
        for each in contrasts
        if {each.first, each.second} <= set(moved)
    ]
    return {"rows": tuple(moved.values()), "contrasts": tuple(kept)}
