"""One worker process of the local executor: `python -m forescale.ladder.worker`, told what to do on standard input."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

from .store import Store, StoreError
from .work import work

STORE_FAILED = 3  # exit status; the reason goes to the descriptor `say`


def _die_with(parent: int) -> None:
    """Ask the kernel to end this process with its driver; where it cannot, claims are fenced all the same."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    order = json.load(sys.stdin)
    _die_with(order["parent"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides
    try:
        work(Store(order["folder"], create=False), order["owner"], order["keys"], order["every"], order["together"])
    except StoreError as error:
        if order["say"] is not None:
            os.write(order["say"], str(error).encode())
        os._exit(STORE_FAILED)


if __name__ == "__main__":
    main()
