"""One worker: claims runs from a store and trains them until none is left. The same on every executor."""

from __future__ import annotations

import time
import traceback
from typing import Any

from ..errors import ForescaleError
from .store import StoreError
from .trial import Diverged, Stopped, resolve

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


def work(store: Any, owner: str, keys: list[str] | None = None, every: float = CHECKPOINT_EVERY) -> int:
    """Train until nothing is left to claim; returns how many runs ended here. `store` is a Store or a stand-in for one.

    A trial that raises ends its run as `failed` (or `diverged`) with the reason; a store that cannot be written ends the worker.
    """
    ended = 0
    while (run := store.claim(owner, keys)) is not None:
        key = run["key"]
        report = lambda step, branch=0, **metrics: store.report(key, owner, step, branch, metrics)  # noqa: B023
        try:
            result = resolve(run["trial"])(run["config"], report, RunCheckpoint(store, key, owner, every))
            store.finish(key, owner, _checked(result))
        except Stopped:
            continue
        except StoreError:
            raise
        except Diverged as error:
            store.fail(key, owner, "diverged", str(error))
        except ForescaleError as error:
            store.fail(key, owner, "failed", str(error))
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
            store.fail(key, owner, "failed", f"{type(error).__name__} at {where}: {str(error).splitlines()[0] if str(error) else ''}")
        ended += 1
    return ended


def _checked(result: Any) -> dict[str, Any]:
    """A trial's result as rows with a finite loss each."""
    import math

    out = dict(result) if hasattr(result, "keys") else {}
    rows = out.get("rows") or ([{"loss": out["loss"]}] if "loss" in out else [])
    if not rows:
        raise ForescaleError(f"the trial returned {result!r}; it must return a dict with loss, or rows of dicts with loss")
    for row in rows:
        loss = row.get("loss")
        if not isinstance(loss, (int, float)) or not math.isfinite(loss):
            raise Diverged(f"the trial returned loss {loss!r}")
    return out | {"rows": rows}
