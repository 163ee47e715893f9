"""Reading large logs: 200 W&B runs of 2,000 steps, and an MLflow sqlite store of a gigabyte; docs/readers.md.

python benchmarks/readers.py        needs wandb and mlflow, which write the first run of each; the rest are copies of it
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS, STEPS = 200, 2000
READ = """
import sys, time
from forescale.runs.logs import scan, tidy
def resident():  # rusage would start at the parent's peak
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
base = resident()
began = time.perf_counter()
logs = scan(sys.argv[1])
tidy(logs)
points = sum(len(v) for log in logs for _, v in log.series.values())
peak = resident()
print(len(logs), points, time.perf_counter() - began, (peak - base) / 1024)
"""


def read(folder: Path) -> tuple[int, int, float, float]:
    """(runs, points, seconds, MiB beyond what importing takes), in a process of its own."""
    out = subprocess.run([sys.executable, "-c", READ, str(folder)], capture_output=True, text=True, check=True).stdout.split()
    return int(out[0]), int(out[1]), float(out[2]), float(out[3])


def wandb_folder(folder: Path) -> None:
    import wandb

    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    first = folder / "first"
    first.mkdir()
    run = wandb.init(dir=first, project="p", config={"params": 1000, "tokens": 1e6})
    for s in range(STEPS):
        row = {"train/loss": 5 - s / 1000, "lr": 1e-3 * s, "grad_norm": 1 / (s + 1)}
        run.log(row | ({"val/loss": 5 - s / 1000} if s % 100 == 99 else {}))
    run.finish()
    log, size = next(first.rglob("*.wandb")), -1
    while log.stat().st_size != size:  # its writer is a process of its own and may lag behind
        size = log.stat().st_size
        time.sleep(2)
    for i in range(RUNS):
        (folder / f"run{i:03}").mkdir()
        shutil.copy(log, folder / f"run{i:03}" / f"run-{i:03}.wandb")
    shutil.rmtree(first)


def mlflow_store(folder: Path, size: float = 1e9) -> Path:
    """A store made by MLflow, filled with rows by SQL: logging a gigabyte point by point would take hours."""
    import mlflow

    path = folder / "mlflow.db"
    mlflow.set_tracking_uri(f"sqlite:///{path}")
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"n_params": 1000, "tokens": 1e6})
        mlflow.log_metric("val_loss", 3.0, step=0)
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")
    columns = [r[1] for r in db.execute("PRAGMA table_info(runs)")]
    row = db.execute("SELECT * FROM runs").fetchone()
    count = 0
    while path.stat().st_size < size:
        key = f"{count:032x}"
        values = [key if c == "run_uuid" else f"run {count}" if c == "name" else v for c, v in zip(columns, row, strict=True)]
        db.execute(f"INSERT INTO runs VALUES ({','.join('?' * len(columns))})", values)
        points = [("val_loss", 3.0 - i / 1e5, 1_700_000_000_000 + i, key, i, False) for i in range(20_000)]
        db.executemany("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?,?,?,?,?,?)", points)
        db.commit()
        count += 1
    assert run.info.run_id not in (f"{i:032x}" for i in range(count))
    return path


def main() -> None:
    lines = ["# Reading logs", "", "`python benchmarks/readers.py`: one process, one core, cold.", ""]
    lines += ["| logs | on disk | runs | points | seconds | memory beyond imports |", "|---|---|---|---|---|---|"]
    for name, make in (("W&B offline, 2,000 steps a run", wandb_folder), ("MLflow sqlite", mlflow_store)):
        with tempfile.TemporaryDirectory() as where:
            folder = Path(where)
            make(folder)
            size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
            runs, points, seconds, memory = read(folder)
            lines.append(f"| {name} | {size / 1e6:,.0f} MB | {runs} | {points:,} | {seconds:.1f} | {memory:,.0f} MiB |")
    Path(__file__).parents[1].joinpath("docs", "readers.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
