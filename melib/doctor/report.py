"""An examination as text for people."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator

from melib.doctor.known import KNOWN, published
from melib.errors import printable

#: Lines of one list; the JSON holds all of it.
_MOST_LINES = 12
_FOLD = textwrap.TextWrapper(
    110, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
)


def catalogue() -> str:
    """The known datasets, as published."""
    lines = ["Licensed datasets that the study reads. Each is given out on a signed agreement by its holder.", ""]
    for name, known in KNOWN.items():
        counts = published(name)
        holds = ", ".join(f"{counts[kind]} {kind}-expressions" for kind in ("micro", "macro") if kind in counts)
        lines += [
            f"{name}: {known.title}",
            f"  holds    {holds}, {counts['subjects']} subjects{' (from the literature)' * known.from_literature}",
            f"  frames   {known.layout}",
            f"  labels   {', '.join(known.label_files)}",
            f"  from     {known.holder}",
            "",
        ]
    return "\n".join([*lines, "Examine a copy: python -m melib doctor --dataset NAME --root DIR"])


def report(result: dict) -> str:
    """What :func:`melib.doctor.examine` found, as a table.

    Parameters
    ----------
    result : dict

    Returns
    -------
    str
        Printable whatever the dataset holds; long lists are cut and say so.
    """
    parts = (_head, _counts, _frames, _files, _labels, _faces, _features, _verdict)
    return "\n".join(printable(line) for part in parts for line in part(result))


def _head(result: dict) -> Iterator[str]:
    yield f"{result['title']} ({result['dataset']}) in {result['root']}"
    yield f"version {result['version']}, {result['fps']:g} frames per second"


def _counts(result: dict) -> Iterator[str]:
    yield ""
    yield f"Counts (the published ones from {result['counts_from']})"
    yield f"  {'':<36}{'published':>12}{'found':>12}{'with frames':>14}"
    title = None
    for row in result["counts"]:
        if row["labels"] != title:
            title = row["labels"]
            yield f"  {title}"
        cells = ("-" if value is None else str(value) for value in (row["published"], row["found"], row["with_frames"]))
        mark = "" if row["published"] in (None, row["found"]) else "  differs"
        yield "    {:<34}{:>12}{:>12}{:>14}{}".format(row["count"], *cells, mark)


def _frames(result: dict) -> Iterator[str]:
    missing, depth, videos = result["missing"], result["depth"], result["videos"]
    yield ""
    yield "Frames"
    yield f"  frames                {missing['frames']}"
    yield f"  missing               {missing['missing']} in {missing['videos']} of {len(videos)} videos"
    if missing["worst"]:
        yield f"  worst                 {missing['worst']}: {missing['worst_missing']} of {missing['worst_frames']}"
    yield f"  sizes (videos)        {', '.join(f'{size} ({count})' for size, count in result['sizes'].items())}"
    yield f"  depth                 {depth['videos']} of {len(videos)} videos; {depth['missing']} frames lack it there"
    for name, title in (("before_first", "numbered too low"), ("others", "no numbered image")):
        count = sum(row[name] for row in videos)
        if count:
            yield f"  {title:<22}{count} files, which are not read"


def _files(result: dict) -> Iterator[str]:
    files = result["files"]
    how = "decoded" if files["decoded"] else "headers read; --decode reads every pixel"
    yield f"  files                 {files['checked']} ({how}), {files['damaged']} damaged"
    if files["in_release"]:
        yield f"                        {files['in_release']} of them in the release itself"
    yield from _listed(example["reason"] for example in files["examples"])


def _labels(result: dict) -> Iterator[str]:
    labels = result["labels"]
    for key, title in (
        ("skipped", "Rows of the label files that became no label"),
        ("without_frames", "Labels without frames"),
        ("folders", "Folders left out"),
        ("changes", "Cells changed"),
        ("cut", "Labels that end behind the last frame, cut there"),
    ):
        if labels[key]:
            yield ""
            yield f"{title}: {len(labels[key])}"
            yield from _listed(_grouped(labels[key], key))
    if labels["fixes_unused"]:
        yield ""
        yield f"Fixes of the package that these label files do not need: {labels['fixes_unused']}"


def _grouped(rows: list[dict], key: str) -> list[str]:
    """Rows of one reason as one line, with their number and the first of them."""
    if key == "folders":
        return [f"{row['subject']}/{row['video']}: {row['reason']}" for row in rows]
    changed = key in ("changes", "cut")
    reasons = [f"{row['column']}: {row['reason']} ({row['source']})" if changed else row["reason"] for row in rows]
    first: dict[str, dict] = {}
    for row, reason in zip(rows, reasons, strict=True):
        first.setdefault(reason, row)
    return [
        f"{count} x {reason}; {'first ' * (count > 1)}row {first[reason]['row']}, "
        f"{first[reason]['subject']}/{first[reason]['video']}"
        for reason, count in Counter(reasons).most_common()
    ]


def _listed(lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    for line in lines[:_MOST_LINES]:
        # Escaped before it is folded: a line break in a name must not begin a line.
        yield from _FOLD.wrap(printable(line))
    if len(lines) > _MOST_LINES:
        yield f"  and {len(lines) - _MOST_LINES} more (--json holds them)"


def _faces(result: dict) -> Iterator[str]:
    faces = result["faces"]
    if faces is None:
        return
    yield ""
    yield "Faces"
    if faces["not_possible"]:
        yield f"  {faces['not_possible']}"
        return
    yield f"  found in {faces['found']} of {faces['looked']} videos looked at, {faces['seconds']:.1f} s a video"
    yield from _listed(faces["notes"])


def _features(result: dict) -> Iterator[str]:
    features = result["features"]
    yield ""
    yield f"Features ({features['settings']})"
    if features["not_measured"]:
        yield f"  time not measured: {features['not_measured']}"
    else:
        yield f"  {1000 * features['seconds_per_pair']:.0f} ms a pair, measured on this machine as busy as it is now"
    for key, title in (("all", "all videos"), ("with_micro", "videos with a micro-expression")):
        part = features[key]
        hours = "" if part["hours"] is None else f"{_hours(part['hours'])}, "
        yield f"  {title:<32}{part['videos']} videos, {part['pairs']} pairs: {hours}{_size(part['bytes'])}"
    yield f"  {'free where the store lies':<32}{_size(features['free_bytes'])}"


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{max(1, round(60 * hours))} min"


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _verdict(result: dict) -> Iterator[str]:
    yield ""
    yield f"Verdict: {result['verdict']}"
    yield from _listed(result["differences"])
