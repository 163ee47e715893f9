"""What real small runs say of muP, cooldowns that branch off, weight decay and annealing; docs/ladders.md.

python benchmarks/ladders.py                  read the shipped tables and write the page
python benchmarks/ladders.py --train FOLDER   train the ladders of examples/ladders first (an hour on two cores) and
                                              write the tables that ship
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

import forescale as fs
from forescale import studies
from forescale.ladder.config import Config
from forescale.ladder.schedule import share, trained_steps
from forescale.laws.training import areas

HERE = Path(__file__).parents[1]
ARMS = """`examples/ladders/arms.yaml`: twelve tokens a parameter, a context of 64 bytes, one learning rate for all arms and no
tuning of any: what an arm makes of settings found for attention, not what it can do. Worth: how many times the compute
attention needs for the same loss (matrix products counted, so scans and transforms come free; above one the arm is ahead),
90 % interval from four runs each; last column, who wins at ten times the largest budget. The linear attentions have no
positions of their own here, which is much of what they lack."""
SHIPPED = HERE / "src" / "forescale" / "studies"
DROP = ("run", "bits_per_byte", "steps")
DECAYS = (0.99, 0.995, 0.998, 0.999)  # the published range of the annealing law's lambda
STUDIES = {
    "mup": ("Learning-rate sweeps of byte-level GPTs at widths 32 to 256, under muP and standard", ("mup",)),
    "weight_decay": ("Weight-decay sweeps of AdamW at batches of 256 to 2048 tokens, one size and budget", ("weight_decay",)),
    "cooldowns": ("Five durations by branching cooldowns and by cosine runs from scratch, five sizes", ("cooldowns", "cosine")),
    "arms": ("Nineteen arms (mixers, feed-forward layers, norms, streams, feedback) at four sizes", ("arms",)),
    "annealing": ("A constant, a cosine and a WSD run with validation losses along the way", ("annealing", "annealing_short")),
}


def train(folder: Path, workers: int) -> None:
    """Train the ladders (what is finished is kept) and write each study's tables."""
    from forescale.ladder import Ladder

    for study, (title, names) in STUDIES.items():
        ladders = [Ladder(HERE / "examples" / "ladders" / f"{n}.yaml", folder / n) for n in names]
        for ladder in ladders:
            ladder.run(workers=workers)
        write(study, title, ladders)


def write(study: str, title: str, ladders: list) -> None:
    target = SHIPPED / study
    target.mkdir(exist_ok=True)
    frames = [
        ladder.frame().with_columns(pl.when(pl.col("arm") == "").then(pl.lit(ladder.spec.name)).otherwise("arm").alias("arm"))
        for ladder in ladders
    ]
    table = pl.concat(frames, how="diagonal")
    table = table.drop([c for c in DROP if c in table.columns], "held_out").sort("arm", "params", "tokens", "learning_rate")
    table.write_parquet(target / "runs.parquet", compression="zstd")
    if study == "annealing":
        parts = []
        for ladder in ladders:
            arms = {p.key: p.counts["arm"] for p in ladder.planned()}
            seen = ladder.curves().filter(pl.col("loss").is_not_null()).with_columns(pl.lit(ladder.spec.name).alias("ladder"))
            parts.append(
                seen.with_columns(pl.col("run").replace_strict(arms).alias("arm")).select(
                    "ladder", "arm", "step", "tokens", "loss"
                )
            )
        pl.concat(parts).write_parquet(target / "curves.parquet", compression="zstd")
    about = (
        f'slug = "{study}"\ntitle = "{title}, on the Python standard library, trained for forescale"\nlicence = "Apache-2.0"\n'
        'unit = "nats/byte"\ncounts = "params counts everything once; flops are matrix products, three forward passes a token"\n'
        f'split = "none"\nspec = {[f"examples/ladders/{n}.yaml" for n in STUDIES[study][1]]}\n'
    )
    (target / "study.toml").write_text(about.replace("'", '"'))


def vertex(rows: pl.DataFrame, setting: str) -> tuple[float, float, float]:
    """(best, best on the grid, its loss): parabola of log loss in log setting through the lowest run and two on either side."""
    rows = rows.group_by(setting).agg(pl.col("loss").mean()).sort(setting)  # over seeds
    low = int(rows["loss"].arg_min())
    near = rows[max(0, low - 2) : low + 3]
    c2, c1, _ = np.polyfit(np.log(near[setting]), np.log(near["loss"]), 2)
    return float(np.exp(-c1 / (2 * c2))), rows[setting][low], rows["loss"][low]


def best_rates() -> pl.DataFrame:
    """Best learning rate by width and arm."""
    groups = studies.load("mup").to_frame().group_by("arm", "width", maintain_order=True)
    out = [
        {"arm": arm, "width": int(width), **dict(zip(("best", "grid", "loss"), vertex(rows, "learning_rate"), strict=True))}
        for (arm, width), rows in groups
    ]
    return pl.DataFrame(out).sort("arm", "width")


def best_decays() -> tuple[pl.DataFrame, float]:
    """Best weight decay by batch, and the slope of its logarithm over log batch."""
    groups = studies.load("weight_decay").to_frame().group_by("batch_size", maintain_order=True)
    out = [
        {"batch": int(b), **dict(zip(("best", "grid", "loss"), vertex(rows, "weight_decay"), strict=True))}
        for (b,), rows in groups
    ]
    found = pl.DataFrame(out).sort("batch")
    return found, float(np.polyfit(np.log(found["batch"]), np.log(found["best"]), 1)[0])


def cooldowns() -> tuple[pl.DataFrame, dict]:
    """Branched against from-scratch losses by size and duration, cost and the laws through both."""
    table = studies.load("cooldowns").to_frame()
    branched = table.filter(pl.col("arm") == "branched")
    cosine = (
        table.filter(pl.col("arm") == "cosine")
        .group_by("params", "tokens", maintain_order=True)
        .agg(pl.col("loss").min(), pl.col("flops").first())
    )
    both = branched.join(cosine, on=["params", "tokens"], suffix="_cosine").with_columns(
        (pl.col("loss") / pl.col("loss_cosine") - 1).alias("off")
    )
    durations = sorted(set(both["tokens"].to_list()))
    config = Config(
        64, 2, int(durations[-1]), 4e-3, 2048, context=64, schedule="wsd", branches=tuple(int(d) for d in durations[:-1])
    )
    saved = 1 - trained_steps(config) * config.batch_size / sum(durations)
    fits = {
        k: fs.fit(fs.laws.get("chinchilla"), fs.read(t.select("params", "tokens", "loss")))
        for k, t in (("branched", branched), ("cosine", cosine))
    }
    return both.sort("params", "tokens"), {"saved": saved, "fits": fits}


def annealing(name: str = "annealing") -> dict:
    """Fit the law to the constant and the cosine run; lambda is the one that fits those best; then look at the WSD run."""
    from forescale.ladder import spec as specs

    curves, found = studies.load("annealing", table="curves").to_frame().filter(pl.col("ladder") == name), []
    arms = {p.counts["arm"]: Config.of(p.config) for p in specs.runs(specs.read(HERE / "examples" / "ladders" / f"{name}.yaml"))}
    for decay in DECAYS:
        rows = []
        for arm, c in arms.items():
            s1, s2 = areas([c.learning_rate * share(c, i) for i in range(c.steps)], decay, c.warmup_steps)
            seen = curves.filter((pl.col("arm") == arm) & (pl.col("steps") > 2 * c.warmup_steps))
            at = seen["steps"].cast(pl.Int64).to_numpy() - 1
            rows.append(pl.DataFrame({"arm": arm, "s1": s1[at], "s2": s2[at], "loss": seen["loss"]}))
        table = pl.concat(rows)
        fitted, asked = table.filter(pl.col("arm") != "wsd"), table.filter(pl.col("arm") == "wsd")
        fit = fs.fit(fs.laws.get("annealing"), {k: fitted[k].to_numpy() for k in ("s1", "s2", "loss")})
        residual = np.log(fit.predict(s1=fitted["s1"].to_numpy(), s2=fitted["s2"].to_numpy()).value / fitted["loss"].to_numpy())
        value, loss = float(fit.predict(s1=asked["s1"][-1], s2=asked["s2"][-1]).value), asked["loss"][-1]
        misfit = float(np.sqrt(np.mean(residual**2)))
        found.append({"lambda": decay, "misfit": misfit, "forecast": value, "trained": loss, "error": value / loss - 1})
    return min(found, key=lambda f: f["misfit"]) | {"all": found, "steps": arms["wsd"].steps}


def arms() -> pl.DataFrame:
    """Every arm against attention: losses by size, what it is worth in compute, who wins at ten times the largest budget."""
    from forescale.compare import compare

    table, out = studies.load("arms").to_frame(), []
    attention = table.filter(pl.col("arm") == "attention")
    for (arm,), rows in table.group_by("arm", maintain_order=True):
        losses = rows.sort("params")["loss"].to_list()
        row = {"arm": arm, "losses": losses, "last": losses[-1], "multiplier": None, "winner": "-"}
        if arm != "attention":
            both = fs.read(pl.concat([rows, attention]).select("arm", "params", "tokens", "flops", "loss"))
            (pair,) = compare(both, 10 * float(both["flops"].max())).pairs
            sign = 1 if pair.a == arm else -1
            low, value, high = sorted(float(v) ** sign for v in pair.multiplier)
            row |= {"multiplier": f"{value:.2f} [{low:.2f}, {high:.2f}]", "winner": pair.winner}
        out.append(row)
    return pl.DataFrame(out, infer_schema_length=None).sort("last")


def page() -> str:
    rates, (decays, slope), (both, rest) = best_rates(), best_decays(), cooldowns()
    move = {arm: g["best"].max() / g["best"].min() for (arm,), g in rates.group_by("arm", maintain_order=True)}
    lines = [
        "# What small ladders show",
        "",
        '`python benchmarks/ladders.py` computes this page from the shipped tables (`fs.studies.load("mup")` and so on);',
        "`--train FOLDER` trains them again from `examples/ladders`. Byte-level models on the Python standard library, one seed",
        "(two for weight decay): small, but real.",
        "",
        "## muP keeps the best learning rate, the standard parametrization does not",
        "",
        "| parametrization | " + " | ".join(f"width {w}" for w in sorted(set(rates["width"]))) + " | moves by |",
        "|---|" + "---|" * (len(set(rates["width"])) + 1),
    ]
    for arm in sorted(move):
        cells = [f"{v:.4f}" for v in rates.filter(pl.col("arm") == arm)["best"]]
        lines.append(f"| {arm} | {' | '.join(cells)} | {move[arm]:.2f}x |")
    lines += [
        "",
        "## Best weight decay of AdamW grows with the batch",
        "",
        "| batch (tokens) | best decay | on the grid | loss |",
        "|---|---|---|---|",
    ]
    lines += [f"| {r['batch']} | {r['best']:.3f} | {r['grid']:g} | {r['loss']:.4f} |" for r in decays.iter_rows(named=True)]
    lines += [
        "",
        f"Slope of log decay over log batch at fixed data: **{slope:.2f}** (linear is 1).",
        "",
        "## Cooldowns that branch off one trunk",
        "",
    ]
    off = both["off"].to_numpy()
    lines.append(
        f"Five durations from one trunk cost {1 - rest['saved']:.0%} of five runs, as the dry run counts it. Each branch"
        f" is bit for bit the warm-up, stable, decay run of that duration. Against cosine runs from scratch, the better of two"
        f" peak rates: {off.mean():+.2%} on average, from {off.min():+.2%} to {off.max():+.2%} over {len(off)} points."
    )
    lines += ["", "| exponent | branched | cosine |", "|---|---|---|"]
    for name in ("alpha", "beta"):
        cells = []
        for fit in rest["fits"].values():
            low, high = fit.interval(name)
            cells.append(f"{fit.params[name]:.3f} [{low:.3f}, {high:.3f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "## The annealing law from a constant and a cosine run", ""]
    lines += ["| steps | lambda | misfit of the two | WSD forecast | WSD trained | error |", "|---|---|---|---|---|---|"]
    for wsd in (annealing(), annealing("annealing_short")):
        for f in wsd["all"]:
            mark = " (fits best)" if f["lambda"] == wsd["lambda"] else ""
            cells = f"{f['misfit']:.2%} | {f['forecast']:.4f} | {f['trained']:.4f} | {f['error']:+.2%}"
            lines.append(f"| {wsd['steps']} | {f['lambda']}{mark} | {cells} |")
    lines += ["", "## Arms", "", ARMS, ""]
    lines += ["| arm | losses at 15k, 30k, 60k, 120k | worth in compute, beside attention | at 10x |", "|---|---|---|---|"]
    for row in arms().iter_rows(named=True):
        shown = ", ".join(f"{v:.3f}" for v in row["losses"])
        lines.append(f"| {row['arm']} | {shown} | {row['multiplier'] or '-'} | {row['winner']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    if args.train:
        train(args.train, args.workers)
    text = page()
    (HERE / "docs" / "ladders.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
