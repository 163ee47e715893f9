"""papers, cite: the literature index."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from .common import Json, app

papers_app = typer.Typer(no_args_is_help=True, help="The literature index.")
app.add_typer(papers_app, name="papers")


def _line(paper) -> str:
    who = f"{paper.authors} {paper.year}".strip()
    return (
        f"{paper.key}\n  {paper.title}\n  {who}{f', arXiv:{paper.arxiv}' if paper.arxiv else ''}; {paper.status}: {paper.offers}"
    )


@papers_app.command("search")
def papers_search(
    query: Annotated[str, typer.Argument(help="Words, such as 'batch size'.")],
    limit: Annotated[int, typer.Option(min=1, help="How many hits.")] = 10,
    kind: Annotated[str, typer.Option(help="Only paper, law, rule or study.")] = "",
    json: Json = False,
) -> None:
    """Search papers, laws, rules and studies by words; best first."""
    from .. import papers
    from ..errors import one_of

    kinds = ("paper", "law", "rule", "study")
    if kind and kind not in kinds:
        raise one_of("kind", kind, kinds)
    hits = papers.search(query, limit, kind or None)
    if json:
        typer.echo(json_module.dumps([vars(h) for h in hits]))
        return
    typer.echo("\n".join(f"{h.kind:6} {h.name:34} {h.text}" for h in hits) or f"nothing fits {query!r}")


@papers_app.command("list")
def papers_list(status: Annotated[str, typer.Option(help="Only working, planned or context.")] = "", json: Json = False) -> None:
    """Every paper and what here answers to it."""
    from .. import papers
    from ..errors import one_of

    if status and status not in ("working", "planned", "context"):
        raise one_of("status", status, ("working", "planned", "context"))
    found = [p for p in papers.every() if status in ("", p.status)]
    if json:
        typer.echo(json_module.dumps([vars(p) | {"status": p.status} for p in found]))
        return
    for p in found:
        typer.echo(f"{p.status:8} {p.title}{'  -> ' if p.answers else ''}{' '.join(':'.join(a) for a in p.answers)}")


@papers_app.command("show")
def papers_show(name: Annotated[str, typer.Argument(help="Key, arXiv id or words of the title.")], json: Json = False) -> None:
    """One paper: what it offers, what here answers to it, BibTeX."""
    from .. import papers

    p = papers.get(name)
    if json:
        typer.echo(json_module.dumps(vars(p) | {"status": p.status, "bibtex": p.cite()}))
        return
    typer.echo(_line(p))
    for kind, answer in p.answers:
        typer.echo(f"  {kind}: {answer}")
    typer.echo(p.cite())


@app.command()
def cite(name: Annotated[str, typer.Argument(help="A law, a rule or a paper.")]) -> None:
    """BibTeX of a law's, rule's or paper's source."""
    from .. import papers

    typer.echo(papers.cite(name))
