"""Does a small transformer trained on simulated curves earn a place in the stack? python benchmarks/pfn.py FILE.safetensors

Train the file with tools/train_pfn.py (needs torch and safetensors). Inference here is numpy. Scores it alone, and as one
more candidate, on the referee's one-input tasks. Writes docs/pfn.md.
"""

import json
import os
import sys
from functools import cache
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from forecast import ROOT, referee, scorer

from forescale.forecast.backtest import fill
from forescale.forecast.candidates import Candidate, candidates
from forescale.forecast.fitted import Fitted
from forescale.forecast.question import Question
from forescale.forecast.stack import combine

FARTHEST = 2.1  # log distance beyond the last point that the prior asks for
KINDS = ("loss-C", "curve", "downstream")


@cache
def weights(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Tensors by name and the training's own record. safetensors: a length, a JSON header, then raw bytes."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    meta = json.loads(header.pop("__metadata__")["forescale"])
    body = memoryview(raw)[8 + size :]
    kinds = {"F16": np.float16, "F32": np.float32}
    out = {}
    for name, at in header.items():
        part = body[slice(*at["data_offsets"])]
        out[name] = np.frombuffer(part, kinds[at["dtype"]]).reshape(at["shape"]).astype(np.float64)
    return out, meta


def _linear(w: dict, name: str, x: np.ndarray) -> np.ndarray:
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def _norm(w: dict, name: str, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5) * w[name + ".weight"] + w[name + ".bias"]


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _attend(w: dict, block: str, tokens: np.ndarray, given: int, heads: int) -> np.ndarray:
    h = _norm(w, block + "one", tokens)
    q = _linear(w, block + "q", h)
    k, v = np.split(_linear(w, block + "kv", h[:given]), 2, axis=-1)
    q, k, v = (a.reshape(len(a), heads, -1).transpose(1, 0, 2) for a in (q, k, v))
    score = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    share = np.exp(score - score.max(axis=-1, keepdims=True))
    mixed = (share / share.sum(axis=-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(tokens), -1)
    tokens = tokens + _linear(w, block + "out", mixed)
    return tokens + _linear(w, block + "down", _gelu(_linear(w, block + "up", _norm(w, block + "two", tokens))))


def extrapolate(q: Question, path: Path) -> np.ndarray:
    """Median forecast (q,). Beyond the prior's reach the last local slope that it predicts is continued."""
    w, meta = weights(path)
    order = np.argsort(q.scale, kind="stable")
    parts = np.array_split(order, min(len(order), meta["points"]))
    log_x, log_y = np.log(q.scale), np.log(q.y)
    x = np.array([log_x[p].mean() for p in parts])
    y = np.array([log_y[p].mean() for p in parts])
    u, z = x - x[-1], np.clip((y - np.median(y[-3:])) / (y.std() + 1e-3), -20, 20)
    ask = np.log(q.scale_new) - x[-1]
    near = np.concatenate((np.clip(ask, 0, FARTHEST), [FARTHEST - 0.3, FARTHEST]))
    size = np.log(y.std() + 1e-3)
    given = np.stack((u, np.exp(u), z, np.full(len(u), size)), axis=1)
    asked = np.stack((near, np.exp(-near), np.full(len(near), size)), axis=1)
    tokens = np.concatenate((_linear(w, "given", given), _linear(w, "asked", asked)))
    for i in range(meta["layers"]):
        tokens = _attend(w, f"blocks.{i}.", tokens, len(u), meta["heads"])
    mean = _linear(w, "head", _norm(w, "norm", tokens[len(u) :]))[:, 0]
    slope = (mean[-1] - mean[-2]) / 0.3
    value = mean[:-2] + slope * np.maximum(ask - FARTHEST, 0)
    return np.exp(value * (y.std() + 1e-3) + np.median(y[-3:]))


def scored(tasks, answers):
    """Geometric mean of the tasks' errors by kind, from predictions by task id."""
    out = {}
    for kind in KINDS:
        errors = [
            scorer.primary(kind, scorer.task_metrics(t.y_new, answers[t.id]) | {"status": "ok"}) for t in tasks if t.kind == kind
        ]
        out[kind] = scorer.geomean(errors)
    return out


def main():
    path = Path(sys.argv[1])
    _, meta = weights(path)
    learned = Candidate("transformer", lambda qs: [Fitted(extrapolate(q, path)) for q in qs])
    tasks = [t for t in referee.build() if len(t.inputs) == 1]
    rows = {"stack": {}, "stack and transformer": {}, "transformer alone": {}}
    for task in tasks:
        for name in rows:
            rows[name][task.id] = np.empty(len(task.y_new))
        for q, where in task.questions():
            mine = Question(tuple(q.inputs), q.x, q.y, q.scale, q.x_new, q.scale_new)
            rows["transformer alone"][task.id][where] = extrapolate(mine, path)
            own = candidates(mine.inputs, task.target)
            for name, more in (("stack", []), ("stack and transformer", [learned])):
                rows[name][task.id][where] = np.exp(combine(mine, fill([mine], own + more)[0]).value)
    lines = ["# A transformer trained on curves, as a candidate", ""]
    lines += [f"Printed by `python benchmarks/pfn.py` after `python tools/train_pfn.py`: {meta['curves']:,} simulated curves, "]
    lines += [f"{meta['layers']} layers, seed {meta['seed']}. One-input tasks of the referee, geometric mean error.", ""]
    lines += ["| | " + " | ".join(KINDS) + " |", "|---" * (len(KINDS) + 1) + "|"]
    for name, answers in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{100 * v:.2f} %" for v in scored(tasks, answers).values()) + " |")
    lines += ["", "It would ship only if the stack with it were visibly better on one kind and no worse on the others."]
    (ROOT / "docs" / "pfn.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
