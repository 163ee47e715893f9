"""From logs to a table of runs: which loss, which size, how much data; what is missing is named, nothing is guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ...errors import InputError
from ...quantities import QUANTITIES, format_number, parse_number
from .log import Log

VALIDATION = (
    *("val_loss", "eval_loss", "valid_loss", "validation_loss", "test_loss", "val/loss", "eval/loss", "valid/loss"),
    *("validation/loss", "test/loss", "loss/val", "loss/eval", "eval/ce loss", "val/ce loss"),
)
TRAINING = ("loss", "train_loss", "train/loss", "training_loss", "train/ce loss", "loss/train")
SEEN = ("tokens_seen", "num_input_tokens_seen", "total_tokens", "train/num_input_tokens_seen", "throughput/total tokens")
WANTED = ("params", "tokens", "loss")
SETTINGS = ("params", "tokens", "flops", "batch_size", "learning_rate", "steps")  # quantities that are no result


@dataclass(frozen=True)
class Reading:
    """`rows`, one dict a run: run, format, params, tokens, flops, steps, loss, finished, what was asked for, and the scores of
    an evaluation.

    `loss_of` says which metric each loss is, `scores` how many other results each run has; `missing` lists for every run what
    could not be found; `notes` what to look at.
    """

    rows: tuple[dict[str, Any], ...]
    loss_of: tuple[str | None, ...]
    missing: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    scores: tuple[int, ...]

    def to_frame(self) -> Any:
        """Rows that have size, data and loss, as a polars frame that `fs.read` takes; the others are in `notes`.

        Where results other than losses are known, those stand for the loss, and size or data for both if no run tells the other.
        """
        import polars as pl

        told = {q for lacking in self.missing for q in {"params", "tokens"} - set(lacking)}
        need = {"loss", *(told if any(self.scores) and told else ("params", "tokens"))}
        whole = [
            row
            for row, lacking, scores in zip(self.rows, self.missing, self.scores, strict=True)
            if not (need - ({"loss"} if scores else set())) & set(lacking)
        ]
        empty = {k for r in whole for k in r} - {k for r in whole for k, v in r.items() if v is not None}
        return pl.DataFrame(
            [{k: v for k, v in r.items() if k not in empty} for r in whole], infer_schema_length=None, strict=False
        )

    def summary(self) -> str:
        lines = [f"{'run':28} {'format':12} {'params':>8} {'tokens':>8} {'loss':>9}  {'of':20} state"]
        for row, metric, lacking, scores in zip(self.rows, self.loss_of, self.missing, self.scores, strict=True):
            shown = lambda k, r=row: "-" if r.get(k) is None else format_number(r[k])
            loss = "-" if row.get("loss") is None else f"{row['loss']:.4f}"
            state = {True: "finished", False: "incomplete", None: "not said"}[row["finished"]]
            metric = metric or (f"{scores} score{'s' if scores > 1 else ''}" if scores else "-")
            lack = [q for q in lacking if not (scores and q == "loss")]
            lack = f"; lacks {', '.join(lack)}" if lack else ""
            numbers = f"{shown('params'):>8} {shown('tokens'):>8} {loss:>9}"
            lines.append(f"{str(row['run'])[:28]:28} {row['format']:12} {numbers}  {metric[:20]:20} {state}{lack}")
        return "\n".join([*lines, *(f"note: {n}" for n in self.notes)])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.summary())}</pre>"

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": list(self.rows),
            "loss_of": list(self.loss_of),
            "missing": [list(m) for m in self.missing],
            "scores": list(self.scores),
            "notes": list(self.notes),
        }


def tidy(logs: Sequence[Log], given: Mapping[str, str] | None = None) -> Reading:
    """One row a run. `given` says where a quantity is: `loss=eval/loss` (a metric), `params=model.n_params` (a setting),
    or `params=124M` (a number for every run). Raises InputError for a name that no run has.
    """
    given = dict(given or {})
    for quantity, name in given.items():
        _check(logs, quantity, name)
    rows, metrics, missing, scores, notes = [], [], [], [], []
    for log in logs:
        loss, metric = _loss(log, given.get("loss"))
        row: dict[str, Any] = {"run": log.name, "format": log.format}
        for quantity in ("params", "tokens", "flops", "batch_size", "learning_rate"):
            found = _quantity(log, quantity, given.get(quantity))
            if found is not None:
                row[quantity] = found
        row |= {"steps": _steps(log), "loss": loss, "finished": log.finished}
        row |= {quantity: _quantity(log, quantity, name) for quantity, name in given.items() if quantity not in row}
        found = _scores(log)
        scores.append(sum(row[q] is not None for q in given.keys() - {*SETTINGS, "loss"}) + len(found))
        row |= {k: v for k, v in found.items() if k not in row}
        rows.append(row)
        metrics.append(metric)
        missing.append(tuple(q for q in WANTED if row.get(q) is None))
        notes += [f"{log.name}: {n}" for n in log.notes]
    notes += _remarks(rows, metrics, missing, scores)
    return Reading(tuple(rows), tuple(metrics), tuple(missing), tuple(notes), tuple(scores))


def _scores(log: Log) -> dict[str, float]:
    """All results of an evaluation, by task/metric."""
    return {k: v for k, v in log.summary.items() if "_stderr" not in k} if log.format == "lm-eval" else {}


def _check(logs: Sequence[Log], quantity: str, name: str) -> None:
    known = sorted({k for log in logs for k in (*log.series, *log.summary, *log.config)})
    if name not in known and _number(name) is None:
        near = ", ".join(closest(name, known))
        raise InputError(f"{quantity}={name}: no run has a metric or setting of that name; there are {near}")


def closest(name: str, known: Sequence[str]) -> Sequence[str]:
    """Names that were perhaps meant."""
    from difflib import get_close_matches

    return get_close_matches(name, known, n=3) or known[:8]


def losses(log: Log) -> list[str]:
    """Metrics that are losses by their names: those of validation first."""
    lower = {k.lower().replace(".", "/"): k for k in (*log.summary, *log.series)}
    return [lower[n] for n in (*VALIDATION, *TRAINING) if n in lower]


def _number(text: Any) -> float | None:
    try:
        value = parse_number(text)
    except InputError:
        return None
    return value if math.isfinite(value) else None


def _loss(log: Log, name: str | None) -> tuple[float | None, str | None]:
    """(final loss, its metric): the metric named, else a validation loss, else the only training loss."""
    if name is not None:
        return _finite(log.last(name)), name
    found = losses(log)
    return (_finite(log.last(found[0])), found[0]) if found else (None, None)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _quantity(log: Log, quantity: str, name: str | None) -> float | None:
    """A positive number from the config, or the last value of a metric; aliases are those of the quantity's columns."""
    if name is not None:
        value = log.config.get(name, log.last(name))
        return _positive(_number(name) if value is None else _number(value))
    known = QUANTITIES.get(quantity)
    aliases = {quantity, *(known.aliases if known else ())}
    plain = {k.rpartition(".")[2].lower(): v for k, v in log.config.items()}
    long = [a for a in aliases if len(a) > 1 and a in plain]
    if len({str(plain[a]) for a in long}) == 1:
        return _positive(_number(plain[long[0]]))
    if quantity == "tokens":
        lower = {k.lower(): k for k in log.series}
        for seen in (*SEEN, "tokens"):
            if seen in lower:
                return _positive(_finite(log.last(lower[seen])))
            if seen in plain:
                return _positive(_number(plain[seen]))
    if quantity == "flops" and "total_flos" in log.config:
        return _positive(_number(log.config["total_flos"]))
    return None


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _steps(log: Log) -> float | None:
    ends = [float(s.max()) for s, _ in log.series.values() if len(s)]
    return max(ends) if ends else None


def _remarks(rows: list[dict], metrics: list, missing: list, scores: list) -> list[str]:
    out = []
    kinds = {m for m in metrics if m}
    if len(kinds) > 1:
        out.append(f"the losses are different metrics ({', '.join(sorted(kinds))}): choose one with loss=NAME")
    if any(m and m.lower() in TRAINING for m in metrics):
        out.append("training losses are used where no validation loss was found")
    lacking = {q: sum(q in m and not (n and q == "loss") for m, n in zip(missing, scores, strict=True)) for q in WANTED}
    for quantity, count in lacking.items():
        if count:
            out.append(
                f"{quantity} missing in {count} of {len(rows)} runs: say where it is with {quantity}=NAME, or give a number"
            )
    stopped = sum(r["finished"] is False for r in rows)
    if stopped:
        out.append(f"{stopped} of {len(rows)} runs are incomplete: their last loss is not a final loss")
    return out
