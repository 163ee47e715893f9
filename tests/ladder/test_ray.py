"""The same ladder on Ray: two nodes on this machine, one of them lost on the way, the same losses to the last bit."""

import threading
import time

import pytest

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

from forescale.ladder import Ladder  # noqa: E402

from .test_store import losses, spec  # noqa: E402, F401


@pytest.fixture
def cluster():
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [found.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=found.address, log_to_driver=False, logging_level="error")
    yield found, nodes
    ray.shutdown()
    found.shutdown()


def test_a_lost_node_changes_nothing(spec, tmp_path, cluster):  # noqa: F811
    cluster, nodes = cluster
    spec["training"] |= {"length": 120, "pause": 0.02}
    expected = losses(Ladder(spec, tmp_path / "calm").run(workers=2))
    ladder = Ladder(spec, tmp_path / "wild")
    thread = threading.Thread(target=lambda: ladder.run(executor="ray", every=0.05))
    thread.start()
    store = ladder.store
    while sum(r["step"] > 20 for r in store.rows()) < 2:
        time.sleep(0.1)
    cluster.remove_node(nodes.pop(), allow_graceful=False)
    cluster.add_node(num_cpus=1)
    thread.join(timeout=180)
    rows = store.rows()
    assert losses(rows) == expected and sum(r["attempts"] for r in rows) > len(rows)
    assert not list((tmp_path / "wild" / "checkpoints").iterdir())
