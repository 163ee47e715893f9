"""Logs written by the real libraries: each writer makes one run under a folder and returns what it logged."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

STEPS = range(40)


def loss(step: int) -> float:
    return 1.7 + 3.3 / (step + 1) ** 0.3


def wandb(folder: Path) -> dict:
    import wandb

    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    run = wandb.init(
        dir=folder, project="p", name="the run", config={"n_params": 12_345, "data": {"tokens": "2M"}, "list": [1, 2]}
    )
    said = {"train/loss": {}, "eval.loss": {}, "nan": {}}
    for s in STEPS:
        row = {"train/loss": loss(s), "text": "<script>", "picture": None, "ok": True}
        said["train/loss"][s] = loss(s)
        if s % 10 == 0:
            row |= {"eval": {"loss": loss(s) + 0.1}, "nan": math.nan}
            said["eval.loss"][s], said["nan"][s] = loss(s) + 0.1, math.nan
        run.log(row)
    run.finish()
    return {"name": "the run", "series": said, "config": {"n_params": 12_345, "data.tokens": "2M"}, "finished": True}


def mlflow_sqlite(folder: Path) -> dict:
    return _mlflow(f"sqlite:///{folder / 'mlflow.db'}")


def mlflow_files(folder: Path) -> dict:
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    return _mlflow((folder / "mlruns").as_uri())


def _mlflow(uri: str) -> dict:
    import mlflow

    mlflow.set_tracking_uri(uri)
    said = {"val_loss": {}, "nested/metric": {}, "inf": {3: math.inf}}
    with mlflow.start_run(run_name="the run"):
        mlflow.log_params({"n_params": 12_345, "tokens": 2_000_000})
        for s in STEPS:
            mlflow.log_metric("val_loss", loss(s), step=s)
            mlflow.log_metric("nested/metric", -loss(s), step=s)
            said["val_loss"][s], said["nested/metric"][s] = loss(s), -loss(s)
        mlflow.log_metric("inf", math.inf, step=3)
    return {"name": "the run", "series": said, "config": {"n_params": "12345"}, "finished": True}


def tensorboardx(folder: Path) -> dict:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder / "the run")) as writer:
        return _events(writer)


def tensorboard_tensors(folder: Path) -> dict:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "the run")) as writer:
        writer.add_text("note", "text is no metric")
        return _events(writer, new_style=True)


def _events(writer, **style) -> dict:
    import numpy as np

    for s in STEPS:
        writer.add_scalar("loss/val", loss(s), s, **style)
    writer.add_histogram("weights", np.random.default_rng(0).normal(size=100), 3)
    single = {s: float(np.float32(loss(s))) for s in STEPS}
    return {"name": "the run", "series": {"loss/val": single}, "config": {}, "finished": None}


def trainer(folder: Path) -> dict:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=64, n_positions=32))
    rows = [{"input_ids": torch.arange(16), "labels": torch.arange(16)} for _ in range(64)]
    options = {"max_steps": 20, "logging_steps": 2, "eval_strategy": "steps", "eval_steps": 10, "save_steps": 10, "report_to": []}
    arguments = TrainingArguments(
        str(folder / "the run"),
        use_cpu=True,
        per_device_train_batch_size=4,
        include_num_input_tokens_seen="all",
        disable_tqdm=True,
        **options,
    )
    engine = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:8])
    engine.train()
    said: dict[str, dict] = {}
    last = json.loads((folder / "the run" / "checkpoint-20" / "trainer_state.json").read_text())["log_history"]
    kept = [row for row in engine.state.log_history if any(row.items() <= other.items() for other in last)]
    for row in kept:
        for key, value in row.items():
            if key != "step":
                said.setdefault(key, {})[row["step"]] = value
    params = sum(p.numel() for p in model.parameters())
    return {"name": "the run", "series": said, "config": {"params": params, "max_steps": 20}, "finished": True}


def lm_eval(folder: Path) -> dict:
    os.environ["HF_HUB_OFFLINE"] = "1"
    import lm_eval
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker

    class Fixed(LM):
        def loglikelihood(self, requests, disable_tqdm=False):
            return [(-float(len(r.args[0]) % 5) - "abc".index(r.args[1].strip()), False) for r in requests]

        loglikelihood_rolling = generate_until = None

    rows = [{"q": "x" * i, "c": ["a", "b", "c"], "a": i % 3} for i in range(40)]
    (folder / "d.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    task = {
        "task": "toy",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "d.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{q}}",
        "doc_to_choice": "{{c}}",
        "doc_to_target": "{{a}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }
    Fixed.__abstractmethods__ = frozenset()
    found = lm_eval.simple_evaluate(Fixed(), tasks=[task], bootstrap_iters=100)
    tracker = EvaluationTracker(output_path=str(folder / "out"))
    tracker.save_results_aggregated(results=found, samples=None)
    (folder / "d.jsonl").unlink()
    result = found["results"]["toy"]
    summary = {"toy/acc": result["acc,none"], "toy/acc_stderr": result["acc_stderr,none"]}
    return {"name": None, "series": {}, "config": {}, "summary": summary, "finished": True}


def trackio(folder: Path) -> dict:
    os.environ |= {"TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1"}
    import importlib
    import sys

    for name in [n for n in sys.modules if n.partition(".")[0] == "trackio"]:
        del sys.modules[name]  # it reads the folder once, on import
    trackio = importlib.import_module("trackio")
    trackio.init(project="p", name="the run", config={"n_params": 12_345, "data": {"tokens": 2}})
    for s in STEPS:
        trackio.log({"val_loss": loss(s)})
    trackio.finish()
    return {
        "name": "the run",
        "series": {"val_loss": {s: loss(s) for s in STEPS}},
        "config": {"n_params": 12_345},
        "finished": None,
    }


def lightning_csv(folder: Path) -> dict:
    from lightning_fabric.loggers import CSVLogger

    logger = CSVLogger(folder, name="the run")
    said = {"loss": {}, "val_loss": {}}
    for s in STEPS:
        logger.log_metrics({"loss": loss(s)}, step=s)
        said["loss"][s] = loss(s)
        if s % 10 == 9:
            logger.log_metrics({"val_loss": loss(s) + 0.1}, step=s)
            said["val_loss"][s] = loss(s) + 0.1
    logger.finalize("success")
    return {"name": "the run/version_0", "series": said, "config": {}, "finished": None}


WRITERS = {
    f.__name__: f
    for f in (wandb, mlflow_sqlite, mlflow_files, tensorboardx, tensorboard_tensors, trainer, lm_eval, trackio, lightning_csv)
}
CHECKSUMMED = ("wandb", "tensorboardx", "tensorboard_tensors")
