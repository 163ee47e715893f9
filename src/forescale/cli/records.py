"""laws, rules, studies: what the package carries."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from ..quantities import format_number
from .common import Json, app, bar, mapping, numbers, published

laws_app = typer.Typer(no_args_is_help=True, help="The catalogue of laws.")
studies_app = typer.Typer(no_args_is_help=True, help="Published studies.")
rules_app = typer.Typer(no_args_is_help=True, help="Published rules that carry settings from run to run.")
app.add_typer(laws_app, name="laws")
app.add_typer(rules_app, name="rules")
app.add_typer(studies_app, name="studies")


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
        "range": {k: list(v) for k, v in item.valid.items()},
        "limits": item.limits,
        "rivals": laws.rivals(item),
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
    for name, (low, high) in item.valid.items():
        typer.echo(f"  range: {name} {format_number(low)} to {format_number(high)}")
    typer.echo(f"  limits: {item.limits}")
    if data["rivals"]:
        typer.echo(f"  rivals: {', '.join(data['rivals'])}")
    for p in item.published:
        values = ", ".join(f"{k} {v:g}" for k, v in p.values.items())
        typer.echo(f"  published {p.name}: {values} ({p.where})")
    typer.echo(item.cite())


@laws_app.command("at")
def laws_at(
    name: Annotated[str, typer.Argument(help="LAW:PRESET, such as chinchilla:besiroglu, or LAW with --set.")],
    at: Annotated[str, typer.Option("--at", help="Inputs: params=70B,tokens=1.4T.")],
    values: Annotated[str, typer.Option("--set", help="Parameters, or changes to the preset's: E=1.7,alpha=0.3.")] = "",
    json: Json = False,
) -> None:
    """A law at published or given parameters: one number, its source, and how far outside the source's range it is."""
    from .. import laws

    item, preset = published(name)
    inputs, params = mapping(at), dict(preset.values if preset else {}) | numbers(values)
    value = float(item(params, **inputs))
    warnings = laws.outside(item, inputs)
    if preset and item.source.checked == "unverified":
        warnings.append("this record is unverified: written from memory or second hand")
    where = preset.where if preset else "parameters as given"
    if json:
        typer.echo(json_module.dumps({"law": name, item.output: value, "params": params, "where": where, "warnings": warnings}))
        return
    typer.echo("\n".join([f"{item.output} {value:.5g}   ({where})", *(f"warning: {w}" for w in warnings)]))


@laws_app.command("optimum")
def laws_optimum(
    name: Annotated[str, typer.Argument(help="LAW:PRESET, such as chinchilla:besiroglu; a law in params and tokens.")],
    flops: Annotated[str, typer.Option(help="Budget, such as 1e23.")],
    json: Json = False,
) -> None:
    """Compute-optimal size and data by published parameters; no interval: a preset carries none."""
    from ..plan import optimum

    item, preset = published(name)
    found = optimum(item, dict(preset.values), flops)
    if json:
        typer.echo(json_module.dumps(found))
        return
    n, d = (format_number(found[k]) for k in ("params", "tokens"))
    typer.echo(f"params {n}, tokens {d} ({found['tokens'] / found['params']:.3g} per parameter), loss {found['loss']:.4f}")
    typer.echo(f"  {preset.where}; no interval: fit your own runs and use forescale plan")


@rules_app.command("list")
def rules_list(json: Json = False) -> None:
    """Every rule that ships, by what it answers."""
    from .. import rules

    items = [
        {"name": r.name, "answers": r.answers, "inputs": list(r.inputs), "doc": r.doc, "source": r.source.ref}
        for r in rules.every()
    ]
    if json:
        typer.echo(json_module.dumps(items))
    else:
        for item in sorted(items, key=lambda i: i["answers"]):
            typer.echo(f"{item['answers']:20} {item['name']:28} {', '.join(item['inputs']):40} {item['source']:18} {item['doc']}")


@rules_app.command("show")
def rules_show(name: str, json: Json = False) -> None:
    """One rule: formula, setting, what it holds fixed, where it stops, source."""
    from .. import rules

    r = rules.get(name)
    if isinstance(r, rules.Advice):
        data = {k: getattr(r, k) for k in ("name", "answers", "doc", "cases", "setting", "limits")} | {"source": vars(r.source)}
        typer.echo(json_module.dumps(data) if json else f"{r.name}: {r.doc}\n{advice_text(r)}")
        return
    fields = ("name", "answers", "doc", "latex", "setting", "holds", "limits", "unit", "transfer")
    data = {k: getattr(r, k) for k in fields} | {"inputs": list(r.inputs), "source": vars(r.source)}
    data |= {"rivals": [o.name for o in rules.every() if o.answers == r.answers and o is not r], "range": dict(r.valid)}
    if json:
        typer.echo(json_module.dumps(data))
        return
    kind = "a factor on the tuned value" if r.transfer else f"a value in {r.unit or 'its unit'}"
    typer.echo(f"{r.name}: {r.doc}\n  {r.latex}\n  answers {r.answers} from {', '.join(r.inputs)}: {kind}")
    typer.echo(f"  setting: {r.setting}\n  holds fixed: {r.holds}\n  limits: {r.limits}")
    for name, (low, high) in r.valid.items():
        typer.echo(f"  range: {name} {format_number(low)} to {format_number(high)}")
    if data["rivals"]:
        typer.echo(f"  rivals: {', '.join(data['rivals'])}")
    typer.echo(f"  source: {r.source.title}, {r.source.ref} {r.source.eq} ({r.source.checked})\n{r.cite()}")


def advice_text(a) -> str:
    """The cases of a rule without numbers, a line each."""
    lines = [f"  if {case}: {do}" for case, do in a.cases]
    return "\n".join([*lines, f"  setting: {a.setting}", f"  limits: {a.limits}", f"  source: {a.source.title}, {a.source.ref}"])


@rules_app.command("ask")
def rules_ask(
    quantity: Annotated[str, typer.Argument(help="learning_rate, weight_decay, batch_size ...")],
    to: Annotated[str, typer.Option("--to", help="The run to set up: params=7B,batch_size=4M.")],
    start: Annotated[str, typer.Option("--from", help="The run that was tuned: params=100M,batch_size=256k.")] = "",
    value: Annotated[str, typer.Option(help="The value tuned there.")] = "",
    json: Json = False,
) -> None:
    """What every published rule says about one quantity, side by side: where they agree and where they do not."""
    from .. import rules

    found = rules.ask(quantity, mapping(to), mapping(start), value or None)
    said = [a for a in found if a.factor is not None or a.value is not None]
    if json:
        keys = ("factor", "value", "why_not", "outside")
        typer.echo(json_module.dumps([{"rule": a.rule.name, **{k: getattr(a, k) for k in keys}} for a in found]))
        return
    for a in said:
        number = f"{format_number(a.value, 4)} {a.rule.unit}".rstrip() if a.value is not None else ""
        factor = f"x{a.factor:.4g}" if a.factor is not None else ""
        doubts = ["unverified"] * (a.rule.source.checked == "unverified") + [f"outside its range of {n}" for n in a.outside]
        typer.echo(f"{a.rule.name:26} {factor:8} {number} {f'({chr(59).join(doubts)})' if doubts else ''}".rstrip())
        typer.echo(f"  for {a.rule.setting}\n  holding {a.rule.holds}")
    for inputs, factors in rules.rivals(said).items():
        apart = max(factors) / min(factors)
        text = "agree" if apart < 1.05 else f"disagree by a factor {apart:.3g}: see their settings"
        typer.echo(f"the rules across {', '.join(inputs)} {text}")
    silent = [f"{a.rule.name} ({', '.join(a.rule.inputs)})" for a in found if a not in said]
    if silent:
        typer.echo(f"silent here, with what they go by: {', '.join(silent)}")
    for a in rules.advice(quantity):
        typer.echo(f"without numbers, {a.name}: {a.doc}")


@studies_app.command("list")
def studies_list(json: Json = False) -> None:
    """Studies that can be loaded: at hand, and those that are fetched when first asked for."""
    from .. import studies

    here = studies.names()
    items = [studies.about(name) | {"slug": name, "tables": studies.tables(name), "at_hand": True} for name in here]
    items += [
        {"slug": s.name, "title": s.title, "unit": s.unit, "licence": s.licence, "ref": s.ref, "at_hand": False}
        for s in studies.PUBLISHED.values()
        if s.name not in here
    ]
    if json:
        typer.echo(json_module.dumps(items))
        return
    for item in items:
        unit = f", {item['unit']}" if "unit" in item else ""
        what = f"tables: {', '.join(item['tables'])}{unit}" if item["at_hand"] else f"to fetch{unit}"
        typer.echo(f"{item['slug']:20} {item['title']} ({what})")


@studies_app.command("fetch")
def studies_fetch(names: Annotated[list[str], typer.Argument(help="Published studies, or all.")]) -> None:
    """Fetch published studies from their authors' repositories at pinned commits, check, convert and keep them."""
    from .. import studies
    from ..errors import one_of

    for name in studies.PUBLISHED if names == ["all"] else names:
        if name not in studies.PUBLISHED:
            raise one_of("published study", name, studies.PUBLISHED)
        place = studies.fetch(name, bar(f"fetching {name}"))
        typer.echo(f"{name}: {', '.join(studies.tables(name))} in {place}; {studies.PUBLISHED[name].licence}")
