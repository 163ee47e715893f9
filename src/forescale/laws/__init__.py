"""The catalogue: every law that ships, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import one_of
from ..law import Law, load_law
from ..quantities import format_number

# name -> file; imported when asked for; no file bears the name of a law, which would hide it
CATALOGUE = {
    "chinchilla": "hoffmann",
    "overtraining": "hoffmann",
    "downstream_error": "hoffmann",
    "coupled": "coupling",
    "kaplan": "kaplan2020",
    "kaplan_params": "kaplan2020",
    "kaplan_tokens": "kaplan2020",
    "kaplan_compute": "kaplan2020",
    "kaplan_steps": "kaplan2020",
    "power": "powers",
    "power_floor": "powers",
    "broken1": "broken",
    "broken2": "broken",
    "broken3": "broken",
    "m4": "broken",
    "farseer": "farseer2025",
    "data_constrained": "data",
    "vocabulary": "data",
    "languages": "data",
    "routed": "data",
    "critical_batch": "data",
    "rectified": "transfer",
    "finetune_joint": "transfer",
    "encoder_decoder": "transfer",
    "pass_until": "transfer",
    "annealing": "training",
    "parallel_streams": "training",
    "precision": "training",
    "batch_trajectory": "trajectory",
    "kaplan_floor": "coupling",
    "learning_curve": "curves",
    "shifted_power": "curves",
    "superposition_width": "curves",
    "spectral_dynamics": "curves",
    "u_shape": "curves",
    "loss_to_accuracy": "scores",
    "loss_to_loss": "scores",
    "bleu": "scores",
    "composed_choice": "scores",
    "coverage": "scores",
    "coverage_beta": "scores",
    "accuracy_line": "scores",
    "accuracy_moon": "scores",
    "quantized": "scores",
    "mixture": "mixing",
    "transfer_pools": "mixing",
    "quality_repetition": "mixing",
    "intrinsic_dimension": "mixing",
    "forgetting": "transfer",
    "forgetting_tradeoff": "transfer",
    "bit_level": "training",
    "width_depth": "gemstones",
    "width_depth_params": "gemstones",
}


def get(text: str | Law) -> Law:
    """A law by catalogue name, `power(tokens)` for a one-axis law in that variable, or `FILE.py:NAME`."""
    if isinstance(text, Law):
        return text
    if ".py" in text:
        return load_law(text)
    match = re.fullmatch(r"(\w+)\((\w+)\)", text.strip())
    name, variable = (match[1], match[2]) if match else (text.strip(), None)
    if name not in CATALOGUE:
        raise one_of("law", name, CATALOGUE)
    found = getattr(import_module(f".{CATALOGUE[name]}", __name__), name)
    return found.of(x=variable) if variable else found


def every() -> list[Law]:
    return [get(name) for name in CATALOGUE]


def rivals(law: Law) -> list[str]:
    """Other laws of the catalogue that say the same output from the same inputs."""
    return [o.name for o in every() if o.name != law.name and o.output == law.output and set(o.inputs) == set(law.inputs)]


def outside(law: Law, inputs: Mapping[str, Any]) -> list[str]:
    """One sentence for each input that lies outside the range the law's source fitted, where that is recorded."""
    out = []
    for name, value in law.numbers(inputs).items():
        low, high = law.valid.get(name, (0.0, float("inf")))
        if value.min() < low or value.max() > high:
            edges = " to ".join(format_number(v) for v in (low, high))
            out.append(f"{name} lies outside the {edges} of the source")
    return out


def __getattr__(name: str) -> Law:
    if name in CATALOGUE:
        return get(name)
    raise AttributeError(name)
