"""Studies made by tools/train_curves.py, which no calibration has seen: intervals hold, and stacking pays."""

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


def judged_at(unseen, name, cuts):
    """Coverage and joint coverage at each distance, and geometric mean errors over them: ours, and each candidate's alone."""
    inputs, tables = unseen.studies(name)
    found = [unseen.judged(unseen.questions(inputs, tables, cut)) for cut in cuts]
    names = set.intersection(*(set(errors) for errors, _ in found))
    errors = {n: unseen.geomean([unseen.geomean(e[n]) for e, _ in found]) for n in names}
    return [held[:, :2].mean(axis=0) for _, held in found], errors.pop(unseen.STACK), errors


@pytest.mark.slow
def test_curves_two_to_eight_times_beyond(unseen):
    held, ours, alone = judged_at(unseen, "curves.csv", (2, 8))
    assert all(0.82 <= cover <= 0.99 and 0.82 <= joint for cover, joint in held)
    assert ours < min(alone.values())


@pytest.mark.slow
def test_grids_of_two_inputs(unseen):
    """Five grids only: no candidate may be an eighth better than all of them stacked (the best is a tenth better)."""
    held, ours, alone = judged_at(unseen, "grids.csv", (4, 16))
    assert all(0.82 <= cover for cover, _ in held) and ours < 1.125 * min(alone.values())
    assert ours < 0.75 * alone["power law through the last 5"]


@pytest.mark.slow
def test_targets_within_the_rows(unseen):
    for name, beside in (("curves.csv", 1.25), ("grids.csv", 1.1)):
        errors, held = unseen.judged(unseen.between(*unseen.studies(name)))
        assert 0.82 <= held[:, 0].mean()
        ours = unseen.geomean(errors.pop(unseen.STACK))
        assert ours < beside * min(unseen.geomean(e) for e in errors.values())
        assert ours < 0.5 * unseen.geomean(errors["power law through the last 5"])
