"""The frame of a self-contained HTML page: style, sections, tables, a slider over precomputed rows. No network, no arithmetic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from .canvas import CONFIG, plotly_js


def _static(name: str) -> str:
    return (files(__package__) / "static" / name).read_text()


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> str:
    worded = [
        bool(rows) and all(not str(r[i])[:1].isdigit() and str(r[i])[:2] not in ("x0", "x1") for r in rows)
        for i in range(len(head))
    ]
    side = lambda i: " class=t" if worded[i] else ""
    cells = lambda tag, row: "".join(
        f"<{tag}{side(i)}{' scope=col' if tag == 'th' else ''}>{escape(str(c))}</{tag}>" for i, c in enumerate(row)
    )
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<table><caption>{escape(caption)}</caption><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"
    return _wide(caption, head)


def _wide(label: str, inner: str) -> str:
    """Scrolls by itself where the screen is narrow, by keyboard too."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label, quote=True)}">{inner}</div>'


def warnings(found: Sequence[str]) -> str:
    return "".join(f'<p class="warn">Warning: {escape(w)}</p>' for w in found)


def plot(figure: Any, label: str, first: bool) -> str:
    """A plotly figure; the first one of a page brings plotly.js along."""
    figure.update_layout(legend={"orientation": "h", "y": -0.25}, margin={"l": 50, "r": 10, "t": 20, "b": 40})
    inner = figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG)
    inner = (f"<script>{plotly_js()}</script>" if first else "") + inner
    return f'<figure><div class="plot">{inner}</div><figcaption class="soft">{escape(label)}</figcaption></figure>'


def slider(rows: Sequence[Mapping[str, str]], start: int, labels: Mapping[str, str]) -> str:
    """A slider over `rows` of texts; `labels` names each entry for the reader. The first entry must be `budget`."""
    data = json.dumps(list(rows)).replace("<", "\\u003c")
    now = lambda key: f'<output data-plan="{key}" for="budget">{escape(rows[start][key])}</output>'
    shown = "".join(f'<tr><th scope="row">{escape(text)}</th><td>{now(key)}</td></tr>' for key, text in labels.items())
    control = f'<input type="range" id="budget" min="0" max="{len(rows) - 1}" step="1" value="{start}">'
    said = f'<p><label for="budget">Budget: drag, or use the arrow keys</label>{control}</p>'
    return (
        said
        + _wide("The plan at this budget", f"<table>{shown}</table>")
        + f'<script type="application/json" id="plans">{data}</script>'
    )


def page(title: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """A whole document from (id, heading, body) sections."""
    links = "".join(f'<a href="#{i}">{escape(h)}</a>' for i, h, _ in sections)
    body = "".join(f'<section id="{i}"><h2>{escape(h)}</h2>{b}</section>' for i, h, b in sections)
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(title)}</title>'
        f"<style>{_static('report.css')}</style>"
    )
    main = f"<main><h1>{escape(title)}</h1><nav aria-label='Sections'>{links}</nav>{body}</main>"
    script = f"<script>{_static('report.js')}</script>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{main}{script}</body></html>'
