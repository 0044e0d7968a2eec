"""Does a copy of a licensed dataset fit: what it holds beside the published counts, what was left out, and why."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from melib.datasets import DATASETS, open_dataset, reader
from melib.datasets.folders import FolderDataset
from melib.datasets.images import ImageVideo
from melib.datasets.sheets import LabelTable, count_labels
from melib.errors import printable

_PUBLISHED = pd.read_csv(Path(__file__).parents[1] / "data" / "published_counts.csv")
AS_PUBLISHED, DIFFERENT, UNUSABLE = "as published", "usable with differences", "unusable"
#: Frames that a release itself holds damaged: the list exception/error_info_damaged_image_partA.txt of the repository
#: jingtingEmmaLi/CAS-ME-3.
_DAMAGED = {("casme3", "spNO.3", "j"): range(498, 577), ("casme3", "spNO.4", "j"): range(568, 610)}
#: Lines of one list of the report; all are counted.
_MOST_LINES = 12
_LISTS = {
    "skipped": "Rows of the label files that became no label",
    "without_frames": "Labels without frames",
    "folders": "Folders left out",
    "changes": "Cells changed",
    "cut": "Labels that end behind the last frame, cut there",
}


def examine(name: str, root: Path | str, *, decode: bool = False, progress: bool = False) -> dict:
    """Compare a copy of a dataset with what was published; writes nothing.

    Of every image the header is read, its kind and size; with ``decode`` every pixel. A dataset that cannot be opened
    raises what :func:`melib.datasets.open_dataset` raises.

    The keys, all of plain types: ``dataset, title, root, version, fps``; ``counts`` (dicts of ``labels, count,
    published, found, with_frames``, the last None where not compared) and ``counts_from``; ``decoded``; ``videos`` (a
    dict each); ``labels`` (``skipped, without_frames, folders, changes, cut, fixes_unused``); ``one_picture`` and
    ``differences`` (str each) and ``verdict``, :data:`AS_PUBLISHED`, :data:`DIFFERENT` or :data:`UNUSABLE`.
    """
    module, keywords = reader(name)
    dataset = open_dataset(name, root)
    read = module.read_labels(dataset.root, **keywords)
    videos = tqdm(dataset.videos, unit="video", disable=not progress)
    (title, source), still = about(name), dataset.one_picture()
    result = {
        **{"dataset": name, "title": title, "root": str(dataset.root), "version": dataset.version},
        **{"fps": float(dataset.videos[0].fps), "counts_from": source, "decoded": decode},
        "counts": list(_counts(name, dataset, read)),
        "videos": [_video(video, _DAMAGED.get((name, video.subject, video.name), ()), decode) for video in videos],
        "labels": _labels(read, dataset.labels),
        "one_picture": [f"{video.subject}/{video.name}, frame {video.first + each.onset}" for video, each in still],
    }
    result["differences"] = list(_differences(result))
    result["verdict"] = DIFFERENT if result["differences"] else AS_PUBLISHED
    if not any(video["micro"] for video in result["videos"]):
        result["differences"].insert(0, "no labelled micro-expression has frames: nothing can be learnt or tested")
        result["verdict"] = UNUSABLE
    return result


def published(labels: str) -> dict[str, int]:
    """Published counts of a dataset, or of its labels after a rule, under the keys of ``count_labels``."""
    return _PUBLISHED[_PUBLISHED["labels"] == labels].set_index("count")["published"].to_dict()


def about(name: str) -> tuple[str, str]:
    """What a dataset is, in a line, and where its published counts were read."""
    title = reader(name)[0].__doc__.splitlines()[0].rstrip(".")
    return title, [*_PUBLISHED["source"][_PUBLISHED["labels"] == name], "nowhere"][0]


def _counts(name: str, dataset: FolderDataset, read: LabelTable) -> Iterator[dict]:
    """Published and found counts of the label files, of the labels with frames, and of the folders."""
    tables = [("as read", read, published(name))]
    if name == "casme3":
        released = reader(name)[0].read_labels(dataset.root, thirty_frame_rule=False)
        rule = "after the rule of 30 frames"
        tables = [("as released", released, published(name)), (rule, read, published(f"{name} {rule}"))]
    framed, recorded = count_labels(dataset.labels.rows), tables[0][2].pop("recorded videos", None)
    for labels, table, wanted in tables:
        found = count_labels(table.rows)
        for count in dict.fromkeys([*wanted, *found]):
            row = {"labels": labels, "count": count, "published": wanted.get(count), "found": found.get(count, 0)}
            yield row | {"with_frames": framed.get(count, 0) if table is read else None}
    there = len(dataset.videos)
    yield {"labels": "folders", "count": "videos", "published": recorded, "found": there, "with_frames": there}


def _video(video: ImageVideo, damaged_in_release: Collection[int], decode: bool) -> dict:
    """What a video's folder holds; every image is read, and those that cannot be shown are told with the reason."""
    kinds, damaged = [expression.kind for expression in video.expressions], []
    for path, reason in video.damaged(decode=decode).items():
        if path.parent != video.colour.folder or int(re.search(r"\d+$", path.stem)[0]) not in damaged_in_release:
            damaged.append(reason)
    return {
        **{"subject": video.subject, "video": video.name, "size": "{}x{}".format(*video.size)},
        **{"frames": video.n_frames, "missing": video.missing},
        **{"depth": video.depth_images is not None, "missing_depth": video.missing_depth, "damaged": damaged},
        **{"micro": kinds.count("micro"), "macro": kinds.count("macro")},
    }


def _labels(read: LabelTable, joined: LabelTable) -> dict:
    """Rows left out and cells changed, those that the label files decide apart from those that the folders do."""
    # What meets the folders is put behind what the files say.
    later, cut = joined.skipped.iloc[len(read.skipped) :], joined.changes["reason"] == "the frames end there"
    lists = (read.skipped, later[later["row"] > 0], later[later["row"] == 0], joined.changes[~cut], joined.changes[cut])
    plain = (json.loads(table.to_json(orient="records")) for table in lists)
    return dict(zip(_LISTS, plain, strict=True)) | {"fixes_unused": joined.fixes_unused}


def _differences(result: dict) -> Iterator[str]:
    """What a reader of a result should know of this copy, a sentence each."""
    unlike = [row for row in result["counts"] if row["published"] not in (None, row["found"])]
    for table, rows in itertools.groupby(unlike, key=lambda row: row["labels"]):
        yield f"{table}: " + ", ".join(f"{row['count']} {row['found']} and not {row['published']}" for row in rows)
    labels, videos = result["labels"], result["videos"]
    yield from [row["reason"] for row in labels["skipped"] if row["row"] == 0]
    yield from ["{subject}/{video}: {reason}".format_map(row) for row in labels["folders"]]
    lacking, sizes = [v["missing"] for v in videos if v["missing"]], dict.fromkeys(v["size"] for v in videos)
    # The release of CAS(ME)^3 has depth, and lacks frames itself, so that a gap says nothing about a copy.
    gaps, shallow = sum(lacking), 0
    if result["dataset"] == "casme3":
        gaps, shallow = 0, sum(not video["depth"] for video in videos)
    for count, said in (
        (len(labels["without_frames"]), "labels without frames: {}"),
        (len(labels["cut"]), "labels that end behind the last frame of their video: {}"),
        (gaps, f"missing frames: {{}}, in {len(lacking)} of {len(videos)} videos"),
        (sum(len(video["damaged"]) for video in videos), "damaged files: {}"),
        (shallow, f"videos without depth: {{}} of {len(videos)}"),
        (len(sizes) - 1, f"videos differ in the size of their frames: {', '.join(sizes)}"),
    ):
        if count:
            yield said.format(count)


def catalogue() -> str:
    """The known datasets, with the published counts."""
    lines = ["Licensed datasets that the study reads. Each is given out on a signed agreement by its holder."]
    for name in DATASETS:
        title, source = about(name)
        counts = ", ".join(f"{number} {count}" for count, number in published(name).items() if " " not in count)
        lines += ["", f"{name}: {title}", f"  published (from the {source}): {counts}"]
    return "\n".join([*lines, "", "Examine a copy: python -m melib doctor --dataset NAME --root DIR"])


def report(result: dict) -> str:
    """What :func:`examine` found, as text; printable whatever the dataset holds, and long lists are cut and say so."""
    counts = pd.DataFrame(result["counts"], dtype=object).fillna("-").rename(columns={"with_frames": "with frames"})
    videos, labels = pd.DataFrame(result["videos"]), result["labels"]
    damaged = videos["damaged"].sum()
    how = "decoded" if result["decoded"] else "headers read; --decode reads every pixel"
    sizes = ", ".join(f"{size} ({count})" for size, count in videos["size"].value_counts().items())
    lines = [
        f"{result['title']} ({result['dataset']}) in {result['root']}",
        f"version {result['version']}, {result['fps']:g} frames per second",
        "",
        f"Counts (the published ones from the {result['counts_from']})",
        *counts.to_string(index=False).splitlines(),
        "",
        f"Frames: {videos['frames'].sum()} in {len(videos)} videos, {videos['missing'].sum()} of them missing",
        f"Sizes (videos): {sizes}; with depth: {videos['depth'].sum()}",
        f"Damaged files: {len(damaged)} ({how})",
        *_listed(damaged),
    ]
    for key, heading in _LISTS.items():
        lines += ["", f"{heading}: {len(labels[key])}", *_listed(_grouped(labels[key]))] if labels[key] else []
    if still := result["one_picture"]:
        told = f"Micro-expressions whose onset and apex are one picture, between which nothing moves: {len(still)}"
        lines += ["", told, *_listed(still)]
    if labels["fixes_unused"]:
        lines += ["", f"Fixes of the package that these label files do not need: {labels['fixes_unused']}"]
    lines += ["", f"Verdict: {result['verdict']}", *_listed(result["differences"])]
    return "\n".join(map(printable, lines))


def _grouped(rows: Sequence[dict]) -> list[str]:
    """Rows of one reason as one line, the most frequent first, with their number and the first of them."""
    groups = defaultdict(list)
    for row in rows:
        reason = f"{row['column']}: {row['reason']}" if "column" in row else row["reason"]
        groups[reason].append("{row}, {subject}/{video}".format_map(row))
    frequent = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [f"{len(group)} x {reason}; first row {group[0]}" for reason, group in frequent]


def _listed(lines: Sequence[str]) -> list[str]:
    """A list, indented and folded, and no longer than can be read; escaped first: no name may begin a line."""
    fold = textwrap.TextWrapper(110, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
    shown = [part for line in lines[:_MOST_LINES] for part in fold.wrap(printable(line))]
    more = len(lines) - _MOST_LINES
    return [*shown, f"  and {more} more (--json holds them)"] if more > 0 else shown
