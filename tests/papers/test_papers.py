"""The literature index: complete, linked to what exists, searchable."""

from importlib import import_module

import pytest

from forescale import laws, papers, rules, studies
from forescale.errors import InputError


def test_246_papers_with_keys_of_their_own():
    found = papers.every()
    assert len(found) == 246
    assert len({p.key for p in found}) == len({p.title for p in found}) == 246
    ids = [p.arxiv for p in found if p.arxiv]
    assert len(ids) == len(set(ids)) > 110
    assert all(p.offers and p.topic and p.year for p in found)


@pytest.mark.parametrize("paper", [p for p in papers.every() if p.answers], ids=lambda p: p.key)
def test_every_answer_exists(paper):
    for kind, name in paper.answers:
        if kind == "law":
            assert name in laws.CATALOGUE
        elif kind == "rule":
            assert name in rules.CATALOGUE or name in rules.ADVICE
        elif kind == "study":
            assert name in studies.SHIPPED
        elif kind == "call":
            room, _, call = name.rpartition(".")
            module = import_module(f"forescale.{room}" if room else "forescale")
            assert hasattr(module, call) or import_module(f"forescale.{name}")
        else:
            assert kind == "plan"


def test_every_law_and_rule_of_an_indexed_paper_is_linked_from_it():
    by_id = {p.arxiv: p for p in papers.every() if p.arxiv}
    for kind, records in (("law", laws.every()), ("rule", rules.every())):
        for record in records:
            paper = by_id.get(record.source.ref.removeprefix("arXiv:"))
            assert paper is None or (kind, record.name) in paper.answers, f"{paper.key} does not name {record.name}"


def test_the_paper_behind_a_question_is_found():
    for question, name in {
        "how many epochs of repeated data": "data_constrained",
        "batch size": "batch_power_lines",
        "weight decay when width grows": "weight_decay_width",
        "fine-tuning curve flat start": "rectified",
    }.items():
        assert name in [h.name for h in papers.search(question, 10)], question
    assert all(h.kind == "paper" for h in papers.search("quantization", 5, "paper"))
    scores = [h.score for h in papers.search("learning rate")]
    assert scores == sorted(scores, reverse=True)
    assert papers.search("zzyzx") == []
    with pytest.raises(InputError, match="is empty"):
        papers.search("  ")


def test_citations():
    assert "Besiroglu" in papers.cite("2404.10102") and "Chinchilla Scaling" in papers.cite("2404.10102")
    assert "Rectified Scaling Law" in papers.cite("rectified") and papers.cite("rectified") == papers.cite("2402.02314")
    assert "eprint = {2103.07579}" in papers.cite("shape_resnet_rs")
    with pytest.raises(InputError, match="did you mean 'rectified'"):
        papers.cite("rectifed")
    with pytest.raises(InputError, match="papers have 'scaling laws' in their title"):
        papers.get("scaling laws")
    assert papers.get("Power Lines").arxiv == "2505.13738"
