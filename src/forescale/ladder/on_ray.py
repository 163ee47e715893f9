"""The same ladder on a Ray cluster: workers are tasks placed by resources, the store is kept on the driver's machine.

Workers reach the store through one actor, so nodes need no shared disk, and checkpoints outlive the node that wrote them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from ..errors import InputError
from .store import Store, process_name
from .work import CHECKPOINT_EVERY, work

POLL = 0.5  # seconds


class Keeper:
    """The actor that holds the store; restarted by Ray where it dies, it opens the same folder again."""

    def __init__(self, folder: str):
        self.store = Store(folder, create=False)

    def call(self, name: str, args: tuple) -> Any:
        return getattr(self.store, name)(*args)


class Remote:
    """Looks like a Store to a worker on any node."""

    def __init__(self, keeper: Any):
        self._keeper = keeper

    def __getattr__(self, name: str) -> Callable:
        import ray

        return lambda *args: ray.get(self._keeper.call.remote(name, args))


def _work(keeper: Any, owner: str, keys: list[str], every: float, together: int) -> int:
    return work(Remote(keeper), owner, keys, every, together)


def run_on_ray(
    store: Store,
    keys: list[str],
    workers: int | None = None,
    every: float = CHECKPOINT_EVERY,
    watch: Callable[[list[dict]], None] = lambda rows: None,
    cpus: float = 1,
    gpus: float = 0,
    address: str | None = None,
    together: int = 1,
) -> None:
    """Train the runs `keys` with `cpus` and `gpus` each on the cluster at `address` (default: the running one, or a local one).

    A worker or node that is lost is replaced; its run goes on from its last checkpoint elsewhere.
    """
    try:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
    except ImportError:
        raise InputError("the executor ray needs Ray: pip install 'forescale[ray]'") from None
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    keeper = (
        ray.remote(Keeper)
        .options(num_cpus=0, scheduling_strategy=here, max_restarts=-1, max_task_retries=-1)
        .remote(str(store.folder.resolve()))
    )
    task = ray.remote(_work).options(num_cpus=cpus, num_gpus=gpus, max_retries=0, scheduling_strategy="SPREAD")
    open_runs = lambda: sum(r["state"] in ("waiting", "running") for r in store.rows(keys))
    running: dict[Any, str] = {}
    room = workers or max(1, int(ray.cluster_resources().get("CPU", 1) / max(cpus, 1e-9)))
    try:
        while open_runs():
            while len(running) < min(room, open_runs()):
                owner = f"{process_name()}/{uuid.uuid4().hex[:8]}"
                running[task.remote(keeper, owner, keys, every, together)] = owner
            for done in ray.wait(list(running), timeout=POLL)[0]:
                _ended(ray, done, running.pop(done), store)
            watch(store.rows(keys))
    finally:
        for future, owner in running.items():
            ray.cancel(future, force=True)
            store.release(owner)
        ray.kill(keeper)
    watch(store.rows(keys))


def _ended(ray: Any, done: Any, owner: str, store: Store) -> None:
    """Take note of a worker that returned, or of one that was lost."""
    try:
        ray.get(done)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError):
        pass
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None
    except ray.exceptions.RayError:
        pass  # the worker or its node is gone in one of Ray's other ways
    store.release(owner)
