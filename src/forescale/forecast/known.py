"""The laws of the catalogue whose inputs are those at hand, whatever these are called: the field's own forms as candidates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..law import Law
from ..laws import CATALOGUE, get
from ..quantities import canonical

# Laws that the general grammar contains, or that did no better beside it on simulated tables of their own
CONTAINED = {
    "chinchilla", "overtraining", "coupled", "kaplan", "kaplan_floor", "kaplan_steps", "mixture",
    "width_depth", "width_depth_params", "spectral_dynamics", "forgetting",
}  # fmt: skip
SPELLINGS = {
    "unique_tokens": ("unique_data", "tokens_unique", "distinct_tokens", "n_unique_tokens", "unique"),
    "vocabulary": ("vocab", "vocab_size", "vocabulary_size", "n_vocab"),
    "languages": ("n_languages", "num_languages"),
    "experts": ("n_experts", "num_experts", "expert_count"),
    "streams": ("parallel_size", "n_streams", "num_streams"),
    "bits": ("n_bits", "num_bits", "bit_width", "weight_bits"),
    "examples": ("samples", "sft_data_size", "finetuning_examples", "n_examples", "num_examples", "finetuning_tokens"),
    "encoder_params": ("params_encoder", "n_encoder"),
    "decoder_params": ("params_decoder", "n_decoder"),
    "epochs": ("n_epochs", "num_epochs", "repetitions"),
    "unique_examples": ("unique_samples",),
}
LOSSES = {"loss", "losses", "nll", "entropy", "xent", "ce", "bpb", "bpc"}
# What two inputs say of a third: powers that multiply to it
SAID = {
    "unique_tokens": {"tokens": 1, "epochs": -1},
    "tokens": {"unique_tokens": 1, "epochs": 1},
}


@dataclass(frozen=True)
class Known:
    """A law and, for each of its inputs, the powers of a question's inputs that multiply to it."""

    law: Law
    powers: Mapping[str, Mapping[str, int]]


def known(inputs: Sequence[str], target: str) -> list[Known]:
    """Laws of this target that take these inputs, all of them and no other; none for a single one, where laws differ little."""
    if len(inputs) < 2:
        return []
    mine, of = {_own(n): n for n in inputs}, {target, "loss"} if is_loss(target) else {target}
    laws = [law for law in map(get, CATALOGUE) if law.output in of and law.name not in CONTAINED]
    found = [(law, {n: _powers(n, mine) for n in law.inputs}) for law in laws]
    return [Known(law, p) for law, p in found if all(p.values()) and {m for of in p.values() for m in of} == set(inputs)]


def is_loss(target: str) -> bool:
    """Whether a column is one that laws of a loss speak of: by its words."""
    words = set(re.split(r"[^a-z]+", target.lower()))
    return bool(words & LOSSES) or canonical(target) == "loss"


def _own(name: str) -> str:
    """The catalogue's name of an input."""
    low = name.lower()
    return next((own for own, others in SPELLINGS.items() if low == own or low in others), canonical(name))


def _powers(name: str, mine: Mapping[str, str]) -> dict[str, int]:
    if name in mine:
        return {mine[name]: 1}
    said = SAID.get(name, {})
    return {mine[n]: p for n, p in said.items()} if said and set(said) <= set(mine) else {}
