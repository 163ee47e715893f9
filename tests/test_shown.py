"""Every result shows itself in a notebook: as text that is escaped, with its warnings marked; and as JSON without NaN."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

import forescale as fs
from forescale import studies
from forescale.plan import approaches, budget, design, grid, shape_for, train_memory
from forescale.shown import Shown, plain

SRC = Path(__file__).parents[1] / "src" / "forescale"


def test_whatever_has_a_summary_shows_it():
    bare = []
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                has = {f.name for f in node.body if isinstance(f, ast.FunctionDef)}
                shown = "_repr_html_" in has or any(ast.unparse(b) == "Shown" for b in node.bases)
                if "summary" in has and not shown:
                    bare.append(f"{path.name}: {node.name}")
    assert bare == []


@pytest.fixture(scope="module")
def results():
    runs = studies.load().role("fit")
    fit = fs.fit(fs.laws.chinchilla, runs)
    arms = studies.load("arms")
    two = arms.where(np.isin(arms["arm"], sorted(set(arms["arm"]))[:2]))
    memory = train_memory(shape_for("7B"), devices=8, device_bytes=8e10, zero=3, sequences=1, context=2048)
    return [
        fit,
        fit.predict(params="10M", tokens="1B"),
        fs.plan(fit, 1e17),
        fs.forecast(runs, params="1M", tokens="20M"),
        fs.compare(two),
        approaches(runs),
        design(grid(1e14), {"params": "5M", "tokens": "100M"}, 1e14),
        budget("10 H100-hours"),
        shape_for("7B"),
        memory,
    ]


def test_html_is_the_summary_and_json_is_json(results):
    for found in results:
        assert isinstance(found, Shown)
        html = found._repr_html_()
        assert html.startswith("<pre>") and found.summary().splitlines()[0][:20].replace("<", "&lt;") in html
        json.loads(found.to_json(), parse_constant=lambda name: pytest.fail(f"{type(found).__name__}: {name}"))
    far = results[1]
    assert "border-left" in far._repr_html_() and far.warnings


def test_markup_in_names_is_escaped():
    class Rude(Shown):
        def summary(self):
            return "<script>alert(1)</script>\nwarning: <b>"

    html = Rude()._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "&lt;b&gt;" in html


def test_what_is_not_finite_becomes_null():
    assert plain({"a": np.array([1.0, np.nan]), "b": (float("inf"), np.int64(3), None, True)}) == {
        "a": [1.0, None],
        "b": [None, 3, None, True],
    }


def test_laws_and_rules_show_their_formula():
    for law in fs.laws.every():
        assert law.latex in law._repr_markdown_() and law.latex
        assert repr(law).startswith(f"Law {law.name}: {law.output} from") and len(repr(law)) < 400
    for rule in fs.rules.every():
        assert rule.latex in rule._repr_markdown_()
