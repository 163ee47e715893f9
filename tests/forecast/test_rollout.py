"""The rollout table: the same rows for every method, baselines beside, laws of the user's own too."""

import numpy as np
import pytest

import forescale as fs
from forescale import laws, studies
from forescale.errors import InputError


@pytest.fixture(scope="module")
def table():
    runs = studies.load()
    return fs.rollout(runs.where(runs["role"] != "lr_sweep"), laws=[laws.get("chinchilla")])


def test_every_method_is_judged_on_the_same_rows(table):
    rows = {}
    for x in table.lines:
        rows.setdefault(x.factor, set()).add(x.rows)
    assert all(len(v) == 1 for v in rows.values())
    names = {x.method for x in table.lines}
    assert "chinchilla" in names and "automatic forecast" in names and sum(x.naive for x in table.lines) >= 3


def test_the_automatic_forecast_beats_every_naive_baseline(table):
    def error(method):
        return np.mean([x.error for x in table.lines if x.method == method])

    assert all(error("automatic forecast") < error(x.method) for x in table.lines if x.naive)


def test_only_the_automatic_forecast_has_coverage(table):
    assert all((x.coverage is None) == (x.method != "automatic forecast") for x in table.lines)
    assert "its 90% interval held" in table.summary() and table.to_dict()["origins"] == table.origins


def test_too_few_rows():
    with pytest.raises(InputError, match="leave none to hold out"):
        fs.rollout({"flops": [1.0, 2, 3, 4, 5], "loss": [5.0, 4, 3, 2, 1]}, ("flops",))
