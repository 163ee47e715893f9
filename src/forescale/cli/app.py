"""The commands. Each imports what it needs when it runs, so that --help stays fast."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Predict the run you cannot afford from the runs you can.",
    pretty_exceptions_enable=False,
)
laws_app = typer.Typer(no_args_is_help=True, help="The catalogue of laws.")
studies_app = typer.Typer(no_args_is_help=True, help="Published studies.")
ladder_app = typer.Typer(no_args_is_help=True, help="Train the small runs (needs the extra: torch).")
app.add_typer(laws_app, name="laws")
app.add_typer(studies_app, name="studies")
app.add_typer(ladder_app, name="ladder")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
LawName = Annotated[str, typer.Option(help="Catalogue name, power(tokens), or FILE.py:NAME.")]
Map = Annotated[str, typer.Option("--map", help="Columns by quantity: params=n_params,loss=val_loss.")]


def _mapping(text: str) -> dict[str, str]:
    out = {}
    for part in filter(None, text.split(",")):
        name, sep, column = part.partition("=")
        if not sep or not column:
            raise InputError(f"--map: cannot read {part!r}; write quantity=column")
        out[name.strip()] = column.strip()
    return out


def _bar(what: str):
    """A progress line on a terminal's standard error, from the first second on."""
    import sys
    import time

    begin = time.monotonic()

    def show(share: float) -> None:
        if sys.stderr.isatty() and time.monotonic() - begin > 1:
            print(f"\r{what} {share:4.0%}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)

    return show


def _show(result, as_json: bool) -> None:
    typer.echo(json_module.dumps(result.to_dict()) if as_json else result.summary())


@app.command()
def fit(
    runs: Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL table of runs.")],
    law: LawName = "chinchilla",
    map: Map = "",
    role: Annotated[str, typer.Option(help="Fit only rows with this value in the column role.")] = "",
    loss: Annotated[str, typer.Option(help="huber or squares.")] = "huber",
    residual: Annotated[str, typer.Option(help="log or plain.")] = "log",
    delta: Annotated[float, typer.Option(help="Huber threshold.")] = 1e-3,
    resamples: Annotated[int, typer.Option(min=10, help="Bootstrap refits.")] = 1000,
    seed: int = 0,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave unreadable rows out, listed.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the fit as JSON.")] = None,
    json: Json = False,
) -> None:
    """Fit a law to a table of runs and show parameters with intervals."""
    from .. import laws
    from ..fit import fit as run_fit
    from ..runs import read

    table = read(runs, drop_bad=drop_bad, **_mapping(map))
    table = table.role(role) if role else table
    if not len(table):
        raise InputError(f"{runs.name}: no row has role {role!r}")
    found = run_fit(laws.get(law), table, loss=loss, residual=residual, delta=delta, resamples=resamples, seed=seed, spec=law)
    if out:
        found.to_json(out)
    _show(found, json)


def _load_fit(path: Path):
    from .. import laws
    from ..fit import from_dict

    if not path.is_file():
        raise InputError(f"no file {path}; write one with forescale fit RUNS -o {path}")
    try:
        data = json_module.loads(path.read_text())
        return from_dict(data, laws.get(data["law"]))
    except (json_module.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError, AttributeError) as error:
        raise InputError(f"{path.name} is no fit written by forescale ({type(error).__name__}: {error})") from error


@app.command()
def predict(
    fit: Annotated[Path, typer.Argument(help="A fit written with -o.")],
    params: Annotated[str, typer.Option(help="Model size, such as 70B.")] = "",
    tokens: Annotated[str, typer.Option(help="Training tokens, such as 1.4T.")] = "",
    at: Annotated[str, typer.Option("--at", help="Any inputs: steps=1e5,width=512.")] = "",
    interval: float = 0.9,
    json: Json = False,
) -> None:
    """Predict a run from a fit, with its interval."""
    inputs = _mapping(at) | {k: v for k, v in (("params", params), ("tokens", tokens)) if v}
    _show(_load_fit(fit).predict(interval=interval, **inputs), json)


@app.command()
def plan(
    fit: Annotated[Path, typer.Argument(help="A fit written with -o.")],
    flops: Annotated[str, typer.Option(help="Budget, such as 1e23 or '30 PF-days'.")],
    level: float = 0.9,
    json: Json = False,
) -> None:
    """The compute-optimal model size and data under a FLOP budget."""
    from ..plan import plan as run_plan

    _show(run_plan(_load_fit(fit), flops, level), json)


Target = Annotated[str, typer.Option(help="Column to forecast: loss, an error rate, a score.")]
OwnLaws = Annotated[list[str] | None, typer.Option("--law", help="Also this law: catalogue name or FILE.py:NAME.")]


def _table(runs: Path, map: str, role: str, drop_bad: bool, only: tuple[str, ...]):
    from ..runs import read

    table = read(runs, drop_bad=drop_bad, only=only, **_mapping(map))
    table = table.role(role) if role else table
    if not len(table):
        raise InputError(f"{runs.name}: no row has role {role!r}")
    return table


def _own(names: list[str] | None) -> list:
    from .. import laws

    return [laws.get(name) for name in names or ()]


@app.command()
def forecast(
    runs: Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL table of runs.")],
    params: Annotated[str, typer.Option(help="Model size, such as 70B.")] = "",
    tokens: Annotated[str, typer.Option(help="Training tokens, such as 1.4T.")] = "",
    flops: Annotated[str, typer.Option(help="Compute, such as 1e24.")] = "",
    at: Annotated[str, typer.Option("--at", help="Any inputs: width=4096,learning_rate=3e-4.")] = "",
    target: Target = "loss",
    group: Annotated[str, typer.Option(help="Forecast every group of this column on its own.")] = "",
    law: OwnLaws = None,
    map: Map = "",
    role: Annotated[str, typer.Option(help="Use only rows with this value in the column role.")] = "",
    interval: float = 0.9,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave unreadable rows out, listed.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the forecast as JSON.")] = None,
    json: Json = False,
) -> None:
    """Forecast a larger run: laws and baselines weighed by back-test, with a calibrated interval. No law to choose."""
    from ..forecast import forecast as run_forecast

    given = (("params", params), ("tokens", tokens), ("flops", flops))
    inputs = _mapping(at) | {k: v for k, v in given if v}
    needed = tuple(k for k in inputs if k != "flops" or len(inputs) == 1)
    table = _table(runs, map, role, drop_bad, (target, *needed))
    options = {"target": target, "interval": interval, "laws": _own(law), "group": group or None}
    found = run_forecast(table, **options, progress=_bar("forecasting"), **inputs)
    text = json_module.dumps({k: v.to_dict() for k, v in found.items()} if group else found.to_dict())
    if out:
        out.write_text(text)
    if json:
        typer.echo(text)
    elif group:
        typer.echo("\n\n".join(f"{group} {k}\n{v.summary()}" for k, v in found.items()))
    else:
        typer.echo(found.summary())


@app.command()
def rollout(
    runs: Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL table of runs.")],
    inputs: Annotated[str, typer.Option(help="Input columns.")] = "params,tokens",
    target: Target = "loss",
    law: OwnLaws = None,
    map: Map = "",
    role: Annotated[str, typer.Option(help="Use only rows with this value in the column role.")] = "",
    farthest: Annotated[float, typer.Option(help="How far below the largest row the first origin may lie.")] = 30.0,
    json: Json = False,
) -> None:
    """Hold out the largest rows, refit, predict: every method beside the naive baselines."""
    from ..forecast import rollout as run_rollout

    names = tuple(n.strip() for n in inputs.split(",") if n.strip())
    table = _table(runs, map, role, False, (target, *names))
    options = {"target": target, "laws": _own(law), "farthest": farthest, "progress": _bar("rolling")}
    _show(run_rollout(table, names, **options), json)


@app.command()
def audit(
    runs: Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL table of runs.")],
    law: LawName = "chinchilla",
    flops: Annotated[str, typer.Option(help="Budget to judge at; default ten times the largest run.")] = "",
    map: Map = "",
    role: Annotated[str, typer.Option(help="Use only rows with this value in the column role.")] = "",
    json: Json = False,
) -> None:
    """Which choice (outliers, counting, rounding, range, objective ...) moves the conclusion most, and a checklist."""
    from ..audit import audit as run_audit
    from ..runs import read

    table = read(runs, **_mapping(map))
    table = table.role(role) if role else table
    _show(run_audit(table, law=law, flops=flops or None, progress=_bar("auditing")), json)


@app.command()
def watch(
    log: Annotated[Path, typer.Argument(help="Table with step and loss of one run.")],
    until: Annotated[str, typer.Option(help="Step at which the run ends, such as 200000 or 200k.")],
    schedule: Annotated[str, typer.Option(help="cosine, linear, constant or wsd.")] = "cosine",
    warmup: Annotated[int | None, typer.Option(help="Warm-up steps; default 1 % of the run.")] = None,
    final: Annotated[float, typer.Option(help="Last learning rate over the peak.")] = 0.0,
    decay: Annotated[float, typer.Option(help="wsd: share of the steps over which the rate falls.")] = 0.2,
    map: Map = "",
    interval: float = 0.9,
    every: Annotated[float, typer.Option(help="Look again every so many seconds until the log ends.")] = 0.0,
    json: Json = False,
) -> None:
    """Forecast the final loss of a run that is still training, from its log and its schedule."""
    import time

    from ..forecast import watch as run_watch

    options = {"schedule": schedule, "warmup": warmup, "final": final, "decay": decay, "interval": interval}
    while True:
        found = run_watch(log, until=until, **options, **_mapping(map))
        _show(found, json)
        if not every or found.step >= 0.999 * found.until:
            return
        time.sleep(every)


@app.command()
def check(file: Annotated[str, typer.Argument(help="FILE.py, FILE.py:NAME or a catalogue name.")], json: Json = False) -> None:
    """Run every conformance check on a law, yours or ours. Exit code 1 if one fails."""
    from .. import laws
    from ..check import check_law
    from ..law.load import laws_in

    found = list(laws_in(file).values()) if file.endswith(".py") else [laws.get(file)]
    bar = _bar("checking")
    verdicts = [check_law(item, progress=bar) for item in found]
    if json:
        typer.echo(
            json_module.dumps([{"law": v.law, "passed": v.passed, "checks": [vars(c) for c in v.checks]} for v in verdicts])
        )
    else:
        typer.echo("\n\n".join(v.summary() for v in verdicts))
    if not all(v.passed for v in verdicts):
        raise typer.Exit(1)


@laws_app.command("list")
def laws_list(json: Json = False) -> None:
    """Every law that ships."""
    from .. import laws

    items = [{"name": i.name, "inputs": list(i.inputs), "doc": i.doc, "source": i.source.ref} for i in laws.every()]
    if json:
        typer.echo(json_module.dumps(items))
    else:
        for item in items:
            typer.echo(f"{item['name']:20} {', '.join(item['inputs']):28} {item['source']:18} {item['doc']}")


@laws_app.command("show")
def laws_show(name: str, json: Json = False) -> None:
    """One law: formula, parameters, source, published values, citation."""
    from .. import laws

    item = laws.get(name)
    data = {
        "name": item.name,
        "doc": item.doc,
        "latex": item.latex,
        "inputs": list(item.inputs),
        "params": [{"name": p.name, "domain": str(p.domain), "start": p.start, "doc": p.doc} for p in item.params],
        "claims": [str(c) for c in item.claims],
        "source": vars(item.source),
        "published": [{"name": p.name, "values": dict(p.values), "where": p.where} for p in item.published],
        "bibtex": item.cite(),
    }
    if json:
        typer.echo(json_module.dumps(data))
        return
    typer.echo(f"{item.name}: {item.doc}\n  {item.latex}\n  inputs: {', '.join(item.inputs)}")
    for p in item.params:
        typer.echo(f"  {p.name:8} {p.domain!s:10} {p.doc}")
    source = item.source
    typer.echo(f"  source: {source.title}, {source.ref}, eq. {source.eq} ({source.checked})\n  counts: {source.counts}")
    for claim in item.claims:
        typer.echo(f"  claims: {claim}")
    for p in item.published:
        values = ", ".join(f"{k} {v:g}" for k, v in p.values.items())
        typer.echo(f"  published {p.name}: {values} ({p.where})")
    typer.echo(item.cite())


@studies_app.command("list")
def studies_list(json: Json = False) -> None:
    """Studies that can be loaded."""
    from .. import studies

    items = [studies.about(name) for name in studies.SHIPPED]
    if json:
        typer.echo(json_module.dumps(items))
    else:
        for item in items:
            typer.echo(f"{item['slug']:12} {item['title']} ({len(studies.load(item['slug']))} runs, {item['unit']})")


@ladder_app.command("stdlib")
def ladder_stdlib(
    folder: Annotated[Path, typer.Argument(help="Where runs.jsonl and the study are written.")] = Path("stdlib-ladder"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every run and stop.")] = False,
    workers: int = 2,
) -> None:
    """Train the shipped study again: prints the dry run, then tunes, trains and writes it. Resumable."""
    from ..ladder.build import build, write_study
    from ..ladder.build import dry_run as planned

    runs = planned()
    for r in runs:
        typer.echo(
            f"{r.role:9} N={r.params:>9,} D={r.tokens:>11,} steps={r.steps:>5} batch={r.batch_sequences:>3} "
            f"lr={r.learning_rate:.4g} C={r.flops:.3g}"
        )
    typer.echo(f"{len(runs)} runs, {sum(r.flops for r in runs):.3g} FLOP")
    if not dry_run:
        write_study(build(folder, workers), folder)


@app.command()
def demo(
    html: Annotated[Path, typer.Option(help="Where the figure goes.")] = Path("forescale-demo.html"), json: Json = False
) -> None:
    """Fit the shipped study, predict its held-out runs, then look; plan for ten times the compute."""
    import sys

    from .demo import run_demo

    result = run_demo(html, sys.stderr if json else None)
    if json:
        typer.echo(json_module.dumps(result))
