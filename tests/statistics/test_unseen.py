"""Studies made by tools/train_curves.py, which no calibration has seen: intervals hold, and no single candidate is better."""

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "unseen.py"


@pytest.fixture(scope="module")
def unseen():
    spec = importlib.util.spec_from_file_location("unseen", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_curves_two_to_eight_times_beyond(unseen):
    inputs, tables = unseen.studies("curves.csv")
    for cut in (2, 8):
        errors, held = unseen.judged(unseen.questions(inputs, tables, cut))
        assert len(held) > 50
        cover, joint = held[:, :2].mean(axis=0)
        assert 0.82 <= cover <= 0.97 and 0.82 <= joint
        ours = unseen.geomean(errors.pop(unseen.STACK))
        assert all(ours < 1.06 * unseen.geomean(e) for e in errors.values())


@pytest.mark.slow
def test_grids_of_two_inputs(unseen):
    inputs, tables = unseen.studies("grids.csv")
    errors, held = unseen.judged(unseen.questions(inputs, tables, 4))
    assert len(held) == 5 and 0.82 <= held[:, 0].mean()
    ours = unseen.geomean(errors.pop(unseen.STACK))
    assert all(ours < unseen.geomean(e) for e in errors.values())


@pytest.mark.slow
def test_targets_within_the_rows(unseen):
    for name, beside in (("curves.csv", 1.25), ("grids.csv", 1.1)):
        errors, held = unseen.judged(unseen.between(*unseen.studies(name)))
        assert 0.82 <= held[:, 0].mean()
        ours = unseen.geomean(errors.pop(unseen.STACK))
        assert ours < beside * min(unseen.geomean(e) for e in errors.values())
        assert ours < 0.5 * unseen.geomean(errors["power law through the last 5"])
