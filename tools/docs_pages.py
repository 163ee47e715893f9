"""Pages of the docs site that come from the records: laws, rules, papers, commands. Run by mkdocs (gen-files)."""

import io

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mkdocs_gen_files
from latex2mathml.converter import convert

from forescale import laws, papers, rules
from forescale.check import sample_inputs, truth
from forescale.cli.app import app
from forescale.quantities import QUANTITIES, format_number

# SVG text as text and no date: the same record gives the same file
plt.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "forescale", "figure.figsize": (6.4, 3.4), "font.size": 10}


def write(path: str, text: str) -> None:
    with mkdocs_gen_files.open(path, "w") as out:
        out.write(text)


def formula(latex: str) -> str:
    """MathML, which browsers draw without a script."""
    return convert(latex, display="block")


def source_lines(source) -> str:
    note = {
        "refitted": "reproduced: a published number comes out of it here",
        "known": "standard form, as widely quoted",
        "unverified": "**unverified**: written from memory or second hand, treat with care",
    }[source.checked]
    link = source.ref
    if link.startswith("arXiv:"):
        link = f"[{link}](https://arxiv.org/abs/{link.removeprefix('arXiv:')})"
    counts = f"\n\nCounting: {source.counts}." if source.counts else ""
    return f"{source.title}, {link}{', ' + source.eq if source.eq else ''} ({note}).{counts}"


def setting_of(law) -> tuple[dict, str]:
    """Parameters to show the law at: its first published set, else the middle of its start boxes (invented)."""
    if law.published:
        return dict(law.published[0].values), f"published set `{law.published[0].name}`"
    rng = np.random.default_rng(0)
    return truth(law, sample_inputs(law, 40, rng), rng), "made-up parameters from the middle of the start boxes"


def plot_law(law, values: dict, path: str) -> None:
    rng = np.random.default_rng(0)
    x = sample_inputs(law, 200, rng)
    first, *rest = law.inputs
    sweep = np.sort(x[first])
    figure, axes = plt.subplots()
    levels = (0.1, 0.5, 0.9) if rest else (0.5,)
    for level in levels:
        others = {n: np.full(200, np.quantile(np.log(x[n]), level)) for n in rest}
        others = {n: np.exp(v) for n, v in others.items()}
        label = ", ".join(f"{n} {format_number(v[0])}" for n, v in others.items()) if len(rest) < 3 else f"others at {level:.0%}"
        axes.plot(sweep, law(values, **{first: sweep}, **others), label=label)
    wide = sweep[-1] / sweep[0] > 20
    axes.set(xlabel=label_of(first), ylabel=label_of(law.output), xscale="log" if wide else "linear")
    if rest:
        axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    write(path, buffer.getvalue())


def label_of(name: str) -> str:
    q = QUANTITIES.get(name)
    return f"{name.replace('_', ' ')} ({q.unit})" if q and q.unit != name else name.replace("_", " ")


def example(law, values: dict) -> str:
    """A call that was run while this page was made."""
    rng = np.random.default_rng(1)
    at = {n: float(f"{np.exp(np.median(np.log(v))):.2g}") for n, v in sample_inputs(law, 41, rng).items()}
    arguments = ", ".join(f"{n}={v:g}" for n, v in at.items())
    if law.published:
        given = f'law.preset("{law.published[0].name}")'
    else:
        values = {k: float(f"{v:.3g}") for k, v in values.items()}
        given = "{" + ", ".join(f'"{k}": {v:g}' for k, v in values.items()) + "}"
    code = (
        f'import forescale as fs\n\nlaw = fs.laws.get("{law.name}")\nvalue = law({given}, {arguments})\nprint(f"{{value:.5g}}")'
    )
    space: dict = {}
    printed = io.StringIO()
    from contextlib import redirect_stdout

    with redirect_stdout(printed):
        exec(code, space)
    fit = f"# to your runs: fs.fit(law, runs), or\n# forescale fit runs.csv --law {law.name}"
    return f"```python\n{code}\n# {printed.getvalue().strip()}\n\n{fit}\n```"


def law_page(law) -> str:
    values, which = setting_of(law)
    plot_law(law, values, f"laws/{law.name}.svg")
    rows = "\n".join(f"| `{p.name}` | {p.domain} | {p.start[0]:g} to {p.start[1]:g} | {p.doc} |" for p in law.params)
    parts = [f"# {law.name}", law.doc, formula(law.latex), f"![{law.name}]({law.name}.svg)", f"Drawn at {which}."]
    parts.append(f"## Source\n\n{source_lines(law.source)}\n\n```bibtex\n{law.cite()}\n```")
    parts.append(f"## Parameters\n\n| name | domain | starts | meaning |\n|---|---|---|---|\n{rows}")
    if law.valid:
        ranges = ", ".join(f"{n} {format_number(a)} to {format_number(b)}" for n, (a, b) in law.valid.items())
        parts.append(f"Range, as fitted by the source or as checked here: {ranges}.")
    if law.published:
        sets = "\n".join(
            f"| `{p.name}` | {', '.join(f'{k} {v:g}' for k, v in p.values.items())} | {p.where} |" for p in law.published
        )
        parts.append(f"## Published values\n\n| set | values | where |\n|---|---|---|\n{sets}")
    if law.claims:
        parts.append("## Claims\n\nTested on draws and on every fit: " + "; ".join(map(str, law.claims)) + ".")
    parts.append(f"## Where it stops\n\n{law.limits[0].upper()}{law.limits[1:]}.")
    others = laws.rivals(law)
    if others:
        parts.append("Rivals, the same output from the same inputs: " + ", ".join(f"[{o}]({o}.md)" for o in others) + ".")
    parts.append(f"## Example\n\n{example(law, values)}")
    return "\n\n".join(parts) + "\n"


def rule_page(r) -> str:
    kind = "A factor on the value tuned at the start." if r.transfer else f"A value ({r.unit or 'its own unit'})."
    parts = [f"# {r.name}", r.doc, formula(r.latex), f"Answers **{r.answers}** from {', '.join(r.inputs)}. {kind}"]
    parts.append(f"- Setting: {r.setting}\n- Holds fixed: {r.holds}\n- Where it stops: {r.limits}")
    if r.valid:
        parts.append(
            "Range: " + ", ".join(f"{n} {format_number(a)} to {format_number(b)}" for n, (a, b) in r.valid.items()) + "."
        )
    parts.append(f"## Source\n\n{source_lines(r.source)}\n\n```bibtex\n{r.cite()}\n```")
    w = r.worked[0]
    ends = f"{dict(w.end)!r}" + (f", {dict(w.start)!r}" if r.transfer else "")
    got = f"{float(r(w.end, w.start)):.5g}"
    code = f'import forescale as fs\n\nvalue = fs.rules.get("{r.name}")({ends})\nprint(f"{{value:.5g}}")\n# {got}'
    parts.append(f"## Worked point\n\n{w.where}\n\n```python\n{code}\n```")
    others = [o.name for o in rules.every() if o.answers == r.answers and o is not r]
    if others:
        parts.append("Others on the same quantity: " + ", ".join(f"[{o}]({o}.md)" for o in others) + ".")
    return "\n\n".join(parts) + "\n"


def advice_page(a) -> str:
    cases = "\n".join(f"- If {case}: {do}." for case, do in a.cases)
    text = f"# {a.name}\n\n{a.doc} A rule without numbers.\n\n{cases}\n\n- Setting: {a.setting}\n- Where it stops: {a.limits}\n\n"
    return text + f"## Source\n\n{source_lines(a.source)}\n\n```bibtex\n{a.cite()}\n```\n"


def index_pages() -> None:
    rows = "\n".join(f"| [{i.name}]({i.name}.md) | {', '.join(i.inputs)} | {i.output} | {i.doc} |" for i in laws.every())
    head = f"# {len(laws.CATALOGUE)} laws\n\nEach passes every check of [conformance](../conformance.md).\n\n"
    write("laws/index.md", f"{head}| law | from | to | what it says |\n|---|---|---|---|\n{rows}\n")
    ordered = sorted(rules.every(), key=lambda r: (r.answers, r.name))
    rows = "\n".join(f"| {r.answers} | [{r.name}]({r.name}.md) | {', '.join(r.inputs)} | {r.doc} |" for r in ordered)
    rows += "\n" + "\n".join(
        f"| {', '.join(a.answers)} | [{a.name}]({a.name}.md) | no numbers | {a.doc} |" for a in rules.ADVICE.values()
    )
    head = f"# {len(rules.CATALOGUE)} rules, and {len(rules.ADVICE)} without numbers\n\n"
    write("rules/index.md", f"{head}| answers | rule | from | what it says |\n|---|---|---|---|\n{rows}\n")


def papers_page() -> None:
    where = {"law": "laws/{}.md", "rule": "rules/{}.md"}

    def answer(kind: str, name: str) -> str:
        if kind in where:
            return f"[{name}]({where[kind].format(name)})"
        return name if kind == "plan" else f"`{name}`"

    found = papers.every()
    counts = {s: sum(p.status == s for p in found) for s in ("working", "planned", "context")}
    parts = [
        f"# {len(found)} papers and what answers to them",
        f"{counts['working']} working, {counts['planned']} planned, {counts['context']} context (outside the mission). Authors "
        "and identifiers are left out where they are not certain.",
    ]
    for topic in sorted({p.topic for p in found}, key=lambda t: (t == "context", t)):
        rows = "\n".join(
            f"| {p.title} | {p.authors} {p.year} | "
            + (f"[{p.arxiv}](https://arxiv.org/abs/{p.arxiv})" if p.arxiv else "")
            + f" | {p.offers} | {p.status}{': ' if p.answers else ''}{', '.join(answer(*a) for a in p.answers)} |"
            for p in found
            if p.topic == topic
        )
        parts.append(f"## {topic}\n\n| paper | by | arXiv | offers | here |\n|---|---|---|---|---|\n{rows}")
    write("papers.md", "\n\n".join(parts) + "\n")


def commands_page() -> None:
    import typer.main
    from typer.testing import CliRunner

    parts = ["# Command line", "Every command prints text, or JSON with `--json`. Bad input is one line and exit code 2."]

    def visit(command, path: list[str]) -> None:
        children = getattr(command, "commands", None)
        if children:
            for child in children.values():
                visit(child, [*path, child.name])
            return
        said = CliRunner(env={"COLUMNS": "100", "TERM": "dumb"}).invoke(app, [*path, "--help"]).output
        parts.append(f"## {' '.join(['forescale', *path])}\n\n```text\n{said.strip()}\n```")

    visit(typer.main.get_command(app), [])
    write("commands.md", "\n\n".join(parts) + "\n")


def gallery_figure() -> None:
    """The shipped study, drawn as `fs.plot` draws it."""
    from forescale import fit, plot, studies
    from forescale.report.paper import to_matplotlib

    runs = studies.load("stdlib")
    small = runs.role("fit")
    figure = plot(fit(laws.get("chinchilla"), small), small, held_out=runs.role("held_out"))
    buffer = io.StringIO()
    to_matplotlib(figure).savefig(buffer, format="svg", metadata={"Date": None})
    write("gallery/stdlib.svg", buffer.getvalue())


def main() -> None:
    gallery_figure()
    for law in laws.every():
        write(f"laws/{law.name}.md", law_page(law))
    for r in rules.every():
        write(f"rules/{r.name}.md", rule_page(r))
    for a in rules.ADVICE.values():
        write(f"rules/{a.name}.md", advice_page(a))
    index_pages()
    papers_page()
    commands_page()


main()
