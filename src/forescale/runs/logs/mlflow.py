"""MLflow: the sqlite store (read row by row, never as a whole) and the file store (`mlruns/`)."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from .log import Collector, Log, whole_lines

STATES = {
    1: None,
    2: None,
    3: True,
    4: False,
    5: False,
    "RUNNING": None,
    "SCHEDULED": None,
    "FINISHED": True,
    "FAILED": False,
    "KILLED": False,
}


def is_sqlite(path: Path) -> bool:
    if not path.is_file() or path.suffix not in (".db", ".sqlite", ".sqlite3"):
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def tables(path: Path) -> dict[str, set[str]] | str:
    """Columns by table of a sqlite file, or why they cannot be read."""
    try:
        with _open(path) as db:
            names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            return {n: {r[1] for r in db.execute(f'PRAGMA table_info("{n}")')} for n in names}
    except sqlite3.DatabaseError as error:
        return str(error)


def is_sqlite_store(columns: dict[str, set[str]]) -> bool:
    return {"runs", "metrics", "params"} <= set(columns) and "run_uuid" in columns["metrics"]


class _open:
    """A read-only connection: a store in use is left alone."""

    def __init__(self, path: Path):
        self.db = sqlite3.connect(f"file:{path.resolve().as_posix()}?mode=ro", uri=True)

    def __enter__(self) -> sqlite3.Connection:
        return self.db

    def __exit__(self, *_) -> None:
        self.db.close()


def read_sqlite(path: Path) -> Iterator[Log]:
    """One log a run; a damaged page ends the reading with a note on the run it was met in."""
    with _open(path) as db:
        try:
            rows = db.execute(
                "SELECT run_uuid, name, status FROM runs WHERE lifecycle_stage='active' ORDER BY start_time"
            ).fetchall()
        except sqlite3.DatabaseError as error:
            yield Log(path.stem, path, "mlflow", notes=(f"the table of runs cannot be read ({error})",), finished=False)
            return
        for key, name, status in rows:
            collect, notes, config = Collector(), [], {}
            try:
                config = dict(db.execute("SELECT key, value FROM params WHERE run_uuid=?", (key,)))
                query = "SELECT key, value, step, is_nan FROM metrics WHERE run_uuid=? ORDER BY step, timestamp"
                for metric, value, step, missing in db.execute(query, (key,)):
                    collect.add(metric, step, math.nan if missing else _unbounded(value))
            except sqlite3.DatabaseError as error:
                notes.append(f"the store is damaged ({error}): what follows is not read")
            finished = STATES.get(status)
            yield Log(name or key, path, "mlflow", config, collect.series(), {}, False if notes else finished, tuple(notes))


def _unbounded(value: float) -> float:
    """MLflow stores infinities as the largest float."""
    return math.copysign(math.inf, value) if abs(value) >= 1.7976931348623157e308 else value


def is_file_run(path: Path) -> bool:
    return path.is_dir() and (path / "meta.yaml").is_file() and (path / "metrics").is_dir()


def read_file_run(path: Path) -> Log:
    """`meta.yaml`, a file for each parameter and each metric with lines `timestamp value step`."""
    collect, notes = Collector(), []
    meta = {k.strip(): v.strip().strip("'") for k, _, v in (line.partition(":") for line in whole_lines(path / "meta.yaml")[0])}
    config = {p.relative_to(path / "params").as_posix(): p.read_text(errors="replace") for p in _under(path / "params")}
    for file in _under(path / "metrics"):
        metric = file.relative_to(path / "metrics").as_posix()
        lines, cut = whole_lines(file)
        cut = cut or (("it is empty",) if not lines else ())  # MLflow makes the file with its first line
        notes += [f"metric {metric}: {n}" for n in cut]
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            parts = line.split()
            try:
                collect.add(metric, int(parts[2]) if len(parts) > 2 else 0, float(parts[1]))
            except (ValueError, IndexError):
                notes.append(f"metric {metric}: line {number} is not 'timestamp value step': what follows is not read")
                break
    status = meta.get("status", "")
    state = STATES.get(int(status) if status.isdigit() else status)
    name = meta.get("run_name") or path.name
    return Log(name, path, "mlflow", config, collect.series(), {}, False if notes else state, tuple(notes))


def _under(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else []
