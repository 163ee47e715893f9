"""Time and memory of one global fit over rows and over starts: python benchmarks/scaling.py. Needs matplotlib.

Writes docs/scaling.svg and docs/scaling.md. Rows are simulated (Chinchilla form, 0.5 % noise); each point is a process
of its own, so that its peak memory is its own.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

DOCS = Path(__file__).parents[1] / "docs"
ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)
STARTS = (32, 128, 512, 2_048, 8_192, 32_768)
FIXED_ROWS = 240


def peak_kib():
    """Peak memory of this process alone: rusage would start from that of the process that forked it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def one(rows, starts):
    """One fit in this process: printed as JSON."""
    from forescale import laws
    from forescale.fit import Objective
    from forescale.fit.problem import Problem
    from forescale.fit.starts import search

    law, rng = laws.get("chinchilla"), np.random.default_rng(0)
    size = np.exp(rng.uniform(np.log(3e7), np.log(3e9), rows))
    x = {"params": size, "tokens": size * np.exp(rng.uniform(np.log(3), np.log(200), rows))}
    y = law(law.preset("besiroglu"), **x) * np.exp(0.005 * rng.standard_normal(rows))
    base = peak_kib()
    begin = time.perf_counter()
    search(Problem(law, [(x, y)], Objective()), starts=starts)
    seconds = time.perf_counter() - begin
    peak = peak_kib()
    print(json.dumps({"seconds": seconds, "peak": peak / 1024, "added": (peak - base) / 1024}))


def measured(rows, starts):
    command = [sys.executable, __file__, str(rows), str(starts or 0)]
    tries = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3)]
    return min(tries, key=lambda t: t["seconds"])


def main():
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "forescale"
    import matplotlib.pyplot as plt

    over = {"rows": [measured(r, None) for r in ROWS], "starts": [measured(FIXED_ROWS, s) for s in STARTS]}
    figure, axes = plt.subplots(2, 2, figsize=(8, 5), sharex="col")
    for column, (name, at) in enumerate((("rows", ROWS), ("starts", STARTS))):
        for row, (key, label) in enumerate((("seconds", "seconds"), ("peak", "peak memory, MiB"))):
            axes[row, column].plot(at, [m[key] for m in over[name]], "o-", color="#286ebe")
            axes[row, column].set(xscale="log", yscale="log", ylabel=label)
            axes[row, column].grid(alpha=0.3, which="both")
        axes[1, column].set_xlabel("rows (default starts)" if name == "rows" else f"starts ({FIXED_ROWS} rows)")
    figure.tight_layout()
    figure.savefig(DOCS / "scaling.svg", metadata={"Date": None})
    lines = ["# Time and memory", "", "Printed by `python benchmarks/scaling.py`: one global fit, best of three processes.", ""]
    lines += ["![time and memory over rows and starts](scaling.svg)", ""]
    lines += ["| rows | starts | seconds | peak memory of the process, MiB | of it, added by the fit |", "|---|---|---|---|---|"]
    cases = [(f"{r:,}", "default") for r in ROWS] + [(str(FIXED_ROWS), f"{s:,}") for s in STARTS]
    for (rows, starts), m in zip(cases, over["rows"] + over["starts"], strict=True):
        lines.append(f"| {rows} | {starts} | {m['seconds']:.3f} | {m['peak']:.0f} | {m['added']:.0f} |")
    (DOCS / "scaling.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        one(int(sys.argv[1]), int(sys.argv[2]) or None)
    else:
        main()
