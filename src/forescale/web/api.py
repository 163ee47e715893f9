"""The JSON API: each call is one Python call of the same name; /api/openapi.json describes it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

from .. import __version__, laws, studies
from ..compare import compare
from ..errors import InputError
from ..fit import Fit, fit
from ..forecast import forecast
from ..plan import ACCELERATORS, accelerator, design, grid, plan, spend
from ..plan import budget as read_budget
from ..quantities import parse_positive
from ..report import plot
from ..report.document import plan_row, report
from ..report.planning import spread
from ..runs import Runs, look
from ..shown import plain
from .guard import LARGEST
from .tables import Data, Tables

AHEAD = 1000.0  # the budget's slider and the figure go on to this many times the largest run
POSITIONS = 241
Number = Annotated[float | str, Field(description="a number, or as people write it: 7B, 1e23, 30 PF-days")]
Level = Annotated[float, Field(gt=0, lt=1, description="of the interval, for a new run")]

KeepOdd = Annotated[bool, Field(description="forecast with the runs that are far worse than all others say, too")]


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")
    data: Data


class AskFit(Ask):
    law: str = Field("chinchilla", max_length=60, json_schema_extra={"enum": list(laws.CATALOGUE)})


class AskFigure(AskFit):
    kind: str = Field("fit", pattern="^(fit|residuals|excess|frontier)$")
    by: str = Field("flops", max_length=60)


class AskPlan(AskFit):
    flops: Number
    level: Level = 0.9
    chip: str = Field(
        "H100", max_length=20, json_schema_extra={"enum": [a.name for a in ACCELERATORS.values() if "bf16" in a.peak]}
    )
    mfu: float = Field(0.4, gt=0, le=1)
    price: float | None = Field(None, ge=0, le=1e6, description="dollars for an accelerator-hour")


class AskLaws(Ask):
    flops: Number
    level: Level = 0.9


class AskForecast(Ask):
    params: Number
    tokens: Number
    level: Level = 0.9
    keep_odd: KeepOdd = False


class AskCompare(Ask):
    by: str = Field("arm", max_length=100)
    axis: str = Field("flops", max_length=100)
    target: Number | None = None


class AskDesign(AskFit):
    params: Number
    tokens: Number
    budget: Number


class AskReport(AskFit):
    flops: Number | None = None
    keep_odd: KeepOdd = False


class Problem(BaseModel):
    error: str


def drawn(figure: Any) -> dict:
    """A figure as plotly.js takes it, without the template's colours: the page brings those of its theme."""
    figure.update_layout(template="none")
    return plain(json.loads(figure.to_json()))


class Desk:
    """Tables and fits at hand. Fits are kept, so that a slider asks for arithmetic alone; long work goes one at a time."""

    def __init__(self, tables: Tables):
        self.tables = tables
        self.long = threading.Lock()
        self._fitting = threading.Lock()
        self._runs = lru_cache(16)(lambda key: tables.runs(Data.model_validate_json(key)))
        self._fit = lru_cache(32)(self._make)

    def _make(self, key: str, law: str) -> Fit:
        found = fit(laws.get(law), self._runs(key))
        found.draws  # noqa: B018  (made here, so that no slider waits for them)
        return found

    def runs(self, data: Data) -> Runs:
        return self._runs(data.key())

    def fit(self, data: Data, law: str) -> Fit:
        if law not in laws.CATALOGUE:  # a file of the user's would be executed
            raise InputError(f"unknown law {law!r}; the app fits laws of the catalogue")
        with self._fitting:
            return self._fit(data.key(), law)


def routes(desk: Desk) -> APIRouter:
    """Every route under /api."""
    said = {s: {"model": Problem, "description": d} for s, d in PROBLEMS.items()}
    api = APIRouter(prefix="/api", responses=said)
    for make in (_tables, _fitting, _answers):
        make(api, desk)
    return api


PROBLEMS = {
    400: "the data or a setting cannot be used; the sentence says why",
    401: "no token",
    403: "asked by another page",
    413: "too large",
    421: "another host",
    422: "not of the form described",
}


def _tables(api: APIRouter, desk: Desk) -> None:
    @api.get("/about")
    def about() -> dict:
        """Version, studies at hand, laws in params and tokens, accelerators."""
        fitted = [law for law in laws.every() if set(law.inputs) == {"params", "tokens"} and law.output == "loss"]
        return {
            "version": __version__,
            "largest": LARGEST,
            "studies": [{"name": n, "title": studies.about(n)["title"], "tables": studies.tables(n)} for n in studies.names()],
            "laws": [{"name": law.name, "doc": law.doc, "source": law.source.ref} for law in fitted],
            "accelerators": [a.name for a in ACCELERATORS.values() if "bf16" in a.peak],
        }

    @api.put("/tables/{name}", openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}})
    async def upload(name: str, request: Request) -> dict:
        """Send the bytes of a CSV, TSV, JSONL or Parquet table; the answer is its hash, by which later calls name it."""
        raw = await request.body()
        digest = await run_in_threadpool(desk.tables.keep, name, raw)
        return {"upload": digest}

    @api.post("/look")
    def columns(ask: Ask) -> dict:
        """The table's columns, and which of them could be each quantity."""
        found = look(desk.tables.path(ask.data))
        return plain(asdict(found) | {"name": desk.tables.path(ask.data).name})


def _fitting(api: APIRouter, desk: Desk) -> None:
    @api.post("/fit")
    def fitted(ask: AskFit) -> dict:
        """Fit a law: parameters with 90 % intervals, warnings, ranges, and the budgets that the slider offers."""
        found, runs = desk.fit(ask.data, ask.law), desk.runs(ask.data)
        rows = [
            {"name": n, "value": found.params[n], "low": low, "high": high, "doc": p.doc}
            for n, p in zip(found.law.names, found.law.params, strict=True)
            for low, high in (found.interval(n),)
        ]
        about = {k: v for k, v in found.to_dict().items() if k not in ("draws", "noise", "params", "intervals90")}
        more = {"doc": found.law.doc, "source": found.law.source.ref, "cite": found.law.cite(), "summary": found.summary()}
        largest = float(runs.numbers(("flops",))["flops"].max())
        arms = len(set(runs["arm"].astype(str))) if "arm" in runs.columns else 1
        if arms > 1:
            about["warnings"] = [f"one law is fitted to {arms} arms at once; choose one for a law of its own", *about["warnings"]]
        return plain(about | more | {"params": rows, "budgets": spread(largest, POSITIONS, AHEAD), "columns": list(runs.columns)})

    @api.post("/figure")
    def figure(ask: AskFigure) -> dict:
        """A figure as plotly.js draws it."""
        runs = desk.runs(ask.data)
        if ask.kind == "frontier":
            return drawn(plot(runs))
        found = desk.fit(ask.data, ask.law)
        more: dict[str, Callable[[], dict]] = {"residuals": lambda: {"by": ask.by}, "fit": lambda: {"ahead": AHEAD}}
        return drawn(plot(found, runs, kind=ask.kind, **more.get(ask.kind, dict)()))

    @api.post("/plan")
    def planned(ask: AskPlan) -> dict:
        """The compute-optimal size, data and loss at a budget, with intervals, and what it costs."""
        found = desk.fit(ask.data, ask.law)
        flops = read_budget(ask.flops).flops
        best = plan(found, flops, ask.level)
        cost = spend(flops, accelerator(ask.chip), ask.mfu, price=ask.price)
        return plain(
            {"plan": best.to_dict(), "text": plan_row(found, flops, ask.level), "cost": cost.to_dict(), "spent": cost.summary()}
        )


def _answers(api: APIRouter, desk: Desk) -> None:
    @api.post("/forecast")
    def ahead(ask: AskForecast) -> dict:
        """The automatic forecast at a size and data: laws weighed by back-test."""
        runs = desk.runs(ask.data)
        at = {"params": parse_positive(ask.params, "params"), "tokens": parse_positive(ask.tokens, "tokens")}
        with desk.long:
            found = forecast(runs, interval=ask.level, keep_odd=ask.keep_odd, **at)
        return plain(found.to_dict() | {"summary": found.summary(), "figure": drawn(plot(found, runs))})

    @api.post("/plan/laws")
    def every_law(ask: AskLaws) -> dict:
        """The compute-optimal size at a budget by every law that the forecaster knows, averaged."""
        runs = desk.runs(ask.data)
        with desk.long:
            found = plan(runs, read_budget(ask.flops).flops, ask.level)
        return plain(found.to_dict() | {"summary": found.summary(), "figure": drawn(plot(found))})

    @api.post("/compare")
    def compared(ask: AskCompare) -> dict:
        """Which arm wins at a scale, where they cross, or undecided."""
        runs = desk.runs(ask.data)
        with desk.long:
            found = compare(runs, ask.target, by=ask.by, axis=ask.axis)
        return plain(found.to_dict() | {"summary": found.summary(), "figure": drawn(plot(found, runs, by=ask.by, axis=ask.axis))})

    @api.post("/design")
    def designed(ask: AskDesign) -> dict:
        """The runs to make next: those that narrow the forecast at a target most for their compute."""
        found, limit = desk.fit(ask.data, ask.law), read_budget(ask.budget).flops
        with desk.long:
            picked = design(grid(limit), {"params": ask.params, "tokens": ask.tokens}, limit, source=found)
        return plain(picked.to_dict() | {"summary": picked.summary(), "figure": drawn(plot(picked))})

    @api.post("/report", response_class=HTMLResponse)
    def reported(ask: AskReport) -> Response:
        """The report as one self-contained HTML file."""
        desk.fit(ask.data, ask.law)
        with desk.long:
            text = report(desk.runs(ask.data), law=ask.law, flops=ask.flops, keep_odd=ask.keep_odd, command="forescale app")
        return HTMLResponse(text, headers={"content-disposition": 'attachment; filename="report.html"'})
