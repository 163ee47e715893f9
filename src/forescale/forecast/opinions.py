"""What every law of the stack says at many points, and says again when the rows carry other noise of the same size.

A forecast averages candidates at one point. Whoever asks where a surface is lowest needs all of its points from one candidate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..runs import Runs
from .auto import cleaned
from .backtest import fill, sane
from .calibrate import row_noise
from .candidates import Candidate, candidates
from .local import run_noise
from .prepare import prepare
from .question import Question
from .stack import combine
from .threads import one_thread

SPENT = 3  # runs that the shape of a valley takes up; run_noise counts a typical one beside those left
TAIL = 0.95  # where Student's t stands for noise that is unsure


@dataclass(frozen=True)
class Opinions:
    """Log predictions of c laws at q points (c, q), the same from tables with redrawn noise (c, draws, q), their weights (c,).

    Weights are by back-test. Baselines, shapes that hold near the data only and laws that lack a floor are not among them.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    value: np.ndarray
    drawn: np.ndarray


@one_thread
def opinions(runs: Runs, at: Mapping[str, np.ndarray], draws: int = 24, progress=None, seed: int = 0) -> Opinions:
    """Opinions on the loss at inputs `at` (q,) each, two inputs or more. Raises InputError as forecast does, and where rows and
    points lie on one line, so that the inputs cannot be told apart."""
    q = cleaned(prepare(runs, "loss", at), "loss").questions[0]
    if len(q.inputs) < 2 or q.directions < 2:
        raise InputError(
            f"{runs.source}: {' and '.join(at)} move together in all rows: what each does is not seen; add other runs"
        )
    stack = candidates(q.inputs, "loss")
    first = (lambda share: progress(share / 2)) if progress else None
    bank = fill([q], stack, first)[0]
    weights = combine(q, bank).weights
    tables = [replace(q, y=y) for y in _redrawn(q, draws, seed)]
    moved: dict[str, np.ndarray] = {}
    for done, c in enumerate(stack, 1):
        if c.name in bank.names and not (c.naive or c.local or c.bare) and (not c.on or c.on in moved):
            moved[c.name] = moved[c.on] if c.on else _moved(c, tables, bank.target[bank.names.index(c.name)])
        if progress:
            progress(0.5 + done / len(stack) / 2)
    if not moved:
        raise InputError(f"{runs.source}: no law can be fitted to {len(q.y)} usable rows; add runs")
    own = [bank.names.index(n) for n in moved]
    value, share = bank.target[own], weights[own]
    drawn = value[:, None] + np.array(list(moved.values()))
    return Opinions(tuple(moved), share / share.sum(), value, drawn)


def _moved(c: Candidate, tables: list[Question], value: np.ndarray) -> np.ndarray:
    """By how much other noise moves the log predictions of a candidate (draws, q); a smooth correction is left as it is."""
    found = np.array([sane(f.value, q.y) for f, q in zip(c.predict(tables), tables, strict=True)])
    return np.where(np.isfinite(found), found - value, 0.0)


def _redrawn(q: Question, draws: int, seed: int) -> np.ndarray:
    """(draws, n) outputs with as much noise again, of rows and of what the rows of a run share; few runs leave this unsure."""
    from scipy.special import stdtrit

    rng = np.random.default_rng(seed)
    log = row_noise(q, np.log(q.y[:1]))[0] * rng.standard_normal((draws, len(q.y)))
    if q.run is not None:
        runs = q.run.max() + 1
        unsure = stdtrit(max(1, runs - SPENT) + 1, TAIL) / stdtrit(np.inf, TAIL)
        log += unsure * run_noise(q) * rng.standard_normal((draws, runs))[:, q.run]
    return q.y * np.exp(log)
