"""Laws for any inputs: one readable grammar of floors, power terms and modifiers.

    y = E + (sum_j A_j x_j^-a_j)^k * prod_m x_m^b_m * exp(c_m log^2 x_m)

over resources j (more is more: parameters, tokens, compute ...) and modifiers m (everything else: learning rate, batch,
streams ...). With k = 1 it is the Chinchilla form, with E = 0 Kaplan's. Where optima move,

    y = (E + R) * exp(R^t * sum_m [b_m log x_m + c_m (log x_m - sum_n s_mn log x_n)^2]),  R = (sum_j A_j x_j^-a_j)^k

over resources and earlier modifiers n: what a wrong learning rate costs may shrink with the reducible part R or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

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


@dataclass(frozen=True)
class Grammar:
    """Which inputs are resources and which modify, which of these bend, and what moves the bend of each."""

    resources: tuple[str, ...]
    modifiers: tuple[str, ...]
    bent: tuple[str, ...]
    moved: Mapping[str, tuple[str, ...]]
    coupled: bool
    floor: bool

    def params(self) -> tuple[Param, ...]:
        first, *rest = self.resources or ("",)
        out = [Param("E", positive, (0.05, 3.0), "value left at infinite resources")] if self.floor else []
        out.append(Param("h", positive, (0.05, 5.0), "height of the reducible part at the middle"))
        out += [Param("v_" + n, interval(-8, 8), (-3.0, 3.0), f"log share of {n} against {first}") for n in rest]
        top, start = (6, (0.1, 2.0)) if self.coupled else (4, (0.05, 1.0))
        out += [Param("a_" + n, interval(0, top), start, f"exponent of {n}") for n in self.resources]
        out += [Param("k", interval(0, 3), (0.1, 1.5), "outer exponent; 1 adds the terms")] if self.coupled else []
        for n in self.modifiers:
            out.append(Param("b_" + n, interval(-2, 2), (-0.3, 0.3), f"slope in log {n}"))
            if n in self.bent:
                out.append(Param("c_" + n, interval(-0.5, 0.5), (-0.03, 0.03), f"bend in log {n}"))
                at_bend = f"log {n} at the bend, by log "
                out += [Param(f"s_{n}/{m}", interval(-2, 2), (-0.5, 0.5), at_bend + m) for m in self.moved.get(n, ())]
        if self.moved:
            out.append(Param("t", interval(-1, 3), (0.0, 1.0), "power of the reducible part in what modifiers do"))
        return tuple(out)

    def formula(self, p: SimpleNamespace, x: SimpleNamespace):
        height = self._reducible(p, x)
        if self.moved:
            out = p.h * np.exp(height)
            return (p.E + out if self.floor else out) * np.exp(np.exp(p.t * height) * self._modified(p, x, 0.0))
        out = p.h * np.exp(self._modified(p, x, height))
        return p.E + out if self.floor else out

    def _reducible(self, p: SimpleNamespace, x: SimpleNamespace):
        """Its log, nought in the middle of the data."""
        terms = [
            np.exp((getattr(p, "v_" + n) if i else 0.0) - getattr(p, "a_" + n) * np.log(getattr(x, n)))
            for i, n in enumerate(self.resources)
        ]
        height = np.log(sum(terms[1:], terms[0])) if terms else 0.0
        if len(terms) > 1:
            height = height - np.log(sum((np.exp(getattr(p, "v_" + n)) for n in self.resources[1:]), 1.0))
        return p.k * height if self.coupled else height

    def _modified(self, p: SimpleNamespace, x: SimpleNamespace, height):
        """A log height, and what the modifiers add to it."""
        for n in self.modifiers:
            z = np.log(getattr(x, n))
            height = height + getattr(p, "b_" + n) * z
            for m in self.moved.get(n, ()):
                z = z - getattr(p, f"s_{n}/{m}") * np.log(getattr(x, m))
            height = height + getattr(p, "c_" + n) * z * z if n in self.bent else height
        return height


def general_law(
    inputs: Sequence[str],
    coupled: bool = True,
    floor: bool = True,
    straight: bool = False,
    moving: bool = False,
    few: Mapping[str, int] = MappingProxyType({}),
) -> Law:
    """The grammar's law for these inputs, in inputs divided by their middle (so that x = 1 is the middle of the data).

    Inputs that are no resource are modifiers; where none is a resource, all are taken as resources but linear ones.
    `straight`: linear modifiers (shares of a mixture) have no bend, as in the mixing law (arXiv:2403.16952).
    `moving`: the bend of a modifier, its optimum, moves with resources and with modifiers named before it.
    `few`: modifiers of which the rows show one value, and so no effect, or two, and so no bend; of resources more is known.
    """
    resources = tuple(n for n in inputs if is_resource(n)) or tuple(n for n in inputs if not is_linear(n))
    modifiers = tuple(n for n in inputs if n not in resources and few.get(n) != 1)
    bent = tuple(n for n in modifiers if n not in few and not (straight and is_linear(n)))
    moved = {
        n: (*resources, *(m for m in bent[:i] if not is_linear(m))) for i, n in enumerate(bent) if moving and not is_linear(n)
    }
    grammar = Grammar(resources, modifiers, bent, moved, coupled and len(resources) > 1, floor)
    name = f"general({','.join(inputs)})"
    linear = ("E", "h") if floor else ("h",)
    return Law(name, grammar.formula, tuple(inputs), "loss", grammar.params(), _SOURCE, linear=linear)


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
    if "t" in params:
        front = f"({height * params['E']:.4g} + R)" if "E" in params else "R"
        return f"{front} * exp((R/{scale:.4g})^{params['t']:.3g} * ({_moved(params, at)})), R = {body}"
    for n in inputs:
        if "b_" + n in params:
            body = f"({body})" if " + " in body and not body.startswith("(") else body
            z = _logarithm(n, at[n])
            bend = f" {params['c_' + n]:+.3g} * {z}^2" if "c_" + n in params else ""
            body += f" * exp({params['b_' + n]:.3g} * {z}{bend})"
    return f"{height * params['E']:.4g} + {body}" if "E" in params else body


def _moved(params: Mapping[str, float], at: Mapping[str, float]) -> str:
    """What modifiers add where optima move."""
    parts = []
    for n in at:
        if "b_" + n not in params:
            continue
        z = _logarithm(n, at[n])
        parts.append(f"{params['b_' + n]:+.3g} * {z}")
        if "c_" + n in params:
            moved = "".join(f" {-v:+.3g} * {_logarithm(m, at[m])}" for m in at if (v := params.get(f"s_{n}/{m}")) is not None)
            parts.append(f"{params['c_' + n]:+.3g} * ({z}{moved})^2")
    return " ".join(parts).removeprefix("+")


def _logarithm(name: str, at: float) -> str:
    """log(name / at) in words; that of a linear input is linear."""
    if not is_linear(name):
        return f"log({name}/{format_number(at, 3)})"
    shift = f" {-np.log(at):+.4g}" if abs(np.log(at)) > 5e-4 else ""
    return f"({name[len('exp(') : -1]}{shift})"
