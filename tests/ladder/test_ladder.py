"""The shipped study is what the trainer says it is; with torch, the trainer trains."""

import numpy as np
import pytest

from forescale import studies
from forescale.ladder.spec import GROUPS, HELD_OUT, RunSpec


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
    assert HELD_OUT / GROUPS[-1] > 4


def test_parameter_count_is_that_of_torch():
    pytest.importorskip("torch")
    from forescale.ladder.model import ByteGPT

    for shape in ((8, 1), (40, 2), (96, 4)):
        assert sum(p.numel() for p in ByteGPT(*shape).parameters()) == RunSpec(*shape, 0, 1, 0.0, 0, "fit", 0.0).params


@pytest.mark.torch
def test_the_trainer_reproduces_a_shipped_run_and_itself():
    from forescale.ladder.corpus import standard_library
    from forescale.ladder.trainer import train

    corpus = standard_library()
    run = RunSpec(16, 1, 200_000, 8, 0.03, 0, "fit", 0.0)
    a, b = train(run, corpus), train(run, corpus)
    assert a["loss"] == b["loss"] and 1.8 < a["loss"] < 2.8
    assert a["curve"][0][1] > a["curve"][-1][1]
