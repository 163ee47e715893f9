"""crossover, skills, chain, languages: where arms cross, what each skill asks for, scores by item, tokens across languages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .common import DropBad, Figure, Json, LawName, Map, Role, RunsFile, app, draw, frame, mapping, runs_of, show


@app.command()
def crossover(
    runs: RunsFile,
    a: Annotated[str, typer.Option("--a", help="One arm.")],
    b: Annotated[str, typer.Option("--b", help="The other.")],
    target: Annotated[str, typer.Option(help="Scale at which the winner is asked for; default the largest.")] = "",
    by: Annotated[str, typer.Option(help="Column that names the arm.")] = "arm",
    axis: Annotated[str, typer.Option(help="Scale: flops, hours or another positive column.")] = "flops",
    map: Map = "",
    drop_bad: DropBad = False,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Where two arms cross, how sure that is, and what one more seed of each would tell."""
    import numpy as np

    from ..compare import compare, seed_price
    from ..errors import one_of

    table = runs_of(runs, map, drop_bad=drop_bad)
    names = np.asarray(table[by]).astype(str)
    for arm in (a, b):
        if arm not in names:
            raise one_of(f"arm in column {by}", arm, sorted(set(names.tolist())))
    two = table.where(np.isin(names, [a, b]))
    found = compare(two, target or None, by=by, axis=axis)
    if figure:
        from ..report.comparing import arms_figure

        draw(lambda: arms_figure(found, two, by, axis), figure)
    pair = found.pairs[0]
    show(pair, json, table)
    if not json and axis == "flops":
        price = seed_price(pair, pair.common)
        say = f"{price['now']:.2%} now, {price['after']:.2%} after one more run of each at {pair.common:.3g}"
        typer.echo(f"  standard error of their difference: {say}, for {price['flops']:.3g} FLOP")


@app.command()
def skills(
    runs: RunsFile,
    flops: Annotated[str, typer.Option(help="Budget of the plan, or as '2048 H100-hours'.")],
    by: Annotated[str, typer.Option(help="Column that names the skill, such as a validation set.")] = "val_set",
    weights: Annotated[str, typer.Option(help="Mix of the skills: code=0.3,web=0.7; default equal.")] = "",
    law: LawName = "chinchilla",
    role: Role = "",
    map: Map = "",
    drop_bad: DropBad = False,
    json: Json = False,
) -> None:
    """The compute-optimal size of each skill, of their mix, and how far the choice of validation set moves the plan."""
    from .. import laws
    from ..plan import budget, fit_skills
    from ..plan import skills as run_skills
    from ..quantities import parse_number

    table = runs_of(runs, map, role, drop_bad)
    share = {k: parse_number(v, k) for k, v in mapping(weights).items()} or None
    show(run_skills(fit_skills(laws.get(law), table, by), budget(flops).flops, share), json, table)


@app.command()
def chain(
    choices: Annotated[Path, typer.Argument(help="Table: model, flops, item, choice, log_p, correct (1 for the right choice).")],
    flops: Annotated[str, typer.Option(help="Compute of the model to foretell.")],
    json: Json = False,
) -> None:
    """Accuracy of a larger model from every item's log-probabilities, the wrong choices modelled too."""
    import polars as pl

    from ..forecast import chain_forecast

    rows = frame(choices, "flops", "log_p", "correct", labels=("model", "item", "choice"))
    order = rows.group_by("model").agg(pl.col("flops").first(), pl.len()).sort("flops", "model")
    rows = rows.join(order.select("model", of=pl.int_range(pl.len())), on="model").sort("of", "item", "choice")
    items, models = rows["item"].n_unique(), len(order)
    counts = rows.group_by("model", "item", maintain_order=True).len()
    usual = int(counts["len"].mode().max())
    odd = counts.filter(pl.col("len") != usual)
    if len(odd):
        who, which, has = odd.row(0)
        raise InputError(f"{choices.name}: item {which} of model {who} has {has} choices, others {usual}: all must have as many")
    if len(counts) != items * models:
        raise InputError(f"{choices.name}: every one of {models} models needs all {items} items; {len(counts)} of both are there")
    shape = (models, items, len(rows) // (items * models))
    right = rows["correct"].cast(pl.Int64).to_numpy().reshape(shape)
    if not (right.sum(axis=2) == 1).all() or not (right == right[0]).all():
        raise InputError(f"{choices.name}: every item needs one correct choice, the same for all models")
    log_p = rows["log_p"].to_numpy().astype(float).reshape(shape)
    show(chain_forecast(log_p, right[0].argmax(axis=1), order["flops"].to_numpy().astype(float), flops), json)


@app.command()
def languages(
    runs: RunsFile,
    tokens: Annotated[str, typer.Option(help="Column of each language's training tokens: de=tokens_de,fr=tokens_fr.")],
    target: Annotated[str, typer.Option(help="Column that names the language of the loss.")] = "language",
    map: Map = "",
    json: Json = False,
) -> None:
    """The transfer matrix: what a token of each language is worth for each of the others."""
    from ..compare import transfer_matrix

    columns = mapping(tokens)
    table = runs_of(runs, map, only=("loss", *columns.values()))
    show(transfer_matrix(table, columns, target=target), json, table)
