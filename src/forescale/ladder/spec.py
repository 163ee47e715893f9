"""A ladder as a user writes it: a YAML file or a dict, read into the runs it asks for. No torch: a dry run needs none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import InputError, one_of
from ..quantities import parse_number, parse_positive
from . import accounting
from .config import Config
from .policy import value_of
from .sizes import shape_for
from .store import Planned
from .trial import BUILT_IN

KEYS = ("name", "trial", "model", "sizes", "tokens", "runs", "training", "seeds", "arms", "hold_out", "hardware")
SETTINGS = {f.name for f in fields(Config)} | {"aspect"}
POLICIES = ("learning_rate", "weight_decay", "batch_size")


@dataclass(frozen=True)
class Spec:
    """A checked spec. `points` are the (size, tokens) pairs before arms and seeds; `base` settings hold for every run."""

    name: str
    trial: str
    base: Mapping[str, Any]
    points: tuple[Mapping[str, Any], ...]
    arms: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...]
    hold_out: int
    hardware: Mapping[str, Any]

    def seconds(self) -> bool:
        """Whether any run is given by hardware time, which needs a measured speed."""
        return any("seconds" in p for p in self.points)


def read(source: str | Path | Mapping[str, Any]) -> Spec:
    """A spec from a YAML file or a dict. Raises InputError naming the key that is wrong."""
    given = _load(source) if isinstance(source, (str, Path)) else dict(source)
    for key in given:
        if key not in KEYS:
            raise one_of("key of the spec", key, KEYS)
    trial = given.get("trial", BUILT_IN)
    base = {**_table(given, "model"), **_table(given, "training")}
    arms = {str(k): dict(v or {}) for k, v in _table(given, "arms").items()} or {"": {}}
    if trial == BUILT_IN:
        for where, settings in (("model or training", base), *((f"arm {k}", v) for k, v in arms.items())):
            for name in settings:
                if name not in SETTINGS:
                    raise one_of(f"setting in {where}", name, SETTINGS)
    seeds = tuple(int(s) for s in _list(given.get("seeds", [0]), "seeds"))
    hold = given.get("hold_out", 0)
    if not isinstance(hold, int) or isinstance(hold, bool) or hold < 0:
        raise InputError(f"hold_out {hold!r} must be how many of the dearest points to keep back: 0, 1, 2 ...")
    name = given.get("name") or (Path(source).stem if isinstance(source, (str, Path)) else "ladder")
    return Spec(str(name), trial, base, _points(given), arms, seeds, hold, _table(given, "hardware"))


def of_design(columns: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """A spec in YAML for the runs that `plan.design` picked, and the run they are to foretell, held out.

    The learning rate is that of the shipped study's sweeps, 8e-3 at 30k parameters falling as N^-0.3: a start, not advice
    for a large run.
    """
    row = lambda n, d: f"  - {{params: {float(n):.6g}, tokens: {float(d):.6g}}}"
    pairs = zip(columns["params"], columns["tokens"], strict=True)
    listed = [row(n, d) for n, d in pairs] + [
        row(parse_positive(target["params"], "params"), parse_positive(target["tokens"], "tokens"))
    ]
    head = "# The runs a design picked, and last the one they are to foretell. Settings below are a start: look at them.\n"
    rate = "learning_rate: {value: 8.0e-3, params: 30k, exponent: -0.3}"
    training = f"training:\n  {rate}\n  batch_size: {{value: 1k, tokens: 400k, exponent: 0.4}}\n"
    return f"{head}runs:\n" + "\n".join(listed) + f"\nhold_out: 1\n{training}"


def _load(source: str | Path) -> dict[str, Any]:
    import yaml

    path = Path(source)
    if not path.is_file():
        raise InputError(f"there is no spec {path}")
    try:
        found = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise InputError(f"{path} is not YAML{line}: {getattr(error, 'problem', error)}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} must hold a table of {', '.join(KEYS)}; it holds {type(found).__name__}")
    return found


def _table(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = given.get(key) or {}
    if not isinstance(found, Mapping):
        raise InputError(f"{key} must be a table of names and values, got {found!r}")
    return dict(found)


def _list(value: Any, what: str) -> list:
    if not isinstance(value, (list, tuple)) or not value:
        raise InputError(f"{what} must be a list, got {value!r}")
    return list(value)


def _points(given: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Size and data of every point: listed as `runs`, or `sizes` crossed with `tokens`."""
    if "runs" in given:
        if "sizes" in given or "tokens" in given:
            raise InputError("give either runs, or sizes and tokens")
        return tuple(_run(r) for r in _list(given["runs"], "runs"))
    if "sizes" not in given or "tokens" not in given:
        raise InputError("the spec lacks sizes and tokens (or a list of runs)")
    sizes = [_size(s) for s in _list(given["sizes"], "sizes")]
    return tuple(s | d for s, d in itertools.product(sizes, _data(given["tokens"])))


def _run(row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise InputError(f"a run must be a table such as {{params: 1M, tokens: 20M}}, got {row!r}")
    row = dict(row)
    size = {k: row.pop(k) for k in ("params", "width", "depth") if k in row}
    if "tokens" not in row:
        raise InputError(f"run {size} lacks tokens")
    data = {"tokens": parse_positive(row.pop("tokens"), "tokens")}
    return _size(size["params"] if "params" in size else size) | data | ({"also": row} if row else {})


def _size(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        if not {"width", "depth"} <= set(given):
            raise InputError(f"a size is a number of parameters or {{width, depth}}, got {dict(given)!r}")
        return {"width": int(given["width"]), "depth": int(given["depth"])}
    return {"params": parse_positive(given, "size")}


def _data(given: Any) -> list[dict[str, Any]]:
    """A list of token counts, or one of per_param, isoflop, seconds with a list."""
    if isinstance(given, (list, tuple)):
        return [{"tokens": parse_positive(t, "tokens")} for t in _list(given, "tokens")]
    kinds = ("per_param", "isoflop", "seconds")
    if not isinstance(given, Mapping) or len(given) != 1 or next(iter(given)) not in kinds:
        raise InputError(f"tokens must be a list or one of {', '.join(kinds)} with a list, got {given!r}")
    kind, values = next(iter(given.items()))
    return [{kind: parse_positive(v, kind)} for v in _list(values, kind)]


def runs(spec: Spec, speed=None) -> list[Planned]:
    """Every run of the spec, cheapest first, the held-out ones marked. `speed(config)` in tokens/s serves hardware time.

    The built-in trial's runs carry params, tokens, flops, steps and memory; a trial of one's own gets what the spec says.
    """
    out = []
    for point, (arm, changes), seed in itertools.product(spec.points, spec.arms.items(), spec.seeds):
        for settings in _swept({**spec.base, **changes, **point.get("also", {})}):
            out.append(_planned(spec, point, arm, settings, seed, speed))
    out.sort(key=lambda p: (p.counts["flops"], p.counts["arm"], p.config.get("seed", 0)))
    dearest: dict[str, float] = {}  # of a point over its arms and seeds: all of them are held out together
    for p in out:
        dearest[p.counts["place"]] = max(dearest.get(p.counts["place"], 0.0), p.counts["flops"])
    places = sorted(dearest, key=dearest.__getitem__)
    if spec.hold_out and len(places) <= spec.hold_out:
        raise InputError(f"hold_out {spec.hold_out} leaves none of {len(places)} points to train")
    kept_back = set(places[len(places) - spec.hold_out :])
    return [Planned(p.config, p.counts, p.trial, p.counts["place"] in kept_back) for p in out]


def _swept(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Learning rate, weight decay and batch size given as lists are crossed."""
    lists = {k: settings[k] for k in POLICIES if isinstance(settings.get(k), (list, tuple))}
    return [settings | dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


def _place(point: Mapping[str, Any]) -> str:
    """What is held out as a whole: a FLOP budget, a time, or one size with its data."""
    for kind in ("isoflop", "seconds"):
        if kind in point:
            return f"{kind} {point[kind]:g}"
    return " ".join(f"{k} {v:g}" for k, v in point.items() if k != "also")


def _planned(spec: Spec, point: Mapping, arm: str, settings: dict, seed: int, speed) -> Planned:
    if spec.trial != BUILT_IN:
        return _custom(spec, point, arm, settings, seed)
    policies = {k: settings.pop(k) for k in POLICIES if k in settings}
    if "learning_rate" not in policies:
        raise InputError("training lacks learning_rate: a number, or {value, params, exponent}")
    branches = [parse_number(b, "branches") for b in settings.pop("branches", ())]
    if "params" in point:
        settings["width"], settings["depth"] = shape_for(point["params"], settings)
    else:
        settings |= {"width": point["width"], "depth": point["depth"]}
    settings.pop("aspect", None)
    probe = Config.of({**settings, "tokens": 10**15, "learning_rate": 1.0})
    n = accounting.params(probe)
    tokens = _tokens(point, probe, n, speed)
    known = {"params": n, "tokens": tokens, "flops": 6 * n * tokens, "width": probe.width, "depth": probe.depth}
    context = probe.context
    batch = value_of(policies.get("batch_size", Config.batch_size), "batch_size", known)
    batch = max(context, round(batch / context) * context)
    known["batch_size"] = batch
    for name in ("learning_rate", "weight_decay"):
        if name in policies:
            settings[name] = float(f"{value_of(policies[name], name, known):.6g}")
    steps = max(1, round(tokens / batch))
    branches = [round(b * tokens) if 0 < b < 1 else b for b in branches]  # below one: a share of the run
    config = Config.of({**settings, "branches": branches, "batch_size": batch, "tokens": steps * batch, "seed": seed})
    counts = {
        "arm": arm,
        "place": _place(point),
        "params": n,
        "params_non_embedding": accounting.params_non_embedding(config),
        "tokens": config.tokens,
        "steps": config.steps,
        "flops": accounting.flops(config),
        "memory": accounting.memory(config),
    }
    return Planned(config.to_dict(), counts, spec.trial)


def _tokens(point: Mapping, probe: Config, n: int, speed) -> float:
    if "tokens" in point:
        return point["tokens"]
    if "per_param" in point:
        return point["per_param"] * n
    if "isoflop" in point:
        return point["isoflop"] / (6 * n)
    if speed is None:
        raise InputError("tokens by seconds need a measured speed: torch must be installed to measure it")
    return point["seconds"] * speed(probe)


def _custom(spec: Spec, point: Mapping, arm: str, settings: dict, seed: int) -> Planned:
    """A run of a trial of one's own: policies are worked out, all else is handed on as it stands."""
    if "params" not in point or not ({"tokens", "per_param", "isoflop"} & set(point)):
        raise InputError("a trial of your own needs sizes in parameters, and tokens, per_param or isoflop")
    n = point["params"]
    tokens = point.get("tokens") or (point["per_param"] * n if "per_param" in point else point["isoflop"] / (6 * n))
    known = {"params": n, "tokens": tokens, "flops": 6 * n * tokens}
    worked = {k: value_of(settings.pop(k), k, known) for k in POLICIES if k in settings}
    config = {**settings, **worked, "params": n, "tokens": tokens, "seed": seed}
    counts = {"arm": arm, "place": _place(point), "params": n, "tokens": tokens, "flops": known["flops"]}
    return Planned(config, counts, spec.trial)
