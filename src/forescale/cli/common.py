"""What the commands share. Each command imports what it needs when it runs, so that --help stays fast."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"forescale {version('forescale')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Predict the run you cannot afford from the runs you can."""


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
LawName = Annotated[str, typer.Option(help="Catalogue name, power(tokens), or FILE.py:NAME.")]
KeepOdd = Annotated[bool, typer.Option("--keep-odd", help="Keep runs far worse than all others say.")]
Map = Annotated[str, typer.Option("--map", help="Columns by quantity or label: params=n_params,arm=optimizer.")]


def mapping(text: str) -> dict[str, str]:
    out = {}
    for part in filter(None, text.split(",")):
        name, sep, column = part.partition("=")
        if not sep or not column:
            raise InputError(f"cannot read {part!r}; write name=value, separated by commas")
        out[name.strip()] = column.strip()
    return out


def listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def numbers(text: str) -> dict[str, float]:
    """`E=1.7,alpha=0.3` as floats."""
    from ..quantities import parse_number

    return {k: parse_number(v, k) for k, v in mapping(text).items()}


def published(text: str):
    """(law, published set) of LAW:PRESET; the set is None where only LAW was given."""
    from .. import laws
    from ..errors import one_of

    name, _, preset = text.partition(":")
    item = laws.get(name)
    if not preset:
        return item, None
    found = [p for p in item.published if p.name == preset]
    if not found:
        raise one_of(f"preset of law {item.name}", preset, [p.name for p in item.published])
    return item, found[0]


def load_fit(path: Path):
    """A fit from the JSON that `fit -o` writes."""
    from .. import laws
    from ..fit import from_dict

    if not path.is_file():
        raise InputError(f"no file {path}; write one with forescale fit RUNS -o {path}")
    try:
        data = json_module.loads(path.read_text())
        return from_dict(data, laws.get(data["law"]))
    except (json_module.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError, AttributeError) as error:
        raise InputError(f"{path.name} is no fit written by forescale ({type(error).__name__}: {error})") from error


def bar(what: str):
    """A progress line on a terminal's standard error, from the first second on."""
    import sys
    import time

    begin = time.monotonic()

    def show(share: float) -> None:
        if sys.stderr.isatty() and time.monotonic() - begin > 1:
            print(f"\r{what} {share:4.0%}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)

    return show


def show(result, as_json: bool, *tables) -> None:
    """Print a result, and what its tables warned of when they were read, where the result does not say that itself."""
    said = getattr(result, "warnings", ())
    more = [w for t in tables for w in t.warnings if w not in said]
    if not as_json:
        typer.echo("\n".join([result.summary(), *(f"warning: {w}" for w in more)]))
    elif more:
        typer.echo(json_module.dumps(json_module.loads(result.to_json()) | {"warnings": [*more, *said]}))
    else:
        typer.echo(result.to_json())


Figure = Annotated[Path | None, typer.Option(help="Write a figure: .html (self-contained), .json, .svg, .pdf or .png.")]
RunsFile = Annotated[Path, typer.Argument(help="CSV, Parquet, JSON or JSONL table of runs.")]
Role = Annotated[str, typer.Option(help="Use only rows with this value in the column role.")]
Best = Annotated[bool, typer.Option("--best", help="Of rows alike in all inputs, a sweep say, keep the best.")]
DropBad = Annotated[bool, typer.Option("--drop-bad", help="Leave unreadable rows out, listed.")]


def runs_of(runs: Path, map: str = "", role: str = "", drop_bad: bool = False, only: tuple[str, ...] | None = None):
    """The runs of a file, those of one role where one is asked for."""
    from ..runs import read

    found = read(runs, drop_bad=drop_bad, only=only, **mapping(map))
    found = found.role(role) if role else found
    if not len(found):
        raise InputError(f"{runs.name}: no row has role {role!r}")
    return found


def draw(make, path: Path | None) -> None:
    """Write the figure that `make()` gives where a file was asked for; it is not made otherwise."""
    if path:
        from ..report.canvas import write

        write(make(), path)


def frame(path: Path, *columns: str, labels: tuple[str, ...] = (), gaps: tuple[str, ...] = ()):
    """A plain table that must have these columns, for what is no table of runs."""
    import polars as pl

    from ..runs.plain import plain

    return pl.DataFrame(plain(path, columns, labels, gaps), nan_to_null=True)
