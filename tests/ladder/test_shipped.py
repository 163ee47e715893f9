"""The shipped study is what it says it is, and the code that made it plans the same runs."""

import numpy as np

from forescale import studies
from forescale.ladder import stdlib


def test_shipped_study_has_the_promised_shape():
    runs = studies.load()
    fit, held = runs.role("fit"), runs.role("held_out")
    assert len(fit) >= 40 and np.log10(fit["flops"].max() / fit["flops"].min()) >= 2.45
    assert held["flops"].min() / fit["flops"].max() >= 4
    assert (fit["seed"] == 1).sum() >= 10 and len(runs.role("lr_sweep")) > 60
    assert np.allclose(runs["flops"], 6 * runs["params"] * runs["tokens"])
    curves = studies.load(table="curves")
    assert np.unique(curves["run"].astype(str), return_counts=True)[1].max() <= 60
    assert len(studies.about()["corpus"]["sha256"]) == 64


def test_the_code_plans_the_runs_that_were_shipped():
    shipped = studies.load()
    keep = lambda r: r["role"] != "lr_sweep"
    rows = shipped.to_frame().iter_rows(named=True)
    expected = {(r["role"], r["params"], r["tokens"], r["batch_size"], r["seed"]) for r in rows if keep(r)}
    planned = stdlib.ladder(studies.about()["corpus"]["train_bytes"], stdlib.centre)
    assert {
        (p.counts["role"], p.counts["params"], p.counts["tokens"], p.config["batch_size"], p.config["seed"]) for p in planned
    } == expected
