"""Files and dataframes to raw columns of text or numbers, with nothing repaired on the way."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from ..errors import InputError

Columns = dict[str, list]
ENDS = (b"\n", b"\r")  # of a line


def read_columns(source: Any, growing: bool = False) -> tuple[Columns, str, str]:
    """Columns, a name for messages, and the sha256 of the data. `source`: a path or any dataframe.

    `growing`: the last line of a text that is still being written is left out if it has no end.
    """
    if is_path(source):
        return _read_file(Path(str(source)), growing)
    columns = _columns(source)
    if len({len(v) for v in columns.values()}) > 1:
        raise InputError("columns differ in length: " + ", ".join(f"{k} {len(v)}" for k, v in columns.items()))
    if not any(columns.values()):
        raise InputError(f"the dataframe has no rows (columns: {', '.join(columns) or 'none'})")
    return columns, "dataframe", hashlib.sha256(repr(columns).encode()).hexdigest()


def _columns(source: Any) -> Columns:
    """Of a table of columns, a list of rows, or any dataframe."""
    if isinstance(source, list) and source and all(isinstance(row, dict) for row in source):
        return _rows(source)
    if isinstance(source, dict):
        return {str(k): v.tolist() if hasattr(v, "tolist") else list(v) for k, v in source.items()}
    named = getattr(getattr(source, "index", None), "names", None)
    if named and all(isinstance(n, str) for n in named):  # a pandas index with names holds columns, too
        source = source.reset_index()
    import narwhals as nw

    try:
        frame = nw.from_native(source, eager_only=True)
    except TypeError as error:
        hint = "; collect it first" if hasattr(source, "collect") else ""
        raise InputError(f"cannot read runs from {type(source).__name__}; give a path or a dataframe{hint}") from error
    odd = [c for c in frame.columns if not isinstance(c, str)]
    if odd:
        raise InputError(f"the dataframe has a column named {odd[0]!r}, which is no text; name every column")
    return frame.to_dict(as_series=False)


def is_path(source: Any) -> bool:
    return isinstance(source, (str, PathLike)) or hasattr(source, "joinpath")


def _read_file(path: Path, growing: bool) -> tuple[Columns, str, str]:
    if not path.is_file():
        raise InputError(f"no file {path}")
    raw = path.read_bytes()
    if growing and path.suffix.lower() != ".parquet" and not raw.endswith(ENDS):
        raw = raw[: raw.rfind(b"\n") + 1]
    if not raw.strip():
        raise InputError(f"{path.name} is empty; it needs a header line and one line per run")
    readers = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json, ".parquet": _parquet}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path.name}: unknown kind {path.suffix!r}; give one of {', '.join(readers)}")
    columns = readers[path.suffix.lower()](raw, path)
    if not columns or not len(next(iter(columns.values()))):
        raise InputError(f"{path.name} has a header but no rows")
    return columns, path.name, hashlib.sha256(raw).hexdigest()


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _csv(raw: bytes, path: Path) -> Columns:
    text = _text(raw, path)
    if "\0" in text:
        raise InputError(f"{path.name} holds a zero byte at character {text.index(chr(0))}; it is not a text table")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, path), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row and any(cell.strip() for cell in row):
                rows.append(row)
                if len(row) != len(rows[0]):
                    raise InputError(
                        f"{path.name} line {reader.line_num}: {len(row)} fields where the header has {len(rows[0])}; "
                        f"the file may be cut off or hold an unquoted {reader.dialect.delimiter!r}"
                    )
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num}: {error}; the file may be cut off") from error
    if not rows:
        raise InputError(f"{path.name} holds no table; it needs a header line and one line per run")
    header = [name.strip() for name in rows[0]]
    twice = sorted({h for h in header if header.count(h) > 1})
    if twice or "" in header:
        raise InputError(f"{path.name}: column name {(twice or [''])[0]!r} appears twice or is empty; name each column once")
    if all(_is_number(h) for h in header):
        raise InputError(f"{path.name}: the first line {','.join(header)[:60]!r} is no header; name the columns there")
    return {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(header)}


def _delimiter(text: str, path: Path) -> str:
    """Tabs in a .tsv; in a .csv commas, or semicolons or tabs where the header has no comma."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return "\t" if path.suffix.lower() == ".tsv" else next((d for d in ",;\t" if d in header), ",")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _jsonl(raw: bytes, path: Path) -> Columns:
    records = []
    for number, line in enumerate(_text(raw, path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path.name} line {number}: not JSON ({error.msg}); the file may be cut off") from error
        if not isinstance(record, dict):
            raise InputError(f"{path.name} line {number}: expected an object, found {type(record).__name__}")
        records.append(record)
    return _rows(records)


def _json(raw: bytes, path: Path) -> Columns:
    """A list of rows, or columns as lists or, as pandas writes them by default, by row number."""
    try:
        found = json.loads(_text(raw, path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path.name} line {error.lineno}: not JSON ({error.msg}); the file may be cut off") from error
    if isinstance(found, dict) and found and all(isinstance(v, dict) for v in found.values()):
        rows = list(dict.fromkeys(k for v in found.values() for k in v))
        found = {name: [v.get(k) for k in rows] for name, v in found.items()}
    if isinstance(found, list) and found and all(isinstance(row, dict) for row in found):
        return _rows(found)
    if not (isinstance(found, dict) and found and all(isinstance(v, list) for v in found.values())):
        raise InputError(f"{path.name} holds no table: it needs a list of rows, or a list for each column")
    if len({len(v) for v in found.values()}) > 1:
        raise InputError(f"{path.name}: columns differ in length: " + ", ".join(f"{k} {len(v)}" for k, v in found.items()))
    return found


def _rows(rows: list[dict]) -> Columns:
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(k for row in rows for k in row)}


def _parquet(raw: bytes, path: Path) -> Columns:
    import polars as pl

    with parquet_errors(path.name):
        return pl.read_parquet(io.BytesIO(raw)).to_dict(as_series=False)


@contextmanager
def parquet_errors(name: str) -> Iterator[None]:
    """What polars says of a broken file, in one line; on some it panics, which is no Exception."""
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name} is no readable Parquet file ({first}); it may be cut off") from error
