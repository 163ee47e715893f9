"""Train one run: AdamW, warm-up, linear decay to zero, each byte of the corpus seen at most once per epoch."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
import torch.nn.functional as F

from .corpus import Corpus
from .model import ByteGPT
from .spec import CONTEXT, RunSpec

CURVE_POINTS = 40
VALIDATION_SEQUENCES = 2048


def blocks(text: bytes, offset: int = 0) -> np.ndarray:
    """Cut bytes into rows of CONTEXT + 1 (inputs and the byte that follows each)."""
    data = np.frombuffer(text, dtype=np.uint8)[offset:]
    n = (len(data) - 1) // CONTEXT
    starts = np.arange(n) * CONTEXT
    return np.lib.stride_tricks.sliding_window_view(data, CONTEXT + 1)[starts]


def learning_rate_at(step: int, steps: int, peak: float) -> float:
    warmup = max(10, steps // 20)
    return peak * min((step + 1) / warmup, (steps - step) / max(1, steps - warmup))


def optimizer_for(model: ByteGPT, peak: float) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.95), fused=True)


@torch.no_grad()
def validation_loss(model: ByteGPT, valid: bytes) -> float:
    """Mean cross-entropy in nats per byte on the first 2,048 sequences of the validation text, evenly spread."""
    rows = blocks(valid)
    rows = rows[np.linspace(0, len(rows) - 1, min(VALIDATION_SEQUENCES, len(rows))).astype(int)]
    total = 0.0
    for part in np.array_split(rows, max(1, len(rows) // 64)):
        batch = torch.from_numpy(part.astype(np.int64))
        total += F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten(), reduction="sum").item()
    return total / (len(rows) * CONTEXT)


def batches(run: RunSpec, train: bytes):
    """Batches in a seeded random order, reshuffled with a new cut each epoch."""
    rng = np.random.default_rng(run.seed)
    while True:
        rows = blocks(train, int(rng.integers(CONTEXT)))
        order = rng.permutation(len(rows))
        for i in range(0, len(order) - run.batch_sequences + 1, run.batch_sequences):
            yield torch.from_numpy(rows[np.sort(order[i : i + run.batch_sequences])].astype(np.int64))


def train(run: RunSpec, corpus: Corpus) -> dict:
    """Train and return `loss` (validation), `curve` [(step, mean training loss)], `seconds` and `diverged`."""
    torch.manual_seed(run.seed)
    torch.set_flush_denormal(True)
    model, started = ByteGPT(run.width, run.depth), time.perf_counter()
    assert sum(p.numel() for p in model.parameters()) == run.params
    optimizer = optimizer_for(model, run.learning_rate)
    marks = {int(s) for s in np.geomspace(min(5, run.steps), run.steps, CURVE_POINTS).round()}
    curve, since, diverged = [], [], False
    data = batches(run, corpus.train)
    for step in range(run.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, run.steps, run.learning_rate)
        batch = next(data)
        loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        since.append(loss.item())
        if not math.isfinite(since[-1]):
            diverged = True
            break
        if step + 1 in marks:
            curve.append((step + 1, float(np.mean(since))))
            since = []
    final = float("nan") if diverged else validation_loss(model, corpus.valid)
    return {"loss": final, "curve": curve, "seconds": time.perf_counter() - started, "diverged": diverged}
