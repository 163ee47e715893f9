"""Gadre et al. 2024, Language models scale reliably with over-training and on downstream tasks: 104 models and a grid of 435."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

CONTEXT = 2048
TARGETS = ("rpj-open_lm_1b-32.0", "c4_original-open_lm_7b-1.0", "rpj-open_lm_7b-1.0", "rw_original-open_lm_7b-1.0")  # the paper's
GAP = ("c4_original-open_lm_1b-4.0", "rw_original-open_lm_1b-16.0")  # over-trained 1.4B models that are no targets
SETS = {  # folder of the validation data: name
    "openlm": "openlm", "c4_val": "c4", "paloma_c4_en": "paloma_c4_en", "paloma_falcon-refinedweb": "paloma_refinedweb",
    "paloma_dolma_100_programing_languages": "paloma_code_100", "paloma_ptb": "paloma_ptb",
    "paloma_redpajama": "paloma_redpajama", "de-en": "c4_german",
}  # fmt: skip
RUN = ["run", "arm", "params", "tokens", "flops"]


def tables(file: Callable[[str], Path]) -> dict[str, pl.DataFrame]:
    from ..catalogue import paths

    stored = paths("overtraining")
    models = [json.loads(file(p).read_text()) for p in stored if "/models/" in p]
    losses = pl.DataFrame([row for m in models for row in _losses(m)])
    evals = pl.DataFrame([row for m in models for row in _evals(m, file)])
    runs = pl.DataFrame([_run(m) for m in models])
    c4 = losses.filter(pl.col("val_set") == "c4").select("run", "loss", "loss_lo95", "loss_hi95")
    wide = losses.filter(pl.col("val_set") == "openlm").select("run", loss_openlm="loss")
    error = evals.group_by("run").agg(err_avg_46=pl.col("error").mean())
    for more in (c4, wide, error):
        runs = runs.join(more, on="run", how="left", maintain_order="left")
    evals = evals.join(_about(file), on="eval", how="left", maintain_order="left")
    return {"runs": _roles(runs), "losses": _roles(losses), "evals": _roles(evals), "grid": _grid(file)}


def _roles(frame: pl.DataFrame) -> pl.DataFrame:
    held, gap = pl.col("run").is_in(TARGETS), pl.col("run").is_in(GAP)
    role = pl.when(held).then(pl.lit("held_out")).when(gap).then(pl.lit("gap")).otherwise(pl.lit("fit"))
    return frame.with_columns(held_out=held, role=role)


def _head(model: dict) -> dict:
    set_ = model["hyperparameters"]
    n, d = float(set_["params"]), float(set_["tokens"])
    return {"run": model["name"], "arm": model["dataset_name"], "params": n, "tokens": d, "flops": 6 * n * d}


def _run(model: dict) -> dict:
    set_ = model["hyperparameters"]
    return _head(model) | {
        "params_no_embed": set_["params_no_embed"],
        "model": Path(set_["model"]).stem,
        "token_multiplier": 20 * float(set_["chinchilla_multiplier"]),
        "learning_rate": float(set_["lr"]),
        "weight_decay": float(set_["wd"]),
        "warmup_steps": set_["warmup"],
        "lr_final": float(set_["cd"]),
        "batch_size": set_["global_bs"] * CONTEXT,
        "seed": set_.get("seed"),
    }


def _losses(model: dict) -> list[dict]:
    rows = []
    for result in model["results"]:
        folder = Path(result["val_data"][0]).parent.name
        if folder not in SETS:
            continue
        ends = {f"loss_{a}95": result[f"loss_sequences_{b}_95"] for a, b in (("lo", "lower"), ("hi", "upper"))}
        rows.append(_head(model) | {"loss": result["loss"], "val_set": SETS[folder], **ends, "val_tokens": result["tokens"]})
    return rows


def _evals(model: dict, file: Callable[[str], Path]) -> list[dict]:
    found = json.loads(file(f"exp_data/evals/evaluation_{model['name']}_heavy.json").read_text())["eval_metrics"]["icl"]
    return [_head(model) | {"eval": k, "accuracy": v, "error": 1 - v} for k, v in found.items()]


def _about(file: Callable[[str], Path]) -> pl.DataFrame:
    raw = pl.read_csv(file("exp_data/eval_metadata.csv"))
    return raw.select(
        eval="Eval Task",
        chance_accuracy=pl.col("Random baseline").cast(pl.Float64) / 100,
        shots="#shots",
        category="Task Category",
    )


def _grid(file: Callable[[str], Path]) -> pl.DataFrame:
    """Keys read shape - batch - lr - weight decay - batch - tokens - warm-up - last lr; that meaning is inferred."""
    rows = []
    for i, (key, loss) in enumerate(json.loads(file("exp_data/grid.json").read_text()).items()):
        shape, _, lr, decay, batch, tokens, warmup, *end = key.split("-")
        width, depth, heads = (int(part.split("=")[1]) for part in shape.split("_"))
        rows.append(
            {
                "run": f"grid-{i:03d}",
                "tokens": float(tokens),
                "loss": loss,
                "width": width,
                "depth": depth,
                "heads": heads,
                "learning_rate": float(lr),
                "weight_decay": float(decay),
                "warmup_steps": int(warmup),
                "lr_final": float("-".join(end)),
                "local_batch": int(batch),
            }
        )
    return pl.DataFrame(rows)
