"""One row of a label sheet: its frames, checked, or the reason why they cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from melib.datasets.sheets import LabelRows, frame_number, text


def frames_of(
    row: Mapping[str, object], columns: Mapping[str, str], unknown_apex: Collection[object] = ()
) -> dict[str, int | None] | str:
    """Frame numbers of a row, rounded where fractional.

    Parameters
    ----------
    row : mapping
        Cells by column.
    columns : mapping
        ``onset``, ``offset``, ``apex`` (or without apex) -> the column that holds it.
    unknown_apex : collection
        Values by which the dataset says that the apex is unknown; a blank cell always does.

    Returns
    -------
    dict or str
        Frames by name, the apex None where unknown; or what is wrong with the first cell that holds no frame.
    """
    frames: dict[str, int | None] = {"apex": None}
    for name, column in columns.items():
        cell = row[column]
        number = frame_number(cell)
        if name == "apex" and (cell is None or cell in unknown_apex or number in unknown_apex):
            continue
        if number is None:
            return f"{column} is blank" if cell is None else f"{column} {text(cell)[:40]!r} is no frame number"
        frames[name] = number
    return frames


def take(out: LabelRows, seen: dict[tuple, int], **label: object) -> bool:
    """Add a label, or skip it if an earlier row holds the same.

    Parameters
    ----------
    out : LabelRows
    seen : dict
        Label without its row number -> the first row that held it; filled here.
    label
        The columns of :meth:`melib.datasets.sheets.LabelRows.add`.

    Returns
    -------
    bool
        Whether the label was added.
    """
    content = tuple(value for name, value in sorted(label.items()) if name != "row")
    first = seen.setdefault(content, label["row"])
    if first != label["row"]:
        out.skip(label["row"], label["subject"], label["video"], f"repeats row {first}")
        return False
    before = len(out.rows)
    out.add(**label)
    return len(out.rows) > before
