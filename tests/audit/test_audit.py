"""The audit on the Chinchilla points: what Besiroglu et al. found moves the conclusion is what it says moves it."""

import numpy as np
import pytest

import forescale as fs
from forescale import studies
from forescale.audit import _inner, _total
from forescale.errors import InputError


def test_chinchilla_points(study):
    a = fs.audit(study("chinchilla"), flops=5.88e23)
    of = {c.choice: c for c in a.changes}
    assert of["without the 5 rows of highest loss"].tokens_per_param == pytest.approx(18, abs=0.5)
    assert of["constants as published: hoffmann_rounded"].tokens_per_param == pytest.approx(93, abs=0.5)
    moved = a.groups()
    assert moved["starts"] < 1e-4 < moved["delta"] < min(moved["outliers"], moved["rounding"], moved["accounting"])
    assert [c.moved for c in a.changes] == sorted((c.moved for c in a.changes), reverse=True)
    assert "245 rows" in dict(a.checklist)["runs"] and "checklist" in a.summary()


def test_counting_goes_there_and_back():
    n = np.geomspace(1e5, 1e11, 20)
    assert np.allclose(_inner(_total(n)), n, rtol=1e-9)
    assert _total(1e9) == pytest.approx(1e9 + 47491 * 1e3)


def test_the_shipped_study_and_its_learning_rates():
    runs = studies.load()
    a = fs.audit(runs.where(runs["role"] != "held_out"))
    assert "best learning rate of each N, D only" in {c.choice for c in a.changes}
    assert not any("hoffmann" in c.choice for c in a.changes)  # published constants of other runs are no sensitivity
    assert a.to_dict()["groups"] == a.groups()


def test_errors():
    with pytest.raises(InputError, match="params and tokens"):
        fs.audit(studies.load(), law="power(tokens)")
