"""Formats whose writer cannot be installed here, the table made of logs, and the command; see tests/integration for the rest."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import forescale as fs
from forescale.cli.app import app
from forescale.runs.logs import scan, tidy

OLMO = """2025-01-01 00:00:00 INFO [step=1/20,epoch=1]
2025-01-01 00:00:01 INFO [step=10/20,epoch=1,eta=5s]
    train/CE loss=3.512
    throughput/total tokens=1,048,576
    optim/LR (group 0)=0.00040
2025-01-01 00:00:02 INFO [step=20/20,epoch=1,eta=0s]
    train/CE loss=3.1
    throughput/total tokens=2,097,152
"""
NANO = """step 00000/00100 (0.00%) | loss: 11.090355 | lrm: 1.00 | dt: 23156.74ms | tok/sec: 22,641 | mfu: 1.36
Step 00000 | Validation bpb: 3.3011
step 00099/00100 (99.00%) | loss: 4.25 | lrm: 0.10 | dt: 500.00ms | tok/sec: 1,000,000 | mfu: 40.1
Step 00100 | Validation bpb: 1.21"""


def points(log, metric):
    return dict(zip(*(a.tolist() for a in log.series[metric]), strict=True))


def test_olmo_core_console_and_saved_metrics(tmp_path):
    (tmp_path / "train.log").write_text(OLMO)
    for step in (5, 10):
        (tmp_path / "saved").mkdir(exist_ok=True)
        (tmp_path / "saved" / f"metrics_step{step}.json").write_text(json.dumps({"train/CE loss": 4 - step / 10, "text": "x"}))
    saved, console = scan(tmp_path)
    assert points(console, "train/CE loss") == {10: 3.512, 20: 3.1} and console.finished
    assert points(console, "throughput/total tokens")[20] == 2_097_152
    assert points(saved, "train/CE loss") == {5: 3.5, 10: 3.0} and saved.finished is False  # no metrics.json yet
    (row,) = tidy([console], {"params": "1B"}).to_frame().to_dicts()
    assert row["tokens"] == 2_097_152 and row["loss"] == 3.1 and row["params"] == 1e9


def test_nanochat_console_up_to_its_last_whole_line(tmp_path):
    (tmp_path / "run.log").write_text(NANO)
    (log,) = scan(tmp_path)
    assert points(log, "loss") == {0: 11.090355, 99: 4.25} and points(log, "Validation bpb") == {0: 3.3011}
    assert log.finished is False and "cut off" in log.notes[0]


def test_charts_and_history_files(tmp_path):
    chart = "Step,a - eval/loss,a - eval/loss__MIN,a - eval/loss__MAX,b - eval/loss\n0,3.5,3.5,3.5,3.6\n10,3.0,3,3,\n"
    (tmp_path / "wandb_export.csv").write_text(chart)
    pl.DataFrame({"_step": [0, 1], "_runtime": [0.1, 0.2], "loss": [2.0, 1.5]}).write_parquet(tmp_path / "history.parquet")
    (tmp_path / "broken.jsonl").write_text('{"step": 0, "loss": 2.0}\n{"step": 1, "loss": NaN}\n')
    broken, history, a, b = scan(tmp_path)
    assert np.isnan(broken.last("loss")) and tidy([broken]).rows[0]["loss"] is None  # 2.0 is not its final loss
    assert points(history, "loss") == {0: 2.0, 1: 1.5} and "_runtime" not in history.series
    assert points(a, "eval/loss") == {0: 3.5, 10: 3.0} and a.series.keys() == {"eval/loss"} and points(b, "eval/loss") == {0: 3.6}


def test_only_the_last_state_of_the_trainer_counts(tmp_path):
    for step in (5, 10):
        folder = tmp_path / "run" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        state = {"log_history": [{"step": s, "loss": 1 / s} for s in range(1, step)], "global_step": step, "max_steps": 20}
        (folder / "trainer_state.json").write_text(json.dumps(state))
    (log,) = scan(tmp_path)
    assert log.name == "run" and max(points(log, "loss")) == 9 and log.finished is False


@pytest.fixture
def logs(tmp_path):
    for name, last in (("a", 3.0), ("b", 2.5)):
        folder = tmp_path / "logs" / name
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text(f"step,loss,my_val\n0,4.0,4.1\n1,{last},{last + 0.1}\n")
    return tmp_path / "logs"


def run(*args, code=0):
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert (result.exit_code == 0) == (code == 0), result.output
    return result.output if code == 0 else str(result.exception)


def test_the_command_names_what_is_missing_and_writes_what_is_whole(logs, tmp_path):
    said = run("read", logs)
    assert "lacks params, tokens" in said and "params missing in 2 of 2 runs" in said and "training losses" in said
    assert "no run has params, tokens and loss" in run("read", logs, "-o", tmp_path / "r.parquet", code=2)
    run("read", logs, "--map", "loss=my_val,params=1M,tokens=20M", "-o", tmp_path / "r.parquet")
    table = fs.read(tmp_path / "r.parquet")
    assert sorted(table["loss"].tolist()) == [2.6, 3.1] and set(table["params"]) == {1e6}
    found = json.loads(run("read", logs, "--map", "loss=my_val", "--json"))
    assert found["loss_of"] == ["my_val"] * 2 and found["missing"] == [["params", "tokens"]] * 2


def test_evaluations_become_a_table_of_scores(tmp_path):
    """lm-eval's results of five models: no loss and no tokens in them, yet all that a forecast of a score needs."""
    for i, params in enumerate((10**8, 3 * 10**8, 10**9, 3 * 10**9, 10**10)):
        results = {
            "arc_easy": {"alias": "arc", "acc,none": 0.4 + 0.07 * i, "acc_stderr,none": 0.01},
            "drop": {"em,none": 0.1 * i},
        }
        found = {"results": results, "config": {"model_num_parameters": params}, "model_name": f"m{i}"}
        (tmp_path / f"m{i}").mkdir()
        (tmp_path / f"m{i}" / "results_2026.json").write_text(json.dumps(found))
    assert "2 scores" in run("read", tmp_path, "-o", tmp_path / "t.csv")
    table = fs.read(tmp_path / "t.csv", only=("arc_easy/acc", "params"))
    assert table["arc_easy/acc"].tolist() == pytest.approx([0.4 + 0.07 * i for i in range(5)]) and "tokens" not in table.columns
    found = fs.forecast(tmp_path / "t.csv", target="arc_easy/acc", params="30B")
    assert found.low[0] < 0.75 < found.high[0] < 1 and "1 - arc_easy/acc" in " ".join(found.warnings)
    asked = tidy(scan(tmp_path / "m3"), {"tokens": "20B", "right": "arc_easy/acc"}).to_frame()
    assert asked["right"].to_list() == pytest.approx([0.61]) and asked["tokens"].to_list() == [2e10]


def test_errors_are_one_line(logs, tmp_path):
    for args, message in (
        (("read", tmp_path / "none"), "there is no"),
        (("read", logs, "--map", "loss=my_vall"), "no run has a metric or setting of that name; there are my_val"),
        (("read", logs, "--map", "params=1M,tokens=1M", "-o", tmp_path / "x.xlsx"), "write .csv or .parquet"),
    ):
        said = run(*args, code=2)
        assert message in said and "\n" not in said
    (tmp_path / "empty").mkdir()
    assert "holds no log that is known" in run("read", tmp_path / "empty", code=2)
    (tmp_path / "runs.csv").write_text("params,tokens,loss\n1e6,1e8,3\n")
    assert "a table with one row for each run needs no reading" in run("read", tmp_path / "runs.csv", code=2)


def test_a_damaged_sqlite_file_says_how_to_save_it(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    (log,) = scan(tmp_path)
    assert log.finished is False and ".recover" in log.notes[0]
    assert "incomplete" in tidy([log]).summary()


def test_names_of_runs_are_escaped_in_notebooks(tmp_path):
    (tmp_path / "<script>").mkdir()
    (tmp_path / "<script>" / "metrics.csv").write_text("step,loss\n0,4.0\n")
    assert "<script>" not in tidy(scan(tmp_path))._repr_html_()
