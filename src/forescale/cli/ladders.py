"""ladder: dry run, run, forecast of what is held out, score; status, tail, cancel; coordinate check; the shipped study."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import Annotated

import typer

from ..quantities import format_number
from .common import Figure, Json, app, draw

ladder_app = typer.Typer(no_args_is_help=True, help="Train the small runs (extras: ladder, ray).")
app.add_typer(ladder_app, name="ladder")

SpecFile = Annotated[Path, typer.Argument(help="The ladder, as YAML.")]
Folder = Annotated[Path | None, typer.Option("-o", "--out", help="Store, checkpoints and tables; default ladders/NAME.")]
StoreFolder = Annotated[Path, typer.Argument(help="Folder of a ladder that was started.")]


def _ladder(spec: Path, folder: Path | None):
    from ..ladder import Ladder

    return Ladder(spec, folder or Path("ladders") / spec.stem)


@ladder_app.command("run")
def ladder_run(
    spec: SpecFile,
    out: Folder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every run and stop.")] = False,
    held_out: Annotated[bool, typer.Option("--held-out", help="Train the runs that were held out too.")] = False,
    executor: Annotated[str, typer.Option(help="local or ray.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Runs at once; default: one a core, or what the cluster holds.")] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster; default: the running one, or a new local one.")] = None,
    cpus: Annotated[float, typer.Option(help="CPUs that a run takes (Ray).")] = 1,
    gpus: Annotated[float, typer.Option(help="GPUs that a run takes (Ray); locally those of the machine are shared out.")] = 0,
    every: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 20.0,
    together: Annotated[int, typer.Option(help="Runs that differ in seed and rates only, trained as one program (GPU).")] = 1,
    retry: Annotated[bool, typer.Option("--retry", help="Also runs that failed or were cancelled.")] = False,
    json: Json = False,
) -> None:
    """Train what is not finished yet. Kill it when you like: the same command goes on where it stopped."""
    ladder = _ladder(spec, out)
    if dry_run:
        _plan(ladder, json)
        return
    options = {"together": together} | ({"address": address, "cpus": cpus, "gpus": gpus} if executor == "ray" else {})
    with _progress(ladder) as watch:
        rows = ladder.run(held_out, executor, workers, every, retry, watch, **options)
    if json:
        keys = ("key", "state", "reason", "attempts")
        typer.echo(json_module.dumps([{k: r[k] for k in keys} for r in rows]))
        return
    typer.echo(_counted(rows) + f"; tables in {ladder.folder}")
    for r in rows:
        if r["state"] != "finished":
            typer.echo(f"  {r['key']} {r['state']}: {r['reason']}")


def _plan(ladder, json: bool) -> None:
    from ..ladder.estimate import estimate

    rows = estimate(ladder.planned(), ladder.spec.hardware)
    if json:
        typer.echo(json_module.dumps(rows))
        return
    shown = lambda v, unit="": "-" if v is None else f"{format_number(v)}{unit}"
    typer.echo("arm           params  tokens     FLOP  steps  batch     rate  memory    time   cost")
    for r in rows:
        memory = "-" if "memory" not in r else f"{r['memory'] / 1e6:.0f} MB"
        numbers = (shown(r["params"]), shown(r["tokens"]), f"{r['flops']:.2e}", r.get("steps", "-"), shown(r["batch_size"]))
        n, d, c, steps, batch = numbers
        rate = "-" if r["learning_rate"] is None else f"{r['learning_rate']:.4g}"
        line = f"{r['arm'] or '-':12} {n:>7} {d:>7} {c:>8} {steps:>6} {batch:>6} {rate:>8} {memory:>7}"
        typer.echo(f"{line} {_duration(r['seconds']):>7} {shown(r['cost']):>6}{'  held out' if r['held_out'] else ''}")
    total = sum(r["flops"] for r in rows)
    seconds = None if rows[0]["seconds"] is None else sum(r["seconds"] for r in rows)
    cost = "" if rows[0]["cost"] is None else f", cost {sum(r['cost'] for r in rows):.3g}"
    typer.echo(f"{len(rows)} runs, {total:.3g} FLOP, {_duration(seconds)} on one worker{cost}")
    again = [r["epochs"] for r in rows if r["epochs"] and r["epochs"] > 1]
    if again:
        typer.echo(f"warning: {len(again)} runs see the text more than once, up to {max(again):.1f} times")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class _progress:
    """A live line on a terminal, a line for each run that ends elsewhere."""

    def __init__(self, ladder):
        self.total = {p.key: p.counts["flops"] for p in ladder.planned()}
        self.steps = {p.key: p.counts.get("steps") or 1 for p in ladder.planned()}
        self.ended: set[str] | None = None

    def __enter__(self):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"), TimeRemainingColumn())
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.bar.start()
        self.task = self.bar.add_task("ladder", total=1.0)
        return self.watch

    def watch(self, rows: list[dict]) -> None:
        total = sum(self.total[r["key"]] for r in rows)
        share = lambda r: 1.0 if r["state"] not in ("waiting", "running") else min(1.0, r["step"] / self.steps[r["key"]])
        done = sum(self.total[r["key"]] * share(r) for r in rows) / max(total, 1e-300)
        ended = {r["key"] for r in rows if r["state"] not in ("waiting", "running")}
        self.bar.update(self.task, completed=done, description=f"{len(ended)} of {len(rows)} runs")
        for r in rows:
            if self.ended is not None and r["key"] in ended - self.ended:
                self.console.print(_line(r), highlight=False, markup=False)
        self.ended = ended

    def __exit__(self, *_) -> None:
        self.bar.stop()


def _line(r: dict) -> str:
    counts = r["counts"]
    arm = f" {counts['arm']}" if counts.get("arm") else ""
    what = f"{r['key']}{arm} N {format_number(counts['params'])} D {format_number(counts['tokens'])}"
    if r["state"] != "finished":
        return f"{what} {r['state']} at step {r['step']}{': ' + r['reason'] if r['reason'] else ''}"
    result = r["result"]
    losses = ", ".join(f"{row['loss']:.4f}" for row in result["rows"])
    return f"{what} loss {losses}" + (f" in {_duration(result['seconds'])}" if "seconds" in result else "")


def _counted(rows: list[dict]) -> str:
    states = [r["state"] for r in rows]
    return ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(sorted(states))) or "no runs"


@ladder_app.command("forecast")
def ladder_forecast(spec: SpecFile, out: Folder = None, level: float = 0.9, json: Json = False) -> None:
    """Forecast the held-out runs from the finished ones, before they run; the forecasts are kept."""
    rows = _ladder(spec, out).forecast(level)
    if json:
        typer.echo(json_module.dumps(rows))
        return
    for r in rows:
        late = "  made after the run" if r["late"] else ""
        ends = f"[{r['low']:.4f}, {r['high']:.4f}] {r['level']:.0%}"
        typer.echo(f"{_point(r)} loss {r['value']:.4f}  {ends}, {r['factor']:.3g}x beyond {r['rows']} runs{late}")
        for flag in r["flags"]:
            typer.echo(f"  flag: {flag}")
        for warning in r.get("warnings", ()):  # forecasts kept by an earlier version have none
            typer.echo(f"  warning: {warning}")


@ladder_app.command("score")
def ladder_score(spec: SpecFile, out: Folder = None, json: Json = False) -> None:
    """The kept forecasts beside what the held-out runs gave."""
    rows = _ladder(spec, out).score()
    if json:
        typer.echo(json_module.dumps(rows))
        return
    for r in rows:
        if r["loss"] is None:
            typer.echo(f"{_point(r)} forecast {r['value']:.4f}; not trained yet: forescale ladder run {spec} --held-out")
            continue
        late = "; the forecast was made after the run" if r["late"] else ""
        typer.echo(
            f"{_point(r)} forecast {r['value']:.4f} [{r['low']:.4f}, {r['high']:.4f}], trained {r['loss']:.4f}: "
            f"error {r['error']:+.2%}, {r['inside']} of {r['runs']} inside{late}"
        )


def _point(r: dict) -> str:
    return f"{r['arm'] + ' ' if r['arm'] else ''}N {format_number(r['params'])} D {format_number(r['tokens'])}"


@ladder_app.command("status")
def ladder_status(folder: StoreFolder, json: Json = False) -> None:
    """Every run of a ladder: state, progress, loss, reason."""
    from ..ladder import Store

    rows = Store(folder, create=False).rows()
    if json:
        keys = ("key", "state", "step", "attempts", "deaths", "reason", "config", "counts", "result")
        typer.echo(json_module.dumps([{k: r[k] for k in keys} for r in rows]))
        return
    for r in rows:
        waiting = r["state"] in ("waiting", "running")
        line = f"{r['key']} {r['state']} at step {r['step']} of {r['counts'].get('steps', '?')}" if waiting else _line(r)
        typer.echo(line + (f" ({r['reason']})" if waiting and r["reason"] else ""))
    typer.echo(_counted(rows))


@ladder_app.command("tail")
def ladder_tail(
    folder: StoreFolder,
    key: Annotated[str, typer.Argument(help="Beginning of a run's key; default: what is running.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    lines: int = 10,
) -> None:
    """The last points of a run."""
    from ..errors import InputError
    from ..ladder import Store

    store = Store(folder, create=False)
    found = [r for r in store.rows() if r["key"].startswith(key) and (key or r["state"] == "running")]
    if not found:
        raise InputError(f"{folder} has no run {key!r}" if key else f"nothing is running in {folder}")
    for r in found:
        typer.echo(f"{r['key']} {r['state']}")
        shown = store.points(r["key"])[-lines:]
        seen = set()
        while True:
            for p in shown:
                if (at := (p["branch"], p["step"])) not in seen:
                    seen.add(at)
                    typer.echo("  " + ", ".join(f"{k} {v:.6g}" for k, v in p.items() if k != "branch" or v))
            if not follow or store.rows([r["key"]])[0]["state"] != "running":
                break
            time.sleep(1)
            shown = store.points(r["key"])


@ladder_app.command("cancel")
def ladder_cancel(
    folder: StoreFolder, key: Annotated[str, typer.Argument(help="Beginning of a run's key; default: all.")] = ""
) -> None:
    """Cancel runs that have not ended; what is finished is kept."""
    from ..ladder import Store

    typer.echo(f"{Store(folder, create=False).cancel(key)} runs cancelled")


@ladder_app.command("coord-check")
def ladder_coord_check(
    parametrization: Annotated[str, typer.Argument(help="mup, standard or unit.")] = "mup",
    optimizer: str = "adamw",
    learning_rate: float = 4e-3,
    steps: int = 4,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """How much every layer's output moves in the first steps, over widths 64 to 1024: flat where rates carry over."""
    from ..ladder.coordinates import coordinate_check
    from ..report.laddering import coordinates_figure

    found = coordinate_check(
        {"parametrization": parametrization, "optimizer": optimizer, "learning_rate": learning_rate}, steps=steps
    )
    draw(lambda: coordinates_figure(found), figure)
    if json:
        typer.echo(json_module.dumps(found.to_dict()))
        return
    typer.echo(found.summary())


@ladder_app.command("stdlib")
def ladder_stdlib(
    folder: Annotated[Path, typer.Argument(help="Where the store and the study are written.")] = Path("ladders/stdlib"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every run and stop.")] = False,
    workers: int = 2,
) -> None:
    """Train the shipped study again: prints the dry run, then tunes, trains and writes it. Resumable."""
    from ..ladder import stdlib

    runs = stdlib.dry_run()
    for r in runs:
        c = r.counts
        typer.echo(
            f"{c['role']:9} N={c['params']:>9,} D={c['tokens']:>11,} steps={c['steps']:>5} batch={r.config['batch_size']:>6,} "
            f"lr={r.config['learning_rate']:.4g} C={c['flops']:.3g}"
        )
    typer.echo(f"{len(runs)} runs, {sum(r.counts['flops'] for r in runs):.3g} FLOP")
    if not dry_run:
        stdlib.build(folder, workers)
