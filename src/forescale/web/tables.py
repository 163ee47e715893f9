"""The tables the app works on: studies by name, uploads by the hash of their bytes. Nothing else of the disk can be named."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .. import studies
from ..errors import InputError
from ..runs import Runs, look, read
from ..runs.read import parquet_errors

KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
CELLS = 20_000_000  # most cells of a table: a small Parquet file can hold far more than it seems
KEPT = 50  # uploads; the oldest go
NOT_PLAIN = re.compile(r"[^\w .+()-]")


class Data(BaseModel):
    """A table: a study's, or an upload by its sha256. `map` names the column of a quantity; `role` keeps rows of that role,
    `only` those with these entries, column by column."""

    model_config = ConfigDict(extra="forbid")
    study: str | None = Field(None, max_length=100)
    table: str = Field("runs", max_length=100)
    upload: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    map: dict[str, str] = Field(default_factory=dict, max_length=30)
    role: str = Field("", max_length=100)
    only: dict[str, str] = Field(default_factory=dict, max_length=10)
    drop_bad: bool = False

    def key(self) -> str:
        return self.model_dump_json()


class Tables:
    """Uploads in a folder of their own, one folder for each hash, so that a link still works tomorrow."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, name: str, raw: bytes) -> str:
        """Store an upload and return its hash. Only kinds that hold plain data are taken; nothing is ever executed."""
        plain = NOT_PLAIN.sub("_", Path(name.replace("\\", "/")).name)[-80:].lstrip(".") or "table"
        suffix = Path(plain).suffix.lower()
        if suffix not in KINDS:
            raise InputError(f"{plain}: unknown kind {suffix!r}; give one of {', '.join(KINDS)}")
        if suffix == ".parquet":
            _small(raw, plain)
        digest = hashlib.sha256(raw).hexdigest()
        place = self.folder / digest
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        (place / plain).write_bytes(raw)
        try:
            look(place / plain)
        except InputError:
            (place / plain).unlink()
            place.rmdir()
            raise
        self._forget()
        return digest

    def _forget(self) -> None:
        kept = sorted((p for p in self.folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
        for place in kept[:-KEPT]:
            for file in place.iterdir():
                file.unlink()
            place.rmdir()

    def path(self, data: Data) -> Any:
        if (data.study is None) == (data.upload is None):
            raise InputError("name a study or an upload, one of them")
        if data.study is not None:
            return studies.path(data.study, data.table)
        found = sorted((self.folder / data.upload).glob("*"))
        if not found:
            raise InputError("this upload is no longer here; drop the file again")
        return found[0]

    def runs(self, data: Data) -> Runs:
        table = read(self.path(data), drop_bad=data.drop_bad, **data.map)
        for column, value in ((data.only | {"role": data.role}) if data.role else data.only).items():
            table = _only(table, column, value)
        return table


def _only(table: Runs, column: str, value: str) -> Runs:
    kept = table.where(table[column].astype(str) == value)
    if not len(kept):
        raise InputError(f"{table.source}: no row has {column} {value!r}")
    return kept


def _small(raw: bytes, name: str) -> None:
    import polars as pl

    with parquet_errors(name):
        table = pl.scan_parquet(io.BytesIO(raw))
        cells = int(table.select(pl.len()).collect().item()) * len(table.collect_schema())
    if cells > CELLS:
        raise InputError(f"{name} holds {cells:,} cells; {CELLS:,} is the most the app reads: use the command line")
