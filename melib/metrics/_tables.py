"""Reading and checking the tables that every metric takes.

A table of intervals has the challenge's columns ``subject, video, onset, offset, emotion`` and, where a metric asks for
them, ``apex``, ``score`` and ``kind``. It is a pandas frame or the path of a CSV file. Onset and offset are whole
frame numbers, both inclusive; they may be negative, because released systems let an interval start before the video.

Names are compared as text, without the blanks around them. A name that consists of digits only is compared as a
number, so ``"006"``, ``"6"``, ``6`` and ``6.0`` are one subject: datasets write padded names that spreadsheets and
CSV readers turn into numbers, and a silent mismatch would count every interval as wrong. Everything else, upper and
lower case included, must agree exactly.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from melib.errors import InputError

COLUMNS = ("subject", "video", "onset", "offset", "emotion")
VIDEO_COLUMNS = ("subject", "video", "frames", "fps")
SCORE_COLUMNS = ("subject", "video", "frame", "score")
KINDS = ("micro", "macro")

#: Frame numbers lie within +- this; anything larger is a slip (58 days at 200 frames per second).
LAST_FRAME = 1_000_000_000

#: A table, or the path of a CSV file that holds one.
Source = pd.DataFrame | str | os.PathLike

_DIGITS = re.compile(r"0*(\d+)(?:\.0+)?")


@dataclass(frozen=True)
class Place:
    """Where a row stands, for error messages: ``pred.csv, line 7`` or ``predictions, row 5``."""

    name: str
    rows: np.ndarray
    noun: str

    def of(self, bad: np.ndarray, problem: str) -> ValueError:
        """The error that names the first of the bad rows and counts the others."""
        where = np.flatnonzero(bad)
        further = f" (and {len(where) - 1} more such rows)" if len(where) > 1 else ""
        return ValueError(f"{self.name}, {self.noun} {self.rows[where[0]]}: {problem}{further}")


def read(source: Source, name: str) -> tuple[pd.DataFrame, Place]:
    """A table and the place of its rows.

    Raises
    ------
    ValueError
        If a CSV file is empty, is not UTF-8 text, or a line has another number of fields than the first.
    FileNotFoundError
        If there is no such file.
    """
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True), Place(name, source.index.to_numpy(), "row")
    path = os.fspath(source)
    rows, lines = [], []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [column.strip() for column in next(reader, [])]
            if not any(header):
                raise InputError(f"{path}, line 1: the file is empty; its first line must name the columns")
            twice = [column for column in header if header.count(column) > 1]
            if twice:
                raise InputError(f"{path}, line 1: column {twice[0]!r} is named twice")
            for row in reader:
                if not any(row):
                    continue
                if len(row) != len(header):
                    raise InputError(
                        f"{path}, line {reader.line_num}: {len(row)} fields, but line 1 names {len(header)} columns"
                    )
                rows.append(row)
                lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None
    columns = zip(*rows, strict=True) if rows else [[] for _ in header]
    table = pd.DataFrame({name: list(column) for name, column in zip(header, columns, strict=True)}, dtype=object)
    return table, Place(path, np.array(lines, dtype=np.int64), "line")


def names(values: pd.Series) -> np.ndarray:
    """Names as text, by the rule in the docstring of this module; missing values become ``""``."""
    codes, unique = pd.factorize(values)
    spelt = [_name(value) for value in unique] + [""]  # code -1 (missing) picks the last
    return np.array(spelt, dtype=object)[codes]


def _name(value: object) -> str:
    text = str(value).strip()
    digits = _DIGITS.fullmatch(text)
    return digits.group(1) if digits else text


def texts(values: pd.Series) -> np.ndarray:
    """Text without surrounding blanks; missing values become ``""``."""
    codes, unique = pd.factorize(values)
    return np.array([str(value).strip() for value in unique] + [""], dtype=object)[codes]


def _numbers(table: pd.DataFrame, column: str, place: Place, *, missing: bool = False) -> np.ndarray:
    """A column as float64, NaN only where ``missing`` allows an empty field."""
    values = table[column]
    if values.dtype.kind in "iu":
        return values.to_numpy(np.float64)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = ~np.isfinite(numbers)
    if missing and bad.any():
        bad &= texts(values) != ""
    if bad.any():
        raise place.of(bad, f"{column} {values.iloc[np.argmax(bad)]!r} is not a number")
    return numbers


def _frames(table: pd.DataFrame, column: str, place: Place) -> np.ndarray:
    """A column as int64 frame numbers."""
    numbers = _numbers(table, column, place)
    huge = np.abs(numbers) > LAST_FRAME
    if huge.any():
        raise place.of(huge, f"{column} {numbers[np.argmax(huge)]:g} is no frame number of any video")
    broken = numbers != np.floor(numbers)
    if broken.any():
        first = numbers[np.argmax(broken)]
        raise place.of(broken, f"{column} {first:g} is not a whole frame number: round it first")
    return numbers.astype(np.int64)


def _require(table: pd.DataFrame, columns: tuple[str, ...], place: Place) -> None:
    lacking = [column for column in columns if column not in table.columns]
    if lacking:
        first = f"{place.name}, line 1" if place.noun == "line" else place.name
        raise InputError(
            f"{first}: no column {', '.join(lacking)}; the columns are {', '.join(map(str, table.columns))} "
            f"and must include {', '.join(columns)}"
        )


def intervals(
    source: Source, name: str, *, emotion: str = "optional", known: Collection[str] | None = None
) -> pd.DataFrame:
    """A checked table of intervals in canonical types, rows in the order given.

    Parameters
    ----------
    source : pandas.DataFrame or path
    name : str
        What to call a frame in error messages, such as ``"truth"``; a file goes by its path.
    emotion : {"optional", "column", "each"}
        Whether the emotion may be absent, whether the column must exist, or whether each row must name one.
    known : collection of str, optional
        The only emotions that a row may name.

    Returns
    -------
    pandas.DataFrame
        ``subject, video, emotion, kind`` (text), ``onset, offset`` (int64) and, where given, ``apex, score``
        (float64, NaN = none). A table without ``kind`` holds micro-expressions.

    Raises
    ------
    ValueError
        Naming the first bad row: a missing column or name, a frame that is no whole number, an offset before its
        onset, an apex outside its interval, an unknown kind, the same interval with the same emotion twice.
    """
    table, place = read(source, name)
    _require(table, COLUMNS if emotion != "optional" else COLUMNS[:4], place)
    out = {"subject": names(table["subject"]), "video": names(table["video"])}
    for column in ("subject", "video"):
        if (out[column] == "").any():
            raise place.of(out[column] == "", f"no {column} is named")
    out["onset"] = onset = _frames(table, "onset", place)
    out["offset"] = offset = _frames(table, "offset", place)
    late = offset < onset
    if late.any():
        row = np.argmax(late)
        raise place.of(late, f"offset {offset[row]} lies before onset {onset[row]}")
    out["emotion"] = texts(table["emotion"]) if "emotion" in table else np.full(len(table), "", dtype=object)
    if emotion == "each" and (out["emotion"] == "").any():
        raise place.of(out["emotion"] == "", "no emotion is named")
    if known is not None:
        strange = ~np.isin(out["emotion"], [*known, ""])
        if strange.any():
            word = out["emotion"][np.argmax(strange)]
            raise place.of(strange, f"unknown emotion {word!r}; known are {', '.join(sorted({*known} - {''}))}")
    out["kind"] = texts(table["kind"]) if "kind" in table else np.full(len(table), "micro", dtype=object)
    unknown = ~np.isin(out["kind"], KINDS)
    if unknown.any():
        raise place.of(unknown, f"kind {out['kind'][np.argmax(unknown)]!r} is neither micro nor macro")
    if "apex" in table:
        out["apex"] = apex = _numbers(table, "apex", place, missing=True)
        outside = (apex < onset) | (apex > offset)
        if outside.any():
            row = np.argmax(outside)
            raise place.of(outside, f"apex {apex[row]:g} lies outside {onset[row]}..{offset[row]}; leave it empty")
    if "score" in table:
        out["score"] = _numbers(table, "score", place)
    checked = pd.DataFrame(out, copy=False)
    twice = _repeated(checked, ["subject", "video", "kind", "onset", "offset", "emotion"])
    if twice.any():
        row = checked.iloc[np.argmax(twice)]
        raise place.of(
            twice,
            f"{row.kind} interval {row.onset}..{row.offset} of {row.subject}/{row.video} is a duplicate of an earlier "
            "row: keep one of them",
        )
    return checked


def videos(source: Source, name: str = "videos") -> pd.DataFrame:
    """A checked list of videos: ``subject, video`` (text), ``frames`` (int64), ``fps`` (float64).

    Raises
    ------
    ValueError
        Naming the first bad row: a missing column, no frames, a frame rate of zero or less, the same video twice.
    """
    table, place = read(source, name)
    _require(table, VIDEO_COLUMNS, place)
    out = {"subject": names(table["subject"]), "video": names(table["video"])}
    for column in ("subject", "video"):
        if (out[column] == "").any():
            raise place.of(out[column] == "", f"no {column} is named")
    out["frames"] = _frames(table, "frames", place)
    out["fps"] = _numbers(table, "fps", place)
    for column in ("frames", "fps"):
        if (out[column] <= 0).any():
            raise place.of(out[column] <= 0, f"{column} must be above 0")
    checked = pd.DataFrame(out, copy=False)
    twice = _repeated(checked, ["subject", "video"])
    if twice.any():
        row = checked.iloc[np.argmax(twice)]
        raise place.of(twice, f"video {row.subject}/{row.video} is listed twice")
    return checked


def frame_scores(source: Source, name: str = "scores") -> pd.DataFrame:
    """A checked table of scores per frame: ``subject, video`` (text), ``frame`` (int64), ``score`` (float64).

    Raises
    ------
    ValueError
        Naming the first bad row: a missing column, a frame or score that is no number, a frame scored twice.
    """
    table, place = read(source, name)
    _require(table, SCORE_COLUMNS, place)
    out = {"subject": names(table["subject"]), "video": names(table["video"])}
    out["frame"] = _frames(table, "frame", place)
    out["score"] = _numbers(table, "score", place)
    checked = pd.DataFrame(out, copy=False)
    twice = _repeated(checked, ["subject", "video", "frame"])
    if twice.any():
        row = checked.iloc[np.argmax(twice)]
        raise place.of(twice, f"frame {row.frame} of {row.subject}/{row.video} is scored twice")
    return checked


def _repeated(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """True for each row that repeats an earlier one in these columns."""
    return table.duplicated(columns).to_numpy()


@dataclass(frozen=True)
class Universe:
    """Truth, predictions and videos in one numbering.

    Attributes
    ----------
    subjects : tuple of str
        All subjects of the three tables, sorted.
    truth_subject, prediction_subject, truth_video, prediction_video : numpy.ndarray of int64
        Per row, the index of the subject in ``subjects`` and of its (subject, video).
    video_subject : numpy.ndarray of int64
        Per (subject, video), the index of the subject.
    minutes : numpy.ndarray of float64
        Length of each (subject, video); NaN where no list of videos gives it.
    """

    subjects: tuple[str, ...]
    truth_subject: np.ndarray
    prediction_subject: np.ndarray
    truth_video: np.ndarray
    prediction_video: np.ndarray
    video_subject: np.ndarray
    minutes: np.ndarray


def universe(truth: pd.DataFrame, predictions: pd.DataFrame, listed: pd.DataFrame | None) -> Universe:
    """Number the subjects and videos of checked tables jointly; the union of all three is scored."""
    tables = [truth, predictions] + ([] if listed is None else [listed])
    bounds = np.cumsum([0] + [len(table) for table in tables])
    subject, subjects = pd.factorize(np.concatenate([table["subject"].to_numpy() for table in tables]), sort=True)
    video, unique = pd.factorize(np.concatenate([table["video"].to_numpy() for table in tables]))
    both, pairs = pd.factorize(subject.astype(np.int64) * max(len(unique), 1) + video)
    both = both.astype(np.int64)
    minutes = np.full(len(pairs), np.nan)
    if listed is not None:
        minutes[both[bounds[2] :]] = listed["frames"].to_numpy() / listed["fps"].to_numpy() / 60
    t, p = slice(bounds[0], bounds[1]), slice(bounds[1], bounds[2])
    return Universe(
        subjects=tuple(subjects),
        truth_subject=subject[t],
        prediction_subject=subject[p],
        truth_video=both[t],
        prediction_video=both[p],
        video_subject=pairs // max(len(unique), 1),
        minutes=minutes,
    )


def rows_of(numbering: Universe, truth_rows: np.ndarray, prediction_rows: np.ndarray) -> Universe:
    """The numbering of some rows of the two tables; subjects and videos stay as they are."""
    return replace(
        numbering,
        truth_subject=numbering.truth_subject[truth_rows],
        truth_video=numbering.truth_video[truth_rows],
        prediction_subject=numbering.prediction_subject[prediction_rows],
        prediction_video=numbering.prediction_video[prediction_rows],
    )
