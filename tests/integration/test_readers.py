"""Every reader against files that the real library wrote in this test; then against 200 damaged copies of them."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import forescale as fs
from forescale.errors import InputError
from forescale.runs.logs import scan, tidy

from .written import CHECKSUMMED, WRITERS

NEEDS = {
    **{
        "wandb": "wandb",
        "mlflow_sqlite": "mlflow",
        "mlflow_files": "mlflow",
        "tensorboardx": "tensorboardX",
        "trackio": "trackio",
    },
    **{"tensorboard_tensors": "tensorboard", "trainer": "accelerate", "lm_eval": "lm_eval", "lightning_csv": "lightning_fabric"},
}
WRITE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.integration.written import WRITERS
said = WRITERS[sys.argv[1]](Path(sys.argv[2]))
Path(sys.argv[2], "said.said").write_text(json.dumps(said))
"""


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """name -> (folder, what was logged); each written once, by a process of its own (the libraries do not like company)."""
    import json

    made = {}

    def get(name):
        pytest.importorskip(NEEDS[name])
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            root = str(Path(__file__).parents[2])
            done = subprocess.run(
                [sys.executable, "-c", WRITE, name, str(folder), root], capture_output=True, text=True, cwd=folder
            )
            assert done.returncode == 0, done.stderr[-2000:]
            said = json.loads((folder / "said.said").read_text())
            said["series"] = {k: {int(s): v for s, v in points.items()} for k, points in said["series"].items()}
            made[name] = folder, said
        return made[name]

    return get


def points(log, metric):
    steps, values = log.series[metric]
    return dict(zip(steps.tolist(), values.tolist(), strict=True))


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("name", WRITERS)
def test_every_point_is_what_was_logged(written, name):
    folder, said = written(name)
    (log,) = scan(folder)
    assert log.finished is said["finished"] and not log.notes
    assert said["name"] is None or log.name == said["name"]
    for metric, expected in said["series"].items():
        found = points(log, metric)
        assert found.keys() == expected.keys()
        assert all(same(found[s], v) for s, v in expected.items())
    assert {k: log.config[k] for k in said["config"]} == said["config"]
    assert {k: log.summary[k] for k in said.get("summary", {})} == said.get("summary", {})
    assert all(np.issubdtype(v.dtype, np.floating) for _, v in log.series.values())


def damaged(folder: Path, rng, checksummed: bool) -> str:
    """Damage one file in place: cut it, or (where a checksum can tell) flip, drop or repeat bytes; else zero its end."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".said" and p.stat().st_size]
    path = files[rng.integers(len(files))]
    raw = bytearray(path.read_bytes())
    at = int(rng.integers(len(raw)))
    kind = rng.choice(["cut", "flip", "drop", "repeat"] if checksummed else ["cut", "zero"])
    if kind == "cut":
        del raw[at:]
    elif kind == "zero":
        raw[at:] = bytes(len(raw) - at)
    elif kind == "flip":
        raw[at] ^= int(rng.integers(1, 256))
    elif kind == "drop":
        del raw[at : at + int(rng.integers(1, 200))]
    else:
        raw[at:at] = raw[at : at + int(rng.integers(1, 200))]
    path.write_bytes(raw)
    return f"{kind} {path.name} at {at}"


@pytest.mark.parametrize("name", WRITERS)
def test_200_damaged_copies_give_no_traceback_and_no_wrong_number(written, name, tmp_path):
    folder, said = written(name)
    if name == "trainer":  # the parts that are read; the others are hundreds of kilobytes of weights
        keep = {"trainer_state.json", "model.safetensors", "config.json"}
    rng = np.random.default_rng(7)
    read, partial = 0, 0
    for i in range(200):
        copy = tmp_path / str(i)
        ignore = (lambda d, names: [n for n in names if Path(d, n).is_file() and n not in keep]) if name == "trainer" else None
        shutil.copytree(folder, copy, ignore=ignore)
        what = damaged(copy, rng, name in CHECKSUMMED)
        try:
            logs = scan(copy)
        except InputError as error:
            assert "\n" not in str(error)
            continue
        tidy(logs).summary()
        for log in logs:
            read += 1
            for metric, expected in said["series"].items():
                for step, value in points(log, metric).items() if metric in log.series else ():
                    assert step in expected and same(value, expected[step]), (what, metric, step, value)
            got = sum(len(v) for _, v in log.series.values())
            whole = sum(map(len, said["series"].values()))
            if 0 < got < whole:
                partial += 1
                assert log.finished is not True or name == "trainer", what
            for key, value in said["config"].items() if name != "mlflow_files" else ():  # bare text: a cut cannot be told
                assert log.config.get(key, value) == value, what
        shutil.rmtree(copy)
    assert read > 40  # most copies still give something


@pytest.mark.parametrize("name", [w for w in WRITERS if w != "lm_eval"])
def test_watch_reads_the_log_of_a_running_job_whatever_writes_it(written, name):
    folder, said = written(name)
    own = {} if name == "trainer" else {"until": 80}  # the Trainer's state says where the run ends
    seen = fs.watch(folder, schedule="linear", **own)
    metric = next(w for w in seen.warnings if w.startswith("the loss is ")).removeprefix("the loss is ").partition(",")[0]
    assert metric in said["series"] and seen.step == max(said["series"][metric])
    assert seen.until == (20 if name == "trainer" else 80) and seen.low < seen.value < seen.high
    assert not any("learning rate" in w for w in seen.warnings)
    if name == "trainer":
        assert "check schedule" in " ".join(fs.watch(folder, schedule="constant").warnings)


def test_every_score_of_an_evaluation_is_in_the_table(written):
    folder, said = written("lm_eval")
    (row,) = tidy(scan(folder), {"params": "1M"}).to_frame().to_dicts()
    scores = {k: v for k, v in said["summary"].items() if "_stderr" not in k}
    assert scores and {k: row[k] for k in scores} == scores and not any("_stderr" in k for k in row)
