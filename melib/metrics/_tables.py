"""Reading and checking the tables that every metric takes, as pandas frames or as paths of CSV files.

Onset and offset are whole frame numbers, both inclusive; they may be negative, because released systems let an interval
start before the video. Names are compared as text without surrounding blanks, but names of digits as numbers: datasets
write padded names that spreadsheets turn into numbers, and a silent mismatch would count every interval as wrong.
A file may be UTF-8 or UTF-16, with any line ends, separators, decimal commas and full-width characters. What cannot be
read for sure, such as a name that a spreadsheet made a date of, is refused by its place.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from melib.errors import InputError

#: Frame numbers lie within +- this; anything larger is a slip (58 days at 200 frames per second).
LAST_FRAME = 1_000_000_000

COLUMNS = ("subject", "video", "onset", "offset", "emotion")
_PADDED = re.compile(r"^0*(\d+)(?:[.,]0+)?\Z")
#: What programs write for a value that is not there.
_MISSING = {*"nan na n/a #n/a <na> nat none null - -- \u2013 \u2014 ?".split()}
#: Names that a spreadsheet spoilt: ``2.02E+13`` has lost digits, ``2-Jan`` was 2-1 or 1-2.
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DATED = re.compile(
    rf"\d{{1,2}}[-/. ]{_MONTH}(?:[-/. ]\d{{2,4}})?|{_MONTH}[-/. ]\d{{2,4}}|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}"
    r"|\d{1,2}\u6708\d{1,2}\u65e5|\d{4}-\d\d-\d\d 00:00:00",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"^([+-]?\d*),(\d+)\Z")
#: ``1,000`` is a thousand for some and one for others.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)}

#: A table, or the path of a CSV file that holds one.
Source = pd.DataFrame | str | os.PathLike


def texts(values: pd.Series) -> np.ndarray:
    """Text without surrounding blanks and invisible marks, full-width characters as plain ones; missing: ``""``."""
    codes, unique = pd.factorize(values)
    return np.array([*(_plain(str(value)) for value in unique), ""], dtype=object)[codes]  # code -1 (missing): the last


def _plain(text: str) -> str:
    if not text.isascii():
        kept = (c for c in text.translate(_FULL_WIDTH) if unicodedata.category(c) != "Cf")
        text = unicodedata.normalize("NFC", "".join(" " if c.isspace() else c for c in kept))
    return text.strip()


def names(values: pd.Series) -> np.ndarray:
    """:func:`texts`, in which names of digits have one spelling."""
    codes, unique = pd.factorize(texts(values))
    return np.array([_PADDED.sub(r"\1", text) for text in unique], dtype=object)[codes]


def micro(table: pd.DataFrame) -> pd.DataFrame:
    """The micro-expressions of a checked table of intervals."""
    return table[table["kind"] == "micro"].reset_index(drop=True)


class _Given:
    """A table as it was given; refuses a bad row by its place: ``pred.csv, line 7`` or ``predictions, row 5``."""

    def __init__(self, source: Source, name: str, columns: tuple[str, ...]) -> None:
        given = source if isinstance(source, pd.DataFrame) else read(source)
        self.table, self.places, path = given.reset_index(drop=True), given.index, given.attrs.get("path")
        self.where, self.separator = f"{path}, line" if path else f"{name}, row", given.attrs.get("separator")
        name, mend = (f"{path}, line 1", " (--columns renames)") if path else (name, "")
        lacking = [column for column in columns if column not in self.table]
        if lacking:
            has = ", ".join(map(str, self.table.columns))
            must = f"must include {', '.join(columns)}{mend}"
            raise InputError(f"{name}: no column {', '.join(lacking)}; the columns are {has} and {must}")

    def refuse(self, bad: np.ndarray, problem: Callable[[int], str]) -> None:
        """An error about the first bad row, if there is one, that counts the others."""
        rows = np.flatnonzero(bad)
        if len(rows):
            further = f" (and {len(rows) - 1} more such rows)" if len(rows) > 1 else ""
            raise InputError(f"{self.where} {self.places[rows[0]]}: {problem(rows[0])}{further}")

    def named(self) -> dict[str, np.ndarray]:
        """Subjects and videos."""
        found = {column: names(self.table[column]) for column in ("subject", "video")}
        faults = (
            (lambda text: text.lower() in _MISSING, "reads as a missing value: write another name"),
            (_SHORTENED.fullmatch, "is a name that a spreadsheet shortened: write it in full"),
            (_DATED.fullmatch, "is a date that a spreadsheet made of a name: write the name"),
        )
        for column, values in found.items():
            self.refuse(values == "", lambda _, column=column: f"no {column} is named")
            codes, unique = pd.factorize(values)
            for at_fault, words in faults:
                bad = np.array([bool(at_fault(text)) for text in unique], dtype=bool)[codes]
                self.refuse(bad, lambda row, said=words, c=column, names=values: f"{c} {names[row]!r} {said}")
        return found

    def numbers(self, column: str) -> np.ndarray:
        """A column as float64, each number finite."""
        values = self.table[column]
        found = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)
        odd = np.flatnonzero(np.isnan(found))
        plain = pd.Series(texts(values.iloc[odd]), dtype=object).str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
        found[odd] = pd.to_numeric(plain, errors="coerce")
        self.refuse(~np.isfinite(found), lambda row: f"{column} {values[row]!r} is not a number")
        return found

    def frames(self, column: str) -> np.ndarray:
        """A column as int64 frame numbers."""
        found, written = self.numbers(column), self.table[column]
        if not pd.api.types.is_numeric_dtype(written):
            written = texts(written)
            marks = (",", ".") if self.separator == ";" else (",",)
            doubtful = [bool(_THOUSANDS.fullmatch(text)) and text[-4] in marks for text in written]
            mend = "can be one or a thousand: write it without the mark"
            self.refuse(np.array(doubtful, dtype=bool), lambda row: f"{column} {written[row]!r} {mend}")
        self.refuse(np.abs(found) > LAST_FRAME, lambda row: f"{column} {found[row]:g} is no frame number of any video")
        broken = found != np.floor(found)
        self.refuse(broken, lambda row: f"{column} {found[row]:g} is not a whole frame number: round it first")
        return found.astype(np.int64)


def read(path: str | os.PathLike, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Cells as text by the line on which a row ends; ``columns``: our names -> those of the file, where it has them."""
    text, rows, lines = _text(path), [], []
    first, *_ = re.split(r"[\r\n]", text, maxsplit=1)
    separator = max((",", ";", "\t", "|", "\uff0c", "\uff1b"), key=first.count)
    if told := re.fullmatch(r'"?sep=(.)"?', first, re.IGNORECASE):  # a line that spreadsheets put before the header
        separator, text = told[1], text[len(first) :]
    # Strict, since an open quote would swallow the rows behind it.
    cells = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        header = [_plain(column) for column in next(filter(any, cells), [])]
        while header and not header[-1]:
            header.pop()
        if not header:
            raise InputError(f"{path}, line 1: the file is empty; its first line must name the columns")
        ours = {theirs: name for name, theirs in (columns or {}).items() if theirs in header}
        header = [ours.get(column, "" if column in ours.values() else column) for column in header]
        for column in filter(None, header):
            if header.count(column) > 1:
                raise InputError(f"{path}, line {cells.line_num}: column {column!r} is named twice")
        for row in (row for row in cells if any(map(str.strip, row))):
            while len(row) > len(header) and not row[-1].strip():
                row.pop()
            here = f"{path}, line {cells.line_num}"
            if len(row) != len(header):
                raise InputError(f"{here}: {len(row)} fields, but line 1 names {len(header)} columns")
            for column, cell in zip(header, row, strict=True):
                if re.search(r"[\r\n]", cell) and (column in COLUMNS or cell.count(separator) >= len(header) - 1):
                    raise InputError(f"{here}: {column} {cell[:40]!r} runs over lines: is there a quote too many?")
            rows.append(row)
            lines.append(cells.line_num)
    except csv.Error as error:
        raise InputError(f"{path}, line {cells.line_num}: {error}: is there a quote too many?") from None
    table = pd.DataFrame(rows, index=lines, columns=header, dtype=object)
    table.attrs = {"path": os.fspath(path), "separator": separator}
    return table


def _text(path: str | os.PathLike) -> str:
    """The text of a file: UTF-16, by its mark or its zeros, or UTF-8."""
    content = Path(path).read_bytes()
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    bare = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be" if content[:1] == b"\0" else "utf-8-sig"
    try:
        return content.decode("utf-16" if marked else bare)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: not text in UTF-8 or UTF-16: save it as CSV in UTF-8") from None


def intervals(
    source: Source, name: str, *, emotion: str = "optional", known: Collection[str] | None = None
) -> pd.DataFrame:
    """A checked table of intervals: ``subject, video, emotion, kind`` (text), ``onset, offset`` and any ``score``.

    The column of emotions is ``"optional"``, has to be there (``"column"``), or has to name one, of those ``known``, in
    each row (``"each"``). A table without ``kind`` holds micro-expressions.
    """
    given = _Given(source, name, COLUMNS[:4] if emotion == "optional" else COLUMNS)
    out = given.named() | {"onset": given.frames("onset"), "offset": given.frames("offset")}
    for column, default in (("emotion", ""), ("kind", "micro")):
        there = column in given.table
        out[column] = texts(given.table[column]) if there else np.full(len(given.table), default, dtype=object)
    if "score" in given.table:
        out["score"] = given.numbers("score")
    onset, offset, words, kinds = out["onset"], out["offset"], out["emotion"], out["kind"]
    given.refuse(offset < onset, lambda row: f"offset {offset[row]} lies before onset {onset[row]}")
    unnamed = np.array([word.lower() in {*_MISSING, ""} for word in words], dtype=bool)
    if emotion == "each":
        given.refuse(unnamed, lambda row: f"no emotion is named{words[row] and f', but {words[row]!r}'}")
    words = out["emotion"] = np.where(unnamed, "", words)
    if known is not None:
        spelt = ", ".join(sorted({*known} - {""}))
        strange = ~np.isin(words, [*known, ""])
        given.refuse(strange, lambda row: f"unknown emotion {words[row]!r}; known are {spelt} (--emotions adds)")
    first = {word.casefold(): word for word in reversed(words)}
    unlike = np.array([first[word.casefold()] != word for word in words], dtype=bool)
    given.refuse(unlike, lambda row: f"emotion {words[row]!r} was {first[words[row].casefold()]!r} before: spell alike")
    given.refuse(~np.isin(kinds, ["micro", "macro"]), lambda row: f"kind {kinds[row]!r} is neither micro nor macro")
    checked = pd.DataFrame(out)
    twice = "{kind} interval {onset}..{offset} of {subject}/{video} is a duplicate of an earlier row: keep one of them"
    repeated = checked.duplicated([*COLUMNS, "kind"])
    given.refuse(repeated, lambda row: twice.format(**checked.loc[row]))
    return checked


def videos(source: Source) -> pd.DataFrame:
    """A checked list of videos: ``subject, video`` (text), ``frames`` (int64), ``fps`` (float64)."""
    given = _Given(source, "videos", ("subject", "video", "frames", "fps"))
    checked = pd.DataFrame(given.named() | {"frames": given.frames("frames"), "fps": given.numbers("fps")})
    for column in ("frames", "fps"):
        given.refuse(checked[column] <= 0, lambda _, column=column: f"{column} must be above 0")
    twice = "video {subject}/{video} is listed twice"
    given.refuse(checked.duplicated(["subject", "video"]), lambda row: twice.format(**checked.loc[row]))
    return checked


def frame_scores(source: Source) -> pd.DataFrame:
    """A checked table of scores per frame: ``subject, video`` (text), ``frame`` (int64), ``score`` (float64)."""
    given = _Given(source, "scores", ("subject", "video", "frame", "score"))
    checked = pd.DataFrame(given.named() | {"frame": given.frames("frame"), "score": given.numbers("score")})
    twice = "frame {frame} of {subject}/{video} is scored twice"
    given.refuse(checked.duplicated(["subject", "video", "frame"]), lambda row: twice.format(**checked.loc[row]))
    return checked


def numbered(
    truth: pd.DataFrame, predictions: pd.DataFrame, listed: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...], np.ndarray]:
    """Checked tables with numbers of subjects (``who``) and of their videos (``where``), and the subjects themselves.

    The subjects are those of all three tables, sorted. Last come their minutes, NaN where the list lacks a length.
    """
    tables = [truth, predictions] + ([] if listed is None else [listed])
    bounds = np.cumsum([len(table) for table in tables])
    who, subjects = pd.factorize(np.concatenate([table["subject"].to_numpy() for table in tables]), sort=True)
    video, videos = pd.factorize(np.concatenate([table["video"].to_numpy() for table in tables]))
    where, pairs = pd.factorize(who.astype(np.int64) * max(len(videos), 1) + video)
    minutes = np.full(len(pairs), np.nan)
    if listed is not None:
        minutes[where[bounds[1] :]] = listed["frames"].to_numpy() / listed["fps"].to_numpy() / 60
    minutes = np.bincount(pairs // max(len(videos), 1), weights=minutes, minlength=len(subjects))
    numbers = zip(tables, np.split(who, bounds), np.split(where, bounds), strict=False)
    truth, predictions, *_ = (table.assign(who=w, where=v) for table, w, v in numbers)
    return truth, predictions, tuple(subjects), minutes
