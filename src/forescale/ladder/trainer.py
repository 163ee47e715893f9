"""The built-in trial: train one language model, with cooldowns branching off, exact to the last bit when resumed."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from .accounting import forward_flops
from .averages import Average
from .config import Config
from .feedback import aligned_backward, feedback_matrices
from .model import Model, loss_of, objective
from .noise import NoiseScale
from .optim import optimizer_for, set_rate
from .schedule import segments, share
from .tokens import batches, text, validation_rows
from .trial import Checkpoint, Diverged

CURVE_POINTS = 40
WORSE = 1.25  # a mean loss this many times the first one is a run that has left for good


def device() -> torch.device:
    return torch.device(os.environ.get("FORESCALE_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def to_rows(batch: np.ndarray, where: torch.device) -> torch.Tensor:
    return torch.from_numpy(batch).to(where, non_blocking=True)


@torch.no_grad()
def validation_loss(model: torch.nn.Module, config: Config) -> float:
    """Mean cross-entropy in nats/token on the run's validation rows."""
    found, where = validation_rows(config), next(model.parameters()).device
    total = 0.0
    for part in np.array_split(found, max(1, len(found) // 64)):
        total += loss_of(model, to_rows(part.astype(np.int64), where)).item() * len(part)
    return total / len(found)


class Session:
    """A run in progress: everything that a checkpoint holds."""

    def __init__(self, config: Config):
        self.config, self.where = config, device()
        torch.manual_seed(config.seed)
        if self.where.type == "cpu":  # runs share the machine by processes; more threads would also change the last bits
            torch.set_num_threads(int(os.environ.get("FORESCALE_THREADS", "1")))
            torch.set_flush_denormal(True)
        self.model = Model(config).to(self.where)
        self.optimizer = optimizer_for(self.model, config)
        self.average = Average(self.model, config)
        self.noise = NoiseScale(config)
        self.feedback = [m.to(self.where) for m in feedback_matrices(config)] if config.learning == "dfa" else None
        self.run = torch.compile(self.model) if config.compile and self.where.type == "cuda" else self.model
        mixed = config.precision == "bf16"
        self.cast = (lambda: torch.autocast(self.where.type, torch.bfloat16)) if mixed else nullcontext
        self.segment, self.step, self.trunk = 0, 0, None
        self.losses: list[float] = []
        self.first, self.rows, self.seconds = None, [], 0.0

    def weights(self) -> dict:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state(),
            "step": self.step,
            "losses": list(self.losses),
        }

    def restore(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.restore(state["average"])
        self.step, self.losses = state["step"], list(state["losses"])

    def dump(self) -> bytes:
        out = io.BytesIO()
        rest = {k: getattr(self, k) for k in ("segment", "trunk", "first", "rows", "seconds")}
        torch.save({"now": self.weights(), "noise": self.noise.state(), "rng": torch.get_rng_state(), **rest}, out)
        return out.getvalue()

    def load(self, raw: bytes) -> None:
        state = torch.load(io.BytesIO(raw), weights_only=True, map_location=self.where)
        self.restore(state["now"])
        self.noise.restore(state["noise"])
        torch.set_rng_state(state["rng"].cpu())
        for k in ("segment", "trunk", "first", "rows", "seconds"):
            setattr(self, k, state[k])

    def train_step(self, batch: torch.Tensor, rate: float) -> float:
        """One update; returns the training loss before it."""
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad()
        if self.feedback is not None:
            loss = aligned_backward(self.model, batch, self.feedback)
        elif self.noise.due(self.step):
            loss = self.noise.backward(self.model, batch)
        else:
            with self.cast():
                aim, loss = objective(self.run, batch)
            aim.backward()
        if self.config.clip > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        return loss.item()


def train(given: Mapping[str, Any], report: Callable[..., None], checkpoint: Checkpoint) -> dict[str, Any]:
    """Train as `given` says (names of `Config`) and return `rows`: loss, tokens, steps and bits per byte of each duration.

    `loss` is validation cross-entropy in nats/token at the end of each duration; `seconds` is training time over all
    attempts. Raises Diverged with the reason, InputError for a setting that cannot be.
    """
    config = Config.of(given)
    session = Session(config)
    found = checkpoint.read()
    if found is not None:
        session.load(found)
    for index in range(session.segment, len(segments(config))):
        session.segment = index
        _train_segment(session, segments(config)[index], report, checkpoint)
    speed = session.config.batch_size * sum(e - s for _, s, e in segments(config)) / max(session.seconds, 1e-9)
    out = {"rows": session.rows, "seconds": session.seconds, "tokens_per_second": speed}
    out["flops_per_second"] = 3 * forward_flops(config) * speed
    return out | session.noise.result()


def _train_segment(session: Session, segment: tuple[str, int, int], report: Callable, checkpoint: Checkpoint) -> None:
    """Train one piece from where the session stands; a cooldown ends by going back to the trunk."""
    kind, start, end = segment
    config = session.config
    if kind == "cooldown" and session.step == start and session.trunk is None:
        session.trunk = _copied(session.weights()) | {"averaged": _averaged(session)}
    marks = {int(s) for s in np.geomspace(max(1, min(5, end)), end, CURVE_POINTS).round()} | {end}
    looks = {int(s) for s in np.linspace(0, config.steps, config.validations + 1)[1:].round()}
    horizon = end if kind != "trunk" else 2 * config.steps + end  # a trunk never cools down
    for batch in batches(config, session.step):
        if session.step >= end:
            break
        began = time.perf_counter()
        rate = config.learning_rate * share(config, session.step, horizon)
        session.losses.append(session.train_step(to_rows(batch, session.where), rate))
        if kind != "cooldown":
            session.average.update(session.step)
        session.step += 1
        session.seconds += time.perf_counter() - began
        _watch(session)
        if session.step in marks | looks:
            _report(session, report, end if kind == "cooldown" else 0, session.step in looks)
        if checkpoint.due() and session.step < end:
            checkpoint.write(session.dump())
    if kind != "trunk":
        session.rows.append(_result(session, end))
    if kind == "cooldown":
        session.restore(session.trunk)
        session.trunk = None


def _copied(state: Any) -> Any:
    """A deep copy of a state dict, tensors included."""
    if isinstance(state, torch.Tensor):
        return state.detach().clone()
    if isinstance(state, Mapping):
        return {k: _copied(v) for k, v in state.items()}
    return [_copied(v) for v in state] if isinstance(state, (list, tuple)) else state


def _watch(session: Session) -> None:
    last = session.losses[-1]
    if not math.isfinite(last):
        raise Diverged(f"training loss {last} at step {session.step}")
    session.first = session.first or last
    recent = session.losses[-10:]
    if session.step > 20 and len(recent) == 10 and min(recent) > WORSE * session.first:
        raise Diverged(
            f"training loss above {WORSE} times its first value {session.first:.3g} for 10 steps at step {session.step}"
        )


def _report(session: Session, report: Callable, branch: int, look: bool) -> None:
    mean = float(np.mean(session.losses))
    session.losses = []
    extra = session.noise.latest() | ({"loss": validation_loss(session.model, session.config)} if look else {})
    report(session.step, branch=branch, tokens=session.step * session.config.batch_size, train_loss=mean, **extra)


def _result(session: Session, end: int) -> dict[str, Any]:
    config = session.config
    loss = validation_loss(session.model, config)
    if not math.isfinite(loss):
        raise Diverged(f"validation loss {loss} after step {end}")
    per_token = text(config.data, config.tokenizer).bytes_per_token
    row = {"steps": end, "tokens": end * config.batch_size, "loss": loss, "bits_per_byte": loss / math.log(2) / per_token}
    return row | (session.trunk["averaged"] if session.trunk else _averaged(session))


def _averaged(session: Session) -> dict[str, float]:
    return session.average.loss(lambda model: validation_loss(model, session.config))
