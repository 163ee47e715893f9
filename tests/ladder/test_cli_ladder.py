"""The ladder's commands from an empty folder to a scored forecast, on a trial that needs no torch; and on the real trainer."""

import json

import pytest
from typer.testing import CliRunner

from forescale.cli.app import app
from forescale.ladder import Store
from forescale.ladder.spec import read, runs

# a law with noise of its own seed: the ladder's plumbing is what is tested, the training is simulated
TRIAL = """
import random

def trial(config, report, checkpoint):
    noise = random.Random(f"{config['params']}{config['tokens']}{config['seed']}").gauss(0, 0.002)
    for step in range(3):
        report(step, train_loss=9.0 - step)
    return {"loss": (1.7 + 400 / config["params"] ** 0.34 + 400 / config["tokens"] ** 0.28) * (1 + noise)}
"""
SPEC = """
trial: {where}:trial
sizes: [1e6, 3e6, 1e7, 3e7, 1e8, 3e8]
tokens: {{per_param: [10, 40]}}
hold_out: 1
"""


def run(*args, code=0):
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == code, result.output + str(result.exception)
    return result.output


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.py").write_text(TRIAL)
    (tmp_path / "s.yaml").write_text(SPEC.format(where=tmp_path / "walk.py"))
    return tmp_path / "s.yaml"


def test_from_an_empty_folder_to_a_scored_forecast(spec, tmp_path):
    said = run("ladder", "run", spec, "--dry-run")
    assert "12 runs" in said and said.count("held out") == 1 and not (tmp_path / "ladders").exists()
    assert "11 finished; tables in ladders/s" in run("ladder", "run", spec, "--workers", 2)
    ahead = json.loads(run("ladder", "forecast", spec, "--json"))
    assert len(ahead) == 1 and not ahead[0]["late"]
    assert "not trained yet" in run("ladder", "score", spec)
    assert "12 finished" in run("ladder", "run", spec, "--held-out", "--workers", 1)
    scored = json.loads(run("ladder", "score", spec, "--json"))[0]
    assert scored["value"] == ahead[0]["value"] and abs(scored["error"]) < 0.02 and scored["runs"] == 1
    assert "1 of 1 inside" in run("ladder", "score", spec)
    assert json.loads(run("ladder", "forecast", spec, "--json")) == ahead  # what was said before the run stays said
    assert "12 finished" in run("ladder", "status", "ladders/s")
    key = json.loads(run("ladder", "status", "ladders/s", "--json"))[0]["key"]
    assert "train_loss 7" in run("ladder", "tail", "ladders/s", key)


def test_cancelling_and_errors(spec, tmp_path):
    from forescale.ladder import Ladder

    ladder = Ladder(spec, tmp_path / "ladders" / "s")
    ladder.store.add(ladder.planned())
    assert "12 runs cancelled" in run("ladder", "cancel", "ladders/s")
    assert {r["state"] for r in Store("ladders/s").rows()} == {"cancelled"}
    assert "11 cancelled" in run("ladder", "run", spec)
    assert "11 finished" in run("ladder", "run", spec, "--retry")
    for args, message in (
        (("status", "nowhere"), "holds no ladder"),
        (("tail", "ladders/s"), "nothing is running"),
        (("tail", "ladders/s", "zzz"), "has no run 'zzz'"),
        (("run", "none.yaml"), "there is no spec"),
        (("run", spec, "--executor", "slurm"), "unknown executor 'slurm'"),
        (("score", spec, "-o", "other"), "holds no forecast yet"),
        (("forecast", spec, "-o", "other"), "holds no finished run"),
    ):
        result = CliRunner().invoke(app, ["ladder", *map(str, args)])
        assert result.exit_code != 0 and message in str(result.exception or result.output)


def test_a_design_is_a_valid_spec(tmp_path):
    out = tmp_path / "d.yaml"
    run("design", "--target", "params=100M,tokens=2B", "--budget", "1e17", "-o", out)
    planned = runs(read(out))
    assert len(planned) >= 4 and [p.held_out for p in planned] == [False] * (len(planned) - 1) + [True]
    assert sum(6 * p.counts["params"] * p.counts["tokens"] for p in planned[:-1]) < 1.1e17


@pytest.mark.torch
def test_the_real_trainer_by_command(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(
        "model: {context: 64}\nsizes: [10k]\ntokens: {seconds: [1, 2]}\ntraining: {learning_rate: 8.0e-3, batch_size: 512}\n"
        "hardware: {price_per_hour: 36}\n"
    )
    rows = json.loads(run("ladder", "run", "s.yaml", "--dry-run", "--json"))
    assert [r["cost"] for r in rows] == [pytest.approx(r["seconds"] / 100) for r in rows]
    assert rows[1]["tokens"] == pytest.approx(2 * rows[0]["tokens"], rel=0.01)
    run("ladder", "run", "s.yaml", "--workers", 1)
    done = Store("ladders/s").rows()
    speed = [v for k, v in Store("ladders/s").facts().items() if k.startswith("speed ")]
    assert len(speed) == 1  # measured once, so that the runs stay the same runs
    for r, seconds in zip(done, (1, 2), strict=True):
        assert r["result"]["rows"][0]["tokens"] == pytest.approx(speed[0] * seconds, rel=0.05)


@pytest.mark.torch
def test_coordinate_check(tmp_path):
    pytest.importorskip("torch")
    said = run("ladder", "coord-check", "mup", "--steps", "2", "--figure", tmp_path / "c.html")
    assert "flat: rates carry over" in said and (tmp_path / "c.html").stat().st_size > 1e6
    from forescale.ladder.coordinates import coordinate_check

    found = coordinate_check({"parametrization": "standard"}, widths=(64, 128, 256), seeds=(0,))
    slopes = dict(zip(found.layers, found.slope, strict=True))
    assert not found.flat and slopes["block 1"] > 0.5 and slopes["block 2"] > 0.5
    assert "64       128       256       512      1024" in said
