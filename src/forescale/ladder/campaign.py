"""A ladder from spec to answer: what will run, running it, its table, the forecast of what was held out, and how it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import InputError, one_of
from . import spec as specs
from .config import Config
from .store import Planned, Store
from .trial import BUILT_IN

EXECUTORS = ("local", "ray")
SETTINGS = ("width", "depth", "batch_size", "learning_rate", "weight_decay", "schedule", "seed")


class Ladder:
    """A spec bound to a folder, which holds the store, the checkpoints and the tables.

    `spec` is a YAML file or a dict. Nothing is trained before `run`; what has been trained is never trained again.
    """

    def __init__(self, spec: str | Path | Mapping[str, Any], folder: str | Path):
        self.spec = specs.read(spec)
        self.folder = Path(folder)
        self._planned: list[Planned] | None = None

    @cached_property
    def store(self) -> Store:
        """The ladder's store; made with its folder on first use."""
        return Store(self.folder)

    def planned(self) -> list[Planned]:
        """Every run, cheapest first; measures training speed where the spec gives hardware time, once per ladder."""
        if self._planned is None:
            self._planned = specs.runs(self.spec, self._speed if self.spec.seconds() else None)
        return self._planned

    def _speed(self, config: Config) -> float:
        from .speed import tokens_per_second

        shown = {k: v for k, v in config.to_dict().items() if k not in ("tokens", "seed", "learning_rate")}
        name = "speed " + Planned(shown, {}, BUILT_IN).key
        return self.store.fact(name) or self.store.fact(name, tokens_per_second(config))

    def run(
        self,
        held_out: bool = False,
        executor: str = "local",
        workers: int | None = None,
        every: float | None = None,
        retry: bool = False,
        watch: Callable[[list[dict]], None] = lambda rows: None,
        **options: Any,
    ) -> list[dict]:
        """Train what is not finished and return the store's rows; held-out runs only where `held_out`.

        `executor` is local (`workers` processes, over the GPUs there are) or ray (cpus, gpus of a run, address); `together`
        runs alike go as one program. `every` is the seconds between checkpoints. Also writes runs.parquet and
        curves.parquet into the folder.
        """
        if executor not in EXECUTORS:
            raise one_of("executor", executor, EXECUTORS)
        store, planned = self.store, self.planned()
        self._same_text(store)
        store.add(planned)
        if retry:
            store.again()
        keys = [p.key for p in planned if held_out or not p.held_out]
        extra = {"every": every} if every is not None else {}
        if executor == "ray":
            from .on_ray import run_on_ray

            run_on_ray(store, keys, workers, watch=watch, **extra, **options)
        else:
            from .local import run_local

            run_local(store, keys, workers, watch=watch, **extra, **({"devices": gpus_here()} | options))
        self.write_tables()
        return store.rows(keys)

    def _same_text(self, store: Store) -> None:
        """A run's key names its text, not what is in it: a ladder whose text has changed would mix two corpora."""
        if self.spec.trial != BUILT_IN:
            return
        from .corpus import load

        for data in sorted({str(p.config["data"]) for p in self.planned()}):
            found = load(data).sha256
            known = store.fact(f"text {data}") or store.fact(f"text {data}", found)
            if known != found:
                raise InputError(
                    f"the text {data!r} is not the one this ladder began with (sha256 {known[:12]}, now {found[:12]}): "
                    "use another folder"
                )

    def frame(self, store: Store | None = None):
        """One row for each finished duration of a run, as a polars frame that `fs.read` takes.

        params counts everything once; flops is what training to that duration costs by itself (matrix products, three
        forward passes); loss is nats/token on the validation text.
        """
        import polars as pl

        counts = {p.key: p for p in self.planned()}
        out = []
        for r in (store or self.store).rows(list(counts)):
            if r["state"] != "finished":
                continue
            p = counts[r["key"]]
            settings = {k: p.config[k] for k in SETTINGS if k in p.config}
            for row in r["result"]["rows"]:
                tokens = row.get("tokens", p.counts["tokens"])
                flops = _flops(p, tokens)
                base = {"run": r["key"], "arm": p.counts["arm"], "params": p.counts["params"], "tokens": tokens, "flops": flops}
                rest = {k: v for k, v in row.items() if k not in ("tokens", "rows")}
                seconds = {"seconds": r["result"]["seconds"]} if "seconds" in r["result"] else {}
                out.append(base | rest | settings | seconds | {"held_out": p.held_out})
        return pl.DataFrame(out, infer_schema_length=None)

    def curves(self, store: Store | None = None):
        """Every recorded point: run, branch (end step of a cooldown, 0 for the run or trunk), step and metrics."""
        import polars as pl

        store = store or self.store
        found = [{"run": p.key, **point} for p in self.planned() for point in store.points(p.key)]
        return pl.DataFrame(found, infer_schema_length=None)

    def write_tables(self) -> None:
        for name, table in (("runs", self.frame()), ("curves", self.curves())):
            if len(table):
                part = self.folder / f".{name}.part"
                table.write_parquet(part)
                part.replace(self.folder / f"{name}.parquet")

    def _finished(self, frame, arm: str, held_out: bool):
        import polars as pl

        return frame.filter((pl.col("arm") == arm) & (pl.col("held_out") == held_out))

    def forecast(self, interval: float = 0.9) -> list[dict[str, Any]]:
        """Forecast every held-out point from the finished runs of its arm, before it runs, and keep the forecasts.

        A point whose runs have already ended keeps the forecast made before; without one it is forecast and marked `late`.
        """
        from ..forecast import forecast
        from ..runs import read

        store = self.store
        kept, frame = store.fact("forecasts") or {}, self.frame(store)
        states = {r["key"]: r["state"] for r in store.rows()}
        held = [p for p in self.planned() if p.held_out]
        if not held:
            raise InputError("the spec holds nothing out: set hold_out to the number of dearest points to keep back")
        if not len(frame):
            raise InputError(f"{self.folder} holds no finished run to forecast from")
        for p in held:
            name = f"{p.counts['arm']}/{p.counts['params']}/{p.counts['tokens']}"
            late = any(states.get(o.key) == "finished" for o in held if o.counts["place"] == p.counts["place"])
            if name in kept and late:
                continue
            table = read(self._finished(frame, p.counts["arm"], False).select("params", "tokens", "flops", "loss"))
            found = forecast(table, interval=interval, params=p.counts["params"], tokens=p.counts["tokens"])
            pick = {k: float(getattr(found, k)[0]) for k in ("value", "low", "high", "factor")}
            about = {"arm": p.counts["arm"], "params": p.counts["params"], "tokens": p.counts["tokens"]}
            said = {"flags": list(found.flags), "warnings": list(found.warnings)}
            kept[name] = about | pick | {"level": interval, "rows": found.rows, **said, "late": late}
        store.fact("forecasts", kept)
        return list(kept.values())

    def score(self) -> list[dict[str, Any]]:
        """Each kept forecast beside what the runs gave: loss (mean over seeds), error, and whether the interval held."""
        kept = self.store.fact("forecasts")
        if not kept:
            raise InputError(f"{self.folder} holds no forecast yet: run forescale ladder forecast first")
        out, frame = [], self.frame()
        for row in kept.values():
            losses = [
                r["loss"]
                for r in frame.iter_rows(named=True)
                if r["held_out"] and all(r[k] == row[k] for k in ("arm", "params", "tokens"))
            ]
            if not losses:
                out.append(row | {"loss": None, "error": None, "inside": None})
                continue
            loss = sum(losses) / len(losses)
            inside = sum(row["low"] <= v <= row["high"] for v in losses)
            out.append(row | {"loss": loss, "error": row["value"] / loss - 1, "inside": inside, "runs": len(losses)})
        return out


def gpus_here() -> tuple[str, ...]:
    """Names of the GPUs of this machine that runs may use, found without loading a framework."""
    import os

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(n.strip() for n in named.split(",") if n.strip() not in ("", "-1"))
    return tuple(map(str, range(len(list(Path("/proc/driver/nvidia/gpus").glob("*"))))))


def _flops(p: Planned, tokens: float) -> float:
    """Cost of training to `tokens` by itself, branches left out."""
    if p.trial != BUILT_IN:
        return p.counts["flops"]
    from .accounting import forward_flops

    return 3 * forward_flops(Config.of(p.config)) * tokens
