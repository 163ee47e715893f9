"""Sequence mixers: what moves information between positions. One file each; all are causal, (b, t, width) to the same."""

from __future__ import annotations

from importlib import import_module

from ..config import Config

WHERE = {
    "attention": (".attention", "Attention"),
    "transnormer": (".linear_attention", "TransNormer"),
    "linear": (".linear_attention", "Divided"),
    "mala": (".linear_attention", "MagnitudeAware"),
    "mamba": (".selective", "Selective"),
    "s4d": (".convolution", "Diagonal"),
    "h3": (".convolution", "H3"),
    "monarch": (".monarch", "MonarchConvolution"),
    "mlp": (".mlp", "TokenMLP"),
}


def mixer(config: Config, index: int):
    """The mixer of block `index`, or None for the control without one."""
    if config.mixer == "none":
        return None
    module, name = WHERE[config.mixer]
    return getattr(import_module(module, __name__), name)(config, index)
