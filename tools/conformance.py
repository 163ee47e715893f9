"""Write docs/conformance.md: every law and rule against every check.

    python tools/conformance.py

The tests run the same checks; tests/conformance/test_table.py holds the table to the catalogue.
"""

from pathlib import Path

from forescale import laws, rules
from forescale.check import check_law

OUT = Path(__file__).parents[1] / "docs" / "conformance.md"
FAMILIES = (
    "broadcasts",
    "finite",
    "gradient",
    "linear",
    "claim",
    "worked",
    "optimum",
    "units",
    "recovers",
    "identity",
    "composition",
    "record",
)


def cell(checks: list[tuple[str, bool]], family: str) -> str:
    own = [good for name, good in checks if name.startswith(family)]
    if not own:
        return ""
    return f"{sum(own)}/{len(own)}" if all(own) else f"**FAIL {sum(own)}/{len(own)}**"


def table(rows: dict[str, list[tuple[str, bool]]]) -> str:
    names = [f for f in FAMILIES if any(cell(c, f) for c in rows.values())]
    head = f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}"
    return head + "".join(f"\n| {name} | {' | '.join(cell(c, f) for f in names)} |" for name, c in rows.items())


def main() -> None:
    of_laws = {}
    for name in laws.CATALOGUE:
        of_laws[name] = [(c.name, c.passed) for c in check_law(laws.get(name)).checks]
        print(name, flush=True)
    of_rules = {r.name: [(n, bool(good)) for n, good, _ in rules.check_rule(r).checks] for r in rules.every()}
    count = sum(map(len, of_laws.values())) + sum(map(len, of_rules.values()))
    text = f"""# Conformance

Written by `python tools/conformance.py`: {len(of_laws)} laws and {len(of_rules)} rules ({len(rules.ADVICE)} more without
numbers), {count} checks. A cell says how many checks of that kind pass out of how many; an empty one, that the record
declares nothing of the kind. `forescale check NAME` prints the details of a law.

- **recovers**: the fitted curve is the true one on clean, noisy and outlier data, at the least cost that scipy finds too.
- **gradient**: exact derivatives against differences. **linear**: parameters declared linear are. **claim**: monotone and
  floor claims on draws. **worked**: a number its source prints. **optimum**: closed form against numeric. **units**: the
  same curve when an input is given in millions.
- **identity**, **composition**: carrying a setting nowhere changes nothing; in two steps it gives what one step gives.

## Laws

{table(of_laws)}

## Rules

{table(of_rules)}
"""
    OUT.write_text(text)


if __name__ == "__main__":
    main()
