"""The catalogue's, the planner's and the comparison's commands on real input, text and JSON, and their one-line errors."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from forescale.cli.app import app


def run(*words):
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def isoflop_file(tmp_path, study):
    runs = study("kaplan-vs-chinchilla")
    mine = (runs["arm"] == "rw/tuned/short/const") & (runs["param_count"] == "standard") & (runs["loss_split"] == "val")
    rows = runs.where(mine)
    path = tmp_path / "runs.csv"
    pl.DataFrame({k: rows[k] for k in ("params", "tokens", "flops", "loss")}).write_csv(path)
    return path


def test_allocate_and_frontier(isoflop_file, tmp_path):
    html = tmp_path / "valleys.html"
    found = json.loads(run("allocate", str(isoflop_file), "--flops", "1e23", "--figure", str(html), "--json").output)
    assert 0.45 < found["exponents"]["2 isoFLOP, akima"][0] < 0.55 and found["exponents"]["1 frontier"][1] is None
    assert html.stat().st_size > 1e6 and "3 parametric law" in run("allocate", str(isoflop_file)).output
    assert "on the frontier" in run("frontier", str(isoflop_file)).output


def test_plan_configure_memory_budget_design(tmp_path):
    assert "no interval" in run("configure", "chinchilla:besiroglu", "--budget", "30 days on 512 H100").output
    made = json.loads(run("configure", "chinchilla:besiroglu", "--budget", "1e22", "--counting", "palm", "--json").output)
    assert made["counting"] == "palm" and made["shape"]["params"] > 1e9
    assert json.loads(run("memory", "--params", "7B", "--json").output)["fits"] is True
    assert "does not fit" in run("memory", "--params", "70B", "--devices", "1", "--zero", "0").output
    assert json.loads(run("budget", "$2M at $2.5 per H100-hour", "--json").output)["money"] == 2e6
    out = tmp_path / "runs.csv"
    said = run("design", "--target", "params=7B,tokens=140B", "--budget", "1e20", "-o", str(out)).output
    assert "90 % interval" in said and {"params", "tokens", "flops", "halfwidth"} == set(pl.read_csv(out).columns)


def test_hparams_prints_rules_beside(tmp_path, study):
    runs = study("misfitting", drop_bad=True)
    rows = runs.where(runs["suspect"] == "False")
    path = tmp_path / "sweep.csv"
    pl.DataFrame({k: rows[k] for k in ("params", "tokens", "learning_rate", "loss")}).write_csv(path)
    said = run("hparams", str(path), "--params", "1.2B", "--tokens", "21B").output
    assert "learning_rate" in said and "published rules for this run" in said and "lr_step_law" in said


def test_compare_trend_passk_observational_transfer(tmp_path):
    rng, c = np.random.default_rng(0), np.geomspace(1e17, 1e19, 8)
    loss = np.r_[1.7 + 0.9 * (c / 1e18) ** -0.12, 1.7 + 0.95 * (c / 1e18) ** -0.18] * np.exp(0.003 * rng.standard_normal(16))
    arms, scores, passes, pairs = (tmp_path / f"{n}.csv" for n in ("arms", "scores", "passes", "pairs"))
    pl.DataFrame({"flops": np.r_[c, c], "loss": loss, "arm": ["a"] * 8 + ["b"] * 8}).write_csv(arms)
    found = json.loads(run("compare", str(arms), "--target", "1e20", "--json").output)["pairs"][0]
    assert found["winner"] == "b" and found["crossing"] is not None
    pl.DataFrame({"flops": c, "accuracy": [0.5, 0.45, 0.4, 0.36, 0.35, 0.41, 0.47, 0.55]}).write_csv(scores)
    counted = tmp_path / "counted.csv"  # compute is counted where params and tokens stand instead, under any known name
    lines = [line.split(",") for line in scores.read_text().split()]
    assert lines[0] == ["flops", "accuracy"]
    rows = [f"1e9,{float(flops) / 6e9:.17g},{accuracy}" for flops, accuracy in lines[1:]]
    counted.write_text("\n".join(["n_params,n_tokens,accuracy", *rows]) + "\n")
    said = [run("trend", str(path), "--value", "accuracy").output for path in (counted, scores)]
    assert said[0] == said[1] + "".join(f"warning: column 'n_{q}' is read as {q}\n" for q in ("params", "tokens"))
    assert "name the scale with --scale" in str(run("trend", str(counted), "--value", "accuracy", "--scale", "hours").exception)
    assert json.loads(run("trend", str(counted), "--value", "accuracy", "--scale", "n_tokens", "--json").output)["shape"] == "U"
    assert json.loads(run("trend", str(scores), "--value", "accuracy", "--json").output)["shape"] == "U"
    pl.read_csv(scores).write_csv(tmp_path / "scores.tsv", separator="\t")
    assert json.loads(run("trend", str(tmp_path / "scores.tsv"), "--value", "accuracy", "--json").output)["shape"] == "U"
    pl.read_csv(arms).rename({"arm": "optimizer"}).write_csv(tmp_path / "named.csv")
    named = run("compare", str(tmp_path / "named.csv"), "--map", "arm=optimizer", "--target", "1e20", "--json")
    assert json.loads(named.output)["pairs"][0] == found
    pl.DataFrame({"scale": [3e7, 1e8, 3e8, 1e9], "drawn": [3.9e6, 4.1e5, 5.2e4, 4.1e3], "passes": [6] * 4}).write_csv(passes)
    assert "pass rate" in run("passk", str(passes), "--at", "10B").output
    old = 1.8 + 0.9 * (c / 1e18) ** -0.15
    pl.DataFrame({"old_loss": old, "new_loss": 0.3 + 1.1 * old}).write_csv(pairs)
    pl.DataFrame({"flops": c, "loss": old}).write_csv(tmp_path / "ladder.csv")
    assert "straight line" in run("transfer", str(tmp_path / "ladder.csv"), "--pairs", str(pairs), "--at", "flops=1e20").output
    ability = rng.uniform(-1, 1, 30)
    table = {f"bench{j}": 0.5 + 0.3 * ability + 0.02 * rng.standard_normal(30) for j in range(5)}
    task = [float(v) if i < 24 else None for i, v in enumerate(1 / (1 + np.exp(-2 * ability)))]
    pl.DataFrame({"model": [f"m{i}" for i in range(30)], **table, "hard": task}).write_csv(tmp_path / "public.csv")
    said = json.loads(run("observational", str(tmp_path / "public.csv"), "--task", "hard", "--json").output)["predictions"]
    assert len(said) == 6
    for i in range(24, 30):
        assert said[f"m{i}"][0] == pytest.approx(1 / (1 + np.exp(-2 * ability[i])), abs=0.1)


def test_columns_that_are_no_benchmarks_are_named_not_used(tmp_path):
    rng = np.random.default_rng(0)
    ability = rng.uniform(0.2, 0.8, 12)
    table = {"model": [f"m{i}" for i in range(12)], "one": ability, "two": ability**2, "task": [*ability[:9], None, None, None]}
    pl.DataFrame({**table, "org": ["acme"] * 12}).write_csv(tmp_path / "two.csv")
    said = run("observational", str(tmp_path / "two.csv"), "--task", "task").output
    assert "from 2 benchmarks, 9 models" in said and "left out, not numbers throughout: org" in said
    pl.DataFrame({**table, "params": 1e9 * ability}).write_csv(tmp_path / "sizes.csv")
    refused = run("observational", str(tmp_path / "sizes.csv"), "--task", "task")
    assert "benchmarks are fractions" in str(refused.exception) and "--benchmarks one,two" in str(refused.exception)
    chosen = run("observational", str(tmp_path / "sizes.csv"), "--task", "task", "--benchmarks", "one,two").output
    assert chosen == said.replace("  left out, not numbers throughout: org\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("laws", "at", "chinchila:besiroglu", "--at", "params=1B,tokens=20B"), "did you mean 'chinchilla'"),
        (("laws", "at", "chinchilla:nobody", "--at", "params=1B,tokens=20B"), "unknown preset"),
        (("laws", "at", "chinchilla", "--at", "params=1B,tokens=20B"), "parameter E, A, B, alpha, beta missing"),
        (("laws", "optimum", "chinchilla:besiroglu", "--flops", "-1"), "above zero"),
        (("plan", "chinchilla:besiroglu", "--serve", "2T", "--loss", "1.5"), "does not reach a loss"),
        (("plan", "chinchilla:besiroglu"), "give --flops"),
        (("rules", "ask", "learning_rat", "--to", "batch=1M"), "did you mean 'learning_rate'"),
        (("rules", "ask", "learning_rate", "--to", "bach=1M"), "unknown input of the rules"),
        (("papers", "search", " "), "is empty"),
        (("cite", "rectifed"), "did you mean 'rectified'"),
        (("memory", "--params", "7B", "--zero", "5"), "unknown ZeRO stage"),
        (("compare", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_errors_are_one_line(words, said):
    result = run(*words)
    assert result.exception is not None and said in str(result.exception) and "\n" not in str(result.exception)
