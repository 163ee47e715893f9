"""Laws for any inputs: one readable grammar of floors, power terms and modifiers.

    y = E + (sum_j A_j x_j^-a_j)^k * prod_m x_m^b_m * exp(c_m log^2 x_m)

over resources j (more is more: parameters, tokens, compute ...) and modifiers m (everything else: learning rate, batch,
streams ...). With k = 1 it is the Chinchilla form, with E = 0 Kaplan's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import numpy as np

from ..law import Law, Param, Source, interval, positive
from ..quantities import QUANTITIES, format_number

RESOURCES = {"params", "tokens", "flops", "steps", "width", "depth"}
MORE = ("param", "token", "flop", "compute", "sample", "example", "character", "image", "data_size", "dataset_size", "epoch")
_SOURCE = Source("arXiv:2001.08361", "Kaplan et al. 2020, Scaling Laws for Neural Language Models", "1.5, generalised")


def is_resource(name: str) -> bool:
    """Whether more of an input is more training: by name or alias of a quantity, or by a word such as samples in it."""
    low = name.lower()
    if is_linear(low) or low.startswith("log") or {"per", "ratio", "share", "fraction"} & set(low.split("_")):
        return False
    known = (q for n, q in QUANTITIES.items() if n in RESOURCES)
    return any(word in low for word in MORE) or any(low == q.name or (len(low) > 1 and low in q.aliases) for q in known)


def is_linear(name: str) -> bool:
    """Whether an input enters as an exponential (`prepare`): a share, or one with zeros."""
    return name.startswith("exp(")


def general_law(inputs: Sequence[str], coupled: bool = True, floor: bool = True, straight: bool = False) -> Law:
    """The grammar's law for these inputs, in inputs divided by their middle (so that x = 1 is the middle of the data).

    Inputs that are no resource are modifiers; where none is a resource, all are taken as resources but linear ones.
    `straight`: linear modifiers (shares of a mixture) have no bend, as in the mixing law (arXiv:2403.16952).
    """
    resources = tuple(n for n in inputs if is_resource(n)) or tuple(n for n in inputs if not is_linear(n))
    modifiers = tuple(n for n in inputs if n not in resources)
    bent = tuple(n for n in modifiers if not (straight and is_linear(n)))
    power = coupled and len(resources) > 1
    params = [Param("E", positive, (0.05, 3.0), "value left at infinite resources")] if floor else []
    params.append(Param("h", positive, (0.05, 5.0), "height of the reducible part at the middle"))
    params += [Param("v_" + n, interval(-8, 8), (-3.0, 3.0), f"log share of {n} against {resources[0]}") for n in resources[1:]]
    top, start = (6, (0.1, 2.0)) if power else (4, (0.05, 1.0))
    params += [Param("a_" + n, interval(0, top), start, f"exponent of {n}") for n in resources]
    params += [Param("k", interval(0, 3), (0.1, 1.5), "outer exponent; 1 adds the terms")] if power else []
    for n in modifiers:
        params.append(Param("b_" + n, interval(-2, 2), (-0.3, 0.3), f"slope in log {n}"))
        if n in bent:
            params.append(Param("c_" + n, interval(-0.5, 0.5), (-0.03, 0.03), f"bend in log {n}"))

    def formula(p: SimpleNamespace, x: SimpleNamespace):
        terms = [
            np.exp((getattr(p, "v_" + n) if i else 0.0) - getattr(p, "a_" + n) * np.log(getattr(x, n)))
            for i, n in enumerate(resources)
        ]
        height = np.log(sum(terms[1:], terms[0])) if terms else 0.0
        if len(terms) > 1:
            height = height - np.log(sum((np.exp(getattr(p, "v_" + n)) for n in resources[1:]), 1.0))
        height = p.k * height if power else height
        for n in modifiers:
            z = np.log(getattr(x, n))
            height = height + getattr(p, "b_" + n) * z
            height = height + getattr(p, "c_" + n) * z * z if n in bent else height
        out = p.h * np.exp(height)
        return p.E + out if floor else out

    name = f"general({','.join(inputs)})"
    linear = ("E", "h") if floor else ("h",)
    return Law(name, formula, tuple(inputs), "loss", tuple(params), _SOURCE, linear=linear)


def readable(params: Mapping[str, float], inputs: Sequence[str], middle: Sequence[float], height: float) -> str:
    """The fitted formula in the users' own units."""
    at = dict(zip(inputs, middle, strict=True))
    resources = [n for n in inputs if "a_" + n in params]
    shares = {n: np.exp(params.get("v_" + n, 0.0)) for n in resources}
    total, k = sum(shares.values()), params.get("k", 1.0)
    scale = height * params["h"]
    terms = []
    for n in resources:
        power = np.log(shares[n] / total) + np.log(scale) / k + params["a_" + n] * np.log(at[n])
        front = f"{np.exp(power):.4g}" if abs(power) < 700 else f"exp({power:.5g})"
        terms.append(f"{front} * {n}^-{params['a_' + n]:.4g}")
    body = " + ".join(terms) or f"{scale:.4g}"
    body = f"({body})^{k:.4g}" if "k" in params else body
    for n in inputs:
        if "b_" + n in params:
            body = f"({body})" if " + " in body and not body.startswith("(") else body
            z = _logarithm(n, at[n])
            bend = f" {params['c_' + n]:+.3g} * {z}^2" if "c_" + n in params else ""
            body += f" * exp({params['b_' + n]:.3g} * {z}{bend})"
    return f"{height * params['E']:.4g} + {body}" if "E" in params else body


def _logarithm(name: str, at: float) -> str:
    """log(name / at) in words; that of a linear input is linear."""
    if not is_linear(name):
        return f"log({name}/{format_number(at, 3)})"
    shift = f" {-np.log(at):+.4g}" if abs(np.log(at)) > 5e-4 else ""
    return f"({name[len('exp(') : -1]}{shift})"
