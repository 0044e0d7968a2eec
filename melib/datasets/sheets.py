"""Label files: cells out of Excel, one table of labels, and fixes that are data.

A released label file is a spreadsheet made by hand. Its cells are read as stored values: a formula gives the value
that was last saved with it, or nothing, and is never evaluated. A row that cannot be read is kept as a skipped row
with its reason, never dropped.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import openpyxl
import pandas as pd
import xlrd
from openpyxl.cell.cell import ERROR_CODES

from melib.errors import InputError

#: Sheets beyond these sizes are no label files; an archive may expand to no more bytes. The released ones expand to
#: half a million, and the parser needs ten times the bytes and half a second for each million.
MOST_ROWS, MOST_COLUMNS, MOST_BYTES = 100_000, 100, 2**24

#: Columns of a table of labels: frames in the dataset's own numbering; `row` counts from 1 as spreadsheets do.
LABELS = ("row", "subject", "video", "onset", "apex", "offset", "kind", "emotion", "action_units")
SKIPPED = ("row", "subject", "video", "reason")
CHANGES = ("row", "subject", "video", "column", "from", "to", "reason", "source")


@dataclass(frozen=True)
class LabelTable:
    """The labels of a dataset as its files hold them, with account of every row.

    Attributes
    ----------
    rows : pandas.DataFrame
        Columns `LABELS`; onset and offset int64, apex Int64 (missing where unknown), frames in the dataset's own
        numbering, offset inclusive; emotion None where there is none; action units a tuple of str.
    skipped : pandas.DataFrame
        Columns `SKIPPED`: rows that became no label, each with the reason.
    changes : pandas.DataFrame
        Columns `CHANGES`: every cell whose value is not that of the file, each with reason and source.
    fixes_unused : int
        Fixes of the package that this copy of the files does not need.
    """

    rows: pd.DataFrame
    skipped: pd.DataFrame
    changes: pd.DataFrame
    fixes_unused: int = 0


def count_labels(rows: pd.DataFrame) -> dict[str, int]:
    """Counts of a table of labels, under the keys of every dataset's ``PUBLISHED``.

    Parameters
    ----------
    rows : pandas.DataFrame
        As ``LabelTable.rows``.

    Returns
    -------
    dict
        ``micro``, ``macro`` (labels), ``subjects``, ``videos`` (with a label of either kind), ``micro subjects``,
        ``micro videos``, and ``micro <emotion>`` for each emotion that a micro-expression has.
    """
    micro = rows[rows["kind"] == "micro"]
    counts = {"micro": len(micro), "macro": int((rows["kind"] == "macro").sum())}
    for prefix, part in (("", rows), ("micro ", micro)):
        counts[f"{prefix}subjects"] = part["subject"].nunique()
        counts[f"{prefix}videos"] = len(part[["subject", "video"]].drop_duplicates())
    return counts | {f"micro {name}": int(count) for name, count in micro["emotion"].value_counts().items()}


@dataclass
class LabelRows:
    """Collects the rows of a label file while it is read."""

    rows: list[dict] = field(default_factory=list)
    skipped: list[dict] = field(default_factory=list)
    changes: list[dict] = field(default_factory=list)
    fixes_unused: int = 0

    def skip(self, row: int, subject: object, video: object, reason: str) -> None:
        """Leave a row out, for a reason."""
        self.skipped.append({"row": row, "subject": text(subject), "video": text(video), "reason": reason})

    def change(self, row: Mapping, column: str, value: object, reason: str, source: str) -> None:
        """Note that a cell of a row is given another value than the file's."""
        where = {key: row[key] for key in ("row", "subject", "video")}
        self.changes.append(
            {**where, "column": column, "from": row[column], "to": value, "reason": reason, "source": source}
        )

    def add(self, **row: object) -> None:
        """Take a label, or skip it if its frames are out of order.

        Parameters
        ----------
        row
            The columns `LABELS`; a frame is an int or None, an apex of None is unknown.
        """
        onset, apex, offset = (row[name] for name in ("onset", "apex", "offset"))
        for name in ("onset", "offset"):
            if row[name] is None:
                return self.skip(row["row"], row["subject"], row["video"], f"no {name}")
        if not 0 <= onset <= (onset if apex is None else apex) <= offset:
            reason = f"frames out of order: onset {onset}, apex {apex}, offset {offset}"
            return self.skip(row["row"], row["subject"], row["video"], reason)
        self.rows.append(row)
        return None

    def table(self) -> LabelTable:
        """What was collected."""
        rows = pd.DataFrame(self.rows, columns=list(LABELS))
        rows = rows.astype({"row": "int64", "onset": "int64", "offset": "int64", "apex": "Int64"})
        for name in ("subject", "video", "kind", "emotion", "action_units"):
            rows[name] = rows[name].astype(object).where(rows[name].notna(), None)
        return LabelTable(
            rows=rows,
            skipped=pd.DataFrame(self.skipped, columns=list(SKIPPED)),
            changes=pd.DataFrame(self.changes, columns=list(CHANGES)),
            fixes_unused=self.fixes_unused,
        )


def read_cells(path: Path, sheet: str | int = 0) -> list[tuple]:
    """The cells of a sheet of an .xls or .xlsx file, from its first row on.

    Parameters
    ----------
    path : Path
    sheet : str or int
        Name (case and blanks at the ends do not matter) or position.

    Returns
    -------
    list of tuple
        Rows of equal length; a cell is str, int, float, bool or None (blank, an error such as ``#REF!``, or a formula
        without a saved value).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no spreadsheet, damaged, too large, or has no such sheet.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no label file {path}")
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK"):
        reader = _xlsx_rows
    elif start == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        reader = _xls_rows
    else:
        raise InputError(f"label file {path} is no Excel file (.xls or .xlsx): unpack it again")
    try:
        rows = reader(path, sheet)
    except _SheetError as error:
        raise InputError(f"label file {path}: {error}") from error
    except Exception as error:
        # The two parsers raise whatever a damaged file makes them stumble over: KeyError, AssertionError, struct.error.
        raise InputError(f"label file {path} is damaged ({type(error).__name__}: {error}): unpack it again") from error
    width = max(map(len, rows), default=0)
    return [row + (None,) * (width - len(row)) for row in rows]


class _SheetError(ValueError):
    """What is wrong with a sheet, without the file's name."""


def _chosen(names: Sequence[str], sheet: str | int) -> str:
    if isinstance(sheet, int):
        if sheet >= len(names):
            raise _SheetError(f"it has {len(names)} sheets, number {sheet + 1} is needed")
        return names[sheet]
    for name in names:
        if name.strip().lower() == sheet.strip().lower():
            return name
    raise _SheetError(f"no sheet {sheet!r}, only {', '.join(map(repr, names))}")


def _xlsx_rows(path: Path, sheet: str | int) -> list[tuple]:
    # openpyxl judges a path by its suffix, and an old name may hold the new format: it gets the open file.
    with path.open("rb") as file:
        with zipfile.ZipFile(file) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_BYTES:
                raise _SheetError(f"it expands to more than {MOST_BYTES >> 20} MiB, no label file does")
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        page = book[_chosen(book.sheetnames, sheet)]
        page.reset_dimensions()
        rows = []
        for row in page.iter_rows(max_col=MOST_COLUMNS, values_only=True):
            if len(rows) == MOST_ROWS:
                raise _SheetError(f"more than {MOST_ROWS} rows, no label file has them")
            rows.append(tuple(_plain(cell) for cell in row))
        return _trimmed(rows)


def _xls_rows(path: Path, sheet: str | int) -> list[tuple]:
    with path.open("rb") as file, xlrd.open_workbook(file_contents=file.read(MOST_BYTES), on_demand=True) as book:
        page = book.sheet_by_name(_chosen(book.sheet_names(), sheet))
        # An .xls sheet ends at 65,536 rows by its format, fewer than `MOST_ROWS`.
        errors = (xlrd.XL_CELL_ERROR, xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK)
        return _trimmed(
            [
                tuple(None if cell.ctype in errors else _plain(cell.value) for cell in page.row(i)[:MOST_COLUMNS])
                for i in range(page.nrows)
            ]
        )


def _plain(cell: object) -> object:
    if isinstance(cell, str):
        text = cell.strip()
        return None if text == "" or text in ERROR_CODES else text
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell if isinstance(cell, int | float) or cell is None else str(cell)


def _trimmed(rows: list[tuple]) -> list[tuple]:
    """Rows without the blank ones at the end and the blank columns at the right."""
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    width = max((i + 1 for row in rows for i, cell in enumerate(row) if cell is not None), default=0)
    return [row[:width] for row in rows]


def read_table(path: Path, required: Iterable[str], sheet: str | int = 0) -> pd.DataFrame:
    """A sheet with a header, which may stand below other text.

    Parameters
    ----------
    path : Path
    required : iterable of str
        Columns that must be there; case, blanks and underscores do not matter. The first row that has them all is the
        header.
    sheet : str or int

    Returns
    -------
    pandas.DataFrame
        Of objects: the required columns under the names asked for, the others under their own (a nameless one is left
        out), and ``row``, the number of each row in the spreadsheet, from 1. Blank rows are left out.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_cells`; also if no row holds the required columns, with what was found.
    """
    required = tuple(required)
    rows = read_cells(path, sheet)
    keys = [[_column_key(cell) for cell in row] for row in rows]
    wanted = [_column_key(name) for name in required]
    header = next((i for i, found in enumerate(keys) if set(wanted) <= set(found)), None)
    if header is None:
        nearest = max(range(len(rows)), key=lambda i: len(set(wanted) & set(keys[i])), default=None)
        found = [] if nearest is None else keys[nearest]
        lacking = [name for name, key in zip(required, wanted, strict=True) if key not in found]
        names = [str(cell) for cell in rows[nearest] if cell is not None] if found else []
        raise InputError(
            f"label file {path}, sheet {sheet!r}: no header row with the column {', '.join(lacking)}; "
            f"the nearest row holds {', '.join(names[:20]) or 'nothing'}"
        )
    places = {name: keys[header].index(key) for name, key in zip(required, wanted, strict=True)}
    for i, cell in enumerate(rows[header]):
        if cell is not None and i not in places.values():
            places.setdefault(str(cell), i)
    body = [
        [i + 1, *(row[place] for place in places.values())]
        for i, row in enumerate(rows)
        if i > header and any(cell is not None for cell in row)
    ]
    return pd.DataFrame(body, columns=["row", *places], dtype=object)


def _column_key(name: object) -> str:
    return "".join(str(name).lower().replace("_", " ").split())


def frame_number(cell: object) -> int | None:
    """A frame number out of a cell: rounded if fractional, None if blank, ``/`` or no number.

    Negative numbers are returned; what -1 means differs between datasets.
    """
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    # Beyond nine digits nothing is a frame; the cell is damaged.
    return round(value) if math.isfinite(value) and abs(value) < 1e9 else None


def text(cell: object) -> str:
    """A name out of a cell: text without blanks around it, a number as digits, '' if blank."""
    return "" if cell is None else str(cell).strip()


def split_action_units(cell: object) -> tuple[str, ...]:
    """Action units out of a cell such as ``4+L14``: ``("4", "14L")``; the side, if named, is put behind the number.

    Sides are L, R, T (top) and B (bottom), in capitals or not. What does not look like an action unit is kept as it
    stands.
    """
    units = []
    for piece in text(cell).replace("，", "+").replace(",", "+").split("+"):
        piece = piece.strip().upper()
        if piece[:1] in ("L", "R", "T", "B") and piece[1:].isdecimal():
            piece = piece[1:] + piece[0]
        if piece:
            units.append(piece)
    return tuple(units)


def read_fixes(dataset: str) -> pd.DataFrame:
    """The label fixes of a dataset: columns ``subject, video, onset, column, from, to, reason, source``, all text.

    ``subject, video, onset`` find the row by what the released file holds.
    """
    resource = files("melib") / "data" / f"label_fixes_{dataset}.csv"
    with resource.open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def apply_fixes(fixes: pd.DataFrame, rows: Sequence[dict], into: LabelRows) -> None:
    """Put fixes into rows that are about to be added; each use is noted in `into`.

    Parameters
    ----------
    fixes : pandas.DataFrame
        As :func:`read_fixes` gives them. A fix applies to the rows of its subject, video and onset whose cell still
        holds its ``from``; where none does, the file does not need it.
    rows : sequence of dict
        With the keys ``row, subject, video, onset`` and the columns to fix; changed in place.
    into : LabelRows
    """
    by_key: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        by_key.setdefault((text(row["subject"]).lower(), text(row["video"]).lower(), text(row["onset"])), []).append(
            row
        )
    for fix in fixes.to_dict("records"):
        found = by_key.get((fix["subject"].lower(), fix["video"].lower(), fix["onset"]), [])
        used = [row for row in found if text(row[fix["column"]]) == fix["from"]]
        for row in used:
            new = int(fix["to"]) if fix["to"].lstrip("-").isdecimal() else fix["to"]
            into.change(row, fix["column"], new, fix["reason"], fix["source"])
            row[fix["column"]] = new
        into.fixes_unused += not used
