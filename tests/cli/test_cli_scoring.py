"""crossover, skills and chain as commands."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import forescale as fs
from forescale import studies
from forescale.cli.app import app


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_crossover_of_two_arms(tmp_path):
    arms = studies.load("arms")
    arms.to_frame().write_csv(tmp_path / "arms.csv")
    said = run("crossover", tmp_path / "arms.csv", "--a", "attention", "--b", "mamba", "--figure", tmp_path / "a.html")
    two = arms.where(np.isin(arms["arm"], ["attention", "mamba"]))
    assert said.startswith(fs.compare(two).pairs[0].summary()) and "one more run of each" in said
    assert (tmp_path / "a.html").stat().st_size > 1e5
    assert json.loads(run("crossover", tmp_path / "arms.csv", "--a", "attention", "--b", "mamba", "--json"))["a"] == "attention"
    result = CliRunner().invoke(app, ["crossover", str(tmp_path / "arms.csv"), "--a", "atention", "--b", "mamba"])
    assert "did you mean 'attention'" in str(result.exception)


def test_skills_of_two_sets(tmp_path):
    runs = studies.load().role("fit").to_frame().select("params", "tokens", "loss")
    both = pl.concat([runs.with_columns(val_set=pl.lit("a")), runs.with_columns(val_set=pl.lit("b"), loss=pl.col("loss") * 1.1)])
    both.write_csv(tmp_path / "s.csv")
    said = json.loads(run("skills", tmp_path / "s.csv", "--flops", "1e14", "--weights", "a=1,b=3", "--json"))
    assert said["weights"] == {"a": 0.25, "b": 0.75} and set(said["params"]) == {"a", "b"}
    assert "overlap" in run("skills", tmp_path / "s.csv", "--flops", "1e14")


def test_chain_from_a_long_table(tmp_path):
    rows = []
    for m, f in enumerate((18, 19, 20, 21)):
        for i in range(9):
            for k in range(3):
                right = k == i % 3
                log_p = -1.0 - 0.3 * k + 0.2 * right * (f - 21)
                row = {"model": f"m{m}", "flops": 10.0**f, "item": i, "choice": k, "log_p": log_p, "correct": int(right)}
                rows.append(row)
    pl.DataFrame(rows).sample(fraction=1, shuffle=True, seed=1).write_csv(tmp_path / "c.csv")
    said = run("chain", tmp_path / "c.csv", "--flops", "1e23")
    assert "9 items, 4 models" in said and "+0.200" in said
    pl.DataFrame(rows[:-1]).write_csv(tmp_path / "d.csv")
    result = CliRunner().invoke(app, ["chain", str(tmp_path / "d.csv"), "--flops", "1e23"])
    assert "item 8 of model m3 has 2 choices, others 3" in str(result.exception)
    pl.DataFrame(rows[:-3]).write_csv(tmp_path / "e.csv")
    result = CliRunner().invoke(app, ["chain", str(tmp_path / "e.csv"), "--flops", "1e23"])
    assert "4 models needs all 9 items; 35" in str(result.exception)
    pl.DataFrame(rows).with_columns(-pl.col("log_p")).write_csv(tmp_path / "f.csv")
    result = CliRunner().invoke(app, ["chain", str(tmp_path / "f.csv"), "--flops", "1e23"])
    assert "log_p of item 1, choice 1 is 1.6: a log-probability is at most 0" in str(result.exception)


@pytest.mark.parametrize("name", ["crossover", "skills", "chain", "languages"])
def test_help_is_there(name):
    assert "--json" in run(name, "--help")
