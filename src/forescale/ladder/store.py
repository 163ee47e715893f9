"""What has been trained: a sqlite file (write-ahead log) keyed by the hash of each run's settings, and checkpoints beside it.

The store is also the queue: workers claim runs from it. A claim names its owner, and every later write asks whether the
claim still stands, so that a worker which was given up for dead cannot overwrite what its successor does.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ForescaleError, InputError
from .config import DEFAULTS, MAY_DIFFER
from .trial import BUILT_IN, Stopped

STALE = 120.0  # seconds without a sign of life after which a claim made on another machine is free
DEATHS = 10  # workers a run may lose without a new checkpoint before it is given up
STATES = ("waiting", "running", "finished", "diverged", "failed", "cancelled")

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  key TEXT PRIMARY KEY, place INTEGER, trial TEXT, config TEXT, counts TEXT, state TEXT, held_out INTEGER DEFAULT 0,
  owner TEXT, seen REAL, attempts INTEGER DEFAULT 0, deaths INTEGER DEFAULT 0, reason TEXT, result TEXT, ended REAL);
CREATE TABLE IF NOT EXISTS points (
  key TEXT, branch INTEGER, step INTEGER, metrics TEXT, PRIMARY KEY (key, branch, step)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT);
"""


class StoreError(ForescaleError):
    """The store cannot be read or written: disk full, no permission, not a store."""


@dataclass(frozen=True)
class Planned:
    """A run as a spec asks for it: `config` is what the trial gets, `counts` what was computed of it (params, flops ...)."""

    config: Mapping[str, Any]
    counts: Mapping[str, Any]
    trial: str
    held_out: bool = False

    @property
    def key(self) -> str:
        """Hash of trial and settings: the same run asked for twice is one run.

        Settings of the built-in trial that stand at their default are left out, so that a setting added in a later version
        does not make finished runs new ones.
        """
        kept = {k: v for k, v in self.config.items() if self.trial != BUILT_IN or k not in DEFAULTS or v != DEFAULTS[k]}
        raw = json.dumps([self.trial, kept], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(raw.encode()).hexdigest()[:16]


def process_name(pid: int | None = None) -> str:
    """host:pid:start of a process: pids are used again, start times are not."""
    pid = pid or os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "gone"


def _alive(owner: str, seen: float) -> bool:
    """Whether the driver that made a claim may still be there. `owner` is driver/worker."""
    host, pid, start = owner.partition("/")[0].rsplit(":", 2)
    if host == socket.gethostname() and Path("/proc").is_dir():
        return start != "gone" and _started(int(pid)) == start
    return time.time() - seen < STALE


class Store:
    """One folder: `ladder.sqlite`, `checkpoints/`. Safe for several processes of one machine at once."""

    def __init__(self, folder: Path | str, create: bool = True):
        self.folder = Path(folder)
        self.path = self.folder / "ladder.sqlite"
        if not create and not self.path.exists():
            raise InputError(f"{folder} holds no ladder: no file ladder.sqlite; start one with forescale ladder run")
        with self._clearly("open"):
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
            self.db.row_factory = sqlite3.Row
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=NORMAL")
            self.db.executescript(SCHEMA)

    def close(self) -> None:
        """Give the file back; also done when the store is no longer used."""
        if hasattr(self, "db"):
            self.db.close()

    __del__ = close

    @contextmanager
    def _clearly(self, what: str):
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            free = "; the disk is full: free some space and run the same command again" if _full(error) else ""
            raise StoreError(f"cannot {what} {self.folder}: {error}{free}; finished runs are kept") from None

    @contextmanager
    def _writing(self, what: str):
        with self._clearly(what):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def add(self, planned: Iterable[Planned]) -> None:
        """Enter runs that are not there yet, in the order given; those that are keep their state."""
        with self._writing("add runs to"):
            for place, p in enumerate(planned):
                self.db.execute(
                    "INSERT INTO runs (key, place, trial, config, counts, state, held_out) VALUES (?,?,?,?,?,'waiting',?) "
                    "ON CONFLICT (key) DO UPDATE SET held_out = excluded.held_out, counts = excluded.counts",
                    (p.key, place, p.trial, json.dumps(dict(p.config)), json.dumps(dict(p.counts)), int(p.held_out)),
                )

    def claim(self, owner: str, keys: list[str] | None = None) -> dict | None:
        """Take the first run of `keys` that nobody has, or None. Runs of dead drivers count as free.

        A worker has one run at a time: one that is its own already is given again.
        """
        with self._writing("claim a run in"):
            rows = self.db.execute("SELECT * FROM runs WHERE state IN ('waiting','running') ORDER BY place").fetchall()
            for row in rows:
                if keys is not None and row["key"] not in keys:
                    continue
                if row["state"] == "running" and row["owner"] != owner:
                    if _alive(row["owner"], row["seen"]):
                        continue
                    if self._bury(row):
                        continue
                self.db.execute(
                    "UPDATE runs SET state='running', owner=?, seen=?, attempts=attempts+1 WHERE key=?",
                    (owner, time.time(), row["key"]),
                )
                return {"key": row["key"], "trial": row["trial"], "config": json.loads(row["config"])}
        return None

    def claim_mates(self, owner: str, key: str, most: int, keys: list[str] | None = None) -> list[dict]:
        """Up to `most` more waiting runs that differ from run `key` in seed, learning rate and weight decay only."""
        same = lambda config: {k: v for k, v in json.loads(config).items() if k not in MAY_DIFFER}
        out = []
        with self._writing("claim runs in"):
            first = self.db.execute("SELECT trial, config FROM runs WHERE key=?", (key,)).fetchone()
            for row in self.db.execute(
                "SELECT * FROM runs WHERE state='waiting' AND trial=? ORDER BY place", (first["trial"],)
            ).fetchall():
                if len(out) < most and (keys is None or row["key"] in keys) and same(row["config"]) == same(first["config"]):
                    values = (owner, time.time(), row["key"])
                    self.db.execute("UPDATE runs SET state='running', owner=?, seen=?, attempts=attempts+1 WHERE key=?", values)
                    out.append({"key": row["key"], "trial": row["trial"], "config": json.loads(row["config"])})
        return out

    def _bury(self, row: sqlite3.Row) -> bool:
        """Note that the owner of a run died; True where that was once too often."""
        lost = row["deaths"] + 1
        given_up = lost >= DEATHS
        reason = f"its worker died {lost} times without a new checkpoint (out of memory?)" if given_up else None
        state = "failed" if given_up else "waiting"
        self.db.execute("UPDATE runs SET state=?, owner=NULL, deaths=?, reason=? WHERE key=?", (state, lost, reason, row["key"]))
        return given_up

    def release(self, owner: str) -> None:
        """Free the runs of a worker known to be dead."""
        with self._writing("release a run in"):
            for row in self.db.execute("SELECT * FROM runs WHERE state='running' AND owner=?", (owner,)).fetchall():
                self._bury(row)

    def _standing(self, key: str, owner: str) -> None:
        row = self.db.execute("SELECT state, owner FROM runs WHERE key=?", (key,)).fetchone()
        if row is None or row["state"] != "running" or row["owner"] != owner:
            raise Stopped(f"run {key} is {row['state'] if row else 'gone'} and no longer this worker's")

    def report(self, key: str, owner: str, step: int, branch: int, metrics: Mapping[str, Any]) -> None:
        with self._writing("record a point in"):
            self._standing(key, owner)
            self.db.execute("UPDATE runs SET seen=? WHERE key=?", (time.time(), key))
            self.db.execute("INSERT OR REPLACE INTO points VALUES (?,?,?,?)", (key, branch, step, json.dumps(dict(metrics))))

    def finish(self, key: str, owner: str, result: Mapping[str, Any]) -> None:
        self._end(key, owner, "finished", None, json.dumps(dict(result)))

    def fail(self, key: str, owner: str, state: str, reason: str) -> None:
        """`state` is failed or diverged."""
        self._end(key, owner, state, reason, None)

    def _end(self, key: str, owner: str, state: str, reason: str | None, result: str | None) -> None:
        with self._writing("finish a run in"):
            self._standing(key, owner)
            self.db.execute(
                "UPDATE runs SET state=?, reason=?, result=?, owner=NULL, ended=? WHERE key=?",
                (state, reason, result, time.time(), key),
            )
        self._checkpoint(key).unlink(missing_ok=True)

    def cancel(self, key: str | None = None) -> int:
        """Cancel one run (a prefix of its key will do) or all that have not ended; returns how many."""
        with self._writing("cancel runs in"):
            done = self.db.execute(
                "UPDATE runs SET state='cancelled', owner=NULL WHERE state IN ('waiting','running') AND key LIKE ?",
                ((key or "") + "%",),
            )
            return done.rowcount

    def again(self, states: tuple[str, ...] = ("failed", "cancelled")) -> int:
        """Put ended runs back in the queue."""
        marks = ",".join("?" * len(states))
        with self._writing("retry runs in"):
            done = self.db.execute(f"UPDATE runs SET state='waiting', deaths=0, reason=NULL WHERE state IN ({marks})", states)
            return done.rowcount

    def _checkpoint(self, key: str) -> Path:
        return self.folder / "checkpoints" / f"{key}.ckpt"

    def write_checkpoint(self, key: str, owner: str, state: bytes) -> None:
        """Replace the run's checkpoint as a whole: a reader sees the old one or the new one."""
        path = self._checkpoint(key)
        part = path.with_suffix(f".{os.getpid()}")
        with self._clearly("write a checkpoint in"):
            try:
                with part.open("wb") as out:
                    out.write(hashlib.sha256(state).digest() + state)
                    out.flush()
                    os.fsync(out.fileno())
            except OSError:
                part.unlink(missing_ok=True)
                raise
        try:
            with self._writing("note a checkpoint in"):
                self._standing(key, owner)
                os.replace(part, path)
                self.db.execute("UPDATE runs SET seen=?, deaths=0 WHERE key=?", (time.time(), key))
        finally:
            part.unlink(missing_ok=True)

    def read_checkpoint(self, key: str) -> bytes | None:
        """What was last written, or None; a file that is not whole is set aside with a note and counts as none."""
        path = self._checkpoint(key)
        if not path.exists():
            return None
        with self._clearly("read a checkpoint in"):
            raw = path.read_bytes()
            if hashlib.sha256(raw[32:]).digest() == raw[:32]:
                return raw[32:]
            path.replace(path.with_suffix(".unreadable"))
        self.note(key, f"checkpoint {path.name} was not readable and is set aside as .unreadable; the run starts over")
        return None

    def note(self, key: str, text: str) -> None:
        """Keep a remark on a run; shown by status."""
        with self._writing("note in"):
            self.db.execute("UPDATE runs SET reason=? WHERE key=?", (text, key))

    def rows(self, keys: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Every run: key, state, owner, attempts, reason, config, counts, result, and its last point."""
        with self._clearly("read"):
            found = self.db.execute("SELECT * FROM runs ORDER BY place").fetchall()
            last = "SELECT key, MAX(step) AS step FROM points GROUP BY key"
            steps = {r["key"]: r["step"] for r in self.db.execute(last)}
        wanted = None if keys is None else set(keys)
        decoded = lambda r: {**dict(r), **{k: json.loads(r[k]) for k in ("config", "counts", "result") if r[k]}}
        return [decoded(r) | {"step": steps.get(r["key"], 0)} for r in found if wanted is None or r["key"] in wanted]

    def points(self, key: str) -> list[dict[str, Any]]:
        with self._clearly("read"):
            found = self.db.execute("SELECT * FROM points WHERE key=? ORDER BY branch, step", (key,)).fetchall()
        return [{"branch": r["branch"], "step": r["step"], **json.loads(r["metrics"])} for r in found]

    def fact(self, name: str, value: Any = None) -> Any:
        """Remember something about the ladder (a measured speed, a forecast), or recall it."""
        if value is not None:
            with self._writing("note in"):
                self.db.execute("INSERT OR REPLACE INTO facts VALUES (?,?)", (name, json.dumps(value)))
        row = self.db.execute("SELECT value FROM facts WHERE name=?", (name,)).fetchone()
        return json.loads(row["value"]) if row else None

    def facts(self) -> dict[str, Any]:
        """All that is remembered."""
        return {r["name"]: json.loads(r["value"]) for r in self.db.execute("SELECT * FROM facts")}


def _full(error: Exception) -> bool:
    import errno

    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "full" in str(error)
