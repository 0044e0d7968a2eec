"""Reading and checking the tables that every metric takes, as pandas frames or as paths of CSV files.

Onset and offset are whole frame numbers, both inclusive; they may be negative, because released systems let an interval
start before the video. Names are compared as text without surrounding blanks, but names of digits as numbers: datasets
write padded names that spreadsheets turn into numbers, and a silent mismatch would count every interval as wrong.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Collection

import numpy as np
import pandas as pd

from melib.errors import InputError

#: Frame numbers lie within +- this; anything larger is a slip (58 days at 200 frames per second).
LAST_FRAME = 1_000_000_000

#: A table, or the path of a CSV file that holds one.
Source = pd.DataFrame | str | os.PathLike

_COLUMNS = ("subject", "video", "onset", "offset", "emotion")
_PADDED = re.compile(r"^0*(\d+)(?:\.0+)?\Z")


def texts(values: pd.Series) -> np.ndarray:
    """Text without surrounding blanks; missing values become ``""``."""
    codes, unique = pd.factorize(values)
    return np.array([*(str(value).strip() for value in unique), ""], dtype=object)[codes]  # code -1 (missing): the last


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
        if isinstance(source, pd.DataFrame):
            self.table, self.places, self.where = source.reset_index(drop=True), source.index, f"{name}, row"
        else:
            name = f"{os.fspath(source)}, line 1"
            self.table, self.places = _read_csv(os.fspath(source))
            self.where = f"{os.fspath(source)}, line"
        lacking = [column for column in columns if column not in self.table]
        if lacking:
            has = ", ".join(map(str, self.table.columns))
            must = ", ".join(columns)
            raise InputError(f"{name}: no column {', '.join(lacking)}; the columns are {has} and must include {must}")

    def refuse(self, bad: np.ndarray, problem: Callable[[int], str]) -> None:
        """An error about the first bad row, if there is one, that counts the others."""
        rows = np.flatnonzero(bad)
        if len(rows):
            further = f" (and {len(rows) - 1} more such rows)" if len(rows) > 1 else ""
            raise InputError(f"{self.where} {self.places[rows[0]]}: {problem(rows[0])}{further}")

    def named(self) -> dict[str, np.ndarray]:
        """Subjects and videos."""
        found = {column: names(self.table[column]) for column in ("subject", "video")}
        for column, values in found.items():
            self.refuse(values == "", lambda _, column=column: f"no {column} is named")
        return found

    def numbers(self, column: str) -> np.ndarray:
        """A column as float64, each number finite."""
        values = self.table[column]
        found = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        self.refuse(~np.isfinite(found), lambda row: f"{column} {values[row]!r} is not a number")
        return found

    def frames(self, column: str) -> np.ndarray:
        """A column as int64 frame numbers."""
        found = self.numbers(column)
        self.refuse(np.abs(found) > LAST_FRAME, lambda row: f"{column} {found[row]:g} is no frame number of any video")
        broken = found != np.floor(found)
        self.refuse(broken, lambda row: f"{column} {found[row]:g} is not a whole frame number: round it first")
        return found.astype(np.int64)


def _read_csv(path: str) -> tuple[pd.DataFrame, list[int]]:
    """The cells of a file as text, and the line on which each row ends."""
    rows, lines = [], []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [column.strip() for column in next(reader, [])]
            if not any(header):
                raise InputError(f"{path}, line 1: the file is empty; its first line must name the columns")
            for column in header:
                if header.count(column) > 1:
                    raise InputError(f"{path}, line 1: column {column!r} is named twice")
            for row in filter(any, reader):
                if len(row) != len(header):
                    fields = f"{len(row)} fields, but line 1 names {len(header)} columns"
                    raise InputError(f"{path}, line {reader.line_num}: {fields}")
                rows.append(row)
                lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None
    return pd.DataFrame(rows, columns=header, dtype=object), lines


def intervals(
    source: Source, name: str, *, emotion: str = "optional", known: Collection[str] | None = None
) -> pd.DataFrame:
    """A checked table of intervals: ``subject, video, emotion, kind`` (text), ``onset, offset`` and any ``score``.

    The column of emotions is ``"optional"``, has to be there (``"column"``), or has to name one, of those ``known``, in
    each row (``"each"``). A table without ``kind`` holds micro-expressions.
    """
    given = _Given(source, name, _COLUMNS[:4] if emotion == "optional" else _COLUMNS)
    out = given.named() | {"onset": given.frames("onset"), "offset": given.frames("offset")}
    for column, default in (("emotion", ""), ("kind", "micro")):
        there = column in given.table
        out[column] = texts(given.table[column]) if there else np.full(len(given.table), default, dtype=object)
    if "score" in given.table:
        out["score"] = given.numbers("score")
    onset, offset, words, kinds = out["onset"], out["offset"], out["emotion"], out["kind"]
    given.refuse(offset < onset, lambda row: f"offset {offset[row]} lies before onset {onset[row]}")
    if emotion == "each":
        given.refuse(words == "", lambda _: "no emotion is named")
    if known is not None:
        spelt = ", ".join(sorted({*known} - {""}))
        strange = ~np.isin(words, [*known, ""])
        given.refuse(strange, lambda row: f"unknown emotion {words[row]!r}; known are {spelt}")
    given.refuse(~np.isin(kinds, ["micro", "macro"]), lambda row: f"kind {kinds[row]!r} is neither micro nor macro")
    checked = pd.DataFrame(out)
    twice = "{kind} interval {onset}..{offset} of {subject}/{video} is a duplicate of an earlier row: keep one of them"
    repeated = checked.duplicated([*_COLUMNS, "kind"])
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
