"""lm-evaluation-harness: results JSON, every metric of every task with its standard error."""

from __future__ import annotations

from pathlib import Path

from .log import Log, flat, json_table, numbers


def is_results(path: Path) -> bool:
    return path.is_file() and path.suffix == ".json" and path.name.startswith("results")


def read_results(path: Path) -> Log | None:
    """Summary values `task/metric` and `task/metric_stderr`; None where the JSON is of another kind.

    Metrics are named `acc,none` in the file (metric, filter): the filter is left out where it is `none`.
    """
    found = json_table(path.read_bytes().decode("utf-8", errors="replace"))
    if found is None:
        return Log(path.stem, path, "lm-eval", notes=(f"{path.name} is not whole: nothing is read",), finished=False)
    results = found.get("results")
    if not isinstance(results, dict) or not all(isinstance(v, dict) for v in results.values()):
        return None
    summary = {}
    for task, metrics in results.items():
        for key, value in numbers(metrics).items():
            name, _, kept = key.partition(",")
            summary[f"{task}/{name}" + (f"/{kept}" if kept not in ("", "none") else "")] = value
    config = {k: v for k, v in flat(found.get("config") or {}).items() if v is not None}
    config |= {f"n_samples.{k}": v for k, v in flat(found.get("n-samples") or {}).items()}
    for key in ("model_name", "model_num_parameters"):
        if found.get(key) is not None:
            config[key] = found[key]
    if isinstance(config.get("model_num_parameters"), int) and config["model_num_parameters"] > 0:
        config["params"] = config["model_num_parameters"]
    return Log(str(found.get("model_name") or path.parent.name), path, "lm-eval", config, {}, summary, True)
