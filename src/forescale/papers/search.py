"""One search over papers, laws, rules and studies: BM25 over words, stemmed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from .. import laws, rules, studies
from ..errors import InputError
from .index import every


@dataclass(frozen=True)
class Hit:
    """`kind` is paper, law, rule or study; `name` opens it; a higher `score` fits better."""

    kind: str
    name: str
    text: str
    score: float


def documents() -> list[tuple[str, str, str, str]]:
    """(kind, name, one line to show, words to search) of everything."""
    out = [("paper", p.key, f"{p.title} ({p.status}): {p.offers}", f"{p.title} {p.authors} {p.offers}") for p in every()]
    for law in laws.every():
        words = f"{law.name} {law.doc} {law.source.title} {law.source.counts} {' '.join(law.inputs)} {law.output} {law.limits}"
        out.append(("law", law.name, law.doc, words.replace("_", " ")))
    for r in rules.every():
        words = f"{r.name} {r.doc} {r.answers} {' '.join(r.inputs)} {r.setting} {r.source.title}"
        out.append(("rule", r.name, r.doc, words.replace("_", " ")))
    for a in rules.ADVICE.values():
        words = f"{a.name} {a.doc} {' '.join(a.answers)} {a.setting} {a.source.title} {a.cases}"
        out.append(("rule", a.name, a.doc, words.replace("_", " ")))
    for name in studies.names():
        about = studies.about(name)
        out.append(("study", name, about["title"], f"{name} {about['title']}"))
    return out


@cache
def _index() -> tuple[Any, Any, list]:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    docs = documents()
    tokens = bm25s.tokenize([d[3] for d in docs], stopwords="en", stemmer=stemmer, show_progress=False)
    retriever = bm25s.BM25()
    retriever.index(tokens, show_progress=False)
    return retriever, stemmer, docs


def search(query: str, limit: int = 10, kind: str | None = None) -> list[Hit]:
    """Hits for a query in words, best first; none where no word is known. `kind` keeps paper, law, rule or study alone."""
    import bm25s

    if not query.strip():
        raise InputError("the search is empty: give words such as 'batch size'")
    retriever, stemmer, docs = _index()
    tokens = bm25s.tokenize([query], stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)
    if not tokens[0]:
        raise InputError(f"{query!r} has no word to search for: give words such as 'batch size'")
    found, scores = retriever.retrieve(tokens, k=len(docs), show_progress=False)
    hits = [Hit(*docs[i][:3], float(s)) for i, s in zip(found[0], scores[0], strict=True) if s > 0]
    return [h for h in hits if kind in (None, h.kind)][:limit]
