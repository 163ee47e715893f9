"""The papers, as data kept in index.txt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .. import laws, rules
from ..errors import InputError, one_of
from ..law import Source

KINDS = ("law", "rule", "study", "call", "plan")


@dataclass(frozen=True)
class Paper:
    """One paper. `authors`, `year` and `arxiv` are empty where they are not certain.

    `answers` are (kind, name) pairs: a law, rule, study or call that carries it, or `plan` and the room it waits for.
    """

    key: str
    title: str
    authors: str
    year: str
    arxiv: str
    topic: str
    offers: str
    answers: tuple[tuple[str, str], ...]

    @property
    def status(self) -> str:
        """working (something here answers to it), planned, or context (nothing will: it is outside the mission)."""
        kinds = {kind for kind, _ in self.answers}
        return "working" if kinds - {"plan"} else "planned" if kinds else "context"

    def cite(self) -> str:
        """A BibTeX entry; fields that are not certain are left out."""
        head = f"{self.authors} {self.year}, " if self.authors else ""
        return Source(f"arXiv:{self.arxiv}" if self.arxiv else "", head + self.title).bibtex()


@cache
def every() -> tuple[Paper, ...]:
    """All papers, in the order of the index."""
    lines = (files(__package__) / "index.txt").read_text(encoding="utf-8").splitlines()
    return tuple(_paper(line) for line in lines if not line.startswith("#"))


def _paper(line: str) -> Paper:
    title, authors, year, arxiv, topic, offers, answers = (part.strip() for part in line.split("|"))
    authors, year, arxiv = ("" if v == "-" else v for v in (authors, year, arxiv))
    pairs = tuple(tuple(a.split(":", 1)) for a in answers.split())
    words = re.findall(r"[a-z0-9]+", title.lower())
    surname = re.findall(r"[a-z]+", authors.lower().removesuffix(" et al."))
    key = "-".join([*surname[:1], year, *words[:4]]) if surname else "-".join([year, *words[:5]])
    return Paper(key, title, authors, year, arxiv, topic, offers, pairs)


def get(key: str) -> Paper:
    """A paper by its key, its arXiv id, or words of its title that fit one paper alone."""
    known = {p.key: p for p in every()} | {p.arxiv: p for p in every() if p.arxiv}
    if key in known:
        return known[key]
    fits = [p for p in every() if key.lower() in p.title.lower()]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise InputError(f"{len(fits)} papers have {key!r} in their title: {', '.join(p.key for p in fits[:5])}; name one")
    raise InputError(f"no paper is called {key!r}: forescale papers search finds keys")


def cite(name: str) -> str:
    """BibTeX of a law, a rule or a paper, by its name in the catalogue, its key or its arXiv id."""
    if name in laws.CATALOGUE:
        return laws.get(name).cite()
    if name in rules.CATALOGUE or name in rules.ADVICE:
        return rules.get(name).cite()
    try:
        return get(name).cite()
    except InputError:
        papers = [p.key for p in every()]
        raise one_of("law, rule or paper", name, [*laws.CATALOGUE, *rules.CATALOGUE, *rules.ADVICE, *papers]) from None
