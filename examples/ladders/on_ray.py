"""A ladder on a Ray cluster of two nodes with one core each, both on this machine: python on_ray.py SPEC FOLDER [--held-out]."""

import sys
import time

import ray
from ray.cluster_utils import Cluster

from forescale.ladder import Ladder

if __name__ == "__main__":
    spec, folder, *rest = sys.argv[1:]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    ladder, began = Ladder(spec, folder), time.time()
    ladder.run(executor="ray")
    for row in ladder.forecast():
        print(f"forecast {row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]")
    ladder.run(held_out=True, executor="ray")
    for row in ladder.score():
        print(f"trained {row['loss']:.4f}: error {row['error']:+.2%}, {row['inside']} of {row['runs']} inside")
    print(f"{len(ladder.planned())} runs in {(time.time() - began) / 60:.1f} min")
    ray.shutdown()
    cluster.shutdown()
