"""plan, configure, allocate, frontier, hparams, memory, design, budget: from a fit or a sweep to what to train."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..quantities import format_number, parse_number
from .common import (
    Best,
    DropBad,
    Figure,
    Json,
    Map,
    Role,
    RunsFile,
    app,
    bar,
    draw,
    frame,
    listed,
    load_fit,
    mapping,
    published,
    runs_of,
    show,
)

Source = Annotated[str, typer.Argument(help="A fit written with -o, or LAW:PRESET such as chinchilla:besiroglu.")]


def _source(text: str):
    """(fit or law, values) of a fit's file or LAW:PRESET."""
    if Path(text).suffix == ".json":
        return load_fit(Path(text)), None
    if Path(text).is_file():
        raise InputError(f"{text} is no fit: fit it first, forescale fit {text} -o fit.json")
    if Path(text).suffix and ":" not in text:
        raise InputError(f"no file {text}")
    item, preset = published(text)
    if preset is None:
        raise InputError(f"{text} has no parameters: name a preset, such as chinchilla:besiroglu, or give a fit")
    return item, preset.values


@app.command()
def plan(
    source: Annotated[
        str, typer.Argument(help="A table of runs, a fit written with -o, or LAW:PRESET such as chinchilla:besiroglu.")
    ],
    flops: Annotated[str, typer.Option(help="Budget: 1e23, '30 PF-days', '2048 H100-hours @ 40% MFU' ...")] = "",
    serve: Annotated[str, typer.Option(help="Tokens to serve, such as 2T: the cheapest of a quality.")] = "",
    params: Annotated[str, typer.Option(help="With --serve: the quality, as a compute-optimal model's size.")] = "",
    loss: Annotated[float | None, typer.Option(help="With --serve: the quality, as a loss.")] = None,
    unique_tokens: Annotated[str, typer.Option(help="Distinct tokens that exist: a plan that asks for more says so.")] = "",
    level: float = 0.9,
    map: Map = "",
    role: Role = "",
    drop_bad: DropBad = False,
    best: Best = False,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """The compute-optimal model size and data under a budget; or, with --serve, the cheapest for a quality.

    From a table of runs no law is chosen: all that the forecaster knows are averaged, and their disagreement is told.
    """
    from ..plan import budget, inference_optimal
    from ..plan import plan as run_plan
    from ..report.planning import plan_figure

    if bool(flops) == bool(serve):
        raise InputError("give --flops for a budget, or --serve with --params or --loss for a quality")
    table = Path(source).is_file() and Path(source).suffix != ".json"
    if table and not serve:
        item, values = runs_of(Path(source), map, role, drop_bad), None
        item = item.best() if best else item
    elif map or role or drop_bad or best or figure:
        raise InputError(f"--map, --role, --drop-bad, --best and --figure are for a plan from a table of runs; {source} is none")
    else:
        item, values = _source(source)
    if serve:
        show(inference_optimal(item, serve, params=params or None, loss=loss, values=values, level=level), json)
        return
    if values is not None:
        raise InputError(f"{source}: a preset has no intervals; forescale laws optimum {source} --flops {flops} gives the point")
    spent = budget(flops)
    if not json and spent.accelerator:
        typer.echo(spent.summary())
    found = run_plan(item, spent.flops, level, unique_tokens or None, bar("planning"))
    draw(lambda: plan_figure(found), figure)
    show(found, json)


@app.command()
def configure(
    source: Source,
    budget: Annotated[str, typer.Option(help="FLOP, or as '30 days on 512 H100 @ 40% MFU'.")],
    counting: Annotated[str, typer.Option(help="6nd, kaplan, chinchilla or palm.")] = "6nd",
    context: int = 2048,
    aspect: Annotated[float, typer.Option(help="Width over depth.")] = 100.0,
    vocabulary: str = "32000",
    no_embeddings: Annotated[bool, typer.Option("--no-embeddings", help="The law's N leaves embeddings out.")] = False,
    json: Json = False,
) -> None:
    """Shape, tokens and loss for a budget."""
    from ..plan import configure as run_configure

    item, values = _source(source)
    found = run_configure(
        item, budget, values=values, counting=counting, context=context, embeddings=not no_embeddings, aspect=aspect,
        vocabulary=parse_number(vocabulary, "vocabulary"),
    )  # fmt: skip
    show(found, json)


@app.command()
def allocate(
    runs: RunsFile,
    map: Map = "",
    role: Role = "",
    flops: Annotated[str, typer.Option(help="Also the best size at this budget, by each approach.")] = "",
    drop_bad: DropBad = False,
    best: Best = False,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """How the best size grows with compute, from isoFLOP runs: approaches 1, 2 (three ways) and 3 side by side."""
    from ..plan import approaches
    from ..report.planning import valleys_figure

    table = runs_of(runs, map, role, drop_bad)
    table = table.best(("params", "flops")) if best else table
    found = approaches(table, flops or None)
    draw(lambda: valleys_figure(found.valleys, table), figure)
    show(found, json)


@app.command()
def frontier(
    runs: RunsFile, map: Map = "", role: Role = "", drop_bad: DropBad = False, figure: Figure = None, json: Json = False
) -> None:
    """The runs no mixture of others beats: the lower convex hull of loss over compute, and how their size grows."""
    from ..plan import frontier as hull
    from ..plan import frontier_exponent, one_ladder
    from ..report.planning import frontier_figure

    table = runs_of(runs, map, role, drop_bad)
    found, (a, k), chosen = hull(table), frontier_exponent(table), one_ladder(table)
    said = [*table.warnings, *([f"undecided: {chosen}"] if chosen else [])]
    draw(lambda: frontier_figure(table), figure)
    if json:
        more = {"exponent": a, "coefficient": k, "warnings": said}
        typer.echo(json_module.dumps({n: v.tolist() for n, v in found.items()} | more))
        return
    head = f"{len(found['rows'])} of {len(table)} runs on the frontier; N = {k:.3g} C^{a:.3f} through them"
    typer.echo(f"{head}; counted as {table.counts}")
    for c, n, loss in zip(found["flops"], found["params"], found["loss"], strict=True):
        typer.echo(f"  {c:9.3g} FLOP: {format_number(n):>6} params, loss {loss:.4f}")
    for warning in said:
        typer.echo(f"warning: {warning}")


@app.command()
def hparams(
    runs: RunsFile,
    params: Annotated[str, typer.Option(help="Size of the run to set.")],
    tokens: Annotated[str, typer.Option(help="Its tokens.")],
    settings: Annotated[str, typer.Option(help="Swept columns: learning_rate or learning_rate,batch_size.")] = "learning_rate",
    map: Map = "",
    role: Role = "",
    drop_bad: DropBad = False,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """The best learning rate (and batch) for a run, from your own sweeps; published rules beside it."""
    from ..plan import hparams as run_hparams
    from ..report.planning import setting_figure

    names = tuple(listed(settings))
    table = runs_of(runs, map, role, drop_bad)
    found = run_hparams(table, params=params, tokens=tokens, settings=names)
    draw(lambda: setting_figure(found), figure)
    show(found, json, table)
    if not json:
        for line in _rules_beside(found):
            typer.echo(line)


def _rules_beside(found) -> list[str]:
    """What rules that give a value outright say for this run, with the swept values put in where they ask for them."""
    from .. import rules

    known = {"params": found.params, "tokens": found.tokens, "flops": 6 * found.params * found.tokens}
    known |= {k: v[0] for k, v in found.values.items()}
    out = []
    for name in dict.fromkeys([*found.values, "batch_size", "critical_batch", "weight_decay"]):
        for answer in rules.ask(name, {k: v for k, v in known.items() if k != name}):
            if answer.value is not None:
                said = f"{name} {format_number(answer.value, 4)} {answer.rule.unit}"
                out.append(f"  {answer.rule.name}: {said} ({answer.rule.setting})")
    return ["published rules for this run:", *out] if out else out


@app.command()
def memory(
    params: Annotated[str, typer.Option(help="Size, such as 7B.")],
    devices: int = 8,
    on: Annotated[str, typer.Option(help="Accelerator whose memory each device has.")] = "H100",
    zero: Annotated[int, typer.Option(help="ZeRO stage, 0 to 3.")] = 3,
    sequences: Annotated[float, typer.Option(help="Sequences on each device.")] = 1,
    context: int = 2048,
    checkpoint_every: Annotated[int, typer.Option(help="Blocks between activation checkpoints.")] = 1,
    serve: Annotated[bool, typer.Option("--serve", help="Weights and cache to answer with, instead of training.")] = False,
    bits: Annotated[float, typer.Option(help="With --serve: bits per weight.")] = 16,
    kv_groups: Annotated[int, typer.Option(help="Query heads for each key-value head.")] = 1,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Memory on each device to train or serve a model of this size, and whether it fits."""
    from ..plan import accelerator, serve_memory, shape_for, train_memory
    from ..report.planning import memory_figure

    shape, room = shape_for(params, kv_groups=kv_groups), accelerator(on).memory
    if serve:
        found = serve_memory(shape, devices=devices, device_bytes=room, sequences=sequences, context=context, bits=bits)
    else:
        options = {"devices": devices, "device_bytes": room, "zero": zero, "sequences": sequences}
        found = train_memory(shape, context=context, checkpoint_every=checkpoint_every, **options)
    draw(lambda: memory_figure({format_number(shape.params): found}), figure)
    if not json:
        typer.echo(shape.summary())
    show(found, json)


@app.command()
def design(
    target: Annotated[str, typer.Option(help="The run to foretell: params=70B,tokens=1.4T.")],
    budget: Annotated[str, typer.Option(help="FLOP for all runs together, or as '2048 H100-hours'.")],
    source: Annotated[str, typer.Option("--from", help="A fit so far (-o file), or a law before any run.")] = "chinchilla",
    candidates: Annotated[Path | None, typer.Option(help="Table of possible runs: params, tokens, flops.")] = None,
    criterion: Annotated[str, typer.Option(help="forecast, optimum (N*) or params.")] = "forecast",
    misfit: Annotated[float, typer.Option(help="How far the law may be off with nothing nearby, in log loss.")] = 0.1,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write the runs: CSV, or YAML as a spec for forescale ladder.")
    ] = None,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """The runs that narrow a forecast most for their compute, and how narrow it will be."""
    from .. import laws
    from ..plan import budget as read_budget
    from ..plan import design as run_design
    from ..plan import grid
    from ..report.planning import design_figure

    limit = read_budget(budget).flops
    item = load_fit(Path(source)) if Path(source).suffix == ".json" else laws.get(source)
    offered = _offered(candidates) if candidates else grid(limit)
    aim = mapping(target)
    found = run_design(offered, aim, limit, source=item, criterion=criterion, misfit=misfit)
    if out and out.suffix in (".yaml", ".yml"):
        from ..ladder.spec import of_design

        if not {"params", "tokens"} <= set(aim):
            raise InputError("a ladder's spec needs a target with params and tokens")
        out.write_text(of_design(found.runs, aim))
    elif out:
        _write(found, out)
    draw(lambda: design_figure(found), figure)
    show(found, json)


def _offered(path: Path) -> dict:
    """Columns of a table of candidates, which have no loss yet."""
    found = frame(path, "params", "tokens")
    return {k: found[k].to_numpy().astype(float) for k in ("params", "tokens", "flops") if k in found.columns}


def _write(found, path: Path) -> None:
    import polars as pl

    columns = dict(found.runs) | {"flops": found.flops, "halfwidth": found.halfwidth[1:]}
    pl.DataFrame(columns).write_csv(path)


@app.command()
def budget(
    text: Annotated[str, typer.Argument(help="'2048 H100-hours @ 40% MFU', '$2M at $2.5 per H100-hour', '30 days on 512 H100'.")],
    precision: str = "bf16",
    price: Annotated[float | None, typer.Option(help="Dollars for an accelerator-hour.")] = None,
    json: Json = False,
) -> None:
    """What a budget is in FLOP, hours, days, money and energy."""
    from ..plan import budget as read_budget

    show(read_budget(text, precision, price), json)
