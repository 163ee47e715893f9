"""Store and executors: a run is trained once, whatever dies; errors are one line."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from forescale.errors import InputError
from forescale.ladder import Ladder, Store
from forescale.ladder.store import StoreError, process_name
from forescale.ladder.trial import Stopped

TRIAL = '''
import json, math, time
from forescale.ladder import Diverged

def trial(config, report, checkpoint):
    """A random walk whose end depends on every step: resuming wrongly shows."""
    state = json.loads(checkpoint.read() or b'{"step": 0, "value": 1.0}')
    while state["step"] < config["length"]:
        state["step"] += 1
        state["value"] = math.sin(state["value"] * 3 + config["seed"]) + 1.5 + config["params"] ** -0.1
        time.sleep(config.get("pause", 0.0))
        report(state["step"], loss=state["value"])
        if config.get("explode") == state["step"]:
            raise Diverged(f"loss left the range at step {state['step']}")
        if config.get("crash") == state["step"]:
            raise ValueError("a bug of the trial")
        if checkpoint.due():
            checkpoint.write(json.dumps(state).encode())
    return {"loss": state["value"]}
'''


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "walk.py").write_text(TRIAL)
    training = {"length": 40, "pause": 0.01}
    return {"trial": f"{tmp_path / 'walk.py'}:trial", "sizes": [1e3, 1e4], "tokens": [1e6], "seeds": [0, 1], "training": training}


def losses(rows):
    return {r["key"]: r["result"]["rows"][0]["loss"] for r in rows}


def test_a_finished_run_is_never_run_again_and_a_trial_of_ones_own_is_enough(spec, tmp_path):
    rows = Ladder(spec, tmp_path / "a").run(workers=2, every=0.05)
    assert [r["state"] for r in rows] == ["finished"] * 4 and all(r["attempts"] == 1 for r in rows)
    again = Ladder(spec, tmp_path / "a").run(workers=2)
    assert losses(again) == losses(rows) and all(r["attempts"] == 1 for r in again)
    more = Ladder(spec | {"seeds": [0, 1, 2]}, tmp_path / "a").run(workers=1)
    assert len(more) == 6 and sum(r["attempts"] for r in more) == 6
    frame = Ladder(spec, tmp_path / "a").frame()
    assert frame.columns[:5] == ["run", "arm", "params", "tokens", "flops"] and len(frame) == 4
    assert not list((tmp_path / "a" / "checkpoints").iterdir())
    assert (tmp_path / "a" / "runs.parquet").exists() and (tmp_path / "a" / "curves.parquet").exists()


def test_what_goes_wrong_is_kept_with_its_reason(spec, tmp_path):
    spec["arms"] = {"good": {}, "bang": {"explode": 7}, "bug": {"crash": 3}, "typo": {"length": "x"}}
    rows = Ladder(spec | {"seeds": [0], "sizes": [1e3]}, tmp_path / "a").run(workers=2)
    found = {r["counts"]["arm"]: (r["state"], r["reason"]) for r in rows}
    assert found["good"][0] == "finished"
    assert found["bang"] == ("diverged", "loss left the range at step 7")
    assert found["bug"][0] == "failed" and found["bug"][1].startswith("ValueError at walk.py:") and "a bug" in found["bug"][1]
    assert found["typo"][0] == "failed" and "TypeError" in found["typo"][1]
    again = Ladder(spec | {"seeds": [0], "sizes": [1e3]}, tmp_path / "a").run(workers=1, retry=True)
    assert {r["counts"]["arm"]: r["attempts"] for r in again} == {"good": 1, "bang": 1, "bug": 2, "typo": 2}


def test_claims_are_fenced(tmp_path, spec):
    store = Store(tmp_path / "s")
    planned = Ladder(spec, tmp_path / "s").planned()
    store.add(planned)
    mine, yours = f"{process_name()}/a", f"{process_name()}/b"
    first, second = store.claim(mine), store.claim(yours)
    assert first["key"] != second["key"] and store.claim(mine)["key"] == first["key"]
    store.write_checkpoint(first["key"], mine, b"one")
    store.release(mine)  # given up for dead
    assert store.claim(yours + "2")["key"] == first["key"]
    for late in (
        lambda: store.report(first["key"], mine, 1, 0, {}),
        lambda: store.write_checkpoint(first["key"], mine, b"two"),
        lambda: store.finish(first["key"], mine, {"rows": []}),
    ):
        with pytest.raises(Stopped, match="no longer this worker's"):
            late()
    assert store.read_checkpoint(first["key"]) == b"one"
    assert store.cancel(second["key"][:6]) == 1
    with pytest.raises(Stopped, match="cancelled"):
        store.report(second["key"], yours, 1, 0, {})


def test_a_run_that_kills_its_workers_is_given_up(tmp_path, spec):
    store = Store(tmp_path / "s")
    store.add(Ladder(spec, tmp_path / "s").planned()[:1])
    for i in range(10):
        assert store.claim(f"{process_name()}/{i}") is not None
        store.release(f"{process_name()}/{i}")
    assert store.claim(f"{process_name()}/x") is None
    assert store.rows()[0]["state"] == "failed" and "died 10 times" in store.rows()[0]["reason"]


def _claim_all(folder, found):
    store, owner = Store(folder), f"{process_name()}/x"
    while (run := store.claim(owner)) is not None:
        store.report(run["key"], owner, 1, 0, {"loss": 1.0})
        store.finish(run["key"], owner, {"rows": [{"loss": 1.0}]})
        found.put(run["key"])
    found.put(None)


def test_concurrent_writers_share_the_runs_without_a_clash(tmp_path, spec):
    ladder = Ladder(spec | {"seeds": list(range(30))}, tmp_path / "s")
    Store(tmp_path / "s").add(ladder.planned())
    context = get_context("spawn")
    found = context.Queue()
    processes = [context.Process(target=_claim_all, args=(str(tmp_path / "s"), found)) for _ in range(4)]
    [p.start() for p in processes]
    keys, done = [], 0
    while done < 4:
        key = found.get(timeout=60)
        done, keys = done + (key is None), keys + [key] * (key is not None)
    [p.join() for p in processes]
    assert len(keys) == 60 and len(set(keys)) == 60


def test_an_unreadable_checkpoint_is_set_aside_with_one_line(spec, tmp_path):
    ladder = Ladder(spec | {"seeds": [0], "sizes": [1e3]}, tmp_path / "a")
    store = ladder.store
    store.add(ladder.planned())
    owner, key = f"{process_name()}/a", ladder.planned()[0].key
    store.claim(owner)
    store.write_checkpoint(key, owner, b'{"step": 10, "value": 1.0}')
    path = tmp_path / "a" / "checkpoints" / f"{key}.ckpt"
    path.write_bytes(path.read_bytes()[:-3])
    store.release(owner)
    assert store.read_checkpoint(key) is None and path.with_suffix(".unreadable").exists()
    assert "not readable and is set aside" in store.rows()[0]["reason"]
    rows = ladder.run(workers=1)
    assert losses(rows) == losses(Ladder(spec | {"seeds": [0], "sizes": [1e3]}, tmp_path / "b").run(workers=1))


@pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made by mounting a small one, which needs root")
def test_a_full_disk_gives_one_line_and_loses_nothing_finished(spec, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        ladder = Ladder(spec, small / "a")
        rows = ladder.run(workers=1)
        (small / "filler").write_bytes(b"x" * 10)
        with (small / "filler").open("ab", buffering=0) as out, pytest.raises(OSError):
            while True:
                out.write(b"x" * 4096)
        with pytest.raises(
            StoreError, match="the disk is full: free some space and run the same command again; finished runs are kept"
        ):
            Ladder(spec | {"seeds": [0, 1, 2, 3, 4]}, small / "a").run(workers=1, every=0.01)
        (small / "filler").unlink()
        kept = losses(Store(small / "a").rows([r["key"] for r in rows]))
        assert kept == losses(rows)
        more = Ladder(spec | {"seeds": [0, 1, 2, 3, 4]}, small / "a").run(workers=1)
        assert [r["state"] for r in more] == ["finished"] * 10
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


DRIVER = """import json, sys
from forescale.ladder import Ladder
Ladder(json.load(open(sys.argv[1])), sys.argv[2]).run(workers=2, every=0.05)
"""


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("victim", ["driver", "worker"])
def test_killed_at_random_every_run_finishes_once_with_the_same_bits(spec, tmp_path, victim):
    """Six kills here; benchmarks/faults.py does fifty of each, with the built-in trainer."""
    spec["training"] |= {"length": 300}
    expected = losses(Ladder(spec, tmp_path / "calm").run(workers=2))
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    (tmp_path / "driver.py").write_text(DRIVER)
    command = [sys.executable, str(tmp_path / "driver.py"), str(tmp_path / "spec.json"), str(tmp_path / "wild")]
    kills, driver = 0, subprocess.Popen(command)
    while kills < 6:
        time.sleep(0.9 + 0.13 * kills)
        if driver.poll() is not None:
            break
        workers = [c for c in children(driver.pid) if b"forescale.ladder.worker" in Path(f"/proc/{c}/cmdline").read_bytes()]
        target = driver.pid if victim == "driver" else workers[kills % len(workers)] if workers else None
        if target:
            os.kill(target, signal.SIGKILL)
            kills += 1
        if victim == "driver":
            driver.wait()
            driver = subprocess.Popen(command)
    assert driver.wait(timeout=120) == 0 and kills >= 3
    rows = Store(tmp_path / "wild").rows()
    assert losses(rows) == expected and [r["state"] for r in rows] == ["finished"] * 4
    assert sum(r["attempts"] for r in rows) > 4
    with closing(sqlite3.connect(tmp_path / "wild" / "ladder.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_errors_of_the_store_are_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no ladder"):
        Store(tmp_path, create=False)
    (tmp_path / "ladder.sqlite").write_text("this is no database, whatever its name says" * 50)
    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path)


def test_gpus_are_counted_without_a_framework(monkeypatch):
    from forescale.ladder.campaign import gpus_here

    for named, found in (("", ()), ("-1", ()), ("0", ("0",)), ("2,3", ("2", "3"))):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
        assert gpus_here() == found


def test_workers_share_out_the_gpus_that_were_named(spec, tmp_path):
    """Each worker sees one of them; the trial writes down which."""
    (tmp_path / "see.py").write_text(
        "import os\ndef trial(config, report, checkpoint):\n    return {'loss': 1.0 + int(os.environ['CUDA_VISIBLE_DEVICES'])}\n"
    )
    ladder = Ladder(spec | {"trial": f"{tmp_path / 'see.py'}:trial", "seeds": list(range(20))}, tmp_path / "a")
    rows = ladder.run(workers=2, devices=("5", "7"))
    assert {r["result"]["rows"][0]["loss"] for r in rows} <= {6.0, 8.0}
