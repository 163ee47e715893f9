"""What a law is: a formula with named inputs and parameters, a source, and what it claims."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import InputError, LawError, one_of
from ..quantities import parse_number
from .claims import Claim
from .domains import Domain


@dataclass(frozen=True)
class Param:
    """One parameter: where it may lie and the box that fits start from (log-uniform where both ends are positive)."""

    name: str
    domain: Domain
    start: tuple[float, float]
    doc: str


@dataclass(frozen=True)
class Source:
    """Where the law comes from. `checked` says how the formula was confirmed.

    checked: `refitted` (we reproduce a published number with it), `known` (standard form, as quoted widely),
    `unverified` (written from memory or second hand; treat with care).
    `title` reads "Authors YEAR, Title".
    """

    ref: str
    title: str = ""
    eq: str = ""
    counts: str = ""
    checked: str = "known"

    def bibtex(self) -> str:
        """A BibTeX entry; "et al." becomes BibTeX's own "and others"."""
        authors, year, title = re.fullmatch(r"(?:(.+?) (\d{4}), )?(.*)", self.title).groups()
        fields = {"title": f"{{{title}}}", "author": (authors or "").replace(" et al.", " and others"), "year": year}
        arxiv = self.ref.startswith("arXiv:")
        fields |= {"eprint": self.ref.removeprefix("arXiv:"), "archivePrefix": "arXiv"} if arxiv else {"note": self.ref}
        key = re.sub(r"\W+", "", (authors or "").split(" ")[0].lower()) + (year or "")
        key += re.sub(r"\W+.*", "", title.lower())
        return f"@misc{{{key or 'source'},\n" + ",\n".join(f"  {k} = {{{v}}}" for k, v in fields.items() if v) + "\n}"


@dataclass(frozen=True)
class Published:
    """A named parameter set and, where its source gives one, a worked point: inputs, output, relative tolerance."""

    name: str
    values: Mapping[str, float]
    where: str
    worked: tuple[Mapping[str, float], float, float] | None = None


@dataclass(frozen=True)
class Working:
    """Better-conditioned coordinates for the search: `to_law(q, c)` gives the law's parameters.

    `c` holds the middle of each input's range on a log axis, and `c.reach` half the length of that range in
    natural logarithms, so a search in these coordinates does not depend on units.
    `from_law(p, c)` is the inverse. `linear` names the coordinates the formula is affine in.
    """

    params: tuple[Param, ...]
    to_law: Callable[[Any, Any], Mapping[str, Any]]
    from_law: Callable[[Any, Any], Mapping[str, Any]]
    linear: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Law:
    """A scaling law as a record. Call it with a parameter mapping and inputs to evaluate it.

    `formula(p, x)` gets parameters and inputs as attributes, is pure, and broadcasts. `optimum(p, flops)`
    is the closed-form compute-optimal (params, tokens) under C = 6 N D, where there is one.
    `valid` maps inputs to the range the source fitted. `limits` says where the law is known to fail or stop.
    `may_be_zero` names inputs for which zero has a meaning; all others must be above zero.
    """

    name: str
    formula: Callable[[Any, Any], Any]
    inputs: tuple[str, ...]
    output: str
    params: tuple[Param, ...]
    source: Source
    doc: str = ""
    linear: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    published: tuple[Published, ...] = ()
    optimum: Callable[[Any, Any], tuple[Any, Any]] | None = None
    valid: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    working: Working | None = None
    latex: str = ""
    limits: str = ""
    may_be_zero: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.params)

    def __call__(self, values: Mapping[str, Any], /, **inputs: Any) -> np.ndarray:
        """Evaluate at a parameter mapping; inputs are arrays or texts such as `70B` and broadcast."""
        self.require(values, self.names, "parameter")
        self.require(inputs, self.inputs, "input")
        p = {k: np.asarray(values[k], float) for k in self.names}
        return np.asarray(self.formula(SimpleNamespace(**p), SimpleNamespace(**self.numbers(inputs))))

    def require(self, given: Mapping[str, Any], wanted: tuple[str, ...], kind: str) -> None:
        missing = [n for n in wanted if n not in given]
        if missing:
            raise InputError(f"law {self.name}: {kind} {', '.join(missing)} missing; it takes {', '.join(wanted)}")
        for name in given:
            if name not in wanted:
                raise one_of(f"{kind} of law {self.name}", name, wanted)

    def numbers(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Inputs as float arrays; texts are parsed, non-positive values refused."""
        out = {}
        for name, value in inputs.items():
            array = np.asarray(
                [parse_number(v, name) for v in value]
                if isinstance(value, (list, tuple))
                else parse_number(value, name)
                if isinstance(value, str)
                else value,
                float,
            )
            fine = array >= 0 if name in self.may_be_zero else array > 0
            if not np.all(fine) or not np.all(np.isfinite(array)):
                raise InputError(
                    f"{name} must be {'zero or ' if name in self.may_be_zero else ''}positive and finite, got {value!r}"
                )
            out[name] = array
        return out

    def preset(self, name: str) -> dict[str, float]:
        """The values of a published parameter set."""
        for item in self.published:
            if item.name == name:
                return dict(item.values)
        raise one_of(f"preset of law {self.name}", name, [i.name for i in self.published])

    def of(self, **renamed: str) -> Law:
        """The same law in other variables: `power.of(x="tokens")` is a law in tokens."""
        for name in renamed:
            if name not in self.inputs:
                raise one_of(f"input of law {self.name}", name, self.inputs)
        inner, back = self.formula, {renamed.get(n, n): n for n in self.inputs}
        inner_working = self.working

        def rename(x: Any) -> SimpleNamespace:
            return SimpleNamespace(**{old: getattr(x, new) for new, old in back.items()})

        def recentre(c: Any) -> SimpleNamespace:
            out = rename(c)
            out.reach = rename(c.reach)
            return out

        working = inner_working and replace(
            inner_working,
            to_law=lambda q, c: inner_working.to_law(q, recentre(c)),
            from_law=lambda p, c: inner_working.from_law(p, recentre(c)),
        )
        return replace(
            self,
            name=f"{self.name}({','.join(back)})",
            inputs=tuple(back),
            formula=lambda p, x: inner(p, rename(x)),
            claims=tuple(replace(c, subject=renamed.get(c.subject, c.subject)) for c in self.claims),
            working=working,
            valid={renamed.get(k, k): v for k, v in self.valid.items()},
        )

    def __post_init__(self) -> None:
        for p in self.params + (self.working.params if self.working else ()):
            low, high = p.start
            if not (low < high and p.domain.contains(low) and p.domain.contains(high)):
                raise LawError(f"law {self.name}: start box {p.start} of {p.name} must lie inside {p.domain}, low < high")
        for name in self.linear:
            if name not in self.names:
                raise LawError(f"law {self.name}: linear names {name!r}, which is not a parameter")
        for claim in self.claims:
            if claim.subject not in (self.names if claim.kind == "floor" else self.inputs):
                raise LawError(f"law {self.name}: claim '{claim}' names neither an input nor a parameter")
        for preset in self.published:
            if set(preset.values) != set(self.names) or not all(map(math.isfinite, preset.values.values())):
                raise LawError(f"law {self.name}: preset {preset.name} must give exactly {', '.join(self.names)}")

    def cite(self) -> str:
        """A BibTeX entry of the source."""
        return self.source.bibtex()

    def __repr__(self) -> str:
        inputs, params = ", ".join(self.inputs), ", ".join(self.names)
        return f"Law {self.name}: {self.output} from {inputs}; parameters {params} ({self.source.ref})"

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the formula and what each parameter means."""
        head = f"**{self.name}**: {self.doc}\n\n$${self.latex}$$\n\n{self.source.title} ({self.source.ref})\n\n"
        rows = [f"| {p.name} | {p.doc} |" for p in self.params]
        return head + "\n".join(["| parameter | meaning |", "|---|---|", *rows])


def law(**fields: Any) -> Callable[[Callable], Law]:
    """Decorator: turns a formula into a Law. Required: inputs, output, params, source; see Law for the rest."""
    missing = {"inputs", "output", "params", "source"} - set(fields)
    if missing:
        raise LawError(f"@law lacks {', '.join(sorted(missing))}")

    def build(formula: Callable) -> Law:
        name = fields.pop("name", formula.__name__)
        return Law(name=name, formula=formula, doc=(formula.__doc__ or "").strip(), **fields)

    return build
