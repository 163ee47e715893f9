"""Run a ladder on this machine: a few processes, one run each, restarted when they die."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from ..errors import ForescaleError
from .store import Store, StoreError, process_name
from .work import CHECKPOINT_EVERY, work

POLL = 0.2  # seconds


def _die_with(parent: int) -> None:
    """Ask the kernel to end this process with its driver; where it cannot, claims are fenced all the same."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)


def _worker(folder: str, owner: str, keys: list[str], every: float, together: int, parent: int, say) -> None:
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides
    try:
        work(Store(folder, create=False), owner, keys, every, together)
    except StoreError as error:
        say.send(str(error))
        os._exit(3)


class _Slot:
    """One worker process and how to replace it."""

    def __init__(self, index: int, folder: Path, keys: list[str], every: float, together: int, devices: int):
        self.args = (str(folder), keys, every, together)
        self.index, self.devices = index, devices
        self.context = multiprocessing.get_context("spawn")
        self.start()

    def start(self) -> None:
        folder, *rest = self.args
        self.owner = f"{process_name()}/{uuid.uuid4().hex[:8]}"
        self.listen, say = self.context.Pipe(duplex=False)
        if self.devices:
            os.environ["CUDA_VISIBLE_DEVICES"] = str(self.index % self.devices)
        target = (folder, self.owner, *rest, os.getpid(), say)
        self.process = self.context.Process(target=_worker, args=target, daemon=True)
        self.process.start()
        say.close()

    def complaint(self) -> str | None:
        """What a worker that ended had to say about the store."""
        try:
            return self.listen.recv() if self.listen.poll() else None
        except EOFError:
            return None


def run_local(
    store: Store,
    keys: list[str],
    workers: int | None = None,
    every: float = CHECKPOINT_EVERY,
    watch: Callable[[list[dict]], None] = lambda rows: None,
    devices: int = 0,
    together: int = 1,
) -> None:
    """Train the runs `keys` of the store; returns when each has ended. `watch` is called with the store's rows now and then.

    `devices` GPUs are shared out one to a worker; `together` runs alike share one as one program. Raises StoreError where the store cannot be written.
    """
    open_runs = lambda: sum(r["state"] in ("waiting", "running") for r in store.rows(keys))
    count = min(workers or devices or os.cpu_count() or 1, max(1, open_runs()))
    if not open_runs():
        return
    slots = [_Slot(i, store.folder, keys, every, together, devices) for i in range(count)]
    try:
        while slots:
            time.sleep(POLL)
            watch(store.rows(keys))
            for slot in [s for s in slots if not s.process.is_alive()]:
                slot.process.join()
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
            slot.process.join()
            _release(store, slot.owner)
    watch(store.rows(keys))


def _release(store: Store, owner: str) -> None:
    try:
        store.release(owner)
    except ForescaleError:
        pass  # the claim of a dead driver is free anyway
