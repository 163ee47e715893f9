"""Run a ladder on this machine: a few processes, one run each, restarted when they die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence

from ..errors import ForescaleError
from .store import Store, StoreError, process_name
from .work import CHECKPOINT_EVERY
from .worker import STORE_FAILED

POLL = 0.2  # seconds


class _Slot:
    """One worker process and how to replace it. A fresh interpreter: nothing of the driver's script is run again in it."""

    def __init__(self, index: int, order: dict, devices: Sequence[str]):
        self.order, self.environment = order, dict(os.environ)
        if devices:
            self.environment["CUDA_VISIBLE_DEVICES"] = devices[index % len(devices)]
        self.start()

    def start(self) -> None:
        self.owner = f"{process_name()}/{uuid.uuid4().hex[:8]}"
        pipes = os.name == "posix"  # elsewhere a descriptor cannot be handed on, and the reason stays unsaid
        self.listen, say = os.pipe() if pipes else (None, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "forescale.ladder.worker"],
            stdin=subprocess.PIPE,
            env=self.environment,
            pass_fds=(say,) if pipes else (),
        )
        if pipes:
            os.close(say)
        try:
            with self.process.stdin as out:
                out.write(json.dumps(self.order | {"owner": self.owner, "parent": os.getpid(), "say": say}).encode())
        except BrokenPipeError:
            pass  # it was killed before it could listen; it counts as any dead worker

    def complaint(self) -> str | None:
        """What a worker that ended had to say about the store."""
        said = os.read(self.listen, 4096).decode() if self.listen is not None else ""
        self.close()
        return said or "a worker could not write the store" if self.process.returncode == STORE_FAILED else None

    def close(self) -> None:
        if self.listen is not None:
            os.close(self.listen)
            self.listen = None


def run_local(
    store: Store,
    keys: list[str],
    workers: int | None = None,
    every: float = CHECKPOINT_EVERY,
    watch: Callable[[list[dict]], None] = lambda rows: None,
    devices: Sequence[str] = (),
    together: int = 1,
) -> None:
    """Train the runs `keys` of the store; returns when each has ended. `watch` is called with the store's rows now and then.

    `devices` names GPUs, which are shared out one to a worker; `together` runs alike share one as one program. Raises
    StoreError where the store cannot be written.
    """
    open_runs = lambda: sum(r["state"] in ("waiting", "running") for r in store.rows(keys))
    if not open_runs():
        return
    count = min(workers or len(devices) or os.cpu_count() or 1, open_runs())
    order = {"folder": str(store.folder), "keys": keys, "every": every, "together": together}
    slots = [_Slot(i, order, devices) for i in range(count)]
    try:
        while slots:
            time.sleep(POLL)
            watch(store.rows(keys))
            for slot in [s for s in slots if s.process.poll() is not None]:
                if (said := slot.complaint()) is not None:
                    raise StoreError(said)
                store.release(slot.owner)
                if open_runs() > len(slots) - 1:
                    slot.start()
                else:
                    slots.remove(slot)
    finally:
        for slot in slots:
            slot.process.kill()
            slot.process.wait()
            slot.close()
            _release(store, slot.owner)
    watch(store.rows(keys))


def _release(store: Store, owner: str) -> None:
    try:
        store.release(owner)
    except ForescaleError:
        pass  # the claim of a dead driver is free anyway
