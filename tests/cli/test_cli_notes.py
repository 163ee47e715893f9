"""What a table warned of when it was read is said by every command that takes one, in text and in JSON."""

import json

import numpy as np
import pytest

from forescale.errors import InputError
from forescale.plan import approaches
from forescale.runs import read

from .test_cli import run


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Simulated: two arms, three sizes at each of five budgets, three learning rates; one run diverged."""
    rng, lines = np.random.default_rng(0), ["arm,params,tokens,learning_rate,val_set,hits,loss"]
    for arm, gain in (("a", 0.0), ("b", 0.03)):
        for c in 10.0 ** np.arange(16, 21):
            for off in (0.4, 1.0, 2.5):
                for rate in (-1, 0, 1):
                    n = 0.09 * c**0.5 * off
                    d = c / 6 / n
                    loss = 1.7 + 410 * n**-0.34 + 1900 * d**-0.36 + 0.04 * rate**2 - gain + 0.002 * rng.standard_normal()
                    lines.append(f"{arm},{n:.6g},{d:.6g},{1e-3 * 2.0**rate:g},{arm},{np.exp(-loss):.5f},{loss:.5f}")
    lines[-1] = lines[-1].rpartition(",")[0] + ",nan"
    path = tmp_path_factory.mktemp("notes") / "sweep.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


COMMANDS = {
    "fit": ("--resamples", "20"),
    "forecast": ("--params", "2B", "--tokens", "40B"),
    "rollout": (),
    "audit": (),
    "allocate": (),
    "frontier": (),
    "hparams": ("--params", "2B", "--tokens", "40B"),
    "compare": (),
    "crossover": ("--a", "a", "--b", "b"),
    "trend": ("--value", "loss"),
    "skills": ("--flops", "1e21"),
    "downstream": ("--metric", "hits", "--at", "params=2B,tokens=40B"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_rows_left_out_are_told_of(sweep, command):
    said = run(command, sweep, *COMMANDS[command])
    assert said.count("1 row left out: row 90") == 1
    found = json.loads(run(command, sweep, *COMMANDS[command], "--json"))
    assert sum("1 row left out: row 90" in w for w in found["warnings"]) == 1


def test_fits_of_a_sweep_say_so_and_of_its_best_do_not(sweep):
    assert "as tells learning_rate (3 values), arm (2 values)" in run("fit", sweep, "--resamples", "20")
    for command in (("fit", sweep, "--resamples", "20", "--best"), ("allocate", sweep, "--best")):
        said = run(*command)
        assert "learning_rate (3 values)" not in said and "74 left out" in said
    runs = read(sweep)
    one = runs.where(runs["arm"] == "a")
    assert any("learning_rate (3 values)" in w for w in approaches(one).warnings)
    kept = one.best()
    assert len(kept) == 15 and "30 left out" in kept.warnings[-1]
    assert not any("learning_rate (3 values)" in w for w in approaches(kept).warnings)


def test_a_ladder_at_one_ratio_has_no_optimum(tmp_path):
    n = 10.0 ** np.linspace(7, 10, 8)
    path = tmp_path / "ladder.csv"
    path.write_text("params,tokens,loss\n" + "\n".join(f"{v},{20 * v},{1.7 + 60 * v**-0.25}" for v in n) + "\n")
    with pytest.raises(InputError, match=r"as it was chosen.*cannot be told"):
        approaches(read(path))
    assert "undecided: at every compute there is one size" in run("frontier", path)
    assert "undecided: params and tokens move together" in run("audit", path)
