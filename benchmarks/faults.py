"""Kill -9 the driver, a worker and a Ray node at random points, fifty times each, and compare every loss to the last bit.

    python benchmarks/faults.py [--kills 50] [--only driver worker node]

Writes docs/faults.md. The ladder is the built-in trainer's, on two workers with a checkpoint every half second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from forescale.ladder import Ladder, Store

SPEC = {
    "model": {"context": 64},
    "sizes": [{"width": 16, "depth": 1}, {"width": 16, "depth": 2}],
    "tokens": [1.2e6],
    "seeds": [0, 1, 2, 3],
    "training": {"learning_rate": 8e-3, "batch_size": 512},
    "arms": {"linear": {}, "branched": {"schedule": "wsd", "branches": [5e5], "average": "ema"}},
}
EVERY = 0.5
DRIVER = """import json, sys
from forescale.ladder import Ladder
Ladder(json.load(open(sys.argv[1])), sys.argv[2]).run(workers=2, every=0.5)
"""


def losses(store: Store) -> dict[str, list]:
    return {r["key"]: r["result"]["rows"] if r["result"] else [] for r in store.rows()}


def verdict(folder: Path, expected: dict, kills: int, landed: int, seconds: float) -> dict:
    rows = Store(folder).rows()
    check = sqlite3.connect(folder / "ladder.sqlite").execute("PRAGMA integrity_check").fetchone()[0]
    return {
        "kills": kills,
        "landed": landed,
        "runs": len(rows),
        "finished": sum(r["state"] == "finished" for r in rows),
        "same": sum(losses(Store(folder))[k] == v for k, v in expected.items()),
        "attempts": sum(r["attempts"] for r in rows),
        "store": check,
        "seconds": seconds,
    }


def workers_of(pid: int) -> list[int]:
    try:
        found = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return [c for c in found if b"forescale.ladder.worker" in Path(f"/proc/{c}/cmdline").read_bytes()]
    except OSError:
        return []


def local(victim: str, kills: int, expected: dict, rng: random.Random) -> dict:
    """Kill the driver or a worker until `kills` have been made, starting the ladder anew where it has ended."""
    done = landed = 0
    began, failures = time.time(), None
    while done < kills:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "spec.json").write_text(json.dumps(SPEC))
            (folder / "driver.py").write_text(DRIVER)
            command = [sys.executable, str(folder / "driver.py"), str(folder / "spec.json"), str(folder / "wild")]
            driver = subprocess.Popen(command)
            while done < kills and driver.poll() is None:
                time.sleep(rng.uniform(2.5, 7.0))
                running = any(r["state"] == "running" for r in Store(folder / "wild").rows())
                found = workers_of(driver.pid)
                target = driver.pid if victim == "driver" else rng.choice(found) if found else None
                if target is None or driver.poll() is not None:
                    continue
                os.kill(target, signal.SIGKILL)
                done, landed = done + 1, landed + running
                if victim == "driver":
                    driver.wait()
                    driver = subprocess.Popen(command)
            driver.wait()
            one = verdict(folder / "wild", expected, done, landed, time.time() - began)
            failures = (
                one
                if failures is None
                else failures | {k: failures[k] + one[k] for k in ("runs", "finished", "same", "attempts")}
            )
            failures |= {"kills": done, "landed": landed, "seconds": time.time() - began}
            if one["store"] != "ok":
                failures["store"] = one["store"]
    return failures


def node(kills: int, expected: dict, rng: random.Random) -> dict:
    """Kill a node of a local Ray cluster (its raylet and workers) while the driver runs; a new node joins after each."""
    import ray
    from ray.cluster_utils import Cluster

    done = landed = 0
    began, total = time.time(), None
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    while done < kills:
        with tempfile.TemporaryDirectory() as name:
            ladder = Ladder(SPEC, Path(name) / "wild")
            thread = threading.Thread(target=lambda ladder=ladder: ladder.run(executor="ray", workers=2, every=EVERY))
            thread.start()
            while done < kills and thread.is_alive():
                time.sleep(rng.uniform(3.0, 8.0))
                if not thread.is_alive():
                    break
                landed += any(r["state"] == "running" for r in Store(Path(name) / "wild").rows())
                cluster.remove_node(nodes.pop(rng.randrange(2)), allow_graceful=False)
                done += 1
                nodes.append(cluster.add_node(num_cpus=1))
            thread.join()
            one = verdict(Path(name) / "wild", expected, done, landed, 0.0)
            total = one if total is None else total | {k: total[k] + one[k] for k in ("runs", "finished", "same", "attempts")}
            total |= {"kills": done, "landed": landed, "seconds": time.time() - began}
    ray.shutdown()
    cluster.shutdown()
    return total


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=["driver", "worker", "node"])
    args = parser.parse_args()
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        Ladder(SPEC, name).run(workers=2)
        expected = losses(Store(name))
    found = {v: node(args.kills, expected, rng) if v == "node" else local(v, args.kills, expected, rng) for v in args.only}
    lines = [
        "# Faults",
        "",
        f"`python benchmarks/faults.py --kills {args.kills}`: kill -9 at random moments, then the losses of every run compared",
        "with an undisturbed ladder, all digits. Where a ladder ended before the kills were used up another was started.",
        "",
        "| killed | kills | while a run was training | runs | finished once | same bits | attempts | store | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, f in found.items():
        cells = [f[k] for k in ("kills", "landed", "runs", "finished", "same", "attempts", "store")]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} | {f['seconds'] / 60:.0f} |")
    Path(__file__).parents[1].joinpath("docs", "faults.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[5:]))


if __name__ == "__main__":
    main()
