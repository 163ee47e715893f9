"""The published studies that can be fetched: where each lies, at which commit, under which licence, and its checksums."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Published:
    """`repo` at `commit` holds the files of checksums/NAME.txt; recipes/NAME.py makes the tables."""

    name: str
    title: str
    ref: str
    repo: str
    commit: str
    licence: str
    unit: str


_NONE = "the repository states no licence: the data are fetched for you, not passed on"

PUBLISHED = {
    p.name: p
    for p in (
        Published(
            "chinchilla",
            "Chinchilla training runs read off Figure 4 of Hoffmann et al. by Besiroglu et al.",
            "arXiv:2404.10102",
            "epoch-research/analyzing-chinchilla",
            "92258837425e1b5f2851d624287f0120583a3d0e",
            _NONE,
            "nats/token",
        ),
        Published(
            "misfitting",
            "(Mis)Fitting: 12M to 1B models over token counts and learning rates",
            "arXiv:2502.18969",
            "hadasah/scaling_laws",
            "1f3708c0a12df0effb0ee906b1da5f9f0ff4f4f1",
            _NONE,
            "nats/token",
        ),
        Published(
            "finetuning",
            "Fine-tuning of 14 models on three tasks, by number of examples",
            "arXiv:2402.02314",
            "linhaowei1/Fine-tuning-Scaling-Law",
            "5214568013af65e3cefd03860ecd7bc9358b308c",
            "Apache-2.0",
            "nats/token of each model's own tokenizer",
        ),
        Published(
            "gemstones",
            "Gemstones: 22 models of varied width and depth, with learning-rate and cooldown ablations",
            "arXiv:2502.06857",
            "mcleish7/gemstone-scaling-laws",
            "5f420478f6057b0cbb4d13405fb10ca64675bccb",
            "MIT",
            "nats/token",
        ),
        Published(
            "overtraining",
            "Over-training and downstream tasks: 104 models, 3 datasets, 8 validation sets, 46 tasks",
            "arXiv:2403.08540",
            "mlfoundations/scaling",
            "a003c4913793ac2ae7ef87b28ecb562955d026d5",
            "MIT",
            "nats/token",
        ),
        Published(
            "observational",
            "Observational scaling laws: benchmark scores of 175 public language models",
            "arXiv:2405.10938",
            "ryoungj/ObsScaling",
            "4d6e1e43fd2635d04654aa77d1df9d5266ea0382",
            "Apache-2.0",
            "scores, higher is better",
        ),
    )
}


def checksums(name: str) -> dict[str, str]:
    """sha256 by path inside the repository."""
    lines = (files(__package__) / "checksums" / f"{name}.txt").read_text().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines)


def paths(name: str) -> list[str]:
    return list(checksums(name))
