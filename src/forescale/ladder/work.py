"""One worker: claims runs from a store and trains them until none is left. The same on every executor."""

from __future__ import annotations

import math
import time
import traceback
from typing import Any

from ..errors import ForescaleError
from .store import StoreError
from .trial import BUILT_IN, Diverged, Stopped, resolve

CHECKPOINT_EVERY = 20.0  # seconds


class RunCheckpoint:
    """The `checkpoint` a trial is given."""

    def __init__(self, store: Any, key: str, owner: str, every: float):
        self.store, self.key, self.owner, self.every = store, key, owner, every
        self.last = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self.last >= self.every

    def read(self) -> bytes | None:
        return self.store.read_checkpoint(self.key)

    def write(self, state: bytes) -> None:
        self.store.write_checkpoint(self.key, self.owner, state)
        self.last = time.monotonic()


def work(store: Any, owner: str, keys: list[str] | None = None, every: float = CHECKPOINT_EVERY, together: int = 1) -> int:
    """Train until nothing is left to claim; returns how many runs ended here. `store` is a Store or a stand-in for one.

    A trial that raises ends its run as `failed` (or `diverged`) with the reason; a store that cannot be written ends the
    worker. Up to `together` runs of the built-in trial that differ in seed and rates only are trained as one program.
    """
    ended = 0
    while (run := store.claim(owner, keys)) is not None:
        group = [run]
        if together > 1 and _stackable(run):
            group += store.claim_mates(owner, run["key"], together - 1, keys)
        if len(group) > 1:
            ended += _as_one(store, owner, group)
        else:
            ended += _alone(store, owner, run, every)
    return ended


def _stackable(run: dict) -> bool:
    if run["trial"] != BUILT_IN:
        return False
    from .config import Config
    from .together import possible

    return possible(Config.of(run["config"]))


def _alone(store: Any, owner: str, run: dict, every: float) -> int:
    """Train one run; 1 where it ended here."""
    key = run["key"]
    report = lambda step, branch=0, **metrics: store.report(key, owner, step, branch, metrics)
    try:
        result = resolve(run["trial"])(run["config"], report, RunCheckpoint(store, key, owner, every))
        store.finish(key, owner, _checked(result))
    except Stopped:
        return 0
    except StoreError:
        raise
    except Diverged as error:
        store.fail(key, owner, "diverged", str(error))
    except Exception as error:
        store.fail(key, owner, "failed", _reason(error))
    return 1


def _as_one(store: Any, owner: str, group: list[dict]) -> int:
    """Train several runs as one program; how many of them ended here."""
    from .together import train_together

    ended, keys = 0, [r["key"] for r in group]
    gone: set[str] = set()

    def report(index: int, step: int, **metrics: Any) -> None:
        try:
            store.report(keys[index], owner, step, 0, metrics)
        except Stopped:
            gone.add(keys[index])

    try:
        results = train_together([r["config"] for r in group], report)
    except StoreError:
        raise
    except Exception as error:
        results = [{"rows": [], "failed": _reason(error)}] * len(group)
    for key, result in zip(keys, results, strict=True):
        try:
            if result["rows"]:
                store.finish(key, owner, result)
            else:
                state = "failed" if "failed" in result else "diverged"
                store.fail(key, owner, state, result[state])
            ended += 1
        except Stopped:
            gone.add(key)
    return ended


def _reason(error: Exception) -> str:
    """One line: what, and where in the trial."""
    if isinstance(error, ForescaleError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    first = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}: {first}"


def _checked(result: Any) -> dict[str, Any]:
    """A trial's result as rows with a finite loss each."""
    out = dict(result) if hasattr(result, "keys") else {}
    rows = out.get("rows") or ([{"loss": out["loss"]}] if "loss" in out else [])
    if not rows:
        raise ForescaleError(f"the trial returned {result!r}; it must return a dict with loss, or rows of dicts with loss")
    for row in rows:
        loss = row.get("loss")
        if not isinstance(loss, (int, float)) or not math.isfinite(loss):
            raise Diverged(f"the trial returned loss {loss!r}")
    return out | {"rows": rows}
