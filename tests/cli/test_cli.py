"""The commands, as a user runs them."""

import json
import subprocess
import sys
import threading

import pytest

import forescale as fs
from forescale import studies


def run(*args, code=0):
    done = subprocess.run([sys.executable, "-m", "forescale", *map(str, args)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "runs.csv"
    studies.load().role("fit").to_frame().write_csv(path)
    return path


def test_fit_predict_plan(table, tmp_path):
    out = tmp_path / "fit.json"
    fitted = json.loads(run("fit", table, "-o", out, "--json"))
    assert fitted["status"] == "CONVERGED" and fitted["rows"] == 56
    said = json.loads(run("predict", out, "--params", "1M", "--tokens", "6.5M", "--json"))
    assert said["low"] < said["value"] < said["high"]
    best = json.loads(run("plan", out, "--flops", "1e14", "--json"))
    assert best["params"][1] < best["params"][0] < best["params"][2]
    assert "compute-optimal" in run("plan", out, "--flops", "1e14")
    assert "averaged over" in run("plan", table, "--flops", "1e14")
    assert "are for a plan from a table of runs" in run("plan", out, "--flops", "1e14", "--role", "fit", code=2)
    assert "no file nosuch.csv" in run("plan", "nosuch.csv", "--flops", "1e14", code=2)
    assert "is no fit: fit it first" in run("plan", table, "--serve", "1T", "--params", "1M", code=2)


def test_demo(tmp_path):
    text = run("demo", "--figure", tmp_path / "d.html")
    assert text.index("predicted before looking") < text.index("measured:") and "mean absolute error" in text
    html = (tmp_path / "d.html").read_text()
    assert "Plotly.newPlot" in html and 'src="http' not in html


def test_catalogue_commands():
    assert "farseer" in run("laws", "list")
    shown = json.loads(run("laws", "show", "kaplan", "--json"))
    assert shown["source"]["ref"] == "arXiv:2001.08361"
    assert "stdlib" in run("studies", "list")
    assert "held_out" in run("ladder", "stdlib", "--dry-run")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("fit", "nowhere.csv"), "no file"),
        (("predict", "nowhere.json", "--params", "7B"), "no file"),
        (("laws", "show", "chinchila"), "did you mean 'chinchilla'"),
        (("check", "nowhere.py"), "no file"),
    ],
)
def test_bad_input_is_one_line_and_code_2(args, said):
    error = run(*args, code=2)
    assert said in error and error.count("\n") == 1


def test_bad_options(table):
    assert "cannot read 'x'" in run("fit", table, "--map", "x", code=2)
    assert "did you mean" in run("fit", table, "--law", "chinchila", code=2)
    assert "huber" in run("fit", table, "--loss", "hubr", code=2)


def test_check_of_a_users_file(tmp_path):
    wrong = tmp_path / "mine.py"
    wrong.write_text(
        "import forescale as fs\n"
        "@fs.law(inputs=('tokens',), output='loss', linear=('A', 'b'), claims=(fs.decreasing('tokens'),),\n"
        "        params=(fs.Param('A', fs.positive, (1, 1e4), ''), fs.Param('b', fs.interval(0, 2), (0.1, 0.9), '')),\n"
        "        source=fs.Source('mine'))\n"
        "def mine(p, x):\n    return p.A * x.tokens**p.b\n"
    )
    shown = subprocess.run([sys.executable, "-m", "forescale", "check", wrong], capture_output=True, text=True)
    assert shown.returncode == 1 and shown.stderr == ""
    assert "FAIL  linear parameters" in shown.stdout and "FAIL  claim: decreasing in tokens" in shown.stdout


def test_help_loads_neither_scipy_nor_a_table_library():
    code = (
        "import sys\nfrom forescale.cli import main\nsys.argv = ['forescale', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint([m for m in ('scipy', 'polars', 'numpy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert out.strip().endswith("[]")


def test_forecast_rollout_audit(table, tmp_path):
    said = json.loads(run("forecast", table, "--params", "1M", "--tokens", "6.5M", "-o", tmp_path / "f.json", "--json"))
    assert said["low"][0] < said["value"][0] < said["high"][0]
    assert json.loads((tmp_path / "f.json").read_text()) == said
    run("forecast", table, "--params", "1M", "--tokens", "6.5M", "--figure", tmp_path / "f.html")
    html = (tmp_path / "f.html").read_text()
    assert "plotly" in html and "coupled law" in html and "90% for a new run" in html
    assert "candidates" in run("forecast", table, "--params", "1M", "--tokens", "6.5M", "--law", "chinchilla")
    both = ("forecast", table, "--params", "1M", "--tokens", "6.5M", "--target", "loss", "--target", "flops")
    assert json.loads(run(*both, "--json"))["loss"] == said
    assert [part.split()[0] for part in run(*both).split("\n\n")] == ["loss", "flops"]
    assert "one --target" in run(*both, "--figure", tmp_path / "g.html", code=2)
    assert json.loads(run("rollout", table, "--json"))["origins"] >= 2
    assert "checklist" in run("audit", table)
    assert "no column 'nothing'" in run("forecast", table, "--target", "nothing", "--params", "1M", code=2)
    assert "say what to forecast" in run("forecast", table, code=2)


def test_version():
    assert run("--version").split() == ["forescale", fs.__version__]


def test_watch(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,loss\n" + "\n".join(f"{s},{2 + 5 * s**-0.5}" for s in range(10, 900, 10)) + "\n")
    assert json.loads(run("watch", log, "--until", "1k", "--schedule", "constant", "--json"))["until"] == 1000
    assert "wait for more" in run("watch", log, "--until", "100k", code=2)
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:4]))  # too early: it looks again, until the run ends
    grown = threading.Timer(0.5, log.write_text, ("".join(lines),))
    grown.start()
    assert "final loss" in run("watch", log, "--until", "890", "--schedule", "constant", "--every", "0.2")
    grown.join()


def test_rules():
    assert "learning_rate" in run("rules", "list") and "holds fixed" in run("rules", "show", "lr_width_mup")
    text = run("rules", "ask", "learning_rate", "--from", "batch_size=256k", "--to", "batch_size=1024k", "--value", "1e-3")
    assert "0.002" in text and "0.004" in text and "disagree by a factor 2" in text
    found = json.loads(run("rules", "ask", "weight_decay", "--from", "width=256", "--to", "width=1024", "--json"))
    assert {a["rule"]: a["factor"] for a in found}["weight_decay_width"] == 2
    assert "unknown quantity" in run("rules", "ask", "nothing", "--to", "width=1", code=2)
