"""Label files: cells out of Excel, one table of labels, and fixes that are data.

Cells are read as stored values: a formula gives the value that was last saved with it, or nothing, and is never
evaluated. A row that cannot be read is kept as a skipped row with its reason, never dropped.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import xlrd

from melib.errors import InputError

#: Columns of the tables of an account; `row` counts from 1 as spreadsheets do.
LABELS = ["row", "subject", "video", "onset", "apex", "offset", "kind", "emotion", "action_units"]
SKIPPED = ["row", "subject", "video", "reason"]
CHANGES = ["row", "subject", "video", "column", "from", "to", "reason", "source"]
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an .xls file, or an .xlsx under a password
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_LOCKED = "is locked with a password: save it without one"
_SAVE = "open it in a spreadsheet program and save it as .xlsx"
_FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)}


@dataclass(frozen=True)
class LabelTable:
    """The labels of a dataset, with account of every row of its label files.

    ``rows`` (columns `LABELS`): onset and offset int64, apex Int64 (missing where unknown), frames in the dataset's own
    numbering, offset inclusive; emotion None where there is none; action units a tuple of str. ``skipped`` (`SKIPPED`):
    rows that became no label, each with the reason; folders left out have row 0. ``changes`` (`CHANGES`): every cell
    whose value is not that of the file. ``fixes_unused``: fixes of the package that this copy does not need.
    """

    rows: pd.DataFrame
    skipped: pd.DataFrame
    changes: pd.DataFrame
    fixes_unused: int = 0


def count_labels(rows: pd.DataFrame) -> dict[str, int]:
    """Counts of ``LabelTable.rows`` by kind, subject, video and emotion; the keys are those of the published ones."""
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

    def skip(self, row: int, subject: object, video: object, reason: str) -> None:
        """Leave a row out, for a reason."""
        self.skipped.append({"row": row, "subject": text(subject), "video": text(video), "reason": reason})

    def change(self, row: Mapping, column: str, value: object, reason: str, source: str) -> None:
        """Note that a cell of a row is given another value than the file's."""
        cells = (row["row"], row["subject"], row["video"], column, row[column], value, reason, source)
        self.changes.append(dict(zip(CHANGES, cells, strict=True)))

    def add(self, *, once: bool = False, **row: object) -> bool:
        """Take a label (`LABELS`), or skip it if its frames are out of order or, with ``once``, it was there before."""
        onset, apex, offset = (row[name] for name in ("onset", "apex", "offset"))
        same = (each["row"] for each in self.rows if once and each | {"row": row["row"]} == row)
        if onset is None or offset is None:
            reason = f"no {'onset' if onset is None else 'offset'}"
        elif not 0 <= onset <= (onset if apex is None else apex) <= offset:
            reason = f"frames out of order: onset {onset}, apex {apex}, offset {offset}"
        elif (first := next(same, None)) is not None:
            reason = f"repeats row {first}"
        else:
            self.rows.append(row)
            return True
        self.skip(row["row"], row["subject"], row["video"], reason)
        return False

    def table(self, fixes_unused: int = 0) -> LabelTable:
        """What was collected."""
        numbers = {"row": "int64", "onset": "int64", "offset": "int64", "apex": "Int64"}
        rows = pd.DataFrame(self.rows, columns=LABELS, dtype=object).astype(numbers)
        account = pd.DataFrame(self.skipped, columns=SKIPPED), pd.DataFrame(self.changes, columns=CHANGES)
        return LabelTable(rows, *account, fixes_unused)


def read_cells(path: Path, sheet: str | int = 0) -> list[tuple]:
    """The cells of a sheet of an .xls or .xlsx file: rows of equal length of str, int, float, bool or None (blank)."""
    content = path.read_bytes()
    if said := _no_workbook(content):
        raise InputError(f"label file {path} {said}")
    try:
        pages = _workbook(content)
    except Exception as error:
        if "encrypted" in str(error):
            raise InputError(f"label file {path} {_LOCKED}") from None
        # The parsers raise whatever a damaged file makes them stumble over: KeyError, AssertionError, struct.error.
        raise InputError(f"label file {path} is damaged ({type(error).__name__}: {error}): unpack it again") from error
    if not pages:
        raise InputError(f"label file {path} is saved as Strict Open XML: save it as an ordinary Excel workbook")
    known = dict(enumerate(pages)) | {title.strip().lower(): title for title in pages}
    title = known.get(sheet if isinstance(sheet, int) else sheet.lower())
    if title is None:
        wanted = f"number {sheet + 1}" if isinstance(sheet, int) else repr(sheet)
        raise InputError(f"label file {path} has the sheets {', '.join(map(repr, pages))}: sheet {wanted} is needed")
    return [tuple(map(_plain, row)) for row in pages[title]]


def _no_workbook(content: bytes) -> str:
    """What a file is in place of an Excel workbook, and the mend; "" if it seems to be one."""
    if content.startswith((b"PK", _OLD_EXCEL)):
        others = {b"vnd.oasis.opendocument": "an OpenDocument file", b"xl/workbook.bin": "a binary workbook (.xlsb)"}
        told = next((f"is {what}: {_SAVE}" for mark, what in others.items() if mark in content), "")
        return _LOCKED if "EncryptedPackage".encode("utf-16-le") in content else told
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = content[:4000].decode(encoding, errors="replace")
    if not text or not all(c.isprintable() or c.isspace() for c in text):
        return f"is {'no Excel file (.xls or .xlsx)' if content else 'empty'}: unpack it again"
    kind = "a web page or XML" if text.lstrip().startswith("<") else "text, such as CSV"
    return f"is no Excel file (.xls or .xlsx) but {kind}: {_SAVE}"


def _workbook(content: bytes) -> dict[str, list]:
    """The rows of each sheet of an .xls or .xlsx file."""
    if content.startswith(_OLD_EXCEL):
        # By itself, as pandas warns that it will not read these any longer.
        book, blank = xlrd.open_workbook(file_contents=content), xlrd.XL_CELL_ERROR
        return {page.name: [[None if c.ctype == blank else c.value for c in row] for row in page] for page in book}
    with pd.ExcelFile(io.BytesIO(content), engine="openpyxl") as book:
        whole = {"header": None, "dtype": object, "na_filter": False}
        return {title: pd.read_excel(book, sheet_name=title, **whole).to_numpy().tolist() for title in book.sheet_names}


def _plain(cell: object) -> object:
    """A cell as a str, an int, a float or None, which an error such as ``#REF!`` (a NaN here) becomes."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else None if math.isnan(cell) else cell
    return cell if isinstance(cell, int) or cell is None else str(cell)


def read_table(path: Path, required: Iterable[str], sheet: str | int = 0, optional: Iterable[str] = ()) -> pd.DataFrame:
    """A sheet whose header, the first row with the required columns, may stand below other text.

    Columns get the names asked for, whatever case, blanks and underscores the file has; ``row`` is the number of each
    row in the spreadsheet, from 1. Other columns and blank rows are left out.
    """

    def key(name: object) -> str:
        return re.sub(r"[\s_]", "", str(name).lower())

    rows, wanted = read_cells(path, sheet), {key(name): name for name in required}
    keys = [[key(cell) for cell in row] for row in rows]
    header = max(range(len(rows)), key=lambda i: len(wanted.keys() & set(keys[i])), default=None)
    found = [] if header is None else keys[header]
    lacking = [name for column, name in wanted.items() if column not in found]
    if lacking:
        nearest = ", ".join(str(cell) for cell in rows[header] if cell is not None) if found else "nothing"
        said = f"no header row with the column {', '.join(lacking)}; the nearest row holds {nearest[:200]}"
        raise InputError(f"label file {path}, sheet {sheet!r}: {said}")
    wanted |= {key(name): name for name in optional if key(name) in found}
    numbers = range(header + 2, len(rows) + 1)
    body = pd.DataFrame(rows[header + 1 :], index=numbers, columns=range(len(found)), dtype=object).dropna(how="all")
    return body[[found.index(name) for name in wanted]].set_axis(wanted.values(), axis=1).reset_index(names="row")


def text(cell: object) -> str:
    """A name out of a cell, whichever way it was stored: 15, 15.0, "15" and " 15.0 " are all "15"; '' if blank."""
    written = "" if cell is None else str(cell).translate(_FULL_WIDTH).strip(" \t\r\n\u00a0\u3000\u200b\ufeff")
    return re.sub(r"^([0-9]+)[.,]0+$", r"\1", written)


def frame_number(cell: object) -> int | None:
    """A frame number out of a cell: rounded if fractional, None if blank, ``/`` or no number; it may be negative."""
    written = text(cell)
    # In a text, 1_2 is no number, and 1.234 may be a thousand.
    if isinstance(cell, bool) or "_" in written or (isinstance(cell, str) and _THOUSANDS.fullmatch(written)):
        return None
    try:
        value = float(cell if isinstance(cell, float) else written)
    except ValueError:
        return None
    # Beyond nine digits nothing is a frame; the cell is damaged.
    return round(value) if math.isfinite(value) and abs(value) < 1e9 else None


def frames_of(row: Mapping, columns: Mapping[str, str], unknown_apex: Collection = ()) -> dict[str, int | None] | str:
    """Frame numbers of a row by name, the apex None where unknown; or what is wrong with a cell that holds none."""
    frames: dict[str, int | None] = {"apex": None}
    for name, column in columns.items():
        cell, number = row[column], frame_number(row[column])
        if name == "apex" and (cell is None or text(cell) in unknown_apex or number in unknown_apex):
            continue
        if number is None:
            return f"{column} is blank" if cell is None else f"{column} {text(cell)[:40]!r} is no frame number"
        frames[name] = number
    return frames


def split_action_units(cell: object) -> tuple[str, ...]:
    """Action units out of a cell such as ``4+L14``: ``("4", "14L")``, a side (L, R, T, B) behind the number."""
    pieces = (piece.strip() for piece in re.split("[+,，]", text(cell).upper()))
    return tuple(re.sub(r"^([LRTB])([0-9]+)$", r"\2\1", piece) for piece in pieces if piece)


def apply_fixes(dataset: str, rows: Sequence[dict], into: LabelRows) -> int:
    """Put the fixes of a dataset into rows that are about to be added; each use is noted, those unused are counted.

    ``subject, video, onset`` find a row by what the released file holds; its cell must still hold the fix's ``from``.
    """
    path = Path(__file__).parents[1] / "data" / f"label_fixes_{dataset}.csv"
    fixes, unused = pd.read_csv(path, dtype=str, keep_default_na=False), 0
    names = [(row, *(text(row[key]).lower() for key in ("subject", "video", "onset"))) for row in rows]
    for fix in fixes.to_dict("records"):
        key = (fix["subject"].lower(), fix["video"].lower(), fix["onset"])
        used = [row for row, *name in names if tuple(name) == key and text(row[fix["column"]]) == fix["from"]]
        for row in used:
            new = int(fix["to"]) if fix["to"].lstrip("-").isdecimal() else fix["to"]
            into.change(row, fix["column"], new, fix["reason"], fix["source"])
            row[fix["column"]] = new
        unused += not used
    return unused
